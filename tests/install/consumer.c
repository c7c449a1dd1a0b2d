/* What a user of the installed library writes: a map drawn on a thread that
 * must not wait, under caps of its own. Prints the size of the tileset's first
 * tile.
 */
#include <imbrex.h>
#include <stdio.h>

static const struct ibx_zxy world = {0, 0, 0};

/* The drawing thread asks; another one, here the same, fetches. */
static int draw(struct ibx_tileset *tileset)
{
    struct ibx_tile tile;
    if (ibx_tile_is_resident(tileset, world) ||
        ibx_tile_get(tileset, world, IBX_TRY, &tile, NULL) != IBX_AGAIN)
        return 1; /* nobody has read it yet */
    if (ibx_tile_get(tileset, world, IBX_BLOCK, &tile, NULL) != IBX_OK)
        return 1;
    ibx_tile_release(&tile);
    if (!ibx_tile_is_resident(tileset, world) ||
        ibx_tile_get(tileset, world, IBX_TRY, &tile, NULL) != IBX_OK)
        return 1;
    printf("%u bytes\n", (unsigned)tile.facts.nbytes);
    ibx_tile_release(&tile);
    return 0;
}

/* Whether what was used is what the caps allow and no copy is left. */
static int check(struct ibx_cache *cache, const struct ibx_cache_options *caps)
{
    struct ibx_cache_stats stats;
    ibx_cache_stats(cache, &stats);
    return !(stats.views == 1 && stats.opens == 1 && stats.handles == 0 &&
             stats.views_high <= caps->max_views &&
             stats.handles_high <= caps->max_handles &&
             stats.mapped_nbytes_high <= caps->max_mapped_nbytes &&
             stats.copy_nbytes == 0 && stats.copy_nbytes_high > 0);
}

int main(int argc, char **argv)
{
    struct ibx_cache_options caps;
    struct ibx_cache *cache;
    struct ibx_tileset *tileset;
    ibx_cache_options_init(&caps);
    caps.max_views = 2;
    caps.max_handles = 1;
    caps.max_mapped_nbytes = 16 << 20;
    if (argc != 2 || ibx_cache_open(&caps, &cache, NULL) != IBX_OK)
        return 1;
    if (ibx_tileset_open(cache, argv[1], NULL, &tileset, NULL) != IBX_OK)
        return 1;
    int failed = draw(tileset) || check(cache, &caps);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    return failed;
}
