/* SPDX-License-Identifier: MIT */
/* test_setting.c - the table is sound: what settings.def must keep to, line by line. */
#include <cmocka_all.h>

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/value.h"

static void test_each_path_leads_back_to_its_setting(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETTING_COUNT; i++)
        assert_ptr_equal(setting_find(&setting_all, setting_table[i].path), &setting_table[i]);
}

/* The option --x and FETCHONCE_X are made from the path, so no two settings may share a variable,
 * and none may be the name of the file's variable. */
static void test_each_variable_is_of_one_setting(void **state)
{
    char one[SETTING_VARIABLE_BYTES_MAX];
    char other[SETTING_VARIABLE_BYTES_MAX];
    (void)state;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        setting_variable(&setting_table[i], one);
        assert_string_not_equal(one, CONFIG_FILE_VARIABLE);
        for (size_t j = 0; j < i; j++) {
            setting_variable(&setting_table[j], other);
            assert_string_not_equal(one, other);
        }
    }
    setting_variable(&setting_table[SETTING_ID_access_hold_ms], one);
    assert_string_equal(one, "FETCHONCE_ACCESS_HOLD_MS");
}

static void test_each_setting_stands_in_a_known_section(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        bool is_found = setting_is_in(setting_table[i].path, "");
        for (size_t j = 0; setting_sections[j].path != NULL; j++)
            is_found = is_found || setting_is_in(setting_table[i].path, setting_sections[j].path);
        if (!is_found)
            fail_msg("%s", setting_table[i].path);
    }
}

static void test_each_quantity_ends_in_its_unit_or_bound(void **state)
{
    static const char *const endings[] = {"_ms", "_s", "_max", "_percent", "loops"};
    (void)state;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &setting_table[i];
        size_t bytes = strlen(setting->path);
        bool is_fine = setting->kind != SETTING_NUMBER && setting->kind != SETTING_AUTO;
        for (size_t j = 0; j < sizeof(endings) / sizeof(endings[0]); j++) {
            size_t ending = strlen(endings[j]);
            is_fine = is_fine ||
                      (bytes >= ending && strcmp(setting->path + bytes - ending, endings[j]) == 0);
        }
        if (!is_fine)
            fail_msg("%s", setting->path);
    }
}

/* config_init() asserts that each default is accepted; here, that it is printed as written. */
static void test_each_default_is_what_the_table_says(void **state)
{
    struct config config;
    char text[VALUE_TEXT_BYTES_MAX];
    (void)state;
    config_init(&config);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        value_print(&config, &setting_table[i], text);
        assert_string_equal(text, setting_table[i].standard);
        assert_int_equal(config.origins[i].source, CONFIG_FROM_DEFAULT);
    }
}

static void test_a_full_list_is_printed_as_it_is_read(void **state)
{
    const struct setting *setting = &setting_table[SETTING_ID_fetch_allow];
    static struct config config;
    static struct config again;
    struct value_fault fault;
    char text[VALUE_TEXT_BYTES_MAX];
    char item[64];
    (void)state;
    config_init(&config);
    config_init(&again);
    for (unsigned i = 0; i < CONFIG_LIST_MAX; i++) {
        snprintf(item, sizeof(item), "2001:db8:ffff:ffff:ffff:ffff:ffff:ff%02x/128", i);
        assert_int_equal(value_add_text(&config, setting, item, &fault), 0);
    }
    value_print(&config, setting, text);
    assert_int_equal(value_set_text(&again, setting, text, &fault), 0);
    assert_memory_equal(&again.fetch_allow, &config.fetch_allow, sizeof(config.fetch_allow));
    assert_int_equal(value_add_text(&config, setting, item, &fault), 0); /* there already */
    assert_true(value_add_text(&config, setting, "10.0.0.0/8", &fault) < 0);
    assert_string_equal(fault.text, "must not have more than 64 items");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_path_leads_back_to_its_setting),
        cmocka_unit_test(test_each_variable_is_of_one_setting),
        cmocka_unit_test(test_each_setting_stands_in_a_known_section),
        cmocka_unit_test(test_each_quantity_ends_in_its_unit_or_bound),
        cmocka_unit_test(test_each_default_is_what_the_table_says),
        cmocka_unit_test(test_a_full_list_is_printed_as_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
