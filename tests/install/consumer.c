/* What a user of the installed library writes: opens a tileset and prints the
 * size of its first tile. */
#include <imbrex.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct ibx_cache_options options;
    struct ibx_cache *cache;
    struct ibx_tileset *tileset;
    struct ibx_tile tile;
    ibx_cache_options_init(&options);
    if (argc != 2 || ibx_cache_open(&options, &cache, NULL) != IBX_OK ||
        ibx_tileset_open(cache, argv[1], NULL, &tileset, NULL) != IBX_OK ||
        ibx_tile_get(tileset, (struct ibx_zxy){0, 0, 0}, IBX_BLOCK, &tile,
                     NULL) != IBX_OK)
        return 1;
    printf("%u bytes\n", (unsigned)tile.facts.nbytes);
    ibx_tile_release(&tile);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    return 0;
}
