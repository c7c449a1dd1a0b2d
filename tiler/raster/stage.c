#include "tiler/raster/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cpl_conv.h>
#include <gdal.h>

#include "tiler/cli/report.h"
#include "tiler/cli/stop.h"

bool stage_is_one_way(void *dataset)
{
    static const char *const drivers[] = {"JPEG", "PNG", "GIF"};
    const char *own = GDALGetDescription(GDALGetDatasetDriver(dataset));
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        if (strcmp(own, drivers[i]) == 0)
            return true;
    }
    return false;
}

/* What must stay unpacked to read the picture in squares. */
static uint64_t needed_nbytes(GDALDatasetH dataset)
{
    GDALRasterBandH band = GDALGetRasterBand(dataset, 1);
    int block_width = 0, block_height = 0;
    GDALGetBlockSize(band, &block_width, &block_height);
    int width = GDALGetRasterXSize(dataset);
    int height = GDALGetRasterYSize(dataset);
    const char *compression =
        GDALGetMetadataItem(dataset, "COMPRESSION", "IMAGE_STRUCTURE");
    uint64_t row =
        (uint64_t)width * (uint64_t)GDALGetRasterCount(dataset) *
        (uint64_t)GDALGetDataTypeSizeBytes(GDALGetRasterDataType(band));
    if (stage_is_one_way(dataset))
        return row * (uint64_t)height;
    if (compression == NULL || block_width < width ||
        block_width <= 2 * SOURCE_BLOCK_PX)
        return 0;
    uint64_t rows = (uint64_t)block_height + SOURCE_BLOCK_PX;
    return row * (rows < (uint64_t)height ? rows : (uint64_t)height);
}

bool stage_is_needed(const struct source *source, uint64_t cache_nbytes)
{
    if (source->overview >= 0)
        return false; /* overviews are small and, as a rule, tiled */
    GDALDatasetH dataset =
        GDALOpenEx(source->path, GDAL_OF_RASTER, NULL, NULL, NULL);
    if (dataset == NULL)
        return false; /* reading it will tell why */
    bool needed = needed_nbytes(dataset) > cache_nbytes;
    GDALClose(dataset);
    return needed;
}

/* A file without a name; -1, reported, when there is none to be had. */
static int open_nameless(const char *folder)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/imbrex-stage-XXXXXX", folder);
    int fd = -1;
    if (n > 0 && (size_t)n < sizeof(path))
        fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        report(folder, "give another --temp-dir", "no file can be made (%s)",
               strerrordesc_np(errno));
        return -1;
    }
    (void)unlink(path);
    return fd;
}

static int CPL_STDCALL go_on(double complete, const char *message, void *arg)
{
    (void)complete;
    (void)message;
    (void)arg;
    return !stop_requested();
}

static bool copy_to(const struct source *source, const char *path)
{
    GDALDatasetH from = GDALOpenEx(
        source->path, GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, NULL, NULL, NULL);
    if (from == NULL)
        return false;
    static const char *const how[] = {"TILED=YES", "COMPRESS=LZW",
                                      "BIGTIFF=IF_SAFER", "SPARSE_OK=TRUE",
                                      NULL};
    CPLSetThreadLocalConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES");
    GDALDatasetH to =
        GDALCreateCopy(GDALGetDriverByName("GTiff"), path, from, FALSE,
                       (char **)(uintptr_t)how, go_on, NULL);
    CPLSetThreadLocalConfigOption("GDAL_TIFF_INTERNAL_MASK", NULL);
    GDALClose(from);
    if (to == NULL)
        return false;
    CPLErrorReset();
    GDALClose(to);
    return CPLGetLastErrorType() < CE_Failure;
}

/* GDAL does not say why it could not write. */
static void report_failure(const struct source *source, int fd,
                           const char *folder)
{
    struct statvfs disk;
    if (fstatvfs(fd, &disk) == 0 && disk.f_bavail == 0)
        report(folder, "free some space, or give another --temp-dir", "%s: %s",
               source->path, strerrordesc_np(ENOSPC));
    else
        report(source->path, "check that it is whole, or give more --memory",
               "cannot be unpacked (%s)", CPLGetLastErrorMsg());
}

bool stage_source(struct source *source, const char *folder)
{
    char path[32];
    int fd = open_nameless(folder);
    if (fd < 0)
        return false;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    CPLErrorReset();
    char *name = strdup(path);
    if (name != NULL && copy_to(source, path)) {
        source->staged_path = name;
        source->staged_fd = fd;
        return true;
    }
    if (!stop_requested())
        report_failure(source, fd, folder);
    free(name);
    (void)close(fd);
    return false;
}
