#include "tiler/cli/value.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pack/imbrex.h"

/* Digits up to `end`; false when there are none or they overflow. */
static bool parse_digits(const char *text, const char **end, uint64_t *out)
{
    uint64_t sum = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9'; c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    if (c == text)
        return false;
    *end = c;
    *out = sum;
    return true;
}

bool value_integer(const char *text, int64_t *out)
{
    bool negative = text[0] == '-';
    const char *end = NULL;
    uint64_t n = 0;
    if (!parse_digits(text + negative, &end, &n) || *end != '\0' ||
        n > INT64_MAX)
        return false;
    *out = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

static bool unit_shift(const char *unit, unsigned *shift)
{
    static const char letters[] = "KMGT";
    *shift = 0;
    if (unit[0] == '\0')
        return true;
    char upper = (char)(unit[0] >= 'a' ? unit[0] - 'a' + 'A' : unit[0]);
    const char *found = strchr(letters, upper);
    if (found == NULL || unit[1] != '\0')
        return false;
    *shift = 10 * (unsigned)(found - letters + 1);
    return true;
}

bool value_size(const char *text, uint64_t *out)
{
    const char *end = NULL;
    uint64_t n = 0;
    unsigned shift = 0;
    if (!parse_digits(text, &end, &n) || !unit_shift(end, &shift) ||
        n > UINT64_MAX >> shift)
        return false;
    *out = n << shift;
    return true;
}

/* A number followed by `after`; *end is then behind it. */
static bool parse_double(const char *text, char after, const char **end,
                         double *out)
{
    /* strtod takes spaces, hexadecimal, inf and nan; none is wanted here. */
    if (strspn(text, "+-.0123456789eE") == 0)
        return false;
    char *stop = NULL;
    errno = 0;
    double value = strtod(text, &stop);
    size_t used = (size_t)(stop - text);
    if (used == 0 || strspn(text, "+-.0123456789eE") < used || errno != 0 ||
        !isfinite(value) || *stop != after)
        return false;
    *end = after == '\0' ? stop : stop + 1;
    *out = value;
    return true;
}

bool value_double(const char *text, double *out)
{
    const char *end = NULL;
    return parse_double(text, '\0', &end, out);
}

bool value_zooms(const char *text, struct zoom_range *out)
{
    if (strcmp(text, "auto") == 0) {
        *out = (struct zoom_range){.is_auto = true};
        return true;
    }
    const char *end = NULL;
    uint64_t min = 0;
    if (!parse_digits(text, &end, &min))
        return false;
    uint64_t max = min;
    if (*end == '-' && !parse_digits(end + 1, &end, &max))
        return false;
    if (*end != '\0' || min > max || max > IBX_MAX_ZOOM)
        return false;
    *out = (struct zoom_range){.min = (uint8_t)min, .max = (uint8_t)max};
    return true;
}

bool value_bbox(const char *text, struct bbox *out)
{
    struct bbox box = {.is_set = true};
    const char *at = text;
    if (!parse_double(at, ',', &at, &box.west) ||
        !parse_double(at, ',', &at, &box.south) ||
        !parse_double(at, ',', &at, &box.east) ||
        !parse_double(at, '\0', &at, &box.north))
        return false;
    if (fabs(box.west) > 180 || fabs(box.east) > 180 || box.west == box.east ||
        box.south < -90 || box.north > 90 || box.south >= box.north)
        return false;
    *out = box;
    return true;
}

bool value_range(const char *text, struct double_range *out)
{
    struct double_range range = {.is_set = true};
    const char *at = text;
    if (!parse_double(at, ':', &at, &range.min) ||
        !parse_double(at, '\0', &at, &range.max) || range.min >= range.max)
        return false;
    *out = range;
    return true;
}
