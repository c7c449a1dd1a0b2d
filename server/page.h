/* page.h - the built-in page's files, embedded by cmake/embed.cmake from
 * web/dist/. */
#ifndef IBX_SERVER_PAGE_H
#define IBX_SERVER_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "server/conditional.h"

struct page_file {
    const char *name;
    const uint8_t *bytes;
    size_t nbytes;
    const uint8_t *gzip_bytes; /* NULL when there is no packed form */
    size_t gzip_nbytes;
};

extern const struct page_file page_files[];
extern const size_t npage_files;

/* NULL when there is no such file. */
const struct page_file *page_find(const char *name);

/* The file's Content-Type, by its extension. */
const char *page_type(const char *name);

/* The Content-Security-Policy for a type; NULL where it means nothing. */
const char *page_policy(const char *type);

/* The strong tag of a file's bytes in one of its forms. */
void page_etag(const struct page_file *file, bool gzip, char out[ETAG_NBYTES]);

#endif
