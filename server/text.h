/* text.h - strings: spans of borrowed bytes, growing buffers with a cap, and
 * numbers read strictly. Nothing here knows HTTP. */
#ifndef IBX_SERVER_TEXT_H
#define IBX_SERVER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes, not terminated. */
struct span {
    const char *ptr;
    size_t len;
};

/* A literal's span, in an initializer and as a value. */
#define SPAN_CONSTANT(text)                                                    \
    {                                                                          \
        (text), sizeof(text) - 1                                               \
    }
#define SPAN_LITERAL(text) ((struct span)SPAN_CONSTANT(text))

struct span span_of(const char *text); /* NULL gives an empty span */
bool span_equal(struct span a, struct span b);
bool span_is(struct span span, const char *text);
bool span_is_caseless(struct span span, const char *text);

/* Without blanks and tabs at both ends. */
struct span span_trim(struct span span);

/* Cuts the part before the first `separator` off `rest` and returns it. The
 * last part empties *rest and sets rest->ptr to NULL. */
struct span span_cut(struct span *rest, char separator);

/* Cuts ":PORT" off the end of HOST:PORT or [IPV6]:PORT and returns PORT, which
 * may be anything; its ptr is NULL where there is none. An IPv6 address without
 * brackets has none. */
struct span span_cut_port(struct span *host);

/* Reads decimal digits only, no sign. False when empty, when another character
 * is there, or when the number is above `max`; then *out is untouched. */
bool span_decimal(struct span span, uint64_t max, uint64_t *out);

/* Copies and terminates. False when it does not fit; then out is "". */
bool span_copy(struct span span, char *out, size_t out_nbytes);

/* A size such as 65536, 64K, 32M, 2G (powers of 1024). */
bool size_parse(const char *text, uint64_t *out_nbytes);

/* Writes `nbytes` as people read it: 512, 64K, 1.5M. Always terminated. */
void size_format(uint64_t nbytes, char *out, size_t out_nbytes);

/* A text that grows up to `cap` bytes. The first failure (cap or memory) sets
 * `failed` and later calls do nothing, so one check at the end is enough. */
struct buffer {
    char *bytes; /* malloc'd, terminated when not NULL */
    size_t len, room, cap;
    bool failed;
};

void buffer_init(struct buffer *buffer, size_t cap);
void buffer_fini(struct buffer *buffer);
void buffer_add(struct buffer *buffer, const char *bytes, size_t nbytes);
void buffer_puts(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds text with XML's five special characters escaped and characters that
 * XML 1.0 forbids replaced by '?'. */
void buffer_xml(struct buffer *buffer, const char *text);

/* Adds text inside a JSON string, quotes not included. */
void buffer_json(struct buffer *buffer, const char *text, size_t nbytes);

#endif
