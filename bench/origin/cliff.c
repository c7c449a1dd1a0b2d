/* cliff.c - paint a window of 12 x 12 tiles on a random walk.
 *
 *     bench-cliff monolith|quadrants|imbrex DIR BALLAST_MIB PAINTS SEED
 *
 * DIR holds what run.py made of 64 x 64 tiles of CLIFF_TILE_NBYTES:
 * flat (rows of the whole), flat-0 to flat-3 (rows of each quadrant) and
 * cliff.imbrex (packs of 4 MiB, one per quadrant). The first two are mapped as
 * one would without further thought; quadrants maps those the window needs.
 * Prints one JSON object. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/origin/meter.h"
#include "bench/origin/tiles.h"
#include "pack/imbrex.h"

enum {
    ZOOM = 6,
    SIDE = 64,
    HALF = 32,
    WINDOW = 12,
    TILE_NBYTES = 4064,
    NQUADRANTS = 4,
};

struct canvas {
    const char *dir;
    uint8_t *pixels; /* of one tile; what is painted is then forgotten */
    uint8_t *whole;  /* monolith */
    uint8_t *quadrants[NQUADRANTS];
    struct ibx_cache *cache;
    struct ibx_tileset *tileset;
};

static const size_t whole_nbytes = (size_t)SIDE * SIDE * TILE_NBYTES;
static const size_t quadrant_nbytes = (size_t)HALF * HALF * TILE_NBYTES;

static uint8_t *map(const struct canvas *canvas, const char *name,
                    size_t nbytes)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", canvas->dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *base =
        fd < 0 ? MAP_FAILED : mmap(NULL, nbytes, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        meter_die(path);
    (void)close(fd);
    return base;
}

/* ---- three ways to get a tile ------------------------------------------ */

static void paint_monolith(struct canvas *c, uint32_t x, uint32_t y)
{
    memcpy(c->pixels, c->whole + ((size_t)y * SIDE + x) * TILE_NBYTES,
           TILE_NBYTES);
}

static void paint_quadrants(struct canvas *c, uint32_t x, uint32_t y)
{
    const uint8_t *base = c->quadrants[y / HALF * 2 + x / HALF];
    memcpy(c->pixels,
           base + ((size_t)(y % HALF) * HALF + x % HALF) * TILE_NBYTES,
           TILE_NBYTES);
}

static void paint_imbrex(struct canvas *c, uint32_t x, uint32_t y)
{
    struct ibx_tile tile = {0};
    struct ibx_err err = {0};
    struct ibx_zxy at = {ZOOM, x, y};
    if (ibx_tile_get(c->tileset, at, IBX_BLOCK, &tile, &err) != IBX_OK ||
        tile.facts.nbytes != TILE_NBYTES) {
        (void)fprintf(stderr, "cliff: %s: %s\n", err.file, err.what);
        exit(1);
    }
    memcpy(c->pixels, tile.bytes, TILE_NBYTES);
    ibx_tile_release(&tile);
}

/* Maps the quadrants that the window touches and unmaps the others. */
static void choose_quadrants(struct canvas *c, uint32_t left, uint32_t top)
{
    for (uint32_t q = 0; q < NQUADRANTS; q++) {
        uint32_t west = q % 2 * HALF;
        uint32_t north = q / 2 * HALF;
        bool needed = left < west + HALF && left + WINDOW > west &&
                      top < north + HALF && top + WINDOW > north;
        char name[16];
        (void)snprintf(name, sizeof name, "flat-%u", q);
        if (needed && !c->quadrants[q])
            c->quadrants[q] = map(c, name, quadrant_nbytes);
        else if (!needed && c->quadrants[q]) {
            (void)munmap(c->quadrants[q], quadrant_nbytes);
            c->quadrants[q] = NULL;
        }
    }
}

/* ---- the walk ---------------------------------------------------------- */

enum mode { MONOLITH, QUADRANTS, IMBREX };

static void paint(struct canvas *c, enum mode mode, uint32_t left, uint32_t top)
{
    static void (*const ways[])(struct canvas *, uint32_t, uint32_t) = {
        paint_monolith, paint_quadrants, paint_imbrex};
    if (mode == QUADRANTS)
        choose_quadrants(c, left, top);
    for (uint32_t y = top; y < top + WINDOW; y++)
        for (uint32_t x = left; x < left + WINDOW; x++)
            ways[mode](c, x, y);
}

/* A step of up to three tiles that stays inside. */
static uint32_t step(uint32_t at, uint64_t *random)
{
    int64_t to = (int64_t)at + (int64_t)(tiles_random(random) % 7) - 3;
    if (to < 0)
        return 0;
    return to > SIDE - WINDOW ? SIDE - WINDOW : (uint32_t)to;
}

static void open_all(struct canvas *c, enum mode mode)
{
    struct ibx_cache_options options;
    struct ibx_err err = {0};
    char path[4096];
    if (mode == MONOLITH)
        c->whole = map(c, "flat", whole_nbytes);
    if (mode != IMBREX)
        return;
    ibx_cache_options_init(&options);
    (void)snprintf(path, sizeof path, "%s/cliff.imbrex", c->dir);
    if (ibx_cache_open(&options, &c->cache, &err) != IBX_OK ||
        ibx_tileset_open(c->cache, path, NULL, &c->tileset, &err) != IBX_OK) {
        (void)fprintf(stderr, "cliff: %s: %s\n", err.file, err.what);
        exit(1);
    }
}

static void run(struct canvas *c, enum mode mode, unsigned npaints,
                uint64_t seed)
{
    uint64_t random = seed;
    uint32_t left = (SIDE - WINDOW) / 2;
    uint32_t top = (SIDE - WINDOW) / 2;
    paint(c, mode, left, top); /* the first picture is cold for everybody */
    struct meter start = meter_read();
    for (unsigned i = 0; i < npaints; i++) {
        left = step(left, &random);
        top = step(top, &random);
        paint(c, mode, left, top);
    }
    struct meter cost = meter_since(start);
    printf("{\"ms_per_paint\":%.4f,\"kb_per_paint\":%.3f,"
           "\"major_faults\":%" PRIu64 "}\n",
           (double)cost.ns / 1e6 / npaints,
           (double)cost.read_nbytes / 1e3 / npaints, cost.major_faults);
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {"monolith", "quadrants", "imbrex"};
    int mode = 0;
    while (argc == 6 && mode < 3 && strcmp(argv[1], modes[mode]) != 0)
        mode++;
    if (argc != 6 || mode == 3) {
        (void)fputs("usage: bench-cliff monolith|quadrants|imbrex DIR "
                    "BALLAST_MIB PAINTS SEED\n",
                    stderr);
        return 2;
    }
    struct canvas canvas = {.dir = argv[2], .pixels = malloc(TILE_NBYTES)};
    unsigned npaints = (unsigned)strtoul(argv[4], NULL, 10);
    if (!canvas.pixels || npaints == 0)
        meter_die("canvas");
    meter_ballast(strtoull(argv[3], NULL, 10) << 20);
    open_all(&canvas, (enum mode)mode);
    run(&canvas, (enum mode)mode, npaints, strtoull(argv[5], NULL, 10));
    ibx_tileset_release(canvas.tileset);
    ibx_cache_close(canvas.cache);
    free(canvas.pixels);
    return 0;
}
