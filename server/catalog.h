/* catalog.h - the tilesets in service.
 *
 * A catalog never changes; a reload makes a new one and swaps it in whole, so
 * a request sees one state from beginning to end. Tilesets that did not
 * change are shared by the old one and the new one. */
#ifndef IBX_SERVER_CATALOG_H
#define IBX_SERVER_CATALOG_H

#include <stdatomic.h>
#include <stdbool.h>

#include "pack/imbrex.h"
#include "server/conditional.h"
#include "server/metrics.h"
#include "server/options.h"
#include "server/route.h"

enum { SERVED_TEXT_NBYTES = 256 };

/* What a CURRENT file looked like when it was read. */
struct file_mark {
    uint64_t device, inode, nbytes;
    int64_t modified_ns;
};

enum readiness { NOT_READ_YET, READ_WELL, READ_FAILED };

/* One tileset's generation in service. */
struct served {
    _Atomic unsigned holds;
    char id[ROUTE_ID_NBYTES];
    uint64_t serial; /* never used again by another, nor 0 */
    struct ibx_tileset *tileset;
    const struct ibx_tileset_info *info;
    struct file_mark mark;
    /* Settings. */
    enum absent_policy absent; /* never ABSENT_DEFAULT */
    char cache_control[48];
    /* From the TileJSON text; "" and defaults where it says nothing. */
    char name[SERVED_TEXT_NBYTES], description[SERVED_TEXT_NBYTES],
        attribution[SERVED_TEXT_NBYTES];
    double bounds[4]; /* west, south, east, north */
    double center[3]; /* longitude, latitude, zoom */
    bool vector;
    bool renamed; /* the configuration gives its name */
    uint64_t tilejson_nbytes;
    _Atomic int readiness; /* enum readiness */
};

struct catalog {
    _Atomic unsigned holds;
    size_t nserved;
    struct served *served[]; /* sorted by id, each held */
};

struct catalog *catalog_hold(struct catalog *catalog);
void catalog_release(struct catalog *catalog);

/* Borrowed from the catalog; NULL when there is none. */
struct served *catalog_find(const struct catalog *catalog, const char *id);

/* Gives up one hold; NULL is allowed. */
void served_release(struct served *served);

/* The library: where tilesets come from, and the catalog in force. */
struct library;

struct library_result {
    unsigned changed; /* generations newly in service, or gone out of it */
    unsigned failed;  /* tilesets that could not be opened */
};

/* Opens every tileset named. One named itself that cannot be opened is a
 * failure, with file and reason in `error`; one found in a FOLDER is logged
 * and left out. `options` and `cache` must outlive the library. */
struct library *library_open(const struct options *options,
                             struct ibx_cache *cache, struct counters *counters,
                             char error[OPTIONS_ERROR_NBYTES]);
void library_close(struct library *library);

/* The catalog in force, held. Any thread. */
struct catalog *library_catalog(struct library *library);

/* Changes whenever the catalog does. Any thread; cheap. */
uint64_t library_version(const struct library *library);

/* Looks for new generations and, in FOLDERs, for tilesets that came or went.
 * What failed before is tried again when its CURRENT changed, or with `force`.
 * A tileset whose new generation cannot be opened stays as it was. May block;
 * any thread, one at a time is let in. */
void library_reload(struct library *library, bool force,
                    struct library_result *result);

/* Reads and verifies a first tile of every tileset that was not read yet or
 * whose reading failed; true when all have been read well. May block. */
bool library_probe(struct library *library);

#endif
