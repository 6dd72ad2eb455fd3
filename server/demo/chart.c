/* SPDX-License-Identifier: MIT */
/*
 * chart.c - see chart.h.
 */
#include "demo/chart.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <async/loop.h>

#define BAR_CELLS 25 /* two columns of 3 + 25 + 8 and a gap: 76 of 80 */

void chart_init(struct chart *chart, FILE *out)
{
    const char *terminal = getenv("TERM");
    const char *no_colour = getenv("NO_COLOR"); /* https://no-color.org */

    chart->out = out;
    chart->is_unicode =
        setlocale(LC_CTYPE, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    chart->is_coloured = isatty(fileno(out)) != 0 && terminal != NULL &&
                         strcmp(terminal, "dumb") != 0 && (no_colour == NULL || *no_colour == '\0');
}

static void cells(const struct chart *chart, bool is_filled, unsigned count)
{
    const char *cell = " ";
    if (is_filled)
        cell = chart->is_unicode ? "\xe2\x96\x88" : "#";
    for (; count > 0; count--)
        fputs(cell, chart->out);
}

static unsigned cell_of(int64_t time_ns, int64_t end_ns)
{
    return (unsigned)((time_ns * BAR_CELLS + end_ns / 2) / end_ns);
}

static void request_bar(const struct chart *chart, const struct crowd_request *request,
                        size_t number, int64_t end_ns, bool is_marked)
{
    unsigned begin = cell_of(request->begin_ns, end_ns);
    unsigned end = cell_of(request->end_ns, end_ns);
    unsigned filled;

    begin = begin < BAR_CELLS ? begin : BAR_CELLS - 1;
    filled = end > begin ? end - begin : 1;
    fprintf(chart->out, "%2zu%c", number, is_marked ? '*' : ' ');
    cells(chart, false, begin);
    if (chart->is_coloured)
        fputs(is_marked ? "\x1b[33m" : "\x1b[36m", chart->out);
    cells(chart, true, filled);
    if (chart->is_coloured)
        fputs("\x1b[0m", chart->out);
    cells(chart, false, BAR_CELLS - begin - filled);
    fprintf(chart->out, "%5lld ms",
            (long long)((request->end_ns - request->begin_ns + ASYNC_MS / 2) / ASYNC_MS));
}

void chart_requests(const struct chart *chart, const struct crowd_request *requests, size_t count,
                    chart_mark_fn *is_marked)
{
    size_t rows = (count + 1) / 2;
    int64_t end_ns = 1;

    for (size_t i = 0; i < count; i++)
        end_ns = requests[i].end_ns > end_ns ? requests[i].end_ns : end_ns;
    for (size_t row = 0; row < rows; row++) {
        size_t right = row + rows;
        fputs("  ", chart->out);
        request_bar(chart, &requests[row], row + 1, end_ns, is_marked(&requests[row]));
        if (right < count) {
            fputs("  ", chart->out);
            request_bar(chart, &requests[right], right + 1, end_ns, is_marked(&requests[right]));
        }
        fputc('\n', chart->out);
    }
}

void chart_share(const struct chart *chart, unsigned part, unsigned whole, unsigned width)
{
    unsigned filled = whole > 0 ? (unsigned)((unsigned long long)part * width / whole) : 0;
    if (filled == 0 && part > 0)
        filled = 1;
    cells(chart, true, filled);
    cells(chart, false, width - filled);
}
