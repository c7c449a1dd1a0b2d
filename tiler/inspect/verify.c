/* verify.c - `imbrex-tiler verify`: check every rule, and repair packs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pack/verify.h"
#include "tiler/cli/json.h"
#include "tiler/cli/options.h"
#include "tiler/cli/progress.h"
#include "tiler/cli/report.h"
#include "tiler/cli/stop.h"
#include "tiler/command.h"
#include "tiler/inspect/fetch.h"
#include "tiler/inspect/show.h"
#include "tiler/inspect/texts.h"

/* In --json, so that a tileset of lost packs does not fill the memory; the
 * count goes on. */
enum { LISTED_MAX = 10000 };

struct verify_command {
    const char *folder, *generation, *repair_from;
    int64_t threads;
    struct common_options common;
    struct progress progress;
    struct json problems; /* an array that is open */
    struct json repaired;
    uint64_t nlisted, nrepaired;
    uint64_t text_problems;
};

/* ---- what the check says ----------------------------------------------- */

static void on_problem(void *arg, const struct ibx_problem *problem)
{
    struct verify_command *c = arg;
    if (!c->common.json) {
        report(problem->file, NULL, "%s", problem->what);
        return;
    }
    if (c->nlisted++ >= LISTED_MAX)
        return;
    json_object(&c->problems, NULL);
    json_text(&c->problems, "file", problem->file);
    json_text(&c->problems, "kind", status_word(problem->status));
    json_text(&c->problems, "what", problem->what);
    json_end(&c->problems, '}');
}

static void on_repaired(void *arg, const char *file)
{
    struct verify_command *c = arg;
    if (c->common.json && c->nrepaired++ < LISTED_MAX)
        json_text(&c->repaired, NULL, file);
    else if (!c->common.json && !c->common.quiet)
        report(file, NULL, "repaired");
}

static void on_progress(void *arg, uint64_t nbytes_done, uint64_t nbytes_total)
{
    struct verify_command *c = arg;
    progress_set(&c->progress, nbytes_done >> 20, nbytes_total >> 20);
}

static enum ibx_status on_fetch(void *arg, const char *name, int fd,
                                struct ibx_err *err)
{
    const struct verify_command *c = arg;
    return fetch_file(c->repair_from, name, fd, err);
}

/* ---- texts ------------------------------------------------------------- */

static void text_problem(struct verify_command *c, const char *what)
{
    c->text_problems++;
    on_problem(c, &(struct ibx_problem){IBX_ERR_CORRUPT, c->folder, what});
}

static void check_text(struct verify_command *c, struct ibx_tileset *tileset,
                       enum ibx_text which, const char *what)
{
    char *text = NULL;
    size_t nbytes = 0;
    /* A page that cannot be read has been reported. */
    if (ibx_tileset_text(tileset, which, &text, &nbytes, NULL) != IBX_OK)
        return;
    if (nbytes > 0 && !text_is_object(text))
        text_problem(c, what);
    else if (which == IBX_TEXT_TILEJSON && nbytes > 0 &&
             text_has_key(text, "tiles"))
        text_problem(c, "its TileJSON has `tiles`, which is the server's");
    free(text);
}

/* The library knows no JSON, so the texts are looked at here. */
static void check_texts(struct verify_command *c, const char *generation)
{
    struct ibx_cache_options options;
    struct ibx_cache *cache = NULL;
    struct ibx_tileset *tileset = NULL;
    ibx_cache_options_init(&options);
    options.max_mapped_nbytes = UINT64_MAX / 2;
    if (ibx_cache_open(&options, &cache, NULL) != IBX_OK)
        return;
    if (ibx_tileset_open(cache, c->folder, generation, &tileset, NULL) ==
        IBX_OK) {
        check_text(c, tileset, IBX_TEXT_TILEJSON,
                   "its TileJSON is not a JSON object");
        check_text(c, tileset, IBX_TEXT_REPORT,
                   "its report is not a JSON object");
        ibx_tileset_release(tileset);
    }
    ibx_cache_close(cache);
}

/* ---- results ----------------------------------------------------------- */

static void print_result(const struct verify_command *c,
                         const struct ibx_verify_result *r)
{
    if (c->common.quiet)
        return;
    printf("%s: generation %s, %" PRIu64 " packs, %" PRIu64 " tiles, %s: ",
           c->folder, r->generation[0] ? r->generation : "unknown", r->packs,
           r->tile_count, show_nbytes(r->nbytes).text);
    if (r->problems == 0)
        printf("no problem found");
    else
        printf("%" PRIu64 " problem%s in %" PRIu64 " pack%s", r->problems,
               r->problems == 1 ? "" : "s", r->packs_bad,
               r->packs_bad == 1 ? "" : "s");
    if (r->packs_repaired > 0)
        printf(", %" PRIu64 " pack%s repaired", r->packs_repaired,
               r->packs_repaired == 1 ? "" : "s");
    printf("\n");
}

static void json_list(struct json *to, const char *key, struct json *list)
{
    json_end(list, ']');
    char *text = json_take(list, NULL);
    if (text)
        json_raw(to, key, text);
    else
        to->failed = true;
    free(text);
}

static int print_json(struct verify_command *c,
                      const struct ibx_verify_result *r)
{
    struct json j = {0};
    json_object(&j, NULL);
    json_text(&j, "generation", r->generation);
    json_boolean(&j, "good", r->problems == 0);
    json_integer(&j, "problem_count", r->problems);
    json_integer(&j, "packs", r->packs);
    json_integer(&j, "packs_bad", r->packs_bad);
    json_integer(&j, "packs_repaired", r->packs_repaired);
    json_integer(&j, "tiles", r->tile_count);
    json_integer(&j, "blobs", r->blob_count);
    json_integer(&j, "bytes", r->nbytes);
    json_list(&j, "problems", &c->problems);
    json_list(&j, "repaired", &c->repaired);
    json_end(&j, '}');
    char *text = json_take(&j, NULL);
    if (!text) {
        report(c->folder, NULL, "out of memory");
        return EXIT_FAILED;
    }
    puts(text);
    free(text);
    return EXIT_DONE;
}

static int run(struct verify_command *c)
{
    bool by_fetch = c->repair_from && fetch_is_address(c->repair_from);
    const struct ibx_verify_options options = {
        .generation = c->generation,
        .threads = (unsigned)c->threads,
        .repair_from = by_fetch ? NULL : c->repair_from,
        .fetch = by_fetch ? on_fetch : NULL,
        .stop = stop_install(),
        .problem = on_problem,
        .repaired = on_repaired,
        .progress = on_progress,
        .arg = c,
    };
    struct ibx_verify_result result = {0};
    struct ibx_err err = {0};
    progress_init(&c->progress, "verifying", "MiB",
                  c->common.quiet || c->common.json);
    enum ibx_status st = ibx_verify(c->folder, &options, &result, &err);
    progress_end(&c->progress);
    if (st == IBX_ERR_INTERRUPTED) {
        report(c->folder, "start it again", "interrupted");
        return EXIT_INTERRUPTED;
    }
    if (st != IBX_OK) {
        report_err(&err);
        return EXIT_FAILED;
    }
    if (result.generation[0] != '\0')
        check_texts(c, result.generation);
    result.problems += c->text_problems;
    int code = EXIT_DONE;
    if (c->common.json)
        code = print_json(c, &result);
    else
        print_result(c, &result);
    return result.problems > 0 ? EXIT_FAILED : code;
}

static int64_t default_threads(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    if (n < 1)
        return 1;
    return n > IBX_VERIFY_THREADS_MAX ? IBX_VERIFY_THREADS_MAX : n;
}

int command_verify(int argc, char **argv)
{
    struct verify_command c = {.threads = default_threads()};
    struct operands operands = {0};
    const struct option options[] = {
        option_string("generation", &c.generation, "ID",
                      "check this one instead of the one in force"),
        option_integer("threads", &c.threads, 1, IBX_VERIFY_THREADS_MAX,
                       "default: one per processor"),
        option_string("repair-from", &c.repair_from, "DIR|URL",
                      "replace bad and missing packs by the good ones of the\n"
                      "same name in this tileset or folder of packs, or below\n"
                      "this http(s):// or GDAL /vsi address"),
    };
    const struct option_group group = {"Options", options, 3};
    const struct command_line line = {
        .usage = "verify [options] TILESET.imbrex",
        .about = "Reads a whole tileset and reports everything that is wrong "
                 "with it. Exits 0 when\nnothing is, or nothing is any more.",
        .groups = &group,
        .ngroups = 1,
        .min_operands = 1,
        .max_operands = 1,
    };
    enum options_outcome outcome =
        options_parse(&line, argc, argv, &c.common, &operands);
    if (outcome != OPTIONS_RUN)
        return options_exit_code(outcome);
    c.folder = operands.items[0];
    json_array(&c.problems, NULL);
    json_array(&c.repaired, NULL);
    int code = run(&c);
    free(json_take(&c.problems, NULL));
    free(json_take(&c.repaired, NULL));
    return code;
}
