/* bytes.h - growing byte strings of variable-length numbers, and reading them
 * back. What is read may come from a file that somebody damaged: a cursor that
 * runs past its end gives zeros and says `bad`. */
#ifndef TILER_VECTOR_BYTES_H
#define TILER_VECTOR_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An all-zero struct is empty. Once memory is short, `failed` stays set and
 * nothing more is added, so one check after many puts is enough. */
struct bytes {
    uint8_t *ptr;
    size_t len, cap;
    bool failed;
};

void bytes_free(struct bytes *bytes);

/* Empties and keeps the memory; clears `failed`. */
void bytes_reset(struct bytes *bytes);

void bytes_put(struct bytes *bytes, const void *from, size_t n);
void bytes_put_u8(struct bytes *bytes, uint8_t v);
void bytes_put_varint(struct bytes *bytes, uint64_t v);
void bytes_put_signed(struct bytes *bytes, int64_t v); /* zigzag */
void bytes_put_f32(struct bytes *bytes, float v);
void bytes_put_f64(struct bytes *bytes, double v);

struct cursor {
    const uint8_t *at, *end;
    bool bad;
};

struct cursor cursor_of(const uint8_t *ptr, size_t len);
uint8_t cursor_u8(struct cursor *cursor);
uint64_t cursor_varint(struct cursor *cursor);
int64_t cursor_signed(struct cursor *cursor);
float cursor_f32(struct cursor *cursor);
double cursor_f64(struct cursor *cursor);

/* The next n bytes, or NULL when there are not as many. */
const uint8_t *cursor_take(struct cursor *cursor, size_t n);

#endif
