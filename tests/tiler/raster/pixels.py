"""Tiles of real pictures against an independent warp by GDAL at the deepest
zoom, and every parent against an independent mean of its children."""

import unittest

import numpy as np
from osgeo import gdal

from raster import RasterCase, data, difference, tile_bounds


def warp(path, z, rect, size=256, method="bilinear", source_crs=None, kind=None,
         alpha=True):
    """Bands x rows x columns on the tiles' grid, with exact transformation."""
    x0, y0, x1, y1 = rect
    made = gdal.Warp(
        "", path, format="MEM", dstSRS="EPSG:3857", srcSRS=source_crs,
        outputBounds=tile_bounds(z, *rect), width=(x1 - x0) * size,
        height=(y1 - y0) * size, resampleAlg=method, dstAlpha=alpha,
        errorThreshold=0, outputType=kind or gdal.GDT_Unknown,
        overviewLevel="NONE",
        # Nothing is made smaller at the deepest zoom, so the kernel is plain;
        # left alone, the warper guesses from the shapes of its windows.
        warpOptions=["UNIFIED_SRC_NODATA=YES", "XSCALE=1", "YSCALE=1"])
    return made.ReadAsArray()


def mean_of_children(tiles, z, rect):
    """What zoom z should be, from the decoded pixels of zoom z + 1."""
    x0, y0, x1, y1 = rect
    below = tiles.mosaic(z + 1, (x0 * 2, y0 * 2, x1 * 2, y1 * 2)).astype(np.int64)
    four = [below[i::2, j::2] for i in (0, 1) for j in (0, 1)]
    weight = sum(f[..., 3] for f in four)
    out = np.zeros(four[0].shape, np.int64)
    out[..., 3] = np.floor(weight / 4 + 0.5)
    for c in range(3):
        total = sum(f[..., c] * f[..., 3] for f in four)
        out[..., c] = np.floor(total / np.maximum(weight, 1) + 0.5)
    out[out[..., 3] == 0] = 0
    return out


class Deepest(RasterCase):
    def compare(self, name, got, want, max_difference, mean_difference):
        """Colours where both are opaque; alpha may differ along edges only."""
        both = (got[..., 3] == 255) & (want[3] == 255)
        colours = want[:3].transpose(1, 2, 0)
        largest, mean = difference(got[..., :3][both], colours[both])
        disagree = float(((got[..., 3] > 0) != (want[3] > 0)).mean())
        print(f"{name}: max {largest:.0f}, mean {mean:.5f}, "
              f"{disagree:.6f} of the pixels disagree on being there", flush=True)
        self.assertGreater(both.sum(), 1000)
        self.assertLessEqual(largest, max_difference)
        self.assertLessEqual(mean, mean_difference)
        self.assertLess(disagree, 0.001)

    def check_parents(self, name, tiles):
        for z in range(tiles.max_zoom - 1, tiles.tilejson["minzoom"] - 1, -1):
            rect = tiles.rect(z)
            got = tiles.mosaic(z, rect)
            largest, _ = difference(got, mean_of_children(tiles, z, rect))
            self.assertEqual(largest, 0, f"{name}: zoom {z} is not the mean of "
                             f"zoom {z + 1}")

    def test_picture_on_the_grid_is_copied(self):
        source = data("raster/bluemarble_3857_16384.tif")
        tiles = self.build("--format", "png", "--bbox", "0,40,20,60", source)
        rect = (32, 18, 36, 25)
        got = tiles.mosaic(6, rect)
        x0, y0, x1, y1 = rect
        want = gdal.Open(source).ReadAsArray(x0 * 256, y0 * 256, (x1 - x0) * 256,
                                             (y1 - y0) * 256).transpose(1, 2, 0)
        inside = got[..., 3] == 255
        self.assertGreater(inside.mean(), 0.7)
        self.assertTrue((got[..., :3][inside] == want[inside]).all())
        self.check_parents("bluemarble", tiles)

    def test_plate_carree(self):
        source = data("raster/bmng_4326_5400x2700.jpg")
        tiles = self.build("--format", "png", "--bbox=-180,-85.06,-135,85.06", source)
        self.assertEqual(tiles.max_zoom, 5)
        rect = (0, 0, 4, 32)
        self.compare("bmng", tiles.mosaic(5, rect),
                     warp(source, 5, rect, source_crs="EPSG:4326"), 1, 0.001)
        self.check_parents("bmng", tiles)

    def test_utm_with_nodata(self):
        source = data("raster/RGB.byte.tif")
        tiles = self.build("--format", "png", source)
        self.assertEqual(tiles.max_zoom, 9)
        rect = tiles.rect(9)
        self.compare("RGB.byte", tiles.mosaic(9, rect), warp(source, 9, rect), 2, 0.01)
        self.check_parents("RGB.byte", tiles)

    def test_masked_cogs_are_copied(self):
        for name in ("128_none_z2", "256_lzw_z3", "512_deflate_z2", "512_jpeg_z5",
                     "512_webp_z5"):
            source = data(f"raster/cog/usda_naip_{name}.tif")
            tiles = self.build("--format", "png", source, name=name)
            self.assertEqual(tiles.max_zoom, 18)
            rect = tiles.rect(18)
            got = tiles.mosaic(18, rect)
            want = warp(source, 18, rect, method="near")
            shows = want[3] == 255
            self.assertTrue(((got[..., 3] == 255) == shows).all(), name)
            colours = want[:3].transpose(1, 2, 0)
            self.assertTrue((got[..., :3][shows] == colours[shows]).all(), name)
            self.check_parents(name, tiles)

    def test_polar_floats(self):
        source = data("raster/GA4886_VanderfordGlacier_epsg3031.cog.tif")
        low, high = -2400.0, 0.0
        tiles = self.build("--format", "png", "--scale", f"{low}:{high}", source)
        rect = tiles.rect(tiles.max_zoom)
        values = warp(source, tiles.max_zoom, rect, kind=gdal.GDT_Float32)
        grey = np.floor(np.clip((values[0] - low) * 255 / (high - low), 0, 255) + 0.5)
        # The alpha of a warp to floats counts to 1 or to 255 by version.
        shows = np.where(values[1] > 0, 255, 0)
        self.compare("polar", tiles.mosaic(tiles.max_zoom, rect),
                     np.stack([grey, grey, grey, shows]), 1, 0.002)
        self.check_parents("polar", tiles)

    def test_16_bit_grid(self):
        source = data("raster/gpm_1d.20240617.tif")
        tiles = self.build("--format", "png", "--scale", "0:4000", source)
        rect = tiles.rect(tiles.max_zoom)
        values = warp(source, tiles.max_zoom, rect, kind=gdal.GDT_Float32)
        grey = np.floor(np.clip(values[0] * 255 / 4000, 0, 255) + 0.5)
        shows = np.where(values[1] > 0, 255, 0)
        self.compare("gpm", tiles.mosaic(tiles.max_zoom, rect),
                     np.stack([grey, grey, grey, shows]), 1, 0.002)
        self.check_parents("gpm", tiles)

    def test_other_kernels(self):
        source = data("raster/RGB.byte.tif")
        for method in ("nearest", "cubic", "lanczos"):
            tiles = self.build("--format", "png", "--zoom", "9", "--resampling",
                               method, source, name=method)
            rect = tiles.rect(9)
            gdal_name = "near" if method == "nearest" else method
            got, want = tiles.mosaic(9, rect), warp(source, 9, rect, method=gdal_name)
            both = (got[..., 3] == 255) & (want[3] == 255)
            off = np.abs(got[..., :3][both].astype(int) -
                         want[:3].transpose(1, 2, 0)[both].astype(int))
            print(f"{method}: max {off.max()}, mean {off.mean():.5f}", flush=True)
            self.assertLess(off.mean(), 0.01)


class Heights(RasterCase):
    STEPS = {"terrarium": (1 / 256, -32768), "mapbox": (0.1, -10000)}

    def decode(self, rgba, encoding):
        step, lowest = self.STEPS[encoding]
        r, g, b = (rgba[..., c].astype(np.float64) for c in range(3))
        return (r * 65536 + g * 256 + b) * step + lowest

    def check(self, encoding, tolerance):
        source = data("raster/srtm_N42E001.hgt.zip")
        tiles = self.build("--encoding", encoding, source, name=encoding)
        self.assertEqual(tiles.tilejson["encoding"], encoding)
        z = tiles.max_zoom
        rect = tiles.rect(z)
        inner = f"/vsizip/{source}/N42E001.hgt"
        want = warp(inner, z, rect, kind=gdal.GDT_Float32)
        got = self.decode(tiles.mosaic(z, rect), encoding)
        there = (want[1] > 0) & (tiles.mosaic(z, rect)[..., 3] == 255)
        largest, mean = difference(got[there], want[0][there])
        print(f"{encoding}: max {largest:.5f} m, mean {mean:.5f} m", flush=True)
        self.assertGreater(there.mean(), 0.3)
        self.assertLess(mean, tolerance / 2)
        self.assertLess(np.quantile(np.abs(got[there] - want[0][there]), 0.999),
                        tolerance)
        return tiles, there

    def test_terrarium(self):
        tiles, _ = self.check("terrarium", 0.01)
        # Parents average heights: inside the picture, where nothing is unknown.
        z = tiles.max_zoom - 1
        x0, y0, x1, y1 = tiles.rect(z)
        below = self.decode(tiles.mosaic(z + 1, (x0 * 2, y0 * 2, x1 * 2, y1 * 2)),
                            "terrarium")
        mean = sum(below[i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4
        got = self.decode(tiles.mosaic(z, (x0, y0, x1, y1)), "terrarium")
        inside = sum((below[i::2, j::2] > 100).astype(int)
                     for i in (0, 1) for j in (0, 1)) == 4
        self.assertGreater(inside.sum(), 100000)
        self.assertLess(np.abs(got - mean)[inside].max(), 3 / 256)

    def test_mapbox(self):
        self.check("mapbox", 0.0501 + 0.005)


if __name__ == "__main__":
    unittest.main(verbosity=2)
