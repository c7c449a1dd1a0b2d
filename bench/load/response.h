/* response.h - reads HTTP/1.1 responses off a byte stream, just enough to know
 * where one ends: status, Content-Length or chunks, keep-alive or not. */
#ifndef BENCH_LOAD_RESPONSE_H
#define BENCH_LOAD_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RESPONSE_HEAD_NBYTES = 8192 };

struct response {
    char head[RESPONSE_HEAD_NBYTES];
    size_t head_nbytes;
    bool in_body, chunked, close;
    int status;
    uint64_t left;   /* of the body, or of the chunk at hand */
    int chunk_state; /* 0 size line, 1 data, 2 after data, 3 trailer */
    uint64_t body_nbytes;
};

/* Ready for the next response on the same connection. */
void response_reset(struct response *response);

/* Takes bytes in; sets *done when the response has ended. The number of bytes
 * used, or -1 when this is not HTTP. */
long response_feed(struct response *response, const char *bytes, size_t nbytes,
                   bool *done);

#endif
