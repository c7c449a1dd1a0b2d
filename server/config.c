/* The configuration file: one JSON object whose keys are the options' names
 * with _ for -, and "tilesets", a list of objects. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "server/options.h"

static bool refuse(char error[OPTIONS_ERROR_NBYTES], const char *path,
                   const char *key, const char *what)
{
    (void)snprintf(error, OPTIONS_ERROR_NBYTES, "%.200s: %.100s: %.180s", path,
                   key, what);
    return false;
}

/* A JSON value as the command line would have it; false for other types. */
static bool value_text(const cJSON *value, char *out, size_t nbytes)
{
    int len = -1;
    if (cJSON_IsString(value))
        len = snprintf(out, nbytes, "%s", value->valuestring);
    else if (cJSON_IsBool(value))
        len = snprintf(out, nbytes, "%d", cJSON_IsTrue(value) ? 1 : 0);
    else if (cJSON_IsNumber(value) && value->valuedouble >= 0 &&
             value->valuedouble < 9e15 &&
             value->valuedouble == (double)(uint64_t)value->valuedouble)
        len = snprintf(out, nbytes, "%llu",
                       (unsigned long long)value->valuedouble);
    return len >= 0 && (size_t)len < nbytes;
}

/* A list of strings is joined with commas, as lists are written elsewhere. */
static bool list_text(const cJSON *list, char *out, size_t nbytes)
{
    size_t used = 0;
    const cJSON *item;
    out[0] = '\0';
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item))
            return false;
        int len = snprintf(out + used, nbytes - used, "%s%s",
                           used > 0 ? "," : "", item->valuestring);
        if (len < 0 || (size_t)len >= nbytes - used)
            return false;
        used += (size_t)len;
    }
    return true;
}

static bool read_option(struct options *options, const char *path,
                        const cJSON *member, char error[OPTIONS_ERROR_NBYTES])
{
    char name[64], value[4096], what[OPTIONS_ERROR_NBYTES];
    if (strchr(member->string, '-') != NULL ||
        strcmp(member->string, "config") == 0 ||
        !span_copy(span_of(member->string), name, sizeof(name)))
        return refuse(error, path, member->string, "unknown key");
    for (char *c = name; *c != '\0'; c++)
        *c = *c == '_' ? '-' : *c;
    bool got = cJSON_IsArray(member) ? list_text(member, value, sizeof(value))
                                     : value_text(member, value, sizeof(value));
    if (!got)
        return refuse(error, path, member->string,
                      "has a value of the wrong type");
    if (options_set(options, name, value, FROM_FILE, what))
        return true;
    if (strcmp(what, "there is no such option") == 0)
        return refuse(error, path, member->string, "unknown key");
    return refuse(error, path, member->string, what);
}

static bool set_string(char **out, const cJSON *value)
{
    char *copy = cJSON_IsString(value) ? strdup(value->valuestring) : NULL;
    if (copy == NULL)
        return false;
    free(*out);
    *out = copy;
    return true;
}

static bool set_absent(struct tileset_option *tileset, const cJSON *value)
{
    char text[16];
    if (!value_text(value, text, sizeof(text)))
        return false;
    if (strcmp(text, "204") == 0)
        tileset->absent = ABSENT_204;
    else if (strcmp(text, "404") == 0)
        tileset->absent = ABSENT_404;
    else
        return strcmp(text, "default") == 0;
    return true;
}

static bool set_max_age(struct tileset_option *tileset, const cJSON *value)
{
    char text[24];
    uint64_t age;
    if (!value_text(value, text, sizeof(text)) ||
        !span_decimal(span_of(text), 31536000, &age))
        return false;
    tileset->max_age_s = (int64_t)age;
    return true;
}

static bool set_id(struct tileset_option *tileset, const cJSON *value)
{
    return cJSON_IsString(value) && route_id_is_valid(value->valuestring) &&
           set_string(&tileset->id, value);
}

/* NULL when the member was taken, else what is wrong with it. */
static const char *read_member(struct tileset_option *tileset,
                               const cJSON *member)
{
    const char *key = member->string;
    if (strcmp(key, "path") == 0)
        return set_string(&tileset->path, member) ? NULL : "is not a string";
    if (strcmp(key, "id") == 0)
        return set_id(tileset, member) ? NULL : "is not an id";
    if (strcmp(key, "name") == 0)
        return set_string(&tileset->name, member) ? NULL : "is not a string";
    if (strcmp(key, "absent") == 0)
        return set_absent(tileset, member) ? NULL : "is not 204 or 404";
    if (strcmp(key, "max_age") == 0)
        return set_max_age(tileset, member)
                   ? NULL
                   : "is not a number of seconds up to 31536000";
    return "unknown key";
}

static bool read_tileset(struct options *options, const char *path,
                         const cJSON *item, int number,
                         char error[OPTIONS_ERROR_NBYTES])
{
    char key[160];
    (void)snprintf(key, sizeof(key), "tilesets[%d]", number);
    const cJSON *where = cJSON_GetObjectItemCaseSensitive(item, "path");
    if (!cJSON_IsString(where))
        return refuse(error, path, key, "has no \"path\"");
    struct tileset_option *tileset =
        options_add_tileset(options, where->valuestring);
    if (tileset == NULL)
        return refuse(error, path, key, "is one too many");
    const cJSON *member;
    cJSON_ArrayForEach(member, item)
    {
        const char *wrong = read_member(tileset, member);
        (void)snprintf(key, sizeof(key), "tilesets[%d].%.100s", number,
                       member->string);
        if (wrong != NULL)
            return refuse(error, path, key, wrong);
    }
    return true;
}

/* Tilesets named on the command line or in the environment win. */
static bool read_tilesets(struct options *options, const char *path,
                          const cJSON *list, char error[OPTIONS_ERROR_NBYTES])
{
    int number = 0;
    const cJSON *item;
    if (!cJSON_IsArray(list))
        return refuse(error, path, "tilesets", "is not a list");
    if (options->ntilesets > 0)
        return true;
    cJSON_ArrayForEach(item, list)
    {
        if (!read_tileset(options, path, item, number++, error))
            return false;
    }
    return true;
}

static bool is_repeated(const cJSON *member)
{
    for (const cJSON *later = member->next; later != NULL;
         later = later->next) {
        if (strcmp(later->string, member->string) == 0)
            return true;
    }
    return false;
}

static bool read_root(struct options *options, const char *path,
                      const cJSON *root, char error[OPTIONS_ERROR_NBYTES])
{
    const cJSON *member;
    if (!cJSON_IsObject(root))
        return refuse(error, path, "(root)", "is not a JSON object");
    cJSON_ArrayForEach(member, root)
    {
        if (is_repeated(member))
            return refuse(error, path, member->string, "is there twice");
        bool read = strcmp(member->string, "tilesets") == 0
                        ? read_tilesets(options, path, member, error)
                        : read_option(options, path, member, error);
        if (!read)
            return false;
    }
    return true;
}

bool config_read(struct options *options, const char *path, const char *text,
                 size_t nbytes, char error[OPTIONS_ERROR_NBYTES])
{
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, nbytes + 1, &end, 1);
    if (root == NULL) {
        size_t line = 1;
        for (const char *c = text; end != NULL && c < end && *c != '\0'; c++)
            line += *c == '\n';
        char key[32];
        (void)snprintf(key, sizeof(key), "line %zu", line);
        return refuse(error, path, key, "is not JSON");
    }
    bool read = read_root(options, path, root, error);
    cJSON_Delete(root);
    return read;
}
