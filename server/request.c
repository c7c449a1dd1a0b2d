#include "server/request.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum method method_parse(const char *name)
{
    static const struct {
        const char *name;
        enum method method;
    } methods[] = {{"GET", METHOD_GET},
                   {"HEAD", METHOD_HEAD},
                   {"OPTIONS", METHOD_OPTIONS},
                   {"POST", METHOD_POST}};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(name, methods[i].name) == 0)
            return methods[i].method;
    }
    return METHOD_OTHER;
}

/* RFC 9110 5.6.2. */
static bool is_token(struct span text)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '-';
        if (!alnum && (c == '\0' || strchr(marks, c) == NULL))
            return false;
    }
    return text.len > 0;
}

/* RFC 9110 5.5: controls in a value are invalid, and dangerous in a log. Looks
 * at every byte, so that the compiler can look at many at once. */
static bool has_controls(struct span value)
{
    unsigned char found = 0;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        found |= (unsigned char)((c < 0x20) & (c != '\t')) | (c == 0x7f);
    }
    return found != 0;
}

/* A field that means something to us. */
struct known {
    struct span name;
    bool list;        /* a struct field, else a span: the last line counts */
    size_t value_off; /* in a struct request */
    size_t count_off; /* of the number of lines; 0 where nobody counts */
};

/* Where a member is; does not compile when it has another type. */
#define PLACE(type, member)                                                    \
    (offsetof(struct request, member) +                                        \
     0 * sizeof(_Generic(((struct request *)0)->member, type : 0)))
#define LIST(name, member)                                                     \
    {                                                                          \
        SPAN_CONSTANT(name), true, PLACE(struct field, member), 0              \
    }
#define LAST(name, member)                                                     \
    {                                                                          \
        SPAN_CONSTANT(name), false, PLACE(struct span, member), 0              \
    }
#define COUNTED(name, member, count)                                           \
    {                                                                          \
        SPAN_CONSTANT(name), false, PLACE(struct span, member),                \
            PLACE(unsigned, count)                                             \
    }

static const struct known known_fields[] = {
    COUNTED("Host", host, nhosts),
    COUNTED("Content-Length", content_length, nlengths),
    COUNTED("Transfer-Encoding", transfer_encoding, ntransfers),
    LIST("Accept-Encoding", accept_encoding),
    LIST("If-None-Match", if_none_match),
    LIST("If-Match", if_match),
    LAST("If-Modified-Since", if_modified_since),
    LAST("If-Unmodified-Since", if_unmodified_since),
    LAST("Origin", origin),
    LAST("Referer", referer),
    LAST("User-Agent", user_agent),
    LAST("Forwarded", forwarded),
    LAST("X-Forwarded-For", forwarded_for),
    LAST("X-Forwarded-Host", forwarded_host),
    LAST("X-Forwarded-Proto", forwarded_proto),
    LAST("X-Forwarded-Prefix", forwarded_prefix),
};

static const struct known *find_known(struct span name)
{
    for (size_t i = 0; i < sizeof(known_fields) / sizeof(known_fields[0]);
         i++) {
        const struct span *known = &known_fields[i].name;
        if (known->len == name.len &&
            strncasecmp(known->ptr, name.ptr, name.len) == 0)
            return &known_fields[i];
    }
    return NULL;
}

static void add_line(struct request *request, struct field *field,
                     struct span value)
{
    if (field->nlines == FIELD_LINES_MAX)
        request->list_flood = true;
    else
        field->line[field->nlines++] = value;
}

void request_add_field(struct request *request, struct span name,
                       struct span value)
{
    value = span_trim(value);
    request->head_nbytes += name.len + value.len + 4;
    if (!is_token(name) || has_controls(value))
        request->malformed = true;
    const struct known *known = find_known(name);
    if (known == NULL)
        return;
    void *to = (char *)request + known->value_off;
    if (known->list)
        add_line(request, to, value);
    else
        *(struct span *)to = value;
    if (known->count_off != 0)
        ++*(unsigned *)(void *)((char *)request + known->count_off);
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
           (c >= 'A' && c <= 'F');
}

static bool is_registered_name(struct span name)
{
    static const char marks[] = "-._~!$&'()*+,;=";
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool escape = c == '%' && i + 2 < name.len && is_hex(name.ptr[i + 1]) &&
                      is_hex(name.ptr[i + 2]);
        if (!escape && !is_alnum(c) && (c == '\0' || strchr(marks, c) == NULL))
            return false;
    }
    return name.len > 0;
}

static bool is_address_literal(struct span text)
{
    char copy[64];
    struct in6_addr ignored;
    if (text.len < 2 || text.ptr[text.len - 1] != ']')
        return false;
    struct span inner = {text.ptr + 1, text.len - 2};
    return span_copy(inner, copy, sizeof(copy)) &&
           inet_pton(AF_INET6, copy, &ignored) == 1;
}

static bool is_digits(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return true;
}

bool request_host_is_valid(struct span host)
{
    if (host.len == 0 || host.len > 255)
        return false;
    /* RFC 3986 3.2.3: a port is any number of digits, even none. */
    if (!is_digits(span_cut_port(&host)))
        return false;
    return host.len > 0 && host.ptr[0] == '[' ? is_address_literal(host)
                                              : is_registered_name(host);
}

/* RFC 9112 6.1, 6.3: whatever two readers could cut in two ways is refused,
 * and the connection is closed with it. */
static bool framing_is_ambiguous(const struct request *request)
{
    if (request->nlengths > 1 || request->ntransfers > 1)
        return true;
    if (request->ntransfers == 0)
        return false;
    return request->nlengths > 0 || request->http10 ||
           !span_is_caseless(request->transfer_encoding, "chunked");
}

static bool has_body(const struct request *request)
{
    uint64_t nbytes = 0;
    if (request->ntransfers > 0)
        return true;
    return request->nlengths > 0 &&
           (!span_decimal(request->content_length, UINT64_MAX, &nbytes) ||
            nbytes > 0);
}

enum refusal request_check(const struct request *request,
                           const struct request_limits *limits)
{
    if (request->target_nbytes > limits->max_target_nbytes)
        return REFUSAL_TARGET_LONG;
    if (request->head_nbytes > limits->max_head_nbytes || request->list_flood)
        return REFUSAL_HEAD_LARGE;
    if (request->malformed || framing_is_ambiguous(request))
        return REFUSAL_SYNTAX;
    /* RFC 9112 3.2: exactly one Host, except that HTTP/1.0 may lack it. */
    if (request->nhosts > 1 || (request->nhosts == 0 && !request->http10))
        return REFUSAL_SYNTAX;
    if (request->nhosts == 1 && request->host.len > 0 &&
        !request_host_is_valid(request->host))
        return REFUSAL_SYNTAX;
    if (request->route.kind == ROUTE_BAD ||
        (request->route.authority.len > 0 &&
         !request_host_is_valid(request->route.authority)))
        return REFUSAL_SYNTAX;
    return has_body(request) ? REFUSAL_BODY : REFUSAL_NONE;
}
