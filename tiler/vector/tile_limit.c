#include <math.h>
#include <stdlib.h>

#include "tiler/vector/tile_maker.h"

/* Coarsest grid of simplify-more: 2^5 units, 2 pixels of 256. */
enum { MAX_COARSE = 5, SEARCH_STEPS = 7 };

/* ---- ranks -------------------------------------------------------------- */

struct rank_key {
    double priority;
    uint64_t tie; /* spreads shares of equal priority evenly */
    size_t share;
};

static int compare_ranks(const void *left, const void *right)
{
    const struct rank_key *a = left, *b = right;
    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    if (a->tie != b->tie)
        return a->tie < b->tie ? -1 : 1;
    return (a->share > b->share) - (a->share < b->share);
}

/* Where a share lies on a Hilbert curve through the tile. */
static uint64_t place_on_curve(const struct geom *geom)
{
    struct geom_box box = geom_box_of(geom);
    int64_t x = box.min_x / 2 + box.max_x / 2;
    int64_t y = box.min_y / 2 + box.max_y / 2;
    x = x < 0 ? 0 : x > 4095 ? 4095 : x;
    y = y < 0 ? 0 : y > 4095 ? 4095 : y;
    return ibx_tile_id((struct ibx_zxy){12, (uint32_t)x, (uint32_t)y});
}

static int compare_places(const void *left, const void *right)
{
    const struct rank_key *a = left, *b = right;
    if (a->tie != b->tie)
        return a->tie < b->tie ? -1 : 1;
    return (a->share > b->share) - (a->share < b->share);
}

/* drop-densest: a share matters by its distance along the curve from the one
 * before it. */
static void measure_gaps(struct tile_maker *maker, const struct group *group,
                         struct rank_key *keys)
{
    size_t n = group->end - group->first;
    for (size_t i = 0; i < n; i++) {
        size_t share = group->first + i;
        const struct geom *geom = maker->shares[share].geom;
        keys[i] =
            (struct rank_key){.tie = place_on_curve(geom), .share = share};
    }
    qsort(keys, n, sizeof *keys, compare_places);
    for (size_t i = 0; i < n; i++) {
        uint64_t gap = i == 0 ? UINT32_MAX : keys[i].tie - keys[i - 1].tie;
        maker->shares[keys[i].share].priority = (double)gap;
    }
}

static void measure(struct tile_maker *maker, const struct group *group,
                    struct rank_key *keys)
{
    const struct layer *layer = &maker->settings->layers->items[group->layer];
    if (layer->policy == POLICY_DROP_DENSEST) {
        measure_gaps(maker, group, keys);
        return;
    }
    for (size_t i = group->first; i < group->end; i++) {
        struct share *share = &maker->shares[i];
        share->priority = share->head.has_order ? (double)share->head.order
                                                : (double)share->head.weight;
    }
}

static bool rank_group(struct tile_maker *maker, const struct group *group)
{
    size_t n = group->end - group->first;
    struct rank_key *keys = malloc(n * sizeof *keys);
    if (keys == NULL)
        return false;
    measure(maker, group, keys);
    for (size_t i = 0; i < n; i++) {
        const struct share *share = &maker->shares[group->first + i];
        keys[i] = (struct rank_key){
            .priority = share->priority,
            .tie = share->seq * UINT64_C(0x9e3779b97f4a7c15),
            .share = group->first + i,
        };
    }
    qsort(keys, n, sizeof *keys, compare_ranks);
    for (size_t i = 0; i < n; i++)
        maker->shares[keys[i].share].rank = i;
    free(keys);
    return true;
}

void maker_rank(struct tile_maker *maker)
{
    for (size_t i = 0; i < maker->ngroups; i++) {
        if (!rank_group(maker, &maker->groups[i]))
            maker->nomem = true;
    }
}

/* ---- fitting ------------------------------------------------------------ */

static enum layer_policy policy_of(const struct tile_maker *maker,
                                   const struct group *group)
{
    return maker->settings->layers->items[group->layer].policy;
}

static bool gives_way(const struct tile_maker *maker, const struct group *group)
{
    enum layer_policy policy = policy_of(maker, group);
    return policy != POLICY_KEEP && policy != POLICY_ERROR;
}

static bool any_policy(const struct tile_maker *maker, enum layer_policy policy)
{
    for (size_t i = 0; i < maker->ngroups; i++) {
        if (policy_of(maker, &maker->groups[i]) == policy)
            return true;
    }
    return false;
}

static bool any_gives_way(const struct tile_maker *maker)
{
    for (size_t i = 0; i < maker->ngroups; i++) {
        if (gives_way(maker, &maker->groups[i]))
            return true;
    }
    return false;
}

/* Keeps the fraction of every group that gives way, best ranks first. A group
 * that coalesces keeps at least one share to hold the others. */
static void keep_fraction(struct tile_maker *maker, double fraction)
{
    for (size_t i = 0; i < maker->ngroups; i++) {
        struct group *group = &maker->groups[i];
        size_t n = group->end - group->first;
        group->nkept = n;
        if (gives_way(maker, group))
            group->nkept = (size_t)floor((double)n * fraction + 1e-9);
        if (group->coalesce && group->nkept == 0)
            group->nkept = 1;
        for (size_t k = group->first; k < group->end; k++)
            maker->shares[k].kept = maker->shares[k].rank < group->nkept;
    }
}

static bool is_over(const struct tile_maker *maker)
{
    uint64_t limit = maker->settings->max_nbytes;
    return limit != 0 && maker->out.len > limit;
}

static bool encode_fraction(struct tile_maker *maker, double fraction)
{
    keep_fraction(maker, fraction);
    return maker_encode(maker);
}

/* A fraction tried, and the size it gave. */
struct trial {
    double fraction, nbytes;
};

/* Where the line through two trials is a little under the limit, kept away
 * from both. */
static double next_guess(struct trial low, struct trial high, double limit)
{
    double slope = (high.nbytes - low.nbytes) / (high.fraction - low.fraction);
    double want = low.fraction + (0.97 * limit - low.nbytes) / slope;
    double margin = (high.fraction - low.fraction) / 16;
    want = fmax(want, low.fraction + margin);
    return fmin(want, high.fraction - margin);
}

/* Finds a fraction, below `fraction` (whose tile does not fit), with which
 * the tile fits and is nearly full; leaves the tile encoded with it. */
static bool search(struct tile_maker *maker, double fraction)
{
    double limit = (double)maker->settings->max_nbytes;
    struct trial low = {0, 0};
    struct trial high = {fraction, (double)maker->out.len};
    double last = fraction;
    for (int step = 0; step < SEARCH_STEPS && high.fraction > 1e-7 &&
                       low.nbytes < 0.9 * limit;
         step++) {
        last = next_guess(low, high, limit);
        if (!encode_fraction(maker, last))
            return false;
        struct trial here = {last, (double)maker->out.len};
        *(is_over(maker) ? &high : &low) = here;
    }
    return last == low.fraction || encode_fraction(maker, low.fraction);
}

/* simplify-more: coarser until it fits or is coarse enough. */
static bool coarsen_groups(struct tile_maker *maker, double fraction)
{
    for (unsigned bits = 1; bits <= MAX_COARSE && is_over(maker); bits++) {
        for (size_t i = 0; i < maker->ngroups; i++) {
            if (policy_of(maker, &maker->groups[i]) == POLICY_SIMPLIFY_MORE)
                maker->groups[i].coarse = bits;
        }
        if (!encode_fraction(maker, fraction))
            return false;
    }
    return true;
}

/* coalesce: on, when the tile can fit that way; else the group drops. */
static bool try_coalescing(struct tile_maker *maker)
{
    for (size_t i = 0; i < maker->ngroups; i++) {
        struct group *group = &maker->groups[i];
        group->coalesce = policy_of(maker, group) == POLICY_COALESCE;
    }
    size_t before = maker->out.len;
    if (!encode_fraction(maker, 0))
        return false;
    if (is_over(maker)) {
        for (size_t i = 0; i < maker->ngroups; i++)
            maker->groups[i].coalesce = false;
    }
    maker->out.len = before; /* what search() guesses from */
    return true;
}

/* The fraction that --max-tile-features leaves. */
static double fraction_for_count(const struct tile_maker *maker)
{
    uint64_t limit = maker->settings->max_nfeatures;
    size_t firm = 0, soft = 0;
    for (size_t i = 0; i < maker->ngroups; i++) {
        const struct group *group = &maker->groups[i];
        *(gives_way(maker, group) ? &soft : &firm) += group->end - group->first;
    }
    if (limit == 0 || firm + soft <= limit || soft == 0)
        return 1;
    return firm >= limit ? 0 : (double)(limit - firm) / (double)soft;
}

/* ---- counting ----------------------------------------------------------- */

static bool add_drop(struct tile_drops *drops, struct tile_drop drop)
{
    if (drops->count == drops->cap) {
        size_t cap = drops->cap == 0 ? 256 : drops->cap * 2;
        void *items = realloc(drops->items, cap * sizeof *drops->items);
        if (items == NULL)
            return false;
        drops->items = items;
        drops->cap = cap;
    }
    drops->items[drops->count++] = drop;
    return true;
}

/* Notes that a share is gone; of one piece, its feature is. */
static bool count_drop(const struct share *share, uint32_t layer,
                       const struct tile_job *job)
{
    uint32_t npieces = share->head.npieces;
    if (npieces == share->njoined) {
        job->stats->layers[layer].zoom[job->zoom][STAT_LOST_LIMIT]++;
        return true;
    }
    const struct tile_drop drop = {share->seq, layer, npieces, job->zoom};
    for (uint32_t i = 0; i < share->njoined && npieces > 0; i++) {
        if (!add_drop(job->drops, drop))
            return false;
    }
    return true;
}

/* Counts the shares that are not kept; those whose rank is below `by_count`
 * would have stayed but for the byte limit. */
static bool count_group(struct tile_maker *maker, const struct group *group,
                        size_t by_count, const struct tile_job *job)
{
    uint64_t *zoom = job->stats->layers[group->layer].zoom[job->zoom];
    for (size_t i = group->first; i < group->end; i++) {
        const struct share *share = &maker->shares[i];
        if (share->kept)
            continue;
        if (group->coalesce) {
            zoom[STAT_COALESCED] += job->count;
            continue;
        }
        zoom[share->rank < by_count ? STAT_DROPPED_BYTES
                                    : STAT_DROPPED_COUNT] += job->count;
        if (!count_drop(share, group->layer, job))
            return false;
    }
    return true;
}

static bool count_drops(struct tile_maker *maker, double by_count,
                        const struct tile_job *job)
{
    for (size_t i = 0; i < maker->ngroups; i++) {
        const struct group *group = &maker->groups[i];
        size_t n = group->end - group->first;
        size_t left = (size_t)floor((double)n * by_count + 1e-9);
        if (!count_group(maker, group, left, job))
            return false;
    }
    return true;
}

static size_t count_kept(const struct tile_maker *maker)
{
    size_t n = 0;
    for (size_t i = 0; i < maker->ngroups; i++)
        n += maker->groups[i].nkept;
    return n;
}

/* Brings an encoded tile under the byte limit. */
static enum tile_status fit_bytes(struct tile_maker *maker, double fraction)
{
    if (any_policy(maker, POLICY_ERROR))
        return TILE_TOO_LARGE;
    if (!any_gives_way(maker))
        return TILE_OK;
    maker_rank(maker);
    if (maker->nomem || !coarsen_groups(maker, fraction))
        return TILE_NOMEM;
    if (!is_over(maker))
        return TILE_OK;
    if (any_policy(maker, POLICY_COALESCE) && !try_coalescing(maker))
        return TILE_NOMEM;
    return search(maker, fraction) ? TILE_OK : TILE_NOMEM;
}

enum tile_status maker_fit(struct tile_maker *maker, const struct tile_job *job)
{
    maker->nomem = false;
    double by_count = fraction_for_count(maker);
    if (by_count < 1) {
        if (any_policy(maker, POLICY_ERROR))
            return TILE_TOO_LARGE;
        maker_rank(maker);
        keep_fraction(maker, by_count);
    }
    if (maker->nomem || !maker_encode(maker))
        return TILE_NOMEM;
    if (is_over(maker)) {
        enum tile_status status = fit_bytes(maker, by_count);
        if (status != TILE_OK)
            return status;
    }
    if (!count_drops(maker, by_count, job))
        return TILE_NOMEM;
    return count_kept(maker) == 0 ? TILE_EMPTY : TILE_OK;
}
