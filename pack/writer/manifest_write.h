/* manifest_write.h - collect packs and publish the manifest that names them.
 * Memory: sizeof(struct ibx_pack_info) per pack, 27 MB for a terabyte. */
#ifndef IBX_PACK_WRITER_MANIFEST_WRITE_H
#define IBX_PACK_WRITER_MANIFEST_WRITE_H

#include "pack/writer.h"
#include "pack/writer/folder.h"

/* All zero is an empty list. */
struct ibx_pack_list {
    struct ibx_pack_info *packs;
    size_t n, room;
};

/* False without memory. */
bool ibx_pack_list_add(struct ibx_pack_list *list,
                       const struct ibx_pack_info *info);
void ibx_pack_list_fini(struct ibx_pack_list *list);

/* Sorts by id. ERR_CONFLICT when two packs overlap. */
IBX_MUST_CHECK enum ibx_status ibx_pack_list_sort(struct ibx_pack_list *list,
                                                  const char *folder,
                                                  struct ibx_err *err);

/* Writes manifest and CURRENT, synced in this order; `list` is sorted. Fills
 * in the result's generation and totals. */
IBX_MUST_CHECK enum ibx_status ibx_manifest_publish(
    const struct ibx_folder *folder, const struct ibx_pack_list *list,
    const struct ibx_writer_meta *meta, uint64_t pack_nbytes,
    struct ibx_writer_result *result, struct ibx_err *err);

#endif
