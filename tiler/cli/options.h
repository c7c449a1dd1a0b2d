/* options.h - command lines described by tables.
 *
 * A command lists its options in one or more groups; parsing, range checks and
 * --help all follow from the tables. Long options are written `--name VALUE`
 * or `--name=VALUE`, letters `-o VALUE`; `--` ends the options. Every command
 * also knows --help, --version, --quiet, --verbose and --json.
 *
 *     const char *out = NULL;
 *     uint64_t memory = 256 << 20;
 *     const struct option options[] = {
 *         option_letter('o', option_string("output", &out, "FILE", "...")),
 *         option_size("memory", &memory, 8 << 20, OPTION_NO_MAX, "..."),
 *     };
 */
#ifndef TILER_CLI_OPTIONS_H
#define TILER_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --zoom MIN-MAX, N or auto. */
struct zoom_range {
    bool is_auto;
    uint8_t min, max; /* inclusive, 0..30, min <= max; unused when is_auto */
};

/* --bbox W,S,E,N in degrees. West may be east of east: then the box crosses
 * the antimeridian. */
struct bbox {
    bool is_set;
    double west, south, east, north;
};

/* --scale MIN:MAX. */
struct double_range {
    bool is_set;
    double min, max; /* min < max */
};

/* An option that may be repeated. Items are borrowed from argv. */
struct string_list {
    const char **items; /* free() it with string_list_fini() */
    size_t count;
};

enum option_type {
    OPTION_FLAG,    /* .flag: no value; set to true */
    OPTION_STRING,  /* .string: borrowed from argv */
    OPTION_STRINGS, /* .strings */
    OPTION_CHOICE,  /* .integer: index of the word in `choices` */
    OPTION_INTEGER, /* .integer: min..max of the table */
    OPTION_SIZE,    /* .size: bytes, K M G T are powers of 1024; min..max */
    OPTION_DOUBLE,  /* .number: finite */
    OPTION_ZOOMS,   /* .zooms */
    OPTION_BBOX,    /* .bbox */
    OPTION_RANGE,   /* .range */
};

struct option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    enum option_type type;
    /* Where the value goes; holds the default before. */
    union {
        bool *flag;
        const char **string;
        struct string_list *strings;
        int64_t *integer;
        uint64_t *size;
        double *number;
        struct zoom_range *zooms;
        struct bbox *bbox;
        struct double_range *range;
    } to;
    const char *value; /* its name in --help, "FILE"; NULL for a flag */
    const char *help;  /* one or more lines, wrapped by the caller's \n */
    uint64_t min, max; /* for INTEGER and SIZE; max 0 means no upper limit */
    const char *const *choices; /* for CHOICE: NULL ends it */
    bool *given; /* set to true when the option occurs; or NULL */
};

#define OPTION_NO_MAX 0

/* Table rows. All strings and pointers are borrowed. */
struct option option_flag(const char *name, bool *to, const char *help);
struct option option_string(const char *name, const char **to,
                            const char *value, const char *help);
struct option option_strings(const char *name, struct string_list *to,
                             const char *value, const char *help);
struct option option_choice(const char *name, int64_t *to,
                            const char *const *choices, const char *value,
                            const char *help);
struct option option_integer(const char *name, int64_t *to, uint64_t min,
                             uint64_t max, const char *help);
struct option option_size(const char *name, uint64_t *to, uint64_t min,
                          uint64_t max, const char *help);
struct option option_double(const char *name, double *to, const char *help);
struct option option_zooms(const char *name, struct zoom_range *to,
                           const char *help);
struct option option_bbox(const char *name, struct bbox *to, const char *help);
struct option option_range(const char *name, struct double_range *to,
                           const char *help);

/* The row with a letter, and with a flag that tells whether it occurred. */
struct option option_letter(char letter, struct option option);
struct option option_noting(bool *given, struct option option);

struct option_group {
    const char *title; /* "Raster inputs" */
    const struct option *options;
    size_t count;
};

struct command_line {
    const char *usage; /* "build -o OUT.imbrex [options] INPUT..." */
    const char *about; /* a paragraph for --help */
    const struct option_group *groups;
    size_t ngroups;
    size_t min_operands, max_operands;
};

/* What every command is told. */
struct common_options {
    bool quiet, verbose, json;
};

struct operands {
    char **items; /* borrowed from argv */
    size_t count;
};

enum options_outcome {
    OPTIONS_RUN,  /* go on */
    OPTIONS_DONE, /* --help or --version was answered: exit 0 */
    OPTIONS_BAD,  /* reported: exit 2 */
};

/* Parses argv[1..], moving the operands to the front of argv. What was wrong
 * has been reported when OPTIONS_BAD comes back. */
enum options_outcome options_parse(const struct command_line *line, int argc,
                                   char **argv, struct common_options *common,
                                   struct operands *operands);

/* The exit code of an outcome other than OPTIONS_RUN. */
int options_exit_code(enum options_outcome outcome);

void string_list_fini(struct string_list *list);

#endif
