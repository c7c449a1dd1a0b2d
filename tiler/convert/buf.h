/* buf.h - bytes that grow, and small helpers for bytes of files.
 *
 * A buffer remembers that memory ran out, so a caller may append freely and
 * ask once, with buf_failed(), before it uses the result. */
#ifndef IBX_CONVERT_BUF_H
#define IBX_CONVERT_BUF_H

#include <stdarg.h>

#include "pack/imbrex.h"

/* Bytes of somebody else. */
struct bytes {
    const uint8_t *ptr;
    size_t len;
};

struct buf {
    uint8_t *ptr; /* owned; NULL while nothing was appended */
    size_t len, cap;
    bool failed; /* memory ran out; later appends do nothing */
};

/* Frees the bytes and makes `b` empty again. */
void buf_free(struct buf *b);

/* Forgets the contents and any failure, keeps the memory. */
void buf_clear(struct buf *b);

/* Room for `more` bytes behind the contents; false when memory ran out. */
bool buf_reserve(struct buf *b, size_t more);

void buf_put(struct buf *b, const void *bytes, size_t nbytes);
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline struct bytes buf_bytes(const struct buf *b)
{
    return (struct bytes){b->ptr, b->len};
}

static inline bool buf_failed(const struct buf *b)
{
    return b->failed;
}

/* The contents with a NUL behind them that is not counted, given away: the
 * caller free()s it and `b` is empty. NULL when memory ran out. */
char *buf_take_text(struct buf *b);

/* Fills in *err and returns `status`. `file` may be NULL or "". With
 * IBX_ERR_SYSTEM the current errno is kept. */
enum ibx_status convert_fail(struct ibx_err *err, enum ibx_status status,
                             const char *file, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Names the file and the tile in a failure that says only what was wrong with
 * it; one that names a file already is left as it is. */
enum ibx_status convert_at_tile(struct ibx_err *err, enum ibx_status status,
                                const char *file, uint64_t id);

/* convert_fail() for memory that ran out. */
enum ibx_status convert_no_memory(struct ibx_err *err, const char *file);

/* off + len <= total, without wrapping. */
static inline bool span_fits(uint64_t off, uint64_t len, uint64_t total)
{
    return off <= total && len <= total - off;
}

static inline uint32_t get_u32le(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

static inline uint64_t get_u64le(const uint8_t *p)
{
    return get_u32le(p) | (uint64_t)get_u32le(p + 4) << 32;
}

static inline void put_u32le(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static inline void put_u64le(uint8_t *p, uint64_t v)
{
    put_u32le(p, (uint32_t)v);
    put_u32le(p + 4, (uint32_t)(v >> 32));
}

#endif
