#include "tiler/vector/osm_tags.h"

#include <stdlib.h>
#include <string.h>

void osm_tag_list_free(struct osm_tag_list *list)
{
    free(list->items);
    free(list->text);
    *list = (struct osm_tag_list){0};
}

static bool reserve(struct osm_tag_list *list, size_t text_nbytes)
{
    if (text_nbytes > list->text_cap) {
        char *text = realloc(list->text, 2 * text_nbytes);
        if (text == NULL)
            return false;
        list->text = text;
        list->text_cap = 2 * text_nbytes;
    }
    /* A pair takes at least six bytes: ""=>"" */
    size_t most = text_nbytes / 6 + 1;
    if (most > list->cap) {
        void *items = realloc(list->items, 2 * most * sizeof *list->items);
        if (items == NULL)
            return false;
        list->items = items;
        list->cap = 2 * most;
    }
    return true;
}

/* Unescapes the quoted word at *at in place; NULL when there is none. */
static const char *take_word(char **at)
{
    if (**at != '"')
        return NULL;
    char *from = *at + 1, *to = from;
    const char *word = to;
    while (*from != '"') {
        if (*from == '\\' && from[1] != '\0')
            from++;
        if (*from == '\0')
            return NULL;
        *to++ = *from++;
    }
    *at = from + 1;
    *to = '\0';
    return word;
}

static bool take_pair(char **at, struct osm_tag *tag)
{
    tag->key = take_word(at);
    if (tag->key == NULL || strncmp(*at, "=>", 2) != 0)
        return false;
    *at += 2;
    tag->value = take_word(at);
    if (tag->value == NULL)
        return false;
    if (**at == ',')
        (*at)++;
    return true;
}

bool osm_tags_parse(struct osm_tag_list *list, const char *text)
{
    size_t n = text == NULL ? 0 : strlen(text);
    list->tags = (struct osm_tags){list->items, 0};
    if (n == 0)
        return true;
    if (!reserve(list, n + 1))
        return false;
    memcpy(list->text, text, n + 1);
    list->tags.items = list->items;
    char *at = list->text;
    while (list->tags.count < list->cap &&
           take_pair(&at, &list->items[list->tags.count]))
        list->tags.count++;
    return true;
}
