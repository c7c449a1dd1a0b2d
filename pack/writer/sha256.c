#include "pack/writer/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#include "pack/err.h"

enum { READ_NBYTES = 256 << 10 };

struct ibx_sha256 {
    EVP_MD_CTX *context;
};

struct ibx_sha256 *ibx_sha256_new(void)
{
    struct ibx_sha256 *sha = malloc(sizeof *sha);
    if (!sha)
        return NULL;
    sha->context = EVP_MD_CTX_new();
    if (!sha->context ||
        EVP_DigestInit_ex(sha->context, EVP_sha256(), NULL) != 1) {
        ibx_sha256_free(sha);
        return NULL;
    }
    return sha;
}

void ibx_sha256_free(struct ibx_sha256 *sha)
{
    if (!sha)
        return;
    EVP_MD_CTX_free(sha->context);
    free(sha);
}

bool ibx_sha256_add(struct ibx_sha256 *sha, const void *bytes, size_t nbytes)
{
    return EVP_DigestUpdate(sha->context, bytes, nbytes) == 1;
}

bool ibx_sha256_take(struct ibx_sha256 *sha, uint8_t out[IBX_SHA256_NBYTES])
{
    return EVP_DigestFinal_ex(sha->context, out, NULL) == 1 &&
           EVP_DigestInit_ex(sha->context, EVP_sha256(), NULL) == 1;
}

static enum ibx_status add_file(struct ibx_sha256 *sha, int fd,
                                const char *path, uint8_t *buffer,
                                struct ibx_err *err)
{
    for (;;) {
        ssize_t got = read(fd, buffer, READ_NBYTES);
        if (got == 0)
            return IBX_OK;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ibx_fail_sys(err, path, "read");
        if (!ibx_sha256_add(sha, buffer, (size_t)got))
            return ibx_fail_nomem(err);
    }
}

enum ibx_status ibx_sha256_file(const char *path,
                                uint8_t out[IBX_SHA256_NBYTES],
                                struct ibx_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ibx_fail_sys(err, path, "open");
    struct ibx_sha256 *sha = ibx_sha256_new();
    uint8_t *buffer = malloc(READ_NBYTES);
    enum ibx_status st = sha && buffer ? add_file(sha, fd, path, buffer, err)
                                       : ibx_fail_nomem(err);
    if (st == IBX_OK && !ibx_sha256_take(sha, out))
        st = ibx_fail_nomem(err);
    free(buffer);
    ibx_sha256_free(sha);
    close(fd);
    return st;
}
