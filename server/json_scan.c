#include "server/json_scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void skip_blank(struct span *rest)
{
    while (rest->len > 0 && rest->ptr[0] != '\0' &&
           strchr(" \t\r\n", rest->ptr[0]) != NULL) {
        rest->ptr++;
        rest->len--;
    }
}

static bool take(struct span *rest, char c)
{
    skip_blank(rest);
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    rest->ptr++;
    rest->len--;
    return true;
}

/* Length of the string literal at the start of `text`, quotes included; 0 when
 * it does not end. */
static size_t string_length(struct span text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '"')
            return i + 1;
    }
    return 0;
}

/* Length of the object or list at the start of `text`; 0 when it does not
 * end. Kinds of brackets are not matched: only their depth counts. */
static size_t nest_length(struct span text)
{
    size_t depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '"') {
            size_t len =
                string_length((struct span){text.ptr + i, text.len - i});
            if (len == 0)
                return 0;
            i += len - 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

static size_t value_length(struct span text)
{
    size_t len = 0;
    if (text.len == 0)
        return 0;
    if (text.ptr[0] == '"')
        return string_length(text);
    if (text.ptr[0] == '{' || text.ptr[0] == '[')
        return nest_length(text);
    while (len < text.len && text.ptr[len] != '\0' &&
           strchr(",]} \t\r\n", text.ptr[len]) == NULL)
        len++;
    return len;
}

static bool take_value(struct span *rest, struct span *value)
{
    skip_blank(rest);
    size_t len = value_length(*rest);
    if (len == 0)
        return false;
    *value = (struct span){rest->ptr, len};
    rest->ptr += len;
    rest->len -= len;
    return true;
}

bool json_enter(struct span text, struct json_walk *out)
{
    out->rest = text;
    out->object = take(&out->rest, '{');
    return out->object || take(&out->rest, '[');
}

bool json_next(struct json_walk *walk, struct span *key, struct span *value)
{
    struct span name;
    (void)take(&walk->rest, ',');
    *key = (struct span){"", 0};
    if (walk->object) {
        if (!take_value(&walk->rest, &name) || name.ptr[0] != '"' ||
            name.len < 2 || !take(&walk->rest, ':'))
            return false;
        *key = (struct span){name.ptr + 1, name.len - 2};
    }
    return take_value(&walk->rest, value);
}

struct span json_member(struct span text, const char *key)
{
    struct json_walk walk;
    struct span name, value;
    if (json_enter(text, &walk) && walk.object) {
        while (json_next(&walk, &name, &value)) {
            if (span_is(name, key))
                return value;
        }
    }
    return (struct span){NULL, 0};
}

static bool hex4(struct span text, size_t at, uint32_t *out)
{
    *out = 0;
    if (at + 4 > text.len)
        return false;
    for (size_t i = at; i < at + 4; i++) {
        char c = text.ptr[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return false;
        *out = *out * 16 + (uint32_t)digit;
    }
    return true;
}

/* Writes a code point as UTF-8 and returns its length. */
static size_t utf8(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 63));
    out[2] = (char)(0x80 | ((c >> 6) & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* \uXXXX, and the second half of a surrogate pair where one follows. */
static bool unescape_unicode(struct span text, size_t *at, uint32_t *out)
{
    uint32_t low;
    if (!hex4(text, *at, out) || *out == 0)
        return false;
    *at += 4;
    if (*out < 0xd800 || *out > 0xdfff)
        return true;
    if (*out > 0xdbff || *at + 6 > text.len || text.ptr[*at] != '\\' ||
        text.ptr[*at + 1] != 'u' || !hex4(text, *at + 2, &low) ||
        low < 0xdc00 || low > 0xdfff)
        return false;
    *out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
    *at += 6;
    return true;
}

/* One character of a string, unescaped, at *at; moves past it. */
static size_t next_char(struct span text, size_t *at, char out[4])
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    uint32_t point;
    char c = text.ptr[(*at)++];
    out[0] = c;
    if (c != '\\')
        return 1;
    if (*at >= text.len)
        return 0;
    c = text.ptr[(*at)++];
    if (c == 'u')
        return unescape_unicode(text, at, &point) ? utf8(point, out) : 0;
    const char *known = c == '\0' ? NULL : strchr(names, c);
    if (known == NULL)
        return 0;
    out[0] = values[known - names];
    return 1;
}

bool json_string(struct span value, char *out, size_t nbytes)
{
    size_t used = 0, at = 0;
    out[0] = '\0';
    if (value.len < 2 || value.ptr[0] != '"')
        return false;
    struct span text = {value.ptr + 1, value.len - 2};
    while (at < text.len) {
        char part[4];
        size_t len = next_char(text, &at, part);
        if (len == 0 || used + len >= nbytes) {
            out[0] = '\0';
            return false;
        }
        memcpy(out + used, part, len);
        used += len;
    }
    out[used] = '\0';
    return true;
}

bool json_numbers(struct span value, double *out, size_t n)
{
    struct json_walk walk;
    struct span key, item;
    size_t got = 0;
    if (!json_enter(value, &walk) || walk.object)
        return false;
    while (json_next(&walk, &key, &item)) {
        char text[40];
        char *end;
        if (got == n || !span_copy(item, text, sizeof(text)))
            return false;
        out[got] = strtod(text, &end);
        if (*end != '\0' || end == text || !isfinite(out[got]))
            return false;
        got++;
    }
    return got == n;
}
