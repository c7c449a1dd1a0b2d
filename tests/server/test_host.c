/* What the system lets the process have: control groups of both versions, read
 * from a folder that is laid out as /sys/fs/cgroup is. tests/fault/origin.py
 * does it for real, with the version that the machine has. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/host.h"
#include "tests/server/table.h"

#define NO UINT64_MAX

enum { FILES_MAX = 5 };

static const struct {
    const char *label, *membership;
    struct {
        const char *path, *text; /* below the root */
    } files[FILES_MAX];
    uint64_t want;
} groups[] = {
    {"no control groups", "", {{NULL, NULL}}, NO},
    {"v2: our own group",
     "0::/app\n",
     {{"app/memory.max", "33554432\n"}, {"app/memory.high", "max\n"}},
     33554432},
    {"v2: the group above is tighter",
     "0::/pod/app\n",
     {{"pod/memory.max", "16777216\n"}, {"pod/app/memory.max", "33554432\n"}},
     16777216},
    {"v2: no limit in our group, one far above",
     "0::/a/b/c\n",
     {{"a/memory.max", "1048576\n"},
      {"a/b/memory.max", "max\n"},
      {"a/b/c/memory.max", "max\n"}},
     1048576},
    {"v2: the limit that stalls is below the one that kills",
     "0::/app\n",
     {{"app/memory.max", "33554432\n"}, {"app/memory.high", "25165824\n"}},
     25165824},
    {"v2: a container sees its own group as the root",
     "0::/\n",
     {{"memory.max", "67108864\n"}},
     67108864},
    {"v2: the path named is not mounted here",
     "0::/docker/0123456789abcdef\n",
     {{"memory.max", "67108864\n"}},
     67108864},
    {"v2: a path out of the mount",
     "0::/../other\n",
     {{"memory.max", "67108864\n"}},
     67108864},
    {"v2: none is limited",
     "0::/app\n",
     {{"memory.max", "max\n"}, {"app/memory.max", "max\n"}},
     NO},
    {"v2: another group's limit is not ours",
     "0::/app\n",
     {{"other/memory.max", "1048576\n"}},
     NO},
    {"v1: our own group",
     "12:cpuset:/\n9:cpu,memory:/app\n0::/\n",
     {{"memory/app/memory.limit_in_bytes", "33554432\n"},
      {"memory/memory.limit_in_bytes", "9223372036854771712\n"}},
     33554432},
    {"v1: the group above is tighter",
     "9:memory:/pod/app\n",
     {{"memory/pod/memory.limit_in_bytes", "8388608\n"},
      {"memory/pod/app/memory.limit_in_bytes", "9223372036854771712\n"}},
     8388608},
    {"v1: the group of another controller",
     "9:cpu:/app\n",
     {{"memory/app/memory.limit_in_bytes", "8388608\n"}},
     NO},
    {"both, as in a hybrid layout",
     "5:memory:/app\n0::/app\n",
     {{"memory/app/memory.limit_in_bytes", "33554432\n"},
      {"app/memory.max", "16777216\n"}},
     16777216},
    {"a number that is none", "0::/app\n", {{"app/memory.max", "lots\n"}}, NO},
    {"lines that are none",
     "memory\n:\n::\n0::\n",
     {{"memory.max", "4194304\n"}},
     4194304},
};

/* Writes root/path, with the folders it needs. */
static void put(const char *root, const char *path, const char *text)
{
    char whole[1200];
    (void)snprintf(whole, sizeof whole, "%s/%s", root, path);
    for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        (void)mkdir(whole, 0755);
        *at = '/';
    }
    FILE *file = fopen(whole, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static int remove_one(const char *path, const struct stat *info, int kind,
                      struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

START_TEST(the_lowest_limit_above_us_counts)
{
    char root[] = "/tmp/imbrex-cgroup-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(root));
    for (size_t i = 0; i < FILES_MAX && groups[_i].files[i].path; i++)
        put(root, groups[_i].files[i].path, groups[_i].files[i].text);
    uint64_t got = host_cgroup_limit(root, groups[_i].membership);
    (void)nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    ck_assert_msg(got == groups[_i].want, "%s: got %llu, want %llu",
                  groups[_i].label, (unsigned long long)got,
                  (unsigned long long)groups[_i].want);
}
END_TEST

START_TEST(limits_are_numbers_or_none)
{
    ck_assert_uint_eq(host_cgroup_parse("max\n"), NO);
    ck_assert_uint_eq(host_cgroup_parse("33554432\n"), 33554432);
    ck_assert_uint_eq(host_cgroup_parse("9223372036854771712\n"), NO);
    ck_assert_uint_eq(host_cgroup_parse(""), NO);
    ck_assert_uint_eq(host_cgroup_parse("12x"), NO);
}
END_TEST

START_TEST(the_machine_tells_its_limits)
{
    struct host_limits limits;
    host_limits_read(&limits);
    ck_assert_uint_ge(limits.ncpus, 1);
    ck_assert_uint_gt(limits.handles, 3);
    ck_assert_uint_gt(limits.address_used, 1 << 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host");
    TCase *all = tcase_create("host");
    tcase_add_loop_test(all, the_lowest_limit_above_us_counts, 0, ROWS(groups));
    tcase_add_test(all, limits_are_numbers_or_none);
    tcase_add_test(all, the_machine_tells_its_limits);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
