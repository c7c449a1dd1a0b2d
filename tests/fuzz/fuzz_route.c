/* Any target is parsed to a route that keeps its promises. */
#undef NDEBUG /* asserts are what this looks for */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void check(const struct route *route)
{
    assert(route->kind <= ROUTE_RELOAD);
    assert(memchr(route->id, '\0', sizeof(route->id)) != NULL);
    assert(memchr(route->name, '\0', sizeof(route->name)) != NULL);
    assert(strchr(route->id, '/') == NULL && route->id[0] != '.');
    assert(strchr(route->name, '/') == NULL && route->name[0] != '.');
    assert(route->scale == 1 || route->scale == 2);
    if (route->kind == ROUTE_TILE && route->in_range)
        assert(ibx_zxy_valid(route->at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    struct route route;
    char *target = malloc(nbytes + 1);
    if (target == NULL)
        return 0;
    memcpy(target, data, nbytes);
    target[nbytes] = '\0';
    route_parse(target, "", &route);
    check(&route);
    route_parse(target, "/maps", &route);
    check(&route);
    route_parse_admin(target, &route);
    check(&route);
    free(target);
    return 0;
}
