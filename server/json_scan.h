/* json_scan.h - walks over JSON text in place, without building a tree: a
 * tileset's TileJSON can be large and only few of its members are ours.
 *
 * It trusts nothing: broken text ends a walk early. It does not validate what
 * it skips. */
#ifndef IBX_SERVER_JSON_SCAN_H
#define IBX_SERVER_JSON_SCAN_H

#include <stdbool.h>

#include "server/text.h"

/* A place inside an object or a list. */
struct json_walk {
    struct span rest;
    bool object;
};

/* Steps into the object or list that `text` holds. False when it is neither. */
bool json_enter(struct span text, struct json_walk *out);

/* The next member or element; `key` is "" in a list, and otherwise the key's
 * text as written, without quotes. `value` is the value's text. False at the
 * end. */
bool json_next(struct json_walk *walk, struct span *key, struct span *value);

/* The value of a member of the object in `text`; empty when there is none. */
struct span json_member(struct span text, const char *key);

/* Unescapes a string value to UTF-8. False when `value` is no string or does
 * not fit; then out is "". */
bool json_string(struct span value, char *out, size_t nbytes);

/* Reads a list of exactly `n` numbers. */
bool json_numbers(struct span value, double *out, size_t n);

#endif
