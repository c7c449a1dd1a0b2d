#include "tiler/convert/proto.h"

bool proto_varint(struct bytes *b, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < b->len && i < 10; i++) {
        v |= (uint64_t)(b->ptr[i] & 0x7f) << (7 * i);
        if (b->ptr[i] < 0x80) {
            b->ptr += i + 1;
            b->len -= i + 1;
            *out = v;
            return true;
        }
    }
    return false;
}

static bool take(struct bytes *b, size_t nbytes, struct bytes *out)
{
    if (nbytes > b->len)
        return false;
    *out = (struct bytes){b->ptr, nbytes};
    b->ptr += nbytes;
    b->len -= nbytes;
    return true;
}

static bool take_value(struct bytes *b, struct proto_field *field)
{
    uint64_t nbytes;
    switch (field->wire) {
    case PROTO_VARINT:
        return proto_varint(b, &field->value);
    case PROTO_BYTES:
        return proto_varint(b, &nbytes) && nbytes <= b->len &&
               take(b, (size_t)nbytes, &field->bytes);
    case PROTO_FIXED64:
        if (!take(b, 8, &field->bytes))
            return false;
        field->value = get_u64le(field->bytes.ptr);
        return true;
    case PROTO_FIXED32:
        if (!take(b, 4, &field->bytes))
            return false;
        field->value = get_u32le(field->bytes.ptr);
        return true;
    }
    return false;
}

enum ibx_status proto_next(struct bytes *message, struct proto_field *out)
{
    struct bytes at = *message;
    uint64_t key;
    if (at.len == 0)
        return IBX_NOT_FOUND;
    *out = (struct proto_field){0};
    if (!proto_varint(&at, &key) || key >> 3 == 0 || key >> 3 > 536870911)
        return IBX_ERR_CORRUPT;
    out->number = (uint32_t)(key >> 3);
    out->wire = (enum proto_wire)(key & 7);
    if (!take_value(&at, out))
        return IBX_ERR_CORRUPT;
    out->whole = (struct bytes){message->ptr, message->len - at.len};
    *message = at;
    return IBX_OK;
}

void proto_put_varint(struct buf *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;
    for (; value > 0x7f; value >>= 7)
        bytes[n++] = (uint8_t)(value | 0x80);
    bytes[n++] = (uint8_t)value;
    buf_put(out, bytes, n);
}

void proto_put_number(struct buf *out, uint32_t field, uint64_t value)
{
    proto_put_varint(out, (uint64_t)field << 3 | PROTO_VARINT);
    proto_put_varint(out, value);
}

void proto_put_bytes(struct buf *out, uint32_t field, struct bytes bytes)
{
    proto_put_varint(out, (uint64_t)field << 3 | PROTO_BYTES);
    proto_put_varint(out, bytes.len);
    buf_put(out, bytes.ptr, bytes.len);
}
