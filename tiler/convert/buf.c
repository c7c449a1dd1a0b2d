#include "tiler/convert/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

bool buf_reserve(struct buf *b, size_t more)
{
    if (b->failed)
        return false;
    if (more <= b->cap - b->len)
        return true;
    size_t cap = b->cap < 256 ? 256 : b->cap;
    while (cap - b->len < more && cap <= SIZE_MAX / 2)
        cap *= 2;
    uint8_t *grown = cap - b->len < more ? NULL : realloc(b->ptr, cap);
    if (grown == NULL) {
        b->failed = true;
        return false;
    }
    b->ptr = grown;
    b->cap = cap;
    return true;
}

void buf_put(struct buf *b, const void *bytes, size_t nbytes)
{
    if (nbytes == 0 || !buf_reserve(b, nbytes))
        return;
    memcpy(b->ptr + b->len, bytes, nbytes);
    b->len += nbytes;
}

void buf_puts(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int want = vsnprintf(NULL, 0, format, args);
    if (want < 0)
        b->failed = true;
    else if (buf_reserve(b, (size_t)want + 1)) {
        vsnprintf((char *)b->ptr + b->len, (size_t)want + 1, format, again);
        b->len += (size_t)want;
    }
    va_end(again);
    va_end(args);
}

char *buf_take_text(struct buf *b)
{
    char *text = NULL;
    if (buf_reserve(b, 1)) {
        b->ptr[b->len] = 0;
        text = (char *)b->ptr;
        *b = (struct buf){0};
    } else {
        buf_free(b);
    }
    return text;
}

/* A path that does not fit keeps its end. */
static void set_file(struct ibx_err *err, const char *file)
{
    size_t len = file == NULL ? 0 : strlen(file);
    size_t cut = len < sizeof(err->file) ? 0 : len - sizeof(err->file) + 1;
    memcpy(err->file, file == NULL ? "" : file + cut, len - cut);
    err->file[len - cut] = 0;
}

enum ibx_status convert_fail(struct ibx_err *err, enum ibx_status status,
                             const char *file, const char *format, ...)
{
    int saved = errno;
    if (err == NULL)
        return status;
    err->status = status;
    err->sys_errno = status == IBX_ERR_SYSTEM ? saved : 0;
    set_file(err, file);
    va_list args;
    va_start(args, format);
    vsnprintf(err->what, sizeof(err->what), format, args);
    va_end(args);
    return status;
}

enum ibx_status convert_no_memory(struct ibx_err *err, const char *file)
{
    return convert_fail(err, IBX_ERR_NOMEM, file, "out of memory");
}

enum ibx_status convert_at_tile(struct ibx_err *err, enum ibx_status status,
                                const char *file, uint64_t id)
{
    struct ibx_zxy at = ibx_tile_zxy(id);
    struct ibx_err inner = *err;
    if (inner.file[0] != 0 || status == IBX_ERR_INTERRUPTED)
        return status;
    return convert_fail(err, status, file, "tile %u/%u/%u: %.150s", at.z, at.x,
                        at.y, inner.what);
}
