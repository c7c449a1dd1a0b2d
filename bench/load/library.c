/* library.c - the least a program can do with libmicrohttpd: it answers every
 * request alike, with the header fields of a tile and a body of so many bytes.
 * What lies between it and the ceiling is the library's, what lies between it
 * and imbrex-server is ours.
 *
 *   bench-library PORT BODY_NBYTES once|each [epoll|poll|select|threads]
 *
 * "once" queues one response again and again, "each" makes one per request.
 * "threads" has one per connection, the others one for all. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POOL_NBYTES = 12 << 10 }; /* per connection, as imbrex-server's */

struct page {
    char *body;
    size_t body_nbytes;
    struct MHD_Response *response; /* NULL to make one per request */
};

static struct MHD_Response *respond(const struct page *page)
{
    static const char *const fields[][2] = {
        {"Date", "Sat, 01 Jan 2000 00:00:00 GMT"},
        {"ETag", "\"0123456789abcdef\""},
        {"Last-Modified", "Sat, 01 Jan 2000 00:00:00 GMT"},
        {"Cache-Control", "public, max-age=3600"},
        {"Vary", "Accept-Encoding"},
        {"Content-Type", "image/png"},
        {"Content-Encoding", "gzip"},
        {"X-Content-Type-Options", "nosniff"},
        {"Access-Control-Allow-Origin", "*"},
        {"Access-Control-Expose-Headers",
         "ETag, Content-Length, Content-Encoding"},
    };
    struct MHD_Response *response = MHD_create_response_from_buffer(
        page->body_nbytes, page->body, MHD_RESPMEM_PERSISTENT);
    for (size_t i = 0; response && i < sizeof fields / sizeof *fields; i++)
        (void)MHD_add_response_header(response, fields[i][0], fields[i][1]);
    return response;
}

/* Called when the head is in and once more when the request is complete. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *upload,
                                  size_t *upload_nbytes, void **context)
{
    static char seen;
    const struct page *page = arg;
    (void)url, (void)method, (void)version, (void)upload, (void)upload_nbytes;
    if (!*context) {
        *context = &seen;
        return MHD_YES;
    }
    if (page->response)
        return MHD_queue_response(connection, 200, page->response);
    struct MHD_Response *response = respond(page);
    enum MHD_Result queued = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return queued;
}

/* The daemon's flags; 0 for a mode that there is not. */
static unsigned flags_of(const char *mode)
{
    static const struct {
        const char *mode;
        unsigned flags;
    } rows[] = {
        {"epoll", MHD_USE_EPOLL_INTERNAL_THREAD},
        {"poll", MHD_USE_POLL_INTERNAL_THREAD},
        {"select", MHD_USE_INTERNAL_POLLING_THREAD},
        {"threads",
         MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(mode, rows[i].mode) == 0)
            return rows[i].flags;
    return 0;
}

int main(int argc, char **argv)
{
    static struct page page;
    unsigned flags = flags_of(argc == 5 ? argv[4] : "epoll");
    if (argc < 4 || argc > 5 || flags == 0) {
        (void)fputs("usage: bench-library PORT BODY_NBYTES once|each "
                    "[epoll|poll|select|threads]\n",
                    stderr);
        return 2;
    }
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port =
                                 htons((uint16_t)strtoul(argv[1], NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    page.body_nbytes = strtoul(argv[2], NULL, 10);
    page.body = calloc(1, page.body_nbytes + 1);
    if (page.body && strcmp(argv[3], "once") == 0)
        page.response = respond(&page);
    bool made = strcmp(argv[3], "once") != 0 || page.response;
    if (!page.body || !made ||
        !MHD_start_daemon(flags, 0, NULL, NULL, on_request, &page,
                          MHD_OPTION_SOCK_ADDR, &at,
                          MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                          (size_t)POOL_NBYTES, MHD_OPTION_END)) {
        (void)fprintf(stderr, "bench-library: cannot serve on port %s\n",
                      argv[1]);
        return 1;
    }
    for (;;)
        (void)pause();
}
