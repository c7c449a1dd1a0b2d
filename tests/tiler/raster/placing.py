"""Where pixels go: edges, transparency, mosaics, the antimeridian, the poles,
odd inputs. Small pictures made here, whose right answer is known."""

import json
import os
import shutil
import unittest

import numpy as np
from osgeo import gdal

from raster import HALF, RasterCase, data, run, tile_array

WORLD = (-180, 360 / 64, 0, 90, 0, -180 / 32)


def solid(colour, rows=32, columns=64):
    return np.tile(np.array(colour, np.uint8)[:, None, None], (1, rows, columns))


class Transparency(RasterCase):
    def test_hidden_colours_never_show(self):
        # Red that shows beside green that does not.
        px = 2 * HALF / 1024
        rgba = np.zeros((4, 512, 512), np.uint8)
        rgba[1] = 255
        rgba[0, :, :255], rgba[1, :, :255], rgba[3, :, :255] = 255, 0, 255
        source = self.picture("edge.tif", rgba, (0, px, 0, 0, 0, -px), 3857)
        tiles = self.build("--format", "png", "--zoom", "0-2", source)
        for (z, x, y) in tiles.files:
            t = tiles.array(z, x, y)
            shows = t[..., 3] > 0
            self.assertTrue((t[shows][:, :3] == (255, 0, 0)).all(), (z, x, y))
        self.assertEqual(set(np.unique(tiles.array(1, 1, 1)[..., 3])), {0, 128, 255})

    def test_transparent_tiles_are_not_stored(self):
        px = 2 * HALF / 1024
        rgba = np.zeros((4, 1024, 1024), np.uint8)
        rgba[:, 300:310, 600:610] = 200
        source = self.picture("dot.tif", rgba, (-HALF, px, 0, HALF, 0, -px), 3857)
        tiles = self.build("--format", "png", source)
        self.assertEqual(set(tiles.files), {(0, 0, 0), (1, 1, 0), (2, 2, 1)})
        self.assertEqual(tiles.report["transparent"], 18)

    def test_auto_is_jpeg_where_opaque_and_png_where_not(self):
        source = data("raster/RGB.byte.tif")
        tiles = self.build("--zoom", "9-10", source)
        kinds = {at: os.path.splitext(path)[1] for at, path in tiles.files.items()}
        self.assertEqual(set(kinds.values()), {".jpg", ".png"})
        self.assertNotIn("format", tiles.tilejson)
        for at, kind in kinds.items():
            if kind == ".png":
                self.assertLess(tiles.array(*at)[..., 3].min(), 255, at)

    def test_jpeg_says_that_it_has_no_transparency(self):
        source = data("raster/RGB.byte.tif")
        out = self.path("flat.imbrex")
        result = run("build", "-q", "--strict", "--format", "jpeg", "-o", out, source)
        self.assertEqual(result.returncode, 1)
        self.assertIn("lost their transparency", result.stderr)
        tiles = self.dump(out, "flat")
        corner = tiles.mosaic(4)[0, 0]
        self.assertTrue((corner[:3] > 250).all(), corner)

    def test_webp_at_100_is_lossless(self):
        source = data("raster/RGB.byte.tif")
        png = self.build("--format", "png", "--zoom", "8", source, name="png")
        webp = self.build("--format", "webp", "--quality", "100", "--zoom", "8", source,
                          name="webp")
        self.assertEqual(set(png.files), set(webp.files))
        for at in png.files:
            self.assertTrue((png.array(*at) == webp.array(*at)).all(), at)


class Mosaic(RasterCase):
    def test_later_inputs_lie_over_earlier_ones(self):
        red = self.picture("red.tif", solid((255, 0, 0)), WORLD)
        green = self.picture("green.tif", solid((0, 255, 0), 16, 16), (0, 5, 0, 40, 0, -5))
        over = self.build("--format", "png", "--zoom", "3", red, green, name="over")
        under = self.build("--format", "png", "--zoom", "3", green, red, name="under")
        east_of_greenwich = over.array(3, 4, 3)[128, 128]
        self.assertEqual(tuple(east_of_greenwich), (0, 255, 0, 255))
        self.assertEqual(tuple(over.array(3, 1, 3)[128, 128]), (255, 0, 0, 255))
        self.assertEqual(tuple(under.array(3, 4, 3)[128, 128]), (255, 0, 0, 255))

    def test_holes_of_later_inputs_let_earlier_ones_through(self):
        red = self.picture("red.tif", solid((255, 0, 0)), WORLD)
        holed = solid((0, 255, 0), 16, 16)
        holed[:, 4:12, 4:12] = 7
        green = self.picture("green.tif", holed, (0, 5, 0, 40, 0, -5), nodata=7)
        tiles = self.build("--format", "png", "--zoom", "4", "--resampling", "nearest",
                           red, green)
        colours = {tuple(c) for t in tiles.files
                   for c in np.unique(tiles.array(*t).reshape(-1, 4), axis=0)}
        self.assertEqual(colours, {(255, 0, 0, 255), (0, 255, 0, 255)})

    def test_halves_make_the_same_tiles_as_the_whole(self):
        rng = np.random.default_rng(5)
        px = 2 * HALF / 1024
        whole = rng.integers(0, 255, (3, 600, 800), dtype=np.uint8)
        gt = (-HALF + 100 * px, px, 0, HALF - 200 * px, 0, -px)
        right = (gt[0] + 333 * px, *gt[1:])
        paths = [self.picture("w.tif", whole, gt, 3857),
                 self.picture("l.tif", whole[:, :, :333], gt, 3857),
                 self.picture("r.tif", whole[:, :, 333:], right, 3857)]
        one = self.build("--format", "png", paths[0], name="one")
        two = self.build("--format", "png", paths[1], paths[2], name="two")
        self.assertEqual(set(one.files), set(two.files))
        for at in one.files:
            self.assertTrue((one.array(*at) == two.array(*at)).all(), at)


class Told(RasterCase):
    """What the command line says of inputs that do not say it themselves."""

    def test_projection(self):
        px = 2 * HALF / 1024
        array = np.random.default_rng(6).integers(0, 255, (3, 300, 400),
                                                  dtype=np.uint8)
        place = (-HALF + 100 * px, px, 0, HALF - 200 * px, 0, -px)
        says = self.picture("says.tif", array, place, 3857)
        silent = self.picture("silent.tif", array, place, None)
        temp = self.path("temp")
        os.mkdir(temp)
        want = self.build("--format", "png", says, name="says")
        got = self.build("--format", "png", "--crs", "EPSG:3857", "--temp-dir", temp,
                         silent, name="told")
        self.assertEqual(set(got.files), set(want.files))
        for at in want.files:
            self.assertTrue((got.array(*at) == want.array(*at)).all(), at)
        self.assertEqual(os.listdir(temp), [])

    def test_a_projection_that_is_none(self):
        silent = self.picture("silent.tif", solid((1, 2, 3)), WORLD, None)
        result = run("build", "-q", "-o", self.path("x.imbrex"), "--crs", "EPSG:nothing",
                     silent)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("EPSG:nothing", result.stderr)
        self.assertFalse(os.path.exists(self.path("x.imbrex")))

    def test_nodata(self):
        holed = solid((0, 255, 0))
        holed[:, 4:12, 4:12] = 7
        says = self.picture("says.tif", holed, WORLD, nodata=7)
        silent = self.picture("silent.tif", holed, WORLD)
        options = ("--format", "png", "--zoom", "2", "--resampling", "nearest")
        want = self.build(*options, says, name="says")
        got = self.build(*options, "--nodata", "7", silent, name="told")
        self.assertEqual({at: got.array(*at).tobytes() for at in got.files},
                         {at: want.array(*at).tobytes() for at in want.files})
        self.assertEqual(min(t[..., 3].min() for t in map(lambda a: got.array(*a),
                                                          got.files)), 0)

    def test_a_folder_for_unfinished_work_that_is_not_there(self):
        source = self.picture("red.tif", solid((255, 0, 0)), WORLD)
        result = run("build", "-q", "-o", self.path("x.imbrex"), "--temp-dir",
                     self.path("nowhere"), source)
        self.assertEqual(result.returncode, 1)
        self.assertIn("nowhere", result.stderr)
        self.assertFalse(os.path.exists(self.path("x.imbrex")))


class Edges(RasterCase):
    def test_neighbours_meet_without_a_seam(self):
        # A ramp: across every tile's edge it goes on as inside.
        columns = np.tile(np.linspace(0, 255, 720, dtype=np.float32), (360, 1))
        source = self.picture("ramp.tif", columns[None], (-180, 0.5, 0, 90, 0, -0.5),
                              kind=gdal.GDT_Float32)
        tiles = self.build("--format", "png", "--scale", "0:255", "--zoom", "4", source)
        picture = tiles.mosaic(4, (0, 0, 16, 16))[..., 0].astype(int)
        steps = np.abs(np.diff(picture, axis=1))
        self.assertLessEqual(steps.max(), 1)
        self.assertLessEqual(np.abs(np.diff(picture, axis=0)).max(), 1)

    def check_antimeridian(self, source):
        tiles = self.build("--format", "png", "--zoom", "0-4", source)
        xs = {x for (z, x, y) in tiles.files if z == 4}
        self.assertEqual(xs, {0, 15})
        west, east = tiles.array(4, 15, 8), tiles.array(4, 0, 8)
        self.assertEqual(tuple(west[128, 250]), (10, 200, 30, 255))
        self.assertEqual(tuple(east[128, 5]), (10, 200, 30, 255))
        # From 170 E to 170 W: 10 of a tile's 22.5 degrees on both sides.
        self.assertAlmostEqual((west[128, :, 3] > 0).sum(), 10 / 22.5 * 256, delta=2)
        self.assertAlmostEqual((east[128, :, 3] > 0).sum(), 10 / 22.5 * 256, delta=2)
        lon, lat, _ = tiles.tilejson["center"]
        self.assertAlmostEqual(abs(lon), 180, places=3)
        self.assertEqual(tiles.tilejson["bounds"][0::2], [-180, 180])

    def test_degrees_across_the_antimeridian(self):
        self.check_antimeridian(self.picture(
            "dateline.tif", solid((10, 200, 30), 40, 80), (170, 0.25, 0, -5, 0, -0.25)))

    def test_mercator_across_the_antimeridian(self):
        metres = HALF / 180
        self.check_antimeridian(self.picture(
            "dateline.tif", solid((10, 200, 30), 40, 80),
            (170 * metres, 0.25 * metres, 0, -5 * metres, 0, -0.25 * metres), 3857))

    def test_mercator_on_the_grid_across_the_antimeridian(self):
        px = 2 * HALF / 4096
        rgb = np.random.default_rng(1).integers(1, 255, (3, 64, 200), dtype=np.uint8)
        source = self.picture("grid.tif", rgb, (HALF - 100 * px, px, 0, 0, 0, -px), 3857)
        tiles = self.build("--format", "png", "--zoom", "4", source)
        left, right = tiles.array(4, 15, 8), tiles.array(4, 0, 8)
        joined = np.concatenate([left[:64, 156:], right[:64, :100]], axis=1)
        self.assertTrue((joined[..., :3] == rgb.transpose(1, 2, 0)).all())

    def test_degrees_from_0_to_360(self):
        rgb = np.zeros((3, 180, 360), np.uint8)
        rgb[0] = np.arange(360) % 256
        rgb[1] = 100 * (np.arange(360) >= 180)
        source = self.picture("pacific.tif", rgb, (0, 1, 0, 90, 0, -1))
        tiles = self.build("--format", "png", "--zoom", "2", "--resampling", "nearest",
                           source)
        self.assertEqual(len(tiles.files), 16)
        self.assertEqual(tiles.array(2, 0, 1)[128, 128][1], 100)  # 157.5 W
        self.assertEqual(tiles.array(2, 3, 1)[128, 128][1], 0)    # 157.5 E
        self.assertEqual(tiles.tilejson["bounds"][0::2], [-180, 180])

    def test_a_pole_inside_the_picture(self):
        rgb = solid((50, 60, 70), 200, 200)
        source = self.picture("arctic.tif", rgb, (-3e6, 3e4, 0, 3e6, 0, -3e4), 3413)
        tiles = self.build("--format", "png", "--zoom", "3", source)
        self.assertEqual({(x, y) for (_, x, y) in tiles.files if y == 0},
                         {(x, 0) for x in range(8)})
        for x in range(8):
            top = tiles.array(3, x, 0)[:200]
            self.assertTrue((top == (50, 60, 70, 255)).all(), x)

    def test_bbox_cuts_to_the_pixel(self):
        red = self.picture("red.tif", solid((255, 0, 0)), WORLD)
        tiles = self.build("--format", "png", "--zoom", "2", "--bbox", "-45,-45,22.5,30", red)
        self.assertEqual(tiles.tilejson["bounds"], [-45, -45, 22.5, 30])
        row = tiles.mosaic(2, (0, 0, 4, 4))[512, :, 3]
        self.assertEqual(np.flatnonzero(row).tolist(), list(range(384, 576)))

    def test_bbox_across_the_antimeridian(self):
        red = self.picture("red.tif", solid((255, 0, 0)), WORLD)
        tiles = self.build("--format", "png", "--zoom", "2", "--bbox", "135,-30,-135,30", red)
        row = tiles.mosaic(2, (0, 0, 4, 4))[512, :, 3]
        self.assertEqual(np.flatnonzero(row).tolist(),
                         list(range(0, 128)) + list(range(896, 1024)))


class Inputs(RasterCase):
    def test_rotated_geotransform(self):
        # 45 degrees: a diamond around 0, 0.
        source = self.picture("turned.tif", solid((9, 99, 199), 100, 100),
                              (-10, 0.1, 0.1, 0, 0.1, -0.1))
        tiles = self.build("--format", "png", "--zoom", "5", source)
        picture = tiles.mosaic(5, (15, 15, 17, 17))
        self.assertEqual(picture[256, 256, 3], 255)
        self.assertEqual(picture[256 - 200, 256 - 200, 3], 0)

    def test_control_points(self):
        path = self.picture("gcp.tif", solid((9, 99, 199), 50, 50), (0, 1, 0, 0, 0, -1))
        made = self.path("gcp.vrt")
        corners = [gdal.GCP(10, 50, 0, 0, 0), gdal.GCP(20, 50, 0, 50, 0),
                   gdal.GCP(10, 40, 0, 0, 50), gdal.GCP(20, 40, 0, 50, 50)]
        gdal.Translate(made, path, format="VRT", GCPs=corners, outputSRS="EPSG:4326",
                       noData=None)
        tiles = self.build("--format", "png", made)
        west, south, east, north = tiles.tilejson["bounds"]
        for got, want in ((west, 10), (south, 40), (east, 20), (north, 50)):
            self.assertAlmostEqual(got, want, places=3)

    def palette(self, nodata):
        path = self.path("classes.tif")
        made = gdal.GetDriverByName("GTiff").Create(path, 64, 32, 1, gdal.GDT_Byte)
        made.SetGeoTransform(WORLD)
        made.SetProjection("EPSG:4326")
        table = gdal.ColorTable()
        for i, colour in enumerate([(0, 0, 0, 255), (255, 0, 0, 255), (0, 0, 255, 255)]):
            table.SetColorEntry(i, colour)
        band = made.GetRasterBand(1)
        band.SetColorTable(table)
        if nodata is not None:
            band.SetNoDataValue(nodata)
        band.WriteArray((np.indices((32, 64)).sum(axis=0) % 3).astype(np.uint8))
        made = None
        return path

    def test_palette_keeps_its_classes(self):
        tiles = self.build("--format", "png", "--zoom", "0-3", "--resampling", "nearest",
                           self.palette(0))
        for at, path in tiles.files.items():
            t = tile_array(path)
            colours = {tuple(c) for c in np.unique(t.reshape(-1, 4), axis=0)}
            self.assertLessEqual(colours, {(0, 0, 0, 0), (255, 0, 0, 255), (0, 0, 255, 255)})
            tile = gdal.Open(path)
            self.assertIsNotNone(tile.GetRasterBand(1).GetColorTable(), at)

    def test_palette_is_blended_as_colours(self):
        tiles = self.build("--format", "png", "--zoom", "3", self.palette(None))
        reds = np.unique(tiles.mosaic(3)[..., 0])
        self.assertGreater(len(reds), 10)

    def test_tiles_of_512_pixels(self):
        source = data("raster/RGB.byte.tif")
        big = self.build("--format", "png", "--tile-size", "512", source, name="big")
        small = self.build("--format", "png", source, name="small")
        self.assertEqual(big.max_zoom + 1, small.max_zoom)
        rect = big.rect(8)
        twice = tuple(2 * v for v in rect)
        a, b = big.mosaic(8, rect).astype(int), small.mosaic(9, twice).astype(int)
        self.assertLessEqual(np.abs(a - b).max(), 1)

    def test_grey_stays_grey(self):
        grey = np.random.default_rng(2).integers(0, 255, (1, 256, 256), dtype=np.uint8)
        px = 2 * HALF / 256
        source = self.picture("grey.tif", grey, (-HALF, px, 0, HALF, 0, -px), 3857)
        tiles = self.build("--format", "png", source)
        tile = gdal.Open(tiles.files[0, 0, 0])
        self.assertEqual(tile.RasterCount, 1)
        self.assertTrue((tile.ReadAsArray() == grey[0]).all())

    def test_world_file_without_coordinate_system(self):
        for suffix in ("jpg", "jgw"):
            shutil.copy(data(f"raster/bmng_4326_5400x2700.{suffix}"), self.folder)
        tiles = self.build("--zoom", "0", self.path("bmng_4326_5400x2700.jpg"))
        self.assertEqual(tiles.tilejson["bounds"][0::2], [-180, 180])

    def test_smaller_zooms_than_the_picture_has(self):
        source = data("raster/bluemarble_3857_16384.tif")
        tiles = self.build("--format", "png", "--zoom", "0-3", "--bbox", "0,0,45,66", source)
        self.assertEqual(len(tiles.files), 1 + 1 + 1 + 2)
        # As if all zooms had been made and the deep ones thrown away.
        deep = self.build("--format", "png", "--zoom", "0-6", "--bbox", "0,0,45,66", source,
                          name="deep")
        a, b = tiles.array(3, 4, 2), deep.array(3, 4, 2)
        off = np.abs(a.astype(int) - b.astype(int))[16:-16, 16:-16]
        self.assertLess(off.mean(), 3)


class Texts(RasterCase):
    def test_tilejson_and_report(self):
        source = data("raster/RGB.byte.tif")
        out = self.path("named.imbrex")
        result = run("build", "--json", "-q", "-o", out, "--name", 'A "name"\n',
                     "--attribution", "(c) me", "--description", "d", source)
        self.assertEqual(result.returncode, 0, result.stderr)
        told = json.loads(result.stdout)
        tiles = self.dump(out, "named")
        self.assertEqual(told["report"], tiles.report)
        text = tiles.tilejson
        self.assertEqual((text["tilejson"], text["name"], text["attribution"],
                          text["description"]), ("3.0.0", 'A "name"\n', "(c) me", "d"))
        self.assertEqual((text["minzoom"], text["maxzoom"]), (4, 9))
        counts = {z["zoom"]: z["tiles"] for z in tiles.report["zooms"]}
        for z, n in counts.items():
            self.assertEqual(n, sum(1 for at in tiles.files if at[0] == z))
        self.assertEqual(tiles.report["bytes"],
                         sum(os.path.getsize(p) for p in tiles.files.values()))

    def test_world_begins_at_zoom_0(self):
        tiles = self.build("--zoom", "auto", self.picture("w.tif", solid((1, 2, 3)), WORLD))
        self.assertEqual(tiles.tilejson["minzoom"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
