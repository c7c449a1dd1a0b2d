#include "tiler/raster/unit.h"

#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "tiler/cli/report.h"
#include "tiler/cli/stop.h"
#include "tiler/raster/emit.h"
#include "tiler/raster/painter.h"
#include "tiler/raster/pyramid.h"

/* A unit's state: a byte for the top tile's cover, the counts of its zooms as
 * little-endian 64-bit numbers, the pixels deflated. It never leaves the
 * machine: it lives in the spool of an unfinished build. */
enum {
    DEFLATE_LEVEL = 1,
    ZOOM_NFIELDS = sizeof(struct tally_zoom) / sizeof(uint64_t),
};

struct unit_maker {
    const struct job *job;
    struct ibx_writer *writer;
    struct encoder *encoder;
    struct painter *painter;
    struct pyramid *pyramid;
    struct emitted emitted;
    struct pixels block; /* the painter's, cut into leaves */
    struct ibx_zxy block_at;
    bool has_block;
    struct libdeflate_compressor *deflate;
    struct libdeflate_decompressor *inflate;
    uint8_t *state;
    size_t state_room;
    uint8_t *top; /* pixels read back */
};

/* ---- leaves ------------------------------------------------------------- */

/* The pixels of a tile of the deepest zoom, cut from its block. */
static bool cut_leaf(void *arg, struct ibx_zxy at, struct pixels *out)
{
    struct unit_maker *m = arg;
    unsigned levels = m->job->grid.zoom - m->job->block_zoom;
    struct ibx_zxy block = {m->job->block_zoom, at.x >> levels, at.y >> levels};
    bool same =
        m->has_block && block.x == m->block_at.x && block.y == m->block_at.y;
    if (!same) {
        m->has_block = painter_paint(m->painter, block, &m->block);
        m->block_at = block;
    }
    if (!m->has_block)
        return false;
    uint32_t px = m->job->grid.tile_px;
    *out = pixels_part(&m->block, (at.x - (block.x << levels)) * px,
                       (at.y - (block.y << levels)) * px, px);
    return true;
}

/* ---- tools -------------------------------------------------------------- */

static size_t tile_nbytes(const struct job *job)
{
    return (size_t)job->grid.tile_px * job->grid.tile_px * 4;
}

static size_t counts_nbytes(const struct job *job)
{
    size_t nzooms = (size_t)(job->grid.zoom - job->unit_zoom) + 1;
    return nzooms * ZOOM_NFIELDS * sizeof(uint64_t);
}

static bool reserve(struct unit_maker *m)
{
    m->deflate = libdeflate_alloc_compressor(DEFLATE_LEVEL);
    m->inflate = libdeflate_alloc_decompressor();
    m->encoder = encoder_new(&m->job->encoder);
    if (m->deflate == NULL || m->inflate == NULL || m->encoder == NULL)
        return false;
    m->state_room =
        1 + counts_nbytes(m->job) +
        libdeflate_deflate_compress_bound(m->deflate, tile_nbytes(m->job));
    m->state = malloc(m->state_room);
    m->top = malloc(tile_nbytes(m->job));
    m->emitted.encoder = m->encoder;
    return m->state != NULL && m->top != NULL;
}

struct unit_maker *unit_maker_new(const struct job *job,
                                  struct ibx_writer *writer)
{
    struct unit_maker *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    m->job = job;
    m->writer = writer;
    const struct pyramid_settings settings = {
        .job = job,
        .top_zoom = job->unit_zoom,
        .leaf_zoom = job->grid.zoom,
        .leaf = cut_leaf,
        .leaf_arg = m,
        .emitted = &m->emitted,
        .emits_leaves = true,
    };
    if (!reserve(m)) {
        report(NULL, "give fewer --threads", "out of memory");
    } else {
        m->painter = painter_new(job);
        m->pyramid = pyramid_new(&settings);
        if (m->painter != NULL && m->pyramid != NULL)
            return m;
    }
    unit_maker_free(m);
    return NULL;
}

void unit_maker_free(struct unit_maker *maker)
{
    if (maker == NULL)
        return;
    emitted_fini(&maker->emitted);
    pyramid_free(maker->pyramid);
    painter_free(maker->painter);
    encoder_free(maker->encoder);
    libdeflate_free_compressor(maker->deflate);
    libdeflate_free_decompressor(maker->inflate);
    free(maker->state);
    free(maker->top);
    free(maker);
}

/* ---- state -------------------------------------------------------------- */

static uint8_t *put_u64(uint8_t *to, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (8 * i));
    return to + 8;
}

static const uint8_t *get_u64(const uint8_t *from, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < 8; i++)
        *value |= (uint64_t)from[i] << (8 * i);
    return from + 8;
}

static uint8_t *put_zoom(uint8_t *to, const struct tally_zoom *z)
{
    to = put_u64(to, z->tiles);
    to = put_u64(to, z->transparent);
    to = put_u64(to, z->flattened);
    to = put_u64(to, z->nbytes);
    for (int i = 0; i < 3; i++)
        to = put_u64(to, z->formats[i]);
    return to;
}

static const uint8_t *get_zoom(const uint8_t *from, struct tally_zoom *z)
{
    from = get_u64(from, &z->tiles);
    from = get_u64(from, &z->transparent);
    from = get_u64(from, &z->flattened);
    from = get_u64(from, &z->nbytes);
    for (int i = 0; i < 3; i++)
        from = get_u64(from, &z->formats[i]);
    return from;
}

/* Writes m->state and returns its length. The top's rows are contiguous where
 * it came from a pyramid; where the top is a leaf they are gathered first. */
static size_t pack_state(struct unit_maker *m, const struct pixels *top)
{
    const struct job *job = m->job;
    uint8_t *to = m->state;
    *to++ = (uint8_t)top->cover;
    for (int z = job->unit_zoom; z <= job->grid.zoom; z++)
        to = put_zoom(to, &m->emitted.tally.zooms[z]);
    if (top->cover == COVER_NONE)
        return (size_t)(to - m->state);
    size_t line = (size_t)top->size * 4;
    for (uint32_t y = 0; y < top->size; y++)
        memcpy(m->top + y * line, top->bytes + y * top->stride, line);
    size_t used = (size_t)(to - m->state);
    return used + libdeflate_deflate_compress(m->deflate, m->top,
                                              tile_nbytes(job), to,
                                              m->state_room - used);
}

static bool corrupt_state(void)
{
    report("--resume", "give --restart",
           "the unfinished build is not one of this program");
    return false;
}

/* Reads the counts; *pixels is set to what follows them. */
static bool unpack_counts(const struct job *job, const uint8_t *state,
                          size_t nbytes, struct tally *tally)
{
    if (nbytes < 1 + counts_nbytes(job) || state[0] > COVER_FULL)
        return corrupt_state();
    const uint8_t *from = state + 1;
    for (int z = job->unit_zoom; z <= job->grid.zoom; z++)
        from = get_zoom(from, &tally->zooms[z]);
    return true;
}

static bool unpack_pixels(struct unit_maker *m, const uint8_t *state,
                          size_t nbytes, struct pixels *out)
{
    const struct job *job = m->job;
    size_t header = 1 + counts_nbytes(job);
    if (nbytes < header || state[0] > COVER_FULL)
        return corrupt_state();
    *out = (struct pixels){.bytes = m->top,
                           .stride = (size_t)job->grid.tile_px * 4,
                           .size = job->grid.tile_px,
                           .kind = job->settings.kind,
                           .cover = (enum cover)state[0]};
    if (out->cover == COVER_NONE)
        return true;
    enum libdeflate_result result = libdeflate_deflate_decompress(
        m->inflate, state + header, nbytes - header, m->top, tile_nbytes(job),
        NULL);
    return result == LIBDEFLATE_SUCCESS || corrupt_state();
}

/* ---- units -------------------------------------------------------------- */

static bool commit(struct unit_maker *m, struct ibx_zxy at,
                   const struct pixels *top)
{
    struct ibx_err err = {0};
    const struct ibx_writer_unit unit = {
        .key = ibx_tile_id(at),
        .tiles = m->emitted.tiles,
        .ntiles = m->emitted.count,
        .state_nbytes = pack_state(m, top),
        .state = m->state,
    };
    enum ibx_status status = ibx_writer_commit(m->writer, &unit, &err);
    if (status == IBX_OK)
        return true;
    if (status != IBX_ERR_INTERRUPTED)
        report_err(&err);
    return false;
}

static bool read_state(struct unit_maker *m, struct ibx_zxy at, uint8_t **state,
                       size_t *nbytes)
{
    struct ibx_err err = {0};
    if (ibx_writer_unit_state(m->writer, ibx_tile_id(at), state, nbytes,
                              &err) == IBX_OK)
        return true;
    report_err(&err);
    return false;
}

static bool recall(struct unit_maker *m, struct ibx_zxy at, struct tally *tally)
{
    uint8_t *state = NULL;
    size_t nbytes = 0;
    struct tally counts = {0};
    if (!read_state(m, at, &state, &nbytes))
        return false;
    bool ok = unpack_counts(m->job, state, nbytes, &counts);
    free(state);
    if (ok)
        tally_add(tally, &counts);
    return ok;
}

bool unit_make(struct unit_maker *maker, struct ibx_zxy at, struct tally *tally,
               bool *found)
{
    struct pixels top;
    *found = ibx_writer_has_unit(maker->writer, ibx_tile_id(at));
    if (*found)
        return recall(maker, at, tally);
    emitted_clear(&maker->emitted);
    if (!pyramid_make(maker->pyramid, at, &top) || !commit(maker, at, &top))
        return false;
    tally_add(tally, &maker->emitted.tally);
    return true;
}

bool unit_top(void *maker, struct ibx_zxy at, struct pixels *out)
{
    struct unit_maker *m = maker;
    uint8_t *state = NULL;
    size_t nbytes = 0;
    if (!read_state(m, at, &state, &nbytes))
        return false;
    bool ok = unpack_pixels(m, state, nbytes, out);
    free(state);
    return ok;
}
