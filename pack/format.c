#include "pack/format.h"

#include <string.h>
#include <xxhash.h>

#include "pack/bytes.h"

enum {
    HASH_OFF = IBX_HEADER_NBYTES - 8, /* in both headers */
    VERSION = 1,
    KNOWN_INCOMPATIBLE = 0, /* feature bits this reader understands */
};

/* The first byte is not ASCII and the last two are a CRLF that text-mode
 * copies mangle, so that a file damaged that way is not even opened. */
static const uint8_t pack_magic[8] = {0x89, 'I', 'B',  'X',
                                      'P',  'K', '\r', '\n'};
static const uint8_t manifest_magic[8] = {0x89, 'I', 'B',  'X',
                                          'M',  'F', '\r', '\n'};

static void start_header(uint8_t *out, const uint8_t magic[8])
{
    memset(out, 0, IBX_HEADER_NBYTES);
    memcpy(out, magic, 8);
    ibx_put_u32(out + 8, VERSION);
}

static void seal_header(uint8_t *out)
{
    ibx_put_u64(out + HASH_OFF, XXH3_64bits(out, HASH_OFF));
}

static enum ibx_status check_start(const uint8_t *bytes, const uint8_t magic[8],
                                   const char **why)
{
    if (memcmp(bytes, magic, 8) != 0) {
        *why = "wrong magic: not an Imbrex file of this kind";
        return IBX_ERR_CORRUPT;
    }
    if (ibx_get_u64(bytes + HASH_OFF) != XXH3_64bits(bytes, HASH_OFF)) {
        *why = "the header's checksum does not match";
        return IBX_ERR_CORRUPT;
    }
    if (ibx_get_u32(bytes + 8) != VERSION ||
        (ibx_get_u32(bytes + 12) & ~(uint32_t)KNOWN_INCOMPATIBLE) != 0) {
        *why = "written by a newer version: upgrade to read it";
        return IBX_ERR_UNSUPPORTED;
    }
    return IBX_OK;
}

void ibx_pack_header_encode(const struct ibx_pack_header *header,
                            uint8_t out[IBX_HEADER_NBYTES])
{
    start_header(out, pack_magic);
    ibx_put_u64(out + 24, header->first_id);
    ibx_put_u64(out + 32, header->last_id);
    ibx_put_u64(out + 40, header->entry_count);
    ibx_put_u64(out + 48, header->tile_count);
    ibx_put_u64(out + 56, header->blob_count);
    ibx_put_u64(out + 64, header->data_off);
    ibx_put_u64(out + 72, header->data_nbytes);
    ibx_put_u64(out + 80, header->index_hash);
    ibx_put_u32(out + 88, header->flags);
    seal_header(out);
}

static const char *pack_contradiction(const struct ibx_pack_header *h,
                                      uint64_t file_nbytes)
{
    if (h->first_id > h->last_id || h->last_id - h->first_id > UINT32_MAX ||
        h->last_id >= ibx_zoom_first_id(IBX_MAX_ZOOM + 1))
        return "its range of tile ids is impossible";
    if (h->entry_count == 0 ||
        h->entry_count > IBX_INDEX_NBYTES_MAX / IBX_INDEX_ENTRY_NBYTES)
        return "its index is empty or too large";
    uint64_t index_end =
        IBX_HEADER_NBYTES + h->entry_count * IBX_INDEX_ENTRY_NBYTES;
    if (h->data_off != ibx_align(index_end, IBX_BLOB_ALIGN))
        return "its data does not start behind its index";
    if (!ibx_span_fits(h->data_off, h->data_nbytes, file_nbytes) ||
        h->data_off + h->data_nbytes != file_nbytes)
        return "its length is not what its header says: cut short or padded";
    return NULL;
}

enum ibx_status ibx_pack_header_decode(const uint8_t bytes[IBX_HEADER_NBYTES],
                                       uint64_t file_nbytes,
                                       struct ibx_pack_header *out,
                                       const char **why)
{
    enum ibx_status st = check_start(bytes, pack_magic, why);
    if (st != IBX_OK)
        return st;
    struct ibx_pack_header header = {
        .first_id = ibx_get_u64(bytes + 24),
        .last_id = ibx_get_u64(bytes + 32),
        .entry_count = ibx_get_u64(bytes + 40),
        .tile_count = ibx_get_u64(bytes + 48),
        .blob_count = ibx_get_u64(bytes + 56),
        .data_off = ibx_get_u64(bytes + 64),
        .data_nbytes = ibx_get_u64(bytes + 72),
        .index_hash = ibx_get_u64(bytes + 80),
        .flags = ibx_get_u32(bytes + 88),
    };
    const char *contradiction = pack_contradiction(&header, file_nbytes);
    if (contradiction) {
        *why = contradiction;
        return IBX_ERR_CORRUPT;
    }
    *out = header;
    return IBX_OK;
}

static const char *entry_contradiction(const struct ibx_pack_header *header,
                                       struct ibx_index_entry entry)
{
    if (entry.rel_id > header->last_id - header->first_id)
        return "an index entry lies behind the pack's last id";
    if (entry.place != 0 &&
        !ibx_span_fits(ibx_place_off(entry.place), IBX_BLOB_HEADER_NBYTES,
                       header->data_nbytes))
        return "an index entry points behind the end of the data";
    return NULL;
}

const char *ibx_index_decode(const struct ibx_pack_header *header,
                             const uint8_t *bytes, struct ibx_index_entry *out)
{
    size_t nbytes = (size_t)header->entry_count * IBX_INDEX_ENTRY_NBYTES;
    if (XXH3_64bits(bytes, nbytes) != header->index_hash)
        return "the index's checksum does not match";
    for (uint64_t i = 0; i < header->entry_count; i++) {
        const uint8_t *from = bytes + i * IBX_INDEX_ENTRY_NBYTES;
        struct ibx_index_entry entry = {ibx_get_u32(from),
                                        ibx_get_u32(from + 4)};
        const char *why = entry_contradiction(header, entry);
        if (why)
            return why;
        if (i == 0 ? entry.rel_id != 0 : entry.rel_id <= out[i - 1].rel_id)
            return "the index is not in ascending order from the first id";
        out[i] = entry;
    }
    return NULL;
}

uint32_t ibx_blob_flags(enum ibx_format format, enum ibx_encoding encoding,
                        bool empty)
{
    return (uint32_t)format | (uint32_t)encoding << 8 |
           (empty ? (uint32_t)IBX_BLOB_EMPTY : 0);
}

void ibx_blob_header_encode(const struct ibx_blob_header *header,
                            uint8_t out[IBX_BLOB_HEADER_NBYTES])
{
    ibx_put_u64(out, header->hash);
    ibx_put_u32(out + 8, header->nbytes);
    ibx_put_u32(out + 12, header->flags);
}

struct ibx_blob_header ibx_blob_header_decode(
    const uint8_t bytes[IBX_BLOB_HEADER_NBYTES])
{
    return (struct ibx_blob_header){
        .hash = ibx_get_u64(bytes),
        .nbytes = ibx_get_u32(bytes + 8),
        .flags = ibx_get_u32(bytes + 12),
    };
}

uint64_t ibx_blob_hash(const uint8_t *blob, uint32_t nbytes)
{
    return XXH3_64bits(blob + 8, (size_t)nbytes + 8);
}

const char *ibx_blob_header_check(const struct ibx_blob_header *header)
{
    if (header->flags >> 17 != 0 ||
        (header->flags >> 8 & 0xff) > IBX_ENCODING_ZSTD)
        return "a tile's flags have no meaning";
    if ((header->nbytes == 0) != ((header->flags & IBX_BLOB_EMPTY) != 0))
        return "a tile's length and its empty flag contradict each other";
    return NULL;
}

struct ibx_tile_facts ibx_blob_facts(const struct ibx_blob_header *header)
{
    return (struct ibx_tile_facts){
        .hash = header->hash,
        .nbytes = header->nbytes,
        .format = (enum ibx_format)(header->flags & 0xff),
        .encoding = (enum ibx_encoding)(header->flags >> 8 & 0xff),
    };
}

static char hex_digit(unsigned nibble)
{
    return "0123456789abcdef"[nibble & 15];
}

void ibx_pack_name(const uint8_t sha256[IBX_SHA256_NBYTES],
                   char out[IBX_PACK_NAME_NBYTES])
{
    char *to = out;
    memcpy(to, "packs/", 6);
    to += 6;
    *to++ = hex_digit(sha256[0] >> 4);
    *to++ = hex_digit(sha256[0]);
    *to++ = '/';
    for (int i = 0; i < IBX_SHA256_NBYTES; i++) {
        *to++ = hex_digit(sha256[i] >> 4);
        *to++ = hex_digit(sha256[i]);
    }
    memcpy(to, ".ibx", sizeof ".ibx");
}

bool ibx_manifest_name_parse(const char *name, size_t name_nbytes,
                             char generation[IBX_GENERATION_NCHARS + 1])
{
    static const char before[] = "manifest-";
    static const char after[] = ".ibm";
    size_t skip = sizeof before - 1;
    if (name_nbytes != skip + IBX_GENERATION_NCHARS + sizeof after - 1 ||
        memcmp(name, before, skip) != 0 ||
        memcmp(name + skip + IBX_GENERATION_NCHARS, after, sizeof after - 1) !=
            0)
        return false;
    for (size_t i = 0; i < IBX_GENERATION_NCHARS; i++) {
        char c = name[skip + i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    memcpy(generation, name + skip, IBX_GENERATION_NCHARS);
    generation[IBX_GENERATION_NCHARS] = '\0';
    return true;
}

void ibx_record_encode(const struct ibx_pack_info *info,
                       uint8_t out[IBX_RECORD_NBYTES])
{
    memset(out, 0, IBX_RECORD_NBYTES);
    ibx_put_u64(out, info->last_id);
    memcpy(out + 8, info->sha256, IBX_SHA256_NBYTES);
    ibx_put_u64(out + 40, info->file_nbytes);
    ibx_put_u64(out + 48, info->tile_count);
    ibx_put_u64(out + 56, info->blob_count);
    ibx_put_u64(out + 64, info->payload_nbytes);
    ibx_put_u32(out + 72, info->largest_tile_nbytes);
    ibx_put_u32(out + 76, info->format_bits);
    ibx_put_u32(out + 80, info->flags);
}

void ibx_record_decode(const uint8_t bytes[IBX_RECORD_NBYTES],
                       struct ibx_pack_info *out)
{
    out->last_id = ibx_get_u64(bytes);
    memcpy(out->sha256, bytes + 8, IBX_SHA256_NBYTES);
    out->file_nbytes = ibx_get_u64(bytes + 40);
    out->tile_count = ibx_get_u64(bytes + 48);
    out->blob_count = ibx_get_u64(bytes + 56);
    out->payload_nbytes = ibx_get_u64(bytes + 64);
    out->largest_tile_nbytes = ibx_get_u32(bytes + 72);
    out->format_bits = ibx_get_u32(bytes + 76);
    out->flags = ibx_get_u32(bytes + 80);
}

uint64_t ibx_pages_of(uint64_t nbytes)
{
    return nbytes / IBX_PAGE_PAYLOAD_NBYTES +
           (nbytes % IBX_PAGE_PAYLOAD_NBYTES != 0);
}

void ibx_manifest_lay_out(struct ibx_manifest_header *header)
{
    uint64_t page = 1;
    header->first_ids_page = page;
    page +=
        (header->npacks + IBX_FIRST_IDS_PER_PAGE - 1) / IBX_FIRST_IDS_PER_PAGE;
    header->records_page = page;
    page += (header->npacks + IBX_RECORDS_PER_PAGE - 1) / IBX_RECORDS_PER_PAGE;
    for (int i = 0; i < IBX_NTEXTS; i++) {
        header->texts[i].page = page;
        page += ibx_pages_of(header->texts[i].nbytes);
    }
    header->file_nbytes = page * IBX_PAGE_NBYTES;
}

void ibx_manifest_header_encode(const struct ibx_manifest_header *header,
                                uint8_t out[IBX_HEADER_NBYTES])
{
    start_header(out, manifest_magic);
    ibx_put_u64(out + 24, header->npacks);
    ibx_put_u64(out + 32, header->file_nbytes);
    ibx_put_u64(out + 40, header->first_ids_page);
    ibx_put_u64(out + 48, header->records_page);
    for (size_t i = 0; i < IBX_NTEXTS; i++) {
        ibx_put_u64(out + 56 + 16 * i, header->texts[i].page);
        ibx_put_u64(out + 64 + 16 * i, header->texts[i].nbytes);
    }
    /* 104..119 is kept for a signature's section: zero in this version. */
    out[120] = header->min_zoom;
    out[121] = header->max_zoom;
    ibx_put_u16(out + 122, header->tile_px);
    ibx_put_u32(out + 124, header->format_bits);
    ibx_put_u64(out + 128, header->tile_count);
    ibx_put_u64(out + 136, header->blob_count);
    ibx_put_u64(out + 144, header->pack_nbytes);
    ibx_put_u64(out + 152, header->payload_nbytes);
    ibx_put_u64(out + 160, header->largest_tile_nbytes);
    ibx_put_u64(out + 168, header->pack_nbytes_cap);
    ibx_put_u64(out + 176, (uint64_t)header->source_date_epoch);
    seal_header(out);
}

static const char *manifest_contradiction(const struct ibx_manifest_header *h,
                                          uint64_t file_nbytes)
{
    /* Bounds first, so that laying out below cannot overflow. */
    uint64_t most = file_nbytes;
    if (h->npacks > most / IBX_RECORD_NBYTES)
        return "it counts more packs than it has room for";
    struct ibx_manifest_header want = *h;
    for (int i = 0; i < IBX_NTEXTS; i++)
        if (h->texts[i].nbytes > most)
            return "one of its texts is longer than the file";
    ibx_manifest_lay_out(&want);
    if (want.file_nbytes != h->file_nbytes || h->file_nbytes != file_nbytes)
        return "its length is not what its header says: cut short or padded";
    if (want.records_page != h->records_page ||
        want.first_ids_page != h->first_ids_page)
        return "its sections are not where they belong";
    for (int i = 0; i < IBX_NTEXTS; i++)
        if (want.texts[i].page != h->texts[i].page)
            return "its sections are not where they belong";
    bool none = h->npacks == 0;
    if (none ? (h->min_zoom != 1 || h->max_zoom != 0)
             : (h->min_zoom > h->max_zoom || h->max_zoom > IBX_MAX_ZOOM))
        return "its zooms are impossible";
    return NULL;
}

static void manifest_fields(const uint8_t *bytes,
                            struct ibx_manifest_header *out)
{
    *out = (struct ibx_manifest_header){
        .npacks = ibx_get_u64(bytes + 24),
        .file_nbytes = ibx_get_u64(bytes + 32),
        .first_ids_page = ibx_get_u64(bytes + 40),
        .records_page = ibx_get_u64(bytes + 48),
        .min_zoom = bytes[120],
        .max_zoom = bytes[121],
        .tile_px = ibx_get_u16(bytes + 122),
        .format_bits = ibx_get_u32(bytes + 124),
        .tile_count = ibx_get_u64(bytes + 128),
        .blob_count = ibx_get_u64(bytes + 136),
        .pack_nbytes = ibx_get_u64(bytes + 144),
        .payload_nbytes = ibx_get_u64(bytes + 152),
        .largest_tile_nbytes = ibx_get_u64(bytes + 160),
        .pack_nbytes_cap = ibx_get_u64(bytes + 168),
        .source_date_epoch = (int64_t)ibx_get_u64(bytes + 176),
    };
    for (size_t i = 0; i < IBX_NTEXTS; i++) {
        out->texts[i].page = ibx_get_u64(bytes + 56 + 16 * i);
        out->texts[i].nbytes = ibx_get_u64(bytes + 64 + 16 * i);
    }
}

enum ibx_status ibx_manifest_header_decode(
    const uint8_t bytes[IBX_HEADER_NBYTES], uint64_t file_nbytes,
    struct ibx_manifest_header *out, const char **why)
{
    enum ibx_status st = check_start(bytes, manifest_magic, why);
    if (st != IBX_OK)
        return st;
    struct ibx_manifest_header header;
    manifest_fields(bytes, &header);
    const char *contradiction = manifest_contradiction(&header, file_nbytes);
    if (contradiction) {
        *why = contradiction;
        return IBX_ERR_CORRUPT;
    }
    *out = header;
    return IBX_OK;
}

void ibx_page_seal(uint8_t page[IBX_PAGE_NBYTES], uint64_t number)
{
    /* The page's number is the seed, so that a page read from another place
     * of the file does not pass for this one. */
    ibx_put_u64(page + IBX_PAGE_PAYLOAD_NBYTES,
                XXH3_64bits_withSeed(page, IBX_PAGE_PAYLOAD_NBYTES, number));
}

bool ibx_page_is_sealed(const uint8_t page[IBX_PAGE_NBYTES], uint64_t number)
{
    return ibx_get_u64(page + IBX_PAGE_PAYLOAD_NBYTES) ==
           XXH3_64bits_withSeed(page, IBX_PAGE_PAYLOAD_NBYTES, number);
}
