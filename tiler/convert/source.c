#include "tiler/convert/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tiler/convert/file.h"
#include "tiler/convert/tree.h"

static bool ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcasecmp(text + n - m, suffix) == 0;
}

/* A name people gave on purpose decides, so that a damaged file is called a
 * damaged archive of its kind; other files are told by their first bytes. */
static enum source_kind kind_of_file(const char *path, struct bytes head)
{
    static const struct {
        const char *suffix, *magic;
        enum source_kind kind;
    } known[] = {
        {".mbtiles", "SQLite format 3", SOURCE_MBTILES},
        {".pmtiles", "PMTiles", SOURCE_PMTILES},
        {".meta", "META", SOURCE_METATILE},
        {".bundle", "\x03\0\0\0\0\x40\0\0", SOURCE_BUNDLE},
    };
    enum { NKNOWN = sizeof(known) / sizeof(known[0]) };
    for (int i = 0; i < NKNOWN; i++)
        if (ends_with(path, known[i].suffix))
            return known[i].kind;
    for (int i = 0; i < NKNOWN; i++) {
        size_t len =
            known[i].kind == SOURCE_BUNDLE ? 8 : strlen(known[i].magic);
        if (head.len >= len && memcmp(head.ptr, known[i].magic, len) == 0)
            return known[i].kind;
    }
    return SOURCE_DETECT;
}

/* A folder is a cache of metatiles or bundles when the first file found in it
 * that belongs to some container is one of those. */
static enum ibx_status kind_of_folder(const char *path, enum source_kind *out,
                                      struct ibx_err *err)
{
    struct tree tree;
    const char *file;
    uint64_t skipped = 0;
    *out = SOURCE_FOLDER;
    enum ibx_status st = tree_open(path, &tree, err);
    for (int i = 0; i < 1000 && st == IBX_OK; i++) {
        st = tree_next(&tree, "", &skipped, &file, err);
        if (st != IBX_OK)
            break;
        if (ends_with(file, ".meta"))
            *out = SOURCE_METATILE;
        else if (ends_with(file, ".bundle"))
            *out = SOURCE_BUNDLE;
        if (*out != SOURCE_FOLDER)
            break;
    }
    tree_close(&tree);
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

static enum ibx_status detect(const char *path, enum source_kind *out,
                              struct ibx_err *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return convert_fail(err,
                            errno == ENOENT ? IBX_ERR_MISSING : IBX_ERR_SYSTEM,
                            path, "cannot be opened");
    if (S_ISDIR(info.st_mode))
        return kind_of_folder(path, out, err);
    struct window file;
    struct bytes head;
    enum ibx_status st = window_open(path, &file, err);
    if (st != IBX_OK)
        return st;
    size_t nbytes = file.file_nbytes < 16 ? (size_t)file.file_nbytes : 16;
    st = window_read(&file, 0, nbytes, &head, err);
    if (st == IBX_OK)
        *out = kind_of_file(path, head);
    window_close(&file);
    return st;
}

enum ibx_status source_open(const char *path,
                            const struct source_options *options,
                            struct source **out, struct ibx_err *err)
{
    enum source_kind kind = options->kind;
    enum ibx_status st =
        kind == SOURCE_DETECT ? detect(path, &kind, err) : IBX_OK;
    if (st != IBX_OK)
        return st;
    switch (kind) {
    case SOURCE_MBTILES:
        return mbtiles_source_open(path, options, out, err);
    case SOURCE_PMTILES:
        return pmtiles_source_open(path, options, out, err);
    case SOURCE_FOLDER:
        return folder_source_open(path, options, out, err);
    case SOURCE_METATILE:
        return metatile_source_open(path, options, out, err);
    case SOURCE_BUNDLE:
        return bundle_source_open(path, options, out, err);
    case SOURCE_DETECT:
        break;
    }
    return convert_fail(err, IBX_ERR_UNSUPPORTED, path,
                        "is no MBTiles, PMTiles, metatile or bundle");
}

void source_close(struct source *source)
{
    if (source != NULL)
        source->ops->close(source);
}
