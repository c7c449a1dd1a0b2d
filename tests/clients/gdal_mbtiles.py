"""GDAL's MBTiles driver reads our exports as it reads the originals: the same
pixels of rasters, the same features of vector tiles."""
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    from osgeo import gdal
except ImportError:
    print("skipped: python3-gdal is not installed")
    sys.exit(77)

gdal.UseExceptions()
TILER = os.environ["IMBREX_TILER"]
SOURCE = pathlib.Path(os.environ["IMBREX_SOURCE"])
DATA = pathlib.Path(os.environ.get("IMBREX_DATA", SOURCE / "../shared/data"))


def raster(path):
    dataset = gdal.OpenEx(str(path), gdal.OF_RASTER, ["MBTiles"])
    bands = [dataset.GetRasterBand(i + 1) for i in range(dataset.RasterCount)]
    return (dataset.RasterXSize, dataset.RasterYSize,
            dataset.GetGeoTransform(), [band.Checksum() for band in bands])


def vector(path):
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR, ["MBTiles"])
    found = {}
    for i in range(dataset.GetLayerCount()):
        layer = dataset.GetLayer(i)
        found[layer.GetName()] = sorted(
            feature.ExportToJson() for feature in layer)
    return found


def main():
    if not (DATA / "mbtiles").exists():
        print(f"skipped: {DATA / 'mbtiles'} is not there")
        return 77
    readers = {"bluemarble_z0-3": raster, "plain_1": raster,
               "geography-class-png": raster, "world_cities": vector}
    for name, read in readers.items():
        with tempfile.TemporaryDirectory(prefix="imbrex-gdal-") as work:
            original = pathlib.Path(work) / "original.mbtiles"
            # GDAL may write beside what it opens.
            original.write_bytes((DATA / f"mbtiles/{name}.mbtiles").read_bytes())
            for arguments in (
                    ["import", "--drop-grids", "-o", f"{work}/a.imbrex",
                     str(original)],
                    ["export", "-o", f"{work}/ours.mbtiles",
                     f"{work}/a.imbrex"]):
                subprocess.run([TILER, *arguments], check=True, timeout=60)
            assert read(f"{work}/ours.mbtiles") == read(original), name
            print(f"{name}: the same to GDAL", flush=True)
    return 0


sys.exit(main())
