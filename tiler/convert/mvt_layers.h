/* mvt_layers.h - the `vector_layers` of a map that has none in its metadata,
 * from its tiles. */
#ifndef IBX_CONVERT_MVT_LAYERS_H
#define IBX_CONVERT_MVT_LAYERS_H

#include "tiler/convert/buf.h"

/* More are left out: a list of thousands helps nobody, and memory is bounded.
 */
enum { MVT_LAYERS_MAX = 500, MVT_FIELDS_MAX = 500 };

struct mvt_layers;

/* NULL when memory ran out. */
struct mvt_layers *mvt_layers_new(void);
void mvt_layers_free(struct mvt_layers *layers);

/* Takes note of the layers and attributes of a tile of zoom `z`, compressed
 * with `encoding`. A tile that cannot be understood adds nothing.
 * IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status mvt_layers_add(struct mvt_layers *layers,
                                              struct bytes tile,
                                              enum ibx_encoding encoding,
                                              uint8_t z);

/* Appends a JSON array as TileJSON 3.0 section 3.3 wants it, layers and fields
 * by name; nothing when there are no layers. */
void mvt_layers_put(struct mvt_layers *layers, struct buf *out);

#endif
