#include <stdlib.h>

#include "tiler/vector/join.h"
#include "tiler/vector/shape.h"
#include "tiler/vector/tile_maker.h"

/* A feature in the making: a share, and the geometry that stands for it. */
static struct mvt_feature feature_of(const struct tile_maker *maker,
                                     const struct share *share)
{
    return (struct mvt_feature){
        .geom = share->geom,
        .has_id = share->head.has_id,
        .id = share->head.id,
        .attrs = attrs_get(maker->settings->attrs, share->head.attrs),
        .attrs_ref = share->head.attrs,
    };
}

/* Makes a copy of `geom` stand for feature `number`. */
static bool keep_made(struct tile_maker *maker, size_t number,
                      const struct geom *geom)
{
    maker->made_of[number] = arena_keep(&maker->made, geom);
    return maker->made_of[number] != NULL;
}

/* ---- simplify-more ------------------------------------------------------ */

static struct geom_point coarsen(struct geom_point p, unsigned bits)
{
    int64_t unit = INT64_C(1) << bits, half = unit / 2;
    return (struct geom_point){((p.x + half) >> bits) * unit,
                               ((p.y + half) >> bits) * unit};
}

static bool end_part(struct geom *out, bool outer, bool *kept)
{
    *kept = true;
    if (out->kind == GEOM_POLYGON)
        return shape_end_cut_ring(out, outer, kept);
    if (out->kind == GEOM_LINE)
        return shape_end_line(out);
    return geom_end_part(out, false);
}

/* Rounds to a coarser grid: a rule that looks at one vertex only, so borders
 * stay shared. */
static bool coarsen_geom(struct tile_maker *maker, const struct geom *from,
                         unsigned bits, struct geom *out)
{
    bool outer_kept = true;
    for (size_t i = 0; i < from->nparts; i++) {
        bool outer = from->parts[i].outer, kept;
        for (size_t k = geom_part_start(from, i);
             k < from->parts[i].end && (outer || outer_kept); k++) {
            if (!geom_add_point(out, coarsen(from->points[k], bits)))
                return false;
        }
        if (!outer && !outer_kept && from->kind == GEOM_POLYGON)
            continue;
        if (!end_part(out, outer, &kept))
            return false;
        if (outer)
            outer_kept = kept;
    }
    return out->kind != GEOM_POLYGON ||
           repair_rounded(maker->repair, out) != REPAIR_NOMEM;
}

/* Features that have nothing left at the coarser grid keep their geometry. */
static bool coarsen_feature(struct tile_maker *maker, unsigned bits,
                            size_t number)
{
    const struct geom *from = maker->features[number].geom;
    if (from->kind == GEOM_POINT)
        return true;
    geom_reset(&maker->open, from->kind);
    if (!coarsen_geom(maker, from, bits, &maker->open))
        return false;
    return maker->open.nparts == 0 || keep_made(maker, number, &maker->open);
}

/* ---- coalesce ----------------------------------------------------------- */

static const struct geom *geom_of(const struct tile_maker *maker,
                                  size_t feature)
{
    const struct geom *made = maker->made_of[feature];
    return made == NULL ? maker->features[feature].geom : made;
}

/* Adds a share that is not kept to what stands for a feature. */
static bool absorb(const struct mvt_feature *host, const struct share *share,
                   struct geom *grown)
{
    const struct geom *own = host->geom, *more = share->geom;
    if (grown->nparts == 0) {
        geom_reset(grown, own->kind);
        if (!geom_add_parts(grown, own, 0, own->nparts))
            return false;
    }
    return geom_add_parts(grown, more, 0, more->nparts);
}

/* The feature of the same kind, made from a share before this one, that takes
 * it in; else the first one of the kind after it. */
static size_t find_host(const struct tile_maker *maker, size_t first,
                        size_t end, size_t before, enum geom_kind kind)
{
    for (size_t i = before; i > first; i--) {
        if (maker->features[i - 1].geom->kind == kind)
            return i - 1;
    }
    for (size_t i = before; i < end; i++) {
        if (maker->features[i].geom->kind == kind)
            return i;
    }
    return SIZE_MAX;
}

/* Points of one feature are one part. */
static void flatten_points(struct geom *geom)
{
    if (geom->kind != GEOM_POINT || geom->nparts < 2)
        return;
    geom->parts[0].end = geom->npoints;
    geom->nparts = 1;
}

/* Grows the geometries of features[first .. end) by what is not kept. */
static bool absorb_all(struct tile_maker *maker, const struct group *group,
                       size_t first, size_t end, struct geom *grown)
{
    size_t before = first;
    for (size_t i = group->first; i < group->end; i++) {
        const struct share *share = &maker->shares[i];
        if (share->kept) {
            before++;
            continue;
        }
        size_t host = find_host(maker, first, end, before, share->head.kind);
        if (host != SIZE_MAX &&
            !absorb(&maker->features[host], share, &grown[host - first]))
            return false;
    }
    return true;
}

static bool finish_grown(struct tile_maker *maker, size_t number,
                         struct geom *grown)
{
    if (grown->nparts == 0)
        return true;
    flatten_points(grown);
    if (grown->kind == GEOM_POLYGON &&
        repair_union(maker->repair, grown) == REPAIR_NOMEM)
        return false;
    return grown->nparts == 0 || keep_made(maker, number, grown);
}

static bool coalesce(struct tile_maker *maker, const struct group *group,
                     size_t first, size_t end)
{
    struct geom *grown = calloc(end - first + 1, sizeof *grown);
    bool ok = grown != NULL && absorb_all(maker, group, first, end, grown);
    for (size_t i = first; i < end && grown != NULL; i++) {
        ok = ok && finish_grown(maker, i, &grown[i - first]);
        geom_free(&grown[i - first]);
    }
    free(grown);
    return ok;
}

/* ---- merging lines ------------------------------------------------------ */

/* Sorting needs the features; qsort has no argument, so keys are copied. */
struct line_key {
    uint64_t attrs;
    size_t feature;
};

static int compare_lines(const void *left, const void *right)
{
    const struct line_key *a = left, *b = right;
    if (a->attrs != b->attrs)
        return a->attrs < b->attrs ? -1 : 1;
    return (a->feature > b->feature) - (a->feature < b->feature);
}

/* Makes the first of n features with equal attributes hold all lines; the
 * others lose their geometry. */
static bool merge_run(struct tile_maker *maker, const struct line_key *keys,
                      size_t n)
{
    struct geom *all = &maker->open;
    geom_reset(all, GEOM_LINE);
    for (size_t i = 0; i < n; i++) {
        const struct geom *lines = geom_of(maker, keys[i].feature);
        if (!geom_add_parts(all, lines, 0, lines->nparts))
            return false;
        if (i > 0)
            maker->features[keys[i].feature].geom = NULL;
    }
    return join_lines(all, &maker->join) &&
           keep_made(maker, keys[0].feature, &maker->join);
}

static size_t pack_features(struct tile_maker *maker, size_t first, size_t end)
{
    size_t kept = first;
    for (size_t i = first; i < end; i++) {
        if (maker->features[i].geom == NULL)
            continue;
        maker->features[kept] = maker->features[i];
        maker->made_of[kept++] = maker->made_of[i];
    }
    return kept;
}

/* Merges the lines without id among features[first .. *end). */
static bool merge_lines(struct tile_maker *maker, struct group *group,
                        size_t first, size_t *end)
{
    struct line_key *keys = malloc((*end - first + 1) * sizeof *keys);
    if (keys == NULL)
        return false;
    size_t n = 0;
    for (size_t i = first; i < *end; i++) {
        const struct mvt_feature *feature = &maker->features[i];
        if (feature->geom->kind == GEOM_LINE && !feature->has_id)
            keys[n++] = (struct line_key){feature->attrs_ref, i};
    }
    qsort(keys, n, sizeof *keys, compare_lines);
    bool ok = true;
    for (size_t i = 0; i < n && ok;) {
        size_t run = i + 1;
        while (run < n && keys[run].attrs == keys[i].attrs)
            run++;
        if (run - i > 1) {
            ok = merge_run(maker, keys + i, run - i);
            group->nmerged += run - i - 1;
        }
        i = run;
    }
    free(keys);
    if (ok && group->nmerged > 0)
        *end = pack_features(maker, first, *end);
    return ok;
}

/* ---- all together ------------------------------------------------------- */

static bool encode_group(struct tile_maker *maker, struct group *group,
                         size_t *nfeatures)
{
    const struct layer *layer = &maker->settings->layers->items[group->layer];
    size_t first = *nfeatures, end = first;
    group->nmerged = 0;
    for (size_t i = group->first; i < group->end; i++) {
        if (!maker->shares[i].kept)
            continue;
        maker->made_of[end] = NULL;
        maker->features[end++] = feature_of(maker, &maker->shares[i]);
    }
    if (group->coalesce && !coalesce(maker, group, first, end))
        return false;
    for (size_t i = first; i < end && group->coarse > 0; i++) {
        if (!coarsen_feature(maker, group->coarse, i))
            return false;
    }
    if (layer->merge_lines && end - first > 1 &&
        !merge_lines(maker, group, first, &end))
        return false;
    *nfeatures = end;
    return true;
}

static bool compress(struct tile_maker *maker)
{
    size_t bound = libdeflate_gzip_compress_bound(maker->gzip, maker->raw.len);
    bytes_reset(&maker->out);
    if (bound > maker->out.cap) {
        uint8_t *bigger = realloc(maker->out.ptr, bound);
        if (bigger == NULL)
            return false;
        maker->out.ptr = bigger;
        maker->out.cap = bound;
    }
    maker->out.len =
        libdeflate_gzip_compress(maker->gzip, maker->raw.ptr, maker->raw.len,
                                 maker->out.ptr, maker->out.cap);
    return maker->out.len > 0;
}

bool maker_encode(struct tile_maker *maker)
{
    size_t nfeatures = 0;
    arena_reset(&maker->made);
    for (size_t i = 0; i < maker->ngroups; i++) {
        struct group *group = &maker->groups[i];
        const struct layer *layer =
            &maker->settings->layers->items[group->layer];
        size_t first = nfeatures;
        if (!encode_group(maker, group, &nfeatures))
            return false;
        maker->layers[i] = (struct mvt_layer){
            .name = layer->name,
            .keys = maker->keys + maker->first_key[group->layer],
            .nkeys = layer->nfields,
            .features = maker->features + first,
            .nfeatures = nfeatures - first,
        };
    }
    for (size_t i = 0; i < nfeatures; i++)
        maker->features[i].geom = geom_of(maker, i);
    if (!mvt_write(maker->mvt, maker->layers, maker->ngroups, &maker->raw))
        return false;
    return compress(maker);
}
