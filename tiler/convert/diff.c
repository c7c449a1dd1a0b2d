/* diff.c - `imbrex-tiler diff`: what differs between two tilesets. Packs with
 * the same SHA-256 are not opened. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/cli/report.h"
#include "tiler/cli/stop.h"
#include "tiler/command.h"
#include "tiler/convert/output.h"
#include "tiler/convert/spans.h"

/* As diff(1): scripts test for them. */
enum { DIFF_SAME = 0, DIFF_DIFFERENT = 1, DIFF_TROUBLE = 2 };

struct diff {
    struct common_options common;
    bool list;
    char **paths;
    struct tileset_in inputs[2];
    struct spans spans;
    uint64_t added, removed, changed;
    struct buf tiles;    /* JSON: the tiles listed */
    struct buf metadata; /* JSON: the members that differ */
    uint64_t meta_differences;
};

/* ---- tiles ------------------------------------------------------------------
 */

static void list_tile(struct diff *d, const char *what, uint64_t id)
{
    struct ibx_zxy at = ibx_tile_zxy(id);
    if (d->common.json)
        buf_printf(&d->tiles, "%s{\"%s\":[%u,%u,%u]}",
                   d->tiles.len > 0 ? "," : "", what, at.z, at.x, at.y);
    else
        printf("%s %u/%u/%u\n", what, at.z, at.x, at.y);
}

static void note(struct diff *d, const char *what, uint64_t *count)
{
    *count += d->spans.piece;
    for (uint64_t i = 0; d->list && i < d->spans.piece; i++)
        list_tile(d, what, d->spans.first_id + i);
}

static enum ibx_status compare(struct diff *d, bool *same, struct ibx_err *err)
{
    struct ibx_tile tiles[2] = {{0}};
    enum ibx_status st = IBX_OK;
    for (int i = 0; i < 2 && st == IBX_OK; i++)
        st = ibx_walk_tile(d->spans.inputs[i].walk, &tiles[i], err);
    const struct ibx_tile_facts *a = &tiles[0].facts, *b = &tiles[1].facts;
    *same = a->nbytes == b->nbytes && a->format == b->format &&
            a->encoding == b->encoding &&
            (a->nbytes == 0 ||
             memcmp(tiles[0].bytes, tiles[1].bytes, a->nbytes) == 0);
    ibx_tile_release(&tiles[0]);
    ibx_tile_release(&tiles[1]);
    return st;
}

/* When both walks are at the first run of equal packs, moves them behind. */
static enum ibx_status skip_equal_packs(struct diff *d, bool *skipped,
                                        struct ibx_err *err)
{
    struct ibx_pack_info info[2];
    enum ibx_status st = IBX_OK;
    *skipped = false;
    for (int i = 0; i < 2 && st == IBX_OK; i++)
        st = ibx_pack_info(d->inputs[i].tileset, d->spans.inputs[i].span.pack,
                           &info[i], err);
    if (st != IBX_OK || d->spans.first_id != info[0].first_id ||
        memcmp(info[0].sha256, info[1].sha256, IBX_SHA256_NBYTES) != 0)
        return st;
    *skipped = true;
    d->spans.holders = 0; /* nothing of this piece is left to take off */
    for (size_t i = 0; i < 2 && st == IBX_OK; i++)
        st = spans_seek(&d->spans, i, info[0].last_id + 1, err);
    return st;
}

static enum ibx_status compare_piece(struct diff *d, struct ibx_err *err)
{
    bool skipped, same;
    if (d->spans.holders == 1)
        note(d, "removed", &d->removed);
    if (d->spans.holders == 2)
        note(d, "added", &d->added);
    if (d->spans.holders != 3)
        return IBX_OK;
    enum ibx_status st = skip_equal_packs(d, &skipped, err);
    if (st != IBX_OK || skipped)
        return st;
    st = compare(d, &same, err);
    if (st == IBX_OK && !same)
        note(d, "changed", &d->changed);
    return st;
}

static enum ibx_status compare_tiles(struct diff *d, struct ibx_err *err)
{
    enum ibx_status st =
        spans_open(&d->spans, 0, ibx_zoom_first_id(IBX_MAX_ZOOM + 1), err);
    while (st == IBX_OK && (st = spans_next(&d->spans, err)) == IBX_OK)
        st = compare_piece(d, err);
    spans_close(&d->spans);
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

/* ---- metadata ---------------------------------------------------------------
 */

static void note_item(struct diff *d, const char *what, const char *name)
{
    d->meta_differences++;
    if (!d->common.json) {
        printf("metadata %s: %s\n", what, name);
        return;
    }
    buf_printf(&d->metadata, "%s{\"%s\":", d->metadata.len > 0 ? "," : "",
               what);
    json_put_string(&d->metadata, name, strlen(name));
    buf_puts(&d->metadata, "}");
}

static bool same_item(const struct meta_item *a, const struct meta_item *b)
{
    return a->type == b->type && a->nbytes == b->nbytes &&
           memcmp(a->text, b->text, a->nbytes) == 0;
}

static void compare_items(struct diff *d, const struct meta *a,
                          const struct meta *b)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct meta_item *was = &a->items[i];
        const struct meta_item *is = meta_find(b, was->name);
        if (is == NULL)
            note_item(d, "removed", was->name);
        else if (meta_find(a, was->name) == was && !same_item(was, is))
            note_item(d, "changed", was->name);
    }
    for (size_t i = 0; i < b->count; i++)
        if (meta_find(a, b->items[i].name) == NULL)
            note_item(d, "added", b->items[i].name);
}

/* TileJSON covers what has no item of its own, such as a PMTiles header. */
static enum ibx_status compare_tilejson(struct diff *d, struct ibx_err *err)
{
    struct meta texts[2] = {{0}};
    enum ibx_status st = IBX_OK;
    for (int i = 0; i < 2 && st == IBX_OK; i++)
        st = tileset_tilejson(d->inputs[i].tileset, &texts[i], err);
    if (st == IBX_OK)
        compare_items(d, &texts[0], &texts[1]);
    meta_free(&texts[0]);
    meta_free(&texts[1]);
    return st;
}

static enum ibx_status compare_metadata(struct diff *d, struct ibx_err *err)
{
    struct meta metas[2] = {{0}};
    enum ibx_status st = tileset_meta(d->inputs[0].tileset, &metas[0], err);
    if (st == IBX_OK)
        st = tileset_meta(d->inputs[1].tileset, &metas[1], err);
    if (st == IBX_OK)
        compare_items(d, &metas[0], &metas[1]);
    /* Only when they agree: most of TileJSON repeats the items. */
    if (st == IBX_OK && d->meta_differences == 0)
        st = compare_tilejson(d, err);
    meta_free(&metas[0]);
    meta_free(&metas[1]);
    return st;
}

/* ---- the command ------------------------------------------------------------
 */

static void print_summary(struct diff *d)
{
    if (!d->common.json) {
        if (d->added + d->removed + d->changed > 0)
            printf("tiles: %" PRIu64 " added, %" PRIu64 " removed, %" PRIu64
                   " changed\n",
                   d->added, d->removed, d->changed);
        return;
    }
    char *tiles = buf_take_text(&d->tiles);
    char *metadata = buf_take_text(&d->metadata);
    printf("{\"added\":%" PRIu64 ",\"removed\":%" PRIu64 ",\"changed\":%" PRIu64
           ",\"metadata\":[%s]",
           d->added, d->removed, d->changed, metadata == NULL ? "" : metadata);
    if (d->list)
        printf(",\"tiles\":[%s]", tiles == NULL ? "" : tiles);
    puts("}");
    free(tiles);
    free(metadata);
}

static enum ibx_status run(struct diff *d, struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    (void)stop_install();
    for (int i = 0; i < 2 && st == IBX_OK; i++) {
        st =
            tileset_in_open(d->paths[i], IBX_VERIFY_ALWAYS, &d->inputs[i], err);
        d->spans.inputs[i].tileset = d->inputs[i].tileset;
    }
    d->spans.count = 2;
    if (st == IBX_OK)
        st = compare_metadata(d, err);
    if (st == IBX_OK)
        st = compare_tiles(d, err);
    for (int i = 0; i < 2; i++)
        tileset_in_close(&d->inputs[i]);
    return st;
}

static enum options_outcome parse(struct diff *d, int argc, char **argv,
                                  struct operands *inputs)
{
    const struct option options[] = {
        option_flag("list", &d->list, "name every tile that differs"),
    };
    const struct option_group group = {"Options", options, 1};
    const struct command_line line = {
        .usage = "diff [options] OLD.imbrex NEW.imbrex",
        .about = "Says which tiles and which metadata were added, removed or "
                 "changed.\nExits with 0 when there are none, 1 when there "
                 "are, 2 in case of trouble.",
        .groups = &group,
        .ngroups = 1,
        .min_operands = 2,
        .max_operands = 2,
    };
    return options_parse(&line, argc, argv, &d->common, inputs);
}

int command_diff(int argc, char **argv)
{
    struct diff *d = calloc(1, sizeof(*d));
    struct operands inputs = {0};
    struct ibx_err err = {0};
    if (d == NULL)
        return DIFF_TROUBLE;
    enum options_outcome outcome = parse(d, argc, argv, &inputs);
    if (outcome != OPTIONS_RUN) {
        free(d);
        return options_exit_code(outcome);
    }
    d->paths = inputs.items;
    enum ibx_status st = run(d, &err);
    int code = DIFF_TROUBLE;
    if (st == IBX_OK) {
        print_summary(d);
        code = d->added + d->removed + d->changed + d->meta_differences > 0
                   ? DIFF_DIFFERENT
                   : DIFF_SAME;
    } else {
        report_err(&err);
    }
    buf_free(&d->tiles);
    buf_free(&d->metadata);
    free(d);
    return code;
}
