/* stats.c - `imbrex-tiler stats`: what each zoom holds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tiler/cli/stop.h"
#include "tiler/command.h"
#include "tiler/convert/output.h"
#include "tiler/convert/recsort.h"

/* Sizes are counted in classes of at most 1.6 %: 64 to each power of two, and
 * exact below 128 bytes. */
enum { CLASS_BITS = 6, NCLASSES = (33 - CLASS_BITS) << CLASS_BITS };

struct zoom_stats {
    uint64_t tiles, contents, nbytes, largest, empty;
    uint64_t classes[NCLASSES];
};

struct stats {
    struct common_options common;
    struct tileset_in in;
    struct zoom_stats zooms[IBX_MAX_ZOOM + 1];
    struct recsort *hashes; /* of the zoom at hand */
    int zoom;               /* -1: none yet */
    uint64_t pack;
};

static unsigned class_of(uint32_t nbytes)
{
    if (nbytes < 1u << (CLASS_BITS + 1))
        return nbytes;
    unsigned top = 31 - (unsigned)__builtin_clz(nbytes);
    unsigned shift = top - CLASS_BITS;
    return (shift << CLASS_BITS) + (nbytes >> shift);
}

/* The largest size of a class. */
static uint64_t class_limit(unsigned class)
{
    if (class < 1u << (CLASS_BITS + 1))
        return class;
    unsigned shift = (class >> CLASS_BITS) - 1;
    uint64_t mantissa = (class & ((1u << CLASS_BITS) - 1)) + (1u << CLASS_BITS);
    return ((mantissa + 1) << shift) - 1;
}

static uint64_t percentile(const struct zoom_stats *z, unsigned percent)
{
    uint64_t seen = 0, sized = z->tiles - z->empty;
    for (unsigned c = 0; c < NCLASSES; c++) {
        seen += z->classes[c];
        if (seen > 0 && seen * 100 >= sized * percent) {
            uint64_t limit = class_limit(c);
            return limit < z->largest ? limit : z->largest;
        }
    }
    return 0;
}

/* ---- walking ----------------------------------------------------------------
 */

/* Counts the different hashes of the zoom that has ended. */
static enum ibx_status end_zoom(struct stats *s, struct ibx_err *err)
{
    struct rec rec, before = {0};
    if (s->zoom < 0)
        return IBX_OK;
    struct zoom_stats *z = &s->zooms[s->zoom];
    enum ibx_status st = recsort_sort(s->hashes, err);
    while (st == IBX_OK &&
           (st = recsort_next(s->hashes, &rec, err)) == IBX_OK) {
        if (z->contents > 0 && rec.key == before.key)
            continue;
        z->contents++;
        z->nbytes += rec.value;
        before = rec;
    }
    recsort_close(s->hashes);
    s->hashes = NULL;
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

static enum ibx_status begin_zoom(struct stats *s, int zoom,
                                  struct ibx_err *err)
{
    enum ibx_status st = end_zoom(s, err);
    s->zoom = zoom;
    return st == IBX_OK
               ? recsort_open(32 << 20, NULL, "/tmp/imbrex", &s->hashes, err)
               : st;
}

static enum ibx_status count_span(struct stats *s, const struct ibx_span *span,
                                  struct ibx_err *err)
{
    struct ibx_zxy at = ibx_tile_zxy(span->first_id);
    struct ibx_tile_facts facts;
    enum ibx_status st = IBX_OK;
    if (at.z != s->zoom)
        st = begin_zoom(s, at.z, err);
    if (st == IBX_OK)
        st = ibx_tile_stat(s->in.tileset, at, IBX_BLOCK, &facts, err);
    if (st != IBX_OK)
        return st;
    struct zoom_stats *z = &s->zooms[at.z];
    z->tiles += span->count;
    if (facts.nbytes == 0) {
        z->empty += span->count;
        return IBX_OK;
    }
    z->classes[class_of(facts.nbytes)] += span->count;
    z->largest = facts.nbytes > z->largest ? facts.nbytes : z->largest;
    return recsort_add(s->hashes, (struct rec){facts.hash, facts.nbytes}, err);
}

static enum ibx_status count_all(struct stats *s, struct ibx_err *err)
{
    struct ibx_walk *walk;
    struct ibx_span span;
    enum ibx_status st = ibx_walk_open(s->in.tileset, 0, &walk, err);
    if (st != IBX_OK)
        return st;
    while ((st = ibx_walk_next(walk, &span, err)) == IBX_OK) {
        st = count_span(s, &span, err);
        if (st == IBX_OK && stop_requested())
            st = convert_fail(err, IBX_ERR_INTERRUPTED, NULL, "interrupted");
        if (st != IBX_OK)
            break;
    }
    ibx_walk_close(walk);
    return st == IBX_NOT_FOUND ? end_zoom(s, err) : st;
}

/* ---- printing ---------------------------------------------------------------
 */

static void print_json(const struct stats *s)
{
    const char *comma = "";
    printf("{\"zooms\":[");
    for (int zoom = 0; zoom <= IBX_MAX_ZOOM; zoom++) {
        const struct zoom_stats *z = &s->zooms[zoom];
        if (z->tiles == 0)
            continue;
        printf(
            "%s{\"zoom\":%d,\"tiles\":%" PRIu64 ",\"unique\":%" PRIu64
            ",\"empty\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"largest\":%" PRIu64
            ",\"p50\":%" PRIu64 ",\"p90\":%" PRIu64 ",\"p99\":%" PRIu64 "}",
            comma, zoom, z->tiles, z->contents, z->empty, z->nbytes, z->largest,
            percentile(z, 50), percentile(z, 90), percentile(z, 99));
        comma = ",";
    }
    printf("]}\n");
}

static void print_table(const struct stats *s)
{
    printf("%4s %14s %12s %8s %16s %10s %10s %10s %10s\n", "zoom", "tiles",
           "unique", "empty", "bytes", "p50", "p90", "p99", "largest");
    for (int zoom = 0; zoom <= IBX_MAX_ZOOM; zoom++) {
        const struct zoom_stats *z = &s->zooms[zoom];
        if (z->tiles == 0)
            continue;
        printf("%4d %14" PRIu64 " %12" PRIu64 " %8" PRIu64 " %16" PRIu64
               " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "\n",
               zoom, z->tiles, z->contents, z->empty, z->nbytes,
               percentile(z, 50), percentile(z, 90), percentile(z, 99),
               z->largest);
    }
}

static enum ibx_status run(struct stats *s, const char *path,
                           struct ibx_err *err)
{
    (void)stop_install();
    enum ibx_status st = tileset_in_open(path, IBX_VERIFY_NEVER, &s->in, err);
    if (st != IBX_OK)
        return st;
    st = count_all(s, err);
    if (st == IBX_OK && s->common.json)
        print_json(s);
    else if (st == IBX_OK)
        print_table(s);
    recsort_close(s->hashes);
    tileset_in_close(&s->in);
    return st;
}

static enum options_outcome parse(struct stats *s, int argc, char **argv,
                                  struct operands *operands)
{
    const struct command_line line = {
        .usage = "stats [options] IN.imbrex",
        .about = "Says for each zoom how many tiles there are, how many "
                 "different ones, how\nmany bytes these have, and how large "
                 "tiles are: half, nine tenths and 99 of 100\nare at most "
                 "p50, p90 and p99 bytes (to 1.6 %).",
        .min_operands = 1,
        .max_operands = 1,
    };
    return options_parse(&line, argc, argv, &s->common, operands);
}

int command_stats(int argc, char **argv)
{
    struct operands operands = {0};
    struct ibx_err err = {0};
    struct stats *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return exit_code_of(convert_no_memory(&err, NULL), &err);
    s->zoom = -1;
    enum options_outcome outcome = parse(s, argc, argv, &operands);
    int code = options_exit_code(outcome);
    if (outcome == OPTIONS_RUN)
        code = exit_code_of(run(s, operands.items[0], &err), &err);
    free(s);
    return code;
}
