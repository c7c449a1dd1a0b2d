/* Runs of ids as squares, and what tiles cover. */
#include <math.h>

#include "tests/tiler/convert/runner.h"
#include "tiler/convert/idblock.h"

static bool inside(const struct id_block *b, struct ibx_zxy at)
{
    uint64_t side = (uint64_t)1 << b->level;
    return at.z == b->z && at.x >= b->x && at.x - b->x < side && at.y >= b->y &&
           at.y - b->y < side;
}

/* Every run over zooms 0 to 3 comes apart into squares that hold exactly its
 * ids, in order. */
START_TEST(squares_hold_exactly_their_ids)
{
    for (uint64_t first = 0; first < 85; first++)
        for (uint64_t end = first; end <= 85; end++) {
            struct id_run run = {first, end - first};
            struct id_block block;
            uint64_t at = first;
            while (id_block_next(&run, &block)) {
                ck_assert_uint_eq(block.first_id, at);
                for (uint64_t i = 0; i < block.count; i++)
                    ck_assert(inside(&block, ibx_tile_zxy(at + i)));
                at += block.count;
            }
            ck_assert_uint_eq(at, end);
        }
}
END_TEST

START_TEST(a_block_splits_into_its_quarters)
{
    struct id_run run = {ibx_zoom_first_id(3), 64};
    struct id_block whole, quarters[4];
    ck_assert(id_block_next(&run, &whole));
    ck_assert_uint_eq(whole.level, 3);
    id_block_split(&whole, quarters);
    for (int i = 0; i < 4; i++) {
        ck_assert_uint_eq(quarters[i].count, 16);
        ck_assert_uint_eq(quarters[i].first_id,
                          whole.first_id + (uint64_t)i * 16);
    }
}
END_TEST

START_TEST(a_planet_of_zoom_30_is_one_square)
{
    struct coverage c = {0};
    double bounds[4];
    uint8_t min, max;
    ck_assert(!coverage_zooms(&c, &min, &max));
    coverage_add(&c, ibx_zoom_first_id(30), UINT64_C(1) << 60);
    ck_assert(coverage_zooms(&c, &min, &max));
    ck_assert_uint_eq(min, 30);
    ck_assert_uint_eq(max, 30);
    coverage_bounds(&c, bounds);
    ck_assert_double_eq_tol(bounds[0], -180, 1e-9);
    ck_assert_double_eq_tol(bounds[1], -85.0511287798066, 1e-9);
    ck_assert_double_eq_tol(bounds[2], 180, 1e-9);
    ck_assert_double_eq_tol(bounds[3], 85.0511287798066, 1e-9);
}
END_TEST

START_TEST(coverage_is_that_of_single_tiles)
{
    struct coverage c = {0};
    double bounds[4];
    coverage_add(&c, ibx_tile_id((struct ibx_zxy){2, 1, 1}), 1);
    coverage_add(&c, ibx_tile_id((struct ibx_zxy){2, 2, 1}), 1);
    coverage_add(&c, 0, 1);
    coverage_bounds(&c, bounds);
    ck_assert_uint_eq(c.tiles, 3);
    ck_assert_double_eq_tol(bounds[0], -90, 1e-9);
    ck_assert_double_eq_tol(bounds[1], 0, 1e-9);
    ck_assert_double_eq_tol(bounds[2], 90, 1e-9);
    ck_assert_double_eq_tol(bounds[3], 66.513260443111, 1e-9);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("idblock");
    tcase_add_test(tests, squares_hold_exactly_their_ids);
    tcase_add_test(tests, a_block_splits_into_its_quarters);
    tcase_add_test(tests, a_planet_of_zoom_30_is_one_square);
    tcase_add_test(tests, coverage_is_that_of_single_tiles);
    return run_case("convert.idblock", tests);
}
