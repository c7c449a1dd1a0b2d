#include "tiler/vector/crossings.h"

#include <pthread.h>
#include <stdlib.h>

struct note {
    uint8_t zoom;
    struct geom_point low, high; /* the edge's ends, in order */
    struct geom_point at;
};

struct crossings {
    pthread_mutex_t lock; /* guards the array until it is sealed */
    struct note *notes;
    size_t count, cap;
};

struct crossings *crossings_new(void)
{
    struct crossings *crossings = calloc(1, sizeof *crossings);
    if (crossings == NULL)
        return NULL;
    if (pthread_mutex_init(&crossings->lock, NULL) != 0) {
        free(crossings);
        return NULL;
    }
    return crossings;
}

void crossings_free(struct crossings *crossings)
{
    if (crossings == NULL)
        return;
    pthread_mutex_destroy(&crossings->lock);
    free(crossings->notes);
    free(crossings);
}

static struct note make_note(uint8_t zoom, struct geom_point a,
                             struct geom_point b, struct geom_point at)
{
    bool ordered = geom_point_compare(a, b) < 0;
    return (struct note){zoom, ordered ? a : b, ordered ? b : a, at};
}

bool crossings_add(struct crossings *crossings, uint8_t zoom,
                   const struct geom_point edge[2], struct geom_point at)
{
    pthread_mutex_lock(&crossings->lock);
    bool room = crossings->count < crossings->cap;
    if (!room) {
        size_t cap = crossings->cap == 0 ? 256 : crossings->cap * 2;
        void *notes = realloc(crossings->notes, cap * sizeof(struct note));
        room = notes != NULL;
        if (room) {
            crossings->notes = notes;
            crossings->cap = cap;
        }
    }
    if (room)
        crossings->notes[crossings->count++] =
            make_note(zoom, edge[0], edge[1], at);
    pthread_mutex_unlock(&crossings->lock);
    return room;
}

static int compare_edges(const struct note *a, const struct note *b)
{
    if (a->zoom != b->zoom)
        return a->zoom < b->zoom ? -1 : 1;
    int order = geom_point_compare(a->low, b->low);
    return order != 0 ? order : geom_point_compare(a->high, b->high);
}

/* Along its edge: rounded points keep the order of the true ones but for
 * those that are closer than a unit, where any fixed order will do. */
static int compare_notes(const void *left, const void *right)
{
    const struct note *a = left, *b = right;
    int order = compare_edges(a, b);
    return order != 0 ? order : geom_point_compare(a->at, b->at);
}

void crossings_seal(struct crossings *crossings)
{
    if (crossings->count > 0)
        qsort(crossings->notes, crossings->count, sizeof(struct note),
              compare_notes);
}

/* The first note that is not before the edge. */
static size_t lower_bound(const struct crossings *crossings,
                          const struct note *edge)
{
    size_t low = 0, high = crossings->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_edges(&crossings->notes[middle], edge) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Adds the vertices of edge a-b, without its ends. */
static bool add_notes(const struct crossings *crossings, uint8_t zoom,
                      struct geom_point a, struct geom_point b,
                      struct geom *out)
{
    const struct note edge = make_note(zoom, a, b, a);
    size_t first = lower_bound(crossings, &edge), end = first;
    while (end < crossings->count &&
           compare_edges(&crossings->notes[end], &edge) == 0)
        end++;
    bool forward = geom_point_equal(edge.low, a);
    for (size_t i = first; i < end; i++) {
        size_t k = forward ? i : end - 1 - (i - first);
        if (!geom_add_point(out, crossings->notes[k].at))
            return false;
    }
    return true;
}

static bool zoom_has_notes(const struct crossings *crossings, uint8_t zoom)
{
    const struct note least = {
        zoom, {INT64_MIN, INT64_MIN}, {INT64_MIN, INT64_MIN}, {0, 0}};
    size_t at = lower_bound(crossings, &least);
    return at < crossings->count && crossings->notes[at].zoom == zoom;
}

bool crossings_apply(const struct crossings *crossings, uint8_t zoom,
                     struct geom *geom, struct geom *spare)
{
    if (!zoom_has_notes(crossings, zoom))
        return true;
    geom_reset(spare, geom->kind);
    size_t start = 0;
    for (size_t i = 0; i < geom->nparts; i++) {
        size_t end = geom->parts[i].end;
        for (size_t k = start; k < end; k++) {
            size_t next = k + 1 < end ? k + 1 : start;
            if (!geom_add_point(spare, geom->points[k]) ||
                !add_notes(crossings, zoom, geom->points[k], geom->points[next],
                           spare))
                return false;
        }
        if (!geom_end_part(spare, geom->parts[i].outer))
            return false;
        start = end;
    }
    struct geom swap = *geom;
    *geom = *spare;
    *spare = swap;
    return true;
}
