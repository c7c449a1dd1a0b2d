/* meta.h - a map's metadata, carried between containers without a change.
 *
 * Metadata is an ordered list of items, as MBTiles rows are and as members of
 * a JSON object are. Where it came from as JSON, the text itself is kept too
 * and goes back out character by character until somebody edits an item.
 * docs/decisions/metadata.md tells how items go from one container to another
 * and back. One thread at a time. */
#ifndef IBX_CONVERT_META_H
#define IBX_CONVERT_META_H

#include "tiler/convert/json.h"
#include "tiler/convert/pmtiles.h"

enum meta_container {
    META_NONE, /* built by us, or not known */
    META_MBTILES,
    META_PMTILES,
    META_FOLDER,
    META_METATILE,
    META_BUNDLE,
};

enum meta_type {
    META_TEXT, /* a row's text, a JSON string's meaning; valid UTF-8 */
    META_RAW,  /* the raw text of a JSON value that is no string */
    META_BLOB, /* a row's bytes that are no UTF-8 text */
};

struct meta_item {
    char *name; /* UTF-8 */
    char *text; /* a NUL follows, not counted */
    size_t nbytes;
    enum meta_type type;
};

enum { META_EXTENSION_NBYTES = 16 };

struct meta {
    struct meta_item *items;
    size_t count, capacity;
    char *json; /* the container's own JSON text, or NULL */
    size_t json_nbytes;
    struct pmtiles_header header; /* of a PMTiles source */
    enum meta_container container;
    char extension[META_EXTENSION_NBYTES]; /* of a folder: "png", "mvt.gz" */
    bool has_header;
    bool tms; /* rows of a folder counted from the south */
};

/* `meta` must be zeroed before its first use. */
void meta_free(struct meta *meta);

/* Appends an item. IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status meta_add(struct meta *meta, const char *name,
                                        enum meta_type type, struct bytes text);

/* Changes the (last) item `name` or appends it. The container's own JSON text
 * is given up: it would contradict. IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status meta_set(struct meta *meta, const char *name,
                                        enum meta_type type, struct bytes text);

/* Removes every item `name`; true when there was one. */
bool meta_unset(struct meta *meta, const char *name);

/* The last item `name`, or NULL. */
const struct meta_item *meta_find(const struct meta *meta, const char *name);

/* Takes the members of a JSON object. IBX_ERR_CORRUPT when the text is no
 * JSON object, IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status meta_from_json(struct meta *meta,
                                              struct bytes text,
                                              struct ibx_err *err);

/* The raw value of member `key` among the items, or inside the `json` row. */
bool meta_raw(const struct meta *meta, const char *key, struct json_slice *out);

/* ---- numbers ----------------------------------------------------------- */

/* Where the map is, as far as the metadata says. */
struct meta_place {
    bool has_bounds, has_center, has_zooms;
    double west, south, east, north; /* degrees */
    double lon, lat;
    int center_zoom; /* -1: not given */
    int min_zoom, max_zoom;
};

/* Reads what is there; what does not parse counts as not there. */
void meta_place(const struct meta *meta, struct meta_place *out);

/* The first value that does not mean what its name promises: IBX_ERR_CORRUPT
 * with err->what. IBX_OK when there is none. */
IBX_MUST_CHECK enum ibx_status meta_check(const struct meta *meta,
                                          struct ibx_err *err);

/* The tile format that an item `format` names, or UNKNOWN. */
enum ibx_format meta_format(const struct meta *meta);

#endif
