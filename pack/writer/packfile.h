/* packfile.h - from a draft to a published pack file. */
#ifndef IBX_PACK_WRITER_PACKFILE_H
#define IBX_PACK_WRITER_PACKFILE_H

#include "pack/writer/draft.h"
#include "pack/writer/folder.h"

/* Writes packs of one folder; its buffer and hash state are used again. */
struct ibx_packfile;

IBX_MUST_CHECK enum ibx_status ibx_packfile_open(
    const struct ibx_folder *folder, struct ibx_spool *spool,
    struct ibx_packfile **out, struct ibx_err *err);
void ibx_packfile_close(struct ibx_packfile *packfile);

/* Writes the draft beside its name, syncs it, renames it to its SHA-256. A
 * file that has the name already is rehashed and kept when it is whole; then
 * *reused. `pack_nbytes` tells what is oversize. */
IBX_MUST_CHECK enum ibx_status ibx_packfile_write(struct ibx_packfile *packfile,
                                                  const struct ibx_draft *draft,
                                                  uint64_t pack_nbytes,
                                                  struct ibx_pack_info *out,
                                                  bool *reused,
                                                  struct ibx_err *err);

/* Makes sure that `path`'s pack is in the folder under its name: links it, or
 * copies where linking is impossible, checking the SHA-256 of a copy. */
IBX_MUST_CHECK enum ibx_status ibx_packfile_link(
    struct ibx_packfile *packfile, const char *path,
    const struct ibx_pack_info *info, bool *reused, struct ibx_err *err);

/* Syncs the directories that names were put in: before a manifest names them.
 */
IBX_MUST_CHECK enum ibx_status ibx_packfile_sync(struct ibx_packfile *packfile,
                                                 struct ibx_err *err);

#endif
