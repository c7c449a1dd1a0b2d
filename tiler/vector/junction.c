#include "tiler/vector/junction.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { SLOT_EMPTY = 0, SLOT_JUNCTION = 1 };
enum { MIN_SLOTS_LOG2 = 14, MAX_SLOTS_LOG2 = 31, SLOTS_PER_VERTEX = 4 };

struct junctions {
    int64_t world;
    /* A signature of the vertex and its neighbours, or one of the above, for
     * the slots of this pass. */
    _Atomic uint32_t *words;
    uint64_t nwords; /* a power of two */
    uint64_t first;  /* slot of words[0] */
    uint8_t *bits;   /* of all slots, once their pass has ended */
    uint64_t nslots; /* a power of two, a multiple of nwords */
};

/* Finalizer of SplitMix64: every input bit moves every output bit. */
static uint64_t mix(uint64_t v)
{
    v ^= v >> 30;
    v *= 0xbf58476d1ce4e5b9U;
    v ^= v >> 27;
    v *= 0x94d049bb133111ebU;
    return v ^ (v >> 31);
}

static uint64_t hash_point(struct geom_point p)
{
    return mix((uint64_t)p.x * 0x9e3779b97f4a7c15U + mix((uint64_t)p.y));
}

struct junctions *junctions_new(int64_t world, uint64_t nvertices,
                                uint64_t max_nbytes)
{
    struct junctions *junctions = calloc(1, sizeof *junctions);
    if (junctions == NULL)
        return NULL;
    uint64_t nslots = UINT64_C(1) << MIN_SLOTS_LOG2;
    while (nslots / SLOTS_PER_VERTEX < nvertices &&
           nslots < UINT64_C(1) << MAX_SLOTS_LOG2)
        nslots *= 2;
    uint64_t nwords = nslots;
    while (nwords > UINT64_C(1) << MIN_SLOTS_LOG2 &&
           nwords * sizeof(uint32_t) > max_nbytes)
        nwords /= 2;
    junctions->world = world;
    junctions->nslots = nslots;
    junctions->nwords = nwords;
    junctions->bits = calloc(nslots / 8, 1);
    junctions->words = calloc(nwords, sizeof *junctions->words);
    if (junctions->bits == NULL || junctions->words == NULL) {
        junctions_free(junctions);
        return NULL;
    }
    return junctions;
}

void junctions_free(struct junctions *junctions)
{
    if (junctions == NULL)
        return;
    free(junctions->words);
    free(junctions->bits);
    free(junctions);
}

unsigned junctions_npasses(const struct junctions *junctions)
{
    return (unsigned)(junctions->nslots / junctions->nwords);
}

void junctions_begin(struct junctions *junctions, unsigned pass)
{
    junctions->first = pass * junctions->nwords;
    for (uint64_t i = 0; i < junctions->nwords && pass > 0; i++)
        atomic_store_explicit(&junctions->words[i], SLOT_EMPTY,
                              memory_order_relaxed);
}

void junctions_end(struct junctions *junctions)
{
    for (uint64_t i = 0; i < junctions->nwords; i++) {
        uint64_t slot = junctions->first + i;
        if (atomic_load_explicit(&junctions->words[i], memory_order_relaxed) ==
            SLOT_JUNCTION)
            junctions->bits[slot / 8] |= (uint8_t)(1U << slot % 8);
    }
    if (junctions->first + junctions->nwords == junctions->nslots) {
        free(junctions->words);
        junctions->words = NULL;
    }
}

static void note(struct junctions *junctions, uint64_t vertex,
                 uint32_t signature)
{
    uint64_t place = (vertex & (junctions->nslots - 1)) - junctions->first;
    if (place >= junctions->nwords)
        return; /* another pass's, also when it lies before */
    _Atomic uint32_t *slot = &junctions->words[place];
    uint32_t seen = SLOT_EMPTY;
    if (atomic_compare_exchange_strong_explicit(
            slot, &seen, signature, memory_order_relaxed, memory_order_relaxed))
        return;
    if (seen != signature)
        atomic_store_explicit(slot, SLOT_JUNCTION, memory_order_relaxed);
}

/* The neighbours count as a set, so both directions sign alike. */
static uint32_t sign(uint64_t before, uint64_t vertex, uint64_t after)
{
    uint64_t both = before ^ after ^ mix(before + after);
    uint32_t signature = (uint32_t)(mix(both + 3 * vertex) >> 32);
    return signature <= SLOT_JUNCTION ? 2 : signature;
}

static bool is_on_seam(const struct junctions *junctions, struct geom_point p)
{
    return p.x == 0 || p.x == junctions->world;
}

static void note_line(struct junctions *junctions,
                      const struct geom_point *points, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t here = hash_point(points[i]);
        if (i == 0 || i + 1 == n || is_on_seam(junctions, points[i])) {
            note(junctions, here, SLOT_JUNCTION);
            continue;
        }
        note(junctions, here,
             sign(hash_point(points[i - 1]), here, hash_point(points[i + 1])));
    }
}

static void note_ring(struct junctions *junctions,
                      const struct geom_point *points, size_t n)
{
    if (n == 0)
        return;
    uint64_t before = hash_point(points[n - 1]);
    uint64_t here = hash_point(points[0]);
    for (size_t i = 0; i < n; i++) {
        uint64_t after = hash_point(points[(i + 1) % n]);
        note(junctions, here,
             is_on_seam(junctions, points[i]) ? SLOT_JUNCTION
                                              : sign(before, here, after));
        before = here;
        here = after;
    }
}

void junctions_note(struct junctions *junctions, const struct geom *geom)
{
    size_t start = 0;
    for (size_t i = 0; i < geom->nparts; i++) {
        size_t n = geom->parts[i].end - start;
        if (geom->kind == GEOM_LINE)
            note_line(junctions, geom->points + start, n);
        else if (geom->kind == GEOM_POLYGON)
            note_ring(junctions, geom->points + start, n);
        start = geom->parts[i].end;
    }
}

bool junctions_has(const struct junctions *junctions, struct geom_point at)
{
    uint64_t slot = hash_point(at) & (junctions->nslots - 1);
    return (junctions->bits[slot / 8] >> slot % 8 & 1) != 0;
}
