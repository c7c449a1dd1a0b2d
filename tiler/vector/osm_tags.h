/* osm_tags.h - the tags of a feature from OGR's `other_tags` text:
 * "key"=>"value","key"=>"value", quotes and backslashes escaped. */
#ifndef TILER_VECTOR_OSM_TAGS_H
#define TILER_VECTOR_OSM_TAGS_H

#include "tiler/vector/osm_schema.h"

/* Begin with all zero. */
struct osm_tag_list {
    struct osm_tags tags; /* points into the two below */
    struct osm_tag *items;
    size_t cap;
    char *text;
    size_t text_cap;
};

void osm_tag_list_free(struct osm_tag_list *list);

/* Replaces the tags; `text` may be NULL. Malformed text ends the list. False:
 * no memory. */
bool osm_tags_parse(struct osm_tag_list *list, const char *text);

#endif
