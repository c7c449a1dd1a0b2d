/* Requests, negotiation, conditions and replies: the pure middle. */
#include <string.h>

#include "server/reply.h"
#include "tests/server/table.h"

static struct field one_line(const char *text)
{
    struct field field = {0};
    if (text != NULL)
        field.line[field.nlines++] = span_of(text);
    return field;
}

static const struct {
    const char *label, *accept;
    enum ibx_encoding stored;
    enum send_as want;
} encodings[] = {
    {"none sent", NULL, IBX_ENCODING_GZIP, SEND_DECODED},
    {"gzip", "gzip", IBX_ENCODING_GZIP, SEND_STORED},
    {"capitals", "GZip", IBX_ENCODING_GZIP, SEND_STORED},
    {"old name", "x-gzip", IBX_ENCODING_GZIP, SEND_STORED},
    {"browser", "gzip, deflate, br, zstd", IBX_ENCODING_GZIP, SEND_STORED},
    {"anything", "*", IBX_ENCODING_GZIP, SEND_STORED},
    {"identity", "identity", IBX_ENCODING_GZIP, SEND_DECODED},
    {"refused", "gzip;q=0", IBX_ENCODING_GZIP, SEND_DECODED},
    {"refused with blanks", "gzip ; q=0.000", IBX_ENCODING_GZIP, SEND_DECODED},
    {"all refused", "*;q=0", IBX_ENCODING_GZIP, SEND_DECODED},
    {"all but gzip refused", "gzip, *;q=0", IBX_ENCODING_GZIP, SEND_STORED},
    {"gzip refused, others not", "gzip;q=0, *", IBX_ENCODING_GZIP,
     SEND_DECODED},
    {"low weight", "gzip;q=0.001", IBX_ENCODING_GZIP, SEND_STORED},
    {"identity preferred", "gzip;q=0.4, identity;q=0.5", IBX_ENCODING_GZIP,
     SEND_DECODED},
    {"equal weights", "identity;q=0.5, gzip;q=0.5", IBX_ENCODING_GZIP,
     SEND_STORED},
    {"weight above one", "gzip;q=1.001", IBX_ENCODING_GZIP, SEND_DECODED},
    {"no weight", "gzip;q=", IBX_ENCODING_GZIP, SEND_DECODED},
    {"other parameter", "gzip;x=0", IBX_ENCODING_GZIP, SEND_STORED},
    {"empty", "", IBX_ENCODING_GZIP, SEND_DECODED},
    {"commas", ",,gzip,,", IBX_ENCODING_GZIP, SEND_STORED},
    {"nothing to undo", "identity;q=0", IBX_ENCODING_NONE, SEND_STORED},
    {"brotli taken", "br", IBX_ENCODING_BROTLI, SEND_STORED},
    {"brotli not taken", "gzip", IBX_ENCODING_BROTLI, SEND_NOT_ACCEPTABLE},
    {"brotli less liked", "br;q=0.1, identity", IBX_ENCODING_BROTLI,
     SEND_STORED},
    {"zstd, none sent", NULL, IBX_ENCODING_ZSTD, SEND_NOT_ACCEPTABLE},
};

START_TEST(encoding_is_negotiated)
{
    struct field field = one_line(encodings[_i].accept);
    ck_assert_msg(negotiate(&field, encodings[_i].stored) == encodings[_i].want,
                  "%s", encodings[_i].label);
}
END_TEST

static const struct {
    const char *label, *tags, *since;
    bool same;
} conditions[] = {
    {"nothing asked", NULL, NULL, false},
    {"the tag", "\"a1\"", NULL, true},
    {"weak", "W/\"a1\"", NULL, true},
    {"in a list", "\"x\", \"a1\" ,W/\"y\"", NULL, true},
    {"a comma in a tag", "\"x,y\",\"a1\"", NULL, true},
    {"asterisk", "*", NULL, true},
    {"another", "\"a2\"", NULL, false},
    {"no quotes", "a1", NULL, false},
    {"no end", "\"a1", NULL, false},
    {"broken before it", "\"x, \"a1\"", NULL, false},
    {"lower case w", "w/\"a1\"", NULL, false},
    {"tag decides alone", "\"x\"", "Sun, 06 Nov 1994 08:49:37 GMT", false},
    {"same second", NULL, "Sun, 06 Nov 1994 08:49:37 GMT", true},
    {"a second before", NULL, "Sun, 06 Nov 1994 08:49:36 GMT", false},
    {"RFC 850", NULL, "Sunday, 06-Nov-94 08:49:37 GMT", true},
    {"asctime", NULL, "Sun Nov  6 08:49:37 1994", true},
    {"leap second", NULL, "Sat, 31 Dec 2016 23:59:60 GMT", true},
    {"no date", NULL, "yesterday", false},
    {"no such month", NULL, "Sun, 06 Foo 2094 08:49:37 GMT", false},
    {"no such hour", NULL, "Sun, 06 Nov 2094 24:49:37 GMT", false},
    {"text behind", NULL, "Sun, 06 Nov 2094 08:49:37 GMT x", false},
    {"another zone", NULL, "Sun, 06 Nov 2094 08:49:37 CET", false},
};

START_TEST(condition_is_decided)
{
    struct request request = {0};
    request.if_none_match = one_line(conditions[_i].tags);
    request.if_modified_since = span_of(conditions[_i].since);
    ck_assert_msg(conditional_matches(&request, "\"a1\"", 784111777) ==
                      conditions[_i].same,
                  "%s", conditions[_i].label);
}
END_TEST

START_TEST(dates_come_back)
{
    static const int64_t moments[] = {0,          1,           951782400,
                                      951868799,  784111777,   1700000000,
                                      4102444800, 253402300799};
    for (int i = 0; i < ROWS(moments); i++) {
        char text[DATE_NBYTES];
        int64_t back = -1;
        date_format(moments[i], text);
        ck_assert_uint_eq(strlen(text), DATE_NBYTES - 1);
        ck_assert_msg(date_parse(span_of(text), &back) && back == moments[i],
                      "%s", text);
    }
    char text[DATE_NBYTES];
    date_format(784111777, text);
    ck_assert_str_eq(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    date_format(-5, text);
    ck_assert_str_eq(text, "Thu, 01 Jan 1970 00:00:00 GMT");
}
END_TEST

/* "NAME: VALUE|NAME: VALUE" into a request. */
static void add_fields(struct request *request, const char *fields)
{
    struct span rest = span_of(fields);
    while (rest.ptr != NULL && rest.len > 0) {
        struct span value = span_cut(&rest, '|');
        struct span name = span_cut(&value, ':');
        request_add_field(request, name, value);
    }
}

static const struct {
    const char *label, *fields;
    bool http10;
    enum refusal want;
} heads[] = {
    {"plain", "Host: a", false, REFUSAL_NONE},
    {"no host", "X: a", false, REFUSAL_SYNTAX},
    {"no host, HTTP/1.0", "X: a", true, REFUSAL_NONE},
    {"empty host", "Host: ", false, REFUSAL_NONE},
    {"two hosts", "Host: a|Host: a", false, REFUSAL_SYNTAX},
    {"host with a path", "Host: a/b", false, REFUSAL_SYNTAX},
    {"length zero", "Host: a|Content-Length: 0", false, REFUSAL_NONE},
    {"a body", "Host: a|Content-Length: 1", false, REFUSAL_BODY},
    {"two lengths", "Host: a|Content-Length: 0|content-length: 0", false,
     REFUSAL_SYNTAX},
    {"chunked", "Host: a|Transfer-Encoding: chunked", false, REFUSAL_BODY},
    {"chunked in capitals", "Host: a|Transfer-Encoding: CHUNKED", false,
     REFUSAL_BODY},
    {"chunked, HTTP/1.0", "Host: a|Transfer-Encoding: chunked", true,
     REFUSAL_SYNTAX},
    {"length and chunked",
     "Host: a|Content-Length: 3|Transfer-Encoding: chunked", false,
     REFUSAL_SYNTAX},
    {"other coding", "Host: a|Transfer-Encoding: gzip", false, REFUSAL_SYNTAX},
    {"blank in a name", "Host: a|Content-Length : 0", false, REFUSAL_SYNTAX},
    {"no name", "Host: a|: x", false, REFUSAL_SYNTAX},
    {"control in a value", "Host: a|X: \x01", false, REFUSAL_SYNTAX},
    {"tab in a value", "Host: a|X: a\tb", false, REFUSAL_NONE},
    {"five lists",
     "Host: a|If-None-Match: a|If-None-Match: a|If-None-Match: a|"
     "If-None-Match: a|If-None-Match: a",
     false, REFUSAL_HEAD_LARGE},
};

START_TEST(head_is_taken_or_refused)
{
    const struct request_limits limits = {100, 200};
    struct request request = {.http10 = heads[_i].http10,
                              .route = {.kind = ROUTE_PAGE}};
    add_fields(&request, heads[_i].fields);
    enum refusal got = request_check(&request, &limits);
    ck_assert_msg(got == heads[_i].want, "%s: %d", heads[_i].label, (int)got);
}
END_TEST

START_TEST(limits_are_exact)
{
    const struct request_limits limits = {100, 200};
    struct request request = {.nhosts = 1, .host = span_of("a")};
    request.route.kind = ROUTE_PAGE;
    request.target_nbytes = 100;
    request.head_nbytes = 200;
    ck_assert_int_eq(request_check(&request, &limits), REFUSAL_NONE);
    request.head_nbytes = 201;
    ck_assert_int_eq(request_check(&request, &limits), REFUSAL_HEAD_LARGE);
    request.target_nbytes = 101;
    ck_assert_int_eq(request_check(&request, &limits), REFUSAL_TARGET_LONG);
}
END_TEST

static const char *header(const struct reply *reply, const char *name)
{
    for (unsigned i = 0; i < reply->nheaders; i++) {
        if (strcmp(reply->headers[i].name, name) == 0)
            return reply->headers[i].value;
    }
    return NULL;
}

static struct tile_answer gzip_tile(void)
{
    return (struct tile_answer){.facts = {.hash = 0x0123456789abcdef,
                                          .nbytes = 10,
                                          .format = IBX_FORMAT_MVT,
                                          .encoding = IBX_ENCODING_GZIP},
                                .cache_control = "public, max-age=5",
                                .modified_s = 784111777};
}

START_TEST(tile_replies_carry_their_fields)
{
    struct request request = {0};
    struct tile_answer answer = gzip_tile();
    struct reply reply;
    reply_tile(&request, &answer, &reply);
    ck_assert_uint_eq(reply.status, 200);
    ck_assert_uint_eq(reply.nbytes, 10);
    ck_assert_str_eq(header(&reply, "ETag"), "\"0123456789abcdef\"");
    ck_assert_str_eq(header(&reply, "Content-Encoding"), "gzip");
    ck_assert_str_eq(header(&reply, "Vary"), "Accept-Encoding");
    answer.send_as = SEND_DECODED;
    answer.decoded_nbytes = 30;
    reply_tile(&request, &answer, &reply);
    ck_assert_uint_eq(reply.nbytes, 30);
    ck_assert_str_eq(header(&reply, "ETag"), "\"0123456789abcdef-i\"");
    ck_assert_ptr_null(header(&reply, "Content-Encoding"));
    ck_assert_str_eq(header(&reply, "Vary"), "Accept-Encoding");
}
END_TEST

START_TEST(not_modified_keeps_length_and_validators)
{
    struct request request = {0};
    struct tile_answer answer = gzip_tile();
    struct reply reply;
    request.if_none_match = one_line("\"0123456789abcdef\"");
    ck_assert_uint_eq(reply_tile_status(&request, &answer), 304);
    reply_tile(&request, &answer, &reply);
    ck_assert_uint_eq(reply.status, 304);
    ck_assert_uint_eq(reply.nbytes, 10);
    ck_assert(!reply.send_body);
    ck_assert_ptr_nonnull(header(&reply, "ETag"));
    ck_assert_ptr_nonnull(header(&reply, "Cache-Control"));
    ck_assert_ptr_nonnull(header(&reply, "Vary"));
}
END_TEST

START_TEST(empty_and_unacceptable_tiles)
{
    struct request request = {0};
    struct tile_answer answer = gzip_tile();
    struct reply reply;
    answer.facts.nbytes = 0;
    reply_tile(&request, &answer, &reply);
    ck_assert_uint_eq(reply.status, 204);
    answer.facts.nbytes = 10;
    answer.send_as = SEND_NOT_ACCEPTABLE;
    reply_tile(&request, &answer, &reply);
    ck_assert_uint_eq(reply.status, 406);
    reply_absent(ABSENT_204, "public", &reply);
    ck_assert_uint_eq(reply.status, 204);
    reply_absent(ABSENT_404, "public", &reply);
    ck_assert_uint_eq(reply.status, 404);
    ck_assert_str_eq(header(&reply, "Cache-Control"), "no-store");
}
END_TEST

START_TEST(every_refusal_has_a_reply)
{
    struct reply reply;
    reply_refuse((enum refusal)_i, &reply);
    ck_assert_uint_ge(reply.status, 400);
    ck_assert_str_eq(header(&reply, "Cache-Control"), "no-store");
    ck_assert_uint_eq(reply.nbytes, strlen(reply.text));
    bool later = reply.status == 503 || reply.status == 429;
    ck_assert(later == (header(&reply, "Retry-After") != NULL));
    ck_assert((reply.status == 405) == (header(&reply, "Allow") != NULL));
}
END_TEST

START_TEST(cors_joins_vary)
{
    const struct cors_policy listed = {"https://a, https://b"};
    struct request request = {.origin = span_of("https://b")};
    struct tile_answer answer = gzip_tile();
    struct reply reply;
    reply_tile(&request, &answer, &reply);
    reply_add_cors(&listed, &request, &reply);
    ck_assert_str_eq(header(&reply, "Vary"), "Accept-Encoding, Origin");
    ck_assert_str_eq(header(&reply, "Access-Control-Allow-Origin"),
                     "https://b");
    request.origin = span_of("https://bb");
    reply_refuse(REFUSAL_NOT_FOUND, &reply);
    reply_add_cors(&listed, &request, &reply);
    ck_assert_str_eq(header(&reply, "Vary"), "Origin");
    ck_assert_ptr_null(header(&reply, "Access-Control-Allow-Origin"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reply");
    TCase *all = tcase_create("tables");
    tcase_add_loop_test(all, encoding_is_negotiated, 0, ROWS(encodings));
    tcase_add_loop_test(all, condition_is_decided, 0, ROWS(conditions));
    tcase_add_loop_test(all, head_is_taken_or_refused, 0, ROWS(heads));
    tcase_add_loop_test(all, every_refusal_has_a_reply, 1, REFUSAL_COUNT);
    tcase_add_test(all, dates_come_back);
    tcase_add_test(all, limits_are_exact);
    tcase_add_test(all, tile_replies_carry_their_fields);
    tcase_add_test(all, not_modified_keeps_length_and_validators);
    tcase_add_test(all, empty_and_unacceptable_tiles);
    tcase_add_test(all, cors_joins_vary);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
