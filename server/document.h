/* document.h - everything that is served and is not a tile: descriptions of
 * tilesets, styles, fonts, status. Made on helper threads. */
#ifndef IBX_SERVER_DOCUMENT_H
#define IBX_SERVER_DOCUMENT_H

#include "server/catalog.h"
#include "server/origin.h"
#include "server/refusal.h"
#include "server/route.h"

struct labels;
struct server;

struct document_request {
    enum route_kind kind;
    char base[ORIGIN_URL_NBYTES]; /* all URLs begin with it */
    char name[ROUTE_NAME_NBYTES]; /* of a file */
    uint32_t number;              /* first code point of a font range */
    bool map;                     /* OGC: map tiles */
    bool gzip;                    /* may be sent packed */
};

struct document_result {
    enum refusal refusal;
    char *bytes; /* malloc'd; its size is reserved in the documents gauge */
    size_t nbytes;
    const char *type;
    bool gzip, vary;
    char etag[ETAG_NBYTES];
};

/* Makes the document within the documents budget. `served` is the tileset it
 * is about, or NULL. Fills *result in any case. */
void document_make(struct server *server, struct catalog *catalog,
                   struct served *served,
                   const struct document_request *request,
                   struct document_result *result);

/* True when documents of this kind are about one tileset. */
bool document_needs_tileset(enum route_kind kind);

/* What the writers below get. They append to `out` and leave errors to its
 * `failed`; all but the last need nothing but memory. */
struct document {
    const struct document_request *request;
    const struct catalog *catalog;
    struct served *served;
    struct buffer *out;
};

void write_catalog(const struct document *doc);
enum refusal write_tilejson(const struct document *doc);
void write_tms_service(const struct document *doc);
void write_tms_map(const struct document *doc);
void write_wmts(const struct document *doc);
void write_ogc_landing(const struct document *doc);
void write_ogc_conformance(const struct document *doc);
void write_ogc_api(const struct document *doc);
void write_ogc_collections(const struct document *doc);
void write_ogc_collection(const struct document *doc);
void write_ogc_tilesets(const struct document *doc);
void write_ogc_tileset(const struct document *doc);
void write_ogc_schemes(const struct document *doc);
void write_ogc_scheme(const struct document *doc);
enum refusal write_style(const struct document *doc,
                         const struct labels *labels);
void write_status(struct server *server, const struct document *doc);

/* Reads a font range or a sprite file; a folder of "" has none. */
enum refusal read_font(const char *folder, const struct document *doc);
enum refusal read_sprite(const char *folder, const struct document *doc);

/* The extension of a tileset's tile URLs with its dot, or "" when it holds
 * several formats. */
const char *served_extension(const struct served *served, char out[16]);

/* The deepest zoom to advertise; 0 for a tileset without tiles. */
unsigned served_max_zoom(const struct served *served);
unsigned served_min_zoom(const struct served *served);

/* Adds "text" as a JSON string; UTF-8 goes through unchanged. */
void put_json_string(struct buffer *out, const char *text);

#endif
