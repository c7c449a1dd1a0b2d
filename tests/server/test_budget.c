/* Options and the budget made of them. */
#include <string.h>

#include "server/budget.h"
#include "tests/server/table.h"

#define MIB (UINT64_C(1) << 20)
#define NO  UINT64_MAX

static const struct {
    const char *label;
    struct host_limits host;
    const char *option, *value; /* NULL: none */
    const char *refused;        /* part of the message; NULL when it fits */
} budgets[] = {
    {"roomy", {NO, 0, NO, NO, 8, 0}, NULL, NULL, NULL},
    {"one CPU", {NO, 0, 1024, NO, 1, 0}, NULL, NULL, NULL},
    {"64 handles", {NO, 0, 64, NO, 2, 0}, NULL, NULL, NULL},
    {"40 handles", {NO, 0, 40, NO, 2, 0}, NULL, NULL, "--max-handles"},
    {"64 MB of address space",
     {64 * MIB, 25 * MIB, NO, NO, 2, 0},
     NULL,
     NULL,
     NULL},
    {"no address space",
     {30 * MIB, 29 * MIB, NO, NO, 2, 0},
     NULL,
     NULL,
     "--memory"},
    {"cgroup of 32 MB", {NO, 0, NO, 32 * MIB, 2, 0}, NULL, NULL, NULL},
    {"cgroup of 16 MB", {NO, 0, NO, 16 * MIB, 2, 0}, NULL, NULL, NULL},
    {"memory above the cgroup",
     {NO, 0, NO, 32 * MIB, 2, 0},
     "memory",
     "64M",
     "cgroup"},
    {"memory above the space",
     {64 * MIB, 25 * MIB, NO, NO, 2, 0},
     "memory",
     "64M",
     "RLIMIT_AS"},
    {"maps above the space",
     {64 * MIB, 25 * MIB, NO, NO, 2, 0},
     "max-mapped",
     "40M",
     "--max-mapped"},
    {"connections above handles",
     {NO, 0, 256, NO, 2, 0},
     "max-connections",
     "250",
     "RLIMIT_NOFILE"},
    {"connections above memory",
     {NO, 0, NO, NO, 2, 0},
     "max-connections",
     "60000",
     "--max-connections"},
    {"smallest memory", {NO, 0, NO, NO, 2, 0}, "memory", "6M", NULL},
    {"bodies above memory",
     {NO, 0, NO, NO, 2, 0},
     "max-bodies",
     "64M",
     "--memory"},
};

static uint64_t parts(const struct budget *b)
{
    return b->base + b->stacks + b->queue_nbytes + b->connection_nbytes +
           b->bodies + b->index + b->documents + b->prepared;
}

START_TEST(sums_never_exceed_what_there_is)
{
    struct options options;
    struct budget b;
    char error[OPTIONS_ERROR_NBYTES] = "";
    const struct host_limits *host = &budgets[_i].host;
    options_init(&options);
    if (budgets[_i].option != NULL)
        ck_assert(options_set(&options, budgets[_i].option, budgets[_i].value,
                              FROM_COMMAND_LINE, error));
    bool fits = budget_plan(&options, host, &b, error);
    ck_assert_msg(fits == (budgets[_i].refused == NULL), "%s: %s",
                  budgets[_i].label, error);
    if (!fits) {
        ck_assert_msg(strstr(error, budgets[_i].refused) != NULL, "%s: %s",
                      budgets[_i].label, error);
    } else {
        ck_assert_msg(parts(&b) <= b.memory, "%s: memory", budgets[_i].label);
        ck_assert_msg(b.connections + b.cache_handles + b.other_handles <=
                          host->handles,
                      "%s: handles", budgets[_i].label);
        ck_assert_msg(host->address_space == NO ||
                          b.memory + b.mapped <=
                              host->address_space - host->address_used,
                      "%s: address space", budgets[_i].label);
        ck_assert_uint_ge(b.connections, 1);
    }
    options_fini(&options);
}
END_TEST

static const struct {
    const char *label;
    struct host_limits host;
    uint64_t mapped, views;
} maps[] = {
    {"roomy", {NO, 0, NO, NO, 2, 0}, 1024 * MIB, 256},
    {"machine of 24 GB", {NO, 0, NO, NO, 2, 24576 * MIB}, 1024 * MIB, 256},
    {"machine of 64 MB", {NO, 0, NO, NO, 2, 64 * MIB}, 256 * MIB, 64},
    {"cgroup of 32 MB", {NO, 0, NO, 32 * MIB, 2, 0}, 128 * MIB, 32},
    {"space of 64 MB", {64 * MIB, 0, NO, NO, 2, 0}, 32 * MIB, 32},
};

START_TEST(maps_grow_with_the_machine)
{
    struct options options;
    struct budget b;
    char error[OPTIONS_ERROR_NBYTES] = "";
    if (sizeof(void *) == 4)
        return; /* 128 MiB at most */
    options_init(&options);
    ck_assert_msg(budget_plan(&options, &maps[_i].host, &b, error), "%s",
                  error);
    ck_assert_msg(b.mapped == maps[_i].mapped, "%s: %llu", maps[_i].label,
                  (unsigned long long)b.mapped);
    ck_assert_uint_eq(b.views, maps[_i].views);
    options_fini(&options);
}
END_TEST

static const struct {
    const char *label, *text;
    const char *refused; /* part of the message; NULL when it is taken */
} files[] = {
    {"empty object", "{}", NULL},
    {"sizes", "{\"memory\":\"64M\",\"max_bodies\":1048576}", NULL},
    {"words", "{\"verify\":\"first\",\"status\":\"off\"}", NULL},
    {"flag", "{\"quiet\":true}", NULL},
    {"list", "{\"cors\":[\"https://a\",\"https://b\"]}", NULL},
    {"tileset", "{\"tilesets\":[{\"path\":\"a\",\"absent\":404}]}", NULL},
    {"not an object", "[]", "(root)"},
    {"not JSON", "{\n\n\"a\"", "line 3"},
    {"unknown", "{\"colour\":1}", "colour: unknown key"},
    {"dashes", "{\"max-age\":1}", "max-age: unknown key"},
    {"nested file", "{\"config\":\"x\"}", "config: unknown key"},
    {"twice", "{\"port\":1,\"port\":2}", "port: is there twice"},
    {"fraction", "{\"port\":1.5}", "port"},
    {"out of range", "{\"port\":70000}", "from 0 to 65535"},
    {"tileset without path", "{\"tilesets\":[{}]}", "tilesets[0]"},
    {"unknown in a tileset", "{\"tilesets\":[{\"path\":\"a\",\"x\":1}]}",
     "tilesets[0].x: unknown key"},
    {"bad id", "{\"tilesets\":[{\"path\":\"a\",\"id\":\"a/b\"}]}",
     "tilesets[0].id"},
};

START_TEST(file_is_taken_or_refused_by_its_path)
{
    struct options options;
    char error[OPTIONS_ERROR_NBYTES] = "";
    options_init(&options);
    bool taken = config_read(&options, "f.json", files[_i].text,
                             strlen(files[_i].text), error);
    ck_assert_msg(taken == (files[_i].refused == NULL), "%s: %s",
                  files[_i].label, error);
    if (!taken)
        ck_assert_msg(strstr(error, files[_i].refused) != NULL, "%s: %s",
                      files[_i].label, error);
    options_fini(&options);
}
END_TEST

START_TEST(higher_places_win)
{
    struct options options;
    char error[OPTIONS_ERROR_NBYTES];
    options_init(&options);
    ck_assert_uint_eq(options.max_age_s, 3600);
    ck_assert(options_set(&options, "max-age", "2", FROM_ENVIRONMENT, error));
    ck_assert(options_set(&options, "max-age", "3", FROM_FILE, error));
    ck_assert_uint_eq(options.max_age_s, 2);
    ck_assert(options_set(&options, "max-age", "4", FROM_COMMAND_LINE, error));
    ck_assert_uint_eq(options.max_age_s, 4);
    ck_assert(
        !options_set(&options, "max-age", "-1", FROM_COMMAND_LINE, error));
    ck_assert_uint_eq(options.max_age_s, 4);
    ck_assert_int_eq(options_origin(&options, "max-age"), FROM_COMMAND_LINE);
    options_fini(&options);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("budget");
    TCase *all = tcase_create("tables");
    tcase_add_loop_test(all, sums_never_exceed_what_there_is, 0, ROWS(budgets));
    tcase_add_loop_test(all, file_is_taken_or_refused_by_its_path, 0,
                        ROWS(files));
    tcase_add_loop_test(all, maps_grow_with_the_machine, 0, ROWS(maps));
    tcase_add_test(all, higher_places_win);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
