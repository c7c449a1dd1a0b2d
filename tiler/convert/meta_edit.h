/* meta_edit.h - metadata kept true when tiles are taken away or added. */
#ifndef IBX_CONVERT_META_EDIT_H
#define IBX_CONVERT_META_EDIT_H

#include "tiler/convert/meta_text.h"
#include "tiler/convert/region.h"

/* Narrows the bounds that `meta` gives to the region, moves a center that
 * fell outside, and fills *tiles with the bounds and the kind of a tileset
 * like `info`; zooms are the caller's. Where `meta` gives no bounds, those of
 * `tilejson` count, which came from the tiles. IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status meta_tiles_of_part(
    struct meta *meta, const struct meta *tilejson, const struct region *region,
    const struct ibx_tileset_info *info, struct meta_tiles *tiles);

/* Gives `meta` new bounds, in degrees, wherever it gives bounds.
 * IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status meta_set_bounds(struct meta *meta,
                                               const struct box *box);

/* Corrects zooms that `meta` gives to those of `tiles`: always, or only where
 * there are tiles outside what it claims. IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status meta_set_zooms(struct meta *meta,
                                              const struct meta_tiles *tiles,
                                              bool always);

/* Adds the vector layers of `from` that `meta` has not, by their id, and the
 * fields and zooms of those that it has. IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status meta_add_layers(struct meta *meta,
                                               const struct meta *from);

/* The kind of tiles most likely in a tileset that holds these formats. */
struct tile_kind kind_of_formats(uint32_t format_bits);

#endif
