#include "tiler/convert/bundle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum ibx_status bundle_check(struct bytes header, uint64_t file_nbytes,
                             struct ibx_err *err)
{
    if (header.len < BUNDLE_HEADER_NBYTES ||
        file_nbytes < BUNDLE_HEADER_NBYTES + BUNDLE_INDEX_NBYTES)
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "cut off inside its header or index");
    uint32_t version = get_u32le(header.ptr);
    uint32_t places = get_u32le(header.ptr + 4);
    if (version != 3 || places != BUNDLE_NPLACES)
        return convert_fail(err, IBX_ERR_UNSUPPORTED, NULL,
                            "not a bundle of compact cache version 2 (version "
                            "%u, %u places)",
                            version, places);
    return IBX_OK;
}

enum ibx_status bundle_place(const uint8_t *index, uint32_t place,
                             uint64_t file_nbytes, struct bundle_tile *out,
                             struct ibx_err *err)
{
    uint64_t entry = get_u64le(index + (size_t)place * 8);
    out->off = entry & ((UINT64_C(1) << 40) - 1);
    out->nbytes = (uint32_t)(entry >> 40);
    if (out->nbytes == 0)
        return IBX_NOT_FOUND;
    if (out->off < BUNDLE_HEADER_NBYTES + BUNDLE_INDEX_NBYTES ||
        !span_fits(out->off, out->nbytes, file_nbytes))
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "tile %u (offset %llu, %u bytes) lies outside "
                            "the file",
                            place, (unsigned long long)out->off, out->nbytes);
    return IBX_OK;
}

/* A number behind a letter; *end is behind it. Hexadecimal digits are small,
 * as Esri writes them, so that the C in front of a column is none. */
static bool lettered(const char *text, char letter, unsigned base,
                     const char **end, uint32_t *out)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t n = 0;
    const char *c = text + 1, *digit;
    if (*text != letter)
        return false;
    for (; *c != 0 && n <= UINT32_MAX; c++) {
        digit = strchr(digits, *c);
        if (digit == NULL || (unsigned)(digit - digits) >= base)
            break;
        n = n * base + (unsigned)(digit - digits);
    }
    *end = c;
    *out = (uint32_t)n;
    return c > text + 1 && n <= UINT32_MAX;
}

bool bundle_parse_path(const char *path, uint32_t *level, uint32_t *row,
                       uint32_t *column)
{
    const char *name = strrchr(path, '/'), *end;
    if (name == NULL || name == path)
        return false;
    const char *folder = name - 1;
    while (folder > path && folder[-1] != '/')
        folder--;
    return lettered(folder, 'L', 10, &end, level) && end == name &&
           lettered(name + 1, 'R', 16, &end, row) &&
           lettered(end, 'C', 16, &end, column) && strcmp(end, ".bundle") == 0;
}

void bundle_levels_plain(struct bundle_levels *out)
{
    out->tile_px = 256;
    for (int i = 0; i < BUNDLE_LEVELS_MAX; i++)
        out->zooms[i] = (int8_t)(i <= IBX_MAX_ZOOM ? i : -1);
}

/* The number in the first <tag> behind `xml`. The file is Esri's own and
 * flat, so a search for tags is all the parsing it needs. */
static bool xml_number(const char *xml, const char *tag, double *out)
{
    char open[64];
    size_t len = strlen(tag);
    if (len + 3 > sizeof(open))
        return false;
    open[0] = '<';
    memcpy(open + 1, tag, len);
    memcpy(open + 1 + len, ">", 2);
    const char *at = strstr(xml, open);
    char *end;
    if (at == NULL)
        return false;
    *out = strtod(at + len + 2, &end);
    return end > at + len + 2 && isfinite(*out);
}

static const double world_m = 2 * 20037508.342789244;

static enum ibx_status not_mercator(struct ibx_err *err, const char *what)
{
    return convert_fail(err, IBX_ERR_UNSUPPORTED, NULL,
                        "the cache is not in web mercator tiles: %s", what);
}

static bool is_mercator(double wkid)
{
    return wkid == 102100 || wkid == 102113 || wkid == 3857 || wkid == 900913 ||
           wkid == 3785;
}

static enum ibx_status read_level(const char *lod, uint32_t tile_px,
                                  struct bundle_levels *out,
                                  struct ibx_err *err)
{
    double level, resolution;
    if (!xml_number(lod, "LevelID", &level) ||
        !xml_number(lod, "Resolution", &resolution) || level < 0 ||
        level >= BUNDLE_LEVELS_MAX || resolution <= 0)
        return not_mercator(err, "a level has no number or resolution");
    double zoom = log2(world_m / tile_px / resolution);
    if (fabs(zoom - round(zoom)) > 0.001 || round(zoom) < 0 ||
        round(zoom) > IBX_MAX_ZOOM)
        return not_mercator(err, "a level's resolution is that of no zoom");
    out->zooms[(int)level] = (int8_t)round(zoom);
    return IBX_OK;
}

enum ibx_status bundle_levels_read(const char *xml, struct bundle_levels *out,
                                   struct ibx_err *err)
{
    double wkid, tile_px, x, y;
    const char *origin = strstr(xml, "<TileOrigin");
    if (!xml_number(xml, "WKID", &wkid) || !is_mercator(wkid))
        return not_mercator(err, "its WKID is another");
    if (origin == NULL || !xml_number(origin, "X", &x) ||
        !xml_number(origin, "Y", &y) || fabs(x + world_m / 2) > 1 ||
        fabs(y - world_m / 2) > 1)
        return not_mercator(err, "its origin is another");
    if (!xml_number(xml, "TileCols", &tile_px) ||
        (tile_px != 256 && tile_px != 512))
        return not_mercator(err, "tiles have neither 256 nor 512 pixels");
    out->tile_px = (uint32_t)tile_px;
    memset(out->zooms, -1, sizeof(out->zooms));
    enum ibx_status st = IBX_OK;
    const char *lod = strstr(xml, "<LODInfo ");
    if (lod == NULL)
        lod = strstr(xml, "<LODInfo>");
    while (lod != NULL && st == IBX_OK) {
        st = read_level(lod, out->tile_px, out, err);
        lod = strstr(lod + 8, "<LODInfo");
    }
    return st;
}
