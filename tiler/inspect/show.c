#include "tiler/inspect/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct shown show_nbytes(uint64_t nbytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB",
                                        "GiB",   "TiB", "PiB"};
    struct shown shown;
    double value = (double)nbytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    if (unit == 0)
        (void)snprintf(shown.text, sizeof shown.text, "%" PRIu64 " bytes",
                       nbytes);
    else
        (void)snprintf(shown.text, sizeof shown.text, "%.1f %s", value,
                       units[unit]);
    return shown;
}

const char *format_word(unsigned format)
{
    static const char *const words[] = {"unknown", "png",  "jpeg", "webp",
                                        "mvt",     "avif", "mlt",  "json"};
    return format < sizeof words / sizeof words[0] ? words[format] : words[0];
}

struct shown show_formats(uint32_t format_bits)
{
    struct shown shown = {.text = "none"};
    size_t used = 0;
    for (unsigned i = 0; i <= IBX_FORMAT_JSON; i++) {
        if ((format_bits >> i & 1) == 0)
            continue;
        int n = snprintf(shown.text + used, sizeof shown.text - used, "%s%s",
                         used > 0 ? ", " : "", format_word(i));
        if (n < 0 || (size_t)n >= sizeof shown.text - used)
            break;
        used += (size_t)n;
    }
    return shown;
}

const char *status_word(enum ibx_status status)
{
    switch (status) {
    case IBX_ERR_CORRUPT:
        return "corrupt";
    case IBX_ERR_MISSING:
        return "missing";
    case IBX_ERR_UNSUPPORTED:
        return "unsupported";
    case IBX_ERR_NOMEM:
        return "out-of-memory";
    default:
        return "system";
    }
}
