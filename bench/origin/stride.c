/* stride.c - touch a large file every 100 KB, forward and back.
 *
 *     bench-stride mmap|pread|imbrex|exact PATH cold|warm ZOOM COUNT
 *
 * mmap and pread take one byte of the flat file PATH each time, imbrex one
 * whole small tile of the tileset PATH, which has the COUNT first tiles of
 * ZOOM; exact does so with prefetch 0, for media with little bandwidth. cold
 * drops the files' cache before each direction; warm goes through once before
 * it measures. Prints one JSON object. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/origin/meter.h"
#include "pack/imbrex.h"

enum { STRIDE_NBYTES = 100000 };

struct medium {
    const char *path;
    int fd;
    const uint8_t *base;
    struct ibx_cache *cache;
    struct ibx_tileset *tileset;
    uint64_t first_id;
    uint64_t tile_stride; /* tiles that take 100 KB */
    uint64_t nsteps;
};

static void fail(const struct ibx_err *err)
{
    (void)fprintf(stderr, "stride: %s: %s\n", err->file, err->what);
    exit(1);
}

static void touch_mmap(const struct medium *m, uint64_t step)
{
    const volatile uint8_t *at = m->base + step * STRIDE_NBYTES;
    (void)*at;
}

static void touch_pread(const struct medium *m, uint64_t step)
{
    uint8_t byte;
    if (pread(m->fd, &byte, 1, (off_t)(step * STRIDE_NBYTES)) != 1)
        meter_die("pread");
}

static void touch_imbrex(const struct medium *m, uint64_t step)
{
    struct ibx_tile tile = {0};
    struct ibx_err err = {0};
    struct ibx_zxy at = ibx_tile_zxy(m->first_id + step * m->tile_stride);
    if (ibx_tile_get(m->tileset, at, IBX_BLOCK, &tile, &err) != IBX_OK)
        fail(&err);
    ibx_tile_release(&tile);
}

enum mode { MMAP, PREAD, IMBREX, EXACT };
static void (*const touches[])(const struct medium *, uint64_t) = {
    touch_mmap, touch_pread, touch_imbrex, touch_imbrex};

static void open_flat(struct medium *m, enum mode mode)
{
    struct stat info;
    m->fd = open(m->path, O_RDONLY | O_CLOEXEC);
    if (m->fd < 0 || fstat(m->fd, &info) != 0)
        meter_die(m->path);
    m->nsteps = (uint64_t)info.st_size / STRIDE_NBYTES;
    if (mode == PREAD)
        return;
    m->base = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, m->fd, 0);
    if (m->base == MAP_FAILED)
        meter_die("mmap");
}

static void open_tileset(struct medium *m, bool exact, uint8_t zoom,
                         uint64_t count)
{
    struct ibx_cache_options options;
    struct ibx_err err = {0};
    ibx_cache_options_init(&options);
    if (exact)
        options.prefetch_nbytes = 0;
    if (ibx_cache_open(&options, &m->cache, &err) != IBX_OK ||
        ibx_tileset_open(m->cache, m->path, NULL, &m->tileset, &err) != IBX_OK)
        fail(&err);
    const struct ibx_tileset_info *info = ibx_tileset_info(m->tileset);
    m->first_id = ibx_zoom_first_id(zoom);
    m->tile_stride = STRIDE_NBYTES * count / info->pack_nbytes;
    m->nsteps = count / m->tile_stride;
}

static void open_medium(struct medium *m, enum mode mode, char **argv)
{
    if (mode >= IMBREX)
        open_tileset(m, mode == EXACT, (uint8_t)strtoul(argv[4], NULL, 10),
                     strtoull(argv[5], NULL, 10));
    else
        open_flat(m, mode);
}

/* A map keeps its pages through posix_fadvise(), so nothing is open while
 * the cache is dropped. */
static void close_medium(struct medium *m)
{
    if (m->base)
        (void)munmap((void *)m->base, (size_t)m->nsteps * STRIDE_NBYTES);
    if (m->fd >= 0)
        (void)close(m->fd);
    ibx_tileset_release(m->tileset);
    ibx_cache_close(m->cache);
    *m = (struct medium){.path = m->path, .fd = -1};
}

static struct meter go(const struct medium *m, enum mode mode, bool back)
{
    struct meter start = meter_read();
    for (uint64_t i = 0; i < m->nsteps; i++)
        touches[mode](m, back ? m->nsteps - 1 - i : i);
    return meter_since(start);
}

static void print(const char *name, const struct meter *cost, uint64_t nsteps)
{
    printf(
        "\"%s\":{\"ms\":%.3f,\"us_per_step\":%.3f,\"read_mb\":%.3f,"
        "\"kb_per_step\":%.3f,\"major_faults\":%" PRIu64 "}",
        name, (double)cost->ns / 1e6, (double)cost->ns / 1e3 / (double)nsteps,
        (double)cost->read_nbytes / 1e6,
        (double)cost->read_nbytes / 1e3 / (double)nsteps, cost->major_faults);
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {"mmap", "pread", "imbrex", "exact"};
    enum { NMODES = 4 };
    int mode = 0;
    while (argc == 6 && mode < NMODES && strcmp(argv[1], modes[mode]) != 0)
        mode++;
    if (argc != 6 || mode == NMODES) {
        (void)fputs(
            "usage: bench-stride mmap|pread|imbrex|exact PATH cold|warm "
            "ZOOM COUNT\n",
            stderr);
        return 2;
    }
    bool cold = strcmp(argv[3], "cold") == 0;
    struct medium m = {.path = argv[2], .fd = -1};
    struct meter costs[2];
    uint64_t nsteps = 0;
    for (int back = 0; back < 2; back++) {
        if (cold)
            meter_drop_cache(m.path);
        open_medium(&m, (enum mode)mode, argv);
        if (!cold)
            (void)go(&m, (enum mode)mode, back);
        costs[back] = go(&m, (enum mode)mode, back);
        nsteps = m.nsteps;
        close_medium(&m);
    }
    printf("{\"steps\":%" PRIu64 ",", nsteps);
    print("forward", &costs[0], nsteps);
    printf(",");
    print("back", &costs[1], nsteps);
    printf("}\n");
    return 0;
}
