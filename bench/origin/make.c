/* make.c - a dense tileset, the same tiles as one flat file in rows, and as a
 * folder z/x/y.
 *
 *     bench-make ZOOM COUNT NBYTES OUT.imbrex [FLAT [FOLDER [PACK_NBYTES]]]
 *
 * COUNT tiles of NBYTES each, from the zoom's first id on. FLAT holds the
 * tiles of the whole zoom row by row, which needs COUNT to be all of them;
 * "-" leaves it or FOLDER out. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/origin/meter.h"
#include "bench/origin/tiles.h"
#include "pack/writer.h"

struct job {
    uint8_t zoom;
    uint64_t count;
    size_t nbytes;
    uint64_t pack_nbytes; /* 0 for the default */
    uint8_t *tile;
};

static void check(enum ibx_status st, const struct ibx_err *err)
{
    if (st == IBX_OK)
        return;
    (void)fprintf(stderr, "make: %s: %s\n", err->file, err->what);
    exit(1);
}

static void make_tileset(const struct job *job, const char *folder)
{
    struct ibx_writer_options options;
    struct ibx_writer *writer = NULL;
    struct ibx_writer_result result;
    struct ibx_err err = {0};
    ibx_writer_options_init(&options);
    if (job->pack_nbytes > 0)
        options.pack_nbytes = job->pack_nbytes;
    check(ibx_writer_open(folder, &options, &writer, &err), &err);
    uint64_t first = ibx_zoom_first_id(job->zoom);
    for (uint64_t id = first; id < first + job->count; id++) {
        tiles_fill(id, job->tile, job->nbytes);
        const struct ibx_writer_tile tile = {
            .first_id = id,
            .count = 1,
            .bytes = job->tile,
            .nbytes = job->nbytes,
            .format = IBX_FORMAT_PNG,
        };
        check(ibx_writer_add(writer, &tile, &err), &err);
    }
    const struct ibx_writer_meta meta = {
        .tilejson = "{\"tilejson\":\"3.0.0\"}", .report = "{}", .tile_px = 256};
    check(ibx_writer_finish(writer, &meta, &result, &err), &err);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
}

static void make_flat(const struct job *job, const char *path)
{
    uint32_t side = UINT32_C(1) << job->zoom;
    FILE *file = fopen(path, "we");
    if (!file)
        meter_die(path);
    for (uint32_t y = 0; y < side; y++) {
        for (uint32_t x = 0; x < side; x++) {
            tiles_fill(ibx_tile_id((struct ibx_zxy){job->zoom, x, y}),
                       job->tile, job->nbytes);
            if (fwrite(job->tile, job->nbytes, 1, file) != 1)
                meter_die(path);
        }
    }
    if (fclose(file) != 0)
        meter_die(path);
}

static void put_file(const char *path, const struct job *job)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, job->tile, job->nbytes) != (ssize_t)job->nbytes ||
        close(fd) != 0)
        meter_die(path);
}

static void make_folder(const struct job *job, const char *folder)
{
    char path[4096];
    (void)mkdir(folder, 0777);
    (void)snprintf(path, sizeof path, "%s/%u", folder, job->zoom);
    (void)mkdir(path, 0777);
    uint64_t first = ibx_zoom_first_id(job->zoom);
    for (uint64_t id = first; id < first + job->count; id++) {
        struct ibx_zxy at = ibx_tile_zxy(id);
        (void)snprintf(path, sizeof path, "%s/%u/%u", folder, at.z, at.x);
        (void)mkdir(path, 0777);
        (void)snprintf(path, sizeof path, "%s/%u/%u/%u.png", folder, at.z, at.x,
                       at.y);
        tiles_fill(id, job->tile, job->nbytes);
        put_file(path, job);
    }
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 8) {
        (void)fputs("usage: bench-make ZOOM COUNT NBYTES OUT.imbrex "
                    "[FLAT [FOLDER [PACK_NBYTES]]]\n",
                    stderr);
        return 2;
    }
    struct job job = {
        .zoom = (uint8_t)strtoul(argv[1], NULL, 10),
        .count = strtoull(argv[2], NULL, 10),
        .nbytes = strtoul(argv[3], NULL, 10),
        .pack_nbytes = argc > 7 ? strtoull(argv[7], NULL, 10) : 0,
    };
    job.tile = malloc(job.nbytes + 1);
    if (!job.tile || job.zoom > 30 || job.nbytes == 0)
        meter_die("make");
    make_tileset(&job, argv[4]);
    if (argc > 5 && strcmp(argv[5], "-") != 0)
        make_flat(&job, argv[5]);
    if (argc > 6 && strcmp(argv[6], "-") != 0)
        make_folder(&job, argv[6]);
    free(job.tile);
    return 0;
}
