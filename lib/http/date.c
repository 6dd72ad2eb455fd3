/* SPDX-License-Identifier: MIT */
/*
 * date.c - HTTP dates by pattern, and the calendar as arithmetic.
 *
 * The pattern of a form is a string in which a letter stands for a part of the date and every other
 * character for itself. No libc time function is used: they read the locale and the time zone.
 */
#include <http/date.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

struct calendar {
    int64_t year;
    int month; /* 1 to 12 */
    int day;
    int hour;
    int minute;
    int second;
};

static const char *const month_names[12] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const day_names[7] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const long_day_names[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                              "Thursday", "Friday", "Saturday"};

/*
 * Days since 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the leap
 * day is the last of its year; an era is 400 such years, 146097 days.
 */
static int64_t days_from_calendar(int64_t year, int month, int day)
{
    int64_t shifted = month <= 2 ? year - 1 : year;
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

/* The inverse, for days from year 1 on. */
static void calendar_from_days(int64_t days, struct calendar *calendar)
{
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;

    calendar->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    calendar->month = (int)(month < 10 ? month + 3 : month - 9);
    calendar->year = year_of_era + era * 400 + (calendar->month <= 2 ? 1 : 0);
}

static int days_in_month(int64_t year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

/* A second of 60 is a leap second, which the grammar allows; it counts as the next second. */
static bool calendar_is_valid(const struct calendar *calendar)
{
    return calendar->month >= 1 && calendar->day >= 1 &&
           calendar->day <= days_in_month(calendar->year, calendar->month) &&
           calendar->hour <= 23 && calendar->minute <= 59 && calendar->second <= 60;
}

static int64_t calendar_seconds(const struct calendar *calendar)
{
    return days_from_calendar(calendar->year, calendar->month, calendar->day) * 86400 +
           (int64_t)calendar->hour * 3600 + (int64_t)calendar->minute * 60 + calendar->second;
}

/* Index of the name that `text` begins with, or -1. */
static int find_name(struct span text, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        size_t length = strlen(names[i]);

        if (text.length >= length && strncasecmp(text.bytes, names[i], length) == 0)
            return i;
    }
    return -1;
}

/* `count` digits at the front of `text`; -1 where there is anything else. */
static int read_digits(struct span text, size_t count)
{
    int number = 0;

    if (text.length < count)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return -1;
        number = number * 10 + (text.bytes[i] - '0');
    }
    return number;
}

/* Read the part that the pattern letter names; returns its length in the text, or 0. */
static size_t read_part(char letter, struct span text, struct calendar *calendar)
{
    int *target = NULL;
    int number;

    switch (letter) {
    case 'b':
        calendar->month = 1 + find_name(text, month_names, 12);
        return calendar->month > 0 ? 3 : 0;
    case 'Y':
        number = read_digits(text, 4);
        calendar->year = number;
        return number >= 0 ? 4 : 0;
    case 'y':
        number = read_digits(text, 2);
        calendar->year = number;
        return number >= 0 ? 2 : 0;
    case 'e': /* two digits, or a space and one (asctime) */
        if (text.length >= 2 && text.bytes[0] == ' ') {
            calendar->day = read_digits(span_of(text.bytes + 1, 1), 1);
            return calendar->day >= 0 ? 2 : 0;
        }
        target = &calendar->day;
        break;
    case 'd':
        target = &calendar->day;
        break;
    case 'H':
        target = &calendar->hour;
        break;
    case 'M':
        target = &calendar->minute;
        break;
    default:
        target = &calendar->second;
        break;
    }
    *target = read_digits(text, 2);
    return *target >= 0 ? 2 : 0;
}

/* The letters bYyedHMS stand for parts and '!' for "GMT", whose M would be taken for the minutes.
 */
static bool match_pattern(struct span text, const char *pattern, struct calendar *calendar)
{
    for (; *pattern != '\0'; pattern++) {
        size_t length = 1;

        if (strchr("bYyedHMS", *pattern) != NULL)
            length = read_part(*pattern, text, calendar);
        else if (*pattern == '!')
            length = text.length >= 3 && strncasecmp(text.bytes, "GMT", 3) == 0 ? 3 : 0;
        else if (text.length == 0 || text.bytes[0] != *pattern)
            length = 0;
        if (length == 0)
            return false;
        text = span_of(text.bytes + length, text.length - length);
    }
    return text.length == 0;
}

/* The latest century that leaves the date at most 50 years ahead. Source: RFC 9110 section 5.6.7.
 */
static void choose_century(struct calendar *calendar, int64_t now_s)
{
    struct calendar limit = {0};
    int64_t limit_s;

    if (now_s < 0)
        now_s = 0;
    calendar_from_days(now_s / 86400, &limit);
    calendar->year += (limit.year / 100 + 1) * 100;
    limit.year += 50;
    limit_s = calendar_seconds(&limit) + now_s % 86400;
    while (calendar_seconds(calendar) > limit_s)
        calendar->year -= 100;
}

int date_parse(struct span text, int64_t now_s, int64_t *ret_s)
{
    struct calendar calendar = {0};
    struct span rest;
    bool is_read = false;
    int day;

    day = find_name(text, long_day_names, 7);
    if (day >= 0) {
        size_t length = strlen(long_day_names[day]);

        rest = span_of(text.bytes + length, text.length - length);
        is_read = match_pattern(rest, ", d-b-y H:M:S !", &calendar);
        if (is_read)
            choose_century(&calendar, now_s);
    } else if (find_name(text, day_names, 7) >= 0) {
        rest = span_of(text.bytes + 3, text.length - 3);
        is_read = match_pattern(rest, ", d b Y H:M:S !", &calendar) ||
                  match_pattern(rest, " b e H:M:S Y", &calendar);
    }
    if (!is_read || !calendar_is_valid(&calendar))
        return -EINVAL;
    *ret_s = calendar_seconds(&calendar);
    return 0;
}

static char *write_text(char *at, const char *text, size_t bytes)
{
    memcpy(at, text, bytes);
    return at + bytes;
}

static char *write_two_digits(char *at, int number)
{
    at[0] = (char)('0' + number / 10 % 10);
    at[1] = (char)('0' + number % 10);
    return at + 2;
}

void date_format(int64_t time_s, char buffer[static DATE_LENGTH + 1])
{
    const int64_t first_s = INT64_C(-62135596800); /* 0001-01-01 00:00:00 */
    const int64_t last_s = INT64_C(253402300799);  /* 9999-12-31 23:59:59 */
    struct calendar calendar;
    int64_t days, second_of_day;
    char *at = buffer;

    if (time_s < first_s)
        time_s = first_s;
    if (time_s > last_s)
        time_s = last_s;
    days = time_s / 86400;
    second_of_day = time_s % 86400;
    if (second_of_day < 0) {
        days--;
        second_of_day += 86400;
    }
    calendar_from_days(days, &calendar);
    /* Day 0 was a Thursday; the multiple of 7 makes the days before it positive. */
    at = write_text(at, day_names[(days + 4 + INT64_C(7) * 110000) % 7], 3);
    at = write_text(at, ", ", 2);
    at = write_two_digits(at, calendar.day);
    *at++ = ' ';
    at = write_text(at, month_names[calendar.month - 1], 3);
    *at++ = ' ';
    at = write_two_digits(at, (int)(calendar.year / 100));
    at = write_two_digits(at, (int)(calendar.year % 100));
    *at++ = ' ';
    at = write_two_digits(at, (int)(second_of_day / 3600));
    *at++ = ':';
    at = write_two_digits(at, (int)(second_of_day / 60 % 60));
    *at++ = ':';
    at = write_two_digits(at, (int)(second_of_day % 60));
    at = write_text(at, " GMT", sizeof " GMT");
    assert(at == buffer + DATE_LENGTH + 1);
}
