#include "tiler/input.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_error.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <gdal.h>

#include "tiler/cli/fingerprint.h"
#include "tiler/cli/report.h"

enum { PATH_NBYTES = 4096 };

static GDALDatasetH open_quietly(const char *path)
{
    CPLPushErrorHandler(CPLQuietErrorHandler);
    GDALDatasetH dataset =
        GDALOpenEx(path,
                   GDAL_OF_RASTER | GDAL_OF_VECTOR | GDAL_OF_READONLY |
                       GDAL_OF_VERBOSE_ERROR,
                   NULL, NULL, NULL);
    CPLPopErrorHandler();
    return dataset;
}

static bool has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcmp(path + n - m, suffix) == 0;
}

/* The first file of the archive that opens; its name goes to `inner`. */
static GDALDatasetH open_in_zip(const char *path, char inner[PATH_NBYTES])
{
    char archive[PATH_NBYTES];
    int n = snprintf(archive, sizeof(archive), "/vsizip/%s", path);
    if (n < 0 || (size_t)n >= sizeof(archive))
        return NULL;
    VSIDIR *folder = VSIOpenDir(archive, 0, NULL);
    GDALDatasetH found = NULL;
    while (folder != NULL && found == NULL) {
        const VSIDIREntry *entry = VSIGetNextDirEntry(folder);
        if (entry == NULL)
            break;
        n = snprintf(inner, PATH_NBYTES, "%s/%s", archive, entry->pszName);
        if (n > 0 && n < PATH_NBYTES)
            found = open_quietly(inner);
    }
    if (folder != NULL)
        VSICloseDir(folder);
    return found;
}

static GDALDatasetH open_packed(const char *path, char inner[PATH_NBYTES])
{
    if (has_suffix(path, ".zip"))
        return open_in_zip(path, inner);
    int n = snprintf(inner, PATH_NBYTES, "/vsigzip/%s", path);
    if (!has_suffix(path, ".gz") || n < 0 || n >= PATH_NBYTES)
        return NULL;
    return open_quietly(inner);
}

static enum input_kind kind_of(GDALDatasetH dataset, const char *path)
{
    if (GDALGetRasterCount(dataset) > 0)
        return INPUT_RASTER;
    if (GDALDatasetGetLayerCount(dataset) > 0)
        return INPUT_VECTOR;
    if (GDALGetMetadata(dataset, "SUBDATASETS") != NULL)
        report(path, "give one of those that gdalinfo lists",
               "holds several data sets");
    else
        report(path, "give another input", "holds no raster and no layer");
    return INPUT_UNREADABLE;
}

static uint64_t mix_files(uint64_t hash, GDALDatasetH dataset, const char *name)
{
    char **files = GDALGetFileList(dataset);
    hash = fingerprint_input(hash, name);
    for (int i = 0; i < CSLCount(files); i++)
        hash = fingerprint_input(hash, files[i]);
    CSLDestroy(files);
    return hash;
}

enum input_kind input_find(const char *path, char **opened, uint64_t *hash)
{
    char inner[PATH_NBYTES];
    char why[512];
    const char *name = path;
    GDALAllRegister();
    CPLErrorReset();
    GDALDatasetH dataset = open_quietly(path);
    if (dataset == NULL) {
        (void)snprintf(why, sizeof(why), "%s", CPLGetLastErrorMsg());
        dataset = open_packed(path, inner);
        name = inner;
    }
    if (dataset == NULL) {
        report(path, "check that it is whole and of a kind GDAL reads",
               "cannot be opened (%s)", why[0] != '\0' ? why : "no reason");
        return INPUT_UNREADABLE;
    }
    enum input_kind kind = kind_of(dataset, path);
    char *copy = kind == INPUT_UNREADABLE ? NULL : strdup(name);
    if (copy != NULL) {
        *opened = copy;
        *hash = mix_files(*hash, dataset, copy);
    }
    GDALClose(dataset);
    return copy == NULL ? INPUT_UNREADABLE : kind;
}
