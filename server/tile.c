/* Tiles: warm ones are answered on the event loop's thread, cold ones by way
 * of a helper. */
#include <string.h>

#include "server/address.h"
#include "server/log.h"
#include "server/serve.h"

enum {
    /* Larger ones are unpacked by a helper: about 0.1 ms on the loop. */
    INLINE_UNPACK_NBYTES = 16 << 10,
    /* A tile may be pushed out between a helper's look and ours. */
    COLD_ROUNDS_MAX = 3,
};

/* Names the parts of a tile's request that go together. */
struct tile_case {
    struct server *server;
    struct exchange *x;
    struct catalog *catalog;
    struct served *served;
    bool immutable;     /* asked for by its generation */
    int64_t modified_s; /* of the generation */
};

static void count(const struct tile_case *c, enum counter which)
{
    counter_add(&c->x->loop->counters, which, 1);
}

/* Tells people, unless the disk is already full of it, and maps the failure. */
static enum web_step tile_failed(const struct tile_case *c,
                                 enum ibx_status status,
                                 const struct ibx_err *err)
{
    char text[800];
    struct ibx_zxy at = c->x->request.route.at;
    if (status == IBX_ERR_BUSY) {
        count(c, COUNTER_REFUSED_BUSY);
        return serve_refuse(c->x, REFUSAL_BUSY);
    }
    count(c, COUNTER_TILES_UNREADABLE);
    log_describe(err, text, sizeof(text));
    if (log_allows())
        log_line(LOG_ERROR, "%s/%u/%u/%u: %s%s", c->served->id, at.z, at.x,
                 at.y, text,
                 status == IBX_ERR_TOO_LARGE
                     ? ": raise --memory or --max-bodies"
                     : "");
    return serve_refuse(c->x, status == IBX_ERR_TOO_LARGE ? REFUSAL_TOO_LARGE
                                                          : REFUSAL_UNREADABLE);
}

static enum web_step tile_absent(const struct tile_case *c)
{
    reply_absent(c->served->absent, c->served->cache_control, &c->x->reply);
    return WEB_REPLY;
}

static struct tile_answer answer_of(const struct tile_case *c,
                                    const struct ibx_tile_facts *facts)
{
    return (struct tile_answer){
        .facts = *facts,
        .send_as = negotiate(&c->x->request.accept_encoding, facts->encoding),
        .cache_control = c->immutable ? "public, max-age=31536000, immutable"
                                      : c->served->cache_control,
        .modified_s = c->modified_s,
    };
}

static struct ibx_asker asker_of(const struct tile_case *c, enum ibx_wait wait)
{
    return (struct ibx_asker){wait, address_number(&c->x->client)};
}

/* ---- work ---------------------------------------------------------------- */

static enum web_step tile_submit(const struct tile_case *c, enum work_kind kind,
                                 struct ibx_tile *tile)
{
    const struct route *route = &c->x->request.route;
    struct work *work = work_new(c->server, c->x, kind, c->catalog, c->served);
    if (work == NULL) {
        ibx_tile_release(tile);
        return serve_refuse(c->x, REFUSAL_BUSY);
    }
    work->at = route->at;
    work->asker = asker_of(c, IBX_BLOCK);
    if (strcmp(route->generation, c->served->info->generation) != 0)
        memcpy(work->generation, route->generation, sizeof(work->generation));
    work->decode = negotiate(&c->x->request.accept_encoding,
                             IBX_ENCODING_GZIP) == SEND_DECODED;
    if (tile != NULL)
        work->tile = *tile;
    if (c->x->cold_rounds++ == 0)
        count(c, COUNTER_TILES_COLD);
    if (work_submit(work))
        return WEB_WAIT;
    count(c, COUNTER_REFUSED_QUEUE);
    return serve_refuse(c->x, REFUSAL_BUSY);
}

/* ---- answers ------------------------------------------------------------- */

/* Takes the unpacked bytes over. */
static enum web_step answer_unpacked(const struct tile_case *c,
                                     const struct ibx_tile_facts *facts,
                                     void *bytes, size_t nbytes)
{
    struct tile_answer answer = answer_of(c, facts);
    c->x->body = (struct body){.kind = BODY_HEAP,
                               .bytes = bytes,
                               .nbytes = nbytes,
                               .gauge = &c->server->documents};
    answer.decoded_nbytes = nbytes;
    reply_tile(&c->x->request, &answer, &c->x->reply);
    return WEB_REPLY;
}

static enum web_step answer_unpack(const struct tile_case *c,
                                   struct ibx_tile *tile)
{
    void *bytes;
    size_t nbytes;
    struct ibx_err err = {0};
    struct ibx_tile_facts facts = tile->facts;
    if (facts.nbytes > INLINE_UNPACK_NBYTES)
        return tile_submit(c, WORK_DECODE, tile);
    enum ibx_status status =
        work_unpack(c->server, tile, &bytes, &nbytes, &err);
    ibx_tile_release(tile);
    return status == IBX_OK ? answer_unpacked(c, &facts, bytes, nbytes)
                            : tile_failed(c, status, &err);
}

/* ---- prepared answers ---------------------------------------------------- */

/* True when the generation asked for is the one in service: the key of a
 * prepared answer names no other. */
static bool is_served(const struct tile_case *c)
{
    return !c->immutable || strcmp(c->x->request.route.generation,
                                   c->served->info->generation) == 0;
}

static struct prepared_key prepared_key(const struct tile_case *c, bool same)
{
    return (struct prepared_key){c->served->serial, c->x->request.route.at,
                                 c->immutable, same};
}

static struct prepared_cache *prepared_cache(const struct tile_case *c)
{
    const struct loop_own *own = c->x->loop->user;
    return own->prepared;
}

/* The answer that was prepared, a 304 for `same`, if it is what this request is
 * to be answered with. */
static struct prepared *find_prepared(const struct tile_case *c, bool same)
{
    struct prepared_key key = prepared_key(c, same);
    struct prepared *p = prepared_find(prepared_cache(c), &key);
    if (p == NULL)
        return NULL;
    struct tile_answer answer = answer_of(c, &p->facts);
    if (answer.send_as == SEND_STORED &&
        reply_tile_status(&c->x->request, &answer) == (same ? 304 : 200))
        return p;
    prepared_release(p);
    return NULL;
}

/* Sends what was sent before, to a client that takes it as it is stored. */
static bool answer_again(const struct tile_case *c)
{
    const struct request *request = &c->x->request;
    if (prepared_cache(c) == NULL || request->method != METHOD_GET)
        return false;
    bool same = conditional_asked(request);
    struct prepared *p = find_prepared(c, same);
    if (p == NULL && same) {
        same = false; /* it has another tile, or none was kept */
        p = find_prepared(c, same);
    }
    if (p == NULL)
        return false;
    reply_prepared(same, p->facts.nbytes, &c->x->reply);
    c->x->body = (struct body){.kind = BODY_PREPARED, .prepared = p};
    count(c, COUNTER_TILES_PREPARED);
    return true;
}

/* True when the reply, with a tile of these facts, is worth being found by the
 * next request. */
static bool is_worth_keeping(const struct tile_case *c,
                             const struct ibx_tile_facts *facts)
{
    unsigned status = c->x->reply.status;
    struct prepared_cache *cache = prepared_cache(c);
    struct prepared_key key = prepared_key(c, status == 304);
    return cache != NULL && c->x->request.method == METHOD_GET &&
           (status == 200 || status == 304) && facts->nbytes > 0 &&
           is_served(c) && prepared_is_wanted(cache, &key, facts->nbytes);
}

/* Puts the reply with this tile where the next request will find it. */
static bool keep_answer(const struct tile_case *c, const struct ibx_tile *tile)
{
    struct prepared_key key = prepared_key(c, c->x->reply.status == 304);
    struct prepared *p = prepared_add(prepared_cache(c), &key, tile);
    if (p == NULL)
        return false;
    c->x->body = (struct body){.kind = BODY_PREPARED, .prepared = p};
    return true;
}

/* Keeps a 304 whose facts come from a header alone: that may have changed since
 * its tile was verified, so it must be what a verified copy says now. What
 * fails here fails again for who wants the bytes, and is told then. */
static void keep_not_modified(const struct tile_case *c,
                              const struct ibx_tile_facts *facts)
{
    struct ibx_tile tile = {0};
    if (ibx_tile_get_for(c->served->tileset, c->x->request.route.at,
                         asker_of(c, IBX_TRY), &tile, NULL) != IBX_OK)
        return;
    if (tile.facts.hash == facts->hash && tile.facts.nbytes == facts->nbytes &&
        tile.facts.encoding == facts->encoding)
        (void)keep_answer(c, &tile);
    ibx_tile_release(&tile);
}

/* Takes the tile over. */
static enum web_step answer_tile(const struct tile_case *c,
                                 struct ibx_tile *tile)
{
    struct tile_answer answer = answer_of(c, &tile->facts);
    if (answer.send_as == SEND_DECODED && tile->facts.nbytes > 0)
        return answer_unpack(c, tile);
    reply_tile(&c->x->request, &answer, &c->x->reply);
    if (answer.send_as == SEND_STORED && is_worth_keeping(c, &tile->facts) &&
        keep_answer(c, tile)) {
        ibx_tile_release(tile);
        return WEB_REPLY;
    }
    c->x->body.kind = BODY_TILE;
    c->x->body.tile = *tile;
    return WEB_REPLY;
}

static enum web_step read_bytes(const struct tile_case *c)
{
    struct ibx_tile tile = {0};
    struct ibx_err err = {0};
    enum ibx_status status =
        ibx_tile_get_for(c->served->tileset, c->x->request.route.at,
                         asker_of(c, IBX_TRY), &tile, &err);
    switch (status) {
    case IBX_OK:
        return answer_tile(c, &tile);
    case IBX_NOT_FOUND:
        return tile_absent(c);
    case IBX_AGAIN:
        return tile_submit(c, WORK_TILE, NULL);
    default:
        return tile_failed(c, status, &err);
    }
}

/* Facts are enough for a 304 and, where the length is known, for HEAD. */
static enum web_step answer_facts(const struct tile_case *c,
                                  const struct ibx_tile_facts *facts)
{
    struct tile_answer answer = answer_of(c, facts);
    const struct request *request = &c->x->request;
    bool length_known = answer.send_as != SEND_DECODED || facts->nbytes == 0;
    unsigned status = reply_tile_status(request, &answer);
    bool needs_bytes = status == 200 && request->method != METHOD_HEAD;
    bool needs_length = status == 200 || status == 304;
    if (needs_bytes || (needs_length && !length_known))
        return read_bytes(c);
    reply_tile(request, &answer, &c->x->reply);
    if (answer.send_as == SEND_STORED && is_worth_keeping(c, facts))
        keep_not_modified(c, facts);
    return WEB_REPLY;
}

static enum web_step read_facts(const struct tile_case *c)
{
    struct ibx_tile_facts facts;
    struct ibx_err err = {0};
    enum ibx_status status =
        ibx_tile_stat_for(c->served->tileset, c->x->request.route.at,
                          asker_of(c, IBX_TRY), &facts, &err);
    switch (status) {
    case IBX_OK:
        return answer_facts(c, &facts);
    case IBX_NOT_FOUND:
        return tile_absent(c);
    case IBX_AGAIN:
        /* After a few rounds the bytes are fetched: they cannot go again. */
        return tile_submit(
            c, c->x->cold_rounds < COLD_ROUNDS_MAX ? WORK_STAT : WORK_TILE,
            NULL);
    default:
        return tile_failed(c, status, &err);
    }
}

/* ---- requests ------------------------------------------------------------ */

static bool may_exist(const struct served *served, const struct route *route)
{
    const struct ibx_tileset_info *info = served->info;
    bool format_held = route->format == IBX_FORMAT_UNKNOWN ||
                       (info->format_bits & (1u << route->format)) != 0;
    return route->in_range && route->at.z >= info->min_zoom &&
           route->at.z <= info->max_zoom && format_held &&
           (route->scale == 1 || info->tile_px == 512);
}

enum web_step tile_begin(struct server *server, struct exchange *x)
{
    const struct route *route = &x->request.route;
    struct catalog *catalog = serve_catalog(server, x->loop);
    struct served *served = catalog_find(catalog, route->id);
    if (served == NULL)
        return serve_refuse(x, REFUSAL_NOT_FOUND);
    const struct tile_case c = {server,
                                x,
                                catalog,
                                served,
                                route->generation[0] != '\0',
                                served->info->modified_s};
    /* Another generation may hold other zooms and formats. */
    if (c.immutable && strcmp(route->generation, served->info->generation) != 0)
        return route->in_range ? tile_submit(&c, WORK_TILE, NULL)
                               : serve_refuse(x, REFUSAL_NOT_FOUND);
    if (!may_exist(served, route))
        return serve_refuse(x, REFUSAL_NOT_FOUND);
    if (answer_again(&c))
        return WEB_REPLY;
    bool facts_first =
        x->request.method == METHOD_HEAD || conditional_asked(&x->request);
    enum web_step step = facts_first ? read_facts(&c) : read_bytes(&c);
    if (step == WEB_REPLY)
        count(&c, COUNTER_TILES_WARM);
    return step;
}

static enum web_step work_failed(const struct tile_case *c, struct work *work)
{
    if (work->generation_gone)
        return serve_refuse(c->x, REFUSAL_GONE);
    if (work->status == IBX_NOT_FOUND)
        return tile_absent(c);
    return tile_failed(c, work->status, &work->err);
}

enum web_step tile_continue(struct server *server, struct exchange *x,
                            struct work *work)
{
    const struct tile_case c = {server,
                                x,
                                work->catalog,
                                work->served,
                                x->request.route.generation[0] != '\0',
                                work->modified_s};
    if (work->job.expired) {
        count(&c, COUNTER_REFUSED_WAIT);
        return serve_refuse(x, REFUSAL_BUSY);
    }
    if (work->status != IBX_OK)
        return work_failed(&c, work);
    if (work->kind == WORK_STAT)
        return answer_facts(&c, &work->facts);
    if (work->decoded != NULL) {
        void *bytes = work->decoded;
        work->decoded = NULL;
        return answer_unpacked(&c, &work->facts, bytes, work->decoded_nbytes);
    }
    struct ibx_tile tile = work->tile;
    work->tile = (struct ibx_tile){0};
    return answer_tile(&c, &tile);
}
