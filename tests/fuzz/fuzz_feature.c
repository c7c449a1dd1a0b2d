/* Any bytes as a feature: GeoJSON that OGR reads, or (when they do not begin
 * like text) a geometry in well-known binary; taken in, cut and encoded. What
 * is counted in must be counted out. */
#include <cpl_vsi.h>
#include <gdal.h>
#include <ogr_api.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/vector/mvt.h"
#include "tiler/vector/ogr_feature.h"
#include "tiler/vector/ogr_read.h"
#include "tiler/vector/stage_cut.h"
#include "tiler/vector/stage_encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BITS = 36, MAX_ZOOM = 3, MAX_NBYTES = 4096 };

static void quiet(CPLErr level, CPLErrorNum number, const char *text)
{
    (void)level;
    (void)number;
    (void)text;
}

static enum ibx_status read_text(struct intake *intake, const uint8_t *data,
                                 size_t size)
{
    static const char path[] = "/vsimem/fuzz.geojson";
    const struct rule_list rules = {0};
    const struct ogr_source source = {.path = path, .rules = &rules};
    VSILFILE *file = VSIFOpenL(path, "wb");
    if (file == NULL)
        return IBX_ERR_SYSTEM;
    VSIFWriteL(data, 1, size, file);
    VSIFCloseL(file);
    enum ibx_status status = ogr_read(intake, &source, NULL);
    VSIUnlink(path);
    return status;
}

static enum ibx_status read_binary(struct intake *intake, const uint8_t *data,
                                   size_t size)
{
    struct ogr_layer_map map = {.intake = intake};
    bool is_new;
    if (intake_layer(intake, "a", &map.layer, &is_new, NULL) != IBX_OK ||
        !ogr_projection_init(&map.projection, NULL, BITS))
        return IBX_ERR_NOMEM;
    OGRGeometryH geometry = NULL;
    enum ibx_status status = IBX_ERR_INVALID;
    const struct feature_head head = {.maxzoom = 30};
    if (OGR_G_CreateFromWkb(data, NULL, &geometry, (int)size) == OGRERR_NONE)
        status = ogr_take_geometry(&map, geometry, &head, NULL);
    if (geometry != NULL)
        OGR_G_DestroyGeometry(geometry);
    ogr_layer_map_fini(&map);
    return status;
}

/* A feature that a zoom should show is shown or counted under a reason. */
static void check_counts(const struct stats *stats)
{
    for (size_t i = 0; i < stats->nlayers; i++) {
        for (int z = 0; z <= MAX_ZOOM; z++) {
            const uint64_t *n = stats->layers[i].zoom[z];
            if (n[STAT_TOO_SMALL] + n[STAT_NOT_REPAIRED] + n[STAT_LOST_LIMIT] >
                n[STAT_IN])
                abort();
            if (n[STAT_IN] > n[STAT_TOO_SMALL] + n[STAT_NOT_REPAIRED] &&
                z == MAX_ZOOM && stats->zooms[z].tiles == 0 &&
                n[STAT_PIECES] > 0)
                abort();
        }
    }
}

static void make_tiles(struct intake *intake, struct sorter *sorter,
                       struct stats *stats)
{
    struct stage_cut cutting = {
        .store = &intake->store,
        .layers = &intake->layers,
        .bits = BITS,
        .maxzoom = MAX_ZOOM,
        .nthreads = 1,
        .sorter = sorter,
        .stats = stats,
        .junction_nbytes = 1 << 16,
    };
    const struct tile_settings settings = {
        .layers = &intake->layers,
        .attrs = intake->attrs,
        .max_nbytes = 2000,
        .max_nfeatures = 50,
        .gzip_level = 1,
    };
    struct stage_encode encoding = {
        .sorter = sorter,
        .settings = &settings,
        .nthreads = 1,
        .stats = stats,
    };
    if (stage_cut_run(&cutting, NULL) == IBX_OK &&
        sorter_merge(sorter, NULL) == IBX_OK &&
        stage_encode_run(&encoding, NULL) == IBX_OK)
        check_counts(stats);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct temp_space space = {.dir = "/tmp", .max_nbytes = 64 << 20};
    struct intake intake = {.bits = BITS, .maxzoom = MAX_ZOOM};
    struct sorter *sorter = NULL;
    struct stats stats = {0};
    if (size == 0 || size > MAX_NBYTES)
        return 0;
    CPLSetErrorHandler(quiet);
    if (intake_open(&intake, &space, NULL) == IBX_OK) {
        enum ibx_status status = data[0] >= ' ' || data[0] == '\n'
                                     ? read_text(&intake, data, size)
                                     : read_binary(&intake, data, size);
        if (intake_seal(&intake, NULL) == IBX_OK && status == IBX_OK &&
            stats_init(&stats, intake.layers.count) &&
            sorter_open(1, 1 << 20, &space, &sorter, NULL) == IBX_OK)
            make_tiles(&intake, sorter, &stats);
    }
    sorter_close(sorter);
    stats_fini(&stats);
    intake_close(&intake);
    return 0;
}
