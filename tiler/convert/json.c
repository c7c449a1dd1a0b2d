#include "tiler/convert/json.h"

#include <string.h>

struct scan {
    const char *at, *end;
    int depth;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct scan *s)
{
    while (s->at < s->end && is_space(*s->at))
        s->at++;
}

static bool eat(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool eat_digits(struct scan *s)
{
    const char *from = s->at;
    while (s->at < s->end && is_digit(*s->at))
        s->at++;
    return s->at > from;
}

static bool eat_number(struct scan *s)
{
    eat(s, '-');
    if (!eat(s, '0') && !eat_digits(s))
        return false;
    if (eat(s, '.') && !eat_digits(s))
        return false;
    if (eat(s, 'e') || eat(s, 'E')) {
        if (!eat(s, '+'))
            eat(s, '-');
        return eat_digits(s);
    }
    return true;
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool eat_escape(struct scan *s)
{
    if (s->at == s->end)
        return false;
    char c = *s->at++;
    if (c != 'u')
        return c != 0 && strchr("\"\\/bfnrt", c) != NULL;
    for (int i = 0; i < 4; i++, s->at++)
        if (s->at == s->end || hex_value(*s->at) < 0)
            return false;
    return true;
}

static bool eat_string(struct scan *s)
{
    if (!eat(s, '"'))
        return false;
    while (s->at < s->end) {
        char c = *s->at;
        if ((unsigned char)c < 0x20)
            return false;
        s->at++;
        if (c == '"')
            return true;
        if (c == '\\' && !eat_escape(s))
            return false;
    }
    return false;
}

static bool eat_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return false;
    s->at += len;
    return true;
}

static bool eat_value(struct scan *s);

static bool eat_member(struct scan *s, bool object)
{
    if (object) {
        skip_space(s);
        if (!eat_string(s))
            return false;
        skip_space(s);
        if (!eat(s, ':'))
            return false;
    }
    return eat_value(s);
}

/* An object or an array, whose opening is at hand. */
static bool eat_container(struct scan *s)
{
    bool object = *s->at++ == '{';
    char closing = object ? '}' : ']';
    if (++s->depth > JSON_MAX_DEPTH)
        return false;
    skip_space(s);
    if (!eat(s, closing)) {
        do {
            if (!eat_member(s, object))
                return false;
            skip_space(s);
        } while (eat(s, ','));
        if (!eat(s, closing))
            return false;
    }
    s->depth--;
    return true;
}

static bool eat_value(struct scan *s)
{
    skip_space(s);
    if (s->at == s->end)
        return false;
    switch (*s->at) {
    case '{':
    case '[':
        return eat_container(s);
    case '"':
        return eat_string(s);
    case 't':
        return eat_word(s, "true");
    case 'f':
        return eat_word(s, "false");
    case 'n':
        return eat_word(s, "null");
    default:
        return eat_number(s);
    }
}

/* Length of the UTF-8 character at `p`, or 0. RFC 3629 section 4. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong =
        (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] > 0x9f;
    bool beyond = p[0] == 0xf4 && p[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : len;
}

static size_t utf8_valid_prefix(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t step = utf8_length((const unsigned char *)text + at, len - at);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}

bool json_utf8_valid(const char *text, size_t len)
{
    return utf8_valid_prefix(text, len) == len;
}

bool json_valid(const char *text, size_t len, size_t *bad_at)
{
    size_t utf8 = utf8_valid_prefix(text, len);
    struct scan s = {.at = text, .end = text + utf8};
    bool good = eat_value(&s);
    skip_space(&s);
    if (bad_at != NULL)
        *bad_at = (size_t)(s.at - text);
    return good && s.at == text + len;
}

struct json_slice json_trim(const char *text, size_t len)
{
    while (len > 0 && is_space(text[0])) {
        text++;
        len--;
    }
    while (len > 0 && is_space(text[len - 1]))
        len--;
    return (struct json_slice){text, len};
}

void json_begin(struct json_slice container, struct json_cursor *cursor)
{
    struct json_slice c = json_trim(container.ptr, container.len);
    bool walkable = json_is(c, '{') || json_is(c, '[');
    cursor->object = json_is(c, '{');
    cursor->at = walkable ? c.ptr + 1 : c.ptr;
    cursor->end = walkable ? c.ptr + c.len - 1 : c.ptr;
}

bool json_next(struct json_cursor *cursor, struct json_member *out)
{
    struct scan s = {.at = cursor->at, .end = cursor->end};
    skip_space(&s);
    eat(&s, ',');
    skip_space(&s);
    if (s.at == s.end)
        return false;
    *out = (struct json_member){0};
    if (cursor->object) {
        out->key.ptr = s.at;
        if (!eat_string(&s))
            return false;
        out->key.len = (size_t)(s.at - out->key.ptr);
        skip_space(&s);
        eat(&s, ':');
        skip_space(&s);
    }
    out->value.ptr = s.at;
    if (!eat_value(&s))
        return false;
    out->value.len = (size_t)(s.at - out->value.ptr);
    cursor->at = s.at;
    return true;
}

bool json_get(struct json_slice object, const char *key, struct json_slice *out)
{
    struct json_cursor cursor;
    struct json_member member;
    bool found = false;
    json_begin(object, &cursor);
    while (cursor.object && json_next(&cursor, &member)) {
        if (!json_string_is(member.key, key))
            continue;
        *out = member.value;
        found = true;
    }
    return found;
}

static void put_utf8(struct buf *out, uint32_t c)
{
    uint8_t b[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 0; c >>= 6)
        b[i] = (uint8_t)(i == 0 ? lead[n] | c : 0x80 | (c & 0x3f));
    buf_put(out, b, n);
}

static uint32_t four_hex(const char *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 4 | (uint32_t)hex_value(p[i]);
    return v;
}

/* The \u escape whose `u` is at `p`; returns the bytes used up. */
static size_t unescape_unicode(const char *p, const char *end, struct buf *out)
{
    uint32_t c = four_hex(p + 1);
    if (c < 0xd800 || c > 0xdfff) {
        put_utf8(out, c);
        return 5;
    }
    bool pair = c < 0xdc00 && end - p >= 11 && p[5] == '\\' && p[6] == 'u';
    uint32_t low = pair ? four_hex(p + 7) : 0;
    if (low < 0xdc00 || low > 0xdfff) {
        put_utf8(out, 0xfffd);
        return 5;
    }
    put_utf8(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
    return 11;
}

void json_unescape(struct json_slice raw, struct buf *out)
{
    static const char codes[] = "bfnrt", meaning[] = "\b\f\n\r\t";
    const char *p = raw.ptr + 1, *end = raw.ptr + raw.len - 1;
    while (p < end) {
        const char *plain = p;
        while (p < end && *p != '\\')
            p++;
        buf_put(out, plain, (size_t)(p - plain));
        if (p == end)
            break;
        p++;
        if (*p == 'u') {
            p += unescape_unicode(p, end, out);
            continue;
        }
        const char *code = strchr(codes, *p);
        buf_put(out, code == NULL ? p : &meaning[code - codes], 1);
        p++;
    }
}

bool json_string_is(struct json_slice raw, const char *text)
{
    size_t len = strlen(text);
    if (raw.len == len + 2 && memcmp(raw.ptr + 1, text, len) == 0)
        return true;
    if (raw.len <= len + 2 || memchr(raw.ptr, '\\', raw.len) == NULL)
        return false;
    struct buf plain = {0};
    json_unescape(raw, &plain);
    bool same =
        !plain.failed && plain.len == len && memcmp(plain.ptr, text, len) == 0;
    buf_free(&plain);
    return same;
}

void json_put_string(struct buf *out, const char *text, size_t len)
{
    buf_puts(out, "\"");
    size_t from = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_put(out, text + from, i - from);
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_puts(out, "\\n");
        else
            buf_printf(out, "\\u%04x", (unsigned)c);
        from = i + 1;
    }
    if (len > from) /* `text` may be NULL when there is none */
        buf_put(out, text + from, len - from);
    buf_puts(out, "\"");
}
