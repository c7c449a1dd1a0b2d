/* output.h - what commands that make a tileset have in common: their options,
 * the writer, and publishing with derived texts. */
#ifndef IBX_CONVERT_OUTPUT_H
#define IBX_CONVERT_OUTPUT_H

#include "pack/writer.h"
#include "tiler/cli/options.h"
#include "tiler/convert/tileset_in.h"

struct output_options {
    struct common_options common;
    const char *path; /* OUT.imbrex */
    bool replace, restart, strict;
    uint64_t memory_nbytes;
    uint64_t pack_nbytes; /* 0: as the inputs', or the default */
    const char *temp_dir;
    const char *name, *attribution, *description; /* NULL: as they were */
};

enum { OUTPUT_NOPTIONS = 10 };

void output_options_init(struct output_options *options);
void output_options_table(struct output_options *options,
                          struct option table[OUTPUT_NOPTIONS]);

/* False, reported, when -o is missing. */
bool output_options_check(const struct output_options *options,
                          const char *command);

/* Opens the writer; signals stop it. `inputs_pack_nbytes` is the largest pack
 * size of the tilesets that go in, 0 where there are none.
 * Fails as ibx_writer_open() does. */
IBX_MUST_CHECK enum ibx_status output_open(const struct output_options *options,
                                           uint64_t inputs_pack_nbytes,
                                           struct ibx_writer **out,
                                           struct ibx_err *err);

/* Publishes. Names given as options are put into `meta` first; `report` is a
 * JSON object or NULL. Fails as ibx_writer_finish() does. */
struct output_texts {
    struct meta *meta;
    const struct meta_tiles *tiles;
    const char *report;
    uint16_t tile_px;
};

IBX_MUST_CHECK enum ibx_status output_publish(
    const struct output_options *options, struct ibx_writer *writer,
    const struct output_texts *texts, struct ibx_writer_result *result,
    struct ibx_err *err);

/* Prints the result as JSON with --json; `more` holds further members, each
 * with a comma in front, or is "". */
void output_print_result(const struct output_options *options,
                         const struct ibx_writer_result *result,
                         const char *more);

/* The exit code for `st`, which is reported unless it is IBX_OK; what to do
 * about IBX_ERR_EXISTS in terms of the options above. */
int exit_code_of(enum ibx_status st, const struct ibx_err *err);

/* Puts --name, --attribution and --description into `meta`. IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status output_apply_names(
    const struct output_options *options, struct meta *meta);

#endif
