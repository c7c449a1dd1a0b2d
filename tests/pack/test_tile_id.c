/* Tile ids are those of PMTiles version 3. */
#include "tests/pack/support.h"

/* From the PMTiles v3 specification's table and its reference
 * implementations' tests (github.com/protomaps/PMTiles). */
static const struct {
    struct ibx_zxy at;
    uint64_t id;
} published[] = {
    {{0, 0, 0}, 0},
    {{1, 0, 0}, 1},
    {{1, 0, 1}, 2},
    {{1, 1, 1}, 3},
    {{1, 1, 0}, 4},
    {{2, 0, 0}, 5},
    {{12, 3423, 1763}, 19078479},
};

enum { NPUBLISHED = sizeof published / sizeof published[0] };

START_TEST(published_examples_hold)
{
    struct ibx_zxy at = published[_i].at;
    ck_assert_uint_eq(ibx_tile_id(at), published[_i].id);
    struct ibx_zxy back = ibx_tile_zxy(published[_i].id);
    ck_assert(back.z == at.z && back.x == at.x && back.y == at.y);
}
END_TEST

static void check_round_trip(struct ibx_zxy at)
{
    uint64_t id = ibx_tile_id(at);
    struct ibx_zxy back = ibx_tile_zxy(id);
    ck_assert_msg(back.z == at.z && back.x == at.x && back.y == at.y,
                  "%u/%u/%u is %llu, which is %u/%u/%u", at.z, at.x, at.y,
                  (unsigned long long)id, back.z, back.x, back.y);
    ck_assert_uint_eq(ibx_id_zoom(id), at.z);
    ck_assert_uint_ge(id, ibx_zoom_first_id(at.z));
    ck_assert_uint_lt(id, ibx_zoom_first_id((uint8_t)(at.z + 1)));
}

/* A map from addresses to ids that has an inverse and stays in the zoom's
 * interval, which is as long as the zoom has tiles, meets every id once. */
START_TEST(every_tile_of_the_low_zooms_has_its_own_id)
{
    for (uint8_t z = 0; z <= 8; z++)
        for (uint32_t x = 0; x < 1u << z; x++)
            for (uint32_t y = 0; y < 1u << z; y++)
                check_round_trip((struct ibx_zxy){z, x, y});
}
END_TEST

START_TEST(random_tiles_of_all_zooms_round_trip)
{
    struct rng rng = {20260101};
    for (int i = 0; i < 200000; i++) {
        uint8_t z = (uint8_t)rng_below(&rng, IBX_MAX_ZOOM + 1);
        uint32_t side = UINT32_C(1) << z;
        check_round_trip((struct ibx_zxy){z, (uint32_t)rng_below(&rng, side),
                                          (uint32_t)rng_below(&rng, side)});
    }
}
END_TEST

/* What makes the curve one curve: consecutive ids are neighbours. */
START_TEST(consecutive_ids_of_a_zoom_share_an_edge)
{
    for (uint8_t z = 1; z <= 7; z++) {
        uint64_t end = ibx_zoom_first_id((uint8_t)(z + 1));
        struct ibx_zxy before = ibx_tile_zxy(ibx_zoom_first_id(z));
        for (uint64_t id = ibx_zoom_first_id(z) + 1; id < end; id++) {
            struct ibx_zxy at = ibx_tile_zxy(id);
            uint32_t dx = at.x > before.x ? at.x - before.x : before.x - at.x;
            uint32_t dy = at.y > before.y ? at.y - before.y : before.y - at.y;
            ck_assert_uint_eq(dx + dy, 1);
            before = at;
        }
    }
}
END_TEST

/* docs/format.md 1.4, which the quadrant rule stands on. */
START_TEST(a_quadrant_is_one_aligned_interval)
{
    struct rng rng = {7};
    for (int i = 0; i < 20000; i++) {
        uint8_t z = (uint8_t)(1 + rng_below(&rng, IBX_MAX_ZOOM));
        uint8_t up = (uint8_t)rng_below(&rng, z + 1u);
        uint64_t rel = rng_below(&rng, UINT64_C(1) << (2 * z));
        uint64_t first = rel >> (2 * up) << (2 * up);
        struct ibx_zxy a = ibx_tile_zxy(ibx_zoom_first_id(z) + rel);
        struct ibx_zxy b = ibx_tile_zxy(ibx_zoom_first_id(z) + first);
        ck_assert_uint_eq(a.x >> up, b.x >> up);
        ck_assert_uint_eq(a.y >> up, b.y >> up);
    }
}
END_TEST

START_TEST(zooms_follow_each_other)
{
    ck_assert_uint_eq(ibx_zoom_first_id(0), 0);
    for (int z = 0; z <= IBX_MAX_ZOOM; z++) {
        uint64_t first = ibx_zoom_first_id((uint8_t)z);
        uint64_t last = ibx_zoom_first_id((uint8_t)(z + 1)) - 1;
        ck_assert_uint_eq(last - first + 1, UINT64_C(1) << (2 * z));
        ck_assert_int_eq(ibx_id_zoom(first), z);
        ck_assert_int_eq(ibx_id_zoom(last), z);
    }
    ck_assert_uint_eq(ibx_zoom_first_id(30), UINT64_C(384307168202282325));
}
END_TEST

START_TEST(impossible_addresses_are_told)
{
    static const struct {
        const char *label;
        struct ibx_zxy at;
        bool valid;
    } rows[] = {
        {"the whole world", {0, 0, 0}, true},
        {"a column too many", {0, 1, 0}, false},
        {"a row too many", {3, 0, 8}, false},
        {"the last tile of all", {30, (1u << 30) - 1, (1u << 30) - 1}, true},
        {"a column behind it", {30, 1u << 30, 0}, false},
        {"a zoom too deep", {31, 0, 0}, false},
        {"the largest numbers", {255, UINT32_MAX, UINT32_MAX}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(ibx_zxy_valid(rows[i].at) == rows[i].valid, "%s",
                      rows[i].label);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tile_id");
    TCase *tcase = tcase_create("tile_id");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, published_examples_hold, 0, NPUBLISHED);
    tcase_add_test(tcase, every_tile_of_the_low_zooms_has_its_own_id);
    tcase_add_test(tcase, random_tiles_of_all_zooms_round_trip);
    tcase_add_test(tcase, consecutive_ids_of_a_zoom_share_an_edge);
    tcase_add_test(tcase, a_quadrant_is_one_aligned_interval);
    tcase_add_test(tcase, zooms_follow_each_other);
    tcase_add_test(tcase, impossible_addresses_are_told);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
