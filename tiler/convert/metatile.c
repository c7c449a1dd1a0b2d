#include "tiler/convert/metatile.h"

#include <string.h>

enum { FIXED_NBYTES = 20, PLACE_NBYTES = 8 };

static bool square_side(uint32_t count, uint32_t *side)
{
    for (uint32_t n = 1; n <= 16; n *= 2)
        if (n * n == count) {
            *side = n;
            return true;
        }
    return false;
}

enum ibx_status metatile_open(struct bytes file, struct metatile *out,
                              struct ibx_err *err)
{
    const uint8_t *p = file.ptr;
    struct metatile m = {.file = file};
    if (file.len < FIXED_NBYTES)
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "cut off inside the header");
    m.packed = memcmp(p, "METZ", 4) == 0;
    if (!m.packed && memcmp(p, "META", 4) != 0)
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "not a metatile: it does not begin with \"META\"");
    uint32_t count = get_u32le(p + 4), z = get_u32le(p + 16);
    if (!square_side(count, &m.side))
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "header: %u tiles are no square of up to 16x16",
                            count);
    m.corner.x = get_u32le(p + 8);
    m.corner.y = get_u32le(p + 12);
    m.corner.z = z > IBX_MAX_ZOOM ? 255 : (uint8_t)z;
    if (!ibx_zxy_valid(m.corner) || m.corner.x % m.side != 0 ||
        m.corner.y % m.side != 0)
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "header: zoom %u, x %u, y %u is no metatile", z,
                            m.corner.x, m.corner.y);
    if (file.len - FIXED_NBYTES < (size_t)count * PLACE_NBYTES)
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "cut off inside the table of tiles");
    *out = m;
    return IBX_OK;
}

enum ibx_status metatile_get(const struct metatile *m, uint32_t index,
                             struct ibx_zxy *at, struct bytes *out,
                             struct ibx_err *err)
{
    const uint8_t *place =
        m->file.ptr + FIXED_NBYTES + (size_t)index * PLACE_NBYTES;
    uint32_t off = get_u32le(place), nbytes = get_u32le(place + 4);
    if (nbytes == 0)
        return IBX_NOT_FOUND;
    *at = (struct ibx_zxy){m->corner.z, m->corner.x + index / m->side,
                           m->corner.y + index % m->side};
    if (!ibx_zxy_valid(*at))
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "tile %u lies outside zoom %u", index, at->z);
    uint64_t header = FIXED_NBYTES + (uint64_t)m->side * m->side * PLACE_NBYTES;
    if (off < header || !span_fits(off, nbytes, m->file.len))
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "tile %u (offset %u, %u bytes) lies outside the "
                            "file",
                            index, off, nbytes);
    *out = (struct bytes){m->file.ptr + off, nbytes};
    return IBX_OK;
}
