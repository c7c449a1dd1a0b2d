/* mvt.h - Mapbox Vector Tile 2.1, written and read.
 *
 * Writing: keys and values once per layer, features in the order given, ids
 * where there are any. Reading exists for tests and tools: it checks all the
 * numbers it follows. */
#ifndef TILER_VECTOR_MVT_H
#define TILER_VECTOR_MVT_H

#include "tiler/vector/bytes.h"
#include "tiler/vector/geom.h"

struct mvt_feature {
    const struct geom *geom; /* tile units, at least one part */
    bool has_id;
    uint64_t id;
    struct cursor attrs; /* a set as attrs.h describes it */
    uint64_t attrs_ref;  /* equal references are equal sets */
};

struct mvt_layer {
    const char *name;
    const char *const *keys; /* by the numbers used in the sets */
    size_t nkeys;
    const struct mvt_feature *features; /* at least one */
    size_t nfeatures;
};

struct mvt_writer;

struct mvt_writer *mvt_writer_new(void); /* NULL: no memory */
void mvt_writer_free(struct mvt_writer *writer);
/* Frees what large tiles have grown; it may be used on. */
void mvt_writer_shrink(struct mvt_writer *writer);

/* Replaces *out by the tile. Layers without features are left out. False: no
 * memory. */
bool mvt_write(struct mvt_writer *writer, const struct mvt_layer *layers,
               size_t nlayers, struct bytes *out);

/* ---- reading ------------------------------------------------------------ */

struct mvt_tile; /* a decoded tile */

/* NULL when the bytes are no vector tile, or no memory. */
struct mvt_tile *mvt_read(const uint8_t *ptr, size_t len);
void mvt_tile_free(struct mvt_tile *tile);

size_t mvt_nlayers(const struct mvt_tile *tile);
const char *mvt_layer_name(const struct mvt_tile *tile, size_t layer);
size_t mvt_nfeatures(const struct mvt_tile *tile, size_t layer);

/* The feature's geometry into *geom; false when its commands are wrong. */
bool mvt_geometry(const struct mvt_tile *tile, size_t layer, size_t feature,
                  struct geom *geom);

/* Its id, if it has one. */
bool mvt_id(const struct mvt_tile *tile, size_t layer, size_t feature,
            uint64_t *id);

enum { MVT_ATTRIBUTE_NBYTES = 256 };

/* Attribute `number`, as "key=value" with the type in front ("s:name=Porto"),
 * cut to what fits; false when there are no more. */
bool mvt_attribute(const struct mvt_tile *tile, size_t layer, size_t feature,
                   size_t number, char text[MVT_ATTRIBUTE_NBYTES]);

#endif
