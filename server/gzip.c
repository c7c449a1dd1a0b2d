#include "server/gzip.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { WINDOW_GZIP = 15 + 16, PACK_MEMORY = 6 };

size_t gzip_hint(struct span packed)
{
    const uint8_t *end = (const uint8_t *)packed.ptr + packed.len;
    if (packed.len < 18)
        return 0;
    return (size_t)end[-4] | (size_t)end[-3] << 8 | (size_t)end[-2] << 16 |
           (size_t)end[-1] << 24;
}

/* Where unpacked bytes go; grows up to `cap`. */
struct sink {
    uint8_t *bytes;
    size_t len, room, cap;
};

static enum gzip_status sink_grow(struct sink *sink)
{
    if (sink->len < sink->room)
        return GZIP_OK;
    if (sink->room == sink->cap)
        return GZIP_TOO_LARGE;
    size_t room = sink->room > sink->cap / 2 ? sink->cap : sink->room * 2;
    uint8_t *bytes = realloc(sink->bytes, room);
    if (bytes == NULL)
        return GZIP_NOMEM;
    sink->bytes = bytes;
    sink->room = room;
    return GZIP_OK;
}

/* Unpacks one member, or what is left of it. */
static enum gzip_status unpack_member(z_stream *stream, struct sink *sink)
{
    int got = Z_OK;
    while (got != Z_STREAM_END) {
        enum gzip_status status = sink_grow(sink);
        if (status != GZIP_OK)
            return status;
        size_t room = sink->room - sink->len;
        stream->next_out = sink->bytes + sink->len;
        stream->avail_out = room > UINT_MAX ? UINT_MAX : (unsigned)room;
        unsigned before = stream->avail_out;
        got = inflate(stream, Z_NO_FLUSH);
        sink->len += before - stream->avail_out;
        if (got == Z_MEM_ERROR)
            return GZIP_NOMEM;
        if (got != Z_OK && got != Z_STREAM_END &&
            !(got == Z_BUF_ERROR && stream->avail_out == 0))
            return GZIP_BAD;
    }
    return GZIP_OK;
}

static enum gzip_status unpack_all(z_stream *stream, struct sink *sink)
{
    for (;;) {
        enum gzip_status status = unpack_member(stream, sink);
        if (status != GZIP_OK || stream->avail_in == 0)
            return status;
        if (inflateReset(stream) != Z_OK)
            return GZIP_BAD;
    }
}

enum gzip_status gzip_unpack(struct span packed, size_t cap, void **out,
                             size_t *out_nbytes)
{
    z_stream stream = {0};
    size_t hint = gzip_hint(packed);
    struct sink sink = {.cap = cap};
    if (packed.len > UINT_MAX)
        return GZIP_BAD;
    if (hint == 0)
        hint = 64;
    sink.room = hint < cap ? hint : cap;
    sink.bytes = malloc(sink.room == 0 ? 1 : sink.room);
    if (sink.bytes == NULL)
        return GZIP_NOMEM;
    stream.next_in = (uint8_t *)(uintptr_t)packed.ptr;
    stream.avail_in = (unsigned)packed.len;
    if (inflateInit2(&stream, WINDOW_GZIP) != Z_OK) {
        free(sink.bytes);
        return GZIP_NOMEM;
    }
    enum gzip_status status = unpack_all(&stream, &sink);
    (void)inflateEnd(&stream);
    if (status != GZIP_OK) {
        free(sink.bytes);
        return status;
    }
    *out = sink.bytes;
    *out_nbytes = sink.len;
    return GZIP_OK;
}

void *gzip_pack(struct span plain, size_t *out_nbytes)
{
    z_stream stream = {0};
    if (plain.len > INT_MAX ||
        deflateInit2(&stream, 6, Z_DEFLATED, WINDOW_GZIP, PACK_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    uint8_t *out = malloc(plain.len);
    stream.next_in = (uint8_t *)(uintptr_t)plain.ptr;
    stream.avail_in = (unsigned)plain.len;
    stream.next_out = out;
    stream.avail_out = (unsigned)plain.len;
    bool packed = out != NULL && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    if (packed)
        *out_nbytes = plain.len - stream.avail_out;
    (void)deflateEnd(&stream);
    if (packed)
        return out;
    free(out);
    return NULL;
}
