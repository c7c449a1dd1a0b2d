#include "tiler/convert/compress.h"

#include <brotli/decode.h>
#include <libdeflate.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* Small things, such as an archive's metadata, are packed as well as can be. */
enum { CHUNK_NBYTES = 64 << 10, SMALL_NBYTES = 16 << 10 };
enum { GZIP_LEVEL = 6, GZIP_LEVEL_SMALL = 12 };

/* Where unpacked bytes go, and how many may still come. */
struct sink {
    struct buf *out;
    size_t room;
    struct ibx_err *err;
};

static enum ibx_status cut_off(struct ibx_err *err, const char *kind)
{
    return convert_fail(err, IBX_ERR_CORRUPT, NULL, "broken %s data", kind);
}

static enum ibx_status too_large(struct sink *sink)
{
    return convert_fail(sink->err, IBX_ERR_TOO_LARGE, NULL,
                        "unpacks to more than it may");
}

/* Room for the next part: one byte more than allowed, so that data which end
 * exactly at the limit are told from data which go on. 0: out of memory. */
static size_t sink_room(struct sink *sink)
{
    size_t want = sink->room < CHUNK_NBYTES ? sink->room + 1 : CHUNK_NBYTES;
    return buf_reserve(sink->out, want) ? want : 0;
}

/* False when more came than may. */
static bool sink_take(struct sink *sink, size_t nbytes)
{
    if (nbytes > sink->room)
        return false;
    sink->out->len += nbytes;
    sink->room -= nbytes;
    return true;
}

static enum ibx_status inflate_all(z_stream *z, struct sink *sink)
{
    int code = Z_OK;
    while (code == Z_OK) {
        size_t room = sink_room(sink);
        if (room == 0)
            return convert_no_memory(sink->err, NULL);
        z->next_out = sink->out->ptr + sink->out->len;
        z->avail_out = (uInt)room;
        code = inflate(z, Z_NO_FLUSH);
        if (!sink_take(sink, room - z->avail_out))
            return too_large(sink);
    }
    return code == Z_STREAM_END ? IBX_OK : cut_off(sink->err, "gzip");
}

static enum ibx_status unpack_gzip(struct bytes src, struct sink *sink)
{
    z_stream z = {0};
    if (src.len > UINT32_MAX)
        return too_large(sink);
    memcpy(&z.next_in, &src.ptr, sizeof(src.ptr)); /* zlib only reads it */
    z.avail_in = (uInt)src.len;
    if (inflateInit2(&z, 15 + 16) != Z_OK) /* + 16: gzip only */
        return convert_no_memory(sink->err, NULL);
    enum ibx_status st = inflate_all(&z, sink);
    inflateEnd(&z);
    return st;
}

static enum ibx_status unpack_brotli(struct bytes src, struct sink *sink)
{
    BrotliDecoderState *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    if (state == NULL)
        return convert_no_memory(sink->err, NULL);
    enum ibx_status st = IBX_OK;
    BrotliDecoderResult code = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
    while (st == IBX_OK && code == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
        size_t room = sink_room(sink), left = room;
        if (room == 0) {
            st = convert_no_memory(sink->err, NULL);
            break;
        }
        uint8_t *to = sink->out->ptr + sink->out->len;
        code = BrotliDecoderDecompressStream(state, &src.len, &src.ptr, &left,
                                             &to, NULL);
        if (!sink_take(sink, room - left))
            st = too_large(sink);
    }
    BrotliDecoderDestroyInstance(state);
    if (st == IBX_OK && code != BROTLI_DECODER_RESULT_SUCCESS)
        st = cut_off(sink->err, "brotli");
    return st;
}

static enum ibx_status unpack_zstd(struct bytes src, struct sink *sink)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    if (stream == NULL)
        return convert_no_memory(sink->err, NULL);
    /* A frame may ask for a window of gigabytes: 8 MiB is what any may. */
    size_t code = ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 23);
    ZSTD_inBuffer in = {src.ptr, src.len, 0};
    enum ibx_status st = IBX_OK;
    bool ended = ZSTD_isError(code) != 0;
    while (st == IBX_OK && !ended) {
        size_t room = sink_room(sink);
        if (room == 0) {
            st = convert_no_memory(sink->err, NULL);
            break;
        }
        ZSTD_outBuffer to = {sink->out->ptr + sink->out->len, room, 0};
        code = ZSTD_decompressStream(stream, &to, &in);
        if (!sink_take(sink, to.pos))
            st = too_large(sink);
        ended = code == 0 || ZSTD_isError(code) ||
                (in.pos == in.size && to.pos < room);
    }
    ZSTD_freeDStream(stream);
    if (st == IBX_OK && code != 0)
        st = cut_off(sink->err, "zstd");
    return st;
}

enum ibx_status unpack(enum ibx_encoding encoding, struct bytes src,
                       size_t max_nbytes, struct buf *out, struct ibx_err *err)
{
    struct sink sink = {out, max_nbytes, err};
    switch (encoding) {
    case IBX_ENCODING_GZIP:
        return unpack_gzip(src, &sink);
    case IBX_ENCODING_BROTLI:
        return unpack_brotli(src, &sink);
    case IBX_ENCODING_ZSTD:
        return unpack_zstd(src, &sink);
    case IBX_ENCODING_NONE:
        break;
    }
    if (src.len > max_nbytes)
        return too_large(&sink);
    buf_put(out, src.ptr, src.len);
    return out->failed ? convert_no_memory(err, NULL) : IBX_OK;
}

enum ibx_status pack_gzip(const uint8_t *bytes, size_t nbytes, struct buf *out,
                          struct ibx_err *err)
{
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(
        nbytes <= SMALL_NBYTES ? GZIP_LEVEL_SMALL : GZIP_LEVEL);
    if (c == NULL)
        return convert_no_memory(err, NULL);
    size_t bound = libdeflate_gzip_compress_bound(c, nbytes);
    size_t made = 0;
    if (buf_reserve(out, bound))
        made = libdeflate_gzip_compress(c, bytes, nbytes, out->ptr + out->len,
                                        bound);
    libdeflate_free_compressor(c);
    if (made == 0)
        return convert_no_memory(err, NULL);
    out->len += made;
    return IBX_OK;
}

const char *encoding_name(enum ibx_encoding encoding)
{
    static const char *const names[] = {
        [IBX_ENCODING_NONE] = "none",
        [IBX_ENCODING_GZIP] = "gzip",
        [IBX_ENCODING_BROTLI] = "brotli",
        [IBX_ENCODING_ZSTD] = "zstd",
    };
    return names[encoding];
}
