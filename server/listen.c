#include "server/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/text.h"

enum { BACKLOG = 4096, SYSTEMD_FIRST_FD = 3, ADMIN_PORT = 8081 };

static bool fail(char error[OPTIONS_ERROR_NBYTES], const char *where,
                 const char *why)
{
    (void)snprintf(error, OPTIONS_ERROR_NBYTES, "%.200s: cannot listen: %s",
                   where, why);
    return false;
}

static void name_socket(struct listener *out)
{
    struct sockaddr_storage address = {0};
    socklen_t nbytes = sizeof(address);
    char host[64], port[16];
    (void)snprintf(out->name, sizeof(out->name), "a socket");
    if (getsockname(out->fd, (struct sockaddr *)&address, &nbytes) != 0)
        return;
    if (address.ss_family == AF_UNIX) {
        const struct sockaddr_un *un = (const void *)&address;
        (void)snprintf(out->name, sizeof(out->name), "unix:%.107s",
                       un->sun_path);
        return;
    }
    if (getnameinfo((struct sockaddr *)&address, nbytes, host, sizeof(host),
                    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    bool v6 = strchr(host, ':') != NULL;
    (void)snprintf(out->name, sizeof(out->name), "http://%s%s%s:%s",
                   v6 ? "[" : "", host, v6 ? "]" : "", port);
}

static int bind_address(const struct addrinfo *info)
{
    int one = 1;
    int fd =
        socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (info->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* EADDRINUSE and the like are left in errno. */
static bool open_tcp(const char *host, const char *port, struct listener *out,
                     char error[OPTIONS_ERROR_NBYTES])
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char where[200];
    (void)snprintf(where, sizeof(where), "%.150s:%.20s", host, port);
    int got = getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, &list);
    if (got != 0) {
        errno = EINVAL;
        return fail(error, where, gai_strerror(got));
    }
    out->fd = -1;
    for (const struct addrinfo *at = list; at != NULL && out->fd < 0;
         at = at->ai_next)
        out->fd = bind_address(at);
    int saved = errno;
    freeaddrinfo(list);
    errno = saved;
    if (out->fd < 0) {
        (void)fail(error, where, strerrordesc_np(saved));
        errno = saved;
        return false;
    }
    out->unix_path[0] = '\0';
    name_socket(out);
    return true;
}

/* A socket that nobody answers on any more is left over from a process that
 * was killed. */
static bool is_stale(const struct sockaddr_un *address)
{
    struct stat info;
    if (stat(address->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool refused =
        connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
        errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static bool open_unix(const char *path, struct listener *out,
                      char error[OPTIONS_ERROR_NBYTES])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!span_copy(span_of(path), address.sun_path, sizeof(address.sun_path)) ||
        path[0] == '\0')
        return fail(error, path, "the path is empty or too long");
    if (is_stale(&address))
        (void)unlink(path);
    out->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (out->fd < 0)
        return fail(error, path, strerrordesc_np(errno));
    if (bind(out->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(out->fd, BACKLOG) != 0) {
        int saved = errno;
        close(out->fd);
        return fail(error, path, strerrordesc_np(saved));
    }
    memcpy(out->unix_path, address.sun_path, sizeof(out->unix_path));
    name_socket(out);
    return true;
}

/* Sockets that systemd opened (sd_listen_fds(3)): their number is in
 * LISTEN_FDS, the first one is 3. */
static bool open_systemd(struct listener *out, size_t room, size_t *n,
                         char error[OPTIONS_ERROR_NBYTES])
{
    uint64_t pid, nfds;
    if (!span_decimal(span_of(getenv("LISTEN_PID")), UINT32_MAX, &pid) ||
        pid != (uint64_t)getpid() ||
        !span_decimal(span_of(getenv("LISTEN_FDS")), 64, &nfds) || nfds == 0)
        return fail(error, "systemd", "no sockets were handed over");
    for (uint64_t i = 0; i < nfds; i++) {
        int fd = SYSTEMD_FIRST_FD + (int)i;
        int flags = fcntl(fd, F_GETFL);
        if (*n == room || flags < 0 ||
            fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
            fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
            return fail(error, "systemd", "a socket cannot be used");
        out[*n] = (struct listener){.fd = fd, .lent = true};
        name_socket(&out[(*n)++]);
    }
    return true;
}

/* HOST:PORT or [IPV6]:PORT. */
static bool open_host_port(struct span text, struct listener *out,
                           char error[OPTIONS_ERROR_NBYTES])
{
    char host[160], port[16], all[200];
    uint64_t number;
    const char *colon = text.len == 0 ? NULL : memrchr(text.ptr, ':', text.len);
    if (!span_copy(text, all, sizeof(all)) || colon == NULL)
        return fail(error, all, "it is not HOST:PORT, unix:PATH or systemd");
    struct span left = {text.ptr, (size_t)(colon - text.ptr)};
    struct span right = {colon + 1, text.len - left.len - 1};
    if (left.len >= 2 && left.ptr[0] == '[' && left.ptr[left.len - 1] == ']') {
        left.ptr++;
        left.len -= 2;
    }
    if (!span_decimal(right, 65535, &number) ||
        !span_copy(left, host, sizeof(host)) ||
        !span_copy(right, port, sizeof(port)))
        return fail(error, all, "it is not HOST:PORT, unix:PATH or systemd");
    return open_tcp(host, port, out, error);
}

static bool open_one(struct span text, struct listener *out, size_t room,
                     size_t *n, char error[OPTIONS_ERROR_NBYTES])
{
    char path[128];
    if (span_is(text, "systemd"))
        return open_systemd(out, room, n, error);
    if (*n == room)
        return fail(error, "--listen", "too many addresses");
    bool opened;
    if (text.len > 5 && memcmp(text.ptr, "unix:", 5) == 0) {
        (void)snprintf(path, sizeof(path), "%.*s", (int)text.len - 5,
                       text.ptr + 5);
        opened = open_unix(path, &out[*n], error);
    } else {
        opened = open_host_port(text, &out[*n], error);
    }
    *n += opened;
    return opened;
}

bool listen_public(const struct options *options, struct listener *out,
                   size_t room, size_t *out_n, char error[OPTIONS_ERROR_NBYTES])
{
    char port[16];
    *out_n = 0;
    if (options->listen == NULL) {
        const char *host = options->bind == NULL ? "127.0.0.1" : options->bind;
        (void)snprintf(port, sizeof(port), "%u", (unsigned)options->port);
        *out_n = open_tcp(host, port, out, error) ? 1 : 0;
        return *out_n == 1;
    }
    struct span rest = span_of(options->listen);
    while (rest.ptr != NULL) {
        struct span one = span_trim(span_cut(&rest, ','));
        if (open_one(one, out, room, out_n, error))
            continue;
        listen_close(out, *out_n);
        return false;
    }
    return true;
}

static bool open_next_free(struct listener *out,
                           char error[OPTIONS_ERROR_NBYTES])
{
    for (unsigned port = ADMIN_PORT; port < ADMIN_PORT + 100; port++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "%u", port);
        if (open_tcp("127.0.0.1", text, out, error))
            return true;
        if (errno != EADDRINUSE)
            return false;
    }
    return false;
}

bool listen_admin(const struct options *options, struct listener *out,
                  size_t *out_n, char error[OPTIONS_ERROR_NBYTES])
{
    *out_n = 0;
    if (options->admin == NULL) {
        *out_n = open_next_free(out, error) ? 1 : 0;
        return *out_n == 1;
    }
    return strcmp(options->admin, "off") == 0 ||
           open_one(span_of(options->admin), out, 1, out_n, error);
}

void listen_stop(const struct listener *listeners, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!listeners[i].lent)
            (void)shutdown(listeners[i].fd, SHUT_RDWR);
    }
}

void listen_close(struct listener *listeners, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        close(listeners[i].fd);
        if (listeners[i].unix_path[0] != '\0')
            (void)unlink(listeners[i].unix_path);
    }
}
