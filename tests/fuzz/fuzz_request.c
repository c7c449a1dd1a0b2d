/* Any header fields are taken or refused; conditions, encodings, URLs and
 * replies made of them keep within their bounds. The input is lines of
 * NAME: VALUE. */
#undef NDEBUG /* asserts are what this looks for */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/json_scan.h"
#include "server/origin.h"
#include "server/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void answer(const struct request *request)
{
    static const struct origin_policy policy = {
        .public_url = "", .base_path = "", .allowed_hosts = "a.example"};
    static const struct cors_policy cors = {"https://a.example"};
    const struct peer peer = {.family = PEER_UNIX};
    struct tile_answer tile = {
        .facts = {.hash = 1, .nbytes = 9, .encoding = IBX_ENCODING_GZIP},
        .cache_control = "no-cache"};
    struct reply reply;
    char url[ORIGIN_URL_NBYTES];
    enum refusal refusal = origin_url(&policy, request, &peer, url);
    assert(refusal == REFUSAL_NONE || refusal == REFUSAL_HOST ||
           refusal == REFUSAL_SYNTAX);
    tile.send_as = negotiate(&request->accept_encoding, tile.facts.encoding);
    reply_tile(request, &tile, &reply);
    reply_add_cors(&cors, request, &reply);
    assert(reply.status == 200 || reply.status == 304 || reply.status == 412);
    assert(reply.nheaders <= REPLY_HEADERS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    const struct request_limits limits = {4096, 4096};
    struct request request = {0};
    struct span rest = {(const char *)data, nbytes};
    struct json_walk walk;
    struct span key, value;
    if (json_enter(rest, &walk)) {
        while (json_next(&walk, &key, &value))
            assert(value.len > 0);
    }
    while (rest.ptr != NULL && rest.len > 0) {
        struct span line = span_cut(&rest, '\n');
        struct span name = span_cut(&line, ':');
        request_add_field(&request, name,
                          line.ptr == NULL ? span_of("") : line);
    }
    if (request_check(&request, &limits) == REFUSAL_NONE)
        answer(&request);
    return 0;
}
