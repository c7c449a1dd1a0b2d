/* rule.h - what the user wants of a source layer. From the command line, or
 * from a configuration file (config.h). */
#ifndef TILER_VECTOR_RULE_H
#define TILER_VECTOR_RULE_H

#include "tiler/vector/layer.h"

struct rule_words {
    char **items;
    bool *met; /* whether a layer of the inputs has it */
    size_t count;
};

/* A filter for some zooms: those features alone are shown there. */
struct rule_band {
    uint8_t minzoom, maxzoom;
    char *where; /* an OGR SQL condition, or NULL: all */
};

/* Strings are owned; NULL and false mean "not said". */
struct layer_rule {
    char *source; /* the OGR layer it is for; NULL: every one without a rule */
    char *name;   /* of the tile layer */
    char *description;
    bool is_met; /* by a layer of the inputs */
    bool skip;   /* leave the layer out */
    bool has_minzoom, has_maxzoom, has_simplification, has_buffer;
    bool has_policy, has_merge_lines;
    uint8_t minzoom, maxzoom;
    double simplification;
    uint32_t buffer;
    enum layer_policy policy;
    bool merge_lines;
    struct rule_words include, exclude; /* attributes; include empty: all */
    struct rule_words rename_from, rename_to;
    char *where;
    struct rule_band *bands;
    size_t nbands;
    /* Names of attributes with a role. They stay attributes too. */
    char *feature_id, *sort, *minzoom_field, *maxzoom_field;
};

struct rule_list {
    struct layer_rule *items;
    size_t count;
};

/* An empty rule at the list's end; NULL: no memory. */
struct layer_rule *rule_list_add(struct rule_list *list);
void rule_list_free(struct rule_list *list);

/* The rule for an OGR layer: its own, else the one without source, else NULL.
 */
struct layer_rule *rule_for(const struct rule_list *list, const char *source);

/* Notes that a layer the rule (or NULL) is for has an attribute. */
void rule_meet(struct layer_rule *rule, const char *attribute);

/* Warns of layers and attributes named by the rules that no input has met.
 * `config` names their file; NULL: there is none. */
void rule_report_unmet(const struct rule_list *list, const char *config);

bool rule_words_add(struct rule_words *words, const char *word);
bool rule_words_have(const struct rule_words *words, const char *word);

/* Whether the rule (or NULL) wants an attribute, and its name in the tile. */
bool rule_wants(const struct layer_rule *rule, const char *attribute);
const char *rule_renamed(const struct layer_rule *rule, const char *attribute);

/* Gives a new layer what the rule (or NULL) says. False: no memory. */
bool rule_apply(const struct layer_rule *rule, struct layer *layer);

#endif
