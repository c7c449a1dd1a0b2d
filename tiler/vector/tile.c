#include "tiler/vector/tile.h"

#include <stdlib.h>
#include <string.h>

#include "tiler/vector/tile_maker.h"

/* Key names of all layers in one array, so that encoding only points. */
static bool list_keys(struct tile_maker *maker)
{
    const struct layer_list *layers = maker->settings->layers;
    size_t nkeys = 0;
    for (size_t i = 0; i < layers->count; i++)
        nkeys += layers->items[i].nfields;
    maker->keys = malloc((nkeys + 1) * sizeof *maker->keys);
    maker->first_key = malloc((layers->count + 1) * sizeof(size_t));
    if (maker->keys == NULL || maker->first_key == NULL)
        return false;
    nkeys = 0;
    for (size_t i = 0; i < layers->count; i++) {
        maker->first_key[i] = nkeys;
        for (size_t k = 0; k < layers->items[i].nfields; k++)
            maker->keys[nkeys++] = layers->items[i].fields[k].name;
    }
    return true;
}

struct tile_maker *tile_maker_new(const struct tile_settings *settings)
{
    struct tile_maker *maker = calloc(1, sizeof *maker);
    if (maker == NULL)
        return NULL;
    maker->settings = settings;
    maker->gzip = libdeflate_alloc_compressor(settings->gzip_level);
    maker->mvt = mvt_writer_new();
    maker->repair = repair_new();
    maker->layers = calloc(settings->layers->count + 1, sizeof *maker->layers);
    if (maker->gzip == NULL || maker->mvt == NULL || maker->repair == NULL ||
        maker->layers == NULL || !list_keys(maker)) {
        tile_maker_free(maker);
        return NULL;
    }
    return maker;
}

void tile_maker_shrink(struct tile_maker *maker)
{
    mvt_writer_shrink(maker->mvt);
    arena_free(&maker->pieces);
    arena_free(&maker->made);
    geom_free(&maker->open);
    geom_free(&maker->join);
    free(maker->shares);
    free(maker->features);
    free(maker->made_of);
    maker->shares = NULL;
    maker->features = NULL;
    maker->made_of = NULL;
    maker->nshares = maker->shares_cap = 0;
    bytes_free(&maker->raw);
}

void tile_maker_free(struct tile_maker *maker)
{
    if (maker == NULL)
        return;
    if (maker->gzip != NULL)
        libdeflate_free_compressor(maker->gzip);
    if (maker->mvt != NULL)
        tile_maker_shrink(maker);
    mvt_writer_free(maker->mvt);
    repair_free(maker->repair);
    free(maker->groups);
    free(maker->layers);
    free(maker->keys);
    free(maker->first_key);
    bytes_free(&maker->out);
    free(maker);
}

static bool reserve_shares(struct tile_maker *maker, size_t need)
{
    if (need <= maker->shares_cap)
        return true;
    void *shares = realloc(maker->shares, need * sizeof *maker->shares);
    if (shares != NULL)
        maker->shares = shares;
    void *features = realloc(maker->features, need * sizeof *maker->features);
    if (features != NULL)
        maker->features = features;
    void *made_of = realloc(maker->made_of, need * sizeof *maker->made_of);
    if (made_of != NULL)
        maker->made_of = made_of;
    if (shares == NULL || features == NULL || made_of == NULL)
        return false;
    maker->shares_cap = need;
    return true;
}

/* Whether a record adds to the feature of the one before it (that comes in on
 * both sides of the antimeridian). */
static bool goes_on(const struct tile_record *record,
                    const struct piece_head *head, const struct share *last)
{
    return last != NULL && last->seq == record->seq &&
           last->head.kind == head->kind;
}

/* Reads a record's geometry, behind that of the share it goes on with, and
 * makes a share of it. */
static enum tile_status load_record(struct tile_maker *maker,
                                    const struct tile_record *record)
{
    struct cursor from = cursor_of(record->ptr, record->len);
    struct piece_head head;
    if (!piece_get_head(&from, &head) ||
        head.layer >= maker->settings->layers->count)
        return TILE_CORRUPT;
    struct share *last =
        maker->nshares == 0 ? NULL : &maker->shares[maker->nshares - 1];
    bool joined = goes_on(record, &head, last);
    struct geom *open = &maker->open;
    geom_reset(open, head.kind);
    if (joined && !geom_add_parts(open, last->geom, 0, last->geom->nparts))
        return TILE_NOMEM;
    if (!piece_get_geom(&from, open))
        return TILE_CORRUPT;
    /* Both sides may meet at the antimeridian. */
    if (joined && open->kind == GEOM_POLYGON &&
        repair_rounded(maker->repair, open) == REPAIR_NOMEM)
        return TILE_NOMEM;
    if (!joined) {
        last = &maker->shares[maker->nshares++];
        *last = (struct share){.seq = record->seq, .head = head, .kept = true};
    }
    last->njoined++;
    last->geom = arena_keep(&maker->pieces, open);
    return last->geom == NULL ? TILE_NOMEM : TILE_OK;
}

static int compare_shares(const void *left, const void *right)
{
    const struct share *a = left, *b = right;
    if (a->head.layer != b->head.layer)
        return a->head.layer < b->head.layer ? -1 : 1;
    if (a->head.order != b->head.order)
        return a->head.order < b->head.order ? -1 : 1;
    if (a->seq != b->seq)
        return a->seq < b->seq ? -1 : 1;
    /* A collection's points, lines and polygons. */
    return (a->head.kind > b->head.kind) - (a->head.kind < b->head.kind);
}

static bool load_groups(struct tile_maker *maker)
{
    maker->ngroups = 0;
    for (size_t first = 0; first < maker->nshares;) {
        uint32_t layer = maker->shares[first].head.layer;
        size_t end = first;
        while (end < maker->nshares && maker->shares[end].head.layer == layer)
            end++;
        if (maker->ngroups == maker->groups_cap) {
            size_t cap = maker->groups_cap == 0 ? 8 : maker->groups_cap * 2;
            void *groups = realloc(maker->groups, cap * sizeof *maker->groups);
            if (groups == NULL)
                return false;
            maker->groups = groups;
            maker->groups_cap = cap;
        }
        maker->groups[maker->ngroups++] = (struct group){
            .layer = layer,
            .first = first,
            .end = end,
            .nkept = end - first,
        };
        first = end;
    }
    return true;
}

static enum tile_status load(struct tile_maker *maker,
                             const struct tile_job *job)
{
    maker->nshares = 0;
    arena_reset(&maker->pieces);
    if (!reserve_shares(maker, job->nrecords))
        return TILE_NOMEM;
    for (size_t i = 0; i < job->nrecords; i++) {
        enum tile_status status = load_record(maker, &job->records[i]);
        if (status != TILE_OK)
            return status;
    }
    qsort(maker->shares, maker->nshares, sizeof *maker->shares, compare_shares);
    return load_groups(maker) ? TILE_OK : TILE_NOMEM;
}

static void count_pieces(const struct tile_maker *maker,
                         const struct tile_job *job)
{
    for (size_t i = 0; i < maker->ngroups; i++) {
        const struct group *group = &maker->groups[i];
        uint64_t *zoom = job->stats->layers[group->layer].zoom[job->zoom];
        zoom[STAT_PIECES] += (group->end - group->first) * job->count;
        zoom[STAT_MERGED] += group->nmerged * job->count;
        zoom[STAT_SIMPLIFIED] += group->coarse > 0 ? job->count : 0;
    }
}

static void count_tile(const struct tile_maker *maker,
                       const struct tile_job *job)
{
    struct stats_zoom *zoom = &job->stats->zooms[job->zoom];
    uint64_t nbytes = maker->out.len, limit = maker->settings->max_nbytes;
    zoom->tiles += job->count;
    zoom->nbytes += nbytes * job->count;
    if (nbytes > zoom->largest_nbytes)
        zoom->largest_nbytes = nbytes;
    if (limit != 0 && nbytes > limit)
        zoom->over_limit += job->count;
}

enum tile_status tile_make(struct tile_maker *maker, const struct tile_job *job,
                           const struct bytes **out)
{
    enum tile_status status = load(maker, job);
    if (status != TILE_OK)
        return status;
    status = maker_fit(maker, job);
    count_pieces(maker, job);
    if (status != TILE_OK)
        return status;
    count_tile(maker, job);
    *out = &maker->out;
    return TILE_OK;
}
