#include "tiler/raster/emit.h"

#include <stdlib.h>
#include <string.h>

#include "tiler/cli/report.h"

static bool keep(struct emitted *e, struct ibx_zxy at,
                 const struct encoded *encoded)
{
    if (e->count == e->room) {
        size_t room = e->room * 2 + 64;
        struct ibx_writer_tile *tiles =
            realloc(e->tiles, room * sizeof(*tiles));
        if (tiles == NULL)
            return false;
        e->tiles = tiles;
        e->room = room;
    }
    uint8_t *bytes = malloc(encoded->nbytes);
    if (bytes == NULL)
        return false;
    memcpy(bytes, encoded->bytes, encoded->nbytes);
    e->tiles[e->count++] = (struct ibx_writer_tile){
        .first_id = ibx_tile_id(at),
        .count = 1,
        .bytes = bytes,
        .nbytes = encoded->nbytes,
        .format = encoded->format,
        .encoding = IBX_ENCODING_NONE,
    };
    return true;
}

static void count(struct tally_zoom *zoom, const struct encoded *encoded)
{
    zoom->tiles++;
    zoom->nbytes += encoded->nbytes;
    zoom->flattened += encoded->flattened;
    zoom->formats[encoded->format == IBX_FORMAT_PNG    ? 0
                  : encoded->format == IBX_FORMAT_JPEG ? 1
                                                       : 2]++;
}

bool emit(struct emitted *emitted, struct ibx_zxy at,
          const struct pixels *pixels)
{
    struct tally_zoom *zoom = &emitted->tally.zooms[at.z];
    struct encoded encoded;
    if (pixels->cover == COVER_NONE) {
        zoom->transparent++;
        return true;
    }
    if (!encoder_encode(emitted->encoder, pixels, &encoded) ||
        !keep(emitted, at, &encoded)) {
        report(NULL, "give fewer --threads", "out of memory");
        return false;
    }
    count(zoom, &encoded);
    return true;
}

void emitted_clear(struct emitted *emitted)
{
    for (size_t i = 0; i < emitted->count; i++)
        free((void *)(uintptr_t)emitted->tiles[i].bytes);
    emitted->count = 0;
    emitted->tally = (struct tally){0};
}

void emitted_fini(struct emitted *emitted)
{
    emitted_clear(emitted);
    free(emitted->tiles);
    emitted->tiles = NULL;
    emitted->room = 0;
}
