#include "server/page.h"

#include <string.h>
#include <xxhash.h>

const struct page_file *page_find(const char *name)
{
    for (size_t i = 0; i < npage_files; i++) {
        if (strcmp(page_files[i].name, name) == 0)
            return &page_files[i];
    }
    return NULL;
}

const char *page_type(const char *name)
{
    static const struct {
        const char *extension, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".webp", "image/webp"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".txt", "text/plain; charset=utf-8"},
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]);
         i++) {
        if (strcmp(dot, types[i].extension) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

const char *page_policy(const char *type)
{
    if (strncmp(type, "text/html", 9) != 0)
        return NULL;
    /* Nothing from outside, no inline script, no frames elsewhere. Workers of
     * map libraries come as blobs. */
    return "default-src 'none'; script-src 'self'; style-src 'self'; "
           "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; "
           "worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; "
           "form-action 'none'; frame-ancestors 'self'";
}

void page_etag(const struct page_file *file, bool gzip, char out[ETAG_NBYTES])
{
    const uint8_t *bytes = gzip ? file->gzip_bytes : file->bytes;
    size_t nbytes = gzip ? file->gzip_nbytes : file->nbytes;
    etag_format(XXH3_64bits(bytes, nbytes), false, out);
}
