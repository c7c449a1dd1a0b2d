/* origin.h - under which URL a client knows us, and which client it is
 * (docs/http.md section 7). Pure. */
#ifndef IBX_SERVER_ORIGIN_H
#define IBX_SERVER_ORIGIN_H

#include <stdbool.h>

#include "server/request.h"
#include "server/text.h"

enum { ORIGIN_URL_NBYTES = 384, PROXIES_MAX = 16 };

enum peer_family { PEER_UNIX, PEER_IPV4, PEER_IPV6 };

/* A client's address; IPv4-mapped IPv6 is IPv4. Unused bytes are zero, so two
 * equal peers are equal as bytes. */
struct peer {
    enum peer_family family;
    uint8_t address[16];
};

/* Writes "192.0.2.7", "2001:db8::1" or "unix". */
void peer_format(const struct peer *peer, char *out, size_t out_nbytes);
bool peer_parse(struct span text, struct peer *out);

struct proxy_list {
    size_t nproxies;
    struct {
        struct peer net;
        unsigned bits;
    } proxies[PROXIES_MAX];
};

/* Reads "10.0.0.0/8, ::1, unix". False when an entry is none of these or
 * there are more than PROXIES_MAX. */
bool proxy_list_parse(const char *text, struct proxy_list *out);
bool proxy_list_has(const struct proxy_list *list, const struct peer *peer);

struct origin_policy {
    const char *public_url;    /* without a slash at its end; "" when unset */
    const char *base_path;     /* "" or "/maps" */
    const char *allowed_hosts; /* list with commas; "" for any */
    struct proxy_list trusted;
};

/* The URL that all of our URLs begin with, without a slash at the end, such
 * as "https://maps.example/base". REFUSAL_HOST when the request's host is not
 * allowed, REFUSAL_SYNTAX when it has none that a URL may hold. */
enum refusal origin_url(const struct origin_policy *policy,
                        const struct request *request, const struct peer *peer,
                        char out[ORIGIN_URL_NBYTES]);

/* Who is asking: the peer, or behind trusted proxies the last address in
 * X-Forwarded-For that is not one of them. */
struct peer origin_client(const struct origin_policy *policy,
                          const struct request *request,
                          const struct peer *peer);

/* Checks a configured public URL: http or https, a host, no query, no slash
 * at the end. */
bool origin_public_url_is_valid(const char *url);

/* Checks a base path: empty, or "/a/b" of unreserved characters. */
bool origin_base_path_is_valid(const char *path);

#endif
