"""Real tilesets behind the real server, for tests with other people's clients."""
import os
import pathlib
import subprocess
import sys

import harness
from harness import Case

SOURCE = pathlib.Path(os.environ["IMBREX_SOURCE"])
DATA = pathlib.Path(os.environ.get("IMBREX_DATA", SOURCE / "../shared/data"))
TILER = os.environ.get("IMBREX_TILER")


def skip_without(**needs):
    """Ends the test as skipped, by name, when one of these is not there."""
    needs = {"imbrex_tiler": TILER and os.path.exists(TILER),
             "the_shared_data": DATA.exists(), **needs}
    for name, there in needs.items():
        if not there:
            print(f"skipped: there is no {name.replace('_', ' ')}")
            sys.exit(77)


class Real(Case):
    """`marble` (JPEG, zooms 0-3) and `andorra` (vector tiles) at `base`."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, source in (("marble", "mbtiles/bluemarble_z0-3.mbtiles"),
                             ("andorra", "pmtiles/andorra.pmtiles")):
            subprocess.run([TILER, "import", "--quiet", "-o",
                            cls.folder / f"{name}.imbrex", DATA / source],
                           check=True)
        cls.server = harness.Server(cls.folder)
        cls.addClassCleanup(cls.server.__exit__)
        cls.base = "http://%s:%d" % cls.server.address
