/* Tiles in the order of a plan, for the writers of containers. */
#include "tiler/cli/stop.h"
#include "tiler/convert/export.h"

static void on_progress(void *arg, uint64_t tiles)
{
    struct export_job *job = arg;
    const struct ibx_tileset_info *info = ibx_tileset_info(job->facts.tileset);
    progress_set(job->progress, tiles, info->tile_count);
}

enum ibx_status export_job_plan(struct export_job *job, bool share,
                                struct export_plan *out, struct ibx_err *err)
{
    struct plan_options options = {
        .memory_nbytes = job->memory_nbytes,
        .temp_dir = job->temp_dir,
        .output = job->output,
        .share = share,
        .progress = on_progress,
        .progress_arg = job,
    };
    return export_plan_make(job->facts.tileset, &options, out, err);
}

enum ibx_status plan_walk_open(const struct export_job *job,
                               const struct export_plan *plan,
                               struct plan_walk *out, struct ibx_err *err)
{
    struct plan_walk walk = {0};
    enum ibx_status st = plan_reader_open(plan, &walk.reader, err);
    if (st != IBX_OK)
        return st;
    st = ibx_walk_open(job->tiles.tileset, 0, &walk.walk, err);
    if (st == IBX_OK)
        *out = walk;
    else
        plan_reader_close(&walk.reader);
    return st;
}

enum ibx_status plan_walk_next(struct plan_walk *walk, struct plan_run *out,
                               struct ibx_err *err)
{
    struct ibx_span span;
    ibx_tile_release(&walk->tile);
    if (stop_requested())
        return convert_fail(err, IBX_ERR_INTERRUPTED, NULL, "interrupted");
    enum ibx_status st = plan_reader_next(&walk->reader, out, err);
    if (st == IBX_OK)
        st = ibx_walk_next(walk->walk, &span, err);
    if (st == IBX_OK && span.first_id != out->first_id)
        st = convert_fail(err, IBX_ERR_CORRUPT, NULL,
                          "the tileset changed while it was read");
    return st;
}

enum ibx_status plan_walk_bytes(struct plan_walk *walk,
                                const struct plan_run *run, struct bytes *out,
                                struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    if (walk->tile.owner == NULL)
        st = ibx_walk_tile(walk->walk, &walk->tile, err);
    if (st != IBX_OK)
        return st;
    if (walk->tile.facts.nbytes != run->nbytes)
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "the tileset changed while it was read");
    *out = (struct bytes){walk->tile.bytes, walk->tile.facts.nbytes};
    return IBX_OK;
}

void plan_walk_close(struct plan_walk *walk)
{
    ibx_tile_release(&walk->tile);
    ibx_walk_close(walk->walk);
    plan_reader_close(&walk->reader);
}
