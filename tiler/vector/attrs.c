#include "tiler/vector/attrs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xxhash.h>

/* Recently met sets by hash. A newer one takes the older one's place. */
enum { RECENT_LOG2 = 14, RECENT = 1 << RECENT_LOG2 };

struct recent {
    XXH128_hash_t hash;
    uint64_t ref_plus_1; /* 0: empty */
};

struct attrs {
    struct temp_file file;
    const uint8_t *map; /* NULL until sealed, or when nothing is stored */
    size_t map_nbytes;
    struct recent recent[RECENT];
};

static void put_key(struct bytes *set, uint32_t key, enum attr_type type)
{
    bytes_put_varint(set, key);
    bytes_put_u8(set, (uint8_t)type);
}

void attrs_put_string(struct bytes *set, uint32_t key, const char *s, size_t n)
{
    put_key(set, key, ATTR_STRING);
    bytes_put_varint(set, n);
    bytes_put(set, s, n);
}

/* Length of the well-formed UTF-8 character at `at`, 0 if there is none.
 * Unicode 15, table 3-7. */
static size_t utf8_length(const uint8_t *at)
{
    uint8_t lead = at[0];
    if (lead < 0x80)
        return 1;
    size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    }
    return n;
}

static bool is_utf8(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    while (*at != 0) {
        size_t n = utf8_length(at);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

bool attrs_put_text(struct bytes *set, uint32_t key, const char *text)
{
    if (is_utf8(text)) {
        attrs_put_string(set, key, text, strlen(text));
        return false;
    }
    size_t n = 0;
    const uint8_t *from = (const uint8_t *)text;
    for (const uint8_t *at = from; *at != 0; at++)
        n += *at < 0x80 ? 1 : 2;
    put_key(set, key, ATTR_STRING);
    bytes_put_varint(set, n);
    for (const uint8_t *at = from; *at != 0; at++) {
        if (*at >= 0x80)
            bytes_put_u8(set, (uint8_t)(0xc0 | *at >> 6));
        bytes_put_u8(set, *at < 0x80 ? *at : (uint8_t)(0x80 | (*at & 0x3f)));
    }
    return true;
}

void attrs_put_float(struct bytes *set, uint32_t key, float v)
{
    put_key(set, key, ATTR_FLOAT);
    bytes_put_f32(set, v);
}

void attrs_put_double(struct bytes *set, uint32_t key, double v)
{
    put_key(set, key, ATTR_DOUBLE);
    bytes_put_f64(set, v);
}

void attrs_put_integer(struct bytes *set, uint32_t key, int64_t v)
{
    if (v >= 0) {
        attrs_put_unsigned(set, key, (uint64_t)v);
        return;
    }
    put_key(set, key, ATTR_INT);
    bytes_put_signed(set, v);
}

void attrs_put_unsigned(struct bytes *set, uint32_t key, uint64_t v)
{
    put_key(set, key, ATTR_UINT);
    bytes_put_varint(set, v);
}

void attrs_put_bool(struct bytes *set, uint32_t key, bool v)
{
    put_key(set, key, ATTR_BOOL);
    bytes_put_u8(set, v ? 1 : 0);
}

static void read_string(struct cursor *set, struct attr *out)
{
    uint64_t n = cursor_varint(set);
    const uint8_t *ptr = n > SIZE_MAX ? NULL : cursor_take(set, (size_t)n);
    out->value.string.ptr = ptr == NULL ? "" : (const char *)ptr;
    out->value.string.len = ptr == NULL ? 0 : (size_t)n;
}

bool attrs_next(struct cursor *set, struct attr *out)
{
    if (set->bad || set->at >= set->end)
        return false;
    out->key = (uint32_t)cursor_varint(set);
    out->type = (enum attr_type)cursor_u8(set);
    switch (out->type) {
    case ATTR_STRING:
        read_string(set, out);
        break;
    case ATTR_FLOAT:
        out->value.f32 = cursor_f32(set);
        break;
    case ATTR_DOUBLE:
        out->value.f64 = cursor_f64(set);
        break;
    case ATTR_INT:
        out->value.i64 = cursor_signed(set);
        break;
    case ATTR_UINT:
        out->value.u64 = cursor_varint(set);
        break;
    case ATTR_BOOL:
        out->value.truth = cursor_u8(set) != 0;
        break;
    default:
        set->bad = true;
    }
    return !set->bad;
}

enum ibx_status attrs_open(struct temp_space *space, struct attrs **out,
                           struct ibx_err *err)
{
    struct attrs *attrs = calloc(1, sizeof *attrs);
    if (attrs == NULL)
        return err_nomem(err);
    enum ibx_status status = temp_open(&attrs->file, space, err);
    if (status != IBX_OK) {
        free(attrs);
        return status;
    }
    *out = attrs;
    return IBX_OK;
}

void attrs_close(struct attrs *attrs)
{
    if (attrs == NULL)
        return;
    if (attrs->map != NULL)
        munmap((void *)(uintptr_t)attrs->map, attrs->map_nbytes);
    temp_close(&attrs->file);
    free(attrs);
}

enum ibx_status attrs_add(struct attrs *attrs, const struct bytes *set,
                          uint64_t *ref, struct ibx_err *err)
{
    if (set->failed)
        return err_nomem(err);
    XXH128_hash_t hash = XXH3_128bits(set->ptr, set->len);
    struct recent *seen = &attrs->recent[hash.low64 & (RECENT - 1)];
    if (seen->ref_plus_1 != 0 && XXH128_isEqual(seen->hash, hash)) {
        *ref = seen->ref_plus_1 - 1;
        return IBX_OK;
    }
    *ref = attrs->file.nbytes;
    *seen = (struct recent){hash, *ref + 1};
    uint32_t len = (uint32_t)set->len;
    enum ibx_status status = temp_write(&attrs->file, &len, sizeof len, err);
    if (status == IBX_OK)
        status = temp_write(&attrs->file, set->ptr, set->len, err);
    return status;
}

enum ibx_status attrs_seal(struct attrs *attrs, struct ibx_err *err)
{
    enum ibx_status status = temp_flush(&attrs->file, err);
    if (status != IBX_OK || attrs->file.nbytes == 0)
        return status;
    void *map = mmap(NULL, (size_t)attrs->file.nbytes, PROT_READ, MAP_SHARED,
                     attrs->file.fd, 0);
    if (map == MAP_FAILED)
        return err_system(err, "cannot map the attributes");
    attrs->map = map;
    attrs->map_nbytes = (size_t)attrs->file.nbytes;
    return IBX_OK;
}

struct cursor attrs_get(const struct attrs *attrs, uint64_t ref)
{
    uint32_t len = 0;
    if (ref > attrs->map_nbytes || attrs->map_nbytes - ref < sizeof len)
        return cursor_of(NULL, 0);
    memcpy(&len, attrs->map + ref, sizeof len);
    if (len > attrs->map_nbytes - ref - sizeof len)
        return cursor_of(NULL, 0);
    return cursor_of(attrs->map + ref + sizeof len, len);
}
