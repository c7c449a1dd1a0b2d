/* crowd.c - people look at a map while crawlers read all of it.
 *
 *     bench-crowd apart|together TILESET.imbrex VIEWS PEOPLE CRAWLERS PACE
 *
 * The tileset holds zooms 0 to ZOOM whole. A step is one person's: a window of
 * 5 x 4 tiles pans, zooms or jumps, and the tiles that were not in it are asked
 * for; PACE tiles of a crawler follow, row by row on the deepest zoom. With
 * apart everyone is a reader of his own, with together all are one, which is
 * plain least recently used. Steps are the same for both. Prints one JSON
 * object: of the people's tiles, how many lay in a pack that was open. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/origin/meter.h"
#include "bench/origin/tiles.h"
#include "pack/imbrex.h"

enum {
    ZOOM = 10,
    LEAST_ZOOM = 3,
    WIDE = 5,
    HIGH = 4,
    NPLACES = 64, /* that people go to, the first ones most */
    NSTEPS = 10000,
    NWARM = NSTEPS / 5, /* not counted */
    MOST = 256,
    CRAWLER_READER = 100000,
};

struct person {
    uint8_t zoom;
    int32_t left, top;
};

struct tally {
    uint64_t tiles, opened, ns;
};

struct crowd {
    struct ibx_cache *cache;
    struct ibx_tileset *tileset;
    bool apart;
    uint64_t random;
    unsigned npeople, ncrawlers, pace;
    struct person people[MOST];
    uint64_t crawled[MOST]; /* where each crawler is, in rows */
    struct tally of_people, of_crawlers;
};

/* 0 when nothing is below `n`. */
static uint32_t below(struct crowd *c, uint32_t n)
{
    return n == 0 ? 0 : (uint32_t)(tiles_random(&c->random) % n);
}

static void ask(const struct crowd *c, struct ibx_zxy at, uint32_t reader)
{
    struct ibx_tile tile = {0};
    struct ibx_err err = {0};
    const struct ibx_asker asker = {IBX_BLOCK, c->apart ? reader : 0};
    if (ibx_tile_get_for(c->tileset, at, asker, &tile, &err) != IBX_OK ||
        !tiles_match(ibx_tile_id(at), tile.bytes, tile.facts.nbytes)) {
        (void)fprintf(stderr, "crowd: %s: %s\n", err.file, err.what);
        exit(1);
    }
    ibx_tile_release(&tile);
}

static uint64_t opens(const struct crowd *c)
{
    struct ibx_cache_stats stats;
    ibx_cache_stats(c->cache, &stats);
    return stats.opens;
}

/* ---- people ------------------------------------------------------------ */

static void jump(struct crowd *c, struct person *p)
{
    /* The least of three draws: some places are asked for far more often. */
    uint32_t place = below(c, NPLACES);
    for (int i = 0; i < 2; i++) {
        uint32_t other = below(c, NPLACES);
        place = other < place ? other : place;
    }
    uint64_t where = place + 1;
    uint32_t side_mask = (UINT32_C(1) << ZOOM) - 1;
    uint32_t x = (uint32_t)tiles_random(&where) & side_mask;
    uint32_t y = (uint32_t)tiles_random(&where) & side_mask;
    p->zoom = (uint8_t)(LEAST_ZOOM + below(c, ZOOM - LEAST_ZOOM + 1));
    p->left = (int32_t)(x >> (ZOOM - p->zoom)) - WIDE / 2;
    p->top = (int32_t)(y >> (ZOOM - p->zoom)) - HIGH / 2;
}

static int32_t clamp(int32_t at, int32_t window, uint8_t zoom)
{
    int32_t side = INT32_C(1) << zoom;
    if (at < 1 - window)
        return 1 - window;
    return at >= side ? side - 1 : at;
}

static void move(struct crowd *c, struct person *p)
{
    uint32_t what = below(c, 100);
    if (what < 3) {
        jump(c, p);
    } else if (what < 15 && p->zoom < ZOOM) {
        p->zoom++;
        p->left = p->left * 2 + WIDE / 2;
        p->top = p->top * 2 + HIGH / 2;
    } else if (what < 25 && p->zoom > LEAST_ZOOM) {
        p->zoom--;
        p->left = p->left / 2 - WIDE / 4;
        p->top = p->top / 2 - HIGH / 4;
    } else {
        p->left += (int32_t)below(c, 5) - 2;
        p->top += (int32_t)below(c, 5) - 2;
    }
    p->left = clamp(p->left, WIDE, p->zoom);
    p->top = clamp(p->top, HIGH, p->zoom);
}

static bool is_seen(const struct person *p, uint8_t zoom, int32_t x, int32_t y)
{
    return p->zoom == zoom && x >= p->left && x < p->left + WIDE &&
           y >= p->top && y < p->top + HIGH;
}

static uint64_t look(const struct crowd *c, uint32_t who,
                     const struct person *before)
{
    const struct person *p = &c->people[who];
    int32_t side = INT32_C(1) << p->zoom;
    uint64_t asked = 0;
    for (int32_t y = p->top; y < p->top + HIGH; y++)
        for (int32_t x = p->left; x < p->left + WIDE; x++) {
            if (x < 0 || y < 0 || x >= side || y >= side ||
                is_seen(before, p->zoom, x, y))
                continue;
            ask(c, (struct ibx_zxy){p->zoom, (uint32_t)x, (uint32_t)y},
                who + 1);
            asked++;
        }
    return asked;
}

/* ---- steps ------------------------------------------------------------- */

static void add(struct tally *tally, uint64_t tiles, uint64_t opened,
                uint64_t since_ns)
{
    tally->tiles += tiles;
    tally->opened += opened;
    tally->ns += meter_now_ns() - since_ns;
}

static void step(struct crowd *c)
{
    uint32_t who = below(c, c->npeople);
    struct person before = c->people[who];
    move(c, &c->people[who]);
    uint64_t open = opens(c);
    uint64_t start = meter_now_ns();
    uint64_t asked = look(c, who, &before);
    add(&c->of_people, asked, opens(c) - open, start);
}

static void crawl(struct crowd *c)
{
    const uint32_t side = UINT32_C(1) << ZOOM;
    uint32_t who = below(c, c->ncrawlers);
    uint64_t open = opens(c);
    uint64_t start = meter_now_ns();
    for (unsigned i = 0; i < c->pace; i++) {
        uint64_t at = c->crawled[who]++;
        uint32_t y = (uint32_t)(at / side) % side;
        ask(c, (struct ibx_zxy){ZOOM, (uint32_t)(at % side), y},
            CRAWLER_READER + who);
    }
    add(&c->of_crawlers, c->pace, opens(c) - open, start);
}

static void run(struct crowd *c)
{
    for (unsigned i = 0; i < c->npeople; i++)
        jump(c, &c->people[i]);
    for (unsigned i = 0; i < c->ncrawlers; i++)
        c->crawled[i] = tiles_random(&c->random);
    for (unsigned i = 0; i < NSTEPS; i++) {
        if (i == NWARM)
            c->of_people = c->of_crawlers = (struct tally){0};
        step(c);
        if (c->ncrawlers > 0)
            crawl(c);
    }
}

/* ---- the program ------------------------------------------------------- */

static void print_tally(const char *who, const struct tally *t)
{
    double tiles = t->tiles > 0 ? (double)t->tiles : 1;
    printf("\"%s\":{\"tiles\":%" PRIu64 ",\"opened\":%" PRIu64
           ",\"hit_percent\":%.2f,\"us_per_tile\":%.3f}",
           who, t->tiles, t->opened, 100 - 100 * (double)t->opened / tiles,
           (double)t->ns / 1e3 / tiles);
}

static void open_all(struct crowd *c, const char *folder, uint32_t views)
{
    struct ibx_cache_options options;
    struct ibx_err err = {0};
    ibx_cache_options_init(&options);
    options.max_views = views;
    if (ibx_cache_open(&options, &c->cache, &err) != IBX_OK ||
        ibx_tileset_open(c->cache, folder, NULL, &c->tileset, &err) != IBX_OK) {
        (void)fprintf(stderr, "crowd: %s: %s\n", err.file, err.what);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct crowd c = {.random = 7};
    if (argc == 7) {
        c.apart = strcmp(argv[1], "apart") == 0;
        c.npeople = (unsigned)strtoul(argv[4], NULL, 10);
        c.ncrawlers = (unsigned)strtoul(argv[5], NULL, 10);
        c.pace = (unsigned)strtoul(argv[6], NULL, 10);
    }
    if (c.npeople == 0 || c.npeople > MOST || c.ncrawlers > MOST) {
        (void)fputs("usage: bench-crowd apart|together TILESET.imbrex VIEWS "
                    "PEOPLE CRAWLERS PACE\n",
                    stderr);
        return 2;
    }
    open_all(&c, argv[2], (uint32_t)strtoul(argv[3], NULL, 10));
    run(&c);
    struct ibx_cache_stats stats;
    ibx_cache_stats(c.cache, &stats);
    printf("{");
    print_tally("people", &c.of_people);
    printf(",");
    print_tally("crawlers", &c.of_crawlers);
    printf(",\"packs\":%" PRIu64 ",\"views_high\":%" PRIu64 "}\n",
           ibx_tileset_info(c.tileset)->npacks, stats.views_high);
    ibx_tileset_release(c.tileset);
    ibx_cache_close(c.cache);
    return 0;
}
