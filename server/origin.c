#include "server/origin.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void peer_format(const struct peer *peer, char *out, size_t out_nbytes)
{
    int family = peer->family == PEER_IPV4 ? AF_INET : AF_INET6;
    if (peer->family == PEER_UNIX ||
        inet_ntop(family, peer->address, out, (socklen_t)out_nbytes) == NULL)
        (void)snprintf(out, out_nbytes, "unix");
}

static void peer_unmap(struct peer *peer)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0,    0,
                                       0, 0, 0, 0, 0xff, 0xff};
    if (peer->family != PEER_IPV6 || memcmp(peer->address, mapped, 12) != 0)
        return;
    memmove(peer->address, peer->address + 12, 4);
    memset(peer->address + 4, 0, 12);
    peer->family = PEER_IPV4;
}

bool peer_parse(struct span text, struct peer *out)
{
    char copy[64];
    struct peer peer = {.family = PEER_UNIX};
    if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']') {
        text.ptr++;
        text.len -= 2;
    }
    if (!span_copy(text, copy, sizeof(copy)))
        return false;
    if (inet_pton(AF_INET, copy, peer.address) == 1)
        peer.family = PEER_IPV4;
    else if (inet_pton(AF_INET6, copy, peer.address) == 1)
        peer.family = PEER_IPV6;
    else if (strcmp(copy, "unix") != 0)
        return false;
    peer_unmap(&peer);
    *out = peer;
    return true;
}

static unsigned family_bits(enum peer_family family)
{
    return family == PEER_IPV4 ? 32 : family == PEER_IPV6 ? 128 : 0;
}

bool proxy_list_parse(const char *text, struct proxy_list *out)
{
    struct span rest = span_of(text);
    out->nproxies = 0;
    while (rest.ptr != NULL) {
        struct span bits = span_trim(span_cut(&rest, ','));
        uint64_t nbits;
        if (bits.len == 0)
            continue;
        struct span address = span_cut(&bits, '/');
        struct peer net;
        if (out->nproxies == PROXIES_MAX || !peer_parse(address, &net))
            return false;
        nbits = family_bits(net.family);
        if (bits.ptr != NULL && !span_decimal(bits, nbits, &nbits))
            return false;
        out->proxies[out->nproxies].net = net;
        out->proxies[out->nproxies++].bits = (unsigned)nbits;
    }
    return true;
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff00u >> rest);
    return rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0;
}

bool proxy_list_has(const struct proxy_list *list, const struct peer *peer)
{
    for (size_t i = 0; i < list->nproxies; i++) {
        if (list->proxies[i].net.family == peer->family &&
            same_prefix(list->proxies[i].net.address, peer->address,
                        list->proxies[i].bits))
            return true;
    }
    return false;
}

/* The value of `name` in one element of a Forwarded field. */
static struct span element_value(struct span element, const char *name)
{
    while (element.ptr != NULL) {
        struct span pair = span_trim(span_cut(&element, ';'));
        struct span key = span_trim(span_cut(&pair, '='));
        if (!span_is_caseless(key, name))
            continue;
        if (pair.len >= 2 && pair.ptr[0] == '"') {
            pair.ptr++;
            pair.len -= 2;
        }
        return pair;
    }
    return (struct span){NULL, 0};
}

/* The value of `name` in the first element of a Forwarded field. */
static struct span forwarded_value(struct span field, const char *name)
{
    return element_value(span_cut(&field, ','), name);
}

/* Cuts the last element of a list off. */
static struct span cut_last(struct span *list)
{
    size_t at = list->len;
    while (at > 0 && list->ptr[at - 1] != ',')
        at--;
    struct span last = {list->ptr + at, list->len - at};
    list->len = at > 0 ? at - 1 : 0;
    return span_trim(last);
}

struct peer origin_client(const struct origin_policy *policy,
                          const struct request *request,
                          const struct peer *peer)
{
    struct peer client = *peer;
    bool standard = request->forwarded.len > 0 &&
                    forwarded_value(request->forwarded, "for").len > 0;
    struct span list = standard ? request->forwarded : request->forwarded_for;
    /* From the right: each proxy appends whom it got the request from. */
    while (list.len > 0 && proxy_list_has(&policy->trusted, &client)) {
        struct span last = cut_last(&list);
        struct peer previous;
        if (standard)
            last = element_value(last, "for");
        (void)span_cut_port(&last); /* some proxies add one */
        if (!peer_parse(last, &previous))
            break;
        client = previous;
    }
    return client;
}

static struct span first_of(struct span list)
{
    return span_trim(span_cut(&list, ','));
}

struct place {
    struct span scheme, host, prefix;
};

/* RFC 7239 first, then the older fields that say the same. */
static void take_forwarded(const struct request *request, struct place *place)
{
    struct span host = forwarded_value(request->forwarded, "host");
    struct span scheme = forwarded_value(request->forwarded, "proto");
    if (host.len == 0)
        host = first_of(request->forwarded_host);
    if (scheme.len == 0)
        scheme = first_of(request->forwarded_proto);
    if (host.len > 0)
        place->host = host;
    if (span_is_caseless(scheme, "https"))
        place->scheme = SPAN_LITERAL("https");
    struct span prefix = first_of(request->forwarded_prefix);
    char copy[128];
    if (span_copy(prefix, copy, sizeof(copy)) &&
        origin_base_path_is_valid(copy))
        place->prefix = prefix;
}

static bool host_is_allowed(const char *list, struct span host)
{
    struct span rest = span_of(list);
    if (rest.len == 0)
        return true;
    const char *colon = host.len > 0 ? memrchr(host.ptr, ':', host.len) : NULL;
    struct span name = host;
    if (colon != NULL &&
        memchr(colon, ']', host.len - (size_t)(colon - host.ptr)) == NULL)
        name.len = (size_t)(colon - host.ptr);
    while (rest.ptr != NULL) {
        struct span one = span_trim(span_cut(&rest, ','));
        char copy[256];
        if (one.len > 0 && span_copy(one, copy, sizeof(copy)) &&
            (span_is_caseless(host, copy) || span_is_caseless(name, copy)))
            return true;
    }
    return false;
}

enum refusal origin_url(const struct origin_policy *policy,
                        const struct request *request, const struct peer *peer,
                        char out[ORIGIN_URL_NBYTES])
{
    struct place place = {SPAN_LITERAL("http"), request->host, {"", 0}};
    /* RFC 9112 3.2.2: an absolute target's host is the one that counts. */
    if (request->route.authority.len > 0)
        place.host = request->route.authority;
    if (proxy_list_has(&policy->trusted, peer))
        take_forwarded(request, &place);
    if (!host_is_allowed(policy->allowed_hosts, place.host))
        return REFUSAL_HOST;
    if (policy->public_url[0] != '\0') {
        (void)snprintf(out, ORIGIN_URL_NBYTES, "%s%s", policy->public_url,
                       policy->base_path);
        return REFUSAL_NONE;
    }
    if (place.host.len == 0)
        place.host = SPAN_LITERAL("localhost"); /* HTTP/1.0 without Host */
    if (!request_host_is_valid(place.host))
        return REFUSAL_SYNTAX;
    int len = snprintf(
        out, ORIGIN_URL_NBYTES, "%.*s://%.*s%.*s%s", (int)place.scheme.len,
        place.scheme.ptr, (int)place.host.len, place.host.ptr,
        (int)place.prefix.len, place.prefix.ptr, policy->base_path);
    return len < ORIGIN_URL_NBYTES ? REFUSAL_NONE : REFUSAL_SYNTAX;
}

bool origin_public_url_is_valid(const char *url)
{
    struct span rest = span_of(url);
    struct span scheme = {rest.ptr, rest.len < 8 ? 0 : 8};
    size_t skip = span_is_caseless(scheme, "https://") ? 8 : 7;
    scheme.len = skip == 7 && rest.len >= 7 ? 7 : scheme.len;
    if (skip == 7 && !span_is_caseless(scheme, "http://"))
        return false;
    rest.ptr += skip;
    rest.len -= skip;
    struct span host = span_cut(&rest, '/');
    if (!request_host_is_valid(host) || strlen(url) > 255)
        return false;
    char path[256];
    if (rest.ptr == NULL)
        return true;
    (void)snprintf(path, sizeof(path), "/%.*s", (int)rest.len, rest.ptr);
    return origin_base_path_is_valid(path) && rest.len > 0;
}

bool origin_base_path_is_valid(const char *path)
{
    static const char marks[] = "-._~/";
    size_t len = strlen(path);
    if (len == 0)
        return true;
    if (len > 100 || path[0] != '/' || path[len - 1] == '/' ||
        strstr(path, "//") != NULL || strstr(path, "/.") != NULL)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = path[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9');
        if (!alnum && strchr(marks, c) == NULL)
            return false;
    }
    return true;
}
