/* exhaust.c - tiles drawn at random from thousands of packs in a process that
 * may have little address space and few file handles.
 *
 *     bench-exhaust caps|plain TILESET.imbrex ADDRESS_MIB HANDLES REQUESTS
 *
 * caps reads through the library, its caps set to fit the limits. plain maps
 * every pack it meets and keeps the map and the handle, as one does without a
 * cache of views. Every tile is compared. Prints one JSON object. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/origin/meter.h"
#include "bench/origin/tiles.h"
#include "pack/bytes.h"
#include "pack/format.h"

enum { SAFETY_NBYTES = 2 << 20, STEADY_EVERY = 1000 };

struct plain_pack {
    const uint8_t *base;
    int fd;
};

struct exhaust {
    const char *folder;
    struct ibx_cache *cache;
    struct ibx_tileset *tileset;
    struct plain_pack *packs; /* by number; only plain */
    uint64_t right, wrong, refused;
};

static void fail(const struct ibx_err *err)
{
    (void)fprintf(stderr, "exhaust: %s: %s\n", err->file, err->what);
    exit(1);
}

static uint64_t status_kb(const char *name)
{
    char line[128];
    uint64_t kb = 0;
    FILE *file = fopen("/proc/self/status", "re");
    if (!file)
        return 0; /* no handle left: plain, and nothing to plan for */
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtoull(line + strlen(name), NULL, 10);
    (void)fclose(file);
    return kb;
}

static void set_limits(uint64_t address_nbytes, uint64_t handles)
{
    const struct rlimit address = {(rlim_t)address_nbytes,
                                   (rlim_t)address_nbytes};
    const struct rlimit files = {(rlim_t)handles, (rlim_t)handles};
    if (setrlimit(RLIMIT_AS, &address) != 0 ||
        setrlimit(RLIMIT_NOFILE, &files) != 0)
        meter_die("setrlimit");
}

/* What the server does at start: maps take what the limit leaves. */
static void plan(struct ibx_cache_options *options, uint64_t address_nbytes)
{
    uint64_t used = status_kb("VmSize:") << 10;
    uint64_t left = address_nbytes > used + SAFETY_NBYTES
                        ? address_nbytes - used - SAFETY_NBYTES
                        : 0;
    ibx_cache_options_init(options);
    options->max_index_nbytes = 1 << 20;
    options->max_copy_nbytes = 1 << 20;
    options->max_mapped_nbytes = left;
    options->max_handles = 8;
}

static void open_all(struct exhaust *e, const struct ibx_cache_options *options)
{
    struct ibx_err err = {0};
    if (ibx_cache_open(options, &e->cache, &err) != IBX_OK ||
        ibx_tileset_open(e->cache, e->folder, NULL, &e->tileset, &err) !=
            IBX_OK)
        fail(&err);
}

/* ---- with caps --------------------------------------------------------- */

static void get_with_caps(struct exhaust *e, uint64_t pack, uint64_t id)
{
    struct ibx_tile tile = {0};
    (void)pack;
    if (ibx_tile_get(e->tileset, ibx_tile_zxy(id), IBX_BLOCK, &tile, NULL) !=
        IBX_OK)
        e->refused++;
    else if (tiles_match(id, tile.bytes, tile.facts.nbytes))
        e->right++;
    else
        e->wrong++;
    ibx_tile_release(&tile);
}

/* ---- without ----------------------------------------------------------- */

static bool map_for_good(struct exhaust *e, uint64_t number,
                         const struct ibx_pack_info *info)
{
    struct plain_pack *pack = &e->packs[number];
    char name[IBX_PACK_NAME_NBYTES];
    char path[4096];
    ibx_pack_name(info->sha256, name);
    (void)snprintf(path, sizeof path, "%s/%s", e->folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    void *base =
        mmap(NULL, (size_t)info->file_nbytes, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        (void)close(fd);
        return false;
    }
    *pack = (struct plain_pack){base, fd};
    return true;
}

static void get_plain(struct exhaust *e, uint64_t number, uint64_t id)
{
    struct ibx_pack_info info;
    struct plain_pack *pack = &e->packs[number];
    if (ibx_pack_info(e->tileset, number, &info, NULL) != IBX_OK ||
        (!pack->base && !map_for_good(e, number, &info))) {
        e->refused++;
        return;
    }
    /* bench-sparse's packs have one entry per id. */
    const uint8_t *entry =
        pack->base + IBX_HEADER_NBYTES +
        (size_t)(id - info.first_id) * IBX_INDEX_ENTRY_NBYTES;
    const uint8_t *blob = pack->base + ibx_get_u64(pack->base + 64) +
                          ibx_place_off(ibx_get_u32(entry + 4));
    if (tiles_match(id, blob + IBX_BLOB_HEADER_NBYTES, ibx_get_u32(blob + 8)))
        e->right++;
    else
        e->wrong++;
}

/* ---- the run ----------------------------------------------------------- */

static void run(struct exhaust *e, uint64_t nrequests, bool caps)
{
    uint64_t random = 7;
    uint64_t npacks = ibx_tileset_info(e->tileset)->npacks;
    uint64_t start = meter_now_ns();
    for (uint64_t i = 0; i < nrequests; i++) {
        struct ibx_pack_info info;
        struct ibx_err err = {0};
        uint64_t number = tiles_random(&random) % npacks;
        if (ibx_pack_info(e->tileset, number, &info, &err) != IBX_OK)
            fail(&err);
        uint64_t id = info.first_id + tiles_random(&random) % info.tile_count;
        (caps ? get_with_caps : get_plain)(e, number, id);
    }
    double seconds = (double)(meter_now_ns() - start) / 1e9;
    struct ibx_cache_stats stats;
    ibx_cache_stats(e->cache, &stats);
    printf("{\"bits\":%zu,\"requests\":%" PRIu64 ",\"right\":%" PRIu64
           ",\"wrong\":%" PRIu64 ",\"refused\":%" PRIu64,
           8 * sizeof(void *), nrequests, e->right, e->wrong, e->refused);
    printf(",\"us_per_request\":%.2f,\"views_high\":%" PRIu64
           ",\"mapped_high\":%" PRIu64 ",\"handles_high\":%" PRIu64
           ",\"vm_kb\":%" PRIu64 "}\n",
           seconds * 1e6 / (double)nrequests, stats.views_high,
           stats.mapped_nbytes_high, stats.handles_high, status_kb("VmPeak:"));
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        (void)fputs("usage: bench-exhaust caps|plain TILESET.imbrex "
                    "ADDRESS_MIB HANDLES REQUESTS\n",
                    stderr);
        return 2;
    }
    struct exhaust e = {.folder = argv[2]};
    struct ibx_cache_options options;
    bool caps = strcmp(argv[1], "caps") == 0;
    uint64_t address_nbytes = strtoull(argv[3], NULL, 10) << 20;
    plan(&options, address_nbytes);
    set_limits(address_nbytes, strtoull(argv[4], NULL, 10));
    open_all(&e, &options);
    if (!caps) {
        e.packs = calloc((size_t)ibx_tileset_info(e.tileset)->npacks,
                         sizeof *e.packs);
        if (!e.packs)
            meter_die("packs");
    }
    run(&e, strtoull(argv[5], NULL, 10), caps);
    free(e.packs);
    return 0;
}
