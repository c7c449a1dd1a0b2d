#include "tiler/vector/stats.h"

#include <stdlib.h>
#include <string.h>

bool stats_init(struct stats *stats, size_t nlayers)
{
    *stats = (struct stats){.nlayers = nlayers};
    stats->layers = calloc(nlayers + 1, sizeof *stats->layers);
    return stats->layers != NULL;
}

void stats_fini(struct stats *stats)
{
    free(stats->layers);
    *stats = (struct stats){0};
}

void stats_clear(struct stats *stats)
{
    memset(stats->layers, 0, stats->nlayers * sizeof *stats->layers);
    memset(stats->zooms, 0, sizeof stats->zooms);
}

static void add_layer(struct stats_layer *to, const struct stats_layer *from)
{
    for (int i = 0; i < STAT_NINPUT; i++)
        to->input[i] += from->input[i];
    for (int z = 0; z < STATS_NZOOMS; z++) {
        for (int i = 0; i < STAT_NZOOM; i++)
            to->zoom[z][i] += from->zoom[z][i];
    }
}

void stats_add(struct stats *to, const struct stats *from)
{
    for (size_t i = 0; i < to->nlayers && i < from->nlayers; i++)
        add_layer(&to->layers[i], &from->layers[i]);
    for (int z = 0; z < STATS_NZOOMS; z++) {
        struct stats_zoom *a = &to->zooms[z];
        const struct stats_zoom *b = &from->zooms[z];
        a->tiles += b->tiles;
        a->nbytes += b->nbytes;
        a->over_limit += b->over_limit;
        if (b->largest_nbytes > a->largest_nbytes)
            a->largest_nbytes = b->largest_nbytes;
    }
}

/* Entries {1 + zoom, layer, stat, value} and {33 + zoom, 4 values}; 0 ends. */
enum { ENTRY_END = 0, ENTRY_LAYER = 1, ENTRY_ZOOM = 1 + STATS_NZOOMS };

static void put_layer(struct bytes *to, const struct stats_layer *layer,
                      size_t number)
{
    for (unsigned z = 0; z < STATS_NZOOMS; z++) {
        for (unsigned i = 0; i < STAT_NZOOM; i++) {
            if (layer->zoom[z][i] == 0)
                continue;
            bytes_put_varint(to, ENTRY_LAYER + z);
            bytes_put_varint(to, number);
            bytes_put_varint(to, i);
            bytes_put_varint(to, layer->zoom[z][i]);
        }
    }
}

void stats_put(struct bytes *to, const struct stats *stats)
{
    for (size_t i = 0; i < stats->nlayers; i++)
        put_layer(to, &stats->layers[i], i);
    for (unsigned z = 0; z < STATS_NZOOMS; z++) {
        const struct stats_zoom *zoom = &stats->zooms[z];
        if (zoom->tiles == 0)
            continue;
        bytes_put_varint(to, ENTRY_ZOOM + z);
        bytes_put_varint(to, zoom->tiles);
        bytes_put_varint(to, zoom->nbytes);
        bytes_put_varint(to, zoom->largest_nbytes);
        bytes_put_varint(to, zoom->over_limit);
    }
    bytes_put_varint(to, ENTRY_END);
}

static bool get_layer_entry(struct cursor *from, struct stats *stats,
                            uint64_t zoom)
{
    uint64_t layer = cursor_varint(from), stat = cursor_varint(from);
    uint64_t value = cursor_varint(from);
    if (from->bad || layer >= stats->nlayers || stat >= STAT_NZOOM)
        return false;
    stats->layers[layer].zoom[zoom][stat] += value;
    return true;
}

static bool get_zoom_entry(struct cursor *from, struct stats_zoom *zoom)
{
    zoom->tiles += cursor_varint(from);
    zoom->nbytes += cursor_varint(from);
    uint64_t largest = cursor_varint(from);
    if (largest > zoom->largest_nbytes)
        zoom->largest_nbytes = largest;
    zoom->over_limit += cursor_varint(from);
    return !from->bad;
}

bool stats_get(struct cursor *from, struct stats *stats)
{
    for (;;) {
        uint64_t entry = cursor_varint(from);
        if (from->bad || entry >= ENTRY_ZOOM + STATS_NZOOMS)
            return false;
        if (entry == ENTRY_END)
            return true;
        bool ok = entry >= ENTRY_ZOOM
                      ? get_zoom_entry(from, &stats->zooms[entry - ENTRY_ZOOM])
                      : get_layer_entry(from, stats, entry - ENTRY_LAYER);
        if (!ok)
            return false;
    }
}

static bool input_lost(const struct stats_layer *layer)
{
    static const enum stat_input losses[] = {READ_BAD_COORDS, READ_OUTSIDE,
                                             READ_BAD_KIND,   READ_NOT_REPAIRED,
                                             READ_BAD_TEXT,   READ_BAD_VALUE};
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        if (layer->input[losses[i]] > 0)
            return true;
    }
    return false;
}

static bool zoom_lost(const uint64_t zoom[STAT_NZOOM])
{
    return zoom[STAT_NOT_REPAIRED] > 0 || zoom[STAT_DROPPED_BYTES] > 0 ||
           zoom[STAT_DROPPED_COUNT] > 0 || zoom[STAT_COALESCED] > 0 ||
           zoom[STAT_SIMPLIFIED] > 0;
}

bool stats_has_loss(const struct stats *stats)
{
    for (size_t i = 0; i < stats->nlayers; i++) {
        const struct stats_layer *layer = &stats->layers[i];
        if (input_lost(layer))
            return true;
        for (int z = 0; z < STATS_NZOOMS; z++) {
            if (zoom_lost(layer->zoom[z]))
                return true;
        }
    }
    return false;
}
