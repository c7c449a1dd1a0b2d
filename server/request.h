/* request.h - a request's head as plain data, and whether we take it.
 *
 * Pure. Spans are borrowed from the connection and live as long as the
 * request. */
#ifndef IBX_SERVER_REQUEST_H
#define IBX_SERVER_REQUEST_H

#include <stdbool.h>

#include "server/refusal.h"
#include "server/route.h"
#include "server/text.h"

enum method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_OPTIONS,
    METHOD_POST,
    METHOD_OTHER,
};

enum { FIELD_LINES_MAX = 4 };

/* A list-valued field, which may come in several lines (RFC 9110 5.3). */
struct field {
    struct span line[FIELD_LINES_MAX];
    unsigned nlines;
};

struct request {
    enum method method;
    bool http10; /* older than HTTP/1.1 */
    struct route route;

    struct field accept_encoding, if_none_match, if_match;
    struct span if_modified_since, if_unmodified_since, origin, host;
    struct span forwarded, forwarded_for, forwarded_host, forwarded_proto,
        forwarded_prefix;
    struct span user_agent, referer;
    struct span content_length, transfer_encoding;

    /* For request_check(). */
    unsigned nhosts, nlengths, ntransfers;
    size_t target_nbytes, head_nbytes;
    bool malformed;  /* a name is no token or a value holds controls */
    bool list_flood; /* a list field in more than FIELD_LINES_MAX lines */
};

struct request_limits {
    size_t max_target_nbytes, max_head_nbytes;
};

enum method method_parse(const char *name);

/* Takes one header field into the request. Unknown ones are only counted. */
void request_add_field(struct request *request, struct span name,
                       struct span value);

/* Whether the head may be answered at all: sizes, framing that could be read
 * in two ways (request smuggling), Host. REFUSAL_NONE when it may. */
enum refusal request_check(const struct request *request,
                           const struct request_limits *limits);

/* True for a name, an IPv4 or a bracketed IPv6 address, with or without a
 * port, that a URL may hold (RFC 3986 3.2.2). */
bool request_host_is_valid(struct span host);

#endif
