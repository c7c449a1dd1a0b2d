/* guard.h - read mapped files that may be cut short under us.
 *
 * Touching a page of a map that its file no longer covers raises SIGBUS. A
 * guarded run turns that into `false`. What runs guarded must be a leaf: no
 * locks, no allocation, nothing that a jump out of it would leave half done. */
#ifndef IBX_PACK_GUARD_H
#define IBX_PACK_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/* Installs the handler, once per process; what was there before gets every
 * fault that is not ours. False with errno when the system refuses. */
bool ibx_guard_install(void);

/* Runs work(arg). False when it touched [base, base + nbytes) where the file
 * is gone; then what `work` wrote is worthless. Guards do not nest. */
bool ibx_guard_run(const void *base, size_t nbytes, void (*work)(void *arg),
                   void *arg);

#endif
