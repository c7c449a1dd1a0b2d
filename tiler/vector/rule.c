#include "tiler/vector/rule.h"

#include <stdlib.h>
#include <string.h>

#include "tiler/cli/report.h"

struct layer_rule *rule_list_add(struct rule_list *list)
{
    void *items = realloc(list->items, (list->count + 1) * sizeof *list->items);
    if (items == NULL)
        return NULL;
    list->items = items;
    list->items[list->count] = (struct layer_rule){0};
    return &list->items[list->count++];
}

static void free_words(struct rule_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i]);
    free(words->items);
    free(words->met);
}

static void free_rule(struct layer_rule *rule)
{
    free(rule->source);
    free(rule->name);
    free(rule->description);
    free(rule->where);
    free(rule->feature_id);
    free(rule->sort);
    free(rule->minzoom_field);
    free(rule->maxzoom_field);
    free_words(&rule->include);
    free_words(&rule->exclude);
    free_words(&rule->rename_from);
    free_words(&rule->rename_to);
    for (size_t i = 0; i < rule->nbands; i++)
        free(rule->bands[i].where);
    free(rule->bands);
}

void rule_list_free(struct rule_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free_rule(&list->items[i]);
    free(list->items);
    *list = (struct rule_list){0};
}

struct layer_rule *rule_for(const struct rule_list *list, const char *source)
{
    struct layer_rule *any = NULL;
    for (size_t i = 0; i < list->count; i++) {
        struct layer_rule *rule = &list->items[i];
        if (rule->source == NULL)
            any = rule;
        else if (strcmp(rule->source, source) == 0)
            return rule;
    }
    return any;
}

bool rule_words_add(struct rule_words *words, const char *word)
{
    void *items =
        realloc(words->items, (words->count + 1) * sizeof *words->items);
    if (items == NULL)
        return false;
    words->items = items;
    bool *met = realloc(words->met, (words->count + 1) * sizeof *met);
    if (met == NULL)
        return false;
    words->met = met;
    words->met[words->count] = false;
    words->items[words->count] = strdup(word);
    if (words->items[words->count] == NULL)
        return false;
    words->count++;
    return true;
}

bool rule_words_have(const struct rule_words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->items[i], word) == 0)
            return true;
    }
    return false;
}

bool rule_wants(const struct layer_rule *rule, const char *attribute)
{
    if (rule == NULL)
        return true;
    if (rule->include.count > 0 && !rule_words_have(&rule->include, attribute))
        return false;
    return !rule_words_have(&rule->exclude, attribute);
}

const char *rule_renamed(const struct layer_rule *rule, const char *attribute)
{
    for (size_t i = 0; rule != NULL && i < rule->rename_from.count; i++) {
        if (strcmp(rule->rename_from.items[i], attribute) == 0)
            return rule->rename_to.items[i];
    }
    return attribute;
}

/* ---- names that the inputs must have ------------------------------------ */

static void meet_word(struct rule_words *words, const char *attribute)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->items[i], attribute) == 0)
            words->met[i] = true;
    }
}

void rule_meet(struct layer_rule *rule, const char *attribute)
{
    if (rule == NULL)
        return;
    meet_word(&rule->include, attribute);
    meet_word(&rule->exclude, attribute);
    meet_word(&rule->rename_from, attribute);
}

static void report_words(const struct layer_rule *rule, const char *config,
                         const char *key, const struct rule_words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        if (words->met[i])
            continue;
        if (rule->source == NULL)
            report(key, "check its spelling", "no layer has an attribute `%s`",
                   words->items[i]);
        else
            report(config, "check its spelling",
                   "layers.%s.%s: the layer has no attribute `%s`",
                   rule->source, key + 2, words->items[i]);
    }
}

void rule_report_unmet(const struct rule_list *list, const char *config)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct layer_rule *rule = &list->items[i];
        if (!rule->is_met && rule->source != NULL)
            report(config, "name it as ogrinfo does",
                   "layers.%s: no input has such a layer", rule->source);
        if (!rule->is_met || rule->skip)
            continue;
        report_words(rule, config, "--include", &rule->include);
        report_words(rule, config, "--exclude", &rule->exclude);
        report_words(rule, config, "--rename", &rule->rename_from);
    }
}

bool rule_apply(const struct layer_rule *rule, struct layer *layer)
{
    if (rule == NULL)
        return true;
    if (rule->has_minzoom)
        layer->minzoom = rule->minzoom;
    if (rule->has_maxzoom)
        layer->maxzoom = rule->maxzoom;
    if (rule->has_simplification)
        layer->simplification = rule->simplification;
    if (rule->has_buffer)
        layer->buffer = rule->buffer;
    if (rule->has_policy)
        layer->policy = rule->policy;
    if (rule->has_merge_lines)
        layer->merge_lines = rule->merge_lines;
    if (rule->description == NULL || layer->description != NULL)
        return true;
    layer->description = strdup(rule->description);
    return layer->description != NULL;
}
