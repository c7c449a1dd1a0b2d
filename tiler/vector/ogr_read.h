/* ogr_read.h - reads what OGR reads into an intake. */
#ifndef TILER_VECTOR_OGR_READ_H
#define TILER_VECTOR_OGR_READ_H

#include <signal.h>

#include "tiler/cli/progress.h"
#include "tiler/vector/intake.h"
#include "tiler/vector/rule.h"

struct ogr_source {
    const char *path; /* as given by the user */
    const struct rule_list *rules;
    struct progress *progress;         /* features; may be NULL */
    const volatile sig_atomic_t *stop; /* may be NULL */
};

/* Reads every layer of the source. A layer that cannot be read to its end is
 * an error: what OGR says is in err->what.
 * ERR_INVALID (cannot be opened, a bad condition, an unknown attribute or
 * CRS), ERR_CORRUPT (cannot be read on), ERR_INTERRUPTED, or as
 * intake_add(). */
IBX_MUST_CHECK enum ibx_status ogr_read(struct intake *intake,
                                        const struct ogr_source *source,
                                        struct ibx_err *err);

/* The name a tile layer gets from an OGR layer's: without the endings that
 * file names leave there. Writes at most `nbytes`, terminated. */
void ogr_layer_name(const char *ogr_name, char *name, size_t nbytes);

#endif
