#include "tiler/inspect/survey.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "pack/format.h"
#include "pack/verify.h"
#include "tiler/inspect/texts.h"

/* ---- tiles ------------------------------------------------------------- */

/* The packs whose largest tiles are the largest: the tiles looked for are in
 * these, since each of the packs left out has nothing larger. */
struct candidates {
    uint64_t packs[SURVEY_LARGEST_MAX];
    uint32_t nbytes[SURVEY_LARGEST_MAX];
    size_t n;
};

static void add_candidate(struct candidates *c, size_t wanted, uint64_t pack,
                          uint32_t nbytes)
{
    size_t at = c->n;
    while (at > 0 && c->nbytes[at - 1] < nbytes)
        at--;
    if (at >= wanted)
        return;
    if (c->n < wanted)
        c->n++;
    memmove(c->packs + at + 1, c->packs + at,
            (c->n - 1 - at) * sizeof c->packs[0]);
    memmove(c->nbytes + at + 1, c->nbytes + at,
            (c->n - 1 - at) * sizeof c->nbytes[0]);
    c->packs[at] = pack;
    c->nbytes[at] = nbytes;
}

static void add_large(struct survey *s, struct ibx_zxy at, uint32_t nbytes)
{
    size_t i = s->nlargest;
    while (i > 0 && s->largest[i - 1].nbytes < nbytes)
        i--;
    if (i >= s->largest_wanted)
        return;
    if (s->nlargest < s->largest_wanted)
        s->nlargest++;
    memmove(s->largest + i + 1, s->largest + i,
            (s->nlargest - 1 - i) * sizeof s->largest[0]);
    s->largest[i] = (struct large_tile){at, nbytes};
}

/* What to do with one run of a pack that is walked. */
struct visit {
    struct survey *survey;
    struct ibx_zxy at; /* of the run's first tile */
    uint64_t count;
    bool first_use; /* of its blob */
    uint32_t nbytes;
};

static void visit_for_zooms(const struct visit *visit)
{
    struct zoom_survey *zoom = &visit->survey->zooms[visit->at.z];
    zoom->tiles += visit->count;
    zoom->blobs += visit->first_use;
    zoom->payload_nbytes += visit->first_use ? visit->nbytes : 0;
}

static void visit_for_largest(const struct visit *visit)
{
    if (visit->first_use)
        add_large(visit->survey, visit->at, visit->nbytes);
}

static enum ibx_status visit_span(struct survey *survey,
                                  struct ibx_tileset *tileset,
                                  const struct ibx_span *span,
                                  uint32_t *highest_place,
                                  void (*each)(const struct visit *),
                                  struct ibx_err *err)
{
    struct visit visit = {
        .survey = survey,
        .at = ibx_tile_zxy(span->first_id),
        .count = span->count,
        /* Blobs lie in the order of their first use. */
        .first_use = span->place > *highest_place,
    };
    struct ibx_tile_facts facts;
    enum ibx_status st =
        ibx_tile_stat(tileset, visit.at, IBX_BLOCK, &facts, err);
    if (st != IBX_OK)
        return st;
    visit.nbytes = facts.nbytes;
    if (visit.first_use)
        *highest_place = span->place;
    each(&visit);
    return IBX_OK;
}

static enum ibx_status walk_pack(struct survey *survey,
                                 struct ibx_tileset *tileset, uint64_t number,
                                 void (*each)(const struct visit *),
                                 struct ibx_err *err)
{
    struct ibx_pack_info pack;
    struct ibx_walk *walk = NULL;
    enum ibx_status st = ibx_pack_info(tileset, number, &pack, err);
    if (st == IBX_OK)
        st = ibx_walk_open(tileset, pack.first_id, &walk, err);
    uint32_t highest_place = 0;
    while (st == IBX_OK) {
        struct ibx_span span;
        st = ibx_walk_next(walk, &span, err);
        if (st == IBX_OK && span.pack != number)
            break;
        if (st == IBX_OK)
            st = visit_span(survey, tileset, &span, &highest_place, each, err);
    }
    ibx_walk_close(walk);
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

/* ---- packs ------------------------------------------------------------- */

static enum ibx_status survey_pack(struct survey *s,
                                   struct ibx_tileset *tileset, uint64_t number,
                                   const struct ibx_pack_info *pack,
                                   struct ibx_err *err)
{
    s->oversize_packs += (pack->flags & IBX_PACK_OVERSIZE) != 0;
    uint8_t first = ibx_tile_zxy(pack->first_id).z;
    uint8_t last = ibx_tile_zxy(pack->last_id).z;
    if (first != last) {
        uint64_t before[IBX_MAX_ZOOM + 1];
        for (uint8_t z = first; z <= last; z++)
            before[z] = s->zooms[z].tiles;
        enum ibx_status st =
            walk_pack(s, tileset, number, visit_for_zooms, err);
        for (uint8_t z = first; z <= last; z++)
            s->zooms[z].packs += s->zooms[z].tiles > before[z];
        return st;
    }
    s->zooms[first].tiles += pack->tile_count;
    s->zooms[first].blobs += pack->blob_count;
    s->zooms[first].payload_nbytes += pack->payload_nbytes;
    s->zooms[first].packs++;
    return IBX_OK;
}

static enum ibx_status survey_packs(struct survey *s,
                                    struct ibx_tileset *tileset,
                                    struct ibx_err *err)
{
    struct candidates candidates = {.n = 0};
    enum ibx_status st = IBX_OK;
    for (uint64_t i = 0; i < s->info.npacks && st == IBX_OK; i++) {
        struct ibx_pack_info pack;
        st = ibx_pack_info(tileset, i, &pack, err);
        if (st != IBX_OK)
            break;
        st = survey_pack(s, tileset, i, &pack, err);
        add_candidate(&candidates, s->largest_wanted, i,
                      pack.largest_tile_nbytes);
    }
    for (size_t i = 0; i < candidates.n && st == IBX_OK; i++)
        st = walk_pack(s, tileset, candidates.packs[i], visit_for_largest, err);
    return st;
}

/* ---- generations ------------------------------------------------------- */

static bool add_generation(struct survey *s, struct ibx_cache *cache,
                           const char *name)
{
    struct generation_survey *grown =
        realloc(s->generations, (s->ngenerations + 1) * sizeof *grown);
    if (!grown)
        return false;
    s->generations = grown;
    struct generation_survey *g = &grown[s->ngenerations++];
    *g = (struct generation_survey){0};
    memcpy(g->name, name, sizeof g->name);
    struct ibx_tileset *tileset = NULL;
    if (ibx_tileset_open(cache, s->folder, name, &tileset, NULL) == IBX_OK) {
        g->readable = true;
        g->info = *ibx_tileset_info(tileset);
        ibx_tileset_release(tileset);
    }
    return true;
}

static int in_force_then_newest(const void *a, const void *b)
{
    const struct generation_survey *left = a;
    const struct generation_survey *right = b;
    if (left->in_force != right->in_force)
        return left->in_force ? -1 : 1;
    if (left->info.modified_s != right->info.modified_s)
        return left->info.modified_s > right->info.modified_s ? -1 : 1;
    return strcmp(left->name, right->name);
}

static void survey_generations(struct survey *s, struct ibx_cache *cache)
{
    char current[IBX_GENERATION_NCHARS + 1] = "";
    DIR *dir = opendir(s->folder);
    if (!dir)
        return;
    struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        char name[IBX_GENERATION_NCHARS + 1];
        if (ibx_manifest_name_parse(entry->d_name, strlen(entry->d_name),
                                    name) &&
            !add_generation(s, cache, name))
            break;
    }
    closedir(dir);
    if (ibx_tileset_current(s->folder, current, NULL) != IBX_OK)
        current[0] = '\0';
    for (size_t i = 0; i < s->ngenerations; i++)
        s->generations[i].in_force =
            strcmp(s->generations[i].name, current) == 0;
    if (s->ngenerations > 0)
        qsort(s->generations, s->ngenerations, sizeof *s->generations,
              in_force_then_newest);
}

/* ---- the whole --------------------------------------------------------- */

static enum ibx_status survey_texts(struct survey *s,
                                    struct ibx_tileset *tileset,
                                    struct ibx_err *err)
{
    size_t nbytes = 0;
    enum ibx_status st = ibx_tileset_text(tileset, IBX_TEXT_TILEJSON,
                                          &s->tilejson, &nbytes, err);
    if (st == IBX_OK)
        st = ibx_tileset_text(tileset, IBX_TEXT_REPORT, &s->report, &nbytes,
                              err);
    if (st == IBX_OK)
        s->name = text_string(s->tilejson, "name");
    return st;
}

static enum ibx_status survey_tileset(struct survey *s, struct ibx_cache *cache,
                                      const char *generation,
                                      struct ibx_err *err)
{
    struct ibx_tileset *tileset = NULL;
    enum ibx_status st =
        ibx_tileset_open(cache, s->folder, generation, &tileset, err);
    if (st != IBX_OK)
        return st;
    s->info = *ibx_tileset_info(tileset);
    s->pack_nbytes_cap = ibx_tileset_pack_nbytes_cap(tileset);
    st = survey_texts(s, tileset, err);
    if (st == IBX_OK)
        st = survey_packs(s, tileset, err);
    ibx_tileset_release(tileset);
    return st;
}

enum ibx_status survey_run(struct survey *survey, const char *generation,
                           struct ibx_err *err)
{
    struct ibx_cache_options options;
    struct ibx_cache *cache = NULL;
    ibx_cache_options_init(&options);
    options.max_mapped_nbytes = UINT64_MAX / 2; /* manifests of any size */
    options.max_views = 2;
    options.verify = IBX_VERIFY_NEVER; /* sizes are asked for, not contents */
    options.prefetch_nbytes = 0;
    enum ibx_status st = ibx_cache_open(&options, &cache, err);
    if (st != IBX_OK)
        return st;
    st = survey_tileset(survey, cache, generation, err);
    survey_generations(survey, cache);
    ibx_cache_close(cache);
    return st;
}

void survey_fini(struct survey *survey)
{
    free(survey->generations);
    free(survey->name);
    free(survey->tilejson);
    free(survey->report);
}
