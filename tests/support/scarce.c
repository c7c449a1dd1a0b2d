/* scarce - a library to preload that makes the web library run out of memory:
 * every SCARCE_FIELDS-th header field is not added and every
 * SCARCE_RESPONSES-th response around lent bytes is not made. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef int add_function(void *response, const char *name, const char *value);
typedef void *make_function(size_t nbytes, const void *bytes,
                            void (*gone)(void *arg), void *arg);

add_function MHD_add_response_header;
make_function MHD_create_response_from_buffer_with_free_callback_cls;

/* Whether this call, one of those that `variable` speaks of, fails. */
static int fails(const char *variable, atomic_ulong *ncalls)
{
    const char *text = getenv(variable);
    unsigned long every = text == NULL ? 0 : strtoul(text, NULL, 10);
    return every > 0 && (atomic_fetch_add(ncalls, 1) + 1) % every == 0;
}

int MHD_add_response_header(void *response, const char *name, const char *value)
{
    static atomic_ulong ncalls;
    add_function *real;
    void *symbol = dlsym(RTLD_NEXT, "MHD_add_response_header");
    memcpy(&real, &symbol, sizeof(real));
    return fails("SCARCE_FIELDS", &ncalls) ? 0 : real(response, name, value);
}

void *MHD_create_response_from_buffer_with_free_callback_cls(
    size_t nbytes, const void *bytes, void (*gone)(void *arg), void *arg)
{
    static atomic_ulong ncalls;
    make_function *real;
    void *symbol = dlsym(
        RTLD_NEXT, "MHD_create_response_from_buffer_with_free_callback_cls");
    memcpy(&real, &symbol, sizeof(real));
    return fails("SCARCE_RESPONSES", &ncalls) ? NULL
                                              : real(nbytes, bytes, gone, arg);
}
