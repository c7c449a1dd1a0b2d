/* checked.h - a tileset to damage, what ibx_verify() says of it, and damages
 * that more than one test makes. */
#ifndef IBX_TESTS_TILER_INSPECT_CHECKED_H
#define IBX_TESTS_TILER_INSPECT_CHECKED_H

#include "pack/verify.h"
#include "tests/pack/support.h"

enum { CHECKED_PACK_NBYTES = 64 << 10, CHECKED_NTILES = 600 };

/* A fixture: an empty folder, and in it a tileset of zooms 0 to 5 with holes,
 * equal tiles, one that is present but empty, and more than five packs. */
extern char *checked_dir;
extern char *checked_folder;
void checked_set_up(void);
void checked_tear_down(void);

/* The path of a pack of the tileset, malloc'd. */
char *checked_pack_path(uint64_t number);

enum { SAID_NBYTES = 64 << 10 };

/* All problems as lines "file: what". */
struct said {
    char text[SAID_NBYTES];
    size_t used;
    unsigned repaired;
};

/* Runs ibx_verify() over the tileset. */
struct ibx_verify_result check_tileset(const char *repair_from,
                                       struct said *said);

/* True when a line of `text` begins with `file` and holds `what`. */
bool check_says(const char *text, const char *file, const char *what);

/* Damages, to files by name. */
void damage_flip(const char *path, size_t off);
void damage_resize(const char *path, int64_t by);
void damage_payload(const char *path); /* a bit in a pack's last tile */
void damage_cut(const char *path);     /* the last byte */
void damage_remove(const char *path);

#endif
