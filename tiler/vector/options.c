#include "tiler/vector/options.h"

#include <string.h>

#include "tiler/cli/report.h"

static const char *const policy_words[] = {
#define POLICY_WORD(name, word) word,
    LAYER_POLICY_LIST(POLICY_WORD)
#undef POLICY_WORD
        NULL};

enum { MAX_BUFFER = 4096, MAX_FEATURES = 1 << 30 };

void vector_options_init(struct vector_options *options)
{
    *options = (struct vector_options){
        .max_tile_nbytes = 500000,
        .max_tile_features = 200000,
        .policy = POLICY_DROP_SMALLEST,
        .buffer = 64,
        .simplification = 1,
    };
}

void vector_options_table(struct vector_options *o,
                          struct option table[VECTOR_NOPTIONS])
{
    const struct option options[VECTOR_NOPTIONS] = {
        option_string("config", &o->config, "FILE",
                      "JSON: what to do with each layer"),
        option_string("layer", &o->layer, "NAME",
                      "put all features into this tile layer"),
        option_string("where", &o->where, "CONDITION",
                      "only features that meet an OGR SQL condition"),
        option_strings("include", &o->include, "ATTRIBUTE",
                       "keep this attribute and no other; repeatable"),
        option_strings("exclude", &o->exclude, "ATTRIBUTE",
                       "leave this attribute out; repeatable"),
        option_string("feature-id", &o->feature_id, "ATTRIBUTE",
                      "holds the features' ids; `fid`: the source's own"),
        option_string("sort", &o->sort, "ATTRIBUTE",
                      "draw large values last, and drop them last"),
        option_size("max-tile-bytes", &o->max_tile_nbytes, 0, OPTION_NO_MAX,
                    "compressed (500000); 0: no limit"),
        option_integer("max-tile-features", &o->max_tile_features, 0,
                       MAX_FEATURES, "(200000); 0: no limit"),
        option_choice("oversize", &o->policy, policy_words, "POLICY",
                      "for tiles over a limit: drop-smallest (default),\n"
                      "drop-densest, coalesce, simplify-more, keep or\n"
                      "error"),
        option_integer("buffer", &o->buffer, 0, MAX_BUFFER,
                       "around tiles, in 1/4096 of a tile (64)"),
        option_double("simplification", &o->simplification,
                      "tolerance in 1/4096 of a tile (1); not at the\n"
                      "deepest zoom"),
        option_flag("keep-lines", &o->keep_lines,
                    "do not merge lines with equal attributes"),
        option_size("temp-limit", &o->temp_limit_nbytes, 0, OPTION_NO_MAX,
                    "for temporary files (default: what is free)"),
        option_flag("dry-run", &o->dry_run,
                    "make the tiles, write none, and say how many they are"),
        option_string("report", &o->report, "FILE",
                      "write what was built and lost there, as JSON"),
    };
    memcpy(table, options, sizeof options);
}

bool vector_options_check(const struct vector_options *o)
{
    if (o->simplification < 0 || o->simplification > MAX_BUFFER) {
        report("--simplification", "give 0 to 4096", "is out of range");
        return false;
    }
    return true;
}

static bool copy_words(const struct string_list *from, struct rule_words *to)
{
    for (size_t i = 0; i < from->count; i++) {
        if (!rule_words_add(to, from->items[i]))
            return false;
    }
    return true;
}

static bool copy_text(const char *from, char **to)
{
    if (from == NULL)
        return true;
    *to = strdup(from);
    return *to != NULL;
}

bool vector_options_rule(const struct vector_options *o,
                         struct layer_rule *rule)
{
    rule->has_policy = rule->has_buffer = true;
    rule->has_simplification = rule->has_merge_lines = true;
    rule->policy = (enum layer_policy)o->policy;
    rule->buffer = (uint32_t)o->buffer;
    rule->simplification = o->simplification;
    rule->merge_lines = !o->keep_lines;
    return copy_words(&o->include, &rule->include) &&
           copy_words(&o->exclude, &rule->exclude) &&
           copy_text(o->layer, &rule->name) &&
           copy_text(o->where, &rule->where) &&
           copy_text(o->feature_id, &rule->feature_id) &&
           copy_text(o->sort, &rule->sort);
}
