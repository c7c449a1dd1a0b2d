/* tile.c - `imbrex-tiler tile`: one tile to standard output. */
#include <stdio.h>

#include "tiler/cli/report.h"
#include "tiler/cli/value.h"
#include "tiler/command.h"
#include "tiler/convert/compress.h"
#include "tiler/convert/mvt_json.h"
#include "tiler/convert/output.h"

enum { PLAIN_NBYTES_MAX = 256 << 20 };

struct tile_options {
    struct common_options common;
    bool decode;
};

static bool parse_address(char **numbers, struct ibx_zxy *out)
{
    int64_t n[3];
    for (int i = 0; i < 3; i++)
        if (!value_integer(numbers[i], &n[i]) || n[i] < 0 || n[i] > UINT32_MAX)
            return false;
    if (n[0] > IBX_MAX_ZOOM)
        return false;
    *out = (struct ibx_zxy){(uint8_t)n[0], (uint32_t)n[1], (uint32_t)n[2]};
    return ibx_zxy_valid(*out);
}

static enum ibx_status write_out(const void *bytes, size_t nbytes,
                                 struct ibx_err *err)
{
    if (fwrite(bytes, 1, nbytes, stdout) == nbytes && fflush(stdout) == 0)
        return IBX_OK;
    return convert_fail(err, IBX_ERR_SYSTEM, "standard output",
                        "cannot be written");
}

static enum ibx_status write_decoded(const struct ibx_tile *tile,
                                     struct ibx_zxy at, const char *path,
                                     struct ibx_err *err)
{
    struct buf plain = {0}, text = {0};
    struct bytes raw = {tile->bytes, tile->facts.nbytes};
    if (tile->facts.format != IBX_FORMAT_MVT)
        return convert_fail(err, IBX_ERR_UNSUPPORTED, path,
                            "tile %u/%u/%u is not a vector tile (MVT)", at.z,
                            at.x, at.y);
    enum ibx_status st = IBX_OK;
    if (raw.len > 0)
        st = unpack(tile->facts.encoding, raw, PLAIN_NBYTES_MAX, &plain, err);
    if (st == IBX_OK)
        st = mvt_to_geojson(buf_bytes(&plain), at, &text, err);
    if (st == IBX_OK) {
        buf_puts(&text, "\n");
        st = write_out(text.ptr, text.len, err);
    } else {
        struct ibx_err inner = *err;
        (void)convert_fail(err, st, path, "tile %u/%u/%u: %.120s", at.z, at.x,
                           at.y, inner.what);
    }
    buf_free(&plain);
    buf_free(&text);
    return st;
}

static enum ibx_status run(const struct tile_options *o, const char *path,
                           struct ibx_zxy at, struct ibx_err *err)
{
    struct tileset_in in;
    struct ibx_tile tile;
    enum ibx_status st = tileset_in_open(path, IBX_VERIFY_ALWAYS, &in, err);
    if (st != IBX_OK)
        return st;
    st = ibx_tile_get(in.tileset, at, IBX_BLOCK, &tile, err);
    if (st == IBX_NOT_FOUND)
        st = convert_fail(err, st, path, "there is no tile %u/%u/%u", at.z,
                          at.x, at.y);
    if (st == IBX_OK) {
        st = o->decode ? write_decoded(&tile, at, path, err)
                       : write_out(tile.bytes, tile.facts.nbytes, err);
        ibx_tile_release(&tile);
    }
    tileset_in_close(&in);
    return st;
}

int command_tile(int argc, char **argv)
{
    struct tile_options o = {0};
    struct operands operands = {0};
    struct ibx_err err = {0};
    struct ibx_zxy at;
    const struct option options[] = {
        option_flag("decode", &o.decode, "a vector tile as GeoJSON"),
    };
    const struct option_group group = {"Options", options, 1};
    const struct command_line line = {
        .usage = "tile [options] IN.imbrex Z X Y",
        .about = "Writes one tile to standard output, as it is stored.",
        .groups = &group,
        .ngroups = 1,
        .min_operands = 4,
        .max_operands = 4,
    };
    enum options_outcome outcome =
        options_parse(&line, argc, argv, &o.common, &operands);
    if (outcome != OPTIONS_RUN)
        return options_exit_code(outcome);
    if (!parse_address(operands.items + 1, &at)) {
        report("tile", "give Z, X and Y of a tile, zoom 0 to 30",
               "%s %s %s is no address", operands.items[1], operands.items[2],
               operands.items[3]);
        return EXIT_USAGE;
    }
    return exit_code_of(run(&o, operands.items[0], at, &err), &err);
}
