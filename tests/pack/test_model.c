/* Random tilesets against a plain array: the tiles that come out are those
 * that went in, and packs end where the specification's rule, written down a
 * second time in twin.c, says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pack/twin.h"

enum {
    DENSE_ZOOM = 6,
    DENSE_END = 5461, /* all ids of zooms 0 to 6 */
    MAX_RUNS = 8000,
    NSHARED = 24, /* tiles that many addresses hold */
    NSEEDS = 8,
};

static const uint64_t pack_sizes[] = {IBX_PACK_NBYTES_MIN, 100000, 1 << 20,
                                      IBX_PACK_NBYTES_DEFAULT,
                                      IBX_PACK_NBYTES_MAX};

enum { NSIZES = sizeof pack_sizes / sizeof pack_sizes[0] };

struct model {
    struct sample runs[MAX_RUNS]; /* in id order */
    size_t n;
    /* For the dense zooms: the run of each id, or NULL. */
    const struct sample *dense[DENSE_END];
};

static struct model model;

static uint32_t random_nbytes(struct rng *rng)
{
    switch (rng_below(rng, 16)) {
    case 0:
        return 0; /* present but empty */
    case 1:
        return (uint32_t)(8 + rng_below(rng, 20000));
    case 2:
        return (uint32_t)(15 + rng_below(rng, 3)); /* around the alignment */
    default:
        return (uint32_t)(8 + rng_below(rng, 1200));
    }
}

/* The contents of a tile: shared ones have the size that belongs to the seed,
 * so that they are equal wherever they stand. */
static void random_content(struct rng *rng, struct sample *run)
{
    run->nbytes = random_nbytes(rng);
    run->seed = (uint32_t)(1000 + rng_below(rng, 1u << 30));
    if (rng_below(rng, 3) == 0) {
        run->seed = (uint32_t)rng_below(rng, NSHARED);
        run->nbytes = run->seed * 37;
    }
    if (rng_below(rng, 400) == 0)
        run->nbytes = (uint32_t)(70000 + rng_below(rng, 50000)); /* oversize */
    if (run->nbytes == 0)
        run->seed %= 2; /* all that is left of a tile without bytes: formats */
}

static uint64_t random_length(struct rng *rng)
{
    switch (rng_below(rng, 12)) {
    case 0:
        return 1 + rng_below(rng, 200);
    case 1:
        return UINT64_C(1) << (2 * rng_below(rng, 5)); /* a quadrant, maybe */
    default:
        return 1;
    }
}

static uint64_t zoom_end(uint64_t id)
{
    return ibx_zoom_first_id((uint8_t)(ibx_id_zoom(id) + 1));
}

/* Runs and holes from `id` to `end`. */
static void fill(struct rng *rng, uint64_t id, uint64_t end)
{
    uint64_t density = 1 + rng_below(rng, 8);
    while (id < end && model.n < MAX_RUNS) {
        if (rng_below(rng, density) == 1)
            id += random_length(rng);
        if (id >= end)
            break;
        struct sample *run = &model.runs[model.n++];
        uint64_t left = zoom_end(id) < end ? zoom_end(id) - id : end - id;
        uint64_t count = random_length(rng);
        *run = (struct sample){.first_id = id,
                               .count = count < left ? count : left};
        random_content(rng, run);
        id += run->count;
    }
}

static void make_model(uint64_t seed)
{
    struct rng rng = {seed};
    model.n = 0;
    memset(model.dense, 0, sizeof model.dense);
    fill(&rng, rng_below(&rng, 3) == 0 ? rng_below(&rng, 400) : 0,
         DENSE_END - rng_below(&rng, 3000));
    for (size_t i = 0; i < model.n; i++)
        for (uint64_t k = 0; k < model.runs[i].count; k++)
            model.dense[model.runs[i].first_id + k] = &model.runs[i];
    /* Islands further down, the last of all ids among them. */
    uint64_t city = ibx_tile_id((struct ibx_zxy){14, 8713, 5747});
    fill(&rng, city, city + 300);
    uint64_t end = ibx_zoom_first_id(IBX_MAX_ZOOM + 1);
    fill(&rng, end - 40, end);
}

/* Adds runs in random order, some tile by tile and some twice. */
static void add_shuffled(struct ibx_writer *writer, struct rng *rng)
{
    size_t *order = malloc((model.n + 1) * sizeof *order);
    ck_assert_ptr_nonnull(order);
    for (size_t i = 0; i < model.n; i++) {
        size_t j = (size_t)rng_below(rng, i + 1);
        order[i] = i;
        order[i] = order[j];
        order[j] = i;
    }
    struct ibx_err err = {0};
    for (size_t i = 0; i < model.n; i++) {
        struct sample run = model.runs[order[i]];
        uint64_t count = run.count;
        if (rng_below(rng, 2) == 0 || rng_below(rng, 8) == 0)
            ck_ok(sample_add(writer, &run, &err), err);
        else
            for (run.count = 1; count > 0; count--, run.first_id++)
                ck_ok(sample_add(writer, &run, &err), err);
        if (rng_below(rng, 10) == 0)
            ck_ok(sample_add(writer, &model.runs[order[i]], &err), err);
    }
    free(order);
}

static void build(const char *folder, uint64_t pack_nbytes, uint64_t seed)
{
    struct rng rng = {seed ^ UINT64_C(0x5eed)};
    struct ibx_writer_options options;
    struct ibx_writer_result result;
    struct ibx_writer *writer = NULL;
    struct ibx_err err = {0};
    ibx_writer_options_init(&options);
    options.pack_nbytes = pack_nbytes;
    options.memory_nbytes = 8 << 20;
    ck_ok(ibx_writer_open(folder, &options, &writer, &err), err);
    add_shuffled(writer, &rng);
    ck_ok(ibx_writer_finish(writer, &test_meta, &result, &err), err);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
}

/* ---- comparing --------------------------------------------------------- */

static void check_id(struct ibx_tileset *tileset, uint64_t id,
                     const struct sample *want)
{
    struct ibx_tile_facts facts;
    enum ibx_status st = want ? IBX_OK : IBX_NOT_FOUND;
    enum ibx_status got = test_get(tileset, id, want, IBX_BLOCK);
    ck_assert_msg(got == st, "id %llu: %s", (unsigned long long)id,
                  ibx_status_text(got));
    ck_status(ibx_tile_stat(tileset, ibx_tile_zxy(id), IBX_BLOCK, &facts, NULL),
              st);
    if (want) {
        ck_assert_uint_eq(facts.nbytes, want->nbytes);
        ck_assert_int_eq(facts.format, sample_format(want));
    }
}

static void check_tiles(struct ibx_tileset *tileset)
{
    for (uint64_t id = 0; id < DENSE_END; id++)
        check_id(tileset, id, model.dense[id]);
    for (size_t i = 0; i < model.n; i++) {
        const struct sample *run = &model.runs[i];
        if (run->first_id < DENSE_END)
            continue;
        check_id(tileset, run->first_id, run);
        check_id(tileset, run->first_id + run->count - 1, run);
        uint64_t after = run->first_id + run->count;
        if (i + 1 < model.n && model.runs[i + 1].first_id != after)
            check_id(tileset, after, NULL);
    }
}

static void check_span(struct ibx_walk *walk, const struct ibx_span *span,
                       const struct sample *run)
{
    struct ibx_tile tile = {0};
    struct ibx_err err = {0};
    ck_ok(ibx_walk_tile(walk, &tile, &err), err);
    ck_assert_uint_eq(ibx_id_zoom(span->first_id),
                      ibx_id_zoom(span->first_id + span->count - 1));
    sample_check(run, &tile);
    ibx_tile_release(&tile);
}

/* A span may cover several equal runs of the model, or a part of one. */
static void check_walk(struct ibx_tileset *tileset)
{
    struct ibx_walk *walk = NULL;
    struct ibx_span span;
    struct ibx_err err = {0};
    size_t at = 0;
    uint64_t used = 0; /* of model.runs[at] */
    ck_ok(ibx_walk_open(tileset, 0, &walk, &err), err);
    while (ibx_walk_next(walk, &span, &err) == IBX_OK) {
        ck_assert_uint_lt(at, model.n);
        check_span(walk, &span, &model.runs[at]);
        for (uint64_t left = span.count, id = span.first_id; left > 0;) {
            const struct sample *run = &model.runs[at];
            uint64_t n = run->count - used < left ? run->count - used : left;
            ck_assert_uint_eq(run->first_id + used, id);
            id += n;
            left -= n;
            used += n;
            if (used == run->count) {
                at++;
                used = 0;
            }
        }
    }
    ck_assert_uint_eq(at, model.n);
    ibx_walk_close(walk);
}

static void check_packs(struct ibx_tileset *tileset, uint64_t pack_nbytes)
{
    size_t npacks = 0;
    struct twin_pack *packs =
        twin_packs(model.runs, model.n, pack_nbytes, &npacks);
    ck_assert_uint_eq(ibx_tileset_info(tileset)->npacks, npacks);
    for (size_t i = 0; i < npacks; i++) {
        struct ibx_pack_info info;
        struct ibx_err err = {0};
        ck_ok(ibx_pack_info(tileset, i, &info, &err), err);
        ck_assert_uint_eq(info.first_id, packs[i].first_id);
        ck_assert_uint_eq(info.last_id, packs[i].last_id);
        ck_assert_uint_eq(info.file_nbytes, packs[i].nbytes);
        ck_assert_uint_eq(info.blob_count, packs[i].nblobs);
        ck_assert_uint_eq(info.tile_count, packs[i].ntiles);
        bool oversize = packs[i].nbytes > pack_nbytes;
        ck_assert_uint_eq(info.flags, oversize ? IBX_PACK_OVERSIZE : 0);
    }
    free(packs);
}

START_TEST(what_went_in_comes_out_of_the_packs_of_the_rule)
{
    uint64_t seed = (uint64_t)(_i / NSIZES);
    uint64_t pack_nbytes = pack_sizes[_i % NSIZES];
    printf("seed %d, pack size %llu\n", (int)seed,
           (unsigned long long)pack_nbytes);
    make_model(seed);
    char *folder = test_dir_new();
    build(folder, pack_nbytes, seed);
    struct ibx_cache_options options = test_cache_options();
    options.max_views = seed % 2 ? 2 : 32;
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    check_tiles(tileset);
    check_walk(tileset);
    check_packs(tileset, pack_nbytes);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    test_dir_remove(folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tcase = tcase_create("model");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, what_went_in_comes_out_of_the_packs_of_the_rule,
                        0, NSEEDS * NSIZES);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
