/* SPDX-License-Identifier: MIT */
/*
 * structured_item.c - bare items of structured fields: how they are written, and what they mean.
 */
#include "structured_item.h"

#include <assert.h>
#include <errno.h>
#include <http/fields.h>

#define INTEGER_DIGITS_MAX       15
#define DECIMAL_WHOLE_DIGITS_MAX 12
#define DECIMAL_PART_DIGITS_MAX  3

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Move `rest` past `count` bytes, and return them. */
static struct span take(struct span *rest, size_t count)
{
    struct span taken = span_of(rest->bytes, count);

    assert(count <= rest->length);
    *rest = span_of(rest->bytes + count, rest->length - count);
    return taken;
}

static size_t count_digits(struct span text, size_t from)
{
    size_t count = 0;

    while (from + count < text.length && is_digit(text.bytes[from + count]))
        count++;
    return count;
}

static int64_t digits_value(const char *digits, size_t count)
{
    int64_t value = 0;

    for (size_t i = 0; i < count; i++)
        value = value * 10 + (digits[i] - '0');
    return value;
}

/* Section 4.2.4: integers and decimals. */
static bool read_number(struct span *rest, struct structured_item *ret_item)
{
    size_t sign = rest->bytes[0] == '-' ? 1 : 0;
    size_t whole = count_digits(*rest, sign);
    size_t end = sign + whole;

    if (whole == 0 || whole > INTEGER_DIGITS_MAX)
        return false;
    ret_item->type = STRUCTURED_INTEGER;
    ret_item->number = digits_value(rest->bytes + sign, whole);
    if (end < rest->length && rest->bytes[end] == '.') {
        size_t part = count_digits(*rest, end + 1);

        if (whole > DECIMAL_WHOLE_DIGITS_MAX || part == 0 || part > DECIMAL_PART_DIGITS_MAX)
            return false;
        ret_item->type = STRUCTURED_DECIMAL;
        for (size_t i = 0; i < DECIMAL_PART_DIGITS_MAX; i++)
            ret_item->number =
                ret_item->number * 10 + (i < part ? rest->bytes[end + 1 + i] - '0' : 0);
        end += 1 + part;
    }
    if (sign > 0)
        ret_item->number = -ret_item->number;
    (void)take(rest, end);
    return true;
}

/* Section 4.2.5: visible characters and spaces; a backslash before a quote or a backslash. */
static bool read_string(struct span *rest, struct structured_item *ret_item)
{
    for (size_t i = 1; i < rest->length; i++) {
        unsigned char byte = (unsigned char)rest->bytes[i];

        if (byte == '"') {
            ret_item->type = STRUCTURED_STRING;
            ret_item->text = span_of(rest->bytes + 1, i - 1);
            (void)take(rest, i + 1);
            return true;
        }
        if (byte < 0x20 || byte > 0x7e)
            return false;
        if (byte == '\\') {
            i++;
            if (i >= rest->length || (rest->bytes[i] != '"' && rest->bytes[i] != '\\'))
                return false;
        }
    }
    return false;
}

/* Section 4.2.6. */
static bool read_token(struct span *rest, struct structured_item *ret_item)
{
    size_t length = 1;

    while (length < rest->length && (rest->bytes[length] == ':' || rest->bytes[length] == '/' ||
                                     fields_is_token(span_of(rest->bytes + length, 1))))
        length++;
    ret_item->type = STRUCTURED_TOKEN;
    ret_item->text = take(rest, length);
    return true;
}

/* The value of a digit of base64, or -1. Source: RFC 4648 section 4. */
static int base64_value(char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (is_digit(byte))
        return byte - '0' + 52;
    if (byte == '+')
        return 62;
    return byte == '/' ? 63 : -1;
}

/* Section 4.2.7. Padding may be missing, which the standard asks to forgive, but not be wrong. */
static bool read_bytes(struct span *rest, struct structured_item *ret_item)
{
    size_t end = 1, padding = 0, digits;

    while (end < rest->length && base64_value(rest->bytes[end]) >= 0)
        end++;
    digits = end - 1;
    while (end < rest->length && rest->bytes[end] == '=') {
        end++;
        padding++;
    }
    if (end >= rest->length || rest->bytes[end] != ':' || digits % 4 == 1)
        return false;
    if (padding > 0 && (digits + padding) % 4 != 0)
        return false;
    if (padding > 2)
        return false;
    ret_item->type = STRUCTURED_BYTES;
    ret_item->text = span_of(rest->bytes + 1, digits);
    (void)take(rest, end + 1);
    return true;
}

/* Section 4.2.8. */
static bool read_boolean(struct span *rest, struct structured_item *ret_item)
{
    if (rest->length < 2 || (rest->bytes[1] != '0' && rest->bytes[1] != '1'))
        return false;
    ret_item->type = STRUCTURED_BOOLEAN;
    ret_item->number = rest->bytes[1] - '0';
    (void)take(rest, 2);
    return true;
}

/* Section 4.2.9: a whole number of seconds. */
static bool read_date(struct span *rest, struct structured_item *ret_item)
{
    (void)take(rest, 1);
    if (rest->length == 0 || (rest->bytes[0] != '-' && !is_digit(rest->bytes[0])) ||
        !read_number(rest, ret_item) || ret_item->type != STRUCTURED_INTEGER)
        return false;
    ret_item->type = STRUCTURED_DATE;
    return true;
}

/* Lower case only: section 4.2.10. */
static int escape_digit_value(char digit)
{
    if (is_digit(digit))
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The next byte that a display string stands for; `*at` moves past it. -1: a bad escape. */
static int display_byte(struct span text, size_t *at)
{
    int high, low;

    if (text.bytes[*at] != '%')
        return (unsigned char)text.bytes[(*at)++];
    if (text.length - *at < 3)
        return -1;
    high = escape_digit_value(text.bytes[*at + 1]);
    low = escape_digit_value(text.bytes[*at + 2]);
    *at += 3;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* How many bytes follow a first byte of UTF-8, and the least and most its second may be. */
struct utf8_lead {
    int following;
    int second_min;
    int second_max;
};

/* RFC 3629 section 4: no overlong forms, no surrogates, nothing past U+10FFFF. */
static bool find_utf8_lead(int byte, struct utf8_lead *ret_lead)
{
    *ret_lead = (struct utf8_lead){.following = 0, .second_min = 0x80, .second_max = 0xbf};
    if (byte < 0x80)
        return true;
    if (byte < 0xc2 || byte > 0xf4)
        return false;
    ret_lead->following = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte == 0xe0)
        ret_lead->second_min = 0xa0;
    if (byte == 0xed)
        ret_lead->second_max = 0x9f;
    if (byte == 0xf0)
        ret_lead->second_min = 0x90;
    if (byte == 0xf4)
        ret_lead->second_max = 0x8f;
    return true;
}

static bool is_utf8(struct span text)
{
    struct utf8_lead lead;
    size_t at = 0;

    while (at < text.length) {
        int byte = display_byte(text, &at);

        if (byte < 0 || !find_utf8_lead(byte, &lead))
            return false;
        for (; lead.following > 0; lead.following--) {
            byte = at < text.length ? display_byte(text, &at) : -1;
            if (byte < lead.second_min || byte > lead.second_max)
                return false;
            lead.second_min = 0x80;
            lead.second_max = 0xbf;
        }
    }
    return true;
}

/* Section 4.2.10: visible characters and spaces, which stand for UTF-8 with escapes. */
static bool read_display_string(struct span *rest, struct structured_item *ret_item)
{
    size_t end = 2;

    if (rest->length < 2 || rest->bytes[1] != '"')
        return false;
    while (end < rest->length && rest->bytes[end] != '"') {
        unsigned char byte = (unsigned char)rest->bytes[end];

        if (byte < 0x20 || byte > 0x7e)
            return false;
        end++;
    }
    if (end >= rest->length)
        return false;
    ret_item->type = STRUCTURED_DISPLAY_STRING;
    ret_item->text = span_of(rest->bytes + 2, end - 2);
    (void)take(rest, end + 1);
    return is_utf8(ret_item->text);
}

bool structured_bare_item_read(struct span *rest, struct structured_item *ret_item)
{
    if (rest->length == 0)
        return false;
    ret_item->number = 0;
    ret_item->text = span_of(NULL, 0);
    switch (rest->bytes[0]) {
    case '"':
        return read_string(rest, ret_item);
    case ':':
        return read_bytes(rest, ret_item);
    case '?':
        return read_boolean(rest, ret_item);
    case '@':
        return read_date(rest, ret_item);
    case '%':
        return read_display_string(rest, ret_item);
    case '*':
        return read_token(rest, ret_item);
    default:
        if (is_letter(rest->bytes[0]))
            return read_token(rest, ret_item);
        return (rest->bytes[0] == '-' || is_digit(rest->bytes[0])) && read_number(rest, ret_item);
    }
}

/* Four digits of base64 are three bytes; what is left over at the end is dropped. */
static size_t decode_base64(struct span text, char *buffer)
{
    unsigned bits = 0;
    size_t length = 0;
    int count = 0;

    for (size_t i = 0; i < text.length; i++) {
        bits = (bits << 6 | (unsigned)base64_value(text.bytes[i])) & 0xffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buffer[length++] = (char)(bits >> count & 0xff);
        }
    }
    return length;
}

static size_t decoded_length(const struct structured_item *item)
{
    struct span text = item->text;
    size_t length = 0;

    if (item->type == STRUCTURED_BYTES)
        return text.length * 6 / 8;
    if (item->type == STRUCTURED_TOKEN)
        return text.length;
    for (size_t at = 0; at < text.length; length++) {
        if (item->type == STRUCTURED_DISPLAY_STRING)
            (void)display_byte(text, &at);
        else
            at += text.bytes[at] == '\\' ? 2 : 1;
    }
    return length;
}

int structured_decode(const struct structured_item *item, char *buffer, size_t room,
                      size_t *ret_length)
{
    struct span text = item->text;
    size_t length = 0;

    assert(item->type == STRUCTURED_STRING || item->type == STRUCTURED_DISPLAY_STRING ||
           item->type == STRUCTURED_TOKEN || item->type == STRUCTURED_BYTES);
    if (decoded_length(item) > room)
        return -ENOBUFS;
    if (item->type == STRUCTURED_BYTES) {
        *ret_length = decode_base64(text, buffer);
        return 0;
    }
    for (size_t at = 0; at < text.length; length++) {
        if (item->type == STRUCTURED_DISPLAY_STRING) {
            buffer[length] = (char)display_byte(text, &at);
        } else {
            at += item->type == STRUCTURED_STRING && text.bytes[at] == '\\' ? 1 : 0;
            buffer[length] = text.bytes[at++];
        }
    }
    *ret_length = length;
    return 0;
}
