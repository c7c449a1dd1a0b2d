/* build.c - `imbrex-tiler build`: options, then rasters or vectors. */
#include "tiler/build.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pack/writer.h"
#include "tiler/cli/fingerprint.h"
#include "tiler/cli/report.h"
#include "tiler/cli/stdin.h"
#include "tiler/command.h"
#include "tiler/input.h"

enum { NSHARED = 14 };

static void shared_table(struct build_options *o, struct option table[NSHARED])
{
    const struct option options[NSHARED] = {
        option_letter('o', option_string("output", &o->output, "OUT.imbrex",
                                         "the tileset to make")),
        option_flag("replace", &o->replace,
                    "publish a new generation of a tileset that is there"),
        option_zooms("zoom", &o->zooms,
                     "a range, one number, or auto (default)"),
        option_bbox("bbox", &o->bbox, "only this part, in degrees"),
        option_string("name", &o->name, "TEXT", "the title people see"),
        option_string("attribution", &o->attribution, "TEXT",
                      "the credit maps show"),
        option_string("description", &o->description, "TEXT", "what it is"),
        option_integer("threads", &o->threads, 1, 256,
                       "default: one per processor"),
        option_size("memory", &o->memory_nbytes, 32 << 20, OPTION_NO_MAX,
                    "bound for what is held at once (256M)"),
        option_string("temp-dir", &o->temp_dir, "DIR",
                      "for unfinished work (default: inside the output)"),
        option_size("pack-size", &o->pack_nbytes, IBX_PACK_NBYTES_MIN,
                    IBX_PACK_NBYTES_MAX, "largest pack file (4M)"),
        option_flag("resume", &o->resume,
                    "go on with a build that was interrupted"),
        option_flag("restart", &o->restart, "throw an interrupted build away"),
        option_flag("strict", &o->strict, "exit 1 when any data was lost"),
    };
    for (int i = 0; i < NSHARED; i++)
        table[i] = options[i];
}

static void build_options_init(struct build_options *o)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *o = (struct build_options){
        .zooms = {.is_auto = true},
        .threads = processors < 1     ? 1
                   : processors > 256 ? 256
                                      : processors,
        .memory_nbytes = 256 << 20,
        .pack_nbytes = IBX_PACK_NBYTES_DEFAULT,
        .inputs_hash = FINGERPRINT_BEGIN,
    };
    raster_options_init(&o->raster);
    vector_options_init(&o->vector);
}

static enum options_outcome parse(struct build_options *o, int argc,
                                  char **argv, struct operands *inputs)
{
    struct option shared[NSHARED];
    struct option raster[RASTER_NOPTIONS];
    struct option vector[VECTOR_NOPTIONS];
    shared_table(o, shared);
    raster_options_table(&o->raster, raster);
    vector_options_table(&o->vector, vector);
    const struct option_group groups[] = {
        {"Options", shared, NSHARED},
        {"Rasters", raster, RASTER_NOPTIONS},
        {"Vectors", vector, VECTOR_NOPTIONS},
    };
    const struct command_line line = {
        .usage = "build -o OUT.imbrex [options] INPUT...",
        .about = "Makes a tileset from anything GDAL reads. Later inputs lie "
                 "over earlier ones.",
        .groups = groups,
        .ngroups = sizeof(groups) / sizeof(groups[0]),
        .min_operands = 1,
        .max_operands = SIZE_MAX,
    };
    return options_parse(&line, argc, argv, &o->common, inputs);
}

static bool options_agree(const struct build_options *o)
{
    if (o->output == NULL) {
        report("build", "give -o OUT.imbrex", "the output is missing");
        return false;
    }
    if (o->resume && o->restart) {
        report("--resume", "leave one of them out",
               "cannot be used with --restart");
        return false;
    }
    return raster_options_check(&o->raster);
}

/* Keeps standard input where unfinished work goes: in --temp-dir, else beside
 * the output, whose own folder is not there yet. */
static bool spool_stdin(const struct build_options *o, char **path)
{
    char *output = strdup(o->output);
    bool ok =
        output != NULL &&
        stdin_spool(o->temp_dir != NULL ? o->temp_dir : dirname(output), path);
    free(output);
    return ok;
}

static enum input_kind find_input(struct build_options *o, const char *given,
                                  char **opened)
{
    char *spool = NULL;
    if (strcmp(given, "-") != 0)
        return input_find(given, opened, &o->inputs_hash);
    enum input_kind kind = spool_stdin(o, &spool)
                               ? input_find(spool, opened, &o->inputs_hash)
                               : INPUT_UNREADABLE;
    free(spool);
    return kind;
}

/* Replaces each input by the name under which GDAL opens it, to be free()d,
 * and finds their kind, which must be one. *nfound is how many were replaced.
 */
static enum input_kind find_inputs(struct build_options *o,
                                   struct operands *inputs, size_t *nfound)
{
    enum input_kind first = INPUT_UNREADABLE;
    for (*nfound = 0; *nfound < inputs->count; (*nfound)++) {
        char *given = inputs->items[*nfound];
        char *opened = NULL;
        enum input_kind kind = find_input(o, given, &opened);
        if (kind == INPUT_UNREADABLE)
            return kind;
        if (*nfound > 0 && kind != first) {
            report(given, "build rasters and vectors apart",
                   "is not of the same kind as %s", inputs->items[0]);
            free(opened);
            return INPUT_UNREADABLE;
        }
        inputs->items[*nfound] = opened;
        first = kind;
    }
    return first;
}

static int build_kind(enum input_kind kind, const struct build_options *options,
                      const struct operands *inputs)
{
    switch (kind) {
    case INPUT_RASTER:
        return build_raster(options, inputs);
    case INPUT_VECTOR:
        return build_vector(options, inputs);
    case INPUT_UNREADABLE:
        break;
    }
    return EXIT_FAILED;
}

int command_build(int argc, char **argv)
{
    struct build_options options;
    struct operands inputs = {0};
    size_t nfound = 0;
    build_options_init(&options);
    enum options_outcome outcome = parse(&options, argc, argv, &inputs);
    if (outcome != OPTIONS_RUN)
        return options_exit_code(outcome);
    if (!options_agree(&options))
        return EXIT_USAGE;
    enum input_kind kind = find_inputs(&options, &inputs, &nfound);
    int code = build_kind(kind, &options, &inputs);
    for (size_t i = 0; i < nfound; i++)
        free(inputs.items[i]);
    return code;
}
