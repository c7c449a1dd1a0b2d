/* Any bytes as a manifest. The first byte says whether the checksums of header
 * and pages are made to fit, without which nothing behind them would be
 * reached. Its packs are missing, but for one that is no pack. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "pack/bytes.h"
#include "pack/format.h"
#include "tests/fuzz/sandbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void reseal(uint8_t *manifest, size_t nbytes)
{
    ibx_put_u64(manifest + IBX_HEADER_NBYTES - 8,
                XXH3_64bits(manifest, IBX_HEADER_NBYTES - 8));
    for (size_t page = 1; page < nbytes / IBX_PAGE_NBYTES; page++)
        ibx_page_seal(manifest + page * IBX_PAGE_NBYTES, page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    if (nbytes < 1 + IBX_HEADER_NBYTES)
        return 0;
    struct sandbox *box = sandbox();
    size_t manifest_nbytes = nbytes - 1;
    uint8_t *manifest = malloc(manifest_nbytes);
    if (!manifest)
        return 0;
    memcpy(manifest, data + 1, manifest_nbytes);
    if (data[0] % 2 != 0)
        reseal(manifest, manifest_nbytes);
    sandbox_write(box->manifest, manifest, manifest_nbytes);
    sandbox_write(box->pack, data, 1);
    uint64_t ids[] = {0, 9, UINT64_C(1) << (data[0] / 8 * 2), UINT64_MAX};
    sandbox_read(ids, sizeof ids / sizeof ids[0]);
    free(manifest);
    return 0;
}
