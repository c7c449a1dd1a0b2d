#include "pack/writer/repair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pack/err.h"
#include "pack/fileio.h"
#include "pack/format.h"
#include "pack/path.h"
#include "pack/writer/sha256.h"

enum { COPY_NBYTES = 256 << 10 };

struct copy {
    const char *from, *to;
    int in, out;
    struct ibx_sha256 *sha;
    uint8_t *buffer;
};

static enum ibx_status copy_bytes(struct copy *c, struct ibx_err *err)
{
    uint64_t off = 0;
    for (;;) {
        ssize_t got = read(c->in, c->buffer, COPY_NBYTES);
        if (got == 0)
            return IBX_OK;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ibx_fail_sys(err, c->from, "read");
        if (!ibx_sha256_add(c->sha, c->buffer, (size_t)got))
            return ibx_fail_nomem(err);
        enum ibx_status st =
            ibx_write_at(c->out, c->to, off, c->buffer, (size_t)got, err);
        if (st != IBX_OK)
            return st;
        off += (uint64_t)got;
    }
}

static enum ibx_status copy_checked(struct copy *c,
                                    const uint8_t sha256[IBX_SHA256_NBYTES],
                                    struct ibx_err *err)
{
    uint8_t found[IBX_SHA256_NBYTES];
    enum ibx_status st = copy_bytes(c, err);
    if (st == IBX_OK && !ibx_sha256_take(c->sha, found))
        st = ibx_fail_nomem(err);
    if (st == IBX_OK && memcmp(found, sha256, sizeof found) != 0)
        st = ibx_fail(err, IBX_ERR_CORRUPT, c->from,
                      "its SHA-256 is not the one in its name");
    if (st == IBX_OK && fsync(c->out) != 0)
        st = ibx_fail_sys(err, c->to, "fsync");
    return st;
}

/* Takes the two files that are open, and closes neither. */
static enum ibx_status copy_open(struct copy *c,
                                 const uint8_t sha256[IBX_SHA256_NBYTES],
                                 struct ibx_err *err)
{
    c->sha = ibx_sha256_new();
    c->buffer = malloc(COPY_NBYTES);
    enum ibx_status st = c->sha && c->buffer ? copy_checked(c, sha256, err)
                                             : ibx_fail_nomem(err);
    free(c->buffer);
    ibx_sha256_free(c->sha);
    return st;
}

/* Copies `from` to `beside`, which is removed again after a failure. */
static enum ibx_status copy_beside(const char *from, const char *beside,
                                   const uint8_t sha256[IBX_SHA256_NBYTES],
                                   struct ibx_err *err)
{
    struct copy c = {.from = from, .to = beside};
    c.in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (c.in < 0)
        return ibx_fail_sys(err, from, "open");
    c.out = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (c.out < 0) {
        enum ibx_status st = ibx_fail_sys(err, beside, "open");
        close(c.in);
        return st;
    }
    enum ibx_status st = copy_open(&c, sha256, err);
    if (close(c.out) != 0 && st == IBX_OK)
        st = ibx_fail_sys(err, beside, "close");
    close(c.in);
    if (st != IBX_OK)
        (void)unlink(beside);
    return st;
}

/* "packs" and "packs/ab", each to be free()d. */
struct places {
    char *packs, *sub;
};

static enum ibx_status make_and_rename(const struct places *places,
                                       const char *beside, const char *path,
                                       struct ibx_err *err)
{
    enum ibx_status st = ibx_folder_mkdir(places->packs, err);
    if (st == IBX_OK)
        st = ibx_folder_mkdir(places->sub, err);
    if (st == IBX_OK && rename(beside, path) != 0)
        st = ibx_fail_sys(err, path, "rename");
    if (st == IBX_OK)
        st = ibx_folder_sync(places->sub, err);
    return st == IBX_OK ? ibx_folder_sync(places->packs, err) : st;
}

/* Renames `beside` to the pack's place, whose folders may be missing too. */
static enum ibx_status put_in_place(const struct ibx_repair *repair,
                                    const char *beside, const char *name,
                                    struct ibx_err *err)
{
    char sub[sizeof "packs/ab"];
    (void)snprintf(sub, sizeof sub, "%.8s", name);
    struct places places = {
        .packs = ibx_path_join(repair->folder->path, "packs"),
        .sub = ibx_path_join(repair->folder->path, sub),
    };
    char *path = ibx_path_join(repair->folder->path, name);
    enum ibx_status st = IBX_ERR_NOMEM;
    if (places.packs && places.sub && path)
        st = make_and_rename(&places, beside, path, err);
    else
        (void)ibx_fail_nomem(err);
    free(places.packs);
    free(places.sub);
    free(path);
    return st;
}

/* Tries one place where the good copy may be. */
static enum ibx_status repair_with(const struct ibx_repair *repair,
                                   const char *name,
                                   const uint8_t sha256[IBX_SHA256_NBYTES],
                                   const char *beside, struct ibx_err *err)
{
    char own[IBX_PACK_NAME_NBYTES];
    ibx_pack_name(sha256, own);
    char *from = ibx_path_join(repair->from, name);
    if (!from)
        return ibx_fail_nomem(err);
    enum ibx_status st = copy_beside(from, beside, sha256, err);
    free(from);
    return st == IBX_OK ? put_in_place(repair, beside, own, err) : st;
}

/* Fetches to `beside`, which is open, and looks at what came. */
static enum ibx_status fetch_open(const struct ibx_repair *repair,
                                  const uint8_t sha256[IBX_SHA256_NBYTES],
                                  const char *beside, int fd,
                                  struct ibx_err *err)
{
    char name[IBX_PACK_NAME_NBYTES];
    ibx_pack_name(sha256, name);
    uint8_t found[IBX_SHA256_NBYTES];
    enum ibx_status st = repair->fetch(repair->arg, name, fd, err);
    if (st == IBX_OK && fsync(fd) != 0)
        st = ibx_fail_sys(err, beside, "fsync");
    if (st == IBX_OK)
        st = ibx_sha256_file(beside, found, err);
    if (st == IBX_OK && memcmp(found, sha256, sizeof found) != 0)
        st = ibx_fail(err, IBX_ERR_CORRUPT, name,
                      "its SHA-256 is not the one in its name");
    return st;
}

static enum ibx_status repair_by_fetch(const struct ibx_repair *repair,
                                       const uint8_t sha256[IBX_SHA256_NBYTES],
                                       const char *beside, struct ibx_err *err)
{
    char name[IBX_PACK_NAME_NBYTES];
    ibx_pack_name(sha256, name);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return ibx_fail_sys(err, beside, "open");
    enum ibx_status st = fetch_open(repair, sha256, beside, fd, err);
    if (close(fd) != 0 && st == IBX_OK)
        st = ibx_fail_sys(err, beside, "close");
    if (st == IBX_OK)
        return put_in_place(repair, beside, name, err);
    (void)unlink(beside);
    return st;
}

static enum ibx_status repair_beside(const struct ibx_repair *repair,
                                     const uint8_t sha256[IBX_SHA256_NBYTES],
                                     const char *beside, struct ibx_err *err)
{
    char name[IBX_PACK_NAME_NBYTES];
    ibx_pack_name(sha256, name);
    /* "packs/ab/...", "ab/..." and "..." */
    static const size_t skips[] = {0, sizeof "packs/" - 1,
                                   sizeof "packs/ab/" - 1};
    enum ibx_status st = IBX_ERR_MISSING;
    for (size_t i = 0; i < sizeof skips / sizeof skips[0]; i++) {
        struct ibx_err here;
        enum ibx_status now =
            repair_with(repair, name + skips[i], sha256, beside, &here);
        if (now == IBX_OK)
            return IBX_OK;
        /* A bad copy says more than one that is not there. */
        if (i == 0 || now != IBX_ERR_MISSING) {
            st = now;
            if (err)
                *err = here;
        }
    }
    return st;
}

enum ibx_status ibx_repair_pack(const struct ibx_repair *repair,
                                const uint8_t sha256[IBX_SHA256_NBYTES],
                                struct ibx_err *err)
{
    char name[sizeof IBX_BUILD_DIR "/repair-4294967295"];
    (void)snprintf(name, sizeof name, IBX_BUILD_DIR "/repair-%u",
                   repair->worker);
    char *build = ibx_path_join(repair->folder->path, IBX_BUILD_DIR);
    char *beside = ibx_path_join(repair->folder->path, name);
    enum ibx_status st = IBX_ERR_NOMEM;
    if (!build || !beside)
        (void)ibx_fail_nomem(err);
    else if ((st = ibx_folder_mkdir(build, err)) == IBX_OK)
        st = repair->fetch ? repair_by_fetch(repair, sha256, beside, err)
                           : repair_beside(repair, sha256, beside, err);
    free(build);
    free(beside);
    return st;
}

void ibx_repair_end(const struct ibx_folder *folder)
{
    char *build = ibx_path_join(folder->path, IBX_BUILD_DIR);
    if (build)
        (void)rmdir(build); /* stays while an unfinished build is in it */
    free(build);
}
