/* make_tileset - writes small tilesets for the tests of whole programs.
 *
 *   make_tileset OUT.imbrex [KEY=VALUE]...
 *
 * Every tile's bytes follow from its address and `seed`, so that a test knows
 * what it must get. Keys:
 *   kind=raster|vector|mixed|brotli|empty
 *                    raster: PNG, plain bytes; vector: MVT with gzip; mixed:
 *                    PNG and JPEG; brotli: MVT that claims to be brotli
 *   min=Z max=Z      zooms [0 4]
 *   nbytes=N         payload per tile, before gzip [1000]
 *   pack=SIZE        pack size in bytes [4194304]
 *   px=256|512       [256]
 *   seed=N           changes every tile [1]
 *   hole=Z/X/Y       leaves one tile out
 *   blank=Z/X/Y      makes one tile present but empty
 *   big=Z/X/Y:N      makes one tile N bytes long
 *   name=TEXT tilejson=TEXT
 *   epoch=SECONDS    SOURCE_DATE_EPOCH [1700000000]
 *   replace=1        publishes a new generation of OUT.imbrex */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "pack/writer.h"

struct settings {
    const char *folder, *kind, *name, *tilejson;
    uint64_t min, max, nbytes, pack, px, seed, epoch, replace;
    struct ibx_zxy hole, blank, big;
    bool has_hole, has_blank, has_big;
    uint64_t big_nbytes;
};

static int fail(const char *what)
{
    (void)fprintf(stderr, "make_tileset: %s\n", what);
    return 1;
}

static int fail_with(const struct ibx_err *err)
{
    (void)fprintf(stderr, "make_tileset: %s: %s (%s)\n", err->file, err->what,
                  ibx_status_text(err->status));
    return 1;
}

static bool parse_address(const char *text, struct ibx_zxy *out,
                          uint64_t *nbytes)
{
    unsigned z, x, y;
    unsigned long long n = 0;
    int got = sscanf(text, "%u/%u/%u:%llu", &z, &x, &y, &n);
    *out = (struct ibx_zxy){(uint8_t)z, x, y};
    if (nbytes != NULL)
        *nbytes = n;
    return got >= 3 && ibx_zxy_valid(*out);
}

static bool set_number(const char *key, const char *value, struct settings *s)
{
    const struct {
        const char *key;
        uint64_t *out;
    } numbers[] = {{"min", &s->min},       {"max", &s->max},
                   {"nbytes", &s->nbytes}, {"pack", &s->pack},
                   {"px", &s->px},         {"seed", &s->seed},
                   {"epoch", &s->epoch},   {"replace", &s->replace}};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(key, numbers[i].key) != 0)
            continue;
        char *end;
        *numbers[i].out = strtoull(value, &end, 10);
        return *end == '\0' && end != value;
    }
    return false;
}

static bool set_one(const char *key, const char *value, struct settings *s)
{
    if (strcmp(key, "kind") == 0)
        s->kind = value;
    else if (strcmp(key, "name") == 0)
        s->name = value;
    else if (strcmp(key, "tilejson") == 0)
        s->tilejson = value;
    else if (strcmp(key, "hole") == 0)
        s->has_hole = parse_address(value, &s->hole, NULL);
    else if (strcmp(key, "blank") == 0)
        s->has_blank = parse_address(value, &s->blank, NULL);
    else if (strcmp(key, "big") == 0)
        s->has_big = parse_address(value, &s->big, &s->big_nbytes);
    else
        return set_number(key, value, s);
    return true;
}

static bool read_settings(int argc, char **argv, struct settings *s)
{
    *s = (struct settings){.folder = argv[1],
                           .kind = "raster",
                           .name = "a test",
                           .max = 4,
                           .nbytes = 1000,
                           .pack = IBX_PACK_NBYTES_DEFAULT,
                           .px = 256,
                           .seed = 1,
                           .epoch = 1700000000};
    for (int i = 2; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals == NULL)
            return false;
        *equals = '\0';
        if (!set_one(argv[i], equals + 1, s))
            return false;
    }
    return s->min <= s->max && s->max <= 14;
}

/* A repeatable stream of bytes; the text at its start tells people, and
 * tests, which tile it is. */
static void fill(uint8_t *out, size_t nbytes, struct ibx_zxy at, uint64_t seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15u + ibx_tile_id(at);
    char text[64];
    int len = snprintf(text, sizeof(text), "tile %u/%u/%u seed %llu\n", at.z,
                       at.x, at.y, (unsigned long long)seed);
    for (size_t i = 0; i < nbytes; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        out[i] = i < (size_t)len ? (uint8_t)text[i]
                                 : (uint8_t)("0123456789abcdef"[state >> 60]);
    }
}

/* Returns the packed length; `out` has room for compressBound() and 32. */
static size_t pack_gzip(const uint8_t *bytes, size_t nbytes, uint8_t *out,
                        size_t room)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return 0;
    stream.next_in = (uint8_t *)(uintptr_t)bytes;
    stream.avail_in = (unsigned)nbytes;
    stream.next_out = out;
    stream.avail_out = (unsigned)room;
    int got = deflate(&stream, Z_FINISH);
    size_t len = room - stream.avail_out;
    (void)deflateEnd(&stream);
    return got == Z_STREAM_END ? len : 0;
}

static bool same(struct ibx_zxy a, struct ibx_zxy b)
{
    return a.z == b.z && a.x == b.x && a.y == b.y;
}

struct scratch {
    uint8_t *plain, *packed;
    size_t room;
};

static enum ibx_status add_tile(struct ibx_writer *writer,
                                const struct settings *s, struct ibx_zxy at,
                                struct scratch *scratch, struct ibx_err *err)
{
    bool vector = strcmp(s->kind, "vector") == 0;
    bool jpeg = strcmp(s->kind, "mixed") == 0 && (at.x + at.y) % 2 == 1;
    bool big = s->has_big && same(at, s->big);
    bool blank = s->has_blank && same(at, s->blank);
    size_t nbytes = blank ? 0 : (size_t)(big ? s->big_nbytes : s->nbytes);
    struct ibx_writer_tile tile = {
        .first_id = ibx_tile_id(at),
        .count = 1,
        .bytes = scratch->plain,
        .nbytes = nbytes,
        .format = vector ? IBX_FORMAT_MVT
                  : jpeg ? IBX_FORMAT_JPEG
                         : IBX_FORMAT_PNG,
    };
    if (strcmp(s->kind, "brotli") == 0) {
        tile.format = IBX_FORMAT_MVT;
        tile.encoding = IBX_ENCODING_BROTLI;
    }
    fill(scratch->plain, nbytes, at, s->seed);
    if (vector && !blank) {
        tile.encoding = IBX_ENCODING_GZIP;
        tile.bytes = scratch->packed;
        tile.nbytes =
            pack_gzip(scratch->plain, nbytes, scratch->packed, scratch->room);
    }
    return ibx_writer_add(writer, &tile, err);
}

static enum ibx_status add_tiles(struct ibx_writer *writer,
                                 const struct settings *s,
                                 struct scratch *scratch, struct ibx_err *err)
{
    uint64_t first = ibx_zoom_first_id((uint8_t)s->min);
    uint64_t end = ibx_zoom_first_id((uint8_t)(s->max + 1));
    for (uint64_t id = first; id < end; id++) {
        struct ibx_zxy at = ibx_tile_zxy(id);
        if (s->has_hole && same(at, s->hole))
            continue;
        enum ibx_status status = add_tile(writer, s, at, scratch, err);
        if (status != IBX_OK)
            return status;
    }
    return IBX_OK;
}

static enum ibx_status finish(struct ibx_writer *writer,
                              const struct settings *s, struct ibx_err *err)
{
    char text[2048];
    struct ibx_writer_result result;
    (void)snprintf(text, sizeof(text),
                   "{\"tilejson\":\"3.0.0\",\"name\":\"%s\",\"minzoom\":%u,"
                   "\"maxzoom\":%u,\"bounds\":[-180,-85,180,85]%s}",
                   s->name, (unsigned)s->min, (unsigned)s->max,
                   strcmp(s->kind, "vector") == 0
                       ? ",\"vector_layers\":[{\"id\":\"land\",\"fields\":"
                         "{\"class\":\"String\",\"name\":\"String\"}}]"
                       : "");
    const struct ibx_writer_meta meta = {
        .tilejson = s->tilejson != NULL ? s->tilejson : text,
        .report = "{}",
        .tile_px = (uint16_t)s->px,
        .source_date_epoch = (int64_t)s->epoch,
    };
    enum ibx_status status = ibx_writer_finish(writer, &meta, &result, err);
    if (status == IBX_OK)
        (void)printf("%s\n", result.generation);
    return status;
}

static int make(const struct settings *s, struct scratch *scratch)
{
    struct ibx_writer_options options;
    struct ibx_writer *writer;
    struct ibx_err err = {0};
    ibx_writer_options_init(&options);
    options.pack_nbytes = s->pack;
    options.replace = s->replace != 0;
    if (ibx_writer_open(s->folder, &options, &writer, &err) != IBX_OK)
        return fail_with(&err);
    enum ibx_status status = IBX_OK;
    if (strcmp(s->kind, "empty") != 0)
        status = add_tiles(writer, s, scratch, &err);
    if (status == IBX_OK)
        status = finish(writer, s, &err);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
    return status == IBX_OK ? 0 : fail_with(&err);
}

int main(int argc, char **argv)
{
    struct settings s;
    struct scratch scratch;
    if (argc < 2 || !read_settings(argc, argv, &s))
        return fail("usage: make_tileset OUT.imbrex [KEY=VALUE]...") + 1;
    size_t most = (size_t)(s.nbytes > s.big_nbytes ? s.nbytes : s.big_nbytes);
    scratch.room = most + most / 8 + 256;
    scratch.plain = malloc(most + 1);
    scratch.packed = malloc(scratch.room);
    int code = scratch.plain == NULL || scratch.packed == NULL
                   ? fail("out of memory")
                   : make(&s, &scratch);
    free(scratch.plain);
    free(scratch.packed);
    return code;
}
