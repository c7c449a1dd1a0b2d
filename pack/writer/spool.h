/* spool.h - the file that keeps tiles' bytes until packs are cut, and that
 * remembers finished units of work across a kill.
 *
 * It is a header with the build's fingerprint, then frames: a frame is one
 * unit, checksummed as a whole, so that what a kill tore is seen and cut off.
 * Loose blobs (ibx_spool_add) end the part that survives. Any thread may add;
 * reading is by pread. */
#ifndef IBX_PACK_WRITER_SPOOL_H
#define IBX_PACK_WRITER_SPOOL_H

#include "pack/writer.h"
#include "pack/writer/record.h"

struct ibx_spool;

/* Called for each record of the tiles of every whole unit found in a resumed
 * spool. A status other than IBX_OK ends the opening with it. */
struct ibx_spool_found {
    enum ibx_status (*record)(void *arg, const struct ibx_record *record,
                              struct ibx_err *err);
    void *arg;
};

/* Creates `path`, or with `resume` reads what is there; `path` is copied.
 * ERR_CONFLICT when the fingerprint differs, ERR_SYSTEM, ERR_NOMEM. A torn end
 * is cut off. A file whose header is torn is begun anew. */
IBX_MUST_CHECK enum ibx_status ibx_spool_open(
    const char *path, const char *fingerprint, bool resume,
    struct ibx_spool_found found, struct ibx_spool **out, struct ibx_err *err);

/* Closes; the file stays. NULL is allowed. */
void ibx_spool_close(struct ibx_spool *spool);

/* Stores one blob and says where. */
IBX_MUST_CHECK enum ibx_status ibx_spool_add(struct ibx_spool *spool,
                                             const struct ibx_writer_tile *tile,
                                             struct ibx_record *out,
                                             struct ibx_err *err);

/* Stores a unit; `out` has room for its tiles' records. */
IBX_MUST_CHECK enum ibx_status ibx_spool_commit(
    struct ibx_spool *spool, const struct ibx_writer_unit *unit,
    struct ibx_record *out, struct ibx_err *err);

/* Writes out what is buffered: before any read of loose blobs. */
IBX_MUST_CHECK enum ibx_status ibx_spool_flush(struct ibx_spool *spool,
                                               struct ibx_err *err);

/* Reads [off, off + nbytes). */
IBX_MUST_CHECK enum ibx_status ibx_spool_read(struct ibx_spool *spool,
                                              uint64_t off, void *to,
                                              size_t nbytes,
                                              struct ibx_err *err);

/* Bytes that can be read, after ibx_spool_flush(). */
uint64_t ibx_spool_nbytes(struct ibx_spool *spool);

/* Whether two blobs with equal hash, length and flags are really equal. */
IBX_MUST_CHECK enum ibx_status ibx_spool_equal(struct ibx_spool *spool,
                                               const struct ibx_record *a,
                                               const struct ibx_record *b,
                                               bool *out, struct ibx_err *err);

uint64_t ibx_spool_nunits(struct ibx_spool *spool);
bool ibx_spool_has_unit(struct ibx_spool *spool, uint64_t key);

/* A unit's state, malloc'd. NOT_FOUND, ERR_SYSTEM, ERR_CORRUPT, ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status ibx_spool_unit_state(struct ibx_spool *spool,
                                                    uint64_t key, uint8_t **out,
                                                    size_t *out_nbytes,
                                                    struct ibx_err *err);

#endif
