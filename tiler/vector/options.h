/* options.h - options that only vector inputs have. */
#ifndef TILER_VECTOR_OPTIONS_H
#define TILER_VECTOR_OPTIONS_H

#include "tiler/cli/options.h"
#include "tiler/vector/rule.h"

struct vector_options {
    const char *config; /* JSON file of layer rules, or NULL */
    const char *layer;  /* put every source layer into this one */
    const char *where;
    struct string_list include, exclude;
    const char *feature_id, *sort;
    uint64_t max_tile_nbytes;
    int64_t max_tile_features;
    int64_t policy; /* enum layer_policy */
    int64_t buffer;
    double simplification;
    bool keep_lines;            /* do not merge lines */
    uint64_t temp_limit_nbytes; /* 0: what the disk has free */
    const char *report;         /* also write the report there */
    bool dry_run;
};

enum { VECTOR_NOPTIONS = 16 };

void vector_options_init(struct vector_options *options);

/* Fills `table` with the options, which write to *options. */
void vector_options_table(struct vector_options *options,
                          struct option table[VECTOR_NOPTIONS]);

/* False, and reported, when values are out of range. */
bool vector_options_check(const struct vector_options *options);

/* A rule that says what the options say, for layers without one of their own.
 * False: no memory. */
bool vector_options_rule(const struct vector_options *options,
                         struct layer_rule *rule);

#endif
