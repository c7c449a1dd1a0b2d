#include "tests/fuzz/sandbox.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "pack/bytes.h"
#include "pack/format.h"

enum { MAX_STEPS = 64 };

static const char generation[] = "0000000000000000";

static void must(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

static int remove_entry(const char *path, const struct stat *info, int type,
                        struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

static struct sandbox box;

static void remove_box(void)
{
    ibx_cache_close(box.cache);
    (void)nftw(box.folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_folder(void)
{
    static const uint8_t sha256[IBX_SHA256_NBYTES];
    char name[IBX_PACK_NAME_NBYTES];
    char path[SANDBOX_PATH_NBYTES];
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(box.folder, sizeof box.folder, "%s/imbrex-fuzz-XXXXXX",
                   parent);
    must(mkdtemp(box.folder) != NULL, "mkdtemp");
    (void)snprintf(path, sizeof path, "%s/packs", box.folder);
    must(mkdir(path, 0777) == 0, "mkdir");
    (void)snprintf(path, sizeof path, "%s/packs/00", box.folder);
    must(mkdir(path, 0777) == 0, "mkdir");
    ibx_pack_name(sha256, name);
    (void)snprintf(box.pack, sizeof box.pack, "%s/%s", box.folder, name);
    (void)snprintf(box.manifest, sizeof box.manifest, "%s/manifest-%s.ibm",
                   box.folder, generation);
}

struct sandbox *sandbox(void)
{
    if (box.cache)
        return &box;
    struct ibx_cache_options options;
    ibx_cache_options_init(&options);
    options.wait_ms = 0;
    must(ibx_cache_open(&options, &box.cache, NULL) == IBX_OK, "cache");
    make_folder();
    must(atexit(remove_box) == 0, "atexit");
    return &box;
}

void sandbox_write(const char *path, const uint8_t *bytes, size_t nbytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    must(fd >= 0, path);
    must(write(fd, bytes, nbytes) == (ssize_t)nbytes, "write");
    must(close(fd) == 0, "close");
}

static void check_tile(const struct ibx_tile *tile)
{
    uint8_t *blob = malloc((size_t)tile->facts.nbytes + 16);
    must(blob != NULL, "malloc");
    ibx_put_u32(blob + 8, tile->facts.nbytes);
    ibx_put_u32(blob + 12,
                ibx_blob_flags(tile->facts.format, tile->facts.encoding,
                               tile->facts.nbytes == 0));
    if (tile->facts.nbytes > 0)
        memcpy(blob + 16, tile->bytes, tile->facts.nbytes);
    must(ibx_blob_hash(blob, tile->facts.nbytes) == tile->facts.hash,
         "a tile is not what its hash says");
    free(blob);
}

static void get(struct ibx_tileset *tileset, uint64_t id)
{
    struct ibx_tile tile = {0};
    struct ibx_tile_facts facts;
    struct ibx_zxy at = ibx_tile_zxy(id % ibx_zoom_first_id(IBX_MAX_ZOOM + 1));
    if (ibx_tile_get(tileset, at, IBX_BLOCK, &tile, NULL) == IBX_OK) {
        check_tile(&tile);
        must(ibx_tile_is_resident(tileset, at) ||
                 ibx_tile_stat(tileset, at, IBX_BLOCK, &facts, NULL) == IBX_OK,
             "a tile was there and is gone");
    }
    ibx_tile_release(&tile);
}

static void walk(struct ibx_tileset *tileset)
{
    struct ibx_walk *steps = NULL;
    struct ibx_span span;
    uint64_t next_id = 0;
    if (ibx_walk_open(tileset, 0, &steps, NULL) != IBX_OK)
        return;
    for (int i = 0; i < MAX_STEPS; i++) {
        if (ibx_walk_next(steps, &span, NULL) != IBX_OK)
            break;
        must(span.count > 0 && span.first_id >= next_id, "walking backwards");
        next_id = span.first_id + span.count;
        struct ibx_tile tile = {0};
        if (ibx_walk_tile(steps, &tile, NULL) == IBX_OK)
            check_tile(&tile);
        ibx_tile_release(&tile);
    }
    ibx_walk_close(steps);
}

static void read_texts(struct ibx_tileset *tileset)
{
    for (int i = 0; i <= IBX_TEXT_SOURCE; i++) {
        char *text = NULL;
        size_t nbytes = 0;
        if (ibx_tileset_text(tileset, (enum ibx_text)i, &text, &nbytes, NULL) ==
            IBX_OK)
            must(text[nbytes] == '\0', "a text without its end");
        free(text);
    }
}

static void read_infos(struct ibx_tileset *tileset)
{
    uint64_t npacks = ibx_tileset_info(tileset)->npacks;
    for (uint64_t i = 0; i < npacks && i < MAX_STEPS; i++) {
        struct ibx_pack_info info;
        (void)!ibx_pack_info(tileset, i, &info, NULL);
    }
}

void sandbox_read(const uint64_t *ids, size_t nids)
{
    struct ibx_tileset *tileset = NULL;
    if (ibx_tileset_open(box.cache, box.folder, generation, &tileset, NULL) !=
        IBX_OK)
        return;
    for (size_t i = 0; i < nids; i++)
        get(tileset, ids[i]);
    walk(tileset);
    read_texts(tileset);
    read_infos(tileset);
    ibx_tileset_release(tileset);
}
