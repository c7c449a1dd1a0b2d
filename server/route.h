/* route.h - what a request target asks for (docs/http.md section 2).
 *
 * Pure: no sockets, no files, no tilesets. Whether the tileset exists is the
 * catalog's business; route_parse() only knows which resources can exist. */
#ifndef IBX_SERVER_ROUTE_H
#define IBX_SERVER_ROUTE_H

#include <stdbool.h>

#include "pack/imbrex.h"
#include "server/text.h"

enum {
    ROUTE_ID_NBYTES = 64,    /* longest tileset id, with its terminator */
    ROUTE_NAME_NBYTES = 192, /* longest other decoded name */
    ROUTE_SEGMENTS_MAX = 10,
};

enum route_kind {
    ROUTE_NOTHING, /* well-formed, but no such resource: 404 */
    ROUTE_BAD,     /* not a target that we can parse: 400 */
    ROUTE_SERVER,  /* "*", which only OPTIONS may use */
    ROUTE_PAGE,
    ROUTE_ASSET, /* name */
    ROUTE_TILE,  /* id, at, format, scale, generation */
    ROUTE_TILEJSON,
    ROUTE_CATALOG,
    ROUTE_STATUS,
    ROUTE_STYLE,  /* id */
    ROUTE_FONT,   /* name is the stack, at.x the first code point */
    ROUTE_SPRITE, /* name */
    ROUTE_TMS_SERVICE,
    ROUTE_TMS_MAP, /* id */
    ROUTE_WMTS,
    ROUTE_OGC_LANDING,
    ROUTE_OGC_CONFORMANCE,
    ROUTE_OGC_API,
    ROUTE_OGC_COLLECTIONS,
    ROUTE_OGC_COLLECTION, /* id */
    ROUTE_OGC_TILESETS,   /* id, map */
    ROUTE_OGC_TILESET,    /* id, map */
    ROUTE_OGC_SCHEMES,
    ROUTE_OGC_SCHEME, /* name */
    /* Only on the admin listener. */
    ROUTE_HEALTH,
    ROUTE_READY,
    ROUTE_METRICS,
    ROUTE_RELOAD,
};

struct route {
    enum route_kind kind;
    bool in_range;            /* tile: z <= 30 and x, y below 2^z */
    bool map;                 /* OGC: under map/tiles, for rasters */
    struct ibx_zxy at;        /* tile, XYZ, when in_range */
    enum ibx_format format;   /* of the extension; UNKNOWN without one */
    uint8_t scale;            /* 2 for @2x, else 1 */
    char id[ROUTE_ID_NBYTES]; /* "" where the kind has none */
    char generation[IBX_GENERATION_NCHARS + 1]; /* "" when not pinned */
    char name[ROUTE_NAME_NBYTES];
    struct span authority; /* of an absolute-form target, borrowed; else
                              empty */
};

/* Parses a raw request target of the public listener, still percent-encoded,
 * with its query. `base_path` ("" or "/maps") is taken off first; a target
 * outside it is ROUTE_NOTHING. Always fills *out. */
void route_parse(const char *target, const char *base_path, struct route *out);

/* The same for the admin listener, which has no base path. */
void route_parse_admin(const char *target, struct route *out);

/* True for an id that a tileset may have (docs/http.md rule 2.3). */
bool route_id_is_valid(const char *id);

#endif
