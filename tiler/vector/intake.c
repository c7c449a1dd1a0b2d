#include "tiler/vector/intake.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double SAME_AREA = 0.01;
/* Few features have more; what mending one needs is not to stand beside what
 * the reader takes for the next. */
enum { LARGE_NPOINTS = 10000 };

enum ibx_status intake_open(struct intake *intake, struct temp_space *space,
                            struct ibx_err *err)
{
    intake->space = space;
    intake->store.file.fd = -1;
    intake->repair = repair_new();
    if (intake->repair == NULL)
        return err_nomem(err);
    enum ibx_status status = store_open(&intake->store, space, err);
    if (status != IBX_OK)
        return status;
    return attrs_open(space, &intake->attrs, err);
}

static void free_scratch(struct intake *intake)
{
    repair_free(intake->repair);
    intake->repair = NULL;
    clip_work_free(&intake->clip);
    geom_free(&intake->clipped);
    geom_free(&intake->joined);
    bytes_free(&intake->set);
}

static bool renew_scratch(struct intake *intake)
{
    free_scratch(intake);
    intake->repair = repair_new();
    return intake->repair != NULL;
}

void intake_close(struct intake *intake)
{
    layer_list_free(&intake->layers);
    store_close(&intake->store);
    attrs_close(intake->attrs);
    free(intake->counts);
    free_scratch(intake);
}

static bool reserve_counts(struct intake *intake, size_t need)
{
    if (need <= intake->counts_cap)
        return true;
    size_t cap = need * 2;
    void *counts = realloc(intake->counts, cap * sizeof *intake->counts);
    if (counts == NULL)
        return false;
    intake->counts = counts;
    memset(intake->counts + intake->counts_cap, 0,
           (cap - intake->counts_cap) * sizeof *intake->counts);
    intake->counts_cap = cap;
    return true;
}

enum ibx_status intake_layer(struct intake *intake, const char *name,
                             uint32_t *number, bool *is_new,
                             struct ibx_err *err)
{
    struct layer *layer = layer_list_find(&intake->layers, name);
    *is_new = layer == NULL;
    if (layer == NULL)
        layer = layer_list_add(&intake->layers, name);
    if (layer == NULL || !reserve_counts(intake, intake->layers.count))
        return err_nomem(err);
    *number = (uint32_t)(layer - intake->layers.items);
    return IBX_OK;
}

void intake_count(struct intake *intake, uint32_t layer, enum stat_input what)
{
    intake->counts[layer].input[what]++;
}

/* Gives rings the winding geom.h promises. Rings of fewer than three points
 * go, an outer one with its holes. */
static void wind(struct geom *geom)
{
    size_t kept = 0, start = 0, to = 0;
    bool outer_kept = false;
    for (size_t i = 0; i < geom->nparts; i++) {
        size_t end = geom->parts[i].end, n = end - start;
        bool outer = geom->parts[i].outer;
        bool keep = n >= 3 && (outer || outer_kept);
        if (outer)
            outer_kept = keep;
        if (keep) {
            struct geom_point *p = geom->points + to;
            memmove(p, geom->points + start, n * sizeof *p);
            if ((geom_ring_area2(p, n) > 0) != outer)
                geom_reverse(p, n);
            to += n;
            geom->parts[kept++] = (struct geom_part){to, outer};
        }
        start = end;
    }
    geom->nparts = kept;
    geom->npoints = to;
}

/* Cuts to the wanted boxes. *inside is false when nothing is left. */
static enum ibx_status cut_to_boxes(struct intake *intake, struct geom *geom,
                                    bool *inside, struct ibx_err *err)
{
    *inside = true;
    if (intake->nboxes == 0)
        return IBX_OK;
    geom_reset(&intake->joined, geom->kind);
    for (size_t i = 0; i < intake->nboxes; i++) {
        struct geom_box box = intake->boxes[i];
        enum clip_status clipped =
            clip_box(&intake->clip, geom, box, &intake->clipped);
        if (clipped == CLIP_NOMEM ||
            !geom_add_parts(&intake->joined, &intake->clipped, 0,
                            intake->clipped.nparts))
            return err_nomem(err);
    }
    struct geom swap = *geom;
    *geom = intake->joined;
    intake->joined = swap;
    *inside = geom->nparts > 0;
    return IBX_OK;
}

static bool is_on_map(const struct intake *intake, const struct geom *geom)
{
    int64_t world = INT64_C(1) << intake->bits;
    struct geom_box map = {-world, 0, 2 * world, world};
    return geom_box_meets(map, geom_box_of(geom));
}

/* Repairs polygons. Where a ring crosses itself by so little that the area is
 * the same, it stays as it is: zooms put that right in a way that neighbours
 * follow, and a vertex more here would open a sliver between them. */
static bool mend(struct intake *intake, uint32_t layer, struct geom *geom)
{
    struct geom *mended = &intake->clipped;
    geom_reset(mended, geom->kind);
    if (!geom_add_parts(mended, geom, 0, geom->nparts))
        return false;
    enum repair_status status = repair_polygons(intake->repair, mended);
    if (status == REPAIR_NOMEM)
        return false;
    if (status == REPAIR_FINE)
        return true;
    intake_count(intake, layer,
                 mended->nparts > 0 ? READ_REPAIRED : READ_NOT_REPAIRED);
    double area = geom_area(mended), before = geom_area(geom);
    if (mended->nparts > 0 && intake->nboxes == 0 &&
        fabs(area - before) <= area * SAME_AREA)
        return true;
    struct geom swap = *geom;
    *geom = *mended;
    *mended = swap;
    return true;
}

static enum ibx_status put_right(struct intake *intake, uint32_t layer,
                                 struct geom *geom, bool *take,
                                 struct ibx_err *err)
{
    *take = false;
    if (geom->kind == GEOM_POLYGON)
        wind(geom);
    if (geom->npoints == 0) {
        intake_count(intake, layer, READ_EMPTY);
        return IBX_OK;
    }
    if (!is_on_map(intake, geom)) {
        intake_count(intake, layer, READ_OUTSIDE);
        return IBX_OK;
    }
    if (geom->kind == GEOM_POLYGON && !mend(intake, layer, geom))
        return err_nomem(err);
    bool inside;
    enum ibx_status status = cut_to_boxes(intake, geom, &inside, err);
    if (status == IBX_OK && !inside)
        intake_count(intake, layer, READ_OUTSIDE_BOX);
    *take = inside && geom->nparts > 0;
    return status;
}

enum ibx_status intake_add(struct intake *intake, struct feature_head *head,
                           struct geom *geom, struct ibx_err *err)
{
    struct layer *layer = &intake->layers.items[head->layer];
    if (head->minzoom < layer->minzoom)
        head->minzoom = layer->minzoom;
    if (head->maxzoom > layer->maxzoom)
        head->maxzoom = layer->maxzoom;
    if (head->minzoom > head->maxzoom || head->minzoom > intake->maxzoom ||
        head->maxzoom < intake->minzoom) {
        intake_count(intake, head->layer, READ_NO_ZOOM);
        return IBX_OK;
    }
    bool take;
    enum ibx_status status = put_right(intake, head->layer, geom, &take, err);
    if (status != IBX_OK || !take)
        return status;
    status = attrs_add(intake->attrs, &intake->set, &head->attrs, err);
    if (status != IBX_OK)
        return status;
    layer->kinds |= 1u << geom->kind;
    intake_count(intake, head->layer, READ_TAKEN);
    status = store_add(&intake->store, head, geom, err);
    if (status == IBX_OK && geom->npoints > LARGE_NPOINTS &&
        !renew_scratch(intake))
        return err_nomem(err);
    return status;
}

enum ibx_status intake_seal(struct intake *intake, struct ibx_err *err)
{
    free_scratch(intake);
    enum ibx_status status = store_seal(&intake->store, err);
    return status == IBX_OK ? attrs_seal(intake->attrs, err) : status;
}
