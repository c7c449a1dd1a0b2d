/* gc.c - `imbrex-tiler gc`: remove old generations. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "pack/maintain.h"
#include "tiler/cli/json.h"
#include "tiler/cli/options.h"
#include "tiler/cli/report.h"
#include "tiler/command.h"
#include "tiler/inspect/show.h"

static int print_json(const struct ibx_gc_result *r, bool dry_run)
{
    struct json j = {0};
    json_object(&j, NULL);
    json_boolean(&j, "dry_run", dry_run);
    json_integer(&j, "generations_kept", r->generations_kept);
    json_integer(&j, "generations_removed", r->generations_removed);
    json_integer(&j, "packs_kept", r->packs_kept);
    json_integer(&j, "packs_removed", r->packs_removed);
    json_integer(&j, "bytes_removed", r->nbytes_removed);
    json_end(&j, '}');
    char *text = json_take(&j, NULL);
    if (!text) {
        report("gc", NULL, "out of memory");
        return EXIT_FAILED;
    }
    puts(text);
    free(text);
    return EXIT_DONE;
}

static int run(const char *folder, unsigned keep, bool dry_run,
               const struct common_options *common)
{
    struct ibx_gc_result r = {0};
    struct ibx_err err = {0};
    if (ibx_gc(folder, keep, dry_run, &r, &err) != IBX_OK) {
        report_err(&err);
        return EXIT_FAILED;
    }
    if (common->json)
        return print_json(&r, dry_run);
    if (common->quiet)
        return EXIT_DONE;
    printf("%s: %s %" PRIu64 " generations and %" PRIu64 " packs (%s), "
           "%s %" PRIu64 " generations and %" PRIu64 " packs\n",
           folder, dry_run ? "would remove" : "removed", r.generations_removed,
           r.packs_removed, show_nbytes(r.nbytes_removed).text,
           dry_run ? "keep" : "kept", r.generations_kept, r.packs_kept);
    return EXIT_DONE;
}

int command_gc(int argc, char **argv)
{
    int64_t keep = 0;
    bool dry_run = false;
    struct common_options common = {0};
    struct operands operands = {0};
    const struct option options[] = {
        option_integer("keep", &keep, 1, INT_MAX,
                       "generations to keep, the one in force included"),
        option_flag("dry-run", &dry_run, "only say what would be removed"),
    };
    const struct option_group group = {"Options", options, 2};
    const struct command_line line = {
        .usage = "gc --keep N [--dry-run] TILESET.imbrex",
        .about = "Removes old generations, and packs that no generation left "
                 "names.",
        .groups = &group,
        .ngroups = 1,
        .min_operands = 1,
        .max_operands = 1,
    };
    enum options_outcome outcome =
        options_parse(&line, argc, argv, &common, &operands);
    if (outcome != OPTIONS_RUN)
        return options_exit_code(outcome);
    if (keep == 0) {
        report("gc", "give --keep N", "how many generations to keep is open");
        return EXIT_USAGE;
    }
    return run(operands.items[0], (unsigned)keep, dry_run, &common);
}
