#include "tests/tiler/inspect/forge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "pack/bytes.h"
#include "pack/path.h"
#include "pack/writer/sha256.h"

void forge_seal_blob(struct forged_pack *pack, uint32_t place)
{
    uint8_t *blob = pack->data + ibx_place_off(place);
    ibx_put_u64(blob, ibx_blob_hash(blob, ibx_get_u32(blob + 8)));
}

static void name_file(const char *path, uint8_t sha256[IBX_SHA256_NBYTES])
{
    struct ibx_err err = {0};
    ck_ok(ibx_sha256_file(path, sha256, &err), err);
}

/* Writes the pack under its new name. */
static void put_pack(const char *folder, struct forged_pack *pack)
{
    struct ibx_pack_header *h = &pack->header;
    size_t index_nbytes = (size_t)h->entry_count * IBX_INDEX_ENTRY_NBYTES;
    size_t data_off = (size_t)ibx_align(IBX_HEADER_NBYTES + index_nbytes, 16);
    size_t file_nbytes = data_off + (size_t)h->data_nbytes;
    uint8_t *file = calloc(1, file_nbytes);
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < h->entry_count; i++) {
        uint8_t *to = file + IBX_HEADER_NBYTES + i * IBX_INDEX_ENTRY_NBYTES;
        ibx_put_u32(to, pack->index[i].rel_id);
        ibx_put_u32(to + 4, pack->index[i].place);
    }
    memcpy(file + data_off, pack->data, (size_t)h->data_nbytes);
    h->data_off = data_off;
    h->index_hash = XXH3_64bits(file + IBX_HEADER_NBYTES, index_nbytes);
    ibx_pack_header_encode(h, file);
    char *beside = test_path(folder, "forged");
    test_write(beside, file, file_nbytes);
    name_file(beside, pack->info.sha256);
    pack->info.file_nbytes = file_nbytes;
    char name[IBX_PACK_NAME_NBYTES];
    ibx_pack_name(pack->info.sha256, name);
    char *path = test_path(folder, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    (void)mkdir(path, 0777);
    *slash = '/';
    ck_assert_int_eq(rename(beside, path), 0);
    free(file);
    free(beside);
    free(path);
}

static void edit_pack(const char *folder, struct ibx_pack_info *info,
                      void (*edit)(struct forged_pack *pack))
{
    char name[IBX_PACK_NAME_NBYTES];
    ibx_pack_name(info->sha256, name);
    char *path = test_path(folder, name);
    size_t nbytes = 0;
    const char *why = NULL;
    uint8_t *file = test_read(path, &nbytes);
    struct forged_pack pack = {.info = *info};
    ck_status(ibx_pack_header_decode(file, nbytes, &pack.header, &why), IBX_OK);
    pack.index =
        malloc((size_t)(pack.header.entry_count + 1) * sizeof *pack.index);
    ck_assert_ptr_nonnull(pack.index);
    ck_assert_ptr_null(
        ibx_index_decode(&pack.header, file + IBX_HEADER_NBYTES, pack.index));
    pack.data = file + pack.header.data_off;
    edit(&pack);
    put_pack(folder, &pack);
    *info = pack.info;
    free(pack.index);
    free(file);
    free(path);
}

static void collect(const char *folder, struct ibx_pack_list *list)
{
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    for (uint64_t i = 0; i < ibx_tileset_info(tileset)->npacks; i++) {
        struct ibx_pack_info info;
        struct ibx_err err = {0};
        ck_ok(ibx_pack_info(tileset, i, &info, &err), err);
        ck_assert(ibx_pack_list_add(list, &info));
    }
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
}

static void publish(const char *folder, const struct ibx_pack_list *list,
                    const struct ibx_writer_meta *meta, uint64_t pack_nbytes)
{
    struct ibx_folder locked = {.fd = -1};
    struct ibx_err err = {0};
    struct ibx_writer_result result;
    char *build = test_path(folder, IBX_BUILD_DIR);
    ck_ok(ibx_folder_open(&locked, folder, false, &err), err);
    ck_ok(ibx_folder_mkdir(build, &err), err);
    ck_ok(ibx_manifest_publish(&locked, list, meta, pack_nbytes, &result, &err),
          err);
    ibx_folder_close(&locked);
    (void)rmdir(build);
    free(build);
}

void forge_pack(const char *folder, uint64_t number, uint64_t pack_nbytes,
                void (*edit)(struct forged_pack *pack))
{
    struct ibx_pack_list list = {0};
    collect(folder, &list);
    edit_pack(folder, &list.packs[number], edit);
    publish(folder, &list, &test_meta, pack_nbytes);
    ibx_pack_list_fini(&list);
}

void forge_texts(const char *folder, const char *tilejson, const char *report)
{
    struct ibx_pack_list list = {0};
    struct ibx_writer_meta meta = test_meta;
    meta.tilejson = tilejson;
    meta.report = report;
    collect(folder, &list);
    publish(folder, &list, &meta, IBX_PACK_NBYTES_DEFAULT);
    ibx_pack_list_fini(&list);
}

void forge_manifest(const char *folder,
                    void (*edit)(struct ibx_manifest_header *header))
{
    char *path = test_manifest_path(folder);
    size_t nbytes = 0;
    const char *why = NULL;
    uint8_t *file = test_read(path, &nbytes);
    struct ibx_manifest_header header;
    ck_status(ibx_manifest_header_decode(file, nbytes, &header, &why), IBX_OK);
    edit(&header);
    ibx_manifest_header_encode(&header, file);
    ck_assert_int_eq(unlink(path), 0);
    test_write(path, file, nbytes);
    uint8_t sha256[IBX_SHA256_NBYTES];
    name_file(path, sha256);
    char name[64];
    int n = snprintf(name, sizeof name,
                     "manifest-%02x%02x%02x%02x%02x%02x%02x%02x.ibm\n",
                     sha256[0], sha256[1], sha256[2], sha256[3], sha256[4],
                     sha256[5], sha256[6], sha256[7]);
    char *current = test_path(folder, "CURRENT");
    test_write(current, name, (size_t)n);
    name[n - 1] = '\0';
    char *renamed = test_path(folder, name);
    ck_assert_int_eq(rename(path, renamed), 0);
    free(renamed);
    free(current);
    free(file);
    free(path);
}
