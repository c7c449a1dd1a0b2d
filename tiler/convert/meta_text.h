/* meta_text.h - metadata written as each container wants it. */
#ifndef IBX_CONVERT_META_TEXT_H
#define IBX_CONVERT_META_TEXT_H

#include "tiler/convert/meta.h"

/* What is known of the tiles themselves; it goes before what metadata says. */
struct meta_tiles {
    bool any; /* false: there are none, and the rest means nothing */
    uint8_t min_zoom, max_zoom;
    double west, south, east, north; /* of the tiles held, in degrees */
    struct tile_kind kind;           /* of most tiles */
    const char *fallback_name;       /* where metadata has none; or NULL */
    struct json_slice
        layers; /* vector_layers where metadata has none; or {0} */
};

/* Appends the TileJSON 3.0 object (without `tiles`) that describes the map.
 * Memory running out shows in `out`. */
void meta_put_tilejson(const struct meta *meta, const struct meta_tiles *tiles,
                       struct buf *out);

/* Appends the manifest's source section: a JSON object from which
 * meta_read_source() makes the same metadata again. */
void meta_put_source(const struct meta *meta, struct buf *out);

/* Reads a source section into the empty `meta`. A section of another making
 * is IBX_ERR_UNSUPPORTED; IBX_ERR_NOMEM. On failure free `meta`. */
IBX_MUST_CHECK enum ibx_status meta_read_source(struct meta *meta,
                                                struct bytes section,
                                                struct ibx_err *err);

/* Appends the JSON metadata of a PMTiles archive. `layers` are its
 * vector_layers where the metadata have none; or {0}. */
void meta_put_pmtiles(const struct meta *meta, struct json_slice layers,
                      struct buf *out);

/* The header's numbers: as they were in a PMTiles source where they still
 * hold, otherwise from the metadata and the tiles. */
void meta_fill_header(const struct meta *meta, const struct meta_tiles *tiles,
                      struct pmtiles_header *header);

/* Appends what belongs into a folder's metadata.json; nothing when the source
 * was a folder without one. */
void meta_put_folder(const struct meta *meta, struct buf *out);

/* Fills the empty `rows` with the items an MBTiles `metadata` table gets, all
 * of them META_TEXT, META_BLOB, or META_RAW "null". IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status meta_to_rows(const struct meta *meta,
                                            const struct meta_tiles *tiles,
                                            struct meta *rows);

#endif
