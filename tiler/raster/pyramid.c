#include "tiler/raster/pyramid.h"

#include <stdlib.h>

#include "tiler/cli/report.h"
#include "tiler/cli/stop.h"

struct pyramid {
    struct pyramid_settings settings;
    struct pixels
        levels[IBX_MAX_ZOOM + 1]; /* a tile of each zoom above leaves */
};

struct pyramid *pyramid_new(const struct pyramid_settings *settings)
{
    struct pyramid *p = calloc(1, sizeof(*p));
    bool ok = p != NULL;
    uint32_t size = settings->job->grid.tile_px;
    size_t stride = (size_t)size * 4;
    if (ok)
        p->settings = *settings;
    for (int z = settings->top_zoom; ok && z < settings->leaf_zoom; z++) {
        p->levels[z] = (struct pixels){.bytes = malloc(stride * size),
                                       .stride = stride,
                                       .size = size,
                                       .kind = settings->job->settings.kind};
        ok = p->levels[z].bytes != NULL;
    }
    if (ok)
        return p;
    pyramid_free(p);
    report(NULL, "give fewer --threads", "out of memory");
    return NULL;
}

void pyramid_free(struct pyramid *pyramid)
{
    if (pyramid == NULL)
        return;
    for (int z = 0; z <= IBX_MAX_ZOOM; z++)
        free(pyramid->levels[z].bytes);
    free(pyramid);
}

static bool make(struct pyramid *p, struct ibx_zxy at, struct pixels *out);

/* Cover of four: full or none when all agree. */
static enum cover join_cover(unsigned nnone, unsigned nfull,
                             const struct pixels *parent)
{
    if (nnone == 4)
        return COVER_NONE;
    return nfull == 4 ? COVER_FULL : pixels_find_cover(parent);
}

static bool make_parent(struct pyramid *p, struct ibx_zxy at,
                        struct pixels *out)
{
    struct pixels *parent = &p->levels[at.z];
    unsigned nnone = 0, nfull = 0;
    for (unsigned quarter = 0; quarter < 4; quarter++) {
        struct ibx_zxy below = {.z = (uint8_t)(at.z + 1),
                                .x = at.x * 2 + quarter % 2,
                                .y = at.y * 2 + quarter / 2};
        struct pixels child;
        if (!make(p, below, &child))
            return false;
        nnone += child.cover == COVER_NONE;
        nfull += child.cover == COVER_FULL;
        pixels_shrink(&child, parent, quarter, p->settings.job->shrink);
    }
    parent->cover = join_cover(nnone, nfull, parent);
    *out = *parent;
    return true;
}

/* With the recursion's depth bounded by the zooms. */
static bool make(struct pyramid *p, struct ibx_zxy at, struct pixels *out)
{
    const struct pyramid_settings *s = &p->settings;
    bool is_leaf = at.z == s->leaf_zoom;
    if (!job_touches(s->job, at)) {
        *out =
            (struct pixels){.kind = s->job->settings.kind, .cover = COVER_NONE};
        return true;
    }
    if (stop_requested())
        return false;
    if (!(is_leaf ? s->leaf(s->leaf_arg, at, out) : make_parent(p, at, out)))
        return false;
    if (at.z < s->job->min_zoom || (is_leaf && !s->emits_leaves))
        return true;
    return emit(s->emitted, at, out);
}

bool pyramid_make(struct pyramid *pyramid, struct ibx_zxy at,
                  struct pixels *out)
{
    return make(pyramid, at, out);
}
