#include "server/document.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "server/gzip.h"
#include "server/json_scan.h"
#include "server/media.h"
#include "server/page.h"
#include "server/server.h"

enum {
    GZIP_FROM_NBYTES = 1024,
    SMALL_SHARE = 16, /* of the largest document, for the first attempt */
};

const char *served_extension(const struct served *served, char out[16])
{
    enum ibx_format only = media_only(served->info->format_bits);
    const char *extension = media_extension(only);
    (void)snprintf(out, 16, "%s%s", extension[0] == '\0' ? "" : ".", extension);
    return out;
}

unsigned served_min_zoom(const struct served *served)
{
    const struct ibx_tileset_info *info = served->info;
    return info->min_zoom > info->max_zoom ? 0 : info->min_zoom;
}

unsigned served_max_zoom(const struct served *served)
{
    const struct ibx_tileset_info *info = served->info;
    return info->min_zoom > info->max_zoom ? 0 : info->max_zoom;
}

void put_json_string(struct buffer *out, const char *text)
{
    buffer_puts(out, "\"");
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\' || (unsigned char)*c < 0x20)
            buffer_json(out, c, 1);
        else
            buffer_add(out, c, 1);
    }
    buffer_puts(out, "\"");
}

/* ---- the catalog --------------------------------------------------------- */

static void put_formats(struct buffer *out, uint32_t format_bits)
{
    const char *separator = "";
    for (uint32_t f = 1; f < 32; f++) {
        const char *extension = media_extension((enum ibx_format)f);
        if ((format_bits & (1u << f)) == 0 || extension[0] == '\0')
            continue;
        buffer_printf(out, "%s%s", separator, extension);
        separator = ",";
    }
}

static void put_catalog_entry(const struct document *doc,
                              const struct served *served)
{
    struct buffer *out = doc->out;
    const struct ibx_tileset_info *info = served->info;
    const double *b = served->bounds, *c = served->center;
    char extension[16];
    buffer_printf(out, "{\"id\":\"%s\",\"name\":", served->id);
    put_json_string(out, served->name);
    buffer_puts(out, ",\"description\":");
    put_json_string(out, served->description);
    buffer_puts(out, ",\"attribution\":");
    put_json_string(out, served->attribution);
    buffer_puts(out, ",\"format\":\"");
    put_formats(out, info->format_bits);
    buffer_printf(out,
                  "\",\"type\":\"%s\",\"tile_size\":%u,\"minzoom\":%u,"
                  "\"maxzoom\":%u,\"bounds\":[%.7g,%.7g,%.7g,%.7g],"
                  "\"center\":[%.7g,%.7g,%g],\"generation\":\"%s\",",
                  served->vector ? "vector" : "raster",
                  info->tile_px == 0 ? 512u : info->tile_px,
                  served_min_zoom(served), served_max_zoom(served), b[0], b[1],
                  b[2], b[3], c[0], c[1], c[2], info->generation);
    buffer_printf(out,
                  "\"tiles\":%llu,\"bytes\":%llu,\"packs\":%llu,"
                  "\"modified\":%lld,\"tilejson\":\"%s/%s.json\",",
                  (unsigned long long)info->tile_count,
                  (unsigned long long)info->pack_nbytes,
                  (unsigned long long)info->npacks, (long long)info->modified_s,
                  doc->request->base, served->id);
    buffer_printf(out, "\"url\":\"%s/%s/{z}/{x}/{y}%s\"}", doc->request->base,
                  served->id, served_extension(served, extension));
}

void write_catalog(const struct document *doc)
{
    buffer_puts(doc->out, "{\"tilesets\":[");
    for (size_t i = 0; i < doc->catalog->nserved; i++) {
        if (i > 0)
            buffer_puts(doc->out, ",");
        put_catalog_entry(doc, doc->catalog->served[i]);
    }
    buffer_puts(doc->out, "]}\n");
}

/* ---- TileJSON ------------------------------------------------------------ */

/* Members that say the same for every reader of the tileset, or that only we
 * can know; ours replace those in the text. */
static bool is_ours(struct span key)
{
    static const char *const keys[] = {"tilejson", "tiles",   "scheme",
                                       "minzoom",  "maxzoom", "bounds",
                                       "center"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (span_is(key, keys[i]))
            return true;
    }
    return false;
}

static void put_own_members(const struct document *doc)
{
    const struct served *served = doc->served;
    const double *b = served->bounds, *c = served->center;
    char extension[16];
    buffer_printf(doc->out,
                  "{\"tilejson\":\"3.0.0\",\"scheme\":\"xyz\",\"tiles\":"
                  "[\"%s/%s/{z}/{x}/{y}%s\"],\"minzoom\":%u,\"maxzoom\":%u,"
                  "\"bounds\":[%.9g,%.9g,%.9g,%.9g],\"center\":[%.9g,%.9g,%g]",
                  doc->request->base, served->id,
                  served_extension(served, extension), served_min_zoom(served),
                  served_max_zoom(served), b[0], b[1], b[2], b[3], c[0], c[1],
                  c[2]);
}

/* Copies the manifest's other members as they are written there. */
static void put_text_members(const struct document *doc, struct span text)
{
    struct json_walk walk;
    struct span key, value;
    if (!json_enter(text, &walk) || !walk.object)
        return;
    while (json_next(&walk, &key, &value)) {
        if (is_ours(key) || (span_is(key, "name") && doc->served->renamed))
            continue;
        buffer_puts(doc->out, ",\"");
        buffer_add(doc->out, key.ptr, key.len);
        buffer_puts(doc->out, "\":");
        buffer_add(doc->out, value.ptr, value.len);
    }
}

enum refusal write_tilejson(const struct document *doc)
{
    struct served *served = doc->served;
    struct ibx_err err;
    char *text = NULL;
    size_t nbytes = 0;
    if (served->tilejson_nbytes > doc->out->cap / 2)
        return REFUSAL_TOO_LARGE;
    enum ibx_status status = ibx_tileset_text(
        served->tileset, IBX_TEXT_TILEJSON, &text, &nbytes, &err);
    if (status != IBX_OK)
        return REFUSAL_UNREADABLE;
    struct span all = {text, nbytes};
    put_own_members(doc);
    put_text_members(doc, all);
    bool named = json_member(all, "name").ptr != NULL && !served->renamed;
    if (!named) {
        buffer_puts(doc->out, ",\"name\":");
        put_json_string(doc->out, served->name);
    }
    /* TileJSON 3.0.0 3.2: vector tilesets list their layers. */
    if ((served->info->format_bits & (1u << IBX_FORMAT_MVT)) != 0 &&
        json_member(all, "vector_layers").ptr == NULL)
        buffer_puts(doc->out, ",\"vector_layers\":[]");
    buffer_puts(doc->out, "}\n");
    free(text);
    return REFUSAL_NONE;
}

/* ---- all kinds ----------------------------------------------------------- */

bool document_needs_tileset(enum route_kind kind)
{
    switch (kind) {
    case ROUTE_TILEJSON:
    case ROUTE_STYLE:
    case ROUTE_TMS_MAP:
    case ROUTE_OGC_COLLECTION:
    case ROUTE_OGC_TILESETS:
    case ROUTE_OGC_TILESET:
        return true;
    default:
        return false;
    }
}

/* The kinds that need nothing but memory. */
static void (*plain_writer(enum route_kind kind))(const struct document *)
{
    switch (kind) {
    case ROUTE_CATALOG:
        return write_catalog;
    case ROUTE_TMS_SERVICE:
        return write_tms_service;
    case ROUTE_TMS_MAP:
        return write_tms_map;
    case ROUTE_WMTS:
        return write_wmts;
    case ROUTE_OGC_LANDING:
        return write_ogc_landing;
    case ROUTE_OGC_CONFORMANCE:
        return write_ogc_conformance;
    case ROUTE_OGC_API:
        return write_ogc_api;
    case ROUTE_OGC_COLLECTIONS:
        return write_ogc_collections;
    case ROUTE_OGC_COLLECTION:
        return write_ogc_collection;
    case ROUTE_OGC_TILESETS:
        return write_ogc_tilesets;
    case ROUTE_OGC_TILESET:
        return write_ogc_tileset;
    case ROUTE_OGC_SCHEMES:
        return write_ogc_schemes;
    case ROUTE_OGC_SCHEME:
        return write_ogc_scheme;
    default:
        return NULL;
    }
}

static const char *document_type(const struct document_request *request)
{
    switch (request->kind) {
    case ROUTE_TMS_SERVICE:
    case ROUTE_TMS_MAP:
        return "text/xml; charset=utf-8";
    case ROUTE_WMTS:
        return "application/xml; charset=utf-8";
    case ROUTE_FONT:
        return "application/x-protobuf";
    case ROUTE_SPRITE:
        return page_type(request->name);
    case ROUTE_OGC_API:
        return "application/vnd.oai.openapi+json;version=3.0";
    default:
        return "application/json";
    }
}

static enum refusal write_document(struct server *server,
                                   const struct document *doc)
{
    const struct labels *labels = &server->labels;
    void (*plain)(const struct document *) = plain_writer(doc->request->kind);
    if (plain != NULL) {
        plain(doc);
        return REFUSAL_NONE;
    }
    switch (doc->request->kind) {
    case ROUTE_TILEJSON:
        return write_tilejson(doc);
    case ROUTE_STYLE:
        return write_style(doc, labels);
    case ROUTE_FONT:
        return read_font(labels->fonts, doc);
    case ROUTE_SPRITE:
        return read_sprite(labels->sprites, doc);
    case ROUTE_STATUS:
        write_status(server, doc);
        return REFUSAL_NONE;
    default:
        return REFUSAL_NOT_FOUND;
    }
}

/* Small documents, and pictures, gain nothing. */
static void pack_document(const struct document_request *request,
                          struct buffer *out, struct document_result *result)
{
    bool text = strncmp(result->type, "image/", 6) != 0;
    if (!text || out->len < GZIP_FROM_NBYTES)
        return;
    result->vary = true;
    if (!request->gzip)
        return;
    size_t nbytes = 0;
    char *packed = gzip_pack((struct span){out->bytes, out->len}, &nbytes);
    if (packed == NULL)
        return;
    free(out->bytes);
    out->bytes = packed;
    out->len = nbytes;
    result->gzip = true;
}

static void take_bytes(struct buffer *out, struct document_result *result)
{
    etag_format(XXH3_64bits(out->bytes, out->len), false, result->etag);
    result->bytes = out->bytes;
    result->nbytes = out->len;
    out->bytes = NULL;
}

/* Makes the document with at most `cap` bytes reserved; REFUSAL_TOO_LARGE when
 * they do not suffice. */
static void make_within(struct server *server, const struct document *doc,
                        uint64_t cap, struct document_result *result)
{
    struct buffer *out = doc->out;
    memset(result, 0, sizeof(*result));
    /* All that it may take while it is made, then what it really takes. */
    if (!gauge_wait(&server->documents, cap, server->budget.documents,
                    server->options->wait_ms)) {
        counter_add(&server->counters, COUNTER_REFUSED_DOCUMENTS, 1);
        result->refusal = REFUSAL_BUSY;
        return;
    }
    buffer_init(out, (size_t)cap / 2); /* its packed form beside it */
    result->type = document_type(doc->request);
    result->refusal = write_document(server, doc);
    if (result->refusal == REFUSAL_NONE && out->failed)
        result->refusal = REFUSAL_TOO_LARGE;
    if (result->refusal == REFUSAL_NONE && out->bytes == NULL)
        buffer_puts(out, ""); /* an empty document is one all the same */
    if (result->refusal == REFUSAL_NONE && out->bytes != NULL) {
        pack_document(doc->request, out, result);
        take_bytes(out, result);
    }
    buffer_fini(out);
    gauge_give(&server->documents, cap - result->nbytes);
}

void document_make(struct server *server, struct catalog *catalog,
                   struct served *served,
                   const struct document_request *request,
                   struct document_result *result)
{
    struct buffer out;
    const struct document doc = {request, catalog, served, &out};
    uint64_t cap = server->max_document_nbytes;
    /* Most documents are small: a page that asks for many at once must not
     * find the budget taken by what none of them needs. */
    make_within(server, &doc, cap / SMALL_SHARE, result);
    if (result->refusal == REFUSAL_TOO_LARGE)
        make_within(server, &doc, cap, result);
}
