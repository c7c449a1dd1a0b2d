/* vector_tiles TILESET DIR [MAXZOOM]: writes every tile as DIR/z/x/y.pbf, as
 * stored (gzip), for decoders that are not ours. Runs of equal tiles are
 * written one by one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "pack/imbrex.h"

static int fail(const struct ibx_err *err)
{
    fprintf(stderr, "vector_tiles: %s: %s\n", err->file, err->what);
    return EXIT_FAILURE;
}

static bool make_folder(const char *path)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST;
}

static bool write_tile(const char *dir, struct ibx_zxy at,
                       const struct ibx_tile *tile)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%u", dir, at.z);
    if (!make_folder(path))
        return false;
    snprintf(path, sizeof path, "%s/%u/%u", dir, at.z, at.x);
    if (!make_folder(path))
        return false;
    snprintf(path, sizeof path, "%s/%u/%u/%u.pbf", dir, at.z, at.x, at.y);
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    size_t n = fwrite(tile->bytes, 1, tile->facts.nbytes, file);
    return fclose(file) == 0 && n == tile->facts.nbytes;
}

static int dump(struct ibx_tileset *tileset, const char *dir, int maxzoom)
{
    struct ibx_err err;
    struct ibx_walk *walk;
    struct ibx_span span;
    if (ibx_walk_open(tileset, 0, &walk, &err) != IBX_OK)
        return fail(&err);
    enum ibx_status status;
    while ((status = ibx_walk_next(walk, &span, &err)) == IBX_OK) {
        struct ibx_tile tile;
        if (ibx_tile_zxy(span.first_id).z > maxzoom)
            break;
        if (ibx_walk_tile(walk, &tile, &err) != IBX_OK)
            return fail(&err);
        for (uint64_t i = 0; i < span.count; i++) {
            if (!write_tile(dir, ibx_tile_zxy(span.first_id + i), &tile))
                return EXIT_FAILURE;
        }
        ibx_tile_release(&tile);
    }
    ibx_walk_close(walk);
    return status == IBX_OK || status == IBX_NOT_FOUND ? EXIT_SUCCESS
                                                       : fail(&err);
}

int main(int argc, char **argv)
{
    struct ibx_cache_options options;
    struct ibx_cache *cache;
    struct ibx_tileset *tileset;
    struct ibx_err err;
    if (argc < 3)
        return 2;
    ibx_cache_options_init(&options);
    if (ibx_cache_open(&options, &cache, &err) != IBX_OK ||
        ibx_tileset_open(cache, argv[1], NULL, &tileset, &err) != IBX_OK)
        return fail(&err);
    char *tilejson;
    size_t nbytes;
    if (ibx_tileset_text(tileset, IBX_TEXT_TILEJSON, &tilejson, &nbytes,
                         &err) != IBX_OK)
        return fail(&err);
    printf("%s\n", tilejson);
    free(tilejson);
    int code = EXIT_FAILURE;
    if (make_folder(argv[2]))
        code = dump(tileset, argv[2], argc > 3 ? atoi(argv[3]) : 30);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    return code;
}
