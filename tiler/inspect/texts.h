/* texts.h - the JSON texts that a manifest carries. */
#ifndef TILER_INSPECT_TEXTS_H
#define TILER_INSPECT_TEXTS_H

#include <stdbool.h>

/* True for a JSON object, alone but for white space. */
bool text_is_object(const char *json);

/* The value of the top-level key `key` where it is a string; free() it. NULL
 * for anything else, and without memory. */
char *text_string(const char *json, const char *key);

/* True when the object has the top-level key. */
bool text_has_key(const char *json, const char *key);

#endif
