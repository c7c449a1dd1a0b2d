#include "server/access_log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/pool.h"

enum { LOGGER_NBYTES = 128 << 10, LINE_NBYTES = 4 << 10 };

struct access_logger {
    enum access_log format;
    struct counters *counters;
    pthread_t thread;
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t more;
    bool closing;
    size_t used;
    char pending[LOGGER_NBYTES];
    char writing[LOGGER_NBYTES]; /* the thread's alone */
};

/* Text of the client's, between quotes, so that it cannot forge a line. */
static void put_quoted(struct buffer *out, struct span text)
{
    buffer_puts(out, "\"");
    for (size_t i = 0; i < text.len && i < 512; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\' || c < 0x20 || c >= 0x7f)
            buffer_printf(out, "\\x%02x", c);
        else
            buffer_add(out, text.ptr + i, 1);
    }
    buffer_puts(out, "\"");
}

static void format_plain(const struct access_line *line, const char *client,
                         struct buffer *out)
{
    char when[40];
    struct tm tm;
    time_t now = (time_t)line->unix_s;
    if (gmtime_r(&now, &tm) == NULL ||
        strftime(when, sizeof(when), "%d/%b/%Y:%H:%M:%S +0000", &tm) == 0)
        when[0] = '\0';
    char request[256];
    (void)snprintf(request, sizeof(request), "%s %s HTTP/1.%d", line->method,
                   line->target, line->http10 ? 0 : 1);
    buffer_printf(out, "%s - - [%s] ", client, when);
    put_quoted(out, span_of(request));
    buffer_printf(out, " %u %llu ", line->status,
                  (unsigned long long)line->nbytes);
    put_quoted(out, line->referer.len > 0 ? line->referer : span_of("-"));
    buffer_puts(out, " ");
    put_quoted(out, line->user_agent.len > 0 ? line->user_agent : span_of("-"));
    buffer_puts(out, "\n");
}

static void put_member(struct buffer *out, const char *key, struct span value)
{
    buffer_printf(out, ",\"%s\":\"", key);
    buffer_json(out, value.ptr == NULL ? "" : value.ptr,
                value.len < 512 ? value.len : 512);
    buffer_puts(out, "\"");
}

static void format_json(const struct access_line *line, const char *client,
                        struct buffer *out)
{
    buffer_printf(out, "{\"time\":%lld,\"client\":\"%s\"",
                  (long long)line->unix_s, client);
    put_member(out, "method", span_of(line->method));
    put_member(out, "target", span_of(line->target));
    buffer_printf(out,
                  ",\"status\":%u,\"bytes\":%llu,\"seconds\":%.6f,"
                  "\"complete\":%s",
                  line->status, (unsigned long long)line->nbytes,
                  (double)line->took_us / 1e6, line->whole ? "true" : "false");
    put_member(out, "referer", line->referer);
    put_member(out, "user_agent", line->user_agent);
    buffer_puts(out, "}\n");
}

void access_line_format(enum access_log format, const struct access_line *line,
                        struct buffer *out)
{
    char client[64];
    peer_format(line->client, client, sizeof(client));
    if (format == ACCESS_LOG_JSON)
        format_json(line, client, out);
    else
        format_plain(line, client, out);
}

static void write_all(const char *bytes, size_t nbytes)
{
    while (nbytes > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, nbytes);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return; /* the reader is gone */
        if (n > 0) {
            bytes += n;
            nbytes -= (size_t)n;
        }
    }
}

static void *logger_thread(void *arg)
{
    struct access_logger *logger = arg;
    bool closing = false;
    while (!closing) {
        pthread_mutex_lock(&logger->lock);
        while (logger->used == 0 && !logger->closing)
            pthread_cond_wait(&logger->more, &logger->lock);
        size_t used = logger->used;
        memcpy(logger->writing, logger->pending, used);
        logger->used = 0;
        closing = logger->closing && used == 0;
        pthread_mutex_unlock(&logger->lock);
        write_all(logger->writing, used);
    }
    return NULL;
}

struct access_logger *access_logger_open(enum access_log format,
                                         struct counters *counters,
                                         size_t stack_nbytes)
{
    struct access_logger *logger = calloc(1, sizeof(*logger));
    if (logger == NULL)
        return NULL;
    logger->format = format;
    logger->counters = counters;
    (void)pthread_mutex_init(&logger->lock, NULL);
    (void)pthread_cond_init(&logger->more, NULL);
    if (thread_start(&logger->thread, stack_nbytes, logger_thread, logger))
        return logger;
    free(logger);
    return NULL;
}

static bool logger_put(struct access_logger *logger, const struct buffer *line)
{
    pthread_mutex_lock(&logger->lock);
    bool fits =
        !line->failed && line->len <= sizeof(logger->pending) - logger->used;
    if (fits) {
        memcpy(logger->pending + logger->used, line->bytes, line->len);
        logger->used += line->len;
        pthread_cond_signal(&logger->more);
    }
    pthread_mutex_unlock(&logger->lock);
    return fits;
}

void access_logger_add(struct access_logger *logger, const struct exchange *x,
                       bool whole, int64_t took_us)
{
    struct buffer out;
    const struct access_line line = {
        .client = &x->client,
        .unix_s = (int64_t)time(NULL),
        .method = x->seen_head ? x->method_name : "-",
        .target = x->target,
        .http10 = x->request.http10,
        .status = x->reply.status,
        .nbytes = x->reply.send_body ? x->reply.nbytes : 0,
        .took_us = took_us,
        .whole = whole,
        .referer = x->request.referer,
        .user_agent = x->request.user_agent,
    };
    buffer_init(&out, LINE_NBYTES);
    access_line_format(logger->format, &line, &out);
    if (!logger_put(logger, &out))
        counter_add(logger->counters, COUNTER_LOG_LINES_LOST, 1);
    buffer_fini(&out);
}

void access_logger_close(struct access_logger *logger)
{
    if (logger == NULL)
        return;
    pthread_mutex_lock(&logger->lock);
    logger->closing = true;
    pthread_cond_signal(&logger->more);
    pthread_mutex_unlock(&logger->lock);
    (void)pthread_join(logger->thread, NULL);
    (void)pthread_mutex_destroy(&logger->lock);
    (void)pthread_cond_destroy(&logger->more);
    free(logger);
}
