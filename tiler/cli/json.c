#include "tiler/cli/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct json *j, size_t more)
{
    if (j->failed)
        return false;
    if (j->room - j->used > more)
        return true;
    size_t room = (j->room + more) * 2 + 64;
    char *text = realloc(j->text, room);
    j->failed = text == NULL;
    if (j->failed)
        return false;
    j->text = text;
    j->room = room;
    return true;
}

/* Always leaves room for the terminator. */
static void put(struct json *j, const char *bytes, size_t n)
{
    if (!reserve(j, n))
        return;
    memcpy(j->text + j->used, bytes, n);
    j->used += n;
}

static void put_text(struct json *j, const char *text)
{
    put(j, text, strlen(text));
}

/* Bytes of the well-formed UTF-8 character at `s`, or 0 (RFC 3629). */
static size_t utf8_length(const unsigned char *s)
{
    static const struct {
        unsigned char first, last, second_min, second_max;
        unsigned char length;
    } rows[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (s[0] < rows[i].first || s[0] > rows[i].last)
            continue;
        if (rows[i].length == 1)
            return 1;
        if (s[1] < rows[i].second_min || s[1] > rows[i].second_max)
            return 0;
        for (size_t k = 2; k < rows[i].length; k++) {
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        }
        return rows[i].length;
    }
    return 0;
}

/* One character; returns how many bytes it took. */
static size_t put_character(struct json *j, const unsigned char *s)
{
    size_t n = utf8_length(s);
    char escaped[8];
    if (n == 0) {
        put_text(j, "\xef\xbf\xbd");
        return 1;
    }
    if (*s == '"' || *s == '\\') {
        escaped[0] = '\\';
        escaped[1] = (char)*s;
        put(j, escaped, 2);
    } else if (*s < 0x20) {
        (void)snprintf(escaped, sizeof(escaped), "\\u%04x", *s);
        put_text(j, escaped);
    } else {
        put(j, (const char *)s, n);
    }
    return n;
}

static void put_string(struct json *j, const char *text)
{
    put_text(j, "\"");
    for (const unsigned char *s = (const unsigned char *)text; *s != '\0';)
        s += put_character(j, s);
    put_text(j, "\"");
}

static void start_value(struct json *j, const char *key)
{
    if (j->needs_comma)
        put_text(j, ",");
    j->needs_comma = true;
    if (key == NULL)
        return;
    put_string(j, key);
    put_text(j, ":");
}

void json_object(struct json *json, const char *key)
{
    start_value(json, key);
    put_text(json, "{");
    json->needs_comma = false;
}

void json_array(struct json *json, const char *key)
{
    start_value(json, key);
    put_text(json, "[");
    json->needs_comma = false;
}

void json_end(struct json *json, char bracket)
{
    put(json, &bracket, 1);
    json->needs_comma = true;
}

void json_text(struct json *json, const char *key, const char *text)
{
    start_value(json, key);
    put_string(json, text);
}

void json_raw(struct json *json, const char *key, const char *value)
{
    start_value(json, key);
    put_text(json, value);
}

void json_integer(struct json *json, const char *key, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    start_value(json, key);
    put_text(json, text);
}

void json_boolean(struct json *json, const char *key, bool value)
{
    start_value(json, key);
    put_text(json, value ? "true" : "false");
}

void json_number(struct json *json, const char *key, double value)
{
    char text[352]; /* the largest double has 309 digits */
    int n = snprintf(text, sizeof(text), "%.9f", value);
    while (n > 0 && text[n - 1] == '0')
        text[--n] = '\0';
    if (n > 0 && text[n - 1] == '.')
        text[--n] = '\0';
    start_value(json, key);
    put_text(json, strcmp(text, "-0") == 0 ? "0" : text);
}

char *json_take(struct json *json, size_t *nbytes)
{
    char *text = NULL;
    if (reserve(json, 1)) {
        text = json->text;
        text[json->used] = '\0';
        if (nbytes != NULL)
            *nbytes = json->used;
    } else {
        free(json->text);
    }
    *json = (struct json){0};
    return text;
}
