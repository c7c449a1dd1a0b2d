#include "server/reply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server/media.h"

static const struct {
    enum refusal refusal;
    unsigned status;
    unsigned retry_after_s;
    bool close; /* what follows on this connection cannot be trusted */
    const char *text;
} refusals[] = {
    {REFUSAL_SYNTAX, 400, 0, true, "bad request\n"},
    {REFUSAL_NOT_FOUND, 404, 0, false, "not found\n"},
    {REFUSAL_METHOD, 405, 0, false, "only GET, HEAD and OPTIONS\n"},
    {REFUSAL_METHOD_POST, 405, 0, false, "only POST\n"},
    {REFUSAL_ENCODING, 406, 0, false, "no acceptable content encoding\n"},
    {REFUSAL_GONE, 410, 0, false, "this generation is gone\n"},
    {REFUSAL_CHANGED, 412, 0, false, "not what was named\n"},
    {REFUSAL_BODY, 413, 0, true, "requests have no body here\n"},
    {REFUSAL_TARGET_LONG, 414, 0, true, "request target too long\n"},
    {REFUSAL_HEAD_LARGE, 431, 0, true, "request header too large\n"},
    {REFUSAL_RATE, 429, 1, false, "too many requests\n"},
    {REFUSAL_HOST, 421, 0, false, "not a host of this server\n"},
    {REFUSAL_ORIGIN, 403, 0, false, "not from another origin\n"},
    {REFUSAL_UNREADABLE, 503, 5, false, "cannot be read now\n"},
    {REFUSAL_TOO_LARGE, 503, 60, false, "larger than the memory budget\n"},
    {REFUSAL_BUSY, 503, 1, false, "at a configured limit\n"},
    {REFUSAL_DRAINING, 503, 1, true, "shutting down\n"},
    {REFUSAL_NOT_READY, 503, 1, false, "not ready\n"},
};

/* Borrows both strings. */
static void add(struct reply *reply, const char *name, const char *value)
{
    assert(reply->nheaders < REPLY_HEADERS_MAX);
    reply->headers[reply->nheaders++] = (struct reply_header){name, value};
}

/* Keeps a copy of `value` with the reply. */
static void add_copy(struct reply *reply, const char *name, struct span value)
{
    char *at = reply->store + reply->store_used;
    size_t room = sizeof(reply->store) - reply->store_used;
    if (!span_copy(value, at, room))
        return; /* only an absurdly long Origin does not fit */
    reply->store_used += value.len + 1;
    add(reply, name, at);
}

static void start(struct reply *reply, unsigned status)
{
    reply->status = status;
    reply->close = false;
    reply->send_body = true;
    reply->nbytes = 0;
    reply->text = NULL;
    reply->nheaders = 0;
    reply->store_used = 0;
}

static void tile_etag(const struct tile_answer *answer, char out[ETAG_NBYTES])
{
    etag_format(answer->facts.hash, answer->send_as == SEND_DECODED, out);
}

unsigned reply_tile_status(const struct request *request,
                           const struct tile_answer *answer)
{
    char etag[ETAG_NBYTES];
    bool asked = conditional_asked(request);
    if (asked) {
        tile_etag(answer, etag);
        if (conditional_fails(request, etag, answer->modified_s))
            return 412;
    }
    if (answer->facts.nbytes == 0)
        return 204;
    if (answer->send_as == SEND_NOT_ACCEPTABLE)
        return 406;
    return asked && conditional_matches(request, etag, answer->modified_s)
               ? 304
               : 200;
}

/* What a 304 carries as well as a 200 (RFC 9110 15.4.5). */
static void add_validators(struct reply *reply,
                           const struct tile_answer *answer)
{
    char etag[ETAG_NBYTES], date[DATE_NBYTES];
    tile_etag(answer, etag);
    date_format(answer->modified_s, date);
    add_copy(reply, "ETag", span_of(etag));
    add_copy(reply, "Last-Modified", span_of(date));
    add_copy(reply, "Cache-Control", span_of(answer->cache_control));
    if (answer->facts.encoding != IBX_ENCODING_NONE)
        add(reply, "Vary", "Accept-Encoding");
}

static void reply_empty_tile(const struct tile_answer *answer,
                             struct reply *out)
{
    start(out, 204);
    out->send_body = false;
    add_validators(out, answer);
}

static void reply_found_tile(const struct tile_answer *answer, bool same,
                             struct reply *out)
{
    bool decoded = answer->send_as == SEND_DECODED;
    const char *encoding = media_encoding(answer->facts.encoding);
    start(out, same ? 304 : 200);
    out->send_body = !same;
    out->nbytes = decoded ? answer->decoded_nbytes : answer->facts.nbytes;
    add_validators(out, answer);
    if (same)
        return;
    add(out, "Content-Type", media_type(answer->facts.format));
    if (encoding != NULL && !decoded)
        add(out, "Content-Encoding", encoding);
    add(out, "X-Content-Type-Options", "nosniff");
}

void reply_tile(const struct request *request, const struct tile_answer *answer,
                struct reply *out)
{
    unsigned status = reply_tile_status(request, answer);
    switch (status) {
    case 412:
        reply_refuse(REFUSAL_CHANGED, out);
        return;
    case 204:
        reply_empty_tile(answer, out);
        return;
    case 406:
        reply_refuse(REFUSAL_ENCODING, out);
        add(out, "Vary", "Accept-Encoding");
        return;
    default:
        reply_found_tile(answer, status == 304, out);
    }
}

void reply_prepared(bool same, uint64_t nbytes, struct reply *out)
{
    start(out, same ? 304 : 200);
    out->send_body = !same;
    out->nbytes = nbytes;
}

void reply_absent(enum absent_policy policy, const char *cache_control,
                  struct reply *out)
{
    if (policy == ABSENT_404) {
        reply_refuse(REFUSAL_NOT_FOUND, out);
        return;
    }
    start(out, 204);
    out->send_body = false;
    add_copy(out, "Cache-Control", span_of(cache_control));
}

void reply_document(const struct request *request,
                    const struct document_answer *answer, struct reply *out)
{
    /* Documents have no date: INT64_MIN was never modified since. */
    if (conditional_fails(request, answer->etag, INT64_MIN)) {
        reply_refuse(REFUSAL_CHANGED, out);
        return;
    }
    bool same = conditional_matches(request, answer->etag, INT64_MAX);
    start(out, same ? 304 : 200);
    out->send_body = !same;
    out->nbytes = answer->nbytes;
    add_copy(out, "ETag", span_of(answer->etag));
    add(out, "Cache-Control", answer->cache_control);
    if (answer->vary)
        add(out, "Vary", "Accept-Encoding");
    if (same)
        return;
    add(out, "Content-Type", answer->type);
    if (answer->gzip)
        add(out, "Content-Encoding", "gzip");
    add(out, "X-Content-Type-Options", "nosniff");
    if (answer->security_policy != NULL) {
        add(out, "Content-Security-Policy", answer->security_policy);
        add(out, "Referrer-Policy", "no-referrer");
    }
}

void reply_admin_text(bool ready, const char *type, uint64_t nbytes,
                      struct reply *out)
{
    start(out, ready ? 200 : 503);
    out->nbytes = nbytes;
    add(out, "Content-Type", type);
    add(out, "Cache-Control", "no-store");
    add(out, "X-Content-Type-Options", "nosniff");
    if (!ready)
        add(out, "Retry-After", "1");
}

void reply_options(struct reply *out)
{
    start(out, 204);
    out->send_body = false;
    add(out, "Allow", "GET, HEAD, OPTIONS");
    add(out, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
    add(out, "Access-Control-Allow-Headers",
        "Accept, Accept-Encoding, Cache-Control, If-Modified-Since, "
        "If-None-Match, Range, X-Requested-With");
    add(out, "Access-Control-Max-Age", "86400");
}

static void add_refusal(struct reply *out, unsigned retry_after_s,
                        const char *text)
{
    char seconds[12];
    out->text = text;
    out->nbytes = strlen(text);
    add(out, "Content-Type", "text/plain; charset=utf-8");
    add(out, "Cache-Control", "no-store");
    add(out, "X-Content-Type-Options", "nosniff");
    if (retry_after_s > 0) {
        (void)snprintf(seconds, sizeof(seconds), "%u", retry_after_s);
        add_copy(out, "Retry-After", span_of(seconds));
    }
}

void reply_refuse(enum refusal refusal, struct reply *out)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (refusals[i].refusal != refusal)
            continue;
        start(out, refusals[i].status);
        out->close = refusals[i].close;
        add_refusal(out, refusals[i].retry_after_s, refusals[i].text);
        /* RFC 9110 15.5.6: a 405 says what is allowed. */
        if (refusal == REFUSAL_METHOD)
            add(out, "Allow", "GET, HEAD, OPTIONS");
        if (refusal == REFUSAL_METHOD_POST)
            add(out, "Allow", "POST");
        return;
    }
    assert(false); /* a refusal without a row */
}

static bool list_has(const char *list, struct span item)
{
    struct span rest = span_of(list);
    while (rest.ptr != NULL && item.len > 0) {
        struct span one = span_trim(span_cut(&rest, ','));
        if (one.len == item.len && memcmp(one.ptr, item.ptr, one.len) == 0)
            return true;
    }
    return false;
}

/* "Origin" joins a Vary that is there already: two lines would be as valid,
 * but some caches read the first only. */
static void add_vary_origin(struct reply *reply)
{
    for (unsigned i = 0; i < reply->nheaders; i++) {
        if (strcmp(reply->headers[i].name, "Vary") == 0) {
            reply->headers[i].value = "Accept-Encoding, Origin";
            return;
        }
    }
    add(reply, "Vary", "Origin");
}

bool reply_cors_varies(const struct cors_policy *policy)
{
    return policy->origins[0] != '\0' && strcmp(policy->origins, "*") != 0;
}

void reply_add_cors(const struct cors_policy *policy,
                    const struct request *request, struct reply *reply)
{
    if (policy->origins[0] == '\0')
        return;
    if (!reply_cors_varies(policy)) {
        add(reply, "Access-Control-Allow-Origin", "*");
    } else {
        add_vary_origin(reply);
        if (!list_has(policy->origins, request->origin))
            return;
        add_copy(reply, "Access-Control-Allow-Origin", request->origin);
    }
    add(reply, "Access-Control-Expose-Headers",
        "ETag, Content-Length, Content-Encoding");
}

void reply_fit_method(enum method method, struct reply *reply)
{
    if (method == METHOD_HEAD)
        reply->send_body = false;
}
