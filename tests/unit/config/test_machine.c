/* SPDX-License-Identifier: MIT */
/* test_machine.c - the limits of control groups, in a made-up tree of /proc and /sys. */
#include <cmocka_all.h>

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/machine.h"

static char root[64];

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "/tmp/fetchonce-machine-XXXXXX");
    return mkdtemp(root) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int remove_root(void **state)
{
    (void)state;
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file below the root, its folders included. */
static void put_file(const char *path, const char *text)
{
    char full[PATH_MAX];
    FILE *file;
    snprintf(full, sizeof(full), "%s%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static uint64_t physical_bytes(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void test_without_groups_it_is_the_machine(void **state)
{
    (void)state;
    assert_int_equal(machine_memory_bytes(root), physical_bytes());
    assert_true(machine_cores(root) >= 1);
}

static void test_the_least_limit_on_the_way_up_binds(void **state)
{
    (void)state;
    put_file("/proc/self/cgroup", "0::/pods/one\n");
    put_file("/sys/fs/cgroup/pods/one/memory.max", "max\n");
    put_file("/sys/fs/cgroup/pods/memory.max", "134217728\n");
    put_file("/sys/fs/cgroup/memory.max", "268435456\n");
    assert_int_equal(machine_memory_bytes(root), 134217728);
}

static void test_a_namespace_of_its_own_is_read_at_the_top(void **state)
{
    (void)state;
    put_file("/proc/self/cgroup", "0::/\n");
    put_file("/sys/fs/cgroup/memory.max", "67108864\n");
    put_file("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    assert_int_equal(machine_memory_bytes(root), 67108864);
    assert_int_equal(machine_cores(root), 1);
}

static void test_version_1_is_read(void **state)
{
    (void)state;
    put_file("/proc/self/cgroup", "5:memory:/docker/x\n");
    put_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "33554432\n");
    put_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    put_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(machine_memory_bytes(root), 33554432);
    assert_true(machine_cores(root) >= 1);
}

static void test_no_limit_and_nonsense_leave_the_machine(void **state)
{
    (void)state;
    put_file("/proc/self/cgroup", "0::/\n");
    put_file("/sys/fs/cgroup/memory.max", "max\n");
    put_file("/sys/fs/cgroup/cpu.max", "max 100000\n");
    put_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    assert_int_equal(machine_memory_bytes(root), physical_bytes());
    put_file("/sys/fs/cgroup/memory.max", "\n");
    put_file("/sys/fs/cgroup/cpu.max", "100000 0\n");
    assert_int_equal(machine_memory_bytes(root), physical_bytes());
    assert_true(machine_cores(root) >= 1);
}

#define IN_A_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_ROOT(test_without_groups_it_is_the_machine),
        IN_A_ROOT(test_the_least_limit_on_the_way_up_binds),
        IN_A_ROOT(test_a_namespace_of_its_own_is_read_at_the_top),
        IN_A_ROOT(test_version_1_is_read),
        IN_A_ROOT(test_no_limit_and_nonsense_leave_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
