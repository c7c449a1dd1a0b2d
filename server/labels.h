/* labels.h - the optional data for drawing names and icons: glyph ranges in
 * STACK/A-B.pbf and a sprite sheet. */
#ifndef IBX_SERVER_LABELS_H
#define IBX_SERVER_LABELS_H

#include "server/options.h"
#include "server/route.h"

enum { LABELS_PATH_NBYTES = 4096 };

struct labels {
    char fonts[LABELS_PATH_NBYTES];   /* folder, or "" */
    char sprites[LABELS_PATH_NBYTES]; /* folder, or "" */
    char stack[ROUTE_NAME_NBYTES];    /* what styles write with, or "" */
    bool sprite;                      /* sprites/sprite.json is there */
};

/* Finds the folders of --fonts and --sprites; "none" is none, and where an
 * option was not given, ../share/imbrex/ beside the program's own folder is
 * looked at. The stack is "Noto Sans Regular", else the first by name. False
 * when a given folder cannot be opened; `error` then names it and the reason.
 * Reads folders: for the start only. */
bool labels_find(const struct options *options, struct labels *out,
                 char error[OPTIONS_ERROR_NBYTES]);

#endif
