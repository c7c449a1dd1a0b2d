/* Any bytes as a PMTiles archive: header, metadata, directories, tiles. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tiler/convert/file.h"
#include "tiler/convert/source.h"

enum { TILES_MAX = 2000 };

static void read_all(const char *path)
{
    const struct source_options options = {.kind = SOURCE_PMTILES};
    struct source *source;
    struct source_tile tile;
    struct ibx_err err;
    if (source_open(path, &options, &source, &err) != IBX_OK)
        return;
    uint64_t last_id = 0, sum = 0;
    for (int i = 0; i < TILES_MAX; i++) {
        if (source->ops->next(source, &tile, &err) != IBX_OK)
            break;
        /* Promises of the header: ids grow, runs stay in one zoom, and the
         * bytes can be read. */
        if ((i > 0 && tile.first_id <= last_id) || tile.count == 0 ||
            ibx_tile_zxy(tile.first_id).z !=
                ibx_tile_zxy(tile.first_id + tile.count - 1).z)
            abort();
        last_id = tile.first_id + tile.count - 1;
        for (size_t b = 0; b < tile.bytes.len; b++)
            sum += tile.bytes.ptr[b];
    }
    source_close(source);
    (void)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    int fd = memfd_create("archive", MFD_CLOEXEC);
    if (fd < 0 || !file_write_all(fd, data, size))
        abort();
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    read_all(path);
    close(fd);
    return 0;
}
