/* SPDX-License-Identifier: MIT */
/* report.c - see report.h. */
#include "report.h"

#include <stdio.h>

#define WAITS_BYTES  256
#define NUMBER_BYTES 12

static const char *const verdict_names[] = {
    [VERDICT_PASS] = "pass",
    [VERDICT_FAIL] = "FAIL",
    [VERDICT_NOT_APPLICABLE] = "n/a",
};

/* Of a case that failed, what failed; else what was seen. */
static const char *found(const struct trial *trial)
{
    return trial->verdict == VERDICT_FAIL ? trial->failures : trial->observed;
}

static void write_waits(const struct trial *trial, char text[WAITS_BYTES])
{
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; i < trial->wait_count && length < WAITS_BYTES; i++)
        length += (size_t)snprintf(text + length, WAITS_BYTES - length, "%s%s: %.1f ms",
                                   i > 0 ? "; " : "", trial->waits[i].name, trial->waits[i].ms);
}

/* The number of a case; those that only measure have none. */
static void write_number(const struct collapsing_case *about, char text[NUMBER_BYTES])
{
    if (about->number > 0)
        snprintf(text, NUMBER_BYTES, "%u", about->number);
    else
        snprintf(text, NUMBER_BYTES, "-");
}

static void print_json_text(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            printf("\\u%04x", (unsigned char)*text);
        else
            putchar(*text);
    }
    putchar('"');
}

static void print_json_row(const struct report *report, const struct collapsing_case *about,
                           const struct trial *trial)
{
    printf("%s\n  {\"case\": %u, \"id\": ", report->rows > 0 ? "," : "", about->number);
    print_json_text(about->id);
    printf(", \"promise\": ");
    print_json_text(about->promise);
    printf(", \"verdict\": \"%s\", \"found\": ", verdict_names[trial->verdict]);
    print_json_text(found(trial));
    printf(", \"waits_ms\": {");
    for (size_t i = 0; i < trial->wait_count; i++) {
        printf("%s", i > 0 ? ", " : "");
        print_json_text(trial->waits[i].name);
        printf(": %.1f", trial->waits[i].ms);
    }
    printf("}}");
}

void report_begin(struct report *report, enum report_format format)
{
    *report = (struct report){.format = format};
    switch (format) {
    case REPORT_TABLE:
        printf("%4s  %-24s %-4s  %s\n", "case", "id", "", "what is promised; what was found");
        break;
    case REPORT_JSON:
        printf("{\"cases\": [");
        break;
    case REPORT_MARKDOWN:
        printf("| case | id | promise | | found | waits |\n|---:|---|---|---|---|---|\n");
        break;
    case REPORT_TSV:
        break;
    }
}

void report_row(struct report *report, const struct collapsing_case *about,
                const struct trial *trial)
{
    const char *verdict = verdict_names[trial->verdict];
    char number[NUMBER_BYTES];
    char waits[WAITS_BYTES];

    write_number(about, number);
    write_waits(trial, waits);
    switch (report->format) {
    case REPORT_TABLE:
        printf("%4s  %-24s %-4s  %s\n%*s%s\n", number, about->id, verdict, about->promise, 38, "",
               found(trial));
        if (waits[0] != '\0')
            printf("%*s%s\n", 38, "", waits);
        break;
    case REPORT_JSON:
        print_json_row(report, about, trial);
        break;
    case REPORT_MARKDOWN:
        printf("| %s | `%s` | %s | %s | %s | %s |\n", number, about->id, about->promise, verdict,
               found(trial), waits);
        break;
    case REPORT_TSV:
        printf("%s\t%s\t%s\t%s\t%s\t%s\n", number, about->id, about->promise, verdict, found(trial),
               waits);
        break;
    }
    fflush(stdout);
    report->rows++;
    report->passed += trial->verdict == VERDICT_PASS;
    report->failed += trial->verdict == VERDICT_FAIL;
    report->not_applicable += trial->verdict == VERDICT_NOT_APPLICABLE;
}

void report_end(struct report *report, const struct options *options)
{
    switch (report->format) {
    case REPORT_TABLE:
        printf("\ncrowds of %u clients; %u passed, %u failed, %u not applicable\n",
               options->clients, report->passed, report->failed, report->not_applicable);
        break;
    case REPORT_JSON:
        printf("\n], \"clients\": %u, \"passed\": %u, \"failed\": %u, \"not_applicable\": %u}\n",
               options->clients, report->passed, report->failed, report->not_applicable);
        break;
    case REPORT_MARKDOWN:
        printf("\n%u passed, %u failed, %u not applicable, with crowds of %u clients.\n",
               report->passed, report->failed, report->not_applicable, options->clients);
        break;
    case REPORT_TSV:
        break;
    }
}
