#include "tiler/convert/recode.h"

#include "tiler/convert/compress.h"

enum { PLAIN_NBYTES_MAX = 256 << 20 };

struct option recompress_option(int64_t *to)
{
    static const char *const choices[] = {"keep", "gzip", "none", NULL};
    return option_choice("recompress", to, choices, "HOW",
                         "how vector tiles are compressed: keep (default),\n"
                         "gzip or none");
}

enum ibx_status recode_tile(struct recode *r, struct bytes *bytes,
                            struct tile_kind *kind, struct ibx_err *err)
{
    enum ibx_encoding want = r->recompress == RECOMPRESS_GZIP
                                 ? IBX_ENCODING_GZIP
                                 : IBX_ENCODING_NONE;
    if (is_picture(kind->format))
        return reencode_tile(&r->reencode, bytes, kind, err);
    if (r->recompress == RECOMPRESS_KEEP || kind->encoding == want ||
        bytes->len == 0)
        return IBX_OK;
    buf_clear(&r->plain);
    enum ibx_status st =
        unpack(kind->encoding, *bytes, PLAIN_NBYTES_MAX, &r->plain, err);
    struct buf *result = &r->plain;
    if (st == IBX_OK && want == IBX_ENCODING_GZIP) {
        buf_clear(&r->packed);
        st = pack_gzip(r->plain.ptr, r->plain.len, &r->packed, err);
        result = &r->packed;
    }
    if (st != IBX_OK)
        return st;
    *bytes = buf_bytes(result);
    kind->encoding = want;
    r->changed++;
    return IBX_OK;
}

bool recode_changes(const struct recode *recode)
{
    return recode->recompress != RECOMPRESS_KEEP || recode->reencode.how != 0;
}

void recode_free(struct recode *recode)
{
    reencode_free(&recode->reencode);
    buf_free(&recode->plain);
    buf_free(&recode->packed);
}
