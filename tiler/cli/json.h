/* json.h - writes JSON text into memory.
 *
 * Commas are set by themselves; the caller closes what it opens. A failed
 * allocation is remembered, and json_take() then returns NULL.
 *
 *     struct json j = {0};
 *     json_object(&j, NULL);
 *     json_text(&j, "name", name);
 *     json_array(&j, "bounds");
 *     json_number(&j, NULL, west);
 *     json_end(&j, ']');
 *     json_end(&j, '}');
 *     char *text = json_take(&j, NULL);
 */
#ifndef TILER_CLI_JSON_H
#define TILER_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
    char *text;
    size_t used, room;
    bool failed, needs_comma;
};

/* `key` is NULL in arrays and at the top. */
void json_object(struct json *json, const char *key);
void json_array(struct json *json, const char *key);
void json_end(struct json *json, char bracket);

/* Bytes that are not UTF-8 become U+FFFD. */
void json_text(struct json *json, const char *key, const char *text);
void json_integer(struct json *json, const char *key, uint64_t value);
void json_boolean(struct json *json, const char *key, bool value);

/* A value that is JSON already. */
void json_raw(struct json *json, const char *key, const char *value);

/* Finite; with up to 9 decimals, none of them a trailing zero. */
void json_number(struct json *json, const char *key, double value);

/* The text, terminated; free() it. *nbytes (where given) is its length. NULL
 * when memory ran out. Leaves *json empty. */
char *json_take(struct json *json, size_t *nbytes);

#endif
