/* Any bytes as a pack. The first byte says whether the checksums of header and
 * index are made to fit, without which nothing behind them would be reached. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "pack/bytes.h"
#include "pack/format.h"
#include "tests/fuzz/sandbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void reseal(uint8_t *pack, size_t nbytes)
{
    uint64_t entries = ibx_get_u64(pack + 40);
    if (entries <= (nbytes - IBX_HEADER_NBYTES) / IBX_INDEX_ENTRY_NBYTES)
        ibx_put_u64(pack + 80,
                    XXH3_64bits(pack + IBX_HEADER_NBYTES,
                                (size_t)entries * IBX_INDEX_ENTRY_NBYTES));
    ibx_put_u64(pack + IBX_HEADER_NBYTES - 8,
                XXH3_64bits(pack, IBX_HEADER_NBYTES - 8));
}

/* A manifest that names the pack with the interval the pack itself claims. */
static void write_manifest(const struct sandbox *box, const uint8_t *pack,
                           size_t nbytes)
{
    uint8_t bytes[3 * IBX_PAGE_NBYTES] = {0};
    struct ibx_manifest_header header = {.npacks = 1, .max_zoom = 30};
    struct ibx_pack_info info = {
        .first_id = ibx_get_u64(pack + 24),
        .last_id = ibx_get_u64(pack + 32),
        .file_nbytes = nbytes,
        .flags = ibx_get_u32(pack + 88),
    };
    ibx_manifest_lay_out(&header);
    ibx_manifest_header_encode(&header, bytes);
    ibx_put_u64(bytes + IBX_PAGE_NBYTES, info.first_id);
    ibx_page_seal(bytes + IBX_PAGE_NBYTES, 1);
    ibx_record_encode(&info, bytes + 2 * (size_t)IBX_PAGE_NBYTES);
    ibx_page_seal(bytes + 2 * (size_t)IBX_PAGE_NBYTES, 2);
    sandbox_write(box->manifest, bytes, sizeof bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    if (nbytes < 1 + IBX_HEADER_NBYTES)
        return 0;
    struct sandbox *box = sandbox();
    size_t pack_nbytes = nbytes - 1;
    uint8_t *pack = malloc(pack_nbytes);
    if (!pack)
        return 0;
    memcpy(pack, data + 1, pack_nbytes);
    if (data[0] % 2 != 0)
        reseal(pack, pack_nbytes);
    sandbox_write(box->pack, pack, pack_nbytes);
    write_manifest(box, pack, pack_nbytes);
    uint64_t first_id = ibx_get_u64(pack + 24);
    uint64_t last_id = ibx_get_u64(pack + 32);
    uint64_t ids[] = {first_id, first_id + 1, first_id + data[0] / 2,
                      first_id + (last_id - first_id) / 2, last_id};
    sandbox_read(ids, sizeof ids / sizeof ids[0]);
    free(pack);
    return 0;
}
