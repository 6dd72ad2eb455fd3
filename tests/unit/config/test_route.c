/* SPDX-License-Identifier: MIT */
/* test_route.c - routes from the file, the environment and options; what is refused, and where. */
#include <cmocka_all.h>

#include <stdio.h>
#include <string.h>

#include "config/config.h"

static struct config config;

/* Reads `text`, resolves and checks; the problems must be `expected`. */
static void assert_problems(const char *text, const char *expected)
{
    struct problems problems;
    problems_init(&problems);
    config_init(&config);
    config_read_text(&config, "x.json", text, strlen(text), &problems);
    config_resolve(&config, 1, UINT64_C(1) << 30);
    config_check(&config, &problems);
    assert_string_equal(problems.text == NULL ? "" : problems.text, expected);
    problems_fini(&problems);
}

static void test_a_route_of_the_file_has_all_that_it_says(void **state)
{
    const struct config_route *route = &config.routes.items[1];
    (void)state;
    assert_problems(
        "{\"routes\": [\n"
        "  {\"prefix\": \"/\", \"upstreams\": [\"http://127.0.0.1:9000\"]},\n"
        "  {\"prefix\": \"/api/\", \"host\": \"Example.com\",\n"
        "   \"upstreams\": [\"http://a:9000/base\", \"https://b\", \"http://A:9000/base\"],\n"
        "   \"strip_prefix\": true, \"forward_host\": \"client\", \"set_cookie\": \"standard\",\n"
        "   \"lifetime_s\": 7, \"obey_client_cache_control\": false, \"requests_max\": 2,\n"
        "   \"queue_max\": 0, \"rate_per_s\": 50, \"timeouts\": {\"connect_ms\": 100},\n"
        "   \"upgrade\": [\"WebSocket\", \"a/1\", \"websocket\"]}]}",
        "");
    assert_int_equal(config.routes.count, 2);
    assert_string_equal(route->prefix, "/api/");
    assert_string_equal(route->host, "example.com");
    assert_int_equal(route->upstreams.count, 2);
    assert_string_equal(route->upstreams.items[0], "http://a:9000/base");
    assert_string_equal(route->upstreams.items[1], "https://b/");
    assert_true(route->strip_prefix);
    assert_int_equal(route->forward_host, ROUTE_HOST_OF_CLIENT);
    assert_int_equal(route->set_cookie, ROUTE_SET_COOKIE_STANDARD);
    assert_int_equal(route->lifetime_s, 7);
    assert_false(route->obey_client_cache_control);
    assert_int_equal(route->requests_max, 2);
    assert_int_equal(route->queue_max, 0);
    assert_int_equal(route->rate_per_s, 50);
    assert_int_equal(route->timeouts_connect_ms, 100);
    assert_int_equal(route->upgrade.count, 2);
    assert_string_equal(route->upgrade.items[0], "WebSocket");
    assert_string_equal(route->upgrade.items[1], "a/1");
    assert_int_equal(route->origins[ROUTE_ID_lifetime_s].line, 6);
}

/* The standard decides what is stored, unless the route says otherwise; times and sizes are those
 * of /fetch. */
static void test_what_a_route_does_not_say(void **state)
{
    const struct config_route *route = &config.routes.items[0];
    (void)state;
    assert_problems("{\"routes\": [{\"prefix\": \"/\", \"upstreams\": [\"http://a\"],\n"
                    "              \"timeouts\": {\"total_ms\": 1000}}],\n"
                    " \"fetch\": {\"lifetime_s\": 99, \"stale_if_error_s\": 8,\n"
                    "  \"obey_client_cache_control\": false, \"timeouts\": {\"connect_ms\": 77}}}",
                    "");
    assert_int_equal(route->lifetime_s, 0);
    assert_int_equal(route->heuristic_max_s, 86400);
    assert_int_equal(route->set_cookie, ROUTE_SET_COOKIE_GUARDED);
    assert_int_equal(route->forward_host, ROUTE_HOST_OF_UPSTREAM);
    assert_string_equal(route->host, "");
    assert_int_equal(route->upgrade.count, 0);
    assert_int_equal(route->stale_if_error_s, 8);
    assert_false(route->obey_client_cache_control);
    assert_int_equal(route->timeouts_connect_ms, 77);
    assert_int_equal(route->timeouts_wait_ms, 60000);
    assert_int_equal(route->body_bytes_max, config.fetch_body_bytes_max);
    assert_int_equal(route->request_body_bytes_max, config.limits_body_bytes_max);
    assert_int_equal(route->tell_client, ROUTE_TELL_CUSTOMARY);
    assert_false(route->trust_clients);
    /* Lowered to the whole that the route has. */
    assert_int_equal(route->timeouts_header_ms, 1000);
    assert_int_equal(route->timeouts_stall_ms, 1000);
    assert_int_equal(config.fetch_timeouts_header_ms, 30000);
}

static void test_faults_are_named_by_file_line_and_path(void **state)
{
    (void)state;
    assert_problems(
        "{\"routes\": [\n"
        "  {\"prefix\": \"api\", \"upstreams\": [\"http://a\", \n"
        "    \"ftp://b\", 7]},\n"
        "  {\"prefx\": \"/\", \"upstreams\": []},\n"
        "  {\"prefix\": \"/\", \"upstreams\": [\"http://a\"], \"queue_max\": \"1\",\n"
        "   \"timeouts\": {\"total_m\": 1}, \"$schema\": \"x\"},\n"
        "  {},\n"
        "  5]}",
        "x.json:2: routes[0].prefix: \"api\" has to begin with /\n"
        "x.json:3: routes[0].upstreams[1]: \"ftp://b\" has to begin with http:// or https://\n"
        "x.json:3: routes[0].upstreams[2]: must be a list of URLs such as http://127.0.0.1:9000, "
        "not 7\n"
        "x.json:4: routes[1].prefx: unknown setting; did you mean prefix?\n"
        "x.json:4: routes[1]: prefix is missing\n"
        "x.json:4: routes[1]: upstreams is empty\n"
        "x.json:5: routes[2].queue_max: must be a whole number from 0 to 1000000 (requests), not "
        "the string \"1\"; write it without the quotes\n"
        "x.json:6: routes[2].timeouts.total_m: unknown setting; did you mean timeouts.total_ms?\n"
        "x.json:6: routes[2].\"$schema\": unknown setting; docs/SETTINGS.md lists them all\n"
        "x.json:7: routes[3]: prefix is missing\n"
        "x.json:7: routes[3]: upstreams is missing\n"
        "x.json:8: routes[4]: must be a route, which is an object, not 5\n");
    assert_problems("{\"routes\": [{\"prefix\": \"/\", \"upstreams\": [\"http://a\"],\n"
                    "\"upgrade\": [\"websocket\", \"h2c\"]}]}",
                    "x.json:2: routes[0].upgrade[1]: \"h2c\" would carry requests past this "
                    "server\n");
    assert_problems("{\"routes\": {}}",
                    "x.json:1: routes: must be a list of routes, not an object\n");
    assert_problems("{\"routs\": []}", "x.json:1: routs: unknown setting; did you mean routes?\n");
    assert_problems("{\"routes\": [{\"prefix\": \"/\", \"prefix\": \"/a\", \"upstreams\": "
                    "[\"http://a\"]}]}",
                    "x.json:1: routes[0].prefix: given twice, first on line 1\n");
}

static void test_contradictions_name_both_places(void **state)
{
    (void)state;
    assert_problems(
        "{\"fetch\": {\"timeouts\": {\"total_ms\": 5000}}, \"routes\": [\n"
        "  {\"prefix\": \"/\", \"upstreams\": [\"http://a\"],\n"
        "   \"timeouts\": {\"header_ms\": 6000}},\n"
        "  {\"prefix\": \"/b\", \"upstreams\": [\"http://a\"], \"body_bytes_max\": 10,\n"
        "   \"stored_body_bytes_max\": 11, \"rest_ms\": 60001},\n"
        "  {\"prefix\": \"/\", \"upstreams\": [\"http://b\"]},\n"
        "  {\"prefix\": \"/\", \"upstreams\": [\"http://b\"], \"host\": \"a\"}]}",
        "x.json:3: routes[0].timeouts.header_ms: 6000 is more than the 5000 of x.json:1: "
        "fetch.timeouts.total_ms: a whole exchange includes its header\n"
        "x.json:5: routes[1].rest_ms: 60001 is more than the 60000 of rest_max_ms (default): no "
        "rest is longer than the longest\n"
        "x.json:5: routes[1].stored_body_bytes_max: 11 is more than the 10 of x.json:4: "
        "routes[1].body_bytes_max: a body that is stored is passed on first\n"
        "x.json:6: routes[2]: has the same host and prefix as x.json:2: routes[0]\n");
}

static void test_routes_have_a_bound(void **state)
{
    static char text[8192] = "{\"routes\": [";
    (void)state;
    for (unsigned i = 0; i <= CONFIG_ROUTES_MAX; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "%s{\"prefix\": \"/%u\", \"upstreams\": [\"http://a\"]}", i == 0 ? "" : ",\n", i);
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "]}");
    assert_problems(text, "x.json:33: routes[32]: there must not be more than 32 routes\n");
}

/* The variable replaces the file's routes; an option replaces the same one, or adds one. */
static void test_later_layers_win(void **state)
{
    static const char text[] =
        "{\"routes\": [{\"prefix\": \"/f\", \"upstreams\": [\"http://f\"]}]}";
    const char *variables[] = {"FETCHONCE_ROUTES= /a/=http://a,http://b:81/c  h.example/=http://h ",
                               NULL};
    struct problems problems;
    (void)state;
    problems_init(&problems);
    config_init(&config);
    config_read_text(&config, "x.json", text, strlen(text), &problems);
    config_read_environment(&config, variables, &problems);
    routes_add_option(&config.routes, "--route", "/a/=http://new", &problems);
    routes_add_option(&config.routes, "--route", "/=http://all", &problems);
    config_resolve(&config, 1, UINT64_C(1) << 30);
    config_check(&config, &problems);
    assert_int_equal(problems.count, 0);
    assert_int_equal(config.routes.count, 3);
    assert_string_equal(config.routes.items[0].prefix, "/a/");
    assert_int_equal(config.routes.items[0].upstreams.count, 1);
    assert_string_equal(config.routes.items[0].upstreams.items[0], "http://new/");
    assert_string_equal(config.routes.items[1].host, "h.example");
    assert_string_equal(config.routes.items[1].prefix, "/");
    assert_string_equal(config.routes.items[2].prefix, "/");
    assert_int_equal(config.routes.items[2].timeouts_total_ms, 600000);
    problems_fini(&problems);
}

static void test_routes_as_text_are_refused_with_where_they_came_from(void **state)
{
    const char *variables[] = {"FETCHONCE_ROUTES=/a", "FETCHONCE_ROUTE=/=http://a", NULL};
    struct problems problems;
    (void)state;
    problems_init(&problems);
    config_init(&config);
    config_read_environment(&config, variables, &problems);
    routes_add_option(&config.routes, "--route", "a=http://a", &problems);
    routes_add_option(&config.routes, "--route", "/a=", &problems);
    routes_add_option(&config.routes, "--route", "/a=http://a http://b", &problems);
    routes_add_option(&config.routes, "--route", "/a=127.0.0.1:9000", &problems);
    routes_add_option(&config.routes, "--route", "/b=http://b", &problems);
    routes_add_option(&config.routes, "--route", "/b=http://c", &problems);
    config_resolve(&config, 1, UINT64_C(1) << 30);
    config_check(&config, &problems);
    assert_string_equal(
        problems.text,
        "environment: FETCHONCE_ROUTES: the route \"/a\": has to be written as "
        "/prefix=http://host:port\n"
        "environment: \"FETCHONCE_ROUTE\" is no setting; did you mean FETCHONCE_ROUTES?\n"
        "--route: the route \"a=http://a\": has to be written as /prefix=http://host:port\n"
        "--route: the route \"/a=\": has no upstream\n"
        "--route: the route \"/a=http://a http://b\": must be a list of URLs such as "
        "http://127.0.0.1:9000, not \"http://a http://b\"\n"
        "--route: the route \"/a=127.0.0.1:9000\": \"127.0.0.1:9000\" has to begin with http:// or "
        "https://\n"
        "--route: /b: has the same host and prefix as --route: /b\n");
    problems_fini(&problems);
}

static void test_equal_routes_are_equal_wherever_they_stand(void **state)
{
    static struct config other;
    (void)state;
    assert_problems("{\"routes\": [{\"prefix\": \"/\", \"upstreams\": [\"http://a\"]}]}", "");
    other = config;
    assert_problems("{\n\n\"routes\": [{\"upstreams\": [\"http://A:80/\"], \"prefix\": \"/\"}]}",
                    "");
    assert_true(routes_are_equal(&config.routes, &other.routes));
    assert_problems("{\"routes\": [{\"prefix\": \"/\", \"upstreams\": [\"http://a\"], "
                    "\"lifetime_s\": 1}]}",
                    "");
    assert_false(routes_are_equal(&config.routes, &other.routes));
    assert_problems("{}", "");
    assert_false(routes_are_equal(&config.routes, &other.routes));
}

/* What a route inherits has the bounds of where it comes from: else a default could be refused. */
static void test_inherited_settings_are_those_of_the_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < route_settings.count; i++) {
        const struct setting *setting = &route_settings.settings[i];
        assert_ptr_equal(setting_find(&route_settings, setting->path), setting);
        if (setting->inherits == NULL)
            continue;
        assert_int_equal(setting->kind, setting->inherits->kind);
        assert_true(setting->min >= setting->inherits->min);
        assert_int_equal(setting->max, setting->inherits->max);
        assert_int_equal(setting->bytes, setting->inherits->bytes);
        assert_non_null(strstr(setting_leaf(setting->path), setting_leaf(setting->inherits->path)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_route_of_the_file_has_all_that_it_says),
        cmocka_unit_test(test_what_a_route_does_not_say),
        cmocka_unit_test(test_faults_are_named_by_file_line_and_path),
        cmocka_unit_test(test_contradictions_name_both_places),
        cmocka_unit_test(test_routes_have_a_bound),
        cmocka_unit_test(test_later_layers_win),
        cmocka_unit_test(test_routes_as_text_are_refused_with_where_they_came_from),
        cmocka_unit_test(test_equal_routes_are_equal_wherever_they_stand),
        cmocka_unit_test(test_inherited_settings_are_those_of_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
