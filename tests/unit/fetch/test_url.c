/* SPDX-License-Identifier: MIT */
/* test_url.c - upstream URLs: each line is one spelling and what becomes of it. */
#include <fetch/url.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "cmocka_all.h"

#define BYTES_MAX 8192

static void test_spellings_have_one_normal_form(void **state)
{
    static const char *const spellings[][2] = {
        {"http://example.com", "http://example.com/"},
        {"HTTP://EXAMPLE.com:80", "http://example.com/"},
        {"https://example.com:443/x", "https://example.com/x"},
        {"https://example.com:80/x", "https://example.com:80/x"},
        {"http://example.com:/x", "http://example.com/x"},
        {"http://example.com:8080/", "http://example.com:8080/"},
        {"http://example.com/a/./b/../c", "http://example.com/a/c"},
        {"http://example.com/../../x", "http://example.com/x"},
        {"http://example.com/%7euser", "http://example.com/~user"},
        {"http://example.com/%2f%c3%a9", "http://example.com/%2F%C3%A9"},
        {"http://example.com/x#fragment", "http://example.com/x"},
        {"http://example.com?q=%2f", "http://example.com/?q=%2F"},
        {"http://example.com/?", "http://example.com/?"},
        {"http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x"},
        {"http://[::1]:9000/x", "http://[::1]:9000/x"},
        {"http://[2001:DB8:0:0:0:0:0:1]/", "http://[2001:db8::1]/"},
        {"http://b\xc3\xbc"
         "cher.example/",
         "http://xn--bcher-kva.example/"},
        {"http://B\xc3\x9c"
         "CHER.example/",
         "http://xn--bcher-kva.example/"},
        {"http://a_b.example/", "http://a_b.example/"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        struct fetch_url *url;
        int err = fetch_url_parse(spellings[i][0], strlen(spellings[i][0]), BYTES_MAX, &url);
        if (err < 0)
            fail_msg("%s: %d", spellings[i][0], err);
        assert_string_equal(url->text, spellings[i][1]);
        assert_int_equal(url->text_bytes, strlen(url->text));
        fetch_url_unref(url);
    }
}

static void test_parts_are_those_of_the_text(void **state)
{
    static const struct {
        const char *text, *host;
        int port, family;
        bool is_https;
    } urls[] = {
        {"http://Example.com/x", "example.com", 80, AF_UNSPEC, false},
        {"https://example.com/x", "example.com", 443, AF_UNSPEC, true},
        {"https://10.0.0.1:8443/", "10.0.0.1", 8443, AF_INET, true},
        {"http://[fe80::1]:65535/", "fe80::1", 65535, AF_INET6, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct fetch_url *url;
        assert_int_equal(fetch_url_parse(urls[i].text, strlen(urls[i].text), BYTES_MAX, &url), 0);
        assert_string_equal(url->host, urls[i].host);
        assert_int_equal(url->port, urls[i].port);
        assert_int_equal(url->family, urls[i].family);
        assert_int_equal(url->is_https, urls[i].is_https);
        fetch_url_unref(url);
    }
}

/* Rules A and B: nothing of this reaches the guard, a resolver or libcurl's transfer. */
static const struct {
    const char *text;
    int status;
} wrong_urls[] = {
    {"", -EPROTONOSUPPORT},
    {"example.com", -EPROTONOSUPPORT},
    {"//example.com/", -EPROTONOSUPPORT},
    {"ftp://example.com/", -EPROTONOSUPPORT},
    {"file:///etc/passwd", -EPROTONOSUPPORT},
    {"gopher://example.com/", -EPROTONOSUPPORT},
    {"http:/example.com/", -EPROTONOSUPPORT},
    {"http://", -EADDRNOTAVAIL},
    {"http:///path", -EADDRNOTAVAIL},
    {"http://:80/", -EADDRNOTAVAIL},
    {"http://user@example.com/", -EPERM},
    {"http://user:secret@example.com/", -EPERM},
    {"http://@example.com/", -EPERM},
    {"http://example.com\\@10.0.0.1/", -EILSEQ},
    {"http://example.com/a b", -EILSEQ},
    {"http://example.com/a\tb", -EILSEQ},
    {"http://example.com/\r\nX: y", -EILSEQ},
    {"http://example.com/\x7f", -EILSEQ},
    {"http://example.com/\xc3\xa9", -EILSEQ},
    {"http://exa%6dple.com/", -EADDRNOTAVAIL},
    {"http://example.com%00.org/", -EADDRNOTAVAIL},
    {"http://example.com%0d%0a/", -EADDRNOTAVAIL},
    {"http://example.com./", -EADDRNOTAVAIL},
    {"http://example..com/", -EADDRNOTAVAIL},
    {"http://.example.com/", -EADDRNOTAVAIL},
    {"http://exa$mple.com/", -EADDRNOTAVAIL},
    {"http://[::1/", -EADDRNOTAVAIL},
    {"http://[fe80::1%25eth0]/", -EADDRNOTAVAIL},
    {"http://[127.0.0.1]/", -EADDRNOTAVAIL},
    {"http://[example.com]/", -EADDRNOTAVAIL},
    {"http://[::1]x/", -EADDRNOTAVAIL},
    {"http://example.com:0/", -ERANGE},
    {"http://example.com:65536/", -ERANGE},
    {"http://example.com:99999999999/", -ERANGE},
    {"http://example.com:80a/", -ERANGE},
    {"http://example.com:+80/", -ERANGE},
    {"http://example.com:80:80/", -ERANGE},
    {"http://::1/", -ERANGE},
    {"http://example.com/%zz", -EINVAL},
    {"http://example.com/%2", -EINVAL},
    /* addresses in other spellings than their own */
    {"http://2130706433/", -EADDRNOTAVAIL},
    {"http://0x7f000001/", -EADDRNOTAVAIL},
    {"http://0x7f.1/", -EADDRNOTAVAIL},
    {"http://0177.0.0.1/", -EADDRNOTAVAIL},
    {"http://127.1/", -EADDRNOTAVAIL},
    {"http://127.0.0.01/", -EADDRNOTAVAIL},
    {"http://127.0.0.1.1/", -EADDRNOTAVAIL},
    {"http://256.0.0.1/", -EADDRNOTAVAIL},
    {"http://1.2.3.4./", -EADDRNOTAVAIL},
    {"http://example.0x1/", -EADDRNOTAVAIL},
    {"http://example.123/", -EADDRNOTAVAIL},
    /* letters that turn into others */
    {"http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", -EADDRNOTAVAIL}, /* full width */
    {"http://\xe2\x91\xa0.example/", -EADDRNOTAVAIL},                       /* circled one */
    {"http://example\xe3\x80\x82"
     "com/",
     -EADDRNOTAVAIL},                                    /* ideographic stop */
    {"http://exam\xe2\x80\x8bple.com/", -EADDRNOTAVAIL}, /* zero width space */
    {"http://b\xc3\xbc\xe2\x80\x8d"
     "cher.example/",
     -EADDRNOTAVAIL},                                   /* and a joiner */
    {"http://\xef\xbd\x85xample.com/", -EADDRNOTAVAIL}, /* full-width e */
    {"http://\xff\xfe.example/", -EADDRNOTAVAIL},       /* not UTF-8 */
};

static void test_wrong_urls_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong_urls / sizeof *wrong_urls; i++) {
        struct fetch_url *url = NULL;
        int err = fetch_url_parse(wrong_urls[i].text, strlen(wrong_urls[i].text), BYTES_MAX, &url);
        if (err != wrong_urls[i].status)
            fail_msg("\"%s\": %d, expected %d", wrong_urls[i].text, err, wrong_urls[i].status);
        assert_null(url);
        assert_non_null(fetch_url_error_text(err));
    }
}

static void put(char *at, const char *text)
{
    while (*text != '\0')
        *at++ = *text++;
}

static void test_lengths_are_limited(void **state)
{
    char text[BYTES_MAX + 64];
    struct fetch_url *url;

    (void)state;
    memset(text, 'a', sizeof text);
    put(text, "http://example.com/");
    assert_int_equal(fetch_url_parse(text, BYTES_MAX + 1, BYTES_MAX, &url), -ENAMETOOLONG);
    assert_int_equal(fetch_url_parse(text, BYTES_MAX, BYTES_MAX, &url), 0);
    fetch_url_unref(url);
    /* a label of 64 letters, then a name of 254 */
    memset(text + 7, 'a', 64);
    put(text + 71, ".com/");
    assert_int_equal(fetch_url_parse(text, 76, BYTES_MAX, &url), -EADDRNOTAVAIL);
    for (unsigned i = 0; i < 254; i++)
        text[7 + i] = i % 32 == 31 ? '.' : 'a';
    text[7 + 254] = '/';
    assert_int_equal(fetch_url_parse(text, 262, BYTES_MAX, &url), -EADDRNOTAVAIL);
    text[7 + 253] = '/';
    assert_int_equal(fetch_url_parse(text, 261, BYTES_MAX, &url), 0);
    fetch_url_unref(url);
}

static void test_locations_are_resolved_and_checked(void **state)
{
    static const struct {
        const char *location, *result;
    } locations[] = {
        {"/x", "http://example.com:8080/x"},
        {"x", "http://example.com:8080/dir/x"},
        {"../x", "http://example.com:8080/x"},
        {"?q=1", "http://example.com:8080/dir/page?q=1"},
        {"", "http://example.com:8080/dir/page"},
        {"#top", "http://example.com:8080/dir/page"},
        {"//other.example/x", "http://other.example/x"},
        {"https://other.example", "https://other.example/"},
        {"/a b", "http://example.com:8080/a%20b"},
        {"/caf\xc3\xa9", "http://example.com:8080/caf%C3%A9"},
        {"javascript:alert(1)", NULL},
        {"ftp://other.example/", NULL},
        {"//user@other.example/", NULL},
        {"http://0x7f.1/", NULL},
        {"//127.1/", NULL},
        {"/x\r\nSet-Cookie: a", NULL},
        {"\\\\other.example\\x", NULL},
        {"http://other.example:0/", NULL},
    };
    struct fetch_url *base;

    (void)state;
    assert_int_equal(fetch_url_parse("http://example.com:8080/dir/page?old", 36, BYTES_MAX, &base),
                     0);
    for (size_t i = 0; i < sizeof locations / sizeof *locations; i++) {
        const char *location = locations[i].location;
        struct fetch_url *url = NULL;
        int err = fetch_url_resolve(base, location, strlen(location), BYTES_MAX, &url);
        if (locations[i].result == NULL) {
            if (err == 0)
                fail_msg("\"%s\" became %s", location, url->text);
            continue;
        }
        if (err < 0)
            fail_msg("\"%s\": %d", location, err);
        if (strncmp(url->text, locations[i].result, strlen(locations[i].result)) != 0)
            fail_msg("\"%s\" became %s", location, url->text);
        fetch_url_unref(url);
    }
    fetch_url_unref(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spellings_have_one_normal_form),
        cmocka_unit_test(test_parts_are_those_of_the_text),
        cmocka_unit_test(test_wrong_urls_are_refused),
        cmocka_unit_test(test_lengths_are_limited),
        cmocka_unit_test(test_locations_are_resolved_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
