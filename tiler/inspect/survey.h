/* survey.h - what is in a tileset, from its manifest and as few packs as
 * possible: those that span zooms, and those that hold the largest tiles. */
#ifndef TILER_INSPECT_SURVEY_H
#define TILER_INSPECT_SURVEY_H

#include "pack/imbrex.h"

enum { SURVEY_LARGEST_MAX = 100 };

struct zoom_survey {
    uint64_t tiles;
    uint64_t blobs; /* of the tiles that use each first */
    uint64_t payload_nbytes;
    uint64_t packs; /* that hold a tile of this zoom */
};

struct large_tile {
    struct ibx_zxy at; /* the first address that holds it */
    uint32_t nbytes;
};

struct generation_survey {
    char name[IBX_GENERATION_NCHARS + 1];
    bool in_force, readable;
    struct ibx_tileset_info info; /* when readable */
};

struct survey {
    /* Given. */
    const char *folder;
    size_t largest_wanted; /* up to SURVEY_LARGEST_MAX */
    /* Found. */
    struct ibx_tileset_info info;
    uint64_t pack_nbytes_cap, oversize_packs;
    struct zoom_survey zooms[IBX_MAX_ZOOM + 1];
    struct large_tile largest[SURVEY_LARGEST_MAX]; /* largest first */
    size_t nlargest;
    struct generation_survey *generations; /* in force first, then newest */
    size_t ngenerations;
    char *name;     /* TileJSON's; or NULL */
    char *tilejson; /* "" when there is none */
    char *report;
};

/* Fills in all that is found; survey_fini() it whatever came back. Fails as
 * opening the tileset or reading a pack does. */
IBX_MUST_CHECK enum ibx_status survey_run(struct survey *survey,
                                          const char *generation,
                                          struct ibx_err *err);
void survey_fini(struct survey *survey);

#endif
