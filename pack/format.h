/* format.h - the bytes of packs and manifests (docs/format.md sections 4-6):
 * the only place that knows an offset. Files are decoded field by field from
 * buffers; nothing here reads a file or allocates. */
#ifndef IBX_PACK_FORMAT_H
#define IBX_PACK_FORMAT_H

#include "pack/imbrex.h"

enum {
    IBX_HEADER_NBYTES = 4096, /* of packs and manifests alike */
    IBX_INDEX_ENTRY_NBYTES = 8,
    IBX_INDEX_NBYTES_MAX = 256 << 10,
    IBX_BLOB_HEADER_NBYTES = 16,
    IBX_BLOB_ALIGN = 16,
    IBX_PAGE_NBYTES = 4096, /* of a manifest, its hash included */
    IBX_PAGE_PAYLOAD_NBYTES = IBX_PAGE_NBYTES - 8,
    IBX_FIRST_IDS_PER_PAGE = IBX_PAGE_PAYLOAD_NBYTES / 8,
    IBX_RECORD_NBYTES = 88,
    IBX_RECORDS_PER_PAGE = IBX_PAGE_PAYLOAD_NBYTES / IBX_RECORD_NBYTES,
    IBX_NTEXTS = 3, /* as enum ibx_text */
};

/* ---- pack -------------------------------------------------------------- */

struct ibx_pack_header {
    uint64_t first_id, last_id; /* inclusive, less than 2^32 apart */
    uint64_t entry_count, tile_count, blob_count;
    uint64_t data_off, data_nbytes;
    uint64_t index_hash; /* XXH3-64 of the index */
    uint32_t flags;      /* IBX_PACK_* */
};

/* Writes all IBX_HEADER_NBYTES, checksum included. */
void ibx_pack_header_encode(const struct ibx_pack_header *header,
                            uint8_t out[IBX_HEADER_NBYTES]);

/* Checks everything the header says against itself and against a file of
 * `file_nbytes`. IBX_OK, ERR_CORRUPT or ERR_UNSUPPORTED; *why is a constant
 * text on failure. */
enum ibx_status ibx_pack_header_decode(const uint8_t bytes[IBX_HEADER_NBYTES],
                                       uint64_t file_nbytes,
                                       struct ibx_pack_header *out,
                                       const char **why);

/* One index entry: from this id up to the next entry's. Place 0 is a hole. */
struct ibx_index_entry {
    uint32_t rel_id, place;
};

/* Decodes `header->entry_count` entries from `bytes` and checks rules 4.6 to
 * 4.9. `bytes` and `out` may be the same memory. NULL when all hold, else a
 * constant text. */
const char *ibx_index_decode(const struct ibx_pack_header *header,
                             const uint8_t *bytes, struct ibx_index_entry *out);

/* Bytes from the data section's start to blob `place`, which is not 0. */
static inline uint64_t ibx_place_off(uint32_t place)
{
    return (uint64_t)(place - 1) * IBX_BLOB_ALIGN;
}

/* What stands before a payload: its XXH3-64 over the rest of the blob, its
 * length and its flags. */
struct ibx_blob_header {
    uint64_t hash;
    uint32_t nbytes;
    uint32_t flags; /* format, encoding << 8, empty << 16 */
};

enum { IBX_BLOB_EMPTY = 1 << 16 };

uint32_t ibx_blob_flags(enum ibx_format format, enum ibx_encoding encoding,
                        bool empty);
void ibx_blob_header_encode(const struct ibx_blob_header *header,
                            uint8_t out[IBX_BLOB_HEADER_NBYTES]);
struct ibx_blob_header ibx_blob_header_decode(
    const uint8_t bytes[IBX_BLOB_HEADER_NBYTES]);

/* The hash that belongs to `nbytes` of payload standing right behind its
 * encoded header at `blob` (the hash field itself is not read). */
uint64_t ibx_blob_hash(const uint8_t *blob, uint32_t nbytes);

/* NULL when the flags have a meaning in this version, else a constant text. */
const char *ibx_blob_header_check(const struct ibx_blob_header *header);

struct ibx_tile_facts ibx_blob_facts(const struct ibx_blob_header *header);

/* ---- manifest ---------------------------------------------------------- */

struct ibx_section {
    uint64_t page;   /* the number of its first page */
    uint64_t nbytes; /* payload */
};

struct ibx_manifest_header {
    uint64_t npacks;
    uint64_t file_nbytes;
    uint64_t first_ids_page, records_page;
    struct ibx_section texts[IBX_NTEXTS];
    uint8_t min_zoom, max_zoom;
    uint16_t tile_px;
    uint32_t format_bits;
    uint64_t tile_count, blob_count;
    uint64_t pack_nbytes, payload_nbytes, largest_tile_nbytes;
    uint64_t pack_nbytes_cap; /* largest pack size that was asked for */
    int64_t source_date_epoch;
};

/* Pages that `nbytes` of payload take. */
uint64_t ibx_pages_of(uint64_t nbytes);

/* Derives the page numbers and file_nbytes from npacks and the texts' nbytes.
 */
void ibx_manifest_lay_out(struct ibx_manifest_header *header);

void ibx_manifest_header_encode(const struct ibx_manifest_header *header,
                                uint8_t out[IBX_HEADER_NBYTES]);
enum ibx_status ibx_manifest_header_decode(
    const uint8_t bytes[IBX_HEADER_NBYTES], uint64_t file_nbytes,
    struct ibx_manifest_header *out, const char **why);

/* Puts the checksum of page `number` behind its payload; and checks it. */
void ibx_page_seal(uint8_t page[IBX_PAGE_NBYTES], uint64_t number);
bool ibx_page_is_sealed(const uint8_t page[IBX_PAGE_NBYTES], uint64_t number);

/* A pack's record; first_id stands in another section and is not touched. */
void ibx_record_encode(const struct ibx_pack_info *info,
                       uint8_t out[IBX_RECORD_NBYTES]);
void ibx_record_decode(const uint8_t bytes[IBX_RECORD_NBYTES],
                       struct ibx_pack_info *out);

/* ---- names ------------------------------------------------------------- */

enum { IBX_PACK_NAME_NBYTES = sizeof "packs/00/" + 64 + sizeof ".ibx" };

/* "packs/ab/<64 hex>.ibx", terminated. */
void ibx_pack_name(const uint8_t sha256[IBX_SHA256_NBYTES],
                   char out[IBX_PACK_NAME_NBYTES]);

/* True when `name` is "manifest-<16 hex>.ibm"; then the digits are copied. */
bool ibx_manifest_name_parse(const char *name, size_t name_nbytes,
                             char generation[IBX_GENERATION_NCHARS + 1]);

#endif
