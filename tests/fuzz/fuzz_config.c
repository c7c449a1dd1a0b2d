/* Any file is a configuration or is refused with a reason. */
#undef NDEBUG /* asserts are what this looks for */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    struct options options;
    char error[OPTIONS_ERROR_NBYTES] = "";
    char *text = malloc(nbytes + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, nbytes);
    text[nbytes] = '\0';
    options_init(&options);
    bool taken = config_read(&options, "f", text, nbytes, error);
    assert(taken || error[0] != '\0');
    assert(options.port <= 65535 && options.max_views <= 4096);
    options_fini(&options);
    free(text);
    return 0;
}
