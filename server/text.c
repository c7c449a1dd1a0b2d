#include "server/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct span span_of(const char *text)
{
    return (struct span){text, text == NULL ? 0 : strlen(text)};
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool span_is(struct span span, const char *text)
{
    return span_equal(span, span_of(text));
}

bool span_is_caseless(struct span span, const char *text)
{
    size_t len = strlen(text);
    return span.len == len &&
           (len == 0 || strncasecmp(span.ptr, text, len) == 0);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span span_trim(struct span span)
{
    while (span.len > 0 && is_blank(span.ptr[0])) {
        span.ptr++;
        span.len--;
    }
    while (span.len > 0 && is_blank(span.ptr[span.len - 1]))
        span.len--;
    return span;
}

struct span span_cut(struct span *rest, char separator)
{
    struct span part = *rest;
    const char *at =
        rest->len == 0 ? NULL : memchr(rest->ptr, separator, rest->len);
    if (at == NULL) {
        *rest = (struct span){NULL, 0};
        return part;
    }
    part.len = (size_t)(at - part.ptr);
    rest->ptr = at + 1;
    rest->len -= part.len + 1;
    return part;
}

struct span span_cut_port(struct span *host)
{
    const char *colon =
        host->len > 0 ? memrchr(host->ptr, ':', host->len) : NULL;
    if (colon == NULL)
        return (struct span){NULL, 0};
    size_t before = (size_t)(colon - host->ptr);
    bool bracketed = before > 0 && colon[-1] == ']';
    if (!bracketed && memchr(host->ptr, ':', before) != NULL)
        return (struct span){NULL, 0};
    struct span port = {colon + 1, host->len - before - 1};
    host->len = before;
    return port;
}

bool span_decimal(struct span span, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (span.len == 0)
        return false;
    for (size_t i = 0; i < span.len; i++) {
        if (span.ptr[i] < '0' || span.ptr[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(span.ptr[i] - '0');
        if (digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool span_copy(struct span span, char *out, size_t out_nbytes)
{
    out[0] = '\0';
    if (span.len >= out_nbytes)
        return false;
    if (span.len > 0)
        memcpy(out, span.ptr, span.len);
    out[span.len] = '\0';
    return true;
}

static unsigned suffix_shift(char c)
{
    switch (c) {
    case 'K':
    case 'k':
        return 10;
    case 'M':
    case 'm':
        return 20;
    case 'G':
    case 'g':
        return 30;
    case 'T':
    case 't':
        return 40;
    default:
        return 0;
    }
}

bool size_parse(const char *text, uint64_t *out_nbytes)
{
    struct span digits = span_of(text);
    unsigned shift = 0;
    if (digits.len > 1) {
        shift = suffix_shift(digits.ptr[digits.len - 1]);
        digits.len -= shift != 0;
    }
    uint64_t value;
    if (!span_decimal(digits, UINT64_MAX >> shift, &value))
        return false;
    *out_nbytes = value << shift;
    return true;
}

void size_format(uint64_t nbytes, char *out, size_t out_nbytes)
{
    static const char units[] = "KMGT";
    double value = (double)nbytes;
    unsigned unit = 0;
    if (nbytes < 1024) {
        (void)snprintf(out, out_nbytes, "%u", (unsigned)nbytes);
        return;
    }
    for (value /= 1024; value >= 1024 && unit < 3; unit++)
        value /= 1024;
    bool whole = value >= 100 || value == (double)(uint64_t)value;
    (void)snprintf(out, out_nbytes, whole ? "%.0f%c" : "%.1f%c", value,
                   units[unit]);
}

void buffer_init(struct buffer *buffer, size_t cap)
{
    *buffer = (struct buffer){.cap = cap};
}

void buffer_fini(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){.cap = buffer->cap};
}

/* Makes room for `more` bytes and the terminator. */
static bool buffer_reserve(struct buffer *buffer, size_t more)
{
    if (buffer->failed || more >= buffer->cap ||
        buffer->len >= buffer->cap - more) {
        buffer->failed = true;
        return false;
    }
    if (buffer->len + more < buffer->room)
        return true;
    size_t room = buffer->room == 0 ? 256 : buffer->room * 2;
    while (room <= buffer->len + more)
        room *= 2;
    room = room < buffer->cap ? room : buffer->cap;
    char *bytes = realloc(buffer->bytes, room);
    if (bytes == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->room = room;
    return true;
}

void buffer_add(struct buffer *buffer, const char *bytes, size_t nbytes)
{
    if (!buffer_reserve(buffer, nbytes))
        return;
    if (nbytes > 0)
        memcpy(buffer->bytes + buffer->len, bytes, nbytes);
    buffer->len += nbytes;
    buffer->bytes[buffer->len] = '\0';
}

void buffer_puts(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof(line)) {
        buffer_add(buffer, line, (size_t)len);
        return;
    }
    if (len < 0 || !buffer_reserve(buffer, (size_t)len)) {
        buffer->failed = true;
        return;
    }
    va_start(args, format);
    (void)vsnprintf(buffer->bytes + buffer->len, (size_t)len + 1, format, args);
    va_end(args);
    buffer->len += (size_t)len;
}

static const char *xml_entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    default:
        return (unsigned char)c < 0x20 && c != '\n' && c != '\t' ? "?" : NULL;
    }
}

void buffer_xml(struct buffer *buffer, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        const char *entity = xml_entity(*c);
        if (entity != NULL)
            buffer_puts(buffer, entity);
        else
            buffer_add(buffer, c, 1);
    }
}

void buffer_json(struct buffer *buffer, const char *text, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            buffer_printf(buffer, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            buffer_printf(buffer, "\\u%04x", c);
        else
            buffer_add(buffer, text + i, 1);
    }
}
