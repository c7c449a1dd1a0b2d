/* sandbox.h - a tileset's folder for fuzzing, whose one manifest and one pack
 * are replaced by the fuzzer's bytes again and again. */
#ifndef IBX_TESTS_FUZZ_SANDBOX_H
#define IBX_TESTS_FUZZ_SANDBOX_H

#include "pack/imbrex.h"

enum { SANDBOX_PATH_NBYTES = 256 };

struct sandbox {
    struct ibx_cache *cache;
    char folder[64];
    char pack[SANDBOX_PATH_NBYTES], manifest[SANDBOX_PATH_NBYTES];
};

/* The only one; made on the first call, removed at exit. Its pack has the
 * SHA-256 in its name that is all zero. */
struct sandbox *sandbox(void);

/* Puts a whole new file in the place of `path`. */
void sandbox_write(const char *path, const uint8_t *bytes, size_t nbytes);

/* Opens the tileset as it now is, reads what it can, and aborts when a tile
 * comes out whose bytes are not those of its hash. */
void sandbox_read(const uint64_t *ids, size_t nids);

#endif
