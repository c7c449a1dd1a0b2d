/* Sorting in bounded memory, and tiles that decode to what was put in. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tiler/vector/random_geom.h"
#include "tiler/vector/attrs.h"
#include "tiler/vector/mvt.h"
#include "tiler/vector/record.h"
#include "tiler/vector/sorter.h"

enum { SEED = 20260303 };

static struct temp_space space = {.dir = "/tmp"};

static void sort_and_check(unsigned nlanes, size_t nrecords, size_t len)
{
    struct random_state r = {SEED};
    struct sorter *sorter;
    uint8_t record[4096];
    ck_assert_int_eq(sorter_open(nlanes, 1, &space, &sorter, NULL), IBX_OK);
    for (size_t i = 0; i < nrecords; i++) {
        struct sorter_key key = {(uint64_t)random_below(&r, 1000), i, 0};
        memset(record, (int)(i & 0xff), len);
        ck_assert_int_eq(
            sorter_add(sorter, (unsigned)i % nlanes, key, record, len, NULL),
            IBX_OK);
    }
    for (unsigned i = 0; i < nlanes; i++)
        ck_assert_int_eq(sorter_end_lane(sorter, i, NULL), IBX_OK);
    ck_assert_int_eq(sorter_merge(sorter, NULL), IBX_OK);
    struct sorter_record got, last = {.key = {0, 0, 0}};
    size_t n = 0;
    while (sorter_next(sorter, &got, NULL) == IBX_OK) {
        if (n > 0)
            ck_assert(got.key.id > last.key.id || (got.key.id == last.key.id &&
                                                   got.key.seq > last.key.seq));
        ck_assert_uint_eq(got.len, len);
        ck_assert_uint_eq(got.ptr[len - 1], got.key.seq & 0xff);
        last = got;
        n++;
    }
    ck_assert_uint_eq(n, nrecords);
    sorter_close(sorter);
}

START_TEST(records_come_back_sorted_from_memory)
{
    sort_and_check(3, 1000, 100);
}
END_TEST

START_TEST(records_come_back_sorted_from_runs)
{
    /* 20 MB through 2 MB of memory. */
    sort_and_check(2, 10000, 2000);
}
END_TEST

START_TEST(temporary_space_is_bounded)
{
    struct temp_space small = {.dir = "/tmp", .max_nbytes = 4 << 20};
    struct sorter *sorter;
    uint8_t record[4096] = {0};
    struct ibx_err err;
    enum ibx_status status = IBX_OK;
    ck_assert_int_eq(sorter_open(1, 1, &small, &sorter, NULL), IBX_OK);
    for (uint64_t i = 0; i < 4000 && status == IBX_OK; i++)
        status = sorter_add(sorter, 0, (struct sorter_key){i, i, 0}, record,
                            sizeof record, &err);
    ck_assert_int_eq(status, IBX_ERR_TOO_LARGE);
    sorter_close(sorter);
}
END_TEST

START_TEST(feature_records_survive)
{
    struct random_state r = {SEED + 1};
    struct bytes bytes = {0};
    struct geom in = {0}, out = {0};
    for (int i = 0; i < 500; i++) {
        geom_reset(&in, GEOM_POLYGON);
        random_star(&r, &in, (struct geom_point){-5000, INT64_C(1) << 35},
                    1 << 20, true);
        struct feature_head head = {
            .seq = random_next(&r),
            .attrs = random_next(&r),
            .id = random_next(&r),
            .has_id = (i & 1) != 0,
            .layer = (uint32_t)i,
            .maxzoom = 24,
            .has_order = (i & 2) != 0,
            .order = 1.5F,
        };
        struct feature_head got;
        bytes_reset(&bytes);
        feature_put(&bytes, &head, &in);
        struct cursor from = cursor_of(bytes.ptr, bytes.len);
        ck_assert(feature_get(&from, &got, &out));
        ck_assert_uint_eq(got.seq, head.seq);
        ck_assert_uint_eq(got.id, head.has_id ? head.id : 0);
        ck_assert_uint_eq(out.npoints, in.npoints);
        ck_assert_mem_eq(out.points, in.points, in.npoints * sizeof *in.points);
        /* Cut anywhere, it is refused. */
        for (size_t cut = 0; cut < bytes.len; cut++) {
            from = cursor_of(bytes.ptr, cut);
            ck_assert(!feature_get(&from, &got, &out));
        }
    }
    bytes_free(&bytes);
    geom_free(&in);
    geom_free(&out);
}
END_TEST

/* ---- tiles -------------------------------------------------------------- */

static const char *const keys[] = {"name",   "lanes", "depth",
                                   "tunnel", "speed", "area"};

static void put_all_types(struct bytes *set)
{
    attrs_put_string(set, 0, "Rua do Ouro \"\xc3\xa9\"", 16);
    attrs_put_unsigned(set, 1, UINT64_MAX);
    attrs_put_integer(set, 2, -42);
    attrs_put_bool(set, 3, true);
    attrs_put_float(set, 4, 0.1F);
    attrs_put_double(set, 5, 1.0 / 3);
}

START_TEST(attribute_types_survive)
{
    static const char *const want[] = {"s:name=Rua do Ouro \"\xc3\xa9\"",
                                       "u:lanes=18446744073709551615",
                                       "i:depth=-42",
                                       "b:tunnel=1",
                                       "f:speed=0.100000001",
                                       "d:area=0.33333333333333331"};
    struct bytes set = {0}, out = {0};
    struct geom point = {.kind = GEOM_POINT};
    ck_assert(geom_add_point(&point, (struct geom_point){-64, 4160}));
    ck_assert(geom_end_part(&point, false));
    put_all_types(&set);
    const struct mvt_feature feature = {
        .geom = &point,
        .has_id = true,
        .id = UINT64_MAX,
        .attrs = cursor_of(set.ptr, set.len),
    };
    const struct mvt_layer layer = {"places", keys, 6, &feature, 1};
    struct mvt_writer *writer = mvt_writer_new();
    ck_assert(mvt_write(writer, &layer, 1, &out));
    struct mvt_tile *tile = mvt_read(out.ptr, out.len);
    ck_assert_ptr_nonnull(tile);
    char text[MVT_ATTRIBUTE_NBYTES];
    for (size_t i = 0; i < 6; i++) {
        ck_assert(mvt_attribute(tile, 0, 0, i, text));
        ck_assert_str_eq(text, want[i]);
    }
    ck_assert(!mvt_attribute(tile, 0, 0, 6, text));
    uint64_t id;
    ck_assert(mvt_id(tile, 0, 0, &id));
    ck_assert_uint_eq(id, UINT64_MAX);
    mvt_tile_free(tile);
    mvt_writer_free(writer);
    bytes_free(&set);
    bytes_free(&out);
    geom_free(&point);
}
END_TEST

static void random_shape(struct random_state *r, struct geom *geom)
{
    geom_reset(geom, (enum geom_kind)(1 + random_below(r, 3)));
    int nparts = geom->kind == GEOM_POINT ? 1 : 1 + (int)random_below(r, 3);
    for (int i = 0; i < nparts; i++) {
        struct geom_point at = {random_below(r, 4096), random_below(r, 4096)};
        if (geom->kind == GEOM_POLYGON) {
            random_star(r, geom, at, 1000, true);
            continue;
        }
        int n = 2 + (int)random_below(r, 20);
        for (int k = 0; k < n; k++)
            ck_assert(geom_add_point(
                geom, (struct geom_point){random_below(r, 4224) - 64,
                                          random_below(r, 4224) - 64}));
        ck_assert(geom_end_part(geom, false));
    }
}

START_TEST(tiles_decode_to_what_was_encoded)
{
    printf("seed %d\n", SEED);
    enum { N = 50 };
    struct random_state r = {SEED + 2};
    struct mvt_writer *writer = mvt_writer_new();
    struct bytes out = {0}, sets[N] = {0};
    struct geom shapes[N] = {0}, got = {0};
    struct mvt_feature features[N];
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < N; i++) {
            random_shape(&r, &shapes[i]);
            bytes_reset(&sets[i]);
            attrs_put_unsigned(&sets[i], 1, random_next(&r) % 4);
            features[i] = (struct mvt_feature){
                .geom = &shapes[i],
                .attrs = cursor_of(sets[i].ptr, sets[i].len),
                .attrs_ref = (uint64_t)i,
            };
        }
        const struct mvt_layer layer = {"all", keys, 6, features, N};
        ck_assert(mvt_write(writer, &layer, 1, &out));
        struct mvt_tile *tile = mvt_read(out.ptr, out.len);
        ck_assert_ptr_nonnull(tile);
        ck_assert_uint_eq(mvt_nfeatures(tile, 0), N);
        for (size_t i = 0; i < N; i++) {
            ck_assert(mvt_geometry(tile, 0, i, &got));
            ck_assert_int_eq(got.kind, shapes[i].kind);
            ck_assert_uint_eq(got.npoints, shapes[i].npoints);
            ck_assert_mem_eq(got.points, shapes[i].points,
                             got.npoints * sizeof *got.points);
            if (got.kind == GEOM_POINT)
                continue;
            ck_assert_uint_eq(got.nparts, shapes[i].nparts);
        }
        mvt_tile_free(tile);
    }
    for (int i = 0; i < N; i++) {
        geom_free(&shapes[i]);
        bytes_free(&sets[i]);
    }
    geom_free(&got);
    bytes_free(&out);
    mvt_writer_free(writer);
}
END_TEST

START_TEST(equal_values_are_stored_once)
{
    struct bytes set = {0}, out = {0};
    struct geom point = {.kind = GEOM_POINT};
    ck_assert(geom_add_point(&point, (struct geom_point){1, 1}));
    ck_assert(geom_end_part(&point, false));
    attrs_put_string(&set, 0, "abcdefghijklmnopqrstuvwxyz", 26);
    struct mvt_feature features[100];
    for (uint64_t i = 0; i < 100; i++)
        features[i] = (struct mvt_feature){
            .geom = &point,
            .attrs = cursor_of(set.ptr, set.len),
            .attrs_ref = i, /* different references, equal contents */
        };
    const struct mvt_layer layer = {"l", keys, 6, features, 100};
    struct mvt_writer *writer = mvt_writer_new();
    ck_assert(mvt_write(writer, &layer, 1, &out));
    ck_assert_uint_lt(out.len, 100 * 20);
    mvt_writer_free(writer);
    bytes_free(&set);
    bytes_free(&out);
    geom_free(&point);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("records");
    TCase *tcase = tcase_create("records");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, records_come_back_sorted_from_memory);
    tcase_add_test(tcase, records_come_back_sorted_from_runs);
    tcase_add_test(tcase, temporary_space_is_bounded);
    tcase_add_test(tcase, feature_records_survive);
    tcase_add_test(tcase, attribute_types_survive);
    tcase_add_test(tcase, tiles_decode_to_what_was_encoded);
    tcase_add_test(tcase, equal_values_are_stored_once);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
