#include "tests/tiler/inspect/checked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *checked_dir;
char *checked_folder;

void checked_set_up(void)
{
    struct sample samples[CHECKED_NTILES];
    struct rng rng = {11};
    uint64_t id = 0;
    for (uint32_t i = 0; i < CHECKED_NTILES; i++) {
        uint64_t hole = rng_below(&rng, 8) == 0 ? 1 + rng_below(&rng, 3) : 0;
        samples[i] = (struct sample){
            .first_id = id + hole,
            .count = 1,
            .seed = i % 10 == 3 ? 3 : i,
            .nbytes = i == 50       ? 0
                      : i % 10 == 3 ? 900
                                    : 400 + i,
        };
        id = samples[i].first_id + 1;
    }
    checked_dir = test_dir_new();
    checked_folder = test_path(checked_dir, "t.imbrex");
    struct ibx_writer_result made = test_build(
        checked_folder, samples, CHECKED_NTILES, CHECKED_PACK_NBYTES);
    ck_assert_uint_gt(made.npacks, 5);
}

void checked_tear_down(void)
{
    free(checked_folder);
    test_dir_remove(checked_dir);
}

static void on_problem(void *arg, const struct ibx_problem *problem)
{
    struct said *said = arg;
    size_t room = sizeof said->text - said->used;
    int n = snprintf(said->text + said->used, room, "%s: %s\n", problem->file,
                     problem->what);
    ck_assert_int_gt(n, 0);
    ck_assert_uint_lt((size_t)n, room);
    said->used += (size_t)n;
    ck_assert_int_ne(problem->status, IBX_OK);
}

static void on_repaired(void *arg, const char *file)
{
    struct said *said = arg;
    ck_assert(file[0] != '\0');
    said->repaired++;
}

struct ibx_verify_result check_tileset(const char *repair_from,
                                       struct said *said)
{
    *said = (struct said){.used = 0};
    const struct ibx_verify_options options = {
        .threads = 3,
        .repair_from = repair_from,
        .problem = on_problem,
        .repaired = on_repaired,
        .arg = said,
    };
    struct ibx_verify_result result = {0};
    struct ibx_err err = {0};
    ck_ok(ibx_verify(checked_folder, &options, &result, &err), err);
    return result;
}

char *checked_pack_path(uint64_t number)
{
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, checked_folder);
    char *path = test_pack_path(tileset, number);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    return path;
}

void damage_flip(const char *path, size_t off)
{
    size_t nbytes = 0;
    uint8_t *file = test_read(path, &nbytes);
    ck_assert_uint_lt(off, nbytes);
    file[off] ^= 4;
    test_write(path, file, nbytes);
    free(file);
}

void damage_resize(const char *path, int64_t by)
{
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    test_truncate(path, (uint64_t)(info.st_size + by));
}

void damage_payload(const char *path)
{
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    damage_flip(path, (size_t)info.st_size - 300);
}

void damage_cut(const char *path)
{
    damage_resize(path, -1);
}

void damage_remove(const char *path)
{
    ck_assert_int_eq(unlink(path), 0);
}

bool check_says(const char *text, const char *file, const char *what)
{
    size_t len = strlen(file);
    for (const char *line = text; *line != '\0';) {
        const char *end = strchr(line, '\n');
        const char *found = strstr(line, what);
        if (strncmp(line, file, len) == 0 && found && found < end)
            return true;
        line = end + 1;
    }
    return false;
}
