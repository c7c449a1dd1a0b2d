/* forge.h - tilesets that are wrong on purpose and yet sealed: checksums and
 * names are made right again, so that only the rule that was broken speaks. */
#ifndef IBX_TESTS_TILER_INSPECT_FORGE_H
#define IBX_TESTS_TILER_INSPECT_FORGE_H

#include "pack/format.h"
#include "pack/writer/manifest_write.h"
#include "tests/pack/support.h"

/* A pack file taken apart. `data` may be changed but not moved. */
struct forged_pack {
    struct ibx_pack_header header;
    struct ibx_index_entry *index; /* room for one entry more than it has */
    uint8_t *data;
    struct ibx_pack_info info; /* what the manifest will say */
};

/* Makes the checksum of blob `place` right. */
void forge_seal_blob(struct forged_pack *pack, uint32_t place);

/* Lets `edit` change pack `number` of the tileset in force, seals and names
 * it, and publishes a manifest that names it, for a pack size of
 * `pack_nbytes`. */
void forge_pack(const char *folder, uint64_t number, uint64_t pack_nbytes,
                void (*edit)(struct forged_pack *pack));

/* The same for the manifest's header alone. */
void forge_manifest(const char *folder,
                    void (*edit)(struct ibx_manifest_header *header));

/* Publishes the packs in force again with other texts. */
void forge_texts(const char *folder, const char *tilejson, const char *report);

#endif
