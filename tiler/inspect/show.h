/* show.h - numbers as people read them. */
#ifndef TILER_INSPECT_SHOW_H
#define TILER_INSPECT_SHOW_H

#include <stddef.h>
#include <stdint.h>

#include "pack/imbrex.h"

struct shown {
    char text[64];
};

/* "17 bytes", "38.2 MiB". */
struct shown show_nbytes(uint64_t nbytes);

/* "png", "png, jpeg"; "none" for no bits. */
struct shown show_formats(uint32_t format_bits);

/* "png" ... or "unknown": stable words, also in --json. */
const char *format_word(unsigned format);

/* "corrupt", "missing" ...: stable words for --json. */
const char *status_word(enum ibx_status status);

#endif
