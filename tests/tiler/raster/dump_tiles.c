/* dump_tiles TILESET OUT - writes every tile as OUT/Z/X/Y.EXT, and the texts
 * as OUT/tilejson.json and OUT/report.json, for tests in other languages. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "pack/imbrex.h"

enum { PATH_NBYTES = 4096 };

static _Noreturn void fail(const char *what, const struct ibx_err *err)
{
    fprintf(stderr, "dump_tiles: %s: %s %s\n", what, err->file, err->what);
    exit(1);
}

static void make_folder(const char *path)
{
    const struct ibx_err none = {0};
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        fail(path, &none);
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    const struct ibx_err none = {0};
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        fail(path, &none);
    bool ok = fwrite(bytes, 1, n, file) == n;
    if (fclose(file) != 0 || !ok)
        fail(path, &none);
}

static const char *extension(enum ibx_format format)
{
    switch (format) {
    case IBX_FORMAT_PNG:
        return "png";
    case IBX_FORMAT_JPEG:
        return "jpg";
    case IBX_FORMAT_WEBP:
        return "webp";
    case IBX_FORMAT_MVT:
        return "pbf";
    default:
        return "bin";
    }
}

static void write_tile(const char *out, uint64_t id, const struct ibx_tile *t)
{
    char path[PATH_NBYTES];
    struct ibx_zxy at = ibx_tile_zxy(id);
    (void)snprintf(path, sizeof(path), "%s/%u", out, at.z);
    make_folder(path);
    (void)snprintf(path, sizeof(path), "%s/%u/%" PRIu32, out, at.z, at.x);
    make_folder(path);
    (void)snprintf(path, sizeof(path), "%s/%u/%" PRIu32 "/%" PRIu32 ".%s", out,
                   at.z, at.x, at.y, extension(t->facts.format));
    write_file(path, t->bytes, t->facts.nbytes);
}

static void write_text(struct ibx_tileset *tileset, enum ibx_text which,
                       const char *out, const char *name)
{
    char path[PATH_NBYTES];
    char *text = NULL;
    size_t nbytes = 0;
    struct ibx_err err = {0};
    if (ibx_tileset_text(tileset, which, &text, &nbytes, &err) != IBX_OK)
        fail(name, &err);
    (void)snprintf(path, sizeof(path), "%s/%s", out, name);
    write_file(path, text, nbytes);
    free(text);
}

static void write_all(struct ibx_tileset *tileset, const char *out)
{
    struct ibx_walk *walk = NULL;
    struct ibx_err err = {0};
    struct ibx_span span;
    if (ibx_walk_open(tileset, 0, &walk, &err) != IBX_OK)
        fail("walk", &err);
    enum ibx_status status = ibx_walk_next(walk, &span, &err);
    for (; status == IBX_OK; status = ibx_walk_next(walk, &span, &err)) {
        struct ibx_tile tile = {0};
        if (ibx_walk_tile(walk, &tile, &err) != IBX_OK)
            fail("tile", &err);
        for (uint64_t i = 0; i < span.count; i++)
            write_tile(out, span.first_id + i, &tile);
        ibx_tile_release(&tile);
    }
    if (status != IBX_NOT_FOUND)
        fail("next", &err);
    ibx_walk_close(walk);
}

int main(int argc, char **argv)
{
    struct ibx_cache_options options;
    struct ibx_cache *cache = NULL;
    struct ibx_tileset *tileset = NULL;
    struct ibx_err err = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: dump_tiles TILESET OUT\n");
        return 2;
    }
    ibx_cache_options_init(&options);
    if (ibx_cache_open(&options, &cache, &err) != IBX_OK ||
        ibx_tileset_open(cache, argv[1], NULL, &tileset, &err) != IBX_OK)
        fail(argv[1], &err);
    make_folder(argv[2]);
    write_text(tileset, IBX_TEXT_TILEJSON, argv[2], "tilejson.json");
    write_text(tileset, IBX_TEXT_REPORT, argv[2], "report.json");
    write_all(tileset, argv[2]);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    return 0;
}
