/* tileset.c - opening a generation of a tileset. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pack/err.h"
#include "pack/fileio.h"
#include "pack/path.h"
#include "pack/tileset_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static enum ibx_status read_current(const char *path, char *to, size_t room,
                                    size_t *out_nbytes, struct ibx_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ibx_fail_sys(err, path, "open");
    size_t have = 0;
    ssize_t got = 0;
    do {
        got = read(fd, to + have, room - have);
        have += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && have < room) || (got < 0 && errno == EINTR));
    enum ibx_status st = got < 0 ? ibx_fail_sys(err, path, "read") : IBX_OK;
    close(fd);
    *out_nbytes = have;
    return st;
}

enum ibx_status ibx_tileset_current(const char *folder,
                                    char generation[IBX_GENERATION_NCHARS + 1],
                                    struct ibx_err *err)
{
    char line[64]; /* longer than any good one, so that a long one shows */
    size_t nbytes = 0;
    char *path = ibx_path_join(folder, "CURRENT");
    if (!path)
        return ibx_fail_nomem(err);
    enum ibx_status st = read_current(path, line, sizeof line, &nbytes, err);
    if (st == IBX_OK &&
        (nbytes == 0 || line[nbytes - 1] != '\n' ||
         !ibx_manifest_name_parse(line, nbytes - 1, generation)))
        st = ibx_fail(err, IBX_ERR_CORRUPT, path,
                      "it is not one line naming a manifest");
    free(path);
    return st;
}

static void fill_info(struct ibx_tileset *tileset, const char *generation)
{
    const struct ibx_manifest_header *h = &tileset->manifest.header;
    tileset->info = (struct ibx_tileset_info){
        .min_zoom = h->min_zoom,
        .max_zoom = h->max_zoom,
        .tile_px = h->tile_px,
        .format_bits = h->format_bits,
        .npacks = h->npacks,
        .tile_count = h->tile_count,
        .blob_count = h->blob_count,
        .pack_nbytes = h->pack_nbytes,
        .payload_nbytes = h->payload_nbytes,
        .largest_tile_nbytes = h->largest_tile_nbytes,
        .modified_s = tileset->manifest.modified_s,
    };
    memcpy(tileset->info.generation, generation, IBX_GENERATION_NCHARS + 1);
}

static enum ibx_status open_generation(struct ibx_tileset *tileset,
                                       const char *generation,
                                       struct ibx_err *err)
{
    char name[sizeof "manifest-.ibm" + IBX_GENERATION_NCHARS] = "manifest-";
    char digits[IBX_GENERATION_NCHARS + 1];
    size_t skip = sizeof "manifest-" - 1;
    if (strlen(generation) != IBX_GENERATION_NCHARS)
        return ibx_fail(err, IBX_ERR_INVALID, tileset->folder,
                        "a generation has 16 hexadecimal digits");
    memcpy(name + skip, generation, IBX_GENERATION_NCHARS);
    memcpy(name + skip + IBX_GENERATION_NCHARS, ".ibm", sizeof ".ibm");
    if (!ibx_manifest_name_parse(name, strlen(name), digits))
        return ibx_fail(err, IBX_ERR_INVALID, tileset->folder,
                        "a generation has 16 hexadecimal digits");
    char *path = ibx_path_join(tileset->folder, name);
    if (!path)
        return ibx_fail_nomem(err);
    enum ibx_status st =
        ibx_manifest_open(&tileset->manifest, tileset->cache, path, err);
    free(path);
    if (st == IBX_OK)
        fill_info(tileset, digits);
    return st;
}

enum ibx_status ibx_tileset_open(struct ibx_cache *cache, const char *folder,
                                 const char *generation,
                                 struct ibx_tileset **out, struct ibx_err *err)
{
    char current[IBX_GENERATION_NCHARS + 1];
    enum ibx_status st = IBX_OK;
    if (!generation) {
        st = ibx_tileset_current(folder, current, err);
        generation = current;
    }
    if (st != IBX_OK)
        return st;
    struct ibx_tileset *tileset = calloc(1, sizeof *tileset);
    if (!tileset)
        return ibx_fail_nomem(err);
    atomic_store(&tileset->holds, 1);
    tileset->cache = cache;
    tileset->serial = ibx_cache_new_serial(cache);
    tileset->folder = strdup(folder);
    st = tileset->folder ? open_generation(tileset, generation, err)
                         : ibx_fail_nomem(err);
    if (st != IBX_OK) {
        free(tileset->folder);
        free(tileset);
        return st;
    }
    *out = tileset;
    return IBX_OK;
}

struct ibx_tileset *ibx_tileset_hold(struct ibx_tileset *tileset)
{
    atomic_fetch_add_explicit(&tileset->holds, 1, memory_order_relaxed);
    return tileset;
}

void ibx_tileset_release(struct ibx_tileset *tileset)
{
    if (!tileset || atomic_fetch_sub(&tileset->holds, 1) != 1)
        return;
    ibx_cache_purge(tileset->cache, tileset->serial);
    ibx_manifest_close(&tileset->manifest);
    free(tileset->folder);
    free(tileset);
}

const struct ibx_tileset_info *ibx_tileset_info(
    const struct ibx_tileset *tileset)
{
    return &tileset->info;
}

const char *ibx_tileset_folder(const struct ibx_tileset *tileset)
{
    return tileset->folder;
}

enum ibx_status ibx_tileset_text(struct ibx_tileset *tileset,
                                 enum ibx_text which, char **out,
                                 size_t *out_nbytes, struct ibx_err *err)
{
    if (which > IBX_TEXT_SOURCE)
        return ibx_fail(err, IBX_ERR_INVALID, tileset->folder, "no such text");
    /* Fits: the header was checked against the mapped file's length. */
    size_t nbytes = (size_t)tileset->manifest.header.texts[which].nbytes;
    char *text = malloc(nbytes + 1);
    if (!text)
        return ibx_fail_nomem(err);
    enum ibx_status st =
        ibx_manifest_text(&tileset->manifest, which, text, err);
    if (st != IBX_OK) {
        free(text);
        return st;
    }
    text[nbytes] = '\0';
    *out = text;
    *out_nbytes = nbytes;
    return IBX_OK;
}

enum ibx_status ibx_pack_info(struct ibx_tileset *tileset, uint64_t number,
                              struct ibx_pack_info *out, struct ibx_err *err)
{
    if (number >= tileset->info.npacks)
        return ibx_fail(err, IBX_ERR_INVALID, tileset->folder,
                        "there is no pack %llu", (unsigned long long)number);
    return ibx_manifest_pack(&tileset->manifest, number, IBX_BLOCK, out, err);
}
