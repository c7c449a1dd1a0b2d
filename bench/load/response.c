#include "bench/load/response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER };

void response_reset(struct response *response)
{
    response->head_nbytes = 0;
    response->in_body = response->chunked = response->close = false;
    response->status = 0;
    response->left = response->body_nbytes = 0;
    response->chunk_state = CHUNK_SIZE;
}

static void read_header(struct response *r, const char *line)
{
    if (strncasecmp(line, "content-length:", 15) == 0)
        r->left = strtoull(line + 15, NULL, 10);
    else if (strncasecmp(line, "transfer-encoding:", 18) == 0)
        r->chunked = strcasestr(line, "chunked") != NULL;
    else if (strncasecmp(line, "connection:", 11) == 0)
        r->close = strcasestr(line, "close") != NULL;
}

static bool read_head(struct response *r)
{
    if (strncmp(r->head, "HTTP/1.", 7) != 0)
        return false;
    r->status = (int)strtol(r->head + 8, NULL, 10);
    for (char *line = strstr(r->head, "\r\n"); line;) {
        line += 2;
        char *end = strstr(line, "\r\n");
        if (!end)
            break;
        *end = '\0';
        read_header(r, line);
        line = end;
        *end = '\r';
    }
    bool bodyless = r->status == 204 || r->status == 304;
    if (bodyless) {
        r->left = 0;
        r->chunked = false;
    }
    r->in_body = true;
    return r->status >= 100;
}

/* Mostly the head is in the first bytes that arrive, all of it. */
static size_t whole_head(const struct response *r, const char *bytes,
                         size_t nbytes)
{
    const char *end =
        r->head_nbytes == 0 ? memmem(bytes, nbytes, "\r\n\r\n", 4) : NULL;
    size_t head_nbytes = end ? (size_t)(end - bytes) + 4 : 0;
    return head_nbytes < sizeof r->head ? head_nbytes : 0;
}

/* Collects the head up to the empty line; what comes in pieces byte by byte. */
static long feed_head(struct response *r, const char *bytes, size_t nbytes)
{
    size_t used = whole_head(r, bytes, nbytes);
    if (used > 0) {
        memcpy(r->head, bytes, used);
        r->head[used] = '\0';
        r->head_nbytes = used;
        return read_head(r) ? (long)used : -1;
    }
    while (used < nbytes && !r->in_body) {
        if (r->head_nbytes + 1 == sizeof r->head)
            return -1;
        r->head[r->head_nbytes++] = bytes[used++];
        r->head[r->head_nbytes] = '\0';
        if (r->head_nbytes >= 4 &&
            memcmp(r->head + r->head_nbytes - 4, "\r\n\r\n", 4) == 0 &&
            !read_head(r))
            return -1;
    }
    return (long)used;
}

/* A line of the chunked encoding has ended. */
static void end_line(struct response *r, bool *done)
{
    r->head[r->head_nbytes] = '\0';
    if (r->chunk_state == CHUNK_SIZE) {
        r->left = strtoull(r->head, NULL, 16);
        r->chunk_state = r->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
    } else if (r->chunk_state == CHUNK_END) {
        r->chunk_state = CHUNK_SIZE;
    } else {
        *done = r->head_nbytes == 0;
    }
    r->head_nbytes = 0;
}

static size_t feed_chunk(struct response *r, const char *bytes, size_t nbytes,
                         bool *done)
{
    if (r->chunk_state == CHUNK_DATA) {
        size_t n = nbytes < r->left ? nbytes : (size_t)r->left;
        r->left -= n;
        r->body_nbytes += n;
        if (r->left == 0)
            r->chunk_state = CHUNK_END;
        return n;
    }
    if (bytes[0] == '\n')
        end_line(r, done);
    else if (bytes[0] != '\r' && r->head_nbytes + 1 < sizeof r->head)
        r->head[r->head_nbytes++] = bytes[0];
    return 1;
}

long response_feed(struct response *response, const char *bytes, size_t nbytes,
                   bool *done)
{
    struct response *r = response;
    size_t used = 0;
    *done = false;
    if (!r->in_body) {
        long head = feed_head(r, bytes, nbytes);
        if (head < 0)
            return -1;
        used = (size_t)head;
        if (!r->in_body)
            return head;
        r->head_nbytes = 0; /* now the line buffer of chunks */
    }
    while (r->chunked && used < nbytes && !*done)
        used += feed_chunk(r, bytes + used, nbytes - used, done);
    if (r->chunked)
        return (long)used;
    size_t n = nbytes - used < r->left ? nbytes - used : (size_t)r->left;
    r->left -= n;
    r->body_nbytes += n;
    *done = r->left == 0;
    return (long)(used + n);
}
