/* writer.h - make a tileset, or a new generation of one, crash-safely.
 *
 * Tiles come in any order, from any number of threads. Their bytes go to a
 * spool file at once, so memory is bounded by `memory_nbytes` whatever their
 * number; ibx_writer_finish() sorts the addresses (on disk if need be), cuts
 * packs by the quadrant rule (docs/format.md section 3), writes each beside
 * its name, syncs, renames, and replaces CURRENT last. What is published
 * depends on the tiles and texts alone, never on order, threads or memory.
 *
 * Only one writer may work on a folder; a second gets ERR_BUSY. */
#ifndef IBX_PACK_WRITER_H
#define IBX_PACK_WRITER_H

#include <signal.h>

#include "pack/imbrex.h"

enum {
    IBX_PACK_NBYTES_DEFAULT = 4 << 20,
    IBX_PACK_NBYTES_MIN = 64 << 10,
    IBX_PACK_NBYTES_MAX = 256 << 20,
};

struct ibx_writer_options {
    uint64_t pack_nbytes;   /* largest pack file, MIN..MAX */
    uint64_t memory_nbytes; /* for sorting and planning, at least 8 MiB */
    const char *temp_dir;   /* for the spool; NULL: inside the folder */
    /* Text that names sources and options. A spool is resumed only when it
     * was begun with the same text. Up to 64 KiB; NULL is "". */
    const char *fingerprint;
    bool resume;  /* go on from a spool left behind, if there is one */
    bool restart; /* throw such a spool away */
    bool replace; /* the folder may hold a tileset: publish a generation */
    /* Checked now and then; when it is not 0, calls return ERR_INTERRUPTED
     * and the spool stays resumable. May be NULL. */
    const volatile sig_atomic_t *stop;
    /* Called by ibx_writer_finish() on the calling thread. May be NULL. */
    void (*progress)(void *arg, uint64_t tiles_done, uint64_t tiles_total);
    void *progress_arg;
};

/* Defaults: 4 MiB packs, 64 MiB of memory, all else off. */
void ibx_writer_options_init(struct ibx_writer_options *options);

struct ibx_writer;

/* Creates OUT.imbrex if need be, locks it and opens or resumes its spool.
 * ERR_EXISTS  a tileset is there and neither `replace` nor a spool to resume;
 *             or a spool is there and neither `resume` nor `restart`
 * ERR_CONFLICT the spool to resume has another fingerprint
 * ERR_BUSY    another writer or gc holds the folder
 * ERR_SYSTEM, ERR_NOMEM, ERR_INVALID. On failure nothing is left behind that
 * was not there before. */
IBX_MUST_CHECK enum ibx_status ibx_writer_open(
    const char *folder, const struct ibx_writer_options *options,
    struct ibx_writer **out, struct ibx_err *err);

/* One blob and the run of consecutive ids, inside one zoom, that hold it.
 * Zero bytes mean a tile that is present but empty. */
struct ibx_writer_tile {
    uint64_t first_id;
    uint64_t count; /* 1.. */
    const uint8_t *bytes;
    size_t nbytes; /* up to 2^31 - 1 */
    enum ibx_format format;
    enum ibx_encoding encoding;
};

/* Adds one tile. Bytes are copied out before it returns. The same id may come
 * twice only with the same bytes; this is found out by ibx_writer_finish().
 * ERR_INVALID (id, count or size out of range), ERR_SYSTEM (disk full, ...),
 * ERR_NOMEM, ERR_INTERRUPTED. */
IBX_MUST_CHECK enum ibx_status ibx_writer_add(
    struct ibx_writer *writer, const struct ibx_writer_tile *tile,
    struct ibx_err *err);

/* A unit of work: tiles that count only all together, a key chosen by the
 * caller (each used once), and bytes that the caller wants back on resume. */
struct ibx_writer_unit {
    uint64_t key;
    const struct ibx_writer_tile *tiles;
    size_t ntiles;
    const uint8_t *state;
    size_t state_nbytes;
};

/* Adds a unit as one record: after a kill it is there whole or not at all.
 * Tiles given to ibx_writer_add() are not kept by a resume. Fails as
 * ibx_writer_add() does. */
IBX_MUST_CHECK enum ibx_status ibx_writer_commit(
    struct ibx_writer *writer, const struct ibx_writer_unit *unit,
    struct ibx_err *err);

/* Units that a resumed spool holds; 0 on a fresh one. */
uint64_t ibx_writer_resumed_units(const struct ibx_writer *writer);

/* What an unfinished build has on disk, of this run and the one it resumes. */
struct ibx_writer_kept {
    uint64_t nunits;       /* that a resume would find */
    uint64_t spool_nbytes; /* where the spool is */
    uint64_t pack_nbytes;  /* of packs in the folder that nothing names yet */
};

/* Nothing after a successful finish. Reads the folder; not to be called while
 * another thread adds. */
void ibx_writer_kept(struct ibx_writer *writer, struct ibx_writer_kept *out);

/* True when the resumed spool holds unit `key`. Any thread. */
bool ibx_writer_has_unit(const struct ibx_writer *writer, uint64_t key);

/* Reads a committed unit's state back, from this run or the resumed one:
 * *out is malloc'd and to be free()d. NOT_FOUND, ERR_CORRUPT, ERR_SYSTEM,
 * ERR_NOMEM. Any thread. */
IBX_MUST_CHECK enum ibx_status ibx_writer_unit_state(struct ibx_writer *writer,
                                                     uint64_t key,
                                                     uint8_t **out,
                                                     size_t *out_nbytes,
                                                     struct ibx_err *err);

/* Takes pack `number` of `source` whole, linked or copied, without reading its
 * tiles. Its id interval must not overlap any other pack's or tile's, found
 * out by ibx_writer_finish() (ERR_CONFLICT). A pack may be larger than this
 * writer's pack size: the manifest then states its source's. */
IBX_MUST_CHECK enum ibx_status ibx_writer_link_pack(struct ibx_writer *writer,
                                                    struct ibx_tileset *source,
                                                    uint64_t number,
                                                    struct ibx_err *err);

/* What a manifest says beside its packs. Texts may be NULL with 0 bytes. */
struct ibx_writer_meta {
    const char *tilejson; /* JSON object; not checked here */
    const char *report;   /* JSON object; not checked here */
    const void *source;
    size_t source_nbytes;
    uint16_t tile_px;
    int64_t source_date_epoch; /* SOURCE_DATE_EPOCH, or 0 where not set */
};

struct ibx_writer_result {
    char generation[IBX_GENERATION_NCHARS + 1];
    uint64_t npacks, packs_written, packs_reused;
    uint64_t tile_count, blob_count, pack_nbytes;
};

/* Publishes. On success the spool is gone and the writer only needs closing.
 * ERR_CONFLICT names the address of two different tiles in err->what.
 * ERR_SYSTEM, ERR_NOMEM, ERR_CORRUPT (the spool changed on disk),
 * ERR_INTERRUPTED. On failure CURRENT is what it was, unless
 * only the last sync of the folder failed: then the new generation is in force
 * now, but may not survive a power cut. */
IBX_MUST_CHECK enum ibx_status ibx_writer_finish(
    struct ibx_writer *writer, const struct ibx_writer_meta *meta,
    struct ibx_writer_result *result, struct ibx_err *err);

/* What closing does with an unfinished build. */
enum ibx_writer_close {
    IBX_WRITER_KEEP,   /* leave the spool, to be resumed */
    IBX_WRITER_DISCARD /* remove the spool, unnamed packs, and the folder if
                        * it then holds nothing */
};

/* Frees the writer. After a successful finish `how` has no meaning. */
void ibx_writer_close(struct ibx_writer *writer, enum ibx_writer_close how);

#endif
