"""What the raster tests share: building, dumping and reading tiles."""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from osgeo import gdal, osr

gdal.UseExceptions()
gdal.SetConfigOption("GDAL_PAM_ENABLED", "NO")

SOURCE = os.environ["IMBREX_SOURCE"]
TILER = os.environ["IMBREX_TILER"]
DATA = os.environ.get("IMBREX_DATA", os.path.join(SOURCE, "..", "shared", "data"))
DUMP = sys.argv.pop() if len(sys.argv) > 1 else ""
HALF = 20037508.342789244


def data(name):
    """A file of the data folder; without it the test is skipped by name."""
    path = os.path.join(DATA, name)
    if not os.path.exists(path):
        raise unittest.SkipTest(f"{name} is not in {DATA}")
    return path


def run(*arguments, **options):
    return subprocess.run([TILER, *map(str, arguments)], capture_output=True,
                          text=True, timeout=250, **options)


def tile_array(path):
    """Rows, columns, RGBA, whatever the file's own layout."""
    dataset = gdal.Open(path)
    band = dataset.GetRasterBand(1)
    values = dataset.ReadAsArray()
    if values.ndim == 2:
        values = values[np.newaxis]
    table = band.GetColorTable()
    if table is not None:
        colours = np.array([table.GetColorEntry(i) for i in range(table.GetCount())],
                           np.uint8)
        return colours[values[0]]
    count = values.shape[0]
    opaque = np.full(values.shape[1:], 255, np.uint8)
    if count <= 2:
        alpha = values[1] if count == 2 else opaque
        return np.stack([values[0], values[0], values[0], alpha], axis=-1)
    alpha = values[3] if count == 4 else opaque
    return np.stack([values[0], values[1], values[2], alpha], axis=-1)


class Tiles:
    """The tiles of a tileset, by address."""

    def __init__(self, folder):
        self.folder = folder
        self.files = {}
        for path in glob.glob(os.path.join(folder, "*", "*", "*.*")):
            z, x, y = path.split(os.sep)[-3:]
            self.files[int(z), int(x), int(y.split(".")[0])] = path
        with open(os.path.join(folder, "tilejson.json"), encoding="utf-8") as f:
            self.tilejson = json.load(f)
        with open(os.path.join(folder, "report.json"), encoding="utf-8") as f:
            self.report = json.load(f)
        self.max_zoom = self.tilejson["maxzoom"]

    def size(self):
        first = next(iter(self.files.values()))
        return gdal.Open(first).RasterXSize

    def array(self, z, x, y):
        path = self.files.get((z, x, y))
        if path is None:
            return np.zeros((self.size(), self.size(), 4), np.uint8)
        return tile_array(path)

    def rect(self, z):
        """Columns and rows of the tiles held at a zoom: x0, y0, x1, y1."""
        at = [(x, y) for (zoom, x, y) in self.files if zoom == z]
        xs, ys = [x for x, _ in at], [y for _, y in at]
        return min(xs), min(ys), max(xs) + 1, max(ys) + 1

    def mosaic(self, z, rect=None):
        x0, y0, x1, y1 = rect or self.rect(z)
        return np.concatenate(
            [np.concatenate([self.array(z, x, y) for x in range(x0, x1)], axis=1)
             for y in range(y0, y1)], axis=0)


def tile_bounds(z, x0, y0, x1, y1):
    """West, south, east, north in EPSG:3857 metres."""
    tile = 2 * HALF / 2**z
    return x0 * tile - HALF, HALF - y1 * tile, x1 * tile - HALF, HALF - y0 * tile


def difference(a, b):
    """Largest and mean absolute difference."""
    d = np.abs(a.astype(np.float64) - b.astype(np.float64))
    return (float(d.max()), float(d.mean())) if d.size else (0.0, 0.0)


class RasterCase(unittest.TestCase):
    """Gives every test an empty folder of its own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="imbrex-raster-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def build(self, *arguments, name="out", **options):
        """Builds NAME.imbrex, which must succeed, and dumps it."""
        out = self.path(name + ".imbrex")
        result = run("build", "-q", "-o", out, *arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.dump(out, name)

    def dump(self, out, name):
        subprocess.run([DUMP, out, self.path(name)], check=True)
        return Tiles(self.path(name))

    def picture(self, name, array, geotransform, epsg=4326, nodata=None,
                kind=gdal.GDT_Byte, options=()):
        """Writes bands x rows x columns as a GeoTIFF."""
        path = self.path(name)
        bands, rows, columns = array.shape
        made = gdal.GetDriverByName("GTiff").Create(path, columns, rows, bands, kind,
                                                    options=list(options))
        made.SetGeoTransform(geotransform)
        if epsg is not None:
            crs = osr.SpatialReference()
            crs.ImportFromEPSG(epsg)
            made.SetProjection(crs.ExportToWkt())
        for i in range(bands):
            if nodata is not None:
                made.GetRasterBand(i + 1).SetNoDataValue(nodata)
            made.GetRasterBand(i + 1).WriteArray(array[i])
        if bands == 4:
            made.GetRasterBand(4).SetColorInterpretation(gdal.GCI_AlphaBand)
        made = None
        return path
