#include "tiler/vector/config.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NBYTES = 16 << 20, MAX_ZOOM = 24, MAX_BUFFER = 4096 };

/* Where parsing stands, for messages. */
struct parse {
    char *what;
    char path[CONFIG_WHAT_NBYTES / 2];
};

static bool refuse(struct parse *parse, const char *key, const char *why)
{
    snprintf(parse->what, CONFIG_WHAT_NBYTES, "%s%s%s %s", parse->path,
             parse->path[0] == '\0' || key[0] == '\0' ? "" : ".", key, why);
    return false;
}

static bool set_text(struct parse *parse, const cJSON *item, char **to)
{
    if (!cJSON_IsString(item))
        return refuse(parse, item->string, "is not a text");
    free(*to);
    *to = strdup(item->valuestring);
    return *to != NULL || refuse(parse, item->string, "needs memory");
}

static bool set_bool(struct parse *parse, const cJSON *item, bool *to)
{
    if (!cJSON_IsBool(item))
        return refuse(parse, item->string, "is not true or false");
    *to = cJSON_IsTrue(item);
    return true;
}

static bool set_number(struct parse *parse, const cJSON *item, double max,
                       double *to)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) ||
        item->valuedouble > max)
        return refuse(parse, item->string, "is not a number in range");
    *to = item->valuedouble;
    return true;
}

static bool set_whole(struct parse *parse, const cJSON *item, unsigned max,
                      unsigned *to)
{
    double number = 0;
    if (!set_number(parse, item, max, &number))
        return false;
    *to = (unsigned)number;
    return *to == number ||
           refuse(parse, item->string, "is not a whole number");
}

static bool set_zoom(struct parse *parse, const cJSON *item, uint8_t *to)
{
    unsigned zoom;
    if (!set_whole(parse, item, MAX_ZOOM, &zoom))
        return false;
    *to = (uint8_t)zoom;
    return true;
}

static bool set_words(struct parse *parse, const cJSON *item,
                      struct rule_words *to)
{
    if (!cJSON_IsArray(item))
        return refuse(parse, item->string, "is not a list of texts");
    const cJSON *word;
    cJSON_ArrayForEach(word, item)
    {
        if (!cJSON_IsString(word) || !rule_words_add(to, word->valuestring))
            return refuse(parse, item->string, "is not a list of texts");
    }
    return true;
}

static bool set_renames(struct parse *parse, const cJSON *item,
                        struct layer_rule *rule)
{
    if (!cJSON_IsObject(item))
        return refuse(parse, item->string, "is not an object");
    const cJSON *pair;
    cJSON_ArrayForEach(pair, item)
    {
        if (!cJSON_IsString(pair) ||
            !rule_words_add(&rule->rename_from, pair->string) ||
            !rule_words_add(&rule->rename_to, pair->valuestring))
            return refuse(parse, item->string, "gives a name that is no text");
    }
    return true;
}

static bool set_policy(struct parse *parse, const cJSON *item,
                       struct layer_rule *rule)
{
    rule->has_policy = true;
    if (cJSON_IsString(item) &&
        layer_policy_of(item->valuestring, &rule->policy))
        return true;
    return refuse(parse, item->string,
                  "is none of drop-smallest, drop-densest, coalesce, "
                  "simplify-more, keep, error");
}

static bool band_key(struct parse *parse, const cJSON *item,
                     struct rule_band *band)
{
    if (strcmp(item->string, "minzoom") == 0)
        return set_zoom(parse, item, &band->minzoom);
    if (strcmp(item->string, "maxzoom") == 0)
        return set_zoom(parse, item, &band->maxzoom);
    if (strcmp(item->string, "where") == 0)
        return set_text(parse, item, &band->where);
    return refuse(parse, item->string, "is not known");
}

static bool bands_are_apart(const struct layer_rule *rule)
{
    for (size_t i = 0; i < rule->nbands; i++) {
        const struct rule_band *a = &rule->bands[i];
        for (size_t k = 0; k < i; k++) {
            const struct rule_band *b = &rule->bands[k];
            if (a->minzoom <= b->maxzoom && b->minzoom <= a->maxzoom)
                return false;
        }
    }
    return true;
}

static bool set_band(struct parse *parse, const cJSON *entry,
                     struct rule_band *band)
{
    band->maxzoom = MAX_ZOOM;
    if (!cJSON_IsObject(entry))
        return refuse(parse, "", "is not an object");
    const cJSON *key;
    cJSON_ArrayForEach(key, entry)
    {
        if (!band_key(parse, key, band))
            return false;
    }
    return band->minzoom <= band->maxzoom ||
           refuse(parse, "maxzoom", "is less than minzoom");
}

static bool set_bands(struct parse *parse, const cJSON *item,
                      struct layer_rule *rule)
{
    int n = cJSON_GetArraySize(item);
    if (!cJSON_IsArray(item) || n < 1)
        return refuse(parse, item->string, "is not a list of objects");
    rule->bands = calloc((size_t)n, sizeof *rule->bands);
    if (rule->bands == NULL)
        return refuse(parse, item->string, "needs memory");
    size_t end = strlen(parse->path);
    const cJSON *entry;
    cJSON_ArrayForEach(entry, item)
    {
        size_t i = rule->nbands++;
        snprintf(parse->path + end, sizeof parse->path - end, ".zooms[%zu]", i);
        if (!set_band(parse, entry, &rule->bands[i]))
            return false;
    }
    parse->path[end] = '\0';
    return bands_are_apart(rule) ||
           refuse(parse, item->string, "has bands that overlap");
}

/* Keys whose value is a text. */
static char **text_key(struct layer_rule *rule, const char *key)
{
    const struct {
        const char *key;
        char **to;
    } keys[] = {
        {"name", &rule->name},
        {"description", &rule->description},
        {"where", &rule->where},
        {"feature_id", &rule->feature_id},
        {"sort", &rule->sort},
        {"minzoom_field", &rule->minzoom_field},
        {"maxzoom_field", &rule->maxzoom_field},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i].key, key) == 0)
            return keys[i].to;
    }
    return NULL;
}

static bool zoom_key(struct parse *parse, const cJSON *item,
                     struct layer_rule *rule)
{
    bool min = strcmp(item->string, "minzoom") == 0;
    *(min ? &rule->has_minzoom : &rule->has_maxzoom) = true;
    return set_zoom(parse, item, min ? &rule->minzoom : &rule->maxzoom);
}

static bool buffer_key(struct parse *parse, const cJSON *item,
                       struct layer_rule *rule)
{
    unsigned buffer = 0;
    rule->has_buffer = set_whole(parse, item, MAX_BUFFER, &buffer);
    rule->buffer = buffer;
    return rule->has_buffer;
}

static bool rule_key(struct parse *parse, const cJSON *item,
                     struct layer_rule *rule)
{
    const char *key = item->string;
    char **text = text_key(rule, key);
    if (text != NULL)
        return set_text(parse, item, text);
    if (strcmp(key, "skip") == 0)
        return set_bool(parse, item, &rule->skip);
    if (strcmp(key, "minzoom") == 0 || strcmp(key, "maxzoom") == 0)
        return zoom_key(parse, item, rule);
    if (strcmp(key, "include") == 0)
        return set_words(parse, item, &rule->include);
    if (strcmp(key, "exclude") == 0)
        return set_words(parse, item, &rule->exclude);
    if (strcmp(key, "rename") == 0)
        return set_renames(parse, item, rule);
    if (strcmp(key, "zooms") == 0)
        return set_bands(parse, item, rule);
    if (strcmp(key, "oversize") == 0)
        return set_policy(parse, item, rule);
    if (strcmp(key, "buffer") == 0)
        return buffer_key(parse, item, rule);
    rule->has_simplification = true;
    if (strcmp(key, "simplification") == 0)
        return set_number(parse, item, MAX_BUFFER, &rule->simplification);
    rule->has_merge_lines = true;
    if (strcmp(key, "merge_lines") == 0)
        return set_bool(parse, item, &rule->merge_lines);
    return refuse(parse, key, "is not known");
}

static bool parse_rule(struct parse *parse, const cJSON *item,
                       const struct layer_rule *defaults,
                       struct rule_list *rules)
{
    snprintf(parse->path, sizeof parse->path, "layers.%s", item->string);
    if (!cJSON_IsObject(item))
        return refuse(parse, "", "is not an object");
    struct layer_rule *rule = rule_list_add(rules);
    if (rule == NULL)
        return refuse(parse, "", "needs memory");
    rule->has_policy = rule->has_buffer = true;
    rule->has_simplification = rule->has_merge_lines = true;
    rule->policy = defaults->policy;
    rule->buffer = defaults->buffer;
    rule->simplification = defaults->simplification;
    rule->merge_lines = defaults->merge_lines;
    rule->source = strdup(item->string);
    if (rule->source == NULL)
        return refuse(parse, "", "needs memory");
    const cJSON *key;
    cJSON_ArrayForEach(key, item)
    {
        if (!rule_key(parse, key, rule))
            return false;
    }
    if (rule->nbands > 0 && rule->where != NULL)
        return refuse(parse, "where", "cannot stand beside zooms");
    if (rule->has_minzoom && rule->has_maxzoom && rule->minzoom > rule->maxzoom)
        return refuse(parse, "maxzoom", "is less than minzoom");
    return true;
}

static bool parse_top(struct parse *parse, const cJSON *top,
                      const struct layer_rule *defaults,
                      struct rule_list *rules)
{
    if (!cJSON_IsObject(top))
        return refuse(parse, "the file", "is not a JSON object");
    const cJSON *item, *layer;
    cJSON_ArrayForEach(item, top)
    {
        if (strcmp(item->string, "layers") != 0)
            return refuse(parse, item->string, "is not known");
        if (!cJSON_IsObject(item))
            return refuse(parse, "layers", "is not an object");
        cJSON_ArrayForEach(layer, item)
        {
            if (!parse_rule(parse, layer, defaults, rules))
                return false;
        }
    }
    return true;
}

bool config_parse(const char *text, const struct layer_rule *defaults,
                  struct rule_list *rules, char what[CONFIG_WHAT_NBYTES])
{
    struct parse parse = {.what = what};
    cJSON *top = cJSON_ParseWithOpts(text, NULL, true);
    if (top == NULL)
        return refuse(&parse, "the file", "is not JSON");
    bool ok = parse_top(&parse, top, defaults, rules);
    cJSON_Delete(top);
    return ok;
}

/* The whole file, terminated; NULL with errno, or 0 when it is too long. */
static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    char *text = malloc(MAX_NBYTES + 1);
    size_t n = text == NULL ? 0 : fread(text, 1, MAX_NBYTES + 1, file);
    bool bad = text == NULL || ferror(file) != 0 || n > MAX_NBYTES;
    int saved = ferror(file) != 0 ? EIO : 0;
    if (fclose(file) != 0)
        bad = true;
    if (bad) {
        free(text);
        errno = saved;
        return NULL;
    }
    text[n] = '\0';
    return text;
}

bool config_load(const char *path, const struct layer_rule *defaults,
                 struct rule_list *rules, char what[CONFIG_WHAT_NBYTES])
{
    errno = 0;
    char *text = read_text(path);
    if (text == NULL) {
        snprintf(what, CONFIG_WHAT_NBYTES, "cannot be read (%s)",
                 errno == 0 ? "too long" : strerror(errno));
        return false;
    }
    bool ok = config_parse(text, defaults, rules, what);
    free(text);
    return ok;
}
