#include "pack/writer/manifest_write.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pack/bytes.h"
#include "pack/err.h"
#include "pack/fileio.h"
#include "pack/format.h"
#include "pack/path.h"
#include "pack/writer/sha256.h"

bool ibx_pack_list_add(struct ibx_pack_list *list,
                       const struct ibx_pack_info *info)
{
    if (list->n == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        struct ibx_pack_info *grown =
            realloc(list->packs, room * sizeof *grown);
        if (!grown)
            return false;
        list->packs = grown;
        list->room = room;
    }
    list->packs[list->n++] = *info;
    return true;
}

void ibx_pack_list_fini(struct ibx_pack_list *list)
{
    free(list->packs);
    *list = (struct ibx_pack_list){0};
}

static int by_first_id(const void *a, const void *b)
{
    const struct ibx_pack_info *left = a;
    const struct ibx_pack_info *right = b;
    return (left->first_id > right->first_id) -
           (left->first_id < right->first_id);
}

enum ibx_status ibx_pack_list_sort(struct ibx_pack_list *list,
                                   const char *folder, struct ibx_err *err)
{
    if (list->n > 0)
        qsort(list->packs, list->n, sizeof *list->packs, by_first_id);
    for (size_t i = 1; i < list->n; i++) {
        if (list->packs[i].first_id > list->packs[i - 1].last_id)
            continue;
        struct ibx_zxy at = ibx_tile_zxy(list->packs[i].first_id);
        return ibx_fail(err, IBX_ERR_CONFLICT, folder,
                        "two packs hold tile %u/%u/%u", at.z, at.x, at.y);
    }
    return IBX_OK;
}

/* ---- writing ----------------------------------------------------------- */

struct output {
    const char *path;
    int fd;
    struct ibx_sha256 *sha;
    uint64_t page; /* number of the next page */
};

static enum ibx_status put_page(struct output *out,
                                uint8_t page[IBX_PAGE_NBYTES],
                                struct ibx_err *err)
{
    if (out->page > 0) /* the header, page 0, has its own checksum */
        ibx_page_seal(page, out->page);
    if (!ibx_sha256_add(out->sha, page, IBX_PAGE_NBYTES))
        return ibx_fail_nomem(err);
    enum ibx_status st =
        ibx_write_at(out->fd, out->path, out->page * IBX_PAGE_NBYTES, page,
                     IBX_PAGE_NBYTES, err);
    out->page++;
    memset(page, 0, IBX_PAGE_NBYTES);
    return st;
}

static enum ibx_status put_first_ids(struct output *out,
                                     const struct ibx_pack_list *list,
                                     struct ibx_err *err)
{
    uint8_t page[IBX_PAGE_NBYTES] = {0};
    enum ibx_status st = IBX_OK;
    for (size_t i = 0; i < list->n && st == IBX_OK; i++) {
        size_t slot = i % IBX_FIRST_IDS_PER_PAGE;
        ibx_put_u64(page + slot * 8, list->packs[i].first_id);
        if (slot + 1 == IBX_FIRST_IDS_PER_PAGE || i + 1 == list->n)
            st = put_page(out, page, err);
    }
    return st;
}

static enum ibx_status put_records(struct output *out,
                                   const struct ibx_pack_list *list,
                                   struct ibx_err *err)
{
    uint8_t page[IBX_PAGE_NBYTES] = {0};
    enum ibx_status st = IBX_OK;
    for (size_t i = 0; i < list->n && st == IBX_OK; i++) {
        size_t slot = i % IBX_RECORDS_PER_PAGE;
        ibx_record_encode(&list->packs[i], page + slot * IBX_RECORD_NBYTES);
        if (slot + 1 == IBX_RECORDS_PER_PAGE || i + 1 == list->n)
            st = put_page(out, page, err);
    }
    return st;
}

static enum ibx_status put_text(struct output *out, const uint8_t *text,
                                uint64_t nbytes, struct ibx_err *err)
{
    uint8_t page[IBX_PAGE_NBYTES] = {0};
    enum ibx_status st = IBX_OK;
    assert(text || nbytes == 0);
    while (nbytes > 0 && st == IBX_OK) {
        size_t n = nbytes < IBX_PAGE_PAYLOAD_NBYTES ? (size_t)nbytes
                                                    : IBX_PAGE_PAYLOAD_NBYTES;
        memcpy(page, text, n);
        text += n;
        nbytes -= n;
        st = put_page(out, page, err);
    }
    return st;
}

struct texts {
    const void *bytes[IBX_NTEXTS];
};

static void fill_header(struct ibx_manifest_header *header,
                        const struct ibx_pack_list *list,
                        const struct ibx_writer_meta *meta)
{
    header->npacks = list->n;
    header->tile_px = meta->tile_px;
    header->source_date_epoch = meta->source_date_epoch;
    header->min_zoom = 1;
    header->max_zoom = 0;
    if (list->n > 0) {
        header->min_zoom = ibx_id_zoom(list->packs[0].first_id);
        header->max_zoom = ibx_id_zoom(list->packs[list->n - 1].last_id);
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct ibx_pack_info *pack = &list->packs[i];
        header->tile_count += pack->tile_count;
        header->blob_count += pack->blob_count;
        header->pack_nbytes += pack->file_nbytes;
        header->payload_nbytes += pack->payload_nbytes;
        header->format_bits |= pack->format_bits;
        if (pack->largest_tile_nbytes > header->largest_tile_nbytes)
            header->largest_tile_nbytes = pack->largest_tile_nbytes;
    }
    header->texts[IBX_TEXT_TILEJSON].nbytes =
        meta->tilejson ? strlen(meta->tilejson) : 0;
    header->texts[IBX_TEXT_REPORT].nbytes =
        meta->report ? strlen(meta->report) : 0;
    header->texts[IBX_TEXT_SOURCE].nbytes =
        meta->source ? meta->source_nbytes : 0;
    ibx_manifest_lay_out(header);
}

static enum ibx_status put_all(struct output *out,
                               const struct ibx_manifest_header *header,
                               const struct ibx_pack_list *list,
                               const struct ibx_writer_meta *meta,
                               struct ibx_err *err)
{
    const struct texts texts = {{meta->tilejson, meta->report, meta->source}};
    uint8_t page[IBX_PAGE_NBYTES];
    ibx_manifest_header_encode(header, page);
    enum ibx_status st = put_page(out, page, err);
    if (st == IBX_OK)
        st = put_first_ids(out, list, err);
    if (st == IBX_OK)
        st = put_records(out, list, err);
    for (int i = 0; i < IBX_NTEXTS && st == IBX_OK; i++)
        st = put_text(out, texts.bytes[i], header->texts[i].nbytes, err);
    assert(st != IBX_OK || out->page * IBX_PAGE_NBYTES == header->file_nbytes);
    return st;
}

static enum ibx_status write_beside(struct output *out,
                                    const struct ibx_manifest_header *header,
                                    const struct ibx_pack_list *list,
                                    const struct ibx_writer_meta *meta,
                                    struct ibx_err *err)
{
    out->fd = open(out->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out->fd < 0)
        return ibx_fail_sys(err, out->path, "open");
    enum ibx_status st = put_all(out, header, list, meta, err);
    if (st == IBX_OK && fsync(out->fd) != 0)
        st = ibx_fail_sys(err, out->path, "fsync");
    if (close(out->fd) != 0 && st == IBX_OK)
        st = ibx_fail_sys(err, out->path, "close");
    return st;
}

static void name_generation(const uint8_t sha256[IBX_SHA256_NBYTES],
                            char out[IBX_GENERATION_NCHARS + 1])
{
    for (size_t i = 0; i < IBX_GENERATION_NCHARS / 2; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", sha256[i]);
}

/* Lets CURRENT name the generation. */
static enum ibx_status put_into_force(const struct ibx_folder *folder,
                                      const char *generation, bool *in_force,
                                      struct ibx_err *err)
{
    char line[64];
    (void)snprintf(line, sizeof line, "manifest-%s.ibm\n", generation);
    return ibx_folder_set_current(folder, line, in_force, err);
}

/* Gives the manifest its name and puts it into force. */
static enum ibx_status publish(const struct ibx_folder *folder,
                               const char *beside, const char *generation,
                               struct ibx_err *err)
{
    char name[64];
    (void)snprintf(name, sizeof name, "manifest-%s.ibm", generation);
    char *path = ibx_path_join(folder->path, name);
    if (!path)
        return ibx_fail_nomem(err);
    bool existed = ibx_folder_has(folder, name);
    bool in_force = false;
    enum ibx_status st = IBX_OK;
    if (rename(beside, path) != 0)
        st = ibx_fail_sys(err, path, "rename");
    if (st == IBX_OK)
        st = ibx_folder_sync(folder->path, err);
    if (st == IBX_OK)
        st = put_into_force(folder, generation, &in_force, err);
    /* A generation that never came into force must not keep its packs. */
    if (!in_force && !existed)
        (void)unlink(path);
    free(path);
    return st;
}

enum ibx_status ibx_manifest_publish(const struct ibx_folder *folder,
                                     const struct ibx_pack_list *list,
                                     const struct ibx_writer_meta *meta,
                                     uint64_t pack_nbytes,
                                     struct ibx_writer_result *result,
                                     struct ibx_err *err)
{
    struct ibx_manifest_header header = {.pack_nbytes_cap = pack_nbytes};
    fill_header(&header, list, meta);
    char *beside = ibx_path_join(folder->path, IBX_BUILD_DIR "/manifest");
    struct output out = {.path = beside, .sha = ibx_sha256_new()};
    uint8_t sha256[IBX_SHA256_NBYTES];
    enum ibx_status st = beside && out.sha
                             ? write_beside(&out, &header, list, meta, err)
                             : ibx_fail_nomem(err);
    if (st == IBX_OK && !ibx_sha256_take(out.sha, sha256))
        st = ibx_fail_nomem(err);
    if (st == IBX_OK) {
        name_generation(sha256, result->generation);
        st = publish(folder, beside, result->generation, err);
    }
    result->npacks = list->n;
    result->tile_count = header.tile_count;
    result->blob_count = header.blob_count;
    result->pack_nbytes = header.pack_nbytes;
    ibx_sha256_free(out.sha);
    free(beside);
    return st;
}
