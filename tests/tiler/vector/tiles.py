"""Builds tilesets of real data and decodes them with GDAL's MVT driver: what
should be there is there, where it should be, valid, without gaps."""
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest

from osgeo import gdal, ogr

gdal.UseExceptions()
gdal.SetConfigOption("GDAL_NUM_THREADS", "1")
DATA = os.environ.get("IMBREX_DATA") or os.path.join(
    os.environ.get("IMBREX_SOURCE", "../../.."), "../shared/data")
TILER = os.environ["IMBREX_TILER"]
DUMP = sys.argv.pop(1)
HALF = 20037508.342789244
SKIPPED = 77


def data(name):
    return os.path.join(DATA, name)


def build(out, *inputs, **options):
    """Runs the tiler; returns its exit code, and the report."""
    report = out + ".json"
    command = [TILER, "build", "--quiet", "-o", out, "--report", report]
    for key, value in options.items():
        name = "--" + key.replace("_", "-")
        command += [name] if value is True else [name, str(value)]
    done = subprocess.run(command + list(inputs), stderr=subprocess.PIPE,
                          text=True, check=False)
    if not os.path.exists(report):
        return done.returncode, done.stderr
    with open(report, encoding="utf-8") as file:
        return done.returncode, json.load(file)


def dump(tileset, folder):
    subprocess.run([DUMP, tileset, folder], check=True)


def unit_metres(zoom):
    return 2 * HALF / 4096 / 2 ** zoom


def tile_of(lon, lat, zoom):
    y = math.asinh(math.tan(math.radians(lat)))
    n = 2 ** zoom
    return int((lon + 180) / 360 * n), int((1 - y / math.pi) / 2 * n)


def tile_box(x, y, zoom):
    size = 2 * HALF / 2 ** zoom
    west, north = x * size - HALF, HALF - y * size
    ring = ogr.Geometry(ogr.wkbLinearRing)
    for dx, dy in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0)):
        ring.AddPoint_2D(west + dx * size, north - dy * size)
    box = ogr.Geometry(ogr.wkbPolygon)
    box.AddGeometry(ring)
    return box


def to_metres(geometry):
    """Spherical Mercator by its formula, not by our code."""
    if geometry.GetGeometryCount() > 0:
        for i in range(geometry.GetGeometryCount()):
            to_metres(geometry.GetGeometryRef(i))
        return geometry
    for i in range(geometry.GetPointCount()):
        lon, lat = geometry.GetX(i), geometry.GetY(i)
        geometry.SetPoint_2D(i, lon / 180 * HALF, math.asinh(
            math.tan(math.radians(lat))) / math.pi * HALF)
    return geometry


def read_source(path):
    """(attributes, geometry) of each feature of the first layer."""
    source = gdal.OpenEx(path, gdal.OF_VECTOR)
    for feature in source.GetLayer(0):
        geometry = feature.GetGeometryRef()
        yield (feature.items(),
               None if geometry is None else geometry.Clone())


def to_units(geometry, zoom, x, y):
    """Tile units: whole numbers, so that validity is not lost to rounding."""
    if geometry.GetGeometryCount() > 0:
        for i in range(geometry.GetGeometryCount()):
            to_units(geometry.GetGeometryRef(i), zoom, x, y)
        return geometry
    unit = unit_metres(zoom)
    for i in range(geometry.GetPointCount()):
        geometry.SetPoint_2D(
            i, round((geometry.GetX(i) + HALF) / unit) - x * 4096,
            round((HALF - geometry.GetY(i)) / unit) - y * 4096)
    return geometry


def read_tile(folder, zoom, x, y, clip="NO"):
    """{layer: [(attributes, geometry in metres)]} of one tile."""
    path = os.path.join(folder, str(zoom), str(x), f"{y}.pbf")
    if not os.path.exists(path):
        return {}
    tile = gdal.OpenEx(path, gdal.OF_VECTOR, open_options=[
        f"CLIP={clip}", f"X={x}", f"Y={y}", f"Z={zoom}"])
    layers = {}
    for i in range(tile.GetLayerCount()):
        layer = tile.GetLayer(i)
        layers[layer.GetName()] = [
            ({k: v for k, v in feature.items().items()
              if k != "mvt_id" and v is not None},
             feature.GetGeometryRef().Clone()) for feature in layer]
    return layers


def tiles(folder, zoom):
    root = os.path.join(folder, str(zoom))
    for x in os.listdir(root):
        for name in os.listdir(os.path.join(root, x)):
            yield int(x), int(name.split(".")[0])


class Tiles(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.addCleanup(self.temp.cleanup)

    def path(self, name):
        return os.path.join(self.temp.name, name)

    def test_every_road_is_where_it_was(self):
        source = data("vector/porto_roads.geojson.gz")
        zoom = 14
        code, report = build(self.path("r.imbrex"), source, zoom="12-14")
        self.assertEqual(code, 0)
        self.assertFalse(report["loss"])
        dump(self.path("r.imbrex"), self.path("r"))
        found = {}
        for x, y in tiles(self.path("r"), zoom):
            for attributes, geometry in read_tile(
                    self.path("r"), zoom, x, y)["porto_roads"]:
                found.setdefault(attributes["osm_id"], []).append(
                    (attributes, geometry))
        limit = unit_metres(zoom) / 2 * math.sqrt(2) * 1.002
        number = 0
        for attributes, geometry in read_source("/vsigzip/" + source):
            number += 1
            want = {k: v for k, v in attributes.items() if v is not None}
            pieces = [g for a, g in found.get(attributes["osm_id"], [])
                      if a == want]
            self.assertTrue(pieces, attributes)
            if number % 20 != 0:
                continue
            drawn = ogr.Geometry(ogr.wkbGeometryCollection)
            for piece in pieces:
                drawn.AddGeometry(piece)
            to_metres(geometry)
            for i in range(geometry.GetPointCount()):
                point = ogr.Geometry(ogr.wkbPoint)
                point.AddPoint_2D(geometry.GetX(i), geometry.GetY(i))
                self.assertLessEqual(drawn.Distance(point), limit)
        self.assertEqual(number, 49667)

    def check_cover(self, folder, zoom, x, y, layer):
        """Polygons of a tile that data covers wholly cover it wholly."""
        box = tile_box(x, y, zoom)
        box = to_units(box, zoom, x, y)
        pieces = [to_units(g, zoom, x, y).Intersection(box) for _, g in
                  read_tile(folder, zoom, x, y)[layer]]
        union = None
        for piece in pieces:
            union = piece if union is None else union.Union(piece)
        gap = box.Area() - union.Area()
        overlap = sum(p.Area() for p in pieces) - union.Area()
        return gap, overlap

    def test_counties_share_their_borders(self):
        source = data("vector/us_counties_10m.geojson.gz")
        code, report = build(self.path("c.imbrex"), source, zoom="3-8")
        self.assertEqual(code, 0)
        dump(self.path("c.imbrex"), self.path("c"))
        for zoom in range(3, 9):
            for x, y in tiles(self.path("c"), zoom):
                for attributes, geometry in read_tile(
                        self.path("c"), zoom, x, y)["counties"]:
                    to_units(geometry, zoom, x, y)
                    self.assertTrue(geometry.IsValid(),
                                    (zoom, x, y, attributes))
                    self.assertGreater(geometry.Area(), 0)
        # Kansas and around: inland, counties everywhere.
        for zoom in range(5, 9):
            for lon, lat in ((-98.5, 38.5), (-101, 39.5), (-95.5, 36)):
                x, y = tile_of(lon, lat, zoom)
                gap, overlap = self.check_cover(self.path("c"), zoom, x, y,
                                                "counties")
                self.assertLess(abs(gap), 1e-6, (zoom, x, y))
                # Where a county is narrower than a unit, neighbours overlap.
                self.assertLess(overlap, 50, (zoom, x, y))

    def test_world_polygons_are_valid_and_keep_their_area(self):
        source = data("vector/ne_10m_admin_0_countries.geojson.gz")
        code, _ = build(self.path("w.imbrex"), source, zoom="0-5")
        self.assertEqual(code, 0)
        dump(self.path("w.imbrex"), self.path("w"))
        want = {}
        for attributes, geometry in read_source("/vsigzip/" + source):
            if geometry is not None and attributes["name"] in (
                    "Brazil", "France", "Australia"):
                want[attributes["name"]] = to_metres(
                    geometry.Clone()).Area()
        for zoom in range(0, 6):
            have = {}
            for x, y in tiles(self.path("w"), zoom):
                box = tile_box(x, y, zoom)
                for attributes, geometry in read_tile(
                        self.path("w"), zoom, x, y)[
                            "countries"]:
                    self.assertTrue(
                        to_units(geometry.Clone(), zoom, x, y).IsValid(),
                        (zoom, x, y, attributes))
                    name = attributes["name"]
                    if name in want:
                        have[name] = have.get(name, 0) + \
                            geometry.Intersection(box).Area()
            for name, area in want.items():
                # A unit along the border at most; far less on average.
                self.assertAlmostEqual(have[name] / area, 1,
                                       delta=0.02 / 2 ** zoom, msg=name)

    def test_no_edge_along_the_antimeridian(self):
        """Where a country goes on beyond, its outline does not; no line goes
        around the world."""
        source = data("vector/ne_10m_admin_0_countries.geojson.gz")
        code, _ = build(self.path("a.imbrex"), source, zoom="0-5")
        self.assertEqual(code, 0)
        dump(self.path("a.imbrex"), self.path("a"))
        for zoom in range(0, 6):
            edge = 2 ** zoom - 1
            # Chukotka, at 66 degrees north, on both sides.
            _, y = tile_of(0, 66.5, zoom)
            for x, seam in ((0, 0), (edge, 4096)):
                russia = [to_units(g, zoom, x, y) for a, g in read_tile(
                    self.path("a"), zoom, x, y)["countries"]
                          if a["name"] == "Russia"]
                self.assertTrue(russia, (zoom, x, y))
                # Three units of coast may lie on it; the border had 40 at
                # zoom 0 and a whole tile's side further down.
                drawn = ogr.Geometry(ogr.wkbLineString)
                drawn.AddPoint_2D(seam, 0)
                drawn.AddPoint_2D(seam, 4096)
                along = sum(g.Boundary().Intersection(drawn).Length()
                            for g in russia)
                self.assertLess(along, 4, (zoom, x, y))
                covered = max(g.Buffer(0).Intersection(drawn).Length()
                              for g in russia)
                self.assertGreater(covered, 20, (zoom, x, y))
        for x, y in tiles(self.path("a"), 0):
            for attributes, geometry in read_tile(
                    self.path("a"), 0, x, y)["countries"]:
                if attributes["name"] == "Fiji":
                    middle = to_units(tile_box(x, y, 0), 0, x, y).Buffer(-200)
                    self.assertFalse(
                        to_units(geometry, 0, x, y).Intersects(middle))
                if attributes["name"] == "Antarctica":
                    pole = ogr.Geometry(ogr.wkbPoint)
                    pole.AddPoint_2D(2048, 4090)
                    self.assertTrue(to_units(geometry, 0, x, y).Contains(pole))


if __name__ == "__main__":
    if not os.path.exists(data("vector/porto_roads.geojson.gz")):
        print(f"skipped: {DATA} is missing")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
