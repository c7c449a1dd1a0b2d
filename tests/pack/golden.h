/* golden.h - a small tileset, byte by byte: the worked example of
 * docs/format.md section 9. Made by golden.py, which shares no code with the
 * library; all bytes not listed are 0.
 *
 *   id 0      0/0/0          PNG           "world"
 *   id 1, 2   1/0/0, 1/0/1   PNG           "ocean": a run
 *   id 3      1/1/1          absent: a hole
 *   id 4      1/1/0          MVT           present but empty
 *   id 5      2/0/0          MVT, gzipped  "seventeen bytes!!"
 *   id 9      2/0/2          PNG           "ocean" again: the same blob
 *
 * Pack size 4 MiB, tiles of 256 pixels, SOURCE_DATE_EPOCH 1700000000. */
#ifndef IBX_TESTS_PACK_GOLDEN_H
#define IBX_TESTS_PACK_GOLDEN_H

#include <stdint.h>

/* Bytes in hexadecimal and where they stand. */
struct golden_part {
    uint64_t off;
    const char *hex;
};

/* clang-format off */
static const char golden_tilejson[] = "{\"tilejson\":\"3.0.0\",\"name\":\"golden\"}";
static const char golden_report[] = "{}";
static const char golden_source[] = "name=golden\n";

enum { GOLDEN_PACK_NBYTES = 4288 };

static const char golden_pack_sha256[] =
    "007558948c43543770e215b3d5db0f3f219c8eb5cd2e9b006dd3d9d0a07cabf2";

static const struct golden_part golden_pack[] = {
    {0, "89 49 42 58 50 4b 0d 0a 01 00 00 00 00 00 00 00"},
    {32, "09 00 00 00 00 00 00 00 07 00 00 00 00 00 00 00 "
           "06 00 00 00 00 00 00 00 04 00 00 00 00 00 00 00 "
           "40 10 00 00 00 00 00 00 80 00 00 00 00 00 00 00 "
           "2d 8d e2 5d a9 e6 f1 ad 00 00 00 00 00 00 00 00"},
    {4080, "00 00 00 00 00 00 00 00 13 f4 16 e0 27 34 cb f6 "
           "00 00 00 00 01 00 00 00 01 00 00 00 03 00 00 00 "
           "03 00 00 00 00 00 00 00 04 00 00 00 05 00 00 00 "
           "05 00 00 00 06 00 00 00 06 00 00 00 00 00 00 00 "
           "09 00 00 00 03 00 00 00 00 00 00 00 00 00 00 00 "
           "25 19 c1 b8 cb 48 a9 0c 05 00 00 00 01 00 00 00 "
           "77 6f 72 6c 64 00 00 00 00 00 00 00 00 00 00 00 "
           "4d 85 c0 5e b1 b6 94 97 05 00 00 00 01 00 00 00 "
           "6f 63 65 61 6e 00 00 00 00 00 00 00 00 00 00 00 "
           "2e 73 d9 f5 54 fa 16 96 00 00 00 00 04 00 01 00 "
           "42 52 92 db 40 a3 76 87 11 00 00 00 04 01 00 00 "
           "73 65 76 65 6e 74 65 65 6e 20 62 79 74 65 73 21 "
           "21 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"},
};

enum { GOLDEN_MANIFEST_NBYTES = 24576 };

static const char golden_manifest_sha256[] =
    "2a92edf2a7b2711c66acbe401b16f02f632a20d36be68bf9f3fa9e7f78dd6418";

static const struct golden_part golden_manifest[] = {
    {0, "89 49 42 58 4d 46 0d 0a 01 00 00 00 00 00 00 00 "
           "00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 "
           "00 60 00 00 00 00 00 00 01 00 00 00 00 00 00 00 "
           "02 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00 "
           "24 00 00 00 00 00 00 00 04 00 00 00 00 00 00 00 "
           "02 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 "
           "0c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
           "00 00 00 00 00 00 00 00 00 02 00 01 12 00 00 00 "
           "06 00 00 00 00 00 00 00 04 00 00 00 00 00 00 00 "
           "c0 10 00 00 00 00 00 00 1b 00 00 00 00 00 00 00 "
           "11 00 00 00 00 00 00 00 00 00 40 00 00 00 00 00 "
           "00 f1 53 65 00 00 00 00 00 00 00 00 00 00 00 00"},
    {4080, "00 00 00 00 00 00 00 00 f0 87 db a3 ff c3 29 2f"},
    {8176, "00 00 00 00 00 00 00 00 15 a7 82 46 4c 6d cb 1a "
           "09 00 00 00 00 00 00 00 00 75 58 94 8c 43 54 37 "
           "70 e2 15 b3 d5 db 0f 3f 21 9c 8e b5 cd 2e 9b 00 "
           "6d d3 d9 d0 a0 7c ab f2 c0 10 00 00 00 00 00 00 "
           "06 00 00 00 00 00 00 00 04 00 00 00 00 00 00 00 "
           "1b 00 00 00 00 00 00 00 11 00 00 00 12 00 00 00"},
    {12272, "00 00 00 00 00 00 00 00 bd e6 89 2f dc 6f c7 a2 "
           "7b 22 74 69 6c 65 6a 73 6f 6e 22 3a 22 33 2e 30 "
           "2e 30 22 2c 22 6e 61 6d 65 22 3a 22 67 6f 6c 64 "
           "65 6e 22 7d 00 00 00 00 00 00 00 00 00 00 00 00"},
    {16368, "00 00 00 00 00 00 00 00 9b a9 23 d1 4c 4f 55 88 "
           "7b 7d 00 00 00 00 00 00 00 00 00 00 00 00 00 00"},
    {20464, "00 00 00 00 00 00 00 00 9e 3d 92 8f 8f 80 8f 64 "
           "6e 61 6d 65 3d 67 6f 6c 64 65 6e 0a 00 00 00 00"},
    {24560, "00 00 00 00 00 00 00 00 0b ff 80 cb 42 82 b5 12"},
};
/* clang-format on */

#endif
