/* intake.h - takes features in: the last step of reading, without GDAL.
 *
 * Geometry is put right here, once: rings wound, invalid polygons repaired,
 * what lies outside the map or the wanted box left out and counted. */
#ifndef TILER_VECTOR_INTAKE_H
#define TILER_VECTOR_INTAKE_H

#include "tiler/vector/attrs.h"
#include "tiler/vector/clip.h"
#include "tiler/vector/repair.h"
#include "tiler/vector/stats.h"
#include "tiler/vector/store.h"

struct intake {
    /* Given. */
    struct temp_space *space;
    unsigned bits;            /* world units, see project.h */
    uint8_t minzoom, maxzoom; /* of the build; what is outside is not taken */
    struct geom_box boxes[2]; /* wanted parts of the world */
    size_t nboxes;            /* 0: all of it */
    /* What has been taken in. */
    struct layer_list layers;
    struct store store;
    struct attrs *attrs;
    struct stats_layer *counts; /* by layer; only `input` and `zoom` used */
    size_t counts_cap;
    /* Scratch. */
    struct repair *repair;
    struct clip_work clip;
    struct geom clipped, joined;
    struct bytes set;
};

IBX_MUST_CHECK enum ibx_status intake_open(struct intake *intake,
                                           struct temp_space *space,
                                           struct ibx_err *err);
void intake_close(struct intake *intake);

/* The number of the tile layer `name`, made if it is new (*is_new). */
IBX_MUST_CHECK enum ibx_status intake_layer(struct intake *intake,
                                            const char *name, uint32_t *number,
                                            bool *is_new, struct ibx_err *err);

/* Counts an input event of a layer. */
void intake_count(struct intake *intake, uint32_t layer, enum stat_input what);

/* What to take in. `head` says layer, id, zooms and order; its seq and attrs
 * are set here. `geom` (world units) is changed. The attributes are
 * intake->set, and stay there. */
IBX_MUST_CHECK enum ibx_status intake_add(struct intake *intake,
                                          struct feature_head *head,
                                          struct geom *geom,
                                          struct ibx_err *err);

/* Nothing more comes: frees what only taking in needs. */
IBX_MUST_CHECK enum ibx_status intake_seal(struct intake *intake,
                                           struct ibx_err *err);

#endif
