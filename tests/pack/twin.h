/* twin.h - the packs' boundaries by docs/format.md section 3, written down as
 * it reads: recursive, over a plain array, with costs counted anew each time.
 * Slow and simple, to compare the writer with. */
#ifndef IBX_TESTS_PACK_TWIN_H
#define IBX_TESTS_PACK_TWIN_H

#include "tests/pack/support.h"

struct twin_pack {
    uint64_t first_id, last_id;
    uint64_t nbytes; /* of the file */
    uint64_t nblobs, ntiles;
};

/* `runs` in id order, not overlapping, each inside one zoom. The packs are
 * malloc'd. */
struct twin_pack *twin_packs(const struct sample *runs, size_t nruns,
                             uint64_t pack_nbytes, size_t *out_npacks);

#endif
