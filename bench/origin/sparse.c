/* sparse.c - a tileset of a terabyte that takes a few gigabytes of disk.
 *
 *     bench-sparse OUT.imbrex NPACKS [THREADS]
 *
 * Each pack is a real one of 4 MiB: 16 tiles of SPARSE_TILE_NBYTES, a quadrant
 * of zoom 11, and then bytes that no index entry names (docs/format.md rule
 * 4.11), which the file system keeps as a hole. Its name is the SHA-256 of all
 * 4 MiB. Up to 262,144 packs fit the zoom. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "bench/origin/meter.h"
#include "bench/origin/tiles.h"
#include "pack/bytes.h"
#include "pack/format.h"
#include "pack/writer/manifest_write.h"
#include "pack/writer/sha256.h"

enum {
    ZOOM = 11,
    PACK_NBYTES = 4 << 20,
    NTILES = 16,
    TILE_NBYTES = 1000,
    INDEX_NBYTES = NTILES * IBX_INDEX_ENTRY_NBYTES,
    DATA_OFF = IBX_HEADER_NBYTES + INDEX_NBYTES,
    BLOB_NBYTES = (IBX_BLOB_HEADER_NBYTES + TILE_NBYTES + 15) / 16 * 16,
    REAL_NBYTES = DATA_OFF + NTILES * BLOB_NBYTES,
};

struct worker {
    pthread_t thread;
    const char *folder;
    uint64_t from, to; /* packs */
    struct ibx_pack_info *infos;
};

static void put_tile(uint8_t *file, uint64_t first_id, uint32_t i)
{
    uint8_t *entry =
        file + IBX_HEADER_NBYTES + (size_t)i * IBX_INDEX_ENTRY_NBYTES;
    uint8_t *blob = file + DATA_OFF + (size_t)i * BLOB_NBYTES;
    ibx_put_u32(entry, i);
    ibx_put_u32(entry + 4, i * (BLOB_NBYTES / IBX_BLOB_ALIGN) + 1);
    struct ibx_blob_header header = {
        .nbytes = TILE_NBYTES,
        .flags = ibx_blob_flags(IBX_FORMAT_PNG, IBX_ENCODING_NONE, false),
    };
    ibx_blob_header_encode(&header, blob);
    tiles_fill(first_id + i, blob + IBX_BLOB_HEADER_NBYTES, TILE_NBYTES);
    header.hash = ibx_blob_hash(blob, TILE_NBYTES);
    ibx_blob_header_encode(&header, blob);
}

/* The bytes that are not a hole. */
static void fill_pack(uint8_t file[REAL_NBYTES], uint64_t first_id)
{
    memset(file, 0, REAL_NBYTES);
    for (uint32_t i = 0; i < NTILES; i++)
        put_tile(file, first_id, i);
    const struct ibx_pack_header header = {
        .first_id = first_id,
        .last_id = first_id + NTILES - 1,
        .entry_count = NTILES,
        .tile_count = NTILES,
        .blob_count = NTILES,
        .data_off = DATA_OFF,
        .data_nbytes = PACK_NBYTES - DATA_OFF,
        .index_hash = XXH3_64bits(file + IBX_HEADER_NBYTES, INDEX_NBYTES),
    };
    ibx_pack_header_encode(&header, file);
}

static void name_pack(struct ibx_sha256 *sha, const uint8_t *file,
                      uint8_t out[IBX_SHA256_NBYTES])
{
    static const uint8_t zeros[256 << 10];
    bool good = ibx_sha256_add(sha, file, REAL_NBYTES);
    for (size_t left = PACK_NBYTES - REAL_NBYTES; left > 0 && good;) {
        size_t n = left < sizeof zeros ? left : sizeof zeros;
        good = ibx_sha256_add(sha, zeros, n);
        left -= n;
    }
    if (!good || !ibx_sha256_take(sha, out))
        meter_die("SHA-256");
}

static void write_pack(const char *folder, const uint8_t *file,
                       const uint8_t sha256[IBX_SHA256_NBYTES])
{
    char name[IBX_PACK_NAME_NBYTES];
    char path[4096];
    ibx_pack_name(sha256, name);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, file, REAL_NBYTES) != REAL_NBYTES ||
        ftruncate(fd, PACK_NBYTES) != 0 || close(fd) != 0)
        meter_die(path);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct ibx_sha256 *sha = ibx_sha256_new();
    uint8_t *file = malloc(REAL_NBYTES);
    if (!sha || !file)
        meter_die("memory");
    for (uint64_t n = w->from; n < w->to; n++) {
        struct ibx_pack_info *info = &w->infos[n];
        *info = (struct ibx_pack_info){
            .first_id = ibx_zoom_first_id(ZOOM) + n * NTILES,
            .file_nbytes = PACK_NBYTES,
            .tile_count = NTILES,
            .blob_count = NTILES,
            .payload_nbytes = NTILES * TILE_NBYTES,
            .largest_tile_nbytes = TILE_NBYTES,
            .format_bits = 1u << IBX_FORMAT_PNG,
        };
        info->last_id = info->first_id + NTILES - 1;
        fill_pack(file, info->first_id);
        name_pack(sha, file, info->sha256);
        write_pack(w->folder, file, info->sha256);
    }
    free(file);
    ibx_sha256_free(sha);
    return NULL;
}

static void make_folders(const char *folder)
{
    char path[4096];
    (void)mkdir(folder, 0755);
    (void)snprintf(path, sizeof path, "%s/packs", folder);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof path, "%s/" IBX_BUILD_DIR, folder);
    (void)mkdir(path, 0755);
    for (unsigned i = 0; i < 256; i++) {
        (void)snprintf(path, sizeof path, "%s/packs/%02x", folder, i);
        (void)mkdir(path, 0755);
    }
}

static void make_packs(const char *folder, struct ibx_pack_info *infos,
                       uint64_t npacks, unsigned nthreads)
{
    struct worker *workers = calloc(nthreads, sizeof *workers);
    if (!workers)
        meter_die("memory");
    for (unsigned i = 0; i < nthreads; i++) {
        workers[i] = (struct worker){
            .folder = folder,
            .from = npacks * i / nthreads,
            .to = npacks * (i + 1) / nthreads,
            .infos = infos,
        };
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            meter_die("thread");
    }
    for (unsigned i = 0; i < nthreads; i++)
        (void)pthread_join(workers[i].thread, NULL);
    free(workers);
}

static void publish(const char *folder, const struct ibx_pack_list *list)
{
    struct ibx_folder locked = {.fd = -1};
    struct ibx_writer_result result;
    struct ibx_err err = {0};
    const struct ibx_writer_meta meta = {
        .tilejson = "{\"tilejson\":\"3.0.0\"}", .report = "{}", .tile_px = 256};
    enum ibx_status st = ibx_folder_open(&locked, folder, false, &err);
    if (st == IBX_OK)
        st = ibx_manifest_publish(&locked, list, &meta, PACK_NBYTES, &result,
                                  &err);
    ibx_folder_close(&locked);
    if (st != IBX_OK) {
        (void)fprintf(stderr, "sparse: %s: %s\n", err.file, err.what);
        exit(1);
    }
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/" IBX_BUILD_DIR, folder);
    (void)rmdir(path);
    (void)printf("{\"packs\":%zu,\"bytes\":%llu,\"generation\":\"%s\"}\n",
                 list->n, (unsigned long long)result.pack_nbytes,
                 result.generation);
}

int main(int argc, char **argv)
{
    uint64_t npacks = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    unsigned nthreads = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 2;
    if (npacks == 0 || npacks > 262144 || nthreads == 0 || nthreads > 64) {
        (void)fputs("usage: bench-sparse OUT.imbrex NPACKS [THREADS]\n",
                    stderr);
        return 2;
    }
    struct ibx_pack_list list = {.n = (size_t)npacks, .room = (size_t)npacks};
    list.packs = calloc(list.n, sizeof *list.packs);
    if (!list.packs)
        meter_die("memory");
    make_folders(argv[1]);
    make_packs(argv[1], list.packs, npacks, nthreads);
    publish(argv[1], &list);
    ibx_pack_list_fini(&list);
    return 0;
}
