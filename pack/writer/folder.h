/* folder.h - the tileset's folder while it is written: lock, names, and
 * files that appear whole or not at all (docs/format.md section 7). */
#ifndef IBX_PACK_WRITER_FOLDER_H
#define IBX_PACK_WRITER_FOLDER_H

#include "pack/imbrex.h"

/* Inside the folder, for all that is not published yet. */
#define IBX_BUILD_DIR ".build"

struct ibx_folder {
    char *path;
    int fd;       /* of the folder; holds the lock */
    bool created; /* by us */
};

/* Makes the folder if `create` and it is missing, and locks it. ERR_BUSY when
 * another process or writer has the lock; ERR_MISSING, ERR_SYSTEM, NOMEM. */
IBX_MUST_CHECK enum ibx_status ibx_folder_open(struct ibx_folder *folder,
                                               const char *path, bool create,
                                               struct ibx_err *err);
/* Unlocks. */
void ibx_folder_close(struct ibx_folder *folder);

/* mkdir that is content when the directory is there. */
IBX_MUST_CHECK enum ibx_status ibx_folder_mkdir(const char *path,
                                                struct ibx_err *err);

/* fsync of a directory, so that names in it survive a power cut. */
IBX_MUST_CHECK enum ibx_status ibx_folder_sync(const char *path,
                                               struct ibx_err *err);

/* Replaces CURRENT by the line `line`: written beside, synced, renamed,
 * directory synced. *replaced says whether it is the new line now, which it is
 * even on failure when only the last sync failed. */
IBX_MUST_CHECK enum ibx_status ibx_folder_set_current(
    const struct ibx_folder *folder, const char *line, bool *replaced,
    struct ibx_err *err);

/* Removes a folder's files and the folder, one level deep, best effort;
 * missing is fine. */
void ibx_folder_remove_flat(const char *path);

/* Whether `name` exists in the folder. */
bool ibx_folder_has(const struct ibx_folder *folder, const char *name);

#endif
