#include "server/route.h"

#include <string.h>

#include "server/media.h"

/* A path, decoded and cut at its slashes. Where nothing had to be decoded,
 * segments lie in the target itself. */
struct path {
    char bytes[512];
    struct span seg[ROUTE_SEGMENTS_MAX];
    size_t nsegs;
    bool too_long; /* more or longer segments than any resource has */
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes one character of `in` at *pos and moves past it; -1 for a broken
 * escape and for control characters, which no resource's name holds. */
static int decode_char(struct span in, size_t *pos)
{
    int c = (unsigned char)in.ptr[(*pos)++];
    if (c == '%') {
        if (in.len - *pos < 2)
            return -1;
        int high = hex_value(in.ptr[*pos]);
        int low = hex_value(in.ptr[*pos + 1]);
        if (high < 0 || low < 0)
            return -1;
        c = high * 16 + low;
        *pos += 2;
    }
    return c < 0x20 || c == 0x7f ? -1 : c;
}

/* Decodes a segment to `out`, which has room for as many bytes, and leaves it
 * there. */
static bool decode_segment(struct span *seg, char *out)
{
    size_t pos = 0, len = 0;
    while (pos < seg->len) {
        int c = decode_char(*seg, &pos);
        if (c < 0)
            return false;
        out[len++] = (char)c;
    }
    *seg = (struct span){out, len};
    return true;
}

/* True when every character means itself. Looks at all of them, so that the
 * compiler can look at many at once. */
static bool is_plain(struct span text)
{
    unsigned char odd = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        odd |= (unsigned char)(c < 0x20) | (c == 0x7f) | (c == '%');
    }
    return odd == 0;
}

/* Dot segments are for the client to resolve (RFC 3986 5.2.4). One that
 * arrives here, plain or escaped, is an attempt at something else. */
static bool is_dot_segment(struct span seg)
{
    return span_is(seg, ".") || span_is(seg, "..");
}

/* False when the path cannot be parsed. */
static bool path_split(struct span text, struct path *out)
{
    bool plain = is_plain(text);
    size_t used = 0;
    out->nsegs = 0;
    out->too_long = false;
    while (text.ptr != NULL) {
        struct span seg = span_cut(&text, '/');
        char decoded[sizeof(out->bytes)];
        if (seg.len >= sizeof(decoded)) {
            out->too_long = true;
            return true;
        }
        if (!plain && !decode_segment(&seg, decoded))
            return false;
        if (is_dot_segment(seg))
            return false;
        if (out->nsegs == ROUTE_SEGMENTS_MAX ||
            used + seg.len + 1 > sizeof(out->bytes)) {
            out->too_long = true;
            continue; /* the rest must still be well-formed */
        }
        if (!plain)
            seg.ptr = memcpy(out->bytes + used, decoded, seg.len);
        out->seg[out->nsegs++] = seg;
        used += seg.len + 1;
    }
    return true;
}

static bool is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static bool is_id(struct span text)
{
    if (text.len == 0 || text.len >= ROUTE_ID_NBYTES || text.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_id_char(text.ptr[i]))
            return false;
    }
    return true;
}

bool route_id_is_valid(const char *id)
{
    static const char *const reserved[] = {"catalog", "tms",    "wmts",
                                           "ogc",     "styles", "fonts",
                                           "sprites", "status"};
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (strcmp(id, reserved[i]) == 0)
            return false;
    }
    return is_id(span_of(id));
}

static bool take_id(struct span seg, struct route *out)
{
    return is_id(seg) && span_copy(seg, out->id, sizeof(out->id));
}

/* Cuts ".json" and the like off `seg`; false when it does not end so. */
static bool cut_suffix(struct span *seg, const char *suffix)
{
    size_t len = strlen(suffix);
    if (seg->len <= len || memcmp(seg->ptr + seg->len - len, suffix, len) != 0)
        return false;
    seg->len -= len;
    return true;
}

/* A tile number as it is written in one way only: "7", never "07" or "+7".
 * Too large a number is a number still, and lies outside every zoom. */
enum number { NUMBER_BAD, NUMBER_HUGE, NUMBER_OK };

static enum number tile_number(struct span seg, uint64_t *out)
{
    if (seg.len == 0 || (seg.len > 1 && seg.ptr[0] == '0'))
        return NUMBER_BAD;
    for (size_t i = 0; i < seg.len; i++) {
        if (seg.ptr[i] < '0' || seg.ptr[i] > '9')
            return NUMBER_BAD;
    }
    return span_decimal(seg, UINT32_MAX, out) ? NUMBER_OK : NUMBER_HUGE;
}

static enum route_kind parse_address(const struct span zxy[3],
                                     struct route *out)
{
    uint64_t n[3];
    bool huge = false;
    for (int i = 0; i < 3; i++) {
        enum number got = tile_number(zxy[i], &n[i]);
        if (got == NUMBER_BAD)
            return ROUTE_BAD;
        huge = huge || got == NUMBER_HUGE;
    }
    if (huge || n[0] > IBX_MAX_ZOOM)
        return ROUTE_TILE;
    out->at = (struct ibx_zxy){(uint8_t)n[0], (uint32_t)n[1], (uint32_t)n[2]};
    out->in_range = ibx_zxy_valid(out->at);
    return ROUTE_TILE;
}

/* Takes "@2x" and ".ext" off the last segment of a tile's path. False for an
 * extension that no tile can have. */
static bool take_extension(struct span *last, struct route *out)
{
    struct span rest = *last;
    struct span number = span_cut(&rest, '.');
    out->scale = 1;
    if (cut_suffix(&number, "@2x"))
        out->scale = 2;
    *last = number;
    if (rest.ptr == NULL)
        return true;
    out->format = media_format(rest);
    return out->format != IBX_FORMAT_UNKNOWN;
}

/* {z}/{x}/{y}[@2x][.ext] in seg[0..2], in the order that `order` gives. */
static enum route_kind parse_tile(const struct span *seg, const char *order,
                                  struct route *out)
{
    struct span part[3] = {seg[0], seg[1], seg[2]};
    if (!take_extension(&part[2], out))
        return ROUTE_NOTHING;
    bool row_first = strcmp(order, "zyx") == 0;
    struct span zxy[3] = {part[0], row_first ? part[2] : part[1],
                          row_first ? part[1] : part[2]};
    return parse_address(zxy, out);
}

static bool is_generation(struct span seg)
{
    if (seg.len != IBX_GENERATION_NCHARS + 1 || seg.ptr[0] != '@')
        return false;
    for (size_t i = 1; i < seg.len; i++) {
        char c = seg.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

static enum route_kind parse_pinned(const struct path *path, struct route *out)
{
    struct span generation = path->seg[1];
    if (!is_generation(generation) || !take_id(path->seg[0], out))
        return ROUTE_NOTHING;
    generation.ptr++;
    generation.len--;
    if (!span_copy(generation, out->generation, sizeof(out->generation)))
        return ROUTE_NOTHING;
    return parse_tile(path->seg + 2, "zxy", out);
}

static enum route_kind parse_tms(const struct path *path, struct route *out)
{
    if (path->nsegs < 2 || !span_is(path->seg[1], "1.0.0"))
        return ROUTE_NOTHING;
    if (path->nsegs == 2 || (path->nsegs == 3 && path->seg[2].len == 0))
        return ROUTE_TMS_SERVICE;
    if (!take_id(path->seg[2], out))
        return ROUTE_NOTHING;
    if (path->nsegs == 4 && span_is(path->seg[3], "tilemapresource.xml"))
        return ROUTE_TMS_MAP;
    if (path->nsegs != 6)
        return ROUTE_NOTHING;
    enum route_kind kind = parse_tile(path->seg + 3, "zxy", out);
    if (kind == ROUTE_TILE && out->in_range)
        out->at.y = (uint32_t)((UINT64_C(1) << out->at.z) - 1 - out->at.y);
    return kind;
}

static bool is_web_mercator(struct span seg)
{
    return span_is(seg, "WebMercatorQuad") ||
           span_is(seg, "WebMercatorQuad512");
}

/* WMTS has a matrix set per range of zooms: WebMercatorQuad_0-6. */
static bool is_matrix_set(struct span seg)
{
    static const char name[] = "WebMercatorQuad";
    size_t len = sizeof(name) - 1;
    if (seg.len < len || memcmp(seg.ptr, name, len) != 0)
        return false;
    while (len < seg.len && strchr("0123456789_-", seg.ptr[len]) != NULL)
        len++;
    return len == seg.len;
}

static enum route_kind parse_wmts(const struct path *path, struct route *out)
{
    if (path->nsegs == 3 && span_is(path->seg[1], "1.0.0") &&
        span_is(path->seg[2], "WMTSCapabilities.xml"))
        return ROUTE_WMTS;
    if (path->nsegs != 6 || !is_matrix_set(path->seg[2]) ||
        !take_id(path->seg[1], out))
        return ROUTE_NOTHING;
    return parse_tile(path->seg + 3, "zyx", out);
}

/* /ogc/collections/{id}/[map/]tiles[/{tms}[/{z}/{y}/{x}]], from `at` on. */
static enum route_kind parse_ogc_tiles(const struct path *path, size_t at,
                                       struct route *out)
{
    if (at < path->nsegs && span_is(path->seg[at], "map")) {
        out->map = true;
        at++;
    }
    if (at >= path->nsegs || !span_is(path->seg[at], "tiles"))
        return ROUTE_NOTHING;
    size_t left = path->nsegs - at - 1;
    if (left == 0)
        return ROUTE_OGC_TILESETS;
    if (!is_web_mercator(path->seg[at + 1]))
        return ROUTE_NOTHING;
    if (left == 1)
        return ROUTE_OGC_TILESET;
    return left == 4 ? parse_tile(path->seg + at + 2, "zyx", out)
                     : ROUTE_NOTHING;
}

static enum route_kind parse_ogc_collections(const struct path *path,
                                             struct route *out)
{
    if (path->nsegs == 2)
        return ROUTE_OGC_COLLECTIONS;
    if (!take_id(path->seg[2], out))
        return ROUTE_NOTHING;
    if (path->nsegs == 3)
        return ROUTE_OGC_COLLECTION;
    return parse_ogc_tiles(path, 3, out);
}

static enum route_kind parse_ogc_schemes(const struct path *path,
                                         struct route *out)
{
    if (path->nsegs == 2)
        return ROUTE_OGC_SCHEMES;
    if (path->nsegs != 3 || !is_web_mercator(path->seg[2]) ||
        !span_copy(path->seg[2], out->name, sizeof(out->name)))
        return ROUTE_NOTHING;
    return ROUTE_OGC_SCHEME;
}

static enum route_kind parse_ogc(const struct path *path, struct route *out)
{
    if (path->nsegs == 1 || (path->nsegs == 2 && path->seg[1].len == 0))
        return ROUTE_OGC_LANDING;
    if (span_is(path->seg[1], "collections"))
        return parse_ogc_collections(path, out);
    if (span_is(path->seg[1], "tileMatrixSets"))
        return parse_ogc_schemes(path, out);
    if (path->nsegs == 2 && span_is(path->seg[1], "conformance"))
        return ROUTE_OGC_CONFORMANCE;
    return path->nsegs == 2 && span_is(path->seg[1], "api") ? ROUTE_OGC_API
                                                            : ROUTE_NOTHING;
}

/* A file's name: one segment that cannot leave its folder. */
static bool take_name(struct span seg, struct route *out)
{
    return seg.len > 0 && seg.ptr[0] != '.' &&
           memchr(seg.ptr, '/', seg.len) == NULL &&
           memchr(seg.ptr, '\\', seg.len) == NULL &&
           span_copy(seg, out->name, sizeof(out->name));
}

/* /fonts/{stack}/{a}-{b}.pbf: ranges are 256 code points long. */
static enum route_kind parse_font(const struct path *path, struct route *out)
{
    uint64_t first, last;
    if (path->nsegs != 3 || !take_name(path->seg[1], out))
        return ROUTE_NOTHING;
    struct span rest = path->seg[2];
    if (!cut_suffix(&rest, ".pbf"))
        return ROUTE_NOTHING;
    struct span begin = span_cut(&rest, '-');
    if (!span_decimal(begin, 0x10ff00, &first) ||
        !span_decimal(rest, 0x10ffff, &last) || first % 256 != 0 ||
        last != first + 255)
        return ROUTE_NOTHING;
    out->at.x = (uint32_t)first;
    return ROUTE_FONT;
}

static enum route_kind parse_named(const struct path *path,
                                   enum route_kind kind, struct route *out)
{
    return path->nsegs == 2 && take_name(path->seg[1], out) ? kind
                                                            : ROUTE_NOTHING;
}

static enum route_kind parse_style(const struct path *path, struct route *out)
{
    struct span id = path->seg[1];
    return path->nsegs == 2 && cut_suffix(&id, ".json") && take_id(id, out)
               ? ROUTE_STYLE
               : ROUTE_NOTHING;
}

static enum route_kind parse_top(struct span seg, struct route *out)
{
    if (seg.len == 0)
        return ROUTE_PAGE;
    if (span_is(seg, "catalog.json"))
        return ROUTE_CATALOG;
    if (span_is(seg, "status.json"))
        return ROUTE_STATUS;
    if (cut_suffix(&seg, ".json") && take_id(seg, out))
        return ROUTE_TILEJSON;
    return ROUTE_NOTHING;
}

static enum route_kind parse_tileset(const struct path *path, struct route *out)
{
    if (path->nsegs == 5)
        return parse_pinned(path, out);
    if (!take_id(path->seg[0], out))
        return ROUTE_NOTHING;
    if (path->nsegs == 2 && span_is(path->seg[1], "tiles.json"))
        return ROUTE_TILEJSON;
    return path->nsegs == 4 ? parse_tile(path->seg + 1, "zxy", out)
                            : ROUTE_NOTHING;
}

static enum route_kind parse_path(const struct path *path, struct route *out)
{
    struct span first = path->seg[0];
    if (span_is(first, "tms"))
        return parse_tms(path, out);
    if (span_is(first, "wmts"))
        return parse_wmts(path, out);
    if (span_is(first, "ogc"))
        return parse_ogc(path, out);
    if (path->nsegs == 1)
        return parse_top(first, out);
    if (span_is(first, "fonts"))
        return parse_font(path, out);
    if (span_is(first, "sprites"))
        return parse_named(path, ROUTE_SPRITE, out);
    if (span_is(first, "styles"))
        return parse_style(path, out);
    if (span_is(first, "assets") && path->nsegs == 2 &&
        !span_is(path->seg[1], "tiles.json"))
        return parse_named(path, ROUTE_ASSET, out);
    return parse_tileset(path, out);
}

/* RFC 9112 3.2.2: a server must accept the absolute form. Leaves the path,
 * which is "/" when the target has none, and notes the authority. */
static bool take_authority(struct span *target, struct route *out)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        struct span rest = *target;
        size_t len = strlen(schemes[i]);
        struct span scheme = {rest.ptr, len};
        if (rest.len < len || !span_is_caseless(scheme, schemes[i]))
            continue;
        rest.ptr += len;
        rest.len -= len;
        const char *slash = memchr(rest.ptr, '/', rest.len);
        size_t host_len = slash == NULL ? rest.len : (size_t)(slash - rest.ptr);
        out->authority = (struct span){rest.ptr, host_len};
        *target = slash == NULL ? SPAN_LITERAL("/")
                                : (struct span){slash, rest.len - host_len};
        return host_len > 0;
    }
    return target->len > 0 && target->ptr[0] == '/';
}

/* Reduces a raw target to its path. False when it has none. */
static bool take_path(const char *text, struct route *out, struct span *path)
{
    struct span rest = span_of(text);
    *path = span_cut(&rest, '?');
    /* A fragment never belongs on the wire; what follows it is ignored. */
    rest = *path;
    *path = span_cut(&rest, '#');
    return take_authority(path, out);
}

static bool cut_base(struct span *path, const char *base_path)
{
    size_t len = strlen(base_path);
    if (path->len < len || memcmp(path->ptr, base_path, len) != 0)
        return false;
    path->ptr += len;
    path->len -= len;
    return path->len > 0 && path->ptr[0] == '/';
}

/* Cuts a target at its slashes, or says what it is instead. */
static enum route_kind route_split(const char *target, const char *base_path,
                                   struct path *path, struct route *out)
{
    struct span text;
    *out = (struct route){.kind = ROUTE_BAD, .scale = 1};
    if (strcmp(target, "*") == 0)
        return ROUTE_SERVER;
    if (!take_path(target, out, &text))
        return ROUTE_BAD;
    bool inside = cut_base(&text, base_path);
    struct span cut = inside ? (struct span){text.ptr + 1, text.len - 1} : text;
    if (!path_split(cut, path))
        return ROUTE_BAD;
    return inside && !path->too_long && path->nsegs > 0 ? ROUTE_PAGE
                                                        : ROUTE_NOTHING;
}

void route_parse(const char *target, const char *base_path, struct route *out)
{
    struct path path;
    enum route_kind kind = route_split(target, base_path, &path, out);
    out->kind = kind == ROUTE_PAGE ? parse_path(&path, out) : kind;
}

void route_parse_admin(const char *target, struct route *out)
{
    static const struct {
        const char *name;
        enum route_kind kind;
    } pages[] = {{"healthz", ROUTE_HEALTH},
                 {"readyz", ROUTE_READY},
                 {"metrics", ROUTE_METRICS},
                 {"reload", ROUTE_RELOAD}};
    struct path path;
    out->kind = route_split(target, "", &path, out);
    if (out->kind != ROUTE_PAGE)
        return;
    out->kind = ROUTE_NOTHING;
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (path.nsegs == 1 && span_is(path.seg[0], pages[i].name))
            out->kind = pages[i].kind;
    }
}
