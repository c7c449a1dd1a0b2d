/* layer.h - what is known and wanted of a tile layer. */
#ifndef TILER_VECTOR_LAYER_H
#define TILER_VECTOR_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What to do with a tile that exceeds a limit. Words for --oversize. */
#define LAYER_POLICY_LIST(X)                                                   \
    X(POLICY_DROP_SMALLEST, "drop-smallest")                                   \
    X(POLICY_DROP_DENSEST, "drop-densest")                                     \
    X(POLICY_COALESCE, "coalesce")                                             \
    X(POLICY_SIMPLIFY_MORE, "simplify-more")                                   \
    X(POLICY_KEEP, "keep")                                                     \
    X(POLICY_ERROR, "error")

enum layer_policy {
#define LAYER_POLICY_ENUM(name, word) name,
    LAYER_POLICY_LIST(LAYER_POLICY_ENUM)
#undef LAYER_POLICY_ENUM
};

/* Types of TileJSON's vector_layers, as bits: a field may have several. */
enum field_type { FIELD_STRING = 1, FIELD_NUMBER = 2, FIELD_BOOLEAN = 4 };

struct layer_field {
    char *name;
    unsigned types; /* bits of enum field_type met so far */
};

struct layer {
    char *name;
    char *description;        /* or NULL */
    uint8_t minzoom, maxzoom; /* inclusive */
    double simplification;    /* tile units at zooms above the deepest */
    uint32_t buffer;          /* tile units */
    enum layer_policy policy;
    bool merge_lines;
    /* Keys of the attribute sets, by number. */
    struct layer_field *fields;
    size_t nfields, fields_cap;
    unsigned kinds; /* bit (1 << enum geom_kind) per kind met */
};

struct layer_list {
    struct layer *items;
    size_t count, cap;
};

/* Adds a layer with the defaults (all zooms, 1 unit, buffer 64, drop-smallest,
 * lines merged). NULL: no memory. Pointers into the list move. */
struct layer *layer_list_add(struct layer_list *list, const char *name);

/* The layer of that name, or NULL. */
struct layer *layer_list_find(struct layer_list *list, const char *name);

void layer_list_free(struct layer_list *list);

/* The number of field `name`, added if new; UINT32_MAX: no memory. */
uint32_t layer_field_number(struct layer *layer, const char *name);

/* The policy of that name; false when there is none. */
bool layer_policy_of(const char *word, enum layer_policy *out);
const char *layer_policy_word(enum layer_policy policy);

#endif
