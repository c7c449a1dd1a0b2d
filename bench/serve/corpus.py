"""The tiles that are served: built by imbrex-tiler from real data, and exported
by it to the forms that other servers read, so that all send the same bytes."""
import os
import shutil
import subprocess

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
DATA = os.environ.get("IMBREX_DATA", os.path.join(SOURCE, "../shared/data"))

# What is built: extension, whether stored gzipped, options, input.
KINDS = {
    "medium": ("jpg", False, ["--format", "jpeg", "--quality", "95",
                              "--zoom", "0-7"],
               "raster/bluemarble_3857_16384.tif"),
    "small": ("mvt", True, ["--zoom", "13-17"],
              "vector/porto_roads.geojson.gz"),
    "large": ("png", False, ["--format", "png", "--tile-size", "512",
                             "--zoom", "2-5"],
              "raster/bluemarble_3857_16384.tif"),
}


MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png",
               "mvt": "application/vnd.mapbox-vector-tile"}


class Corpus:
    """One tileset in every form. `tiles` are its addresses."""

    def __init__(self, kind, build, work):
        self.kind = kind
        self.extension, self.gzipped, options, source = KINDS[kind]
        self.work = f"{work}/{kind}"
        os.makedirs(self.work, exist_ok=True)
        os.chmod(self.work, 0o755)
        self.media_type = MEDIA_TYPES[self.extension]
        self._tiler = f"{build}/tiler/imbrex-tiler"
        self.imbrex = f"{self.work}/map.imbrex"
        self.folder = f"{self.work}/map"
        self.pmtiles = f"{self.work}/pmtiles/map.pmtiles"
        self.mbtiles = f"{self.work}/mbtiles/map.mbtiles"
        if not os.path.exists(f"{self.work}/complete"):
            self._make(options, source)
        self.tiles = sorted(self._scan())
        self.total_nbytes = sum(os.path.getsize(self.path(tile))
                                for tile in self.tiles)
        self.asked_nbytes = 0  # in the mean of a pattern; run_table() sets it

    def _make(self, options, source):
        shutil.rmtree(self.work)
        for path in (self.folder, self.pmtiles, self.mbtiles):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        self._run("build", "-o", self.imbrex, *options,
                  os.path.join(DATA, source))
        for target in (self.pmtiles, self.mbtiles, self.folder + "/"):
            self._run("export", "-o", target, self.imbrex)
        with open(f"{self.work}/complete", "w", encoding="ascii"):
            pass

    def _run(self, *arguments):
        subprocess.run([self._tiler, *arguments, "--quiet"], check=True,
                       stdout=subprocess.DEVNULL, timeout=900)

    def _scan(self):
        for folder, _, names in os.walk(self.folder):
            parts = os.path.relpath(folder, self.folder).split(os.sep)
            for name in names:
                stem, dot, extension = name.partition(".")
                if len(parts) == 2 and dot and stem.isdigit():
                    # What the exporter chose is what the folder's servers use.
                    self.extension = extension
                    yield int(parts[0]), int(parts[1]), int(stem)

    def mean_of(self, tiles):
        """Bytes of these tiles in the mean, each as often as it is there."""
        sizes = {tile: os.path.getsize(self.path(tile)) for tile in set(tiles)}
        return sum(sizes[tile] for tile in tiles) // len(tiles)

    def path(self, tile):
        return "{}/{}/{}/{}.{}".format(self.folder, *tile, self.extension)

    @staticmethod
    def _disk(path):
        """Bytes allocated and number of files."""
        if os.path.isfile(path):
            return os.stat(path).st_blocks * 512, 1
        nbytes = count = 0
        for folder, _, names in os.walk(path):
            for name in names:
                nbytes += os.stat(os.path.join(folder, name)).st_blocks * 512
                count += 1
        return nbytes, count

    def describe(self):
        forms = {"imbrex": self.imbrex, "folder": self.folder,
                 "pmtiles": self.pmtiles, "mbtiles": self.mbtiles}
        rows = []
        for name, path in forms.items():
            nbytes, count = self._disk(path)
            rows.append(f"{name} {nbytes / 1e6:.1f} MB in {count:,} files")
        return (f"{len(self.tiles):,} tiles, {self.total_nbytes / 1e6:.1f} MB; "
                "on disk: " + ", ".join(rows))
