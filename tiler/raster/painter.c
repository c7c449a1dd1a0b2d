#include "tiler/raster/painter.h"

#include <stdlib.h>
#include <string.h>

#include "tiler/cli/report.h"

/* Inputs open at once per thread: each holds a file and some memory. */
enum { MAX_OPEN = 32 };

struct open_source {
    size_t number;                /* in the job */
    struct source_reader *reader; /* NULL: free */
    uint64_t last_used;
};

struct painter {
    const struct job *job;
    struct pixels block, upper; /* `upper` only with several inputs */
    struct open_source open[MAX_OPEN];
    uint64_t clock;
};

static bool init_pixels(struct pixels *p, const struct job *job)
{
    size_t stride = (size_t)job->block_px * 4;
    *p = (struct pixels){.bytes = malloc(stride * job->block_px),
                         .stride = stride,
                         .size = job->block_px,
                         .kind = job->settings.kind};
    return p->bytes != NULL;
}

struct painter *painter_new(const struct job *job)
{
    struct painter *p = calloc(1, sizeof(*p));
    if (p != NULL) {
        p->job = job;
        if (init_pixels(&p->block, job) &&
            (job->nsources == 1 || init_pixels(&p->upper, job)))
            return p;
    }
    painter_free(p);
    report(NULL, "give fewer --threads", "out of memory");
    return NULL;
}

void painter_free(struct painter *painter)
{
    if (painter == NULL)
        return;
    for (int i = 0; i < MAX_OPEN; i++)
        source_reader_close(painter->open[i].reader);
    free(painter->block.bytes);
    free(painter->upper.bytes);
    free(painter);
}

/* The slot of input `number`, or the one to use for it. */
static struct open_source *find_slot(struct painter *p, size_t number)
{
    struct open_source *oldest = &p->open[0];
    for (int i = 0; i < MAX_OPEN; i++) {
        struct open_source *slot = &p->open[i];
        if (slot->reader != NULL && slot->number == number)
            return slot;
        if (slot->last_used < oldest->last_used)
            oldest = slot;
    }
    return oldest;
}

static struct source_reader *reader_of(struct painter *p, size_t number)
{
    struct open_source *slot = find_slot(p, number);
    if (slot->reader == NULL || slot->number != number) {
        source_reader_close(slot->reader);
        slot->reader = source_reader_open(&p->job->sources[number]);
        slot->number = number;
    }
    slot->last_used = ++p->clock;
    return slot->reader;
}

static bool paint_source(struct painter *p, size_t number,
                         const struct grid_rect *rect, bool is_first)
{
    struct source_reader *reader = reader_of(p, number);
    struct pixels *to = is_first ? &p->block : &p->upper;
    if (reader == NULL || !source_read(reader, rect->x0, rect->y0, to))
        return false;
    if (!is_first)
        pixels_lay_over(&p->block, &p->upper);
    return true;
}

static void clip(struct painter *p, const struct grid_rect *rect)
{
    const struct footprint *f = &p->job->clip;
    bool keep[SOURCE_BLOCK_PX] = {false};
    int64_t size = p->block.size;
    if (f->count == 0) {
        pixels_clear(&p->block);
        return;
    }
    for (int64_t x = 0; x < size; x++) {
        for (unsigned i = 0; i < f->count; i++)
            keep[x] = keep[x] || (rect->x0 + x >= f->rects[i].x0 &&
                                  rect->x0 + x < f->rects[i].x1);
    }
    pixels_keep(&p->block, keep, f->rects[0].y0 - rect->y0,
                f->rects[0].y1 - rect->y0);
}

bool painter_paint(struct painter *painter, struct ibx_zxy at,
                   struct pixels *out)
{
    const struct job *job = painter->job;
    struct grid_rect rect = grid_tile_rect(job->grid, at);
    bool is_first = true;
    for (size_t i = 0; i < job->nsources; i++) {
        if (!footprint_touches(&job->sources[i].footprint, &rect))
            continue;
        if (!paint_source(painter, i, &rect, is_first))
            return false;
        is_first = false;
    }
    if (is_first)
        pixels_clear(&painter->block);
    if (job->has_clip && painter->block.cover != COVER_NONE)
        clip(painter, &rect);
    *out = painter->block;
    return true;
}
