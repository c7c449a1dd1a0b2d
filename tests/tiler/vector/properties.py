"""Random maps: countries that share borders, and lines and points with random
attributes, built and read back. Seeds are fixed and printed."""
import json
import os
import random
import subprocess
import tempfile
import unittest

import mvt
from osgeo import gdal, ogr

gdal.UseExceptions()
TILER = os.environ["IMBREX_TILER"]
WEST, EAST, SOUTH, NORTH = -175, 175, -80, 80
COLUMNS, ROWS = 16, 10


def wiggle(rng, a, b, depth):
    """The way from a to b, all but b, with 2^depth steps aside."""
    if depth == 0:
        return [a]
    dx, dy = b[0] - a[0], b[1] - a[1]
    aside = rng.uniform(-0.1, 0.1)
    middle = ((a[0] + b[0]) / 2 - aside * dy, (a[1] + b[1]) / 2 + aside * dx)
    return wiggle(rng, a, middle, depth - 1) + wiggle(rng, middle, b, depth - 1)


def random_countries(rng):
    """Rings that cover a rectangle; neighbours share every vertex between."""
    width, height = (EAST - WEST) / COLUMNS, (NORTH - SOUTH) / ROWS

    def corner(i, j):
        inside = 0 < i < COLUMNS and 0 < j < ROWS
        shift = [rng.uniform(-0.2, 0.2) * inside for _ in range(2)]
        return (WEST + (i + shift[0]) * width, SOUTH + (j + shift[1]) * height)

    corners = {(i, j): corner(i, j) for i in range(COLUMNS + 1)
               for j in range(ROWS + 1)}
    ways = {}
    for (i, j), a in corners.items():
        for to in ((i + 1, j), (i, j + 1)):
            if to in corners:
                outer = to[0] == i and i in (0, COLUMNS) or \
                    to[1] == j and j in (0, ROWS)
                ways[(i, j), to] = wiggle(
                    rng, a, corners[to], 0 if outer else rng.randrange(2, 7))

    def way(a, b):
        if (a, b) in ways:
            return ways[a, b]
        return [corners[a]] + ways[b, a][:0:-1]

    for i in range(COLUMNS):
        for j in range(ROWS):
            around = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1), (i, j)]
            ring = [p for a, b in zip(around, around[1:]) for p in way(a, b)]
            yield f"{i}/{j}", ring + ring[:1]


# GDAL makes real numbers of a column with signed and unsigned ones.
TYPES = {
    "whole": lambda rng: rng.choice((0, 1, -1, 2 ** 31, -2 ** 62, 2 ** 53,
                                     rng.randrange(-10 ** 6, 10 ** 6))),
    "real": lambda rng: rng.choice((0.1, -1e300, 5e-324, rng.random())),
    "truth": lambda rng: rng.random() < 0.5,
    "text": lambda rng: "".join(chr(rng.choice((34, 92, 9, 233, 0x540d,
                                                0x1f30d, 65)))
                                for _ in range(rng.randrange(0, 9))),
}


def random_properties(rng, number):
    keys = rng.sample(range(12), rng.randrange(0, 12))
    kinds = list(TYPES)
    return {"number": number,
            **{f"{kinds[key % 4]}{key}": TYPES[kinds[key % 4]](rng)
               for key in keys}}


def polygon_of(parts):
    """A valid geometry of a decoded polygon's rings, in tile units."""
    rings = []
    for part in parts:
        area = sum(x * v - u * y for (x, y), (u, v) in
                   zip(part, part[1:] + part[:1]))
        if area > 0:
            rings.append(ogr.Geometry(ogr.wkbPolygon))
        ring = ogr.Geometry(ogr.wkbLinearRing)
        for x, y in part + part[:1]:
            ring.AddPoint_2D(x, y)
        rings[-1].AddGeometry(ring)
    whole = ogr.Geometry(ogr.wkbMultiPolygon)
    for ring in rings:
        whole.AddGeometry(ring)
    return whole


BOX = ogr.CreateGeometryFromWkt(
    "POLYGON((0 0,4096 0,4096 4096,0 4096,0 0))")


class Properties(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.addCleanup(self.temp.cleanup)

    def path(self, name):
        return os.path.join(self.temp.name, name)

    def build(self, features, *options):
        """Builds and exports; yields z, x, y and the path of every tile."""
        with open(self.path("in.geojson"), "w", encoding="utf-8") as file:
            json.dump({"type": "FeatureCollection", "features": [
                {"type": "Feature", "properties": properties, "geometry": {
                    "type": kind, "coordinates": coordinates}}
                for properties, kind, coordinates in features]}, file)
        subprocess.run([TILER, "build", "-q", "--replace", "--strict", "-o",
                        self.path("t.imbrex"), *options,
                        self.path("in.geojson")], check=True)
        subprocess.run(["rm", "-rf", self.path("tiles")], check=True)
        subprocess.run([TILER, "export", "-q", "-o", self.path("tiles/"),
                        self.path("t.imbrex")], check=True)
        for folder, _, names in sorted(os.walk(self.path("tiles"))):
            for name in sorted(names):
                parts = os.path.join(folder, name).split("/")[-3:]
                if parts[0].isdigit():
                    yield (int(parts[0]), int(parts[1]),
                           int(parts[2].split(".")[0]),
                           os.path.join(folder, name))

    def check_cover(self, where, path):
        """Valid, and without gap or overlap."""
        with open(path, "rb") as file:
            [features] = mvt.decode(file.read()).values()
        total, union = 0, None
        for feature in features:
            shape = polygon_of(feature["parts"])
            self.assertTrue(shape.IsValid(), where)
            piece = shape.Intersection(BOX)
            total += piece.Area()
            union = piece if union is None else union.Union(piece)
        self.assertAlmostEqual(union.Area(), 4096 * 4096, delta=1e-3,
                               msg=where)
        self.assertAlmostEqual(total, 4096 * 4096, delta=1e-3, msg=where)

    def test_shared_borders_stay_shared_at_every_zoom(self):
        for seed in (11, 12):
            print(f"seed {seed}", flush=True)
            rng = random.Random(seed)
            features = [({"name": name}, "Polygon", [ring])
                        for name, ring in random_countries(rng)]
            rng.shuffle(features)
            checked = 0
            for z, x, y, path in self.build(features, "--zoom", "2-5"):
                n = 2 ** z
                # The rectangle ends within the tiles at its sides.
                inside = 360 * x / n - 180 >= WEST and \
                    360 * (x + 1) / n - 180 <= EAST and \
                    n * 0.12 <= y and y + 1 <= n * 0.88
                if inside:
                    self.check_cover((seed, z, x, y), path)
                    checked += 1
            self.assertGreater(checked, 600)

    def read_with_gdal(self, z, x, y, path):
        tile = gdal.OpenEx(path, gdal.OF_VECTOR, open_options=[
            "CLIP=NO", f"X={x}", f"Y={y}", f"Z={z}"])
        for feature in tile.GetLayer(0):
            yield {key: value for key, value in feature.items().items()
                   if key != "mvt_id" and value is not None}

    def test_attributes_come_back_from_gdal(self):
        for seed in (21, 22):
            print(f"seed {seed}", flush=True)
            rng = random.Random(seed)
            want, features = {}, []
            for number in range(300):
                lon, lat = rng.uniform(-179, 179), rng.uniform(-84, 84)
                kind = rng.choice(("Point", "LineString"))
                properties = random_properties(rng, number)
                want[number] = properties
                features.append((properties, kind, [lon, lat] if
                                 kind == "Point" else
                                 [[lon, lat], [lon / 2, lat / 2]]))
            seen = set()
            for tile in self.build(features, "--zoom", "3"):
                for have in self.read_with_gdal(*tile):
                    self.assertEqual(have, want[have["number"]])
                    seen.add(have["number"])
            self.assertEqual(seen, set(want))


if __name__ == "__main__":
    unittest.main(verbosity=2)
