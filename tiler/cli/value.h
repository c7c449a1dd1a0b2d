/* value.h - option values from text. Each returns false, with *out unchanged,
 * for anything but a whole, well-formed value. No output, no state. */
#ifndef TILER_CLI_VALUE_H
#define TILER_CLI_VALUE_H

#include "tiler/cli/options.h"

/* Decimal digits with an optional minus sign. */
bool value_integer(const char *text, int64_t *out);

/* Decimal digits and an optional K, M, G or T (either case, powers of 1024).
 */
bool value_size(const char *text, uint64_t *out);

/* A finite decimal number, whatever the locale. */
bool value_double(const char *text, double *out);

/* "auto", "N" or "MIN-MAX", 0..30. */
bool value_zooms(const char *text, struct zoom_range *out);

/* "W,S,E,N": -180..180 and -90..90, south < north, west != east. */
bool value_bbox(const char *text, struct bbox *out);

/* "MIN:MAX", min < max. */
bool value_range(const char *text, struct double_range *out);

#endif
