/* verify_manifest.h - check a manifest file, and what it says as a whole. */
#ifndef IBX_PACK_WRITER_VERIFY_MANIFEST_H
#define IBX_PACK_WRITER_VERIFY_MANIFEST_H

#include "pack/writer/verify_pack.h"

/* Compares the file's SHA-256 with `generation`, its header with itself, and
 * every page with its checksum. Returns the bytes read. */
uint64_t ibx_verify_manifest(const char *path, const char *generation,
                             struct ibx_findings *findings);

/* The packs in order: ranges, overlaps, sums, and the pack size. Records on
 * damaged pages are passed over, and then the sums are not compared. */
void ibx_verify_order(struct ibx_tileset *tileset,
                      struct ibx_findings *findings);

#endif
