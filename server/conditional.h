/* conditional.h - validators: entity tags and dates (RFC 9110 8.8, 13). */
#ifndef IBX_SERVER_CONDITIONAL_H
#define IBX_SERVER_CONDITIONAL_H

#include <stdbool.h>
#include <stdint.h>

#include "server/request.h"

enum {
    ETAG_NBYTES = 24, /* a quoted tag with its terminator */
    DATE_NBYTES = 30, /* "Sun, 06 Nov 1994 08:49:37 GMT" likewise */
};

/* The strong tag of a stored hash; `decoded` marks a form whose bytes differ
 * from the stored ones. */
void etag_format(uint64_t hash, bool decoded, char out[ETAG_NBYTES]);

void date_format(int64_t unix_s, char out[DATE_NBYTES]);

/* Reads any of the three forms of an HTTP date. False for anything else. */
bool date_parse(struct span text, int64_t *out_unix_s);

/* True when the client's copy is still right, so that 304 is the answer.
 * If-None-Match, where given, decides alone (RFC 9110 13.2.2). */
bool conditional_matches(const struct request *request, const char *etag,
                         int64_t modified_s);

/* True when the client wants this only while it is what the client knows, and
 * it is not: 412 is the answer, before any 304. If-Match, compared strongly,
 * where given decides alone (RFC 9110 13.2.2). */
bool conditional_fails(const struct request *request, const char *etag,
                       int64_t modified_s);

/* True when 304 or 412 is possible at all, so that it is worth asking for a
 * tile's facts before its bytes. */
bool conditional_asked(const struct request *request);

#endif
