/* proto.h - protobuf fields, one after the other. Pure. */
#ifndef IBX_CONVERT_PROTO_H
#define IBX_CONVERT_PROTO_H

#include "tiler/convert/buf.h"

enum proto_wire {
    PROTO_VARINT = 0,
    PROTO_FIXED64 = 1,
    PROTO_BYTES = 2,
    PROTO_FIXED32 = 5,
};

struct proto_field {
    uint32_t number;
    enum proto_wire wire;
    uint64_t value;     /* VARINT, and the bits of FIXED64 and FIXED32 */
    struct bytes bytes; /* BYTES */
    struct bytes whole; /* the field with its key */
};

/* The next field of a message; the message moves behind it. IBX_NOT_FOUND at
 * its end, IBX_ERR_CORRUPT when the bytes are no fields. */
IBX_MUST_CHECK enum ibx_status proto_next(struct bytes *message,
                                          struct proto_field *out);

/* Takes a varint off the front; false when there is none. */
bool proto_varint(struct bytes *bytes, uint64_t *out);

/* Appends a varint; a field of one; a field of bytes. */
void proto_put_varint(struct buf *out, uint64_t value);
void proto_put_number(struct buf *out, uint32_t field, uint64_t value);
void proto_put_bytes(struct buf *out, uint32_t field, struct bytes bytes);

static inline int64_t proto_zigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

#endif
