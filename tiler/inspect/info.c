/* info.c - `imbrex-tiler info`: what a tileset holds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tiler/cli/json.h"
#include "tiler/cli/options.h"
#include "tiler/cli/report.h"
#include "tiler/command.h"
#include "tiler/inspect/show.h"
#include "tiler/inspect/survey.h"
#include "tiler/inspect/texts.h"

/* Whole packs are as large as the pack size; 0 without packs. */
static double fill_factor(const struct survey *s)
{
    double room = (double)s->info.npacks * (double)s->pack_nbytes_cap;
    return room > 0 ? (double)s->info.pack_nbytes / room : 0;
}

static double tiles_per_blob(const struct survey *s)
{
    return s->info.blob_count > 0
               ? (double)s->info.tile_count / (double)s->info.blob_count
               : 0;
}

static struct shown show_time(int64_t seconds)
{
    struct shown shown = {.text = "?"};
    struct tm parts;
    time_t t = (time_t)seconds;
    if (gmtime_r(&t, &parts))
        (void)strftime(shown.text, sizeof shown.text, "%Y-%m-%d %H:%M:%S UTC",
                       &parts);
    return shown;
}

/* ---- for people -------------------------------------------------------- */

static void print_head(const struct survey *s)
{
    const struct ibx_tileset_info *info = &s->info;
    printf("%s\n", s->folder);
    if (s->name)
        printf("  name         %s\n", s->name);
    printf("  generation   %s, %s\n", info->generation,
           show_time(info->modified_s).text);
    if (info->npacks > 0)
        printf("  zooms        %u-%u\n", info->min_zoom, info->max_zoom);
    printf("  formats      %s", show_formats(info->format_bits).text);
    if (info->tile_px != 0)
        printf(", %u pixels", info->tile_px);
    printf("\n  tiles        %" PRIu64 "\n", info->tile_count);
    printf("  blobs        %" PRIu64 ", %.2f tiles each, %s\n",
           info->blob_count, tiles_per_blob(s),
           show_nbytes(info->payload_nbytes).text);
    printf("  packs        %" PRIu64 ", %s", info->npacks,
           show_nbytes(info->pack_nbytes).text);
    printf(", %.0f %% full (pack size %s)", 100 * fill_factor(s),
           show_nbytes(s->pack_nbytes_cap).text);
    if (s->oversize_packs > 0)
        printf(", %" PRIu64 " oversize", s->oversize_packs);
    printf("\n");
}

static void print_zooms(const struct survey *s)
{
    if (s->info.npacks == 0)
        return;
    printf("\n  zoom %14s %14s %12s %10s %8s\n", "tiles", "blobs", "payload",
           "mean", "packs");
    for (unsigned z = s->info.min_zoom; z <= s->info.max_zoom; z++) {
        const struct zoom_survey *zoom = &s->zooms[z];
        uint64_t mean = zoom->blobs ? zoom->payload_nbytes / zoom->blobs : 0;
        printf("  %4u %14" PRIu64 " %14" PRIu64, z, zoom->tiles, zoom->blobs);
        printf(" %12s %10s %8" PRIu64 "\n",
               show_nbytes(zoom->payload_nbytes).text, show_nbytes(mean).text,
               zoom->packs);
    }
}

static void print_largest(const struct survey *s)
{
    if (s->nlargest > 0)
        printf("\n  largest tiles\n");
    for (size_t i = 0; i < s->nlargest; i++) {
        const struct large_tile *tile = &s->largest[i];
        printf("  %12s  %u/%u/%u\n", show_nbytes(tile->nbytes).text, tile->at.z,
               tile->at.x, tile->at.y);
    }
}

static void print_generations(const struct survey *s)
{
    printf("\n  generations\n");
    for (size_t i = 0; i < s->ngenerations; i++) {
        const struct generation_survey *g = &s->generations[i];
        if (g->readable)
            printf("  %s  %s  %" PRIu64 " tiles, %" PRIu64 " packs, %s%s\n",
                   g->name, show_time(g->info.modified_s).text,
                   g->info.tile_count, g->info.npacks,
                   show_nbytes(g->info.pack_nbytes).text,
                   g->in_force ? ", in force" : "");
        else
            printf("  %s  cannot be read%s\n", g->name,
                   g->in_force ? ", in force" : "");
    }
}

static void print_text(const struct survey *s)
{
    print_head(s);
    print_zooms(s);
    print_largest(s);
    print_generations(s);
}

/* ---- for programs ------------------------------------------------------ */

static void json_formats(struct json *j, uint32_t format_bits)
{
    json_array(j, "formats");
    for (unsigned i = 0; i <= IBX_FORMAT_JSON; i++)
        if ((format_bits >> i & 1) != 0)
            json_text(j, NULL, format_word(i));
    json_end(j, ']');
}

static void json_head(struct json *j, const struct survey *s)
{
    const struct ibx_tileset_info *info = &s->info;
    if (s->name)
        json_text(j, "name", s->name);
    json_text(j, "generation", info->generation);
    json_text(j, "modified", show_time(info->modified_s).text);
    if (info->npacks > 0) {
        json_integer(j, "min_zoom", info->min_zoom);
        json_integer(j, "max_zoom", info->max_zoom);
    }
    json_formats(j, info->format_bits);
    json_integer(j, "tile_px", info->tile_px);
    json_integer(j, "tiles", info->tile_count);
    json_integer(j, "blobs", info->blob_count);
    json_number(j, "tiles_per_blob", tiles_per_blob(s));
    json_integer(j, "payload_bytes", info->payload_nbytes);
    json_integer(j, "packs", info->npacks);
    json_integer(j, "oversize_packs", s->oversize_packs);
    json_integer(j, "pack_bytes", info->pack_nbytes);
    json_integer(j, "pack_size", s->pack_nbytes_cap);
    json_number(j, "fill", fill_factor(s));
}

static void json_zooms(struct json *j, const struct survey *s)
{
    json_array(j, "zooms");
    for (unsigned z = s->info.min_zoom;
         s->info.npacks > 0 && z <= s->info.max_zoom; z++) {
        json_object(j, NULL);
        json_integer(j, "zoom", z);
        json_integer(j, "tiles", s->zooms[z].tiles);
        json_integer(j, "blobs", s->zooms[z].blobs);
        json_integer(j, "payload_bytes", s->zooms[z].payload_nbytes);
        json_integer(j, "packs", s->zooms[z].packs);
        json_end(j, '}');
    }
    json_end(j, ']');
}

static void json_largest(struct json *j, const struct survey *s)
{
    json_array(j, "largest");
    for (size_t i = 0; i < s->nlargest; i++) {
        json_object(j, NULL);
        json_integer(j, "z", s->largest[i].at.z);
        json_integer(j, "x", s->largest[i].at.x);
        json_integer(j, "y", s->largest[i].at.y);
        json_integer(j, "bytes", s->largest[i].nbytes);
        json_end(j, '}');
    }
    json_end(j, ']');
}

static void json_generations(struct json *j, const struct survey *s)
{
    json_array(j, "generations");
    for (size_t i = 0; i < s->ngenerations; i++) {
        const struct generation_survey *g = &s->generations[i];
        json_object(j, NULL);
        json_text(j, "generation", g->name);
        json_boolean(j, "in_force", g->in_force);
        json_boolean(j, "readable", g->readable);
        if (g->readable) {
            json_text(j, "modified", show_time(g->info.modified_s).text);
            json_integer(j, "tiles", g->info.tile_count);
            json_integer(j, "packs", g->info.npacks);
            json_integer(j, "pack_bytes", g->info.pack_nbytes);
        }
        json_end(j, '}');
    }
    json_end(j, ']');
}

static int print_json(const struct survey *s)
{
    struct json j = {0};
    json_object(&j, NULL);
    json_head(&j, s);
    json_zooms(&j, s);
    json_largest(&j, s);
    json_generations(&j, s);
    if (text_is_object(s->tilejson))
        json_raw(&j, "tilejson", s->tilejson);
    if (text_is_object(s->report))
        json_raw(&j, "report", s->report);
    json_end(&j, '}');
    char *text = json_take(&j, NULL);
    if (!text) {
        report(s->folder, NULL, "out of memory");
        return EXIT_FAILED;
    }
    puts(text);
    free(text);
    return EXIT_DONE;
}

/* ---- the command ------------------------------------------------------- */

static int show(struct survey *survey, const char *generation, bool as_json)
{
    struct ibx_err err = {0};
    enum ibx_status st = survey_run(survey, generation, &err);
    if (st != IBX_OK) {
        report_err(&err);
        return EXIT_FAILED;
    }
    if (as_json)
        return print_json(survey);
    print_text(survey);
    return EXIT_DONE;
}

int command_info(int argc, char **argv)
{
    const char *generation = NULL;
    int64_t largest = 5;
    struct common_options common = {0};
    struct operands operands = {0};
    const struct option options[] = {
        option_string("generation", &generation, "ID",
                      "look at this one instead of the one in force"),
        option_integer("largest", &largest, 0, SURVEY_LARGEST_MAX,
                       "how many of the largest tiles to list (5)"),
    };
    const struct option_group group = {"Options", options, 2};
    const struct command_line line = {
        .usage = "info [options] TILESET.imbrex",
        .about = "Says what a tileset holds. Reads the manifest and a few "
                 "packs; `verify` reads all.",
        .groups = &group,
        .ngroups = 1,
        .min_operands = 1,
        .max_operands = 1,
    };
    enum options_outcome outcome =
        options_parse(&line, argc, argv, &common, &operands);
    if (outcome != OPTIONS_RUN)
        return options_exit_code(outcome);
    struct survey survey = {.folder = operands.items[0],
                            .largest_wanted = (size_t)largest};
    int code = show(&survey, generation, common.json);
    survey_fini(&survey);
    return code;
}
