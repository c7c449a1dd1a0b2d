#include "tiler/convert/settle.h"

#include <string.h>

#include "tiler/convert/compress.h"

enum { PLAIN_NBYTES_MAX = 256 << 20 };

void settle_free(struct settle *s)
{
    mvt_join_free(&s->join);
    buf_free(&s->sum);
    buf_free(&s->plain[0]);
    buf_free(&s->plain[1]);
    buf_free(&s->merged);
}

static size_t lowest(uint64_t bits)
{
    return (size_t)__builtin_ctzll(bits);
}

static size_t highest(uint64_t bits)
{
    return 63 - (size_t)__builtin_clzll(bits);
}

/* The tile of input s->at_input becomes the sum. */
static enum ibx_status take(struct settle *s, const struct ibx_tile *tile,
                            struct tile_kind *kind, struct ibx_err *err)
{
    buf_clear(&s->sum);
    buf_put(&s->sum, tile->bytes, tile->facts.nbytes);
    *kind = (struct tile_kind){tile->facts.format, tile->facts.encoding};
    return buf_failed(&s->sum) ? convert_no_memory(err, NULL) : IBX_OK;
}

static bool is_sum(const struct settle *s, const struct ibx_tile *tile,
                   struct tile_kind kind)
{
    return tile->facts.nbytes == s->sum.len &&
           tile->facts.format == kind.format &&
           tile->facts.encoding == kind.encoding &&
           (s->sum.len == 0 ||
            memcmp(tile->bytes, s->sum.ptr, s->sum.len) == 0);
}

static enum ibx_status unpack_both(struct settle *s,
                                   const struct ibx_tile *tile,
                                   struct tile_kind kind, struct ibx_err *err)
{
    const struct bytes packed[2] = {buf_bytes(&s->sum),
                                    {tile->bytes, tile->facts.nbytes}};
    const enum ibx_encoding encodings[2] = {kind.encoding,
                                            tile->facts.encoding};
    enum ibx_status st = IBX_OK;
    for (int i = 0; i < 2 && st == IBX_OK; i++) {
        buf_clear(&s->plain[i]);
        if (packed[i].len > 0)
            st = unpack(encodings[i], packed[i], PLAIN_NBYTES_MAX, &s->plain[i],
                        err);
    }
    return st;
}

/* The layers of the sum and of `tile` become the sum. */
static enum ibx_status add_layers(struct settle *s, const struct ibx_tile *tile,
                                  struct tile_kind *kind, struct ibx_err *err)
{
    enum mvt_common common = s->conflict == CONFLICT_BOTH    ? MVT_COMMON_BOTH
                             : s->conflict == CONFLICT_FIRST ? MVT_COMMON_FIRST
                                                             : MVT_COMMON_LAST;
    bool differ = false;
    enum ibx_status st = unpack_both(s, tile, *kind, err);
    struct bytes plain[2] = {buf_bytes(&s->plain[0]), buf_bytes(&s->plain[1])};
    buf_clear(&s->merged);
    buf_clear(&s->sum);
    if (st == IBX_OK)
        st = mvt_merge(&s->join, plain, common, &s->merged, &differ, err);
    if (st != IBX_OK)
        return st;
    if (differ && s->conflict == CONFLICT_ERROR)
        return convert_fail(err, IBX_ERR_CONFLICT, NULL, "layers differ");
    if (tile->facts.encoding != IBX_ENCODING_NONE) {
        kind->encoding = IBX_ENCODING_GZIP;
        return pack_gzip(s->merged.ptr, s->merged.len, &s->sum, err);
    }
    kind->encoding = IBX_ENCODING_NONE;
    buf_put(&s->sum, s->merged.ptr, s->merged.len);
    return buf_failed(&s->sum) ? convert_no_memory(err, NULL) : IBX_OK;
}

/* What the next holder's tile makes of the sum. */
static enum ibx_status add_tile(struct settle *s, const struct ibx_tile *tile,
                                struct tile_kind *kind, struct ibx_err *err)
{
    bool vector =
        kind->format == IBX_FORMAT_MVT && tile->facts.format == IBX_FORMAT_MVT;
    if (is_sum(s, tile, *kind) || (s->layers && tile->facts.nbytes == 0))
        return IBX_OK;
    if (s->layers && s->sum.len == 0)
        return take(s, tile, kind, err);
    if (s->layers && vector)
        return add_layers(s, tile, kind, err);
    if (s->conflict == CONFLICT_ERROR)
        return convert_fail(err, IBX_ERR_CONFLICT, NULL, "tiles differ");
    return s->conflict == CONFLICT_FIRST ? IBX_OK : take(s, tile, kind, err);
}

/* One tile is enough where the order alone settles. */
static uint64_t that_matter(const struct settle *s, uint64_t holders)
{
    if (s->layers || s->conflict == CONFLICT_ERROR)
        return holders;
    size_t one =
        s->conflict == CONFLICT_FIRST ? lowest(holders) : highest(holders);
    return (uint64_t)1 << one;
}

enum ibx_status settle(struct settle *s, uint64_t holders, struct bytes *bytes,
                       struct tile_kind *kind, struct ibx_err *err)
{
    bool first = true;
    enum ibx_status st = IBX_OK;
    for (uint64_t left = that_matter(s, holders); left != 0 && st == IBX_OK;
         left &= left - 1) {
        struct ibx_tile tile = {0};
        s->other_input = s->at_input;
        s->at_input = lowest(left);
        st = s->get(s->arg, s->at_input, &tile, err);
        if (st == IBX_OK)
            st = first ? take(s, &tile, kind, err)
                       : add_tile(s, &tile, kind, err);
        first = false;
        ibx_tile_release(&tile);
    }
    *bytes = buf_bytes(&s->sum);
    return st;
}
