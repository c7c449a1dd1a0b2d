/* The smaller modules: text, JSON, gzip, origins, addresses, metrics, pool. */
#include <poll.h>
#include <stdatomic.h>
#include <string.h>

#include "server/address.h"
#include "server/clock.h"
#include "server/gzip.h"
#include "server/json_scan.h"
#include "server/origin.h"
#include "server/pool.h"
#include "tests/server/table.h"

static const struct {
    const char *label, *text;
    bool valid;
    uint64_t nbytes;
} sizes[] = {
    {"plain", "65536", true, 65536},
    {"K", "64K", true, 65536},
    {"M", "32m", true, 33554432},
    {"T", "1T", true, UINT64_C(1) << 40},
    {"zero", "0", true, 0},
    {"empty", "", false, 0},
    {"only a suffix", "K", false, 0},
    {"sign", "-1", false, 0},
    {"fraction", "1.5M", false, 0},
    {"unknown", "1Q", false, 0},
    {"two suffixes", "1KB", false, 0},
    {"overflow", "99999999999T", false, 0},
    {"too long", "99999999999999999999", false, 0},
};

START_TEST(sizes_are_read)
{
    uint64_t got = 7;
    ck_assert_msg(size_parse(sizes[_i].text, &got) == sizes[_i].valid, "%s",
                  sizes[_i].label);
    ck_assert_msg(got == (sizes[_i].valid ? sizes[_i].nbytes : 7), "%s",
                  sizes[_i].label);
}
END_TEST

static const struct {
    const char *label, *text, *host, *port; /* port NULL: none */
} hosts[] = {
    {"name and port", "a.example:8080", "a.example", "8080"},
    {"name alone", "a.example", "a.example", NULL},
    {"empty port", "a:", "a", ""},
    {"port alone", ":80", "", "80"},
    {"port of any kind", "192.0.2.1:_x", "192.0.2.1", "_x"},
    {"bracketed with a port", "[2001:db8::1]:80", "[2001:db8::1]", "80"},
    {"bracketed alone", "[2001:db8::1]", "[2001:db8::1]", NULL},
    {"IPv6 without brackets", "2001:db8::1", "2001:db8::1", NULL},
    {"nothing", "", "", NULL},
};

START_TEST(port_is_cut_off_a_host)
{
    struct span host = span_of(hosts[_i].text);
    struct span port = span_cut_port(&host);
    const char *want = hosts[_i].port;
    ck_assert_msg(span_is(host, hosts[_i].host), "%s: host", hosts[_i].label);
    ck_assert_msg((port.ptr == NULL) == (want == NULL), "%s: whether",
                  hosts[_i].label);
    ck_assert_msg(want == NULL || span_is(port, want), "%s: port",
                  hosts[_i].label);
}
END_TEST

START_TEST(buffer_never_passes_its_cap)
{
    struct buffer out;
    buffer_init(&out, 16);
    buffer_puts(&out, "0123456789");
    buffer_printf(&out, "%s", "abcde");
    ck_assert(!out.failed);
    ck_assert_str_eq(out.bytes, "0123456789abcde");
    buffer_puts(&out, "x");
    ck_assert(out.failed);
    ck_assert_uint_eq(out.len, 15);
    buffer_puts(&out, "");
    ck_assert(out.failed);
    buffer_fini(&out);
    buffer_init(&out, 4096);
    char text[1000];
    memset(text, 'y', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    buffer_printf(&out, "<%s>", text);
    ck_assert_uint_eq(out.len, 1001);
    buffer_xml(&out, "a<&>\"'\x01");
    ck_assert_str_eq(out.bytes + 1001, "a&lt;&amp;&gt;&quot;&apos;?");
    buffer_fini(&out);
}
END_TEST

static const char object[] =
    " {\"a\" : [1, {\"b\":\"]}\"}], \"s\":\"x\\\"\\u00e9\\ud83d\\ude00\\n\","
    "\"n\":-1.5e2 ,\"t\":true,\"o\":{\"s\":1}} ";

START_TEST(json_members_are_found)
{
    char text[64];
    struct span all = span_of(object);
    ck_assert(span_is(json_member(all, "a"), "[1, {\"b\":\"]}\"}]"));
    ck_assert(span_is(json_member(all, "n"), "-1.5e2"));
    ck_assert(span_is(json_member(all, "o"), "{\"s\":1}"));
    ck_assert_ptr_null(json_member(all, "b").ptr);
    ck_assert(json_string(json_member(all, "s"), text, sizeof(text)));
    ck_assert_str_eq(text, "x\"\xc3\xa9\xf0\x9f\x98\x80\n");
    ck_assert(!json_string(json_member(all, "s"), text, 5));
    ck_assert_str_eq(text, "");
    ck_assert(!json_string(json_member(all, "n"), text, sizeof(text)));
}
END_TEST

START_TEST(every_cut_of_json_ends_the_walk)
{
    for (size_t len = 0; len < sizeof(object); len++) {
        char *copy = malloc(len == 0 ? 1 : len); /* for the sanitizer */
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, object, len);
        struct json_walk walk;
        struct span key, value;
        unsigned members = 0;
        if (json_enter((struct span){copy, len}, &walk)) {
            while (json_next(&walk, &key, &value))
                members++;
        }
        ck_assert_uint_le(members, 5);
        free(copy);
    }
}
END_TEST

static const struct {
    const char *label, *text;
    bool valid;
} numbers[] = {
    {"four", "[1,-2.5,3e2,4]", true},
    {"blanks", "[ 1 , 2 , 3 , 4 ]", true},
    {"three", "[1,2,3]", false},
    {"five", "[1,2,3,4,5]", false},
    {"a string", "[1,2,\"3\",4]", false},
    {"object", "{\"a\":1}", false},
    {"not finite", "[1,2,3,1e999]", false},
    {"nothing", "", false},
};

START_TEST(json_numbers_are_read)
{
    double got[4];
    ck_assert_msg(json_numbers(span_of(numbers[_i].text), got, 4) ==
                      numbers[_i].valid,
                  "%s", numbers[_i].label);
}
END_TEST

START_TEST(gzip_comes_back_within_its_bound)
{
    char plain[5000];
    size_t packed_nbytes = 0, nbytes = 0;
    void *out = NULL;
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (char)('a' + i % 7);
    void *packed =
        gzip_pack((struct span){plain, sizeof(plain)}, &packed_nbytes);
    ck_assert_ptr_nonnull(packed);
    struct span in = {packed, packed_nbytes};
    ck_assert_uint_eq(gzip_hint(in), sizeof(plain));
    ck_assert_int_eq(gzip_unpack(in, sizeof(plain), &out, &nbytes), GZIP_OK);
    ck_assert_uint_eq(nbytes, sizeof(plain));
    ck_assert_mem_eq(out, plain, nbytes);
    free(out);
    ck_assert_int_eq(gzip_unpack(in, sizeof(plain) - 1, &out, &nbytes),
                     GZIP_TOO_LARGE);
    for (size_t len = 0; len < packed_nbytes; len++)
        ck_assert_int_eq(
            gzip_unpack((struct span){packed, len}, 100000, &out, &nbytes),
            GZIP_BAD);
    free(packed);
}
END_TEST

START_TEST(gzip_of_two_members_is_joined)
{
    char plain[2000], both[2000];
    size_t len = 0, nbytes = 0;
    void *out = NULL;
    memset(plain, 'x', sizeof(plain));
    void *packed = gzip_pack((struct span){plain, sizeof(plain)}, &len);
    ck_assert_ptr_nonnull(packed);
    ck_assert_uint_lt(2 * len, sizeof(both));
    memcpy(both, packed, len);
    memcpy(both + len, packed, len);
    ck_assert_int_eq(
        gzip_unpack((struct span){both, 2 * len}, 100000, &out, &nbytes),
        GZIP_OK);
    ck_assert_uint_eq(nbytes, 2 * sizeof(plain));
    free(out);
    free(packed);
}
END_TEST

static const struct {
    const char *label, *list, *peer;
    bool member;
} proxies[] = {
    {"the address", "127.0.0.1", "127.0.0.1", true},
    {"a network", "10.0.0.0/8", "10.9.8.7", true},
    {"odd bits", "192.168.128.0/17", "192.168.127.1", false},
    {"mapped", "10.0.0.0/8", "::ffff:10.1.1.1", true},
    {"IPv6", "2001:db8::/33", "2001:db8:7fff::1", true},
    {"IPv6 outside", "2001:db8::/33", "2001:db8:8000::1", false},
    {"unix", "unix", "unix", true},
    {"in a list", "1.2.3.4, 5.6.7.8/32", "5.6.7.8", true},
    {"everything", "0.0.0.0/0", "8.8.8.8", true},
    {"another family", "0.0.0.0/0", "::1", false},
};

START_TEST(proxies_are_recognised)
{
    struct proxy_list list;
    struct peer peer;
    ck_assert(proxy_list_parse(proxies[_i].list, &list));
    ck_assert(peer_parse(span_of(proxies[_i].peer), &peer));
    ck_assert_msg(proxy_list_has(&list, &peer) == proxies[_i].member, "%s",
                  proxies[_i].label);
}
END_TEST

START_TEST(bad_proxies_are_refused)
{
    struct proxy_list list;
    ck_assert(!proxy_list_parse("10.0.0.0/33", &list));
    ck_assert(!proxy_list_parse("host", &list));
    ck_assert(!proxy_list_parse("10.0.0", &list));
    ck_assert(proxy_list_parse("", &list) && list.nproxies == 0);
}
END_TEST

START_TEST(client_is_the_last_that_is_not_trusted)
{
    struct origin_policy policy = {.public_url = ""};
    struct request request = {0};
    struct peer peer;
    char text[64];
    ck_assert(proxy_list_parse("10.0.0.0/8", &policy.trusted));
    ck_assert(peer_parse(span_of("10.0.0.1"), &peer));
    request.forwarded_for = span_of("6.6.6.6, 192.0.2.7, 10.2.2.2");
    struct peer client = origin_client(&policy, &request, &peer);
    peer_format(&client, text, sizeof(text));
    ck_assert_str_eq(text, "192.0.2.7");
    ck_assert(peer_parse(span_of("8.8.8.8"), &peer));
    client = origin_client(&policy, &request, &peer);
    peer_format(&client, text, sizeof(text));
    ck_assert_str_eq(text, "8.8.8.8");
}
END_TEST

START_TEST(tokens_come_back_with_time)
{
    const struct address_limits limits = {.rate = 10, .burst = 3};
    struct address_table *table = address_table_new(&limits);
    struct peer a, b;
    ck_assert_ptr_nonnull(table);
    ck_assert(peer_parse(span_of("192.0.2.1"), &a));
    ck_assert(peer_parse(span_of("192.0.2.2"), &b));
    for (int i = 0; i < 3; i++)
        ck_assert(address_request(table, &a, 1000));
    ck_assert(!address_request(table, &a, 1000));
    ck_assert(!address_request(table, &a, 1099));
    ck_assert(address_request(table, &b, 1099));
    ck_assert(address_request(table, &a, 1100));
    ck_assert(!address_request(table, &a, 1100));
    ck_assert(address_request(table, &a, 1000000));
    address_table_free(table);
}
END_TEST

START_TEST(gauge_never_overshoots)
{
    struct gauge gauge = {0};
    ck_assert(gauge_take(&gauge, 7, 10));
    ck_assert(!gauge_take(&gauge, 4, 10));
    ck_assert(gauge_take(&gauge, 3, 10));
    ck_assert(!gauge_take(&gauge, UINT64_MAX, 10));
    gauge_give(&gauge, 10);
    ck_assert_uint_eq(atomic_load(&gauge.now), 0);
    ck_assert_uint_eq(atomic_load(&gauge.high), 10);
}
END_TEST

struct sum_job {
    struct job job;
    _Atomic int *sum;
};

static void add_one(struct job *job)
{
    atomic_fetch_add(((struct sum_job *)(void *)job)->sum, 1);
}

/* Waits until the inbox is readable and takes one. */
static struct job *take_job(struct inbox *inbox)
{
    for (;;) {
        struct pollfd fd = {.fd = inbox->event_fd, .events = POLLIN};
        struct job *job = inbox_take(inbox);
        if (job != NULL)
            return job;
        ck_assert_int_eq(poll(&fd, 1, 10000), 1);
    }
}

START_TEST(pool_runs_or_expires_every_job)
{
    enum { NJOBS = 100 };
    static struct sum_job jobs[NJOBS];
    _Atomic int sum = 0;
    struct gauge gauge = {0};
    struct inbox inbox;
    const struct pool_options options = {.nthreads = 3,
                                         .stack_nbytes = 256 << 10,
                                         .capacity = NJOBS,
                                         .jobs = &gauge};
    struct pool *pool = pool_open(&options);
    ck_assert_ptr_nonnull(pool);
    ck_assert(inbox_init(&inbox));
    for (int i = 0; i < NJOBS; i++) {
        jobs[i] = (struct sum_job){.job = {.run = add_one, .inbox = &inbox},
                                   .sum = &sum};
        /* Every tenth is too late already. */
        jobs[i].job.deadline_ms = i % 10 == 0 ? 0 : clock_ms() + 60000;
        ck_assert(pool_submit(pool, &jobs[i].job));
    }
    struct sum_job extra = {.job = {.run = add_one, .inbox = &inbox},
                            .sum = &sum};
    ck_assert(!pool_submit(pool, &extra.job));
    int expired = 0;
    for (int i = 0; i < NJOBS; i++) {
        struct job *job = take_job(&inbox);
        expired += job->expired;
        pool_forget(pool, job);
    }
    ck_assert_int_eq(expired, NJOBS / 10);
    ck_assert_int_eq(atomic_load(&sum), NJOBS - NJOBS / 10);
    ck_assert(pool_close(pool, 10000));
    inbox_fini(&inbox);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parts");
    TCase *all = tcase_create("tables");
    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, sizes_are_read, 0, ROWS(sizes));
    tcase_add_loop_test(all, port_is_cut_off_a_host, 0, ROWS(hosts));
    tcase_add_loop_test(all, json_numbers_are_read, 0, ROWS(numbers));
    tcase_add_loop_test(all, proxies_are_recognised, 0, ROWS(proxies));
    tcase_add_test(all, buffer_never_passes_its_cap);
    tcase_add_test(all, json_members_are_found);
    tcase_add_test(all, every_cut_of_json_ends_the_walk);
    tcase_add_test(all, gzip_comes_back_within_its_bound);
    tcase_add_test(all, gzip_of_two_members_is_joined);
    tcase_add_test(all, bad_proxies_are_refused);
    tcase_add_test(all, client_is_the_last_that_is_not_trusted);
    tcase_add_test(all, tokens_come_back_with_time);
    tcase_add_test(all, gauge_never_overshoots);
    tcase_add_test(all, pool_runs_or_expires_every_job);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
