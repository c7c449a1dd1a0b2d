/* reply.h - decides status and header fields. The only place that knows
 * status numbers. Pure: no sockets, no clock, no library types. */
#ifndef IBX_SERVER_REPLY_H
#define IBX_SERVER_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "pack/imbrex.h"
#include "server/conditional.h"
#include "server/negotiate.h"
#include "server/refusal.h"
#include "server/request.h"

enum {
    REPLY_HEADERS_MAX = 20,
    REPLY_STORE_NBYTES = 512,
};

struct reply_header {
    const char *name, *value; /* value may point into the reply's store */
};

/* What to answer. Not to be copied: values may point into `store`. */
struct reply {
    unsigned status;
    bool close;       /* the connection cannot be used again */
    bool send_body;   /* false: the length is announced, nothing is sent */
    uint64_t nbytes;  /* Content-Length of the representation */
    const char *text; /* the body of a refusal; NULL otherwise */
    unsigned nheaders;
    struct reply_header headers[REPLY_HEADERS_MAX];
    size_t store_used;
    char store[REPLY_STORE_NBYTES];
};

/* Who may read answers across origins. */
struct cors_policy {
    const char *origins; /* "*", "" for nobody, or a list with commas */
};

/* What is known of a tile when it is answered. Strings are copied. */
struct tile_answer {
    struct ibx_tile_facts facts;
    enum send_as send_as;
    uint64_t decoded_nbytes; /* with SEND_DECODED */
    const char *cache_control;
    int64_t modified_s;
};

/* A document or a file of the page. All but `etag` must live as long as the
 * reply. */
struct document_answer {
    const char *type;
    const char *cache_control;
    const char *etag;
    const char *security_policy; /* Content-Security-Policy, or NULL */
    uint64_t nbytes;
    bool gzip; /* these bytes are gzip */
    bool vary; /* another client may get another encoding */
};

/* What reply_tile() would answer: 200, 204, 304, 406 or 412. For all but 200
 * the tile's bytes need not be fetched. */
unsigned reply_tile_status(const struct request *request,
                           const struct tile_answer *answer);

void reply_tile(const struct request *request, const struct tile_answer *answer,
                struct reply *out);

/* What reply_tile() would make of a tile of so many bytes, a 304 for `same`,
 * without its header fields: they are in a response that is sent again. */
void reply_prepared(bool same, uint64_t nbytes, struct reply *out);

enum absent_policy { ABSENT_DEFAULT = 0, ABSENT_204 = 204, ABSENT_404 = 404 };

/* A tile inside the zoom range that the tileset does not hold. */
void reply_absent(enum absent_policy policy, const char *cache_control,
                  struct reply *out);

void reply_document(const struct request *request,
                    const struct document_answer *answer, struct reply *out);

/* Plain text of the admin listener; `ready` false gives 503. */
void reply_admin_text(bool ready, const char *type, uint64_t nbytes,
                      struct reply *out);

/* OPTIONS, for a preflight or otherwise. */
void reply_options(struct reply *out);

void reply_refuse(enum refusal refusal, struct reply *out);

/* Adds what CORS asks for; to be called once, last, on the public listener. */
void reply_add_cors(const struct cors_policy *policy,
                    const struct request *request, struct reply *reply);

/* True when what reply_add_cors() adds depends on the request. */
bool reply_cors_varies(const struct cors_policy *policy);

/* Drops what the method does not want: HEAD has no body. */
void reply_fit_method(enum method method, struct reply *reply);

#endif
