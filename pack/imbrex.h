/* imbrex.h - read Imbrex tilesets, in-process, within hard limits.
 *
 * A tileset is a folder NAME.imbrex/ of immutable packs and a manifest; the
 * format is docs/format.md. A cache holds the process's open views (mapped
 * packs) under caps; any number of tilesets share one cache. A tile is always
 * handed out as a private, verified copy, so a pack that is damaged, truncated
 * or replaced while in use gives an error, never wrong bytes.
 *
 * Threads: every function may be called from any thread at any time, except
 * that the caller must not use an object after giving up its last hold.
 * Nothing here prints, exits or changes process state, except that the first
 * ibx_cache_open() installs a SIGBUS handler, which passes on every fault that
 * is not inside a map being read by this library.
 *
 * Errors: functions return a status; `err`, where given, may be NULL and says
 * more. On failure outputs keep their old values unless stated otherwise. */
#ifndef IMBREX_H
#define IMBREX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define IBX_MUST_CHECK __attribute__((warn_unused_result))
#else
#define IBX_MUST_CHECK
#endif

/* ---- statuses ---------------------------------------------------------- */

#define IBX_STATUS_LIST(X)                                                     \
    X(IBX_OK, "ok")                                                            \
    X(IBX_NOT_FOUND, "no such tile")                                           \
    X(IBX_AGAIN, "the answer needs blocking work")                             \
    X(IBX_ERR_SYSTEM, "a system call failed")                                  \
    X(IBX_ERR_NOMEM, "out of memory")                                          \
    X(IBX_ERR_CORRUPT, "the file contradicts itself")                          \
    X(IBX_ERR_UNSUPPORTED, "the file needs a newer reader")                    \
    X(IBX_ERR_MISSING, "there is no such file")                                \
    X(IBX_ERR_BUSY, "a configured limit is reached")                           \
    X(IBX_ERR_TOO_LARGE, "larger than a configured limit")                     \
    X(IBX_ERR_INVALID, "an argument is out of range")                          \
    X(IBX_ERR_CONFLICT, "two different tiles have one address")                \
    X(IBX_ERR_EXISTS, "it exists already")                                     \
    X(IBX_ERR_INTERRUPTED, "interrupted")

enum ibx_status {
#define IBX_STATUS_ENUM(name, text) name,
    IBX_STATUS_LIST(IBX_STATUS_ENUM)
#undef IBX_STATUS_ENUM
};

/* A constant English sentence part for `status`; never NULL. */
const char *ibx_status_text(enum ibx_status status);

enum { IBX_ERR_FILE_NBYTES = 512, IBX_ERR_WHAT_NBYTES = 192 };

/* What failed, in the caller's memory. Strings are always terminated; a path
 * that does not fit keeps its end, the more telling part. */
struct ibx_err {
    enum ibx_status status;
    int sys_errno;                  /* 0 when no system call is to blame */
    char file[IBX_ERR_FILE_NBYTES]; /* "" when no file is to blame */
    char what[IBX_ERR_WHAT_NBYTES]; /* for people, without the file's name */
};

/* ---- tile addresses ---------------------------------------------------- */

enum { IBX_MAX_ZOOM = 30 };

/* An XYZ address: y counts down from the north, x and y are below 2^z. */
struct ibx_zxy {
    uint8_t z;
    uint32_t x, y;
};

/* Number of tiles in all zooms below z (docs/format.md rule 1.2), 0..31. */
uint64_t ibx_zoom_first_id(uint8_t z);

/* True when z <= 30 and x and y are below 2^z. */
bool ibx_zxy_valid(struct ibx_zxy at);

/* The PMTiles v3 tile id of `at`, which must be valid (rule 1.3). */
uint64_t ibx_tile_id(struct ibx_zxy at);

/* The zoom that `id` lies in, without the cost of its address. */
uint8_t ibx_id_zoom(uint64_t id);

/* The address of `id`, which must be below ibx_zoom_first_id(31). */
struct ibx_zxy ibx_tile_zxy(uint64_t id);

/* ---- tiles ------------------------------------------------------------- */

/* What a tile's bytes are (rule 4.4). Values are on disk: never renumber. */
enum ibx_format {
    IBX_FORMAT_UNKNOWN = 0,
    IBX_FORMAT_PNG = 1,
    IBX_FORMAT_JPEG = 2,
    IBX_FORMAT_WEBP = 3,
    IBX_FORMAT_MVT = 4,
    IBX_FORMAT_AVIF = 5,
    IBX_FORMAT_MLT = 6,
    IBX_FORMAT_JSON = 7,
};

/* How a tile's bytes are compressed as stored (rule 4.5). On disk too. */
enum ibx_encoding {
    IBX_ENCODING_NONE = 0,
    IBX_ENCODING_GZIP = 1,
    IBX_ENCODING_BROTLI = 2,
    IBX_ENCODING_ZSTD = 3,
};

/* What is known of a tile without its bytes. */
struct ibx_tile_facts {
    uint64_t hash;   /* XXH3-64 as stored: a strong validator */
    uint32_t nbytes; /* 0 is a tile that is present but empty */
    enum ibx_format format;
    enum ibx_encoding encoding;
};

/* A private, verified copy of a tile. ibx_tile_release() it. */
struct ibx_tile {
    const uint8_t *bytes; /* facts.nbytes of them */
    struct ibx_tile_facts facts;
    void *owner; /* the library's */
};

/* ---- the cache of open views ------------------------------------------- */

/* When a tile's checksum is compared. Only ALWAYS gives the guarantee at the
 * top on media that can change or rot under a running process. */
enum ibx_verify {
    IBX_VERIFY_ALWAYS = 0, /* every copy */
    IBX_VERIFY_FIRST = 1,  /* the first copy of a tile per view */
    IBX_VERIFY_NEVER = 2,
};

/* Advice given to the kernel before a view is unmapped. */
enum ibx_evict {
    IBX_EVICT_COLD = 0,     /* MADV_COLD: reclaim these pages first */
    IBX_EVICT_DONTNEED = 1, /* posix_fadvise DONTNEED: drop them now */
    IBX_EVICT_NONE = 2,
};

struct ibx_cache_options {
    uint64_t max_mapped_nbytes; /* packs and manifests together */
    uint32_t max_views;         /* packs mapped at once, 1..4096 */
    uint32_t max_handles;       /* descriptors open at once, 1.. */
    /* Copies alive at once, summed, and one of up to 64 KiB that was given back
     * and is kept for the next tile. Copies of up to 64 KiB may count as four
     * times what their tile, rounded up to 4 KiB and a power of two, needs. */
    uint64_t max_copy_nbytes;
    uint64_t max_index_nbytes; /* private memory for the views' indexes */
    uint32_t wait_ms;          /* longest wait at a cap before ERR_BUSY */
    /* A block that is read whole once a second tile of it is wanted; its first
     * visit reads the tile alone. 0, or a power of two of at least a page. */
    uint32_t prefetch_nbytes;
    enum ibx_verify verify;
    enum ibx_evict evict;
};

struct ibx_cache_stats {
    uint64_t hits, misses;     /* view lookups */
    uint64_t opens, evictions; /* packs mapped and unmapped */
    uint64_t spared;           /* evictions of another than the oldest, because
                                * its reader had many more views open */
    uint64_t waits, refusals;  /* at a cap: waited, and gave up */
    uint64_t corrupt;          /* checksum, header or index failures */
    uint64_t faults;           /* SIGBUS caught */
    uint64_t quarantines;      /* views thrown away after either */
    uint64_t shrinks;          /* ENOMEM or EMFILE answered by evicting */
    uint64_t views, views_high;
    uint64_t mapped_nbytes, mapped_nbytes_high;
    uint64_t handles, handles_high;
    uint64_t copy_nbytes, copy_nbytes_high;
    uint64_t index_nbytes, index_nbytes_high;
    uint64_t effective_views; /* max_views, lowered by shrinks */
};

struct ibx_cache;

/* Fills in the documented defaults: 128 MiB mapped, 32 views, 16 handles,
 * 16 MiB of copies, 8 MiB of indexes, 2000 ms, 64 KiB, ALWAYS, COLD. */
void ibx_cache_options_init(struct ibx_cache_options *options);

/* Opens an empty cache. ERR_INVALID names the option out of range in
 * err->what; ERR_NOMEM. On success *out must be closed. */
IBX_MUST_CHECK enum ibx_status ibx_cache_open(
    const struct ibx_cache_options *options, struct ibx_cache **out,
    struct ibx_err *err);

/* Unmaps everything. Every tileset of the cache must be released before, and
 * every tile. NULL is allowed. */
void ibx_cache_close(struct ibx_cache *cache);

void ibx_cache_stats(struct ibx_cache *cache, struct ibx_cache_stats *out);

/* Forget which parts of the views are believed to be in memory. Call it when
 * the major-fault count of a thread that must not block has moved. Cheap. */
void ibx_cache_distrust(struct ibx_cache *cache);

/* ---- tilesets ---------------------------------------------------------- */

struct ibx_tileset;

enum { IBX_GENERATION_NCHARS = 16, IBX_SHA256_NBYTES = 32 };

struct ibx_tileset_info {
    char generation[IBX_GENERATION_NCHARS + 1];
    uint8_t min_zoom, max_zoom; /* of the tiles held; 1 and 0 when none is */
    uint16_t tile_px;           /* 256 or 512; 0 where it has no meaning */
    uint32_t format_bits; /* bit (1u << enum ibx_format) per format held */
    uint64_t npacks;
    uint64_t tile_count;     /* addresses that hold a tile */
    uint64_t blob_count;     /* stored blobs, shared ones once per pack */
    uint64_t pack_nbytes;    /* all pack files together */
    uint64_t payload_nbytes; /* the blobs' payloads alone */
    uint64_t largest_tile_nbytes;
    int64_t modified_s; /* Unix time for Last-Modified */
};

/* Texts a manifest carries (rule 6.7). */
enum ibx_text {
    IBX_TEXT_TILEJSON = 0, /* a TileJSON 3.0 object without `tiles` */
    IBX_TEXT_REPORT = 1,   /* the build's report, a JSON object */
    IBX_TEXT_SOURCE = 2,   /* the source's own metadata, verbatim */
};

/* Reads the generation in force from NAME.imbrex/CURRENT.
 * ERR_MISSING, ERR_CORRUPT (not one line naming a manifest), ERR_SYSTEM. */
IBX_MUST_CHECK enum ibx_status ibx_tileset_current(
    const char *folder, char generation[IBX_GENERATION_NCHARS + 1],
    struct ibx_err *err);

/* Opens `generation`, or with NULL the one in CURRENT. Costs the same for ten
 * packs or a million: maps the manifest and checks its header; its bytes count
 * against max_mapped_nbytes for as long as the tileset lives: ERR_BUSY when
 * there is no room now, ERR_TOO_LARGE when there never can be. With NULL,
 * CURRENT is read through one descriptor more, outside max_handles.
 * On success *out has one hold. The cache must outlive it.
 * ERR_MISSING, ERR_CORRUPT, ERR_UNSUPPORTED, ERR_BUSY, ERR_NOMEM, ERR_SYSTEM.
 */
IBX_MUST_CHECK enum ibx_status ibx_tileset_open(struct ibx_cache *cache,
                                                const char *folder,
                                                const char *generation,
                                                struct ibx_tileset **out,
                                                struct ibx_err *err);

struct ibx_tileset *ibx_tileset_hold(struct ibx_tileset *tileset);
void ibx_tileset_release(struct ibx_tileset *tileset);

/* Borrowed; lives as long as the tileset. */
const struct ibx_tileset_info *ibx_tileset_info(
    const struct ibx_tileset *tileset);
const char *ibx_tileset_folder(const struct ibx_tileset *tileset);

/* A copy of one of the manifest's texts, terminated by a NUL that is not
 * counted. free() it. May block. ERR_CORRUPT, ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status ibx_tileset_text(struct ibx_tileset *tileset,
                                                enum ibx_text which, char **out,
                                                size_t *out_nbytes,
                                                struct ibx_err *err);

/* Whether a call may do blocking work (open a pack, wait for a disk or a cap).
 * With IBX_TRY it returns IBX_AGAIN instead, having changed nothing. */
enum ibx_wait { IBX_TRY, IBX_BLOCK };

/* Copies the tile at `at` and verifies it as the cache was told to.
 * IBX_OK           *out is to be released; nbytes 0 is present but empty
 * IBX_NOT_FOUND    no tile there (also where `at` is not valid); the pages of
 *                  the manifest that say so are checked for it
 * IBX_AGAIN        only with IBX_TRY
 * IBX_ERR_BUSY     a cap stayed reached for wait_ms
 * IBX_ERR_TOO_LARGE the tile alone exceeds max_copy_nbytes
 * IBX_ERR_MISSING, _CORRUPT, _UNSUPPORTED, _SYSTEM, _NOMEM: unreadable now;
 *                  the view is quarantined and reopened by name once before
 *                  this is returned, and again at the next call. */
IBX_MUST_CHECK enum ibx_status ibx_tile_get(struct ibx_tileset *tileset,
                                            struct ibx_zxy at,
                                            enum ibx_wait wait,
                                            struct ibx_tile *out,
                                            struct ibx_err *err);

/* As ibx_tile_get() without handing out the bytes. The payload's checksum is
 * compared once per view unless verify is NEVER. */
IBX_MUST_CHECK enum ibx_status ibx_tile_stat(struct ibx_tileset *tileset,
                                             struct ibx_zxy at,
                                             enum ibx_wait wait,
                                             struct ibx_tile_facts *out,
                                             struct ibx_err *err);

/* How a tile is asked for, and on whose account. */
struct ibx_asker {
    enum ibx_wait wait;
    /* Any number that stands for who wants the tile: a user, a client. When
     * more packs are wanted than may be open, readers with many open give up
     * theirs first, so that one who walks through everything does not close
     * what others are using. With equal numbers the pack used longest ago is
     * closed. Numbers are hashed to 256 accounts; a walk has one of its own. */
    uint32_t reader;
};

/* As ibx_tile_get() and ibx_tile_stat(), which ask for reader 0. */
IBX_MUST_CHECK enum ibx_status ibx_tile_get_for(struct ibx_tileset *tileset,
                                                struct ibx_zxy at,
                                                struct ibx_asker asker,
                                                struct ibx_tile *out,
                                                struct ibx_err *err);
IBX_MUST_CHECK enum ibx_status ibx_tile_stat_for(struct ibx_tileset *tileset,
                                                 struct ibx_zxy at,
                                                 struct ibx_asker asker,
                                                 struct ibx_tile_facts *out,
                                                 struct ibx_err *err);

/* True when ibx_tile_get(.., IBX_TRY, ..) would not answer IBX_AGAIN now. */
bool ibx_tile_is_resident(struct ibx_tileset *tileset, struct ibx_zxy at);

/* Gives a tile back and clears it. A cleared tile is allowed. */
void ibx_tile_release(struct ibx_tile *tile);

/* ---- walking a whole tileset ------------------------------------------- */

/* A run of consecutive addresses, all inside one pack and one zoom, that hold
 * the same blob. */
struct ibx_span {
    uint64_t first_id, count;
    uint64_t pack;  /* number of the pack, from 0 in id order */
    uint32_t place; /* equal places in one pack are one blob (rule 4.2) */
};

struct ibx_walk;

/* Starts before the first tile with an id of at least `from_id`. A walk holds
 * its tileset; one thread at a time may use it. ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status ibx_walk_open(struct ibx_tileset *tileset,
                                             uint64_t from_id,
                                             struct ibx_walk **out,
                                             struct ibx_err *err);

/* The next run in id order; IBX_NOT_FOUND at the end. Fails as
 * ibx_tile_get(IBX_BLOCK) does; a later call tries the same place again. */
IBX_MUST_CHECK enum ibx_status ibx_walk_next(struct ibx_walk *walk,
                                             struct ibx_span *out,
                                             struct ibx_err *err);

/* The bytes of the run last returned. Release it. */
IBX_MUST_CHECK enum ibx_status ibx_walk_tile(struct ibx_walk *walk,
                                             struct ibx_tile *out,
                                             struct ibx_err *err);

void ibx_walk_close(struct ibx_walk *walk);

/* ---- packs, for tools that copy or check them -------------------------- */

enum { IBX_PACK_OVERSIZE = 1 }; /* holds one tile larger than the pack size */

struct ibx_pack_info {
    uint64_t first_id, last_id; /* inclusive */
    uint64_t file_nbytes;
    uint64_t tile_count, blob_count;
    uint64_t payload_nbytes; /* the blobs' payloads alone */
    uint32_t largest_tile_nbytes;
    uint32_t format_bits; /* as in struct ibx_tileset_info */
    uint32_t flags;
    uint8_t sha256[IBX_SHA256_NBYTES]; /* the file's name */
};

/* ERR_INVALID when number >= npacks, else as for a manifest page. */
IBX_MUST_CHECK enum ibx_status ibx_pack_info(struct ibx_tileset *tileset,
                                             uint64_t number,
                                             struct ibx_pack_info *out,
                                             struct ibx_err *err);

#ifdef __cplusplus
}
#endif
#endif
