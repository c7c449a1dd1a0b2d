/* pmtiles.h - the parts of a PMTiles v3 archive: header and directories.
 *
 * Pure: bytes in, values out. Reading a whole archive is pmtiles_in.h, writing
 * one pmtiles_out.h. Section numbers are those of the PMTiles v3
 * specification. */
#ifndef IBX_CONVERT_PMTILES_H
#define IBX_CONVERT_PMTILES_H

#include "tiler/convert/detect.h"

enum {
    PMTILES_HEADER_NBYTES = 127,
    /* Header and root must be in the first 16 KiB (section 4). */
    PMTILES_ROOT_NBYTES_MAX = 16384 - PMTILES_HEADER_NBYTES,
    /* What one directory may unpack to. A leaf of a planet unpacks to tens of
     * kilobytes; the bound keeps a bomb small. */
    PMTILES_DIRECTORY_NBYTES_MAX = 16 << 20,
    PMTILES_METADATA_NBYTES_MAX = 16 << 20,
    /* Root, and leaves below leaves. Writers make two levels. */
    PMTILES_DEPTH_MAX = 4,
};

/* Coordinates are degrees times 10^7, as stored. */
struct pmtiles_header {
    uint64_t root_off, root_nbytes;
    uint64_t metadata_off, metadata_nbytes;
    uint64_t leaves_off, leaves_nbytes;
    uint64_t tiles_off, tiles_nbytes;
    uint64_t addressed_count, entry_count, content_count; /* 0: not known */
    bool clustered;
    enum ibx_encoding internal; /* of directories and metadata */
    bool encoding_known;        /* of tiles; false: header says unknown */
    struct tile_kind kind;      /* of tiles */
    uint8_t min_zoom, max_zoom, center_zoom;
    int32_t west_e7, south_e7, east_e7, north_e7;
    int32_t center_lon_e7, center_lat_e7;
};

/* Reads the header from the first `bytes.len` bytes of a file that is
 * `file_nbytes` long. IBX_ERR_CORRUPT with the field that is wrong,
 * IBX_ERR_UNSUPPORTED for another version. err->file stays empty. */
IBX_MUST_CHECK enum ibx_status pmtiles_header_read(struct bytes bytes,
                                                   uint64_t file_nbytes,
                                                   struct pmtiles_header *out,
                                                   struct ibx_err *err);

void pmtiles_header_write(const struct pmtiles_header *header,
                          uint8_t out[PMTILES_HEADER_NBYTES]);

/* A run of tiles with one content, or (run 0) a leaf directory that holds the
 * ids from `id` up to the next entry's. */
struct pmtiles_entry {
    uint64_t id;
    uint64_t off; /* from tiles_off or leaves_off */
    uint32_t nbytes;
    uint32_t run;
};

/* A directory being read, entry by entry, from its unpacked bytes, which must
 * outlive it. Costs no memory, however many entries it claims. */
struct pmtiles_directory {
    uint64_t left; /* entries not read yet */
    struct bytes ids, runs, lengths, offsets;
    struct pmtiles_entry last;
    bool first;
};

/* Finds the four columns. IBX_ERR_CORRUPT when the bytes do not hold exactly
 * the entries claimed. */
IBX_MUST_CHECK enum ibx_status pmtiles_directory_open(
    struct bytes unpacked, struct pmtiles_directory *out, struct ibx_err *err);

/* The next entry; IBX_NOT_FOUND behind the last. IBX_ERR_CORRUPT when ids do
 * not grow, a length is 0, or numbers overflow. */
IBX_MUST_CHECK enum ibx_status pmtiles_directory_next(
    struct pmtiles_directory *directory, struct pmtiles_entry *out,
    struct ibx_err *err);

/* Appends the unpacked form of a directory. Ids must grow. */
void pmtiles_directory_write(const struct pmtiles_entry *entries, size_t count,
                             struct buf *out);

#endif
