/* walk.c - every run of a tileset, in id order. */
#include <stdlib.h>

#include "pack/err.h"
#include "pack/tileset_impl.h"

/* Nothing stays pinned between calls: a walk may take hours, and its owner may
 * want other tiles while there is room for one view only. */
struct ibx_walk {
    struct ibx_tileset *tileset;
    uint64_t next_id;     /* where the next run may start */
    uint64_t pack;        /* number of the pack that is looked at */
    struct ibx_span last; /* the run last returned; its count 0 before */
};

/* The pack that may hold the first tile not before `from_id`. */
static enum ibx_status start(struct ibx_walk *walk, uint64_t from_id,
                             struct ibx_err *err)
{
    walk->next_id = from_id;
    enum ibx_status st = ibx_manifest_find(&walk->tileset->manifest, from_id,
                                           IBX_BLOCK, &walk->pack, err);
    if (st == IBX_NOT_FOUND)
        walk->pack = 0; /* all packs lie behind it */
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

enum ibx_status ibx_walk_open(struct ibx_tileset *tileset, uint64_t from_id,
                              struct ibx_walk **out, struct ibx_err *err)
{
    struct ibx_walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        return ibx_fail_nomem(err);
    walk->tileset = ibx_tileset_hold(tileset);
    enum ibx_status st = start(walk, from_id, err);
    if (st != IBX_OK) {
        ibx_walk_close(walk);
        return st;
    }
    *out = walk;
    return IBX_OK;
}

/* The last id that index entry `n` stands for. */
static uint64_t entry_last_id(const struct ibx_view *view, int64_t n)
{
    if ((uint64_t)n + 1 == view->header.entry_count)
        return view->header.last_id;
    return view->header.first_id + view->index[n + 1].rel_id - 1;
}

/* The number of the last entry that does not start behind `id`, hole or not;
 * `id` lies in the pack. */
static int64_t entry_at(const struct ibx_view *view, uint64_t id)
{
    int64_t low = 0;
    int64_t n = (int64_t)view->header.entry_count;
    while (n > 1) {
        int64_t half = n / 2;
        if (view->header.first_id + view->index[low + half].rel_id <= id)
            low += half;
        n -= half;
    }
    return low;
}

static uint64_t zoom_last_id(uint64_t id)
{
    return ibx_zoom_first_id((uint8_t)(ibx_id_zoom(id) + 1)) - 1;
}

/* The next run inside a pack; false at its end. */
static bool next_in_pack(struct ibx_walk *walk, const struct ibx_view *view,
                         struct ibx_span *out)
{
    if (walk->next_id < view->header.first_id)
        walk->next_id = view->header.first_id;
    if (walk->next_id > view->header.last_id)
        return false;
    int64_t entry = entry_at(view, walk->next_id);
    while (view->index[entry].place == 0) {
        walk->next_id = entry_last_id(view, entry) + 1;
        if (walk->next_id > view->header.last_id)
            return false;
        entry++;
    }
    uint64_t last = entry_last_id(view, entry);
    uint64_t zoom_last = zoom_last_id(walk->next_id);
    last = last < zoom_last ? last : zoom_last;
    *out = (struct ibx_span){
        .first_id = walk->next_id,
        .count = last - walk->next_id + 1,
        .pack = walk->pack,
        .place = view->index[entry].place,
    };
    walk->next_id = last + 1;
    return true;
}

enum ibx_status ibx_walk_next(struct ibx_walk *walk, struct ibx_span *out,
                              struct ibx_err *err)
{
    const struct ibx_asker walker = {IBX_BLOCK, IBX_READER_WALK};
    struct ibx_tileset *tileset = walk->tileset;
    for (; walk->pack < tileset->info.npacks; walk->pack++) {
        struct ibx_slot *slot = NULL;
        enum ibx_status st = ibx_tileset_pin(tileset, walk->pack, walk->next_id,
                                             walker, &slot, err);
        if (st == IBX_NOT_FOUND)
            continue; /* it ends before the place we are at */
        if (st != IBX_OK)
            return st;
        bool found = next_in_pack(walk, ibx_slot_view(slot), &walk->last);
        ibx_slot_unpin(tileset->cache, slot);
        if (found) {
            *out = walk->last;
            return IBX_OK;
        }
    }
    return IBX_NOT_FOUND;
}

enum ibx_status ibx_walk_tile(struct ibx_walk *walk, struct ibx_tile *out,
                              struct ibx_err *err)
{
    if (walk->last.count == 0)
        return ibx_fail(err, IBX_ERR_INVALID, walk->tileset->folder,
                        "the walk is not at a tile");
    return ibx_tileset_copy(walk->tileset, walk->last.pack, walk->last.first_id,
                            out, err);
}

void ibx_walk_close(struct ibx_walk *walk)
{
    if (!walk)
        return;
    ibx_tileset_release(walk->tileset);
    free(walk);
}
