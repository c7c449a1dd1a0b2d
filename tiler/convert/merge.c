/* merge.c - `imbrex-tiler merge`: several tilesets as one. Packs whose ids no
 * other input has are linked; only where inputs meet are tiles looked at. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pack/verify.h"
#include "tiler/cli/progress.h"
#include "tiler/cli/report.h"
#include "tiler/command.h"
#include "tiler/convert/compress.h"
#include "tiler/convert/meta_edit.h"
#include "tiler/convert/mvt_merge.h"
#include "tiler/convert/output.h"
#include "tiler/convert/spans.h"

enum conflict { CONFLICT_LAST, CONFLICT_FIRST, CONFLICT_ERROR };
enum { PLAIN_NBYTES_MAX = 256 << 20 };

struct merge_options {
    struct output_options output;
    int64_t conflict;
    bool layers;
};

/* A pack of one of the inputs. */
struct part {
    struct ibx_pack_info info;
    uint64_t number;
    size_t input;
};

struct merge {
    const struct merge_options *options;
    char **paths;
    struct tileset_in inputs[SPANS_MAX];
    size_t count;
    struct part *parts;
    size_t nparts;
    struct ibx_writer *writer;
    struct spans spans;
    struct buf plain[2], merged, packed;
    uint64_t linked, met; /* packs */
    bool any;
    uint8_t min_zoom, max_zoom;
};

/* ---- tiles where inputs meet ----------------------------------------------
 */

static enum ibx_status get_tile(struct merge *m, size_t input,
                                struct ibx_tile *out, struct ibx_err *err)
{
    return ibx_walk_tile(m->spans.inputs[input].walk, out, err);
}

static enum ibx_status add(struct merge *m, const struct ibx_tile_facts *facts,
                           struct bytes bytes, struct ibx_err *err)
{
    struct ibx_writer_tile tile = {
        .first_id = m->spans.first_id,
        .count = m->spans.piece,
        .bytes = bytes.ptr,
        .nbytes = bytes.len,
        .format = facts->format,
        .encoding = facts->encoding,
    };
    return ibx_writer_add(m->writer, &tile, err);
}

static bool equal(const struct ibx_tile *a, const struct ibx_tile *b)
{
    return a->facts.nbytes == b->facts.nbytes &&
           a->facts.format == b->facts.format &&
           a->facts.encoding == b->facts.encoding &&
           (a->facts.nbytes == 0 ||
            memcmp(a->bytes, b->bytes, a->facts.nbytes) == 0);
}

static enum ibx_status conflict(struct merge *m, size_t a, size_t b,
                                struct ibx_err *err)
{
    struct ibx_zxy at = ibx_tile_zxy(m->spans.first_id);
    return convert_fail(err, IBX_ERR_CONFLICT, m->paths[b],
                        "tile %u/%u/%u differs from that of %.120s", at.z, at.x,
                        at.y, m->paths[a]);
}

/* Both tiles' layers in one tile, compressed as the later one was. */
static enum ibx_status merge_layers(struct merge *m,
                                    const struct ibx_tile tiles[2],
                                    struct bytes *out, bool *both,
                                    struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    struct bytes plain[2];
    for (int i = 0; i < 2 && st == IBX_OK; i++) {
        struct bytes raw = {tiles[i].bytes, tiles[i].facts.nbytes};
        buf_clear(&m->plain[i]);
        if (raw.len > 0)
            st = unpack(tiles[i].facts.encoding, raw, PLAIN_NBYTES_MAX,
                        &m->plain[i], err);
        plain[i] = buf_bytes(&m->plain[i]);
    }
    buf_clear(&m->merged);
    if (st == IBX_OK)
        st = mvt_merge(plain, m->options->conflict == CONFLICT_FIRST,
                       &m->merged, both, err);
    *out = buf_bytes(&m->merged);
    if (st != IBX_OK || tiles[1].facts.encoding != IBX_ENCODING_GZIP)
        return st;
    buf_clear(&m->packed);
    st = pack_gzip(m->merged.ptr, m->merged.len, &m->packed, err);
    *out = buf_bytes(&m->packed);
    return st;
}

/* Two holders of a piece, the later one in tiles[1]. */
static enum ibx_status settle(struct merge *m, const size_t holders[2],
                              const struct ibx_tile tiles[2],
                              struct ibx_err *err)
{
    bool first = m->options->conflict == CONFLICT_FIRST;
    bool vector = tiles[0].facts.format == IBX_FORMAT_MVT &&
                  tiles[1].facts.format == IBX_FORMAT_MVT;
    bool both = true;
    const struct ibx_tile *winner = &tiles[first ? 0 : 1];
    struct bytes bytes = {winner->bytes, winner->facts.nbytes};
    struct ibx_tile_facts facts = winner->facts;
    enum ibx_status st = IBX_OK;
    if (m->options->layers && vector) {
        st = merge_layers(m, tiles, &bytes, &both, err);
        facts.encoding = tiles[1].facts.encoding == IBX_ENCODING_GZIP
                             ? IBX_ENCODING_GZIP
                             : IBX_ENCODING_NONE;
        if (st == IBX_ERR_CORRUPT || st == IBX_ERR_TOO_LARGE) {
            struct ibx_zxy at = ibx_tile_zxy(m->spans.first_id);
            struct ibx_err inner = *err;
            return convert_fail(err, st, m->paths[holders[1]],
                                "tile %u/%u/%u: %.100s", at.z, at.x, at.y,
                                inner.what);
        }
    }
    if (st == IBX_OK && both && m->options->conflict == CONFLICT_ERROR)
        return conflict(m, holders[0], holders[1], err);
    return st == IBX_OK ? add(m, &facts, bytes, err) : st;
}

static size_t lowest(uint64_t bits)
{
    return (size_t)__builtin_ctzll(bits);
}

static size_t highest(uint64_t bits)
{
    return 63 - (size_t)__builtin_clzll(bits);
}

/* The two inputs whose tiles count. More than two are settled by the order
 * alone, unless layers are merged, which takes two. */
static enum ibx_status put_piece(struct merge *m, struct ibx_err *err)
{
    struct ibx_tile tiles[2] = {{0}};
    uint64_t bits = m->spans.holders;
    size_t holders[2] = {lowest(bits), highest(bits)};
    enum ibx_status st = get_tile(m, holders[0], &tiles[0], err);
    if (st == IBX_OK && holders[0] == holders[1])
        st = add(m, &tiles[0].facts,
                 (struct bytes){tiles[0].bytes, tiles[0].facts.nbytes}, err);
    else if (st == IBX_OK)
        st = get_tile(m, holders[1], &tiles[1], err);
    if (st == IBX_OK && holders[0] != holders[1])
        st = equal(&tiles[0], &tiles[1])
                 ? add(m, &tiles[1].facts,
                       (struct bytes){tiles[1].bytes, tiles[1].facts.nbytes},
                       err)
                 : settle(m, holders, tiles, err);
    ibx_tile_release(&tiles[0]);
    ibx_tile_release(&tiles[1]);
    return st;
}

static enum ibx_status merge_tiles(struct merge *m, uint64_t first_id,
                                   uint64_t last_id, struct ibx_err *err)
{
    enum ibx_status st = spans_open(&m->spans, first_id, last_id + 1, err);
    while (st == IBX_OK && (st = spans_next(&m->spans, err)) == IBX_OK)
        st = put_piece(m, err);
    spans_close(&m->spans);
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

/* ---- packs -----------------------------------------------------------------
 */

static int by_first_id(const void *a, const void *b)
{
    const struct part *left = a, *right = b;
    if (left->info.first_id != right->info.first_id)
        return left->info.first_id < right->info.first_id ? -1 : 1;
    return (left->input > right->input) - (left->input < right->input);
}

static enum ibx_status list_parts(struct merge *m, struct ibx_err *err)
{
    uint64_t total = 0;
    for (size_t i = 0; i < m->count; i++)
        total += ibx_tileset_info(m->inputs[i].tileset)->npacks;
    m->parts = calloc((size_t)total + 1, sizeof(*m->parts));
    if (m->parts == NULL)
        return convert_no_memory(err, NULL);
    for (size_t i = 0; i < m->count; i++) {
        uint64_t npacks = ibx_tileset_info(m->inputs[i].tileset)->npacks;
        for (uint64_t n = 0; n < npacks; n++) {
            struct part *part = &m->parts[m->nparts++];
            part->input = i;
            part->number = n;
            enum ibx_status st =
                ibx_pack_info(m->inputs[i].tileset, n, &part->info, err);
            if (st != IBX_OK)
                return st;
        }
    }
    qsort(m->parts, m->nparts, sizeof(*m->parts), by_first_id);
    return IBX_OK;
}

/* The parts from `from` on that overlap each other, directly or through
 * others; *last_id is where they end. */
static size_t cluster_end(const struct merge *m, size_t from, uint64_t *last_id)
{
    size_t to = from + 1;
    *last_id = m->parts[from].info.last_id;
    for (; to < m->nparts && m->parts[to].info.first_id <= *last_id; to++)
        if (m->parts[to].info.last_id > *last_id)
            *last_id = m->parts[to].info.last_id;
    return to;
}

static bool all_the_same(const struct merge *m, size_t from, size_t to)
{
    for (size_t i = from + 1; i < to; i++)
        if (memcmp(m->parts[i].info.sha256, m->parts[from].info.sha256,
                   IBX_SHA256_NBYTES) != 0)
            return false;
    return true;
}

static void note_zooms(struct merge *m, uint64_t first_id, uint64_t last_id)
{
    uint8_t low = ibx_tile_zxy(first_id).z, high = ibx_tile_zxy(last_id).z;
    m->min_zoom = !m->any || low < m->min_zoom ? low : m->min_zoom;
    m->max_zoom = !m->any || high > m->max_zoom ? high : m->max_zoom;
    m->any = true;
}

static enum ibx_status merge_cluster(struct merge *m, size_t from, size_t to,
                                     uint64_t last_id, struct ibx_err *err)
{
    const struct part *part = &m->parts[from];
    note_zooms(m, part->info.first_id, last_id);
    if (all_the_same(m, from, to)) {
        m->linked++;
        return ibx_writer_link_pack(m->writer, m->inputs[part->input].tileset,
                                    part->number, err);
    }
    m->met += to - from;
    return merge_tiles(m, part->info.first_id, last_id, err);
}

static enum ibx_status merge_parts(struct merge *m, struct ibx_err *err)
{
    struct progress progress;
    uint64_t last_id;
    enum ibx_status st = list_parts(m, err);
    progress_init(&progress, "merging", "packs",
                  m->options->output.common.quiet);
    for (size_t at = 0, to; at < m->nparts && st == IBX_OK; at = to) {
        to = cluster_end(m, at, &last_id);
        st = merge_cluster(m, at, to, last_id, err);
        progress_set(&progress, to, m->nparts);
    }
    progress_end(&progress);
    return st;
}

/* ---- metadata ---------------------------------------------------------------
 */

static void widen(struct box *box, bool *any, const struct meta_place *p)
{
    if (!p->has_bounds)
        return;
    struct box b = {p->west, p->south, p->east, p->north};
    if (!*any)
        *box = b;
    box->west = b.west < box->west ? b.west : box->west;
    box->south = b.south < box->south ? b.south : box->south;
    box->east = b.east > box->east ? b.east : box->east;
    box->north = b.north > box->north ? b.north : box->north;
    *any = true;
}

/* The winner's metadata, with everybody's vector layers and bounds. */
static enum ibx_status merge_meta(struct merge *m, struct meta *out,
                                  struct meta_tiles *tiles, struct ibx_err *err)
{
    size_t winner = m->options->conflict == CONFLICT_FIRST ? 0 : m->count - 1;
    struct box box = {-180, -85.0511287798066, 180, 85.0511287798066};
    uint32_t formats = 0;
    bool any = false;
    enum ibx_status st = tileset_meta(m->inputs[winner].tileset, out, err);
    for (size_t i = 0; i < m->count && st == IBX_OK; i++) {
        struct meta other = {0}, tilejson = {0};
        struct meta_place place;
        formats |= ibx_tileset_info(m->inputs[i].tileset)->format_bits;
        st = tileset_meta(m->inputs[i].tileset, &other, err);
        meta_place(&other, &place);
        widen(&box, &any, &place);
        if (st == IBX_OK)
            st = tileset_tilejson(m->inputs[i].tileset, &tilejson, err);
        if (st == IBX_OK)
            st = meta_add_layers(out, &tilejson);
        meta_free(&other);
        meta_free(&tilejson);
    }
    *tiles = (struct meta_tiles){.any = m->any,
                                 .min_zoom = m->min_zoom,
                                 .max_zoom = m->max_zoom,
                                 .west = box.west,
                                 .south = box.south,
                                 .east = box.east,
                                 .north = box.north,
                                 .kind = kind_of_formats(formats)};
    if (st == IBX_OK && any)
        st = meta_set_bounds(out, &box);
    return st == IBX_OK ? meta_set_zooms(out, tiles, false) : st;
}

static enum ibx_status publish(struct merge *m, struct ibx_err *err)
{
    struct meta meta = {0};
    struct meta_tiles tiles;
    struct ibx_writer_result result;
    char more[96];
    char *name = name_of_path(m->options->output.path);
    enum ibx_status st = merge_meta(m, &meta, &tiles, err);
    tiles.fallback_name = name;
    if (st == IBX_OK) {
        struct output_texts texts = {
            &meta, &tiles, NULL,
            ibx_tileset_info(m->inputs[m->count - 1].tileset)->tile_px};
        st = output_publish(&m->options->output, m->writer, &texts, &result,
                            err);
    }
    (void)snprintf(more, sizeof(more),
                   ",\"packs_linked\":%" PRIu64 ",\"packs_met\":%" PRIu64,
                   m->linked, m->met);
    if (st == IBX_OK)
        output_print_result(&m->options->output, &result, more);
    meta_free(&meta);
    free(name);
    return st;
}

/* ---- the command ------------------------------------------------------------
 */

static enum ibx_status run(struct merge *m, struct ibx_err *err)
{
    uint64_t pack_nbytes = 0;
    enum ibx_status st = IBX_OK;
    for (size_t i = 0; i < m->count && st == IBX_OK; i++) {
        st =
            tileset_in_open(m->paths[i], IBX_VERIFY_ALWAYS, &m->inputs[i], err);
        m->spans.inputs[i].tileset = m->inputs[i].tileset;
        if (st != IBX_OK)
            break;
        uint64_t cap = ibx_tileset_pack_nbytes_cap(m->inputs[i].tileset);
        pack_nbytes = cap > pack_nbytes ? cap : pack_nbytes;
    }
    m->spans.count = m->count;
    if (st == IBX_OK)
        st = output_open(&m->options->output, pack_nbytes, &m->writer, err);
    if (st == IBX_OK)
        st = merge_parts(m, err);
    if (st == IBX_OK)
        st = publish(m, err);
    ibx_writer_close(m->writer, IBX_WRITER_DISCARD);
    for (size_t i = 0; i < m->count; i++)
        tileset_in_close(&m->inputs[i]);
    for (int i = 0; i < 2; i++)
        buf_free(&m->plain[i]);
    buf_free(&m->merged);
    buf_free(&m->packed);
    free(m->parts);
    return st;
}

static enum options_outcome parse(struct merge_options *o, int argc,
                                  char **argv, struct operands *inputs)
{
    static const char *const choices[] = {"last", "first", "error", NULL};
    struct option shared[OUTPUT_NOPTIONS];
    output_options_table(&o->output, shared);
    const struct option own[] = {
        option_choice("conflict", &o->conflict, choices, "WHO",
                      "whose tile counts where inputs differ: last (default),\n"
                      "first, or error"),
        option_flag("layers", &o->layers,
                    "where two inputs have vector tiles, keep the layers of\n"
                    "both; --conflict is then about equal layer names"),
    };
    const struct option_group groups[] = {
        {"Options", shared, OUTPUT_NOPTIONS},
        {"Tiles", own, sizeof(own) / sizeof(own[0])},
    };
    const struct command_line line = {
        .usage = "merge -o OUT.imbrex [options] IN.imbrex IN.imbrex ...",
        .about = "Makes one tileset of several. Packs that meet no other are "
                 "linked, not\nrewritten.",
        .groups = groups,
        .ngroups = sizeof(groups) / sizeof(groups[0]),
        .min_operands = 1,
        .max_operands = SPANS_MAX,
    };
    return options_parse(&line, argc, argv, &o->output.common, inputs);
}

int command_merge(int argc, char **argv)
{
    struct merge_options options = {0};
    struct operands inputs = {0};
    struct ibx_err err = {0};
    output_options_init(&options.output);
    enum options_outcome outcome = parse(&options, argc, argv, &inputs);
    if (outcome != OPTIONS_RUN)
        return options_exit_code(outcome);
    if (!output_options_check(&options.output, "merge"))
        return EXIT_USAGE;
    if (options.layers && inputs.count > 2) {
        report("--layers", "merge them one after the other",
               "takes two inputs");
        return EXIT_USAGE;
    }
    struct merge *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return exit_code_of(convert_no_memory(&err, NULL), &err);
    m->options = &options;
    m->paths = inputs.items;
    m->count = inputs.count;
    enum ibx_status st = run(m, &err);
    free(m);
    return exit_code_of(st, &err);
}
