/* bytes.h - little-endian integers in byte buffers, whatever the machine, and
 * arithmetic on sizes that a file claims. */
#ifndef IBX_PACK_BYTES_H
#define IBX_PACK_BYTES_H

#include <stdbool.h>
#include <stdint.h>

static inline uint16_t ibx_get_u16(const uint8_t *from)
{
    return (uint16_t)(from[0] | from[1] << 8);
}

static inline uint32_t ibx_get_u32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 |
           (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static inline uint64_t ibx_get_u64(const uint8_t *from)
{
    return ibx_get_u32(from) | (uint64_t)ibx_get_u32(from + 4) << 32;
}

static inline void ibx_put_u16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static inline void ibx_put_u32(uint8_t *to, uint32_t value)
{
    ibx_put_u16(to, (uint16_t)value);
    ibx_put_u16(to + 2, (uint16_t)(value >> 16));
}

static inline void ibx_put_u64(uint8_t *to, uint64_t value)
{
    ibx_put_u32(to, (uint32_t)value);
    ibx_put_u32(to + 4, (uint32_t)(value >> 32));
}

/* True when [off, off + len) lies in [0, total). off + len may wrap; total -
 * off cannot once off <= total. */
static inline bool ibx_span_fits(uint64_t off, uint64_t len, uint64_t total)
{
    return off <= total && len <= total - off;
}

static inline uint64_t ibx_align(uint64_t value, uint64_t to)
{
    return (value + to - 1) / to * to;
}

#endif
