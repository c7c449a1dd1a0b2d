#include "server/health_check.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/log.h"

enum { PATIENCE_S = 2, HOST_NBYTES = 256 };

static bool complain(const char *where, const char *what)
{
    log_line(LOG_ERROR, "%s: %s", where, what);
    return false;
}

/* A socket that gives up after PATIENCE_S, connected, or -1 with errno. */
static int connect_to(int family, const struct sockaddr *address,
                      socklen_t nbytes)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ==
            0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) ==
            0 &&
        connect(fd, address, nbytes) == 0)
        return fd;
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return -1;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t nbytes = strlen(path);
    if (nbytes >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, nbytes);
    return connect_to(AF_UNIX, (const struct sockaddr *)&address,
                      sizeof address);
}

/* Cuts ADDRESS:PORT or [IPV6]:PORT. False when it is neither. */
static bool split(const char *where, char host[HOST_NBYTES], const char **port)
{
    const char *colon = strrchr(where, ':');
    if (colon == NULL || colon == where || colon[1] == '\0')
        return false;
    bool bracketed = where[0] == '[' && colon[-1] == ']';
    const char *first = bracketed ? where + 1 : where;
    size_t nbytes = (size_t)(colon - first) - (bracketed ? 1 : 0);
    if (nbytes == 0 || nbytes >= HOST_NBYTES)
        return false;
    memcpy(host, first, nbytes);
    host[nbytes] = '\0';
    *port = colon + 1;
    return true;
}

static int connect_tcp(const char *where)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    char host[HOST_NBYTES];
    const char *port;
    struct addrinfo *found;
    if (!split(where, host, &port) ||
        getaddrinfo(host, port, &hints, &found) != 0) {
        errno = EINVAL;
        return -1;
    }
    int fd = connect_to(found->ai_family, found->ai_addr, found->ai_addrlen);
    int reason = errno;
    freeaddrinfo(found);
    errno = reason;
    return fd;
}

/* True when the answer begins as a 200 does. */
static bool ask(int fd)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\n"
                                  "Host: localhost\r\n"
                                  "Connection: close\r\n\r\n";
    static const char wanted[] = "HTTP/1.1 200 ";
    char got[sizeof wanted - 1];
    return send(fd, request, sizeof request - 1, MSG_NOSIGNAL) ==
               (ssize_t)sizeof request - 1 &&
           recv(fd, got, sizeof got, MSG_WAITALL) == (ssize_t)sizeof got &&
           memcmp(got, wanted, sizeof got) == 0;
}

bool health_check(const char *where)
{
    bool is_unix = strncmp(where, "unix:", 5) == 0;
    int fd = is_unix ? connect_unix(where + 5) : connect_tcp(where);
    if (fd < 0)
        return complain(where, strerror(errno));
    bool alive = ask(fd);
    (void)close(fd);
    return alive || complain(where, "does not answer that it is alive");
}
