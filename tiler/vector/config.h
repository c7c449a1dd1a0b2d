/* config.h - layer rules from a JSON file (docs/vector.md). */
#ifndef TILER_VECTOR_CONFIG_H
#define TILER_VECTOR_CONFIG_H

#include "tiler/vector/rule.h"

enum { CONFIG_WHAT_NBYTES = 160 };

/* Adds the file's rules to `rules`. On failure `what` says what is wrong and
 * where, as a path of keys ("layers.roads.minzoom"); rules added before stay.
 * Each layer's rule begins as a copy of what `defaults` says of simplifying,
 * buffers, policies and merging. */
bool config_parse(const char *text, const struct layer_rule *defaults,
                  struct rule_list *rules, char what[CONFIG_WHAT_NBYTES]);

/* The same from a file, which may be up to 16 MiB. */
bool config_load(const char *path, const struct layer_rule *defaults,
                 struct rule_list *rules, char what[CONFIG_WHAT_NBYTES]);

#endif
