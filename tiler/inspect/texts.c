#include "tiler/inspect/texts.h"

#include <cjson/cJSON.h>
#include <string.h>

bool text_is_object(const char *json)
{
    cJSON *root = cJSON_ParseWithOpts(json, NULL, true);
    bool is_object = cJSON_IsObject(root);
    cJSON_Delete(root);
    return is_object;
}

char *text_string(const char *json, const char *key)
{
    cJSON *root = cJSON_Parse(json);
    const char *value =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, key));
    char *copy = value ? strdup(value) : NULL;
    cJSON_Delete(root);
    return copy;
}

bool text_has_key(const char *json, const char *key)
{
    cJSON *root = cJSON_Parse(json);
    bool has = cJSON_GetObjectItemCaseSensitive(root, key) != NULL;
    cJSON_Delete(root);
    return has;
}
