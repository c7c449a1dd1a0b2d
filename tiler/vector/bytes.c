#include "tiler/vector/bytes.h"

#include <stdlib.h>
#include <string.h>

enum { VARINT_MAX_NBYTES = 10 };

void bytes_free(struct bytes *bytes)
{
    free(bytes->ptr);
    *bytes = (struct bytes){0};
}

void bytes_reset(struct bytes *bytes)
{
    bytes->len = 0;
    bytes->failed = false;
}

static bool reserve(struct bytes *bytes, size_t more)
{
    if (bytes->failed)
        return false;
    if (more <= bytes->cap - bytes->len)
        return true;
    size_t cap = bytes->cap < 64 ? 64 : bytes->cap;
    while (cap - bytes->len < more) {
        if (cap > SIZE_MAX / 2) {
            bytes->failed = true;
            return false;
        }
        cap *= 2;
    }
    uint8_t *bigger = realloc(bytes->ptr, cap);
    if (bigger == NULL) {
        bytes->failed = true;
        return false;
    }
    bytes->ptr = bigger;
    bytes->cap = cap;
    return true;
}

void bytes_put(struct bytes *bytes, const void *from, size_t n)
{
    if (n == 0 || !reserve(bytes, n))
        return;
    memcpy(bytes->ptr + bytes->len, from, n);
    bytes->len += n;
}

void bytes_put_u8(struct bytes *bytes, uint8_t v)
{
    if (reserve(bytes, 1))
        bytes->ptr[bytes->len++] = v;
}

void bytes_put_varint(struct bytes *bytes, uint64_t v)
{
    if (!reserve(bytes, VARINT_MAX_NBYTES))
        return;
    while (v >= 0x80) {
        bytes->ptr[bytes->len++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    bytes->ptr[bytes->len++] = (uint8_t)v;
}

void bytes_put_signed(struct bytes *bytes, int64_t v)
{
    uint64_t sign = v < 0 ? UINT64_MAX : 0;
    bytes_put_varint(bytes, ((uint64_t)v << 1) ^ sign);
}

void bytes_put_f32(struct bytes *bytes, float v)
{
    bytes_put(bytes, &v, sizeof v);
}

void bytes_put_f64(struct bytes *bytes, double v)
{
    bytes_put(bytes, &v, sizeof v);
}

struct cursor cursor_of(const uint8_t *ptr, size_t len)
{
    return (struct cursor){.at = ptr, .end = ptr + len, .bad = false};
}

const uint8_t *cursor_take(struct cursor *cursor, size_t n)
{
    if (n > (size_t)(cursor->end - cursor->at)) {
        cursor->bad = true;
        cursor->at = cursor->end;
        return NULL;
    }
    const uint8_t *taken = cursor->at;
    cursor->at += n;
    return taken;
}

uint8_t cursor_u8(struct cursor *cursor)
{
    const uint8_t *byte = cursor_take(cursor, 1);
    return byte == NULL ? 0 : *byte;
}

uint64_t cursor_varint(struct cursor *cursor)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && cursor->at < cursor->end;
         shift += 7) {
        uint8_t byte = *cursor->at++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    cursor->bad = true;
    return 0;
}

int64_t cursor_signed(struct cursor *cursor)
{
    uint64_t v = cursor_varint(cursor);
    return (int64_t)((v >> 1) ^ (~(v & 1) + 1));
}

float cursor_f32(struct cursor *cursor)
{
    float v = 0;
    const uint8_t *from = cursor_take(cursor, sizeof v);
    if (from != NULL)
        memcpy(&v, from, sizeof v);
    return v;
}

double cursor_f64(struct cursor *cursor)
{
    double v = 0;
    const uint8_t *from = cursor_take(cursor, sizeof v);
    if (from != NULL)
        memcpy(&v, from, sizeof v);
    return v;
}
