#include "tiler/build.h"

#include "tiler/cli/report.h"
#include "tiler/command.h"

int build_raster(const struct build_options *options,
                 const struct operands *inputs)
{
    (void)options;
    report(inputs->items[0], NULL, "rasters cannot be built yet");
    return EXIT_FAILED;
}
