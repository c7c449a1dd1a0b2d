/* record.h - what is remembered of a tile between adding and packing: its
 * addresses, and where its blob stands in the spool. */
#ifndef IBX_PACK_WRITER_RECORD_H
#define IBX_PACK_WRITER_RECORD_H

#include <stdint.h>

struct ibx_record {
    uint64_t first_id, count;
    uint64_t spool_off; /* of the blob, its header included */
    uint64_t hash;
    uint32_t nbytes; /* of the payload */
    uint32_t flags;
};

#endif
