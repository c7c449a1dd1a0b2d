#include "tiler/convert/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/cli/report.h"
#include "tiler/cli/stop.h"
#include "tiler/command.h"

void output_options_init(struct output_options *options)
{
    *options = (struct output_options){
        .memory_nbytes = 64 << 20,
    };
}

void output_options_table(struct output_options *o,
                          struct option table[OUTPUT_NOPTIONS])
{
    const struct option options[OUTPUT_NOPTIONS] = {
        option_letter('o', option_string("output", &o->path, "OUT.imbrex",
                                         "the tileset to make")),
        option_flag("replace", &o->replace,
                    "publish a new generation of a tileset that is there"),
        option_flag("restart", &o->restart,
                    "throw away what an interrupted run left there"),
        option_flag("strict", &o->strict,
                    "exit 1 when anything was lost or contradictory"),
        option_size("memory", &o->memory_nbytes, 8 << 20, OPTION_NO_MAX,
                    "for sorting and planning (64M)"),
        option_size("pack-size", &o->pack_nbytes, IBX_PACK_NBYTES_MIN,
                    IBX_PACK_NBYTES_MAX,
                    "largest pack file (as the inputs', else 4M)"),
        option_string("temp-dir", &o->temp_dir, "DIR",
                      "for unfinished work (default: inside the output)"),
        option_string("name", &o->name, "TEXT", "the title people see"),
        option_string("attribution", &o->attribution, "TEXT",
                      "the credit maps show"),
        option_string("description", &o->description, "TEXT", "what it is"),
    };
    memcpy(table, options, sizeof(options));
}

bool output_options_check(const struct output_options *options,
                          const char *command)
{
    if (options->path != NULL)
        return true;
    report(command, "give -o OUT.imbrex", "the output is missing");
    return false;
}

enum ibx_status output_open(const struct output_options *options,
                            uint64_t inputs_pack_nbytes,
                            struct ibx_writer **out, struct ibx_err *err)
{
    struct ibx_writer_options o;
    ibx_writer_options_init(&o);
    if (options->pack_nbytes != 0)
        o.pack_nbytes = options->pack_nbytes;
    else if (inputs_pack_nbytes >= IBX_PACK_NBYTES_MIN &&
             inputs_pack_nbytes <= IBX_PACK_NBYTES_MAX)
        o.pack_nbytes = inputs_pack_nbytes;
    o.memory_nbytes = options->memory_nbytes;
    o.temp_dir = options->temp_dir;
    o.replace = options->replace;
    o.restart = options->restart;
    o.stop = stop_install();
    return ibx_writer_open(options->path, &o, out, err);
}

static enum ibx_status set_text(struct meta *meta, const char *name,
                                const char *text)
{
    if (text == NULL)
        return IBX_OK;
    struct bytes bytes = {(const uint8_t *)text, strlen(text)};
    return meta_set(meta, name, META_TEXT, bytes);
}

enum ibx_status output_apply_names(const struct output_options *options,
                                   struct meta *meta)
{
    enum ibx_status st = set_text(meta, "name", options->name);
    if (st == IBX_OK)
        st = set_text(meta, "attribution", options->attribution);
    if (st == IBX_OK)
        st = set_text(meta, "description", options->description);
    return st;
}

enum ibx_status output_publish(const struct output_options *options,
                               struct ibx_writer *writer,
                               const struct output_texts *texts,
                               struct ibx_writer_result *result,
                               struct ibx_err *err)
{
    struct buf tilejson = {0}, source = {0};
    enum ibx_status st = output_apply_names(options, texts->meta);
    meta_put_tilejson(texts->meta, texts->tiles, &tilejson);
    meta_put_source(texts->meta, &source);
    buf_put(&tilejson, "", 1);
    if (st != IBX_OK || tilejson.failed || source.failed) {
        st = convert_no_memory(err, options->path);
    } else {
        struct ibx_writer_meta meta = {
            .tilejson = (const char *)tilejson.ptr,
            .report = texts->report,
            .source = source.ptr,
            .source_nbytes = source.len,
            .tile_px = texts->tile_px,
            .source_date_epoch = source_date_epoch(),
        };
        st = ibx_writer_finish(writer, &meta, result, err);
    }
    buf_free(&tilejson);
    buf_free(&source);
    return st;
}

void output_print_result(const struct output_options *options,
                         const struct ibx_writer_result *result,
                         const char *more)
{
    struct buf out = {0};
    if (!options->common.json)
        return;
    buf_puts(&out, "{\"output\":");
    json_put_string(&out, options->path, strlen(options->path));
    buf_printf(&out,
               ",\"generation\":\"%s\",\"tiles\":%" PRIu64 ",\"blobs\":%" PRIu64
               ",\"packs\":%" PRIu64 ",\"packs_written\":%" PRIu64
               ",\"packs_reused\":%" PRIu64 ",\"bytes\":%" PRIu64 "%s}",
               result->generation, result->tile_count, result->blob_count,
               result->npacks, result->packs_written, result->packs_reused,
               result->pack_nbytes, more);
    char *text = buf_take_text(&out);
    if (text != NULL)
        puts(text);
    free(text);
}

int exit_code_of(enum ibx_status st, const struct ibx_err *err)
{
    if (st == IBX_OK)
        return EXIT_DONE;
    if (st == IBX_ERR_INTERRUPTED) {
        report(NULL, "run the same command again", "interrupted");
        return EXIT_INTERRUPTED;
    }
    if (st == IBX_ERR_EXISTS)
        report(err->file, "give --replace or --restart, or another -o", "%s",
               err->what);
    else
        report_err(err);
    return EXIT_FAILED;
}
