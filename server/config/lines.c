/* SPDX-License-Identifier: MIT */
/*
 * lines.c - see lines.h.
 *
 * A recursive descent that trusts the text to be JSON, because the JSON library has accepted it,
 * but never reads behind its end. The library bounds the depth (2048 levels), and so the stack.
 */
#include "config/lines.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/problems.h"

struct line_entry {
    char *path;
    unsigned line;
};

struct lines {
    struct line_entry *entries; /* by path, then line, once lines_new() is done */
    size_t count;
    size_t room;
};

struct scan {
    const char *at;
    const char *end;
    unsigned line;
    unsigned depth;
    int status; /* 0, or the -ENOMEM that ends the scan */
    struct lines *lines;
    char path[LINES_PATH_BYTES_MAX];
    char key[LINES_PATH_BYTES_MAX / 2]; /* the string read last */
};

void lines_path_key(char *path, const char *key)
{
    size_t used = strlen(path);
    bool is_plain = *key != '\0';
    char quoted[LINES_PATH_BYTES_MAX / 2];

    for (const char *byte = key; *byte != '\0'; byte++) {
        if (!isalnum((unsigned char)*byte) && *byte != '_' && *byte != '-')
            is_plain = false;
    }
    snprintf(path + used, LINES_PATH_BYTES_MAX - used, "%s%s", used == 0 ? "" : ".",
             is_plain ? key : problems_quote(key, quoted, sizeof(quoted)));
}

void lines_path_item(char *path, size_t position)
{
    size_t used = strlen(path);
    snprintf(path + used, LINES_PATH_BYTES_MAX - used, "[%zu]", position);
}

static void scan_record(struct scan *scan)
{
    struct lines *lines = scan->lines;
    struct line_entry *entry;

    if (scan->status < 0 || scan->depth > LINES_DEPTH_MAX)
        return;
    if (lines->count == lines->room) {
        size_t room = lines->room == 0 ? 64 : lines->room * 2;
        struct line_entry *entries = reallocarray(lines->entries, room, sizeof(*entries));
        if (entries == NULL) {
            scan->status = -ENOMEM;
            return;
        }
        lines->entries = entries;
        lines->room = room;
    }
    entry = &lines->entries[lines->count];
    entry->line = scan->line;
    entry->path = strdup(scan->path);
    if (entry->path == NULL)
        scan->status = -ENOMEM;
    else
        lines->count++;
}

static void scan_blanks(struct scan *scan)
{
    for (; scan->at < scan->end && strchr(" \t\r\n", *scan->at) != NULL; scan->at++) {
        if (*scan->at == '\n')
            scan->line++;
    }
}

/* Passes over `byte`, with blanks before it; false if something else stands there. */
static bool scan_skip(struct scan *scan, char byte)
{
    scan_blanks(scan);
    if (scan->at == scan->end || *scan->at != byte)
        return false;
    scan->at++;
    return true;
}

static unsigned scan_hex4(struct scan *scan)
{
    char digits[5] = "";
    for (unsigned i = 0; i < 4 && scan->at < scan->end; i++)
        digits[i] = *scan->at++;
    return (unsigned)strtoul(digits, NULL, 16);
}

static void key_append(struct scan *scan, size_t *used, unsigned byte)
{
    if (*used + 1 < sizeof(scan->key))
        scan->key[(*used)++] = (char)byte;
}

static void key_append_code_point(struct scan *scan, size_t *used, unsigned code)
{
    if (code < 0x80) {
        key_append(scan, used, code);
    } else if (code < 0x800) {
        key_append(scan, used, 0xc0 | code >> 6);
        key_append(scan, used, 0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        key_append(scan, used, 0xe0 | code >> 12);
        key_append(scan, used, 0x80 | (code >> 6 & 0x3f));
        key_append(scan, used, 0x80 | (code & 0x3f));
    } else {
        key_append(scan, used, 0xf0 | (code >> 18 & 0x07));
        key_append(scan, used, 0x80 | (code >> 12 & 0x3f));
        key_append(scan, used, 0x80 | (code >> 6 & 0x3f));
        key_append(scan, used, 0x80 | (code & 0x3f));
    }
}

/* What follows a backslash, decoded into the key. */
static void scan_escape(struct scan *scan, size_t *used)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    const char *letter;
    char byte;

    if (scan->at == scan->end)
        return;
    byte = *scan->at++;
    letter = strchr(letters, byte);
    if (byte == 'u') {
        unsigned code = scan_hex4(scan);
        if (code >= 0xd800 && code < 0xdc00 && scan->end - scan->at >= 6) {
            scan->at += 2; /* the \u of the second half */
            code = 0x10000 + ((code - 0xd800) << 10) + ((scan_hex4(scan) - 0xdc00) & 0x3ff);
        }
        key_append_code_point(scan, used, code);
    } else if (letter != NULL && byte != '\0') {
        key_append(scan, used, (unsigned char)meanings[letter - letters]);
    } else {
        key_append(scan, used, (unsigned char)byte);
    }
}

/* Reads a string, its first quote included, into scan->key. */
static void scan_string(struct scan *scan)
{
    size_t used = 0;
    bool is_open = scan_skip(scan, '"');

    while (is_open && scan->at < scan->end) {
        char byte = *scan->at++;
        if (byte == '"')
            is_open = false;
        else if (byte == '\\')
            scan_escape(scan, &used);
        else
            key_append(scan, &used, (unsigned char)byte);
    }
    scan->key[used] = '\0';
}

static void scan_value(struct scan *scan);

static void scan_object(struct scan *scan)
{
    size_t path_bytes = strlen(scan->path);

    scan->depth++;
    while (scan->status == 0 && !scan_skip(scan, '}') && scan->at < scan->end) {
        scan_blanks(scan);
        scan_string(scan);
        lines_path_key(scan->path, scan->key);
        scan_record(scan);
        scan_skip(scan, ':');
        scan_value(scan);
        scan->path[path_bytes] = '\0';
        scan_skip(scan, ',');
    }
    scan->depth--;
}

static void scan_array(struct scan *scan)
{
    size_t path_bytes = strlen(scan->path);

    scan->depth++;
    for (size_t i = 0; scan->status == 0 && !scan_skip(scan, ']') && scan->at < scan->end; i++) {
        scan_blanks(scan);
        lines_path_item(scan->path, i);
        scan_record(scan);
        scan_value(scan);
        scan->path[path_bytes] = '\0';
        scan_skip(scan, ',');
    }
    scan->depth--;
}

static void scan_value(struct scan *scan)
{
    if (scan_skip(scan, '{')) {
        scan_object(scan);
    } else if (scan_skip(scan, '[')) {
        scan_array(scan);
    } else if (scan->at < scan->end && *scan->at == '"') {
        scan_string(scan);
    } else {
        /* A number, true, false or null; at least one byte, so that every turn gets on. */
        do {
            scan->at += scan->at < scan->end ? 1 : 0;
        } while (scan->at < scan->end && strchr(" \t\r\n,]}", *scan->at) == NULL);
    }
}

static int entry_compare(const void *one, const void *other)
{
    const struct line_entry *a = one;
    const struct line_entry *b = other;
    int order = strcmp(a->path, b->path);
    if (order != 0)
        return order;
    return (a->line > b->line) - (a->line < b->line);
}

int lines_new(const char *text, size_t text_bytes, struct lines **ret_lines)
{
    struct scan scan = {.at = text, .end = text + text_bytes, .line = 1};

    scan.lines = calloc(1, sizeof(*scan.lines));
    if (scan.lines == NULL)
        return -ENOMEM;
    scan_value(&scan);
    if (scan.status < 0) {
        lines_free(scan.lines);
        return scan.status;
    }
    if (scan.lines->count > 0)
        qsort(scan.lines->entries, scan.lines->count, sizeof(*scan.lines->entries), entry_compare);
    *ret_lines = scan.lines;
    return 0;
}

void lines_free(struct lines *lines)
{
    if (lines == NULL)
        return;
    for (size_t i = 0; i < lines->count; i++)
        free(lines->entries[i].path);
    free(lines->entries);
    free(lines);
}

unsigned lines_find(const struct lines *lines, const char *path)
{
    size_t low = 0;
    size_t high = lines->count;

    while (low < high) { /* the first entry that is not less than `path` */
        size_t middle = low + (high - low) / 2;
        if (strcmp(lines->entries[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == lines->count || strcmp(lines->entries[low].path, path) != 0)
        return 0;
    return lines->entries[low].line;
}

bool lines_repeated(const struct lines *lines, size_t *position, const char **ret_path,
                    unsigned *ret_line, unsigned *ret_first_line)
{
    for (size_t i = *position > 0 ? *position : 1; i < lines->count; i++) {
        if (strcmp(lines->entries[i].path, lines->entries[i - 1].path) != 0)
            continue;
        *ret_path = lines->entries[i].path;
        *ret_line = lines->entries[i].line;
        *ret_first_line = lines_find(lines, *ret_path);
        *position = i + 1;
        return true;
    }
    return false;
}
