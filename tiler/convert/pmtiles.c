#include "tiler/convert/pmtiles.h"

#include <string.h>

/* ---- header (section 3) ------------------------------------------------ */

static const enum ibx_format tile_types[] = {
    IBX_FORMAT_UNKNOWN, IBX_FORMAT_MVT,  IBX_FORMAT_PNG, IBX_FORMAT_JPEG,
    IBX_FORMAT_WEBP,    IBX_FORMAT_AVIF, IBX_FORMAT_MLT,
};

enum { NTILE_TYPES = sizeof(tile_types) / sizeof(tile_types[0]) };

/* 0 unknown, 1 none, 2 gzip, 3 brotli, 4 zstd. */
static bool read_compression(uint8_t code, enum ibx_encoding *out)
{
    static const enum ibx_encoding known[] = {
        IBX_ENCODING_NONE, IBX_ENCODING_NONE, IBX_ENCODING_GZIP,
        IBX_ENCODING_BROTLI, IBX_ENCODING_ZSTD};
    if (code >= sizeof(known) / sizeof(known[0]))
        return false;
    *out = known[code];
    return true;
}

static enum ibx_status bad(struct ibx_err *err, const char *what)
{
    return convert_fail(err, IBX_ERR_CORRUPT, NULL, "%s", what);
}

static enum ibx_status check_magic(struct bytes b, struct ibx_err *err)
{
    if (b.len < 8 || memcmp(b.ptr, "PMTiles", 7) != 0)
        return bad(err, b.len == 0 ? "the file is empty"
                                   : "not a PMTiles archive: its first bytes "
                                     "are not \"PMTiles\"");
    if (b.ptr[7] != 3)
        return convert_fail(err, IBX_ERR_UNSUPPORTED, NULL,
                            "PMTiles version %u at byte 7; only version 3 "
                            "can be read",
                            b.ptr[7]);
    if (b.len < PMTILES_HEADER_NBYTES)
        return bad(err, "cut off inside the header of 127 bytes");
    return IBX_OK;
}

static enum ibx_status check_sections(const struct pmtiles_header *h,
                                      uint64_t file_nbytes, struct ibx_err *err)
{
    const struct {
        const char *name;
        uint64_t off, nbytes;
    } sections[] = {
        {"root directory", h->root_off, h->root_nbytes},
        {"metadata", h->metadata_off, h->metadata_nbytes},
        {"leaf directories", h->leaves_off, h->leaves_nbytes},
        {"tile data", h->tiles_off, h->tiles_nbytes},
    };
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        /* An empty section's offset means nothing. */
        if (sections[i].nbytes == 0 ||
            span_fits(sections[i].off, sections[i].nbytes, file_nbytes))
            continue;
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "header: the %s (offset %llu, %llu bytes) goes "
                            "beyond the end of the file (%llu bytes)",
                            sections[i].name,
                            (unsigned long long)sections[i].off,
                            (unsigned long long)sections[i].nbytes,
                            (unsigned long long)file_nbytes);
    }
    return IBX_OK;
}

static enum ibx_status check_zooms(const struct pmtiles_header *h,
                                   struct ibx_err *err)
{
    if (h->min_zoom > h->max_zoom)
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "header: the smallest zoom, %u, is above the "
                            "largest, %u",
                            h->min_zoom, h->max_zoom);
    if (h->max_zoom > IBX_MAX_ZOOM)
        return convert_fail(err, IBX_ERR_UNSUPPORTED, NULL,
                            "header: zoom %u is above %d", h->max_zoom,
                            IBX_MAX_ZOOM);
    return IBX_OK;
}

static enum ibx_status read_codes(const uint8_t *p, struct pmtiles_header *h,
                                  struct ibx_err *err)
{
    /* Directories cannot be read by guessing, so "unknown" is refused. */
    if (p[97] == 0 || !read_compression(p[97], &h->internal))
        return convert_fail(err, IBX_ERR_UNSUPPORTED, NULL,
                            "header: internal compression %u at byte 97 is "
                            "not known",
                            p[97]);
    if (!read_compression(p[98], &h->kind.encoding))
        return convert_fail(err, IBX_ERR_UNSUPPORTED, NULL,
                            "header: tile compression %u at byte 98 is not "
                            "known",
                            p[98]);
    h->encoding_known = p[98] != 0;
    /* A type of the future is only a hint that is not understood. */
    h->kind.format =
        p[99] < NTILE_TYPES ? tile_types[p[99]] : IBX_FORMAT_UNKNOWN;
    return IBX_OK;
}

static void read_numbers(const uint8_t *p, struct pmtiles_header *h)
{
    uint64_t *const longs[] = {
        &h->root_off,        &h->root_nbytes,  &h->metadata_off,
        &h->metadata_nbytes, &h->leaves_off,   &h->leaves_nbytes,
        &h->tiles_off,       &h->tiles_nbytes, &h->addressed_count,
        &h->entry_count,     &h->content_count};
    for (size_t i = 0; i < sizeof(longs) / sizeof(longs[0]); i++)
        *longs[i] = get_u64le(p + 8 + 8 * i);
    h->clustered = p[96] == 1;
    h->min_zoom = p[100];
    h->max_zoom = p[101];
    h->west_e7 = (int32_t)get_u32le(p + 102);
    h->south_e7 = (int32_t)get_u32le(p + 106);
    h->east_e7 = (int32_t)get_u32le(p + 110);
    h->north_e7 = (int32_t)get_u32le(p + 114);
    h->center_zoom = p[118];
    h->center_lon_e7 = (int32_t)get_u32le(p + 119);
    h->center_lat_e7 = (int32_t)get_u32le(p + 123);
}

enum ibx_status pmtiles_header_read(struct bytes bytes, uint64_t file_nbytes,
                                    struct pmtiles_header *out,
                                    struct ibx_err *err)
{
    struct pmtiles_header h = {0};
    enum ibx_status st = check_magic(bytes, err);
    if (st != IBX_OK)
        return st;
    read_numbers(bytes.ptr, &h);
    st = read_codes(bytes.ptr, &h, err);
    if (st == IBX_OK)
        st = check_zooms(&h, err);
    if (st == IBX_OK)
        st = check_sections(&h, file_nbytes, err);
    if (st == IBX_OK && h.root_nbytes == 0)
        st = bad(err, "header: there is no root directory");
    if (st == IBX_OK)
        *out = h;
    return st;
}

static uint8_t tile_type(enum ibx_format format)
{
    for (unsigned i = 1; i < NTILE_TYPES; i++)
        if (tile_types[i] == format)
            return (uint8_t)i;
    return 0;
}

void pmtiles_header_write(const struct pmtiles_header *h,
                          uint8_t out[PMTILES_HEADER_NBYTES])
{
    const uint64_t longs[] = {
        h->root_off,        h->root_nbytes,  h->metadata_off,
        h->metadata_nbytes, h->leaves_off,   h->leaves_nbytes,
        h->tiles_off,       h->tiles_nbytes, h->addressed_count,
        h->entry_count,     h->content_count};
    memcpy(out, "PMTiles\x03", 8);
    for (size_t i = 0; i < sizeof(longs) / sizeof(longs[0]); i++)
        put_u64le(out + 8 + 8 * i, longs[i]);
    out[96] = h->clustered;
    out[97] = (uint8_t)(h->internal + 1);
    out[98] = h->encoding_known ? (uint8_t)(h->kind.encoding + 1) : 0;
    out[99] = tile_type(h->kind.format);
    out[100] = h->min_zoom;
    out[101] = h->max_zoom;
    put_u32le(out + 102, (uint32_t)h->west_e7);
    put_u32le(out + 106, (uint32_t)h->south_e7);
    put_u32le(out + 110, (uint32_t)h->east_e7);
    put_u32le(out + 114, (uint32_t)h->north_e7);
    out[118] = h->center_zoom;
    put_u32le(out + 119, (uint32_t)h->center_lon_e7);
    put_u32le(out + 123, (uint32_t)h->center_lat_e7);
}

/* ---- directories (section 4) ------------------------------------------- */

/* Reads one varint and moves `b` behind it. Over-long ones, of more than ten
 * bytes or beyond 64 bits, are refused. */
static bool take_varint(struct bytes *b, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < b->len && i < 10; i++) {
        uint64_t part = b->ptr[i] & 0x7f;
        if (i == 9 && part > 1)
            return false;
        v |= part << (7 * i);
        if (b->ptr[i] < 0x80) {
            b->ptr += i + 1;
            b->len -= i + 1;
            *out = v;
            return true;
        }
    }
    return false;
}

/* The column of `count` varints at the front of *b, which moves behind it. */
static bool take_column(struct bytes *b, uint64_t count, struct bytes *out)
{
    const uint8_t *from = b->ptr;
    uint64_t value;
    for (uint64_t i = 0; i < count; i++)
        if (!take_varint(b, &value))
            return false;
    *out = (struct bytes){from, (size_t)(b->ptr - from)};
    return true;
}

enum ibx_status pmtiles_directory_open(struct bytes unpacked,
                                       struct pmtiles_directory *out,
                                       struct ibx_err *err)
{
    struct pmtiles_directory d = {.first = true};
    if (!take_varint(&unpacked, &d.left))
        return bad(err, "its number of entries is no number");
    /* Four numbers of at least one byte each per entry. */
    if (d.left > unpacked.len / 4)
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "it claims %llu entries in %zu bytes",
                            (unsigned long long)d.left, unpacked.len);
    if (!take_column(&unpacked, d.left, &d.ids) ||
        !take_column(&unpacked, d.left, &d.runs) ||
        !take_column(&unpacked, d.left, &d.lengths) ||
        !take_column(&unpacked, d.left, &d.offsets))
        return bad(err, "it ends inside its entries");
    if (unpacked.len > 0)
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "%zu bytes follow its entries", unpacked.len);
    *out = d;
    return IBX_OK;
}

/* The id of the next entry, from its distance to the one before. */
static bool next_id(const struct pmtiles_directory *d, uint64_t delta,
                    uint64_t *out)
{
    uint64_t end = ibx_zoom_first_id(IBX_MAX_ZOOM + 1);
    uint64_t base = d->first ? 0 : d->last.id;
    if (delta >= end - base || (delta == 0 && !d->first))
        return false;
    *out = base + delta;
    return true;
}

static enum ibx_status bad_entry(struct ibx_err *err, uint64_t id,
                                 const char *what)
{
    return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                        "the entry of tile id %llu %s", (unsigned long long)id,
                        what);
}

enum ibx_status pmtiles_directory_next(struct pmtiles_directory *d,
                                       struct pmtiles_entry *out,
                                       struct ibx_err *err)
{
    uint64_t delta = 0, run = 0, nbytes = 0, place = 0;
    struct pmtiles_entry e = {0};
    if (d->left == 0)
        return IBX_NOT_FOUND;
    /* The columns hold as many numbers as there are entries. */
    if (!take_varint(&d->ids, &delta) || !take_varint(&d->runs, &run) ||
        !take_varint(&d->lengths, &nbytes) || !take_varint(&d->offsets, &place))
        return bad(err, "it ends inside its entries");
    if (!next_id(d, delta, &e.id))
        return bad_entry(err, d->last.id,
                         "is followed by one that is not above it, or "
                         "beyond zoom 30");
    if (run > UINT32_MAX)
        return bad_entry(err, e.id, "claims too long a run");
    if (nbytes == 0 || nbytes > INT32_MAX)
        return bad_entry(err, e.id,
                         nbytes == 0 ? "has length 0" : "is over 2 GiB long");
    if (place == 0 && d->first)
        return bad_entry(err, e.id, "has no offset");
    /* 0 means: right behind the one before. */
    e.off = place == 0 ? d->last.off + d->last.nbytes : place - 1;
    if (e.off > INT64_MAX)
        return bad_entry(err, e.id, "has an offset that overflows");
    e.run = (uint32_t)run;
    e.nbytes = (uint32_t)nbytes;
    d->first = false;
    d->left--;
    d->last = e;
    *out = e;
    return IBX_OK;
}

static void put_varint(struct buf *out, uint64_t v)
{
    uint8_t b[10];
    size_t n = 0;
    do {
        b[n] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        v >>= 7;
        n++;
    } while (v > 0);
    buf_put(out, b, n);
}

void pmtiles_directory_write(const struct pmtiles_entry *entries, size_t count,
                             struct buf *out)
{
    put_varint(out, count);
    for (size_t i = 0; i < count; i++)
        put_varint(out, entries[i].id - (i == 0 ? 0 : entries[i - 1].id));
    for (size_t i = 0; i < count; i++)
        put_varint(out, entries[i].run);
    for (size_t i = 0; i < count; i++)
        put_varint(out, entries[i].nbytes);
    for (size_t i = 0; i < count; i++) {
        bool follows = i > 0 && entries[i].off ==
                                    entries[i - 1].off + entries[i - 1].nbytes;
        put_varint(out, follows ? 0 : entries[i].off + 1);
    }
}
