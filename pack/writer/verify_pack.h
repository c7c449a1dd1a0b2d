/* verify_pack.h - check one pack file in one pass over its bytes. */
#ifndef IBX_PACK_WRITER_VERIFY_PACK_H
#define IBX_PACK_WRITER_VERIFY_PACK_H

#include <signal.h>

#include "pack/imbrex.h"

/* More findings about one file are only counted. */
enum { IBX_FINDINGS_MAX = 16 };

struct ibx_findings {
    size_t n;      /* in the list */
    uint64_t more; /* not in the list */
    struct {
        enum ibx_status status;
        char what[IBX_ERR_WHAT_NBYTES];
    } list[IBX_FINDINGS_MAX];
};

/* Adds a finding; the text is cut to fit. */
void ibx_findings_add(struct ibx_findings *findings, enum ibx_status status,
                      const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct ibx_pack_check;

/* What a check needs and uses again: under 2 MiB. NULL without memory. */
struct ibx_pack_check *ibx_pack_check_new(const volatile sig_atomic_t *stop);
void ibx_pack_check_free(struct ibx_pack_check *check);

/* Checks `path` against what the manifest says of it. *bytes_are_named tells
 * whether the file's SHA-256 is its name; findings in such a file were written
 * into it and copies have them too. Returns the bytes read; stops early when
 * told to. */
uint64_t ibx_pack_check_run(struct ibx_pack_check *check, const char *path,
                            const struct ibx_pack_info *info,
                            struct ibx_findings *findings,
                            bool *bytes_are_named);

#endif
