/* A folder z/x/y.ext as a source. Folders are read as the system lists them,
 * three open at a time, so neither their size nor their number matters. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tiler/convert/file.h"
#include "tiler/convert/source.h"

enum { TILE_NBYTES_MAX = 512 << 20, JSON_NBYTES_MAX = 16 << 20 };

enum { AT_ROOT, AT_ZOOM, AT_COLUMN, NLEVELS };

struct folder_source {
    struct source base;
    DIR *dirs[NLEVELS];
    uint32_t numbers[NLEVELS]; /* zoom and column whose folder is open */
    enum source_scheme scheme;
    struct buf tile;
    bool any, mixed; /* tiles seen; with more than one extension */
};

static enum ibx_status failed(const struct folder_source *s, enum ibx_status st,
                              const char *name, const char *what,
                              struct ibx_err *err)
{
    char path[IBX_ERR_FILE_NBYTES];
    int saved = errno;
    /* Name the file itself: the folder may hold millions. */
    if (s->dirs[AT_COLUMN] != NULL)
        (void)snprintf(path, sizeof(path), "%s/%u/%u/%s", s->base.path,
                       s->numbers[AT_ZOOM], s->numbers[AT_COLUMN], name);
    else if (s->dirs[AT_ZOOM] != NULL)
        (void)snprintf(path, sizeof(path), "%s/%u/%s", s->base.path,
                       s->numbers[AT_ZOOM], name);
    else
        (void)snprintf(path, sizeof(path), "%s/%s", s->base.path, name);
    errno = saved;
    return convert_fail(err, st, path, "%s", what);
}

/* A whole number without sign; *end is behind it. */
static bool parse_number(const char *text, const char **end, uint32_t *out)
{
    uint64_t n = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9' && n <= UINT32_MAX; c++)
        n = n * 10 + (uint64_t)(*c - '0');
    *end = c;
    *out = (uint32_t)n;
    return c > text && n <= UINT32_MAX;
}

static void skip(struct folder_source *s, const char *name)
{
    if (s->base.skipped++ == 0)
        (void)snprintf(s->base.skipped_first, sizeof(s->base.skipped_first),
                       "%.120s", name);
}

/* ---- names ------------------------------------------------------------- */

static bool packed_extension(const char *text, enum ibx_encoding *out)
{
    static const struct {
        const char *text;
        enum ibx_encoding encoding;
    } known[] = {{"", IBX_ENCODING_NONE},
                 {".gz", IBX_ENCODING_GZIP},
                 {".br", IBX_ENCODING_BROTLI},
                 {".zst", IBX_ENCODING_ZSTD}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(text, known[i].text) == 0) {
            *out = known[i].encoding;
            return true;
        }
    return false;
}

/* "123.png", "123.mvt.gz": the row and what it says it is. */
static bool parse_tile_name(const char *name, uint32_t *row,
                            struct tile_kind *kind)
{
    const char *dot;
    char word[16];
    if (!parse_number(name, &dot, row) || *dot != '.')
        return false;
    size_t len = strcspn(dot + 1, ".");
    if (len >= sizeof(word))
        return false;
    memcpy(word, dot + 1, len);
    word[len] = 0;
    kind->format = format_from_name(word);
    return kind->format != IBX_FORMAT_UNKNOWN &&
           packed_extension(dot + 1 + len, &kind->encoding);
}

static void note_extension(struct folder_source *s, const char *name)
{
    const char *extension = strchr(name, '.') + 1;
    char *known = s->base.meta.extension;
    bool fits = strlen(extension) < META_EXTENSION_NBYTES;
    if (!fits || (s->any && strcmp(known, extension) != 0))
        s->mixed = true;
    else if (!s->any)
        memcpy(known, extension, strlen(extension) + 1);
    s->any = true;
    if (s->mixed)
        known[0] = 0;
}

/* ---- walking ----------------------------------------------------------- */

static DIR *open_below(DIR *parent, const char *name)
{
    int fd = openat(dirfd(parent), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL && fd >= 0)
        close(fd);
    return dir;
}

/* The deepest folder that is open. */
static int depth_of(const struct folder_source *s)
{
    return s->dirs[AT_COLUMN] != NULL ? AT_COLUMN
           : s->dirs[AT_ZOOM] != NULL ? AT_ZOOM
                                      : AT_ROOT;
}

/* Goes into the folder `name` of level `depth`, where it is a number. */
static enum ibx_status enter(struct folder_source *s, int depth,
                             const char *name, struct ibx_err *err)
{
    const char *end;
    uint32_t number;
    if (!parse_number(name, &end, &number) || *end != 0) {
        if (strcmp(name, "metadata.json") != 0)
            skip(s, name);
        return IBX_OK;
    }
    uint64_t limit = depth == AT_ROOT ? IBX_MAX_ZOOM + 1
                                      : UINT64_C(1) << s->numbers[AT_ZOOM];
    DIR *dir = open_below(s->dirs[depth], name);
    if (dir == NULL && errno == ENOTDIR) {
        skip(s, name);
        return IBX_OK;
    }
    if (dir == NULL)
        return failed(s, IBX_ERR_SYSTEM, name, "cannot be opened", err);
    if (number >= limit) {
        closedir(dir);
        return failed(s, IBX_ERR_CORRUPT, name,
                      depth == AT_ROOT ? "is no zoom from 0 to 30"
                                       : "is no column of its zoom",
                      err);
    }
    s->dirs[depth + 1] = dir;
    s->numbers[depth + 1] = number;
    return IBX_OK;
}

static enum ibx_status read_tile(struct folder_source *s, const char *name,
                                 uint32_t row, struct source_tile *out,
                                 struct ibx_err *err)
{
    uint8_t zoom = (uint8_t)s->numbers[AT_ZOOM];
    uint32_t side = (uint32_t)1 << zoom;
    if (row >= side)
        return failed(s, IBX_ERR_CORRUPT, name, "is no row of its zoom", err);
    buf_clear(&s->tile);
    enum ibx_status st = file_read_at(dirfd(s->dirs[AT_COLUMN]), name,
                                      TILE_NBYTES_MAX, &s->tile, err);
    if (st != IBX_OK) {
        struct ibx_err inner = {0};
        if (err != NULL)
            inner = *err;
        errno = inner.sys_errno;
        return failed(s, st, name, inner.what, err);
    }
    struct ibx_zxy at = {zoom, s->numbers[AT_COLUMN],
                         s->scheme == SCHEME_TMS ? side - 1 - row : row};
    out->first_id = ibx_tile_id(at);
    out->count = 1;
    out->bytes = buf_bytes(&s->tile);
    note_extension(s, name);
    return IBX_OK;
}

static enum ibx_status folder_next(struct source *source,
                                   struct source_tile *out, struct ibx_err *err)
{
    struct folder_source *s = (struct folder_source *)source;
    for (;;) {
        int depth = depth_of(s);
        errno = 0;
        struct dirent *entry = readdir(s->dirs[depth]);
        if (entry == NULL && errno != 0)
            return failed(s, IBX_ERR_SYSTEM, "", "cannot be listed", err);
        if (entry == NULL && depth == AT_ROOT)
            return IBX_NOT_FOUND;
        if (entry == NULL) {
            closedir(s->dirs[depth]);
            s->dirs[depth] = NULL;
            continue;
        }
        uint32_t row;
        if (entry->d_name[0] == '.')
            continue;
        if (depth == AT_COLUMN) {
            if (parse_tile_name(entry->d_name, &row, &out->declared))
                return read_tile(s, entry->d_name, row, out, err);
            skip(s, entry->d_name);
            continue;
        }
        enum ibx_status st = enter(s, depth, entry->d_name, err);
        if (st != IBX_OK)
            return st;
    }
}

/* ---- opening ----------------------------------------------------------- */

static void folder_close(struct source *source)
{
    struct folder_source *s = (struct folder_source *)source;
    for (int i = 0; i < NLEVELS; i++)
        if (s->dirs[i] != NULL)
            closedir(s->dirs[i]);
    buf_free(&s->tile);
    meta_free(&s->base.meta);
    free(s);
}

static enum ibx_status read_metadata(struct folder_source *s,
                                     struct ibx_err *err)
{
    struct buf text = {0};
    enum ibx_status st = file_read_at(dirfd(s->dirs[AT_ROOT]), "metadata.json",
                                      JSON_NBYTES_MAX, &text, err);
    if (st == IBX_ERR_MISSING)
        return IBX_OK;
    if (st == IBX_OK)
        st = meta_from_json(&s->base.meta, buf_bytes(&text), err);
    buf_free(&text);
    if (st == IBX_OK)
        return st;
    struct ibx_err inner = {0};
    if (err != NULL)
        inner = *err;
    return failed(s, st, "metadata.json", inner.what, err);
}

static const struct source_ops folder_ops = {folder_next, NULL, folder_close};

enum ibx_status folder_source_open(const char *path,
                                   const struct source_options *options,
                                   struct source **out, struct ibx_err *err)
{
    struct folder_source *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return convert_no_memory(err, path);
    s->base.ops = &folder_ops;
    s->base.path = path;
    s->base.meta.container = META_FOLDER;
    s->base.meta.tms = options->scheme == SCHEME_TMS;
    s->scheme = options->scheme;
    s->dirs[AT_ROOT] = opendir(path);
    enum ibx_status st =
        s->dirs[AT_ROOT] == NULL
            ? convert_fail(err,
                           errno == ENOENT ? IBX_ERR_MISSING : IBX_ERR_SYSTEM,
                           path, "cannot be opened")
            : read_metadata(s, err);
    if (st == IBX_OK)
        *out = &s->base;
    else
        folder_close(&s->base);
    return st;
}
