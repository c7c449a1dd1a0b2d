#include "server/catalog.h"

#include <stdlib.h>
#include <string.h>

void served_release(struct served *served)
{
    if (served == NULL || atomic_fetch_sub(&served->holds, 1) != 1)
        return;
    ibx_tileset_release(served->tileset);
    free(served);
}

struct catalog *catalog_hold(struct catalog *catalog)
{
    atomic_fetch_add(&catalog->holds, 1);
    return catalog;
}

void catalog_release(struct catalog *catalog)
{
    if (catalog == NULL || atomic_fetch_sub(&catalog->holds, 1) != 1)
        return;
    for (size_t i = 0; i < catalog->nserved; i++)
        served_release(catalog->served[i]);
    free(catalog);
}

struct served *catalog_find(const struct catalog *catalog, const char *id)
{
    size_t low = 0, high = catalog->nserved;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(id, catalog->served[mid]->id);
        if (order == 0)
            return catalog->served[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}
