/* polygon.h - the polygons of any file OGR reads, as the shape of a region. */
#ifndef IBX_CONVERT_POLYGON_H
#define IBX_CONVERT_POLYGON_H

#include "tiler/convert/region.h"

struct polygon;

/* Reads all polygons of `path` and joins them. IBX_ERR_CORRUPT when the file
 * cannot be read or holds none. Free with polygon_free(). */
IBX_MUST_CHECK enum ibx_status polygon_read(const char *path,
                                            struct polygon **out,
                                            struct ibx_err *err);
void polygon_free(struct polygon *polygon);

/* Makes it the shape of `region`, which must not outlive it. */
void polygon_to_region(struct polygon *polygon, struct region *region);

#endif
