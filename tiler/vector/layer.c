#include "tiler/vector/layer.h"

#include <stdlib.h>
#include <string.h>

static const char *const policy_words[] = {
#define LAYER_POLICY_WORD(name, word) word,
    LAYER_POLICY_LIST(LAYER_POLICY_WORD)
#undef LAYER_POLICY_WORD
};

enum { NPOLICIES = sizeof policy_words / sizeof policy_words[0] };

bool layer_policy_of(const char *word, enum layer_policy *out)
{
    for (int i = 0; i < NPOLICIES; i++) {
        if (strcmp(policy_words[i], word) == 0) {
            *out = (enum layer_policy)i;
            return true;
        }
    }
    return false;
}

const char *layer_policy_word(enum layer_policy policy)
{
    return policy_words[policy];
}

struct layer *layer_list_add(struct layer_list *list, const char *name)
{
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 8 : list->cap * 2;
        void *items = realloc(list->items, cap * sizeof *list->items);
        if (items == NULL)
            return NULL;
        list->items = items;
        list->cap = cap;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return NULL;
    struct layer *layer = &list->items[list->count++];
    *layer = (struct layer){
        .name = copy,
        .maxzoom = UINT8_MAX,
        .simplification = 1,
        .buffer = 64,
        .policy = POLICY_DROP_SMALLEST,
        .merge_lines = true,
    };
    return layer;
}

struct layer *layer_list_find(struct layer_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    }
    return NULL;
}

void layer_list_free(struct layer_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct layer *layer = &list->items[i];
        for (size_t k = 0; k < layer->nfields; k++)
            free(layer->fields[k].name);
        free(layer->fields);
        free(layer->name);
        free(layer->description);
    }
    free(list->items);
    *list = (struct layer_list){0};
}

uint32_t layer_field_number(struct layer *layer, const char *name)
{
    for (size_t i = 0; i < layer->nfields; i++) {
        if (strcmp(layer->fields[i].name, name) == 0)
            return (uint32_t)i;
    }
    if (layer->nfields == layer->fields_cap) {
        size_t cap = layer->fields_cap == 0 ? 16 : layer->fields_cap * 2;
        void *fields = realloc(layer->fields, cap * sizeof *layer->fields);
        if (fields == NULL)
            return UINT32_MAX;
        layer->fields = fields;
        layer->fields_cap = cap;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return UINT32_MAX;
    layer->fields[layer->nfields] = (struct layer_field){.name = copy};
    return (uint32_t)layer->nfields++;
}
