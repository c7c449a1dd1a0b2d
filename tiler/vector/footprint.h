/* footprint.h - gives memory back between the stages of a build. */
#ifndef TILER_VECTOR_FOOTPRINT_H
#define TILER_VECTOR_FOOTPRINT_H

/* From now on freed pieces of 256 KiB and more go back to the system at once.
 * Before the first thread is made. */
void footprint_keep_small(void);

/* Gives back what is free in the heap. Any thread. */
void footprint_trim(void);

/* Unmaps the pages of the shared libraries' code: those of the drivers that
 * have read the sources, some 40 MB, can be reclaimed then; what is used again
 * comes back by a fault. Libraries whose code was relocated in place are left
 * alone. Any thread. */
void footprint_rest_libraries(void);

#endif
