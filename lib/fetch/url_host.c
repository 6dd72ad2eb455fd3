/* SPDX-License-Identifier: MIT */
/*
 * url_host.c - the host of a URL: a name in A-labels, or an address in its one spelling.
 *
 * A host in other letters than ASCII is turned into A-labels by libcurl's IDNA; only labels that
 * really become "xn--..." are taken, so that digits, dots and invisible letters of other scripts
 * cannot turn into an address or another name.
 */
#include "url_host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <locale.h>
#include <netinet/in.h>
#include <string.h>

#include <curl/curl.h>

#define LABEL_BYTES_MAX 63

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

static bool is_hex_digit(char letter)
{
    return is_digit(letter) || (letter >= 'a' && letter <= 'f');
}

static char to_lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

/* A host, in lower case, whose last label is a number is an IPv4 address or an attempt at one. */
static bool looks_like_ipv4(const char *host)
{
    const char *dot = strrchr(host, '.');
    const char *label = dot != NULL ? dot + 1 : host;
    bool is_hex = label[0] == '0' && label[1] == 'x';

    if (*label == '\0')
        return false;
    if (is_hex)
        label += 2;
    while (is_hex ? is_hex_digit(*label) : is_digit(*label))
        label++;
    return *label == '\0';
}

/* Rules B.4 to B.6 on a host in ASCII: lower case, labels, and addresses in one spelling only. */
static int finish_host(struct url_host *host)
{
    struct in_addr ipv4;
    size_t label_bytes = 0;

    for (char *letter = host->name; *letter != '\0'; letter++) {
        *letter = to_lower(*letter);
        if (*letter == '.') {
            if (label_bytes == 0)
                return -EADDRNOTAVAIL;
            label_bytes = 0;
            continue;
        }
        if (!is_digit(*letter) && !(*letter >= 'a' && *letter <= 'z') && *letter != '-' &&
            *letter != '_')
            return -EADDRNOTAVAIL;
        if (++label_bytes > LABEL_BYTES_MAX)
            return -EADDRNOTAVAIL;
    }
    if (label_bytes == 0)
        return -EADDRNOTAVAIL; /* empty, or a trailing dot */
    host->family = AF_UNSPEC;
    if (looks_like_ipv4(host->name)) {
        if (inet_pton(AF_INET, host->name, &ipv4) != 1)
            return -EADDRNOTAVAIL;
        host->family = AF_INET;
    }
    return 0;
}

static bool has_non_ascii(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.bytes[i] >= 0x80)
            return true;
    }
    return false;
}

/* Letters that IDNA drops without a trace: a name would have two spellings. */
static bool has_invisible(struct span text)
{
    static const char *const invisible[] = {
        "\xc2\xad",     "\xe2\x80\x8b", "\xe2\x80\x8c", "\xe2\x80\x8d", "\xe2\x80\x8e",
        "\xe2\x80\x8f", "\xe2\x81\xa0", "\xe2\x81\xa1", "\xe2\x81\xa2", "\xe2\x81\xa3",
        "\xe2\x81\xa4", "\xef\xbb\xbf", "\xcd\x8f",     "\xe1\xa0\x8b",
    };

    for (size_t i = 0; i < sizeof invisible / sizeof *invisible; i++) {
        if (memmem(text.bytes, text.length, invisible[i], strlen(invisible[i])) != NULL)
            return true;
    }
    return false;
}

/* Whether each label with foreign letters became an A-label, and no other label changed. */
static bool labels_correspond(struct span raw, const char *ascii)
{
    struct span rest = raw;
    struct span ascii_rest = span_of_string(ascii);

    for (;;) {
        struct span label = span_until(rest, ".");
        struct span ascii_label = span_until(ascii_rest, ".");
        if (has_non_ascii(label) ? !span_starts_with_nocase(ascii_label, "xn--")
                                 : !span_equals_ignoring_case(label, ascii_label))
            return false;
        if (label.length == rest.length || ascii_label.length == ascii_rest.length)
            return label.length == rest.length && ascii_label.length == ascii_rest.length;
        rest = span_skip(rest, label.length + 1);
        ascii_rest = span_skip(ascii_rest, ascii_label.length + 1);
    }
}

/* IDNA by libcurl, which reads the host in the encoding of the locale: UTF-8 for this call. */
static int host_to_ascii(struct span raw, struct url_host *host)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before;
    char name[HOST_BYTES_MAX * 4 + 1];
    char *ascii = NULL;
    CURLU *parser;
    int err = -EADDRNOTAVAIL;

    if (utf8 == (locale_t)0)
        return -EADDRNOTAVAIL;
    before = uselocale(utf8);
    parser = curl_url();
    if (parser == NULL) {
        err = -ENOMEM;
        goto restore;
    }
    if (raw.length >= sizeof name || has_invisible(raw))
        goto cleanup;
    memcpy(name, raw.bytes, raw.length);
    name[raw.length] = '\0';
    if (curl_url_set(parser, CURLUPART_SCHEME, "http", 0) != CURLUE_OK ||
        curl_url_set(parser, CURLUPART_HOST, name, 0) != CURLUE_OK ||
        curl_url_get(parser, CURLUPART_HOST, &ascii, CURLU_PUNYCODE) != CURLUE_OK)
        goto cleanup;
    if (strlen(ascii) > HOST_BYTES_MAX || !labels_correspond(raw, ascii))
        goto cleanup;
    memcpy(host->name, ascii, strlen(ascii) + 1);
    err = 0;
cleanup:
    curl_free(ascii);
    curl_url_cleanup(parser);
restore:
    uselocale(before);
    freelocale(utf8);
    return err;
}

int url_host_read(struct span text, bool is_bracketed, struct url_host *host)
{
    struct in6_addr ipv6;
    int err;

    if (has_non_ascii(text)) {
        err = is_bracketed ? -EADDRNOTAVAIL : host_to_ascii(text, host);
        if (err == 0)
            err = finish_host(host);
        return err == 0 && host->family != AF_UNSPEC ? -EADDRNOTAVAIL : err;
    }
    if (text.length == 0 || text.length > HOST_BYTES_MAX)
        return -EADDRNOTAVAIL;
    memcpy(host->name, text.bytes, text.length);
    host->name[text.length] = '\0';
    if (!is_bracketed)
        return finish_host(host);
    if (inet_pton(AF_INET6, host->name, &ipv6) != 1)
        return -EADDRNOTAVAIL;
    host->family = AF_INET6;
    return inet_ntop(AF_INET6, &ipv6, host->name, sizeof host->name) != NULL ? 0 : -EADDRNOTAVAIL;
}
