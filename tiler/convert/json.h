/* json.h - JSON text looked at without changing it.
 *
 * Metadata must survive conversion character by character, so members are
 * kept as slices of the original text instead of as parsed values. */
#ifndef IBX_CONVERT_JSON_H
#define IBX_CONVERT_JSON_H

#include "tiler/convert/buf.h"

/* Nesting beyond this is refused: no metadata needs it. */
enum { JSON_MAX_DEPTH = 128 };

/* Bytes of somebody else's text. Valid as long as that text is. */
struct json_slice {
    const char *ptr;
    size_t len;
};

/* True when `text` is exactly one JSON value (RFC 8259) in valid UTF-8,
 * nested at most JSON_MAX_DEPTH deep. Otherwise *bad_at (may be NULL) is the
 * offset of the first byte that cannot be right. */
bool json_valid(const char *text, size_t len, size_t *bad_at);

/* True when the bytes are well-formed UTF-8 (RFC 3629). */
bool json_utf8_valid(const char *text, size_t len);

/* One member of an object, or one element of an array (key.len is then 0).
 * Both are raw text; the key has its quotes. */
struct json_member {
    struct json_slice key, value;
};

/* Walks the members of an object or the elements of an array, in order.
 * The text must have passed json_valid(). Start with json_begin(); a value
 * that is neither has no members. */
struct json_cursor {
    const char *at, *end;
    bool object;
};

void json_begin(struct json_slice container, struct json_cursor *cursor);
bool json_next(struct json_cursor *cursor, struct json_member *out);

/* The raw value of member `key` of the object `object`, the last one when it
 * comes twice; false when there is none or it is no object. */
bool json_get(struct json_slice object, const char *key,
              struct json_slice *out);

/* True for the raw text of a string, an object, an array. */
static inline bool json_is(struct json_slice value, char opening)
{
    return value.len > 0 && value.ptr[0] == opening;
}

/* Appends the text that a raw string stands for. A lone surrogate becomes
 * U+FFFD. */
void json_unescape(struct json_slice raw, struct buf *out);

/* True when the raw string stands for exactly `text`. */
bool json_string_is(struct json_slice raw, const char *text);

/* Appends `text`, which must be UTF-8, as a JSON string. */
void json_put_string(struct buf *out, const char *text, size_t len);

/* `value` without white space around it. */
struct json_slice json_trim(const char *text, size_t len);

#endif
