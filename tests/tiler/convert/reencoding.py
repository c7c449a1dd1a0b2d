"""--reencode: other formats with the same pixels, and nothing else changed."""
import json
import pathlib
import sys

from containers import (DATA, Archive, folder_files, fresh_folder,
                        mbtiles_metadata, mbtiles_tiles, need_data, tiler)

try:
    import numpy
    from osgeo import gdal
except ImportError:
    print("skipped: python3-gdal is not installed")
    sys.exit(77)

gdal.UseExceptions()
SIGNATURES = {"png": b"\x89PNG", "jpg": b"\xff\xd8\xff", "webp": b"RIFF"}


def pixels(data):
    """Rows of RGBA; the colour of what is transparent does not count."""
    gdal.FileFromMemBuffer("/vsimem/tile", data)
    tile = gdal.Open("/vsimem/tile")
    if tile.GetRasterBand(1).GetColorTable() is not None:
        tile = gdal.Translate("", tile, format="MEM", rgbExpand="rgba")
    bands = tile.ReadAsArray()
    if bands.ndim == 2:
        bands = numpy.stack([bands] * 3)
    if len(bands) == 2:
        bands = numpy.stack([bands[0]] * 3 + [bands[1]])
    if len(bands) == 3:
        bands = numpy.concatenate([bands, numpy.full_like(bands[:1], 255)])
    bands = bands.copy()
    bands[:3][:, bands[3] == 0] = 0
    return bands.astype(int)


def formats(tiles):
    return {name for data in tiles.values()
            for name, mark in SIGNATURES.items() if data.startswith(mark)}


def tiles_of(tileset, work):
    tiler("export", "--replace", "-o", work / "look.mbtiles", tileset)
    return mbtiles_tiles(work / "look.mbtiles")


def packs(tileset):
    return {name for name in folder_files(tileset) if "packs/" in name}


def check_lossless(original, source, work):
    tiler("import", "--drop-grids", "--reencode", "webp", "--quality", "100",
          "-o", work / "webp.imbrex", original)
    was, now = mbtiles_tiles(original), tiles_of(work / "webp.imbrex", work)
    assert formats(now) == {"webp"} and now.keys() == was.keys()
    for place, data in was.items():
        assert (pixels(data) == pixels(now[place])).all(), place
    # What is said of them is true, and all else as it was.
    rows = dict(mbtiles_metadata(work / "look.mbtiles"))
    before = dict(mbtiles_metadata(original))
    assert before.pop(b"format", b"png") == b"png"
    assert rows.pop(b"format", b"webp") == b"webp" and rows == before
    tiler("import", "--strict", "-o", work / "again.imbrex",
          work / "look.mbtiles")
    tiler("copy", "--reencode", "webp", "--quality", "100", "-o",
          work / "copy.imbrex", source)
    assert packs(work / "copy.imbrex") == packs(work / "webp.imbrex")
    tiler("verify", work / "copy.imbrex")
    # And back.
    tiler("extract", "--reencode", "png", "-o", work / "png.imbrex",
          work / "webp.imbrex")
    for place, data in tiles_of(work / "png.imbrex", work).items():
        assert (pixels(data) == pixels(was[place])).all(), place


def check_lossy(work):
    """A map with a clear border: white in JPEG, and left alone by auto."""
    source = work / "source.imbrex"
    tiler("build", "--format", "png", "-o", source, DATA / "raster/RGB.byte.tif")
    was = tiles_of(source, work)
    clear = {place for place, data in was.items()
             if (pixels(data)[3] < 255).any()}
    assert clear and clear != was.keys()
    errors = tiler("copy", "--reencode", "jpeg", "--quality", "95", "-o",
                   work / "jpeg.imbrex", source)[1]
    assert f"{len(clear)} tiles had transparent" in errors, errors
    tiler("copy", "--strict", "--reencode", "jpeg", "-o",
          work / "strict.imbrex", source, code=1)
    tiler("import", "--replace", "--strict", "--reencode", "jpeg", "-o",
          work / "strict.imbrex", work / "look.mbtiles", code=1)
    now = tiles_of(work / "jpeg.imbrex", work)
    assert formats(now) == {"jpg"}
    for place, data in now.items():
        want, alpha = pixels(was[place]), pixels(was[place])[3]
        want = (want * alpha + 255 * (255 - alpha) + 127) // 255
        difference = numpy.abs(pixels(data) - want)[:3]
        assert difference.mean() < 6, (place, difference.mean())
    # JPEG where it can be; what has to stay a PNG keeps its very bytes.
    tiler("copy", "--reencode", "auto", "-o", work / "auto.imbrex", source)
    now = tiles_of(work / "auto.imbrex", work)
    assert all(now[place] == was[place] for place in clear)
    assert formats({place: data for place, data in now.items()
                    if place not in clear}) == {"jpg"}


def check_kept(original, source, work):
    """The wanted format already, or no picture: the same bytes."""
    tiler("copy", "--reencode", "png", "-o", work / "same.imbrex", source)
    assert packs(work / "same.imbrex") == packs(source)
    vectors = DATA / "mbtiles/world_cities.mbtiles"
    tiler("import", "--reencode", "webp", "-o", work / "v.imbrex", vectors)
    assert tiles_of(work / "v.imbrex", work) == mbtiles_tiles(vectors)


def check_refused(original, source, work):
    folder = work / "folder"
    place, data = next(iter(mbtiles_tiles(original).items()))
    path = folder / "{}/{}/{}.png".format(*place)
    path.parent.mkdir(parents=True)
    bad = DATA / "malformed/crafted"
    for number, (name, cause) in enumerate({
            "png/trunc_idat.png": "decoded", "png/idat_bit_errors.png": "",
            "png/dims_100000x100000.png": "4096",
            "png/bomb_20000x20000_gray1.png": "4096",
            "jpeg/trunc_half.jpg": "decoded", "jpeg/dims_65500.jpg": "4096",
            }.items()):
        path.write_bytes((bad / name).read_bytes())
        errors = tiler("import", "--lenient", "--reencode", "webp", "-o",
                       work / "no.imbrex", folder, code=1)[1]
        assert "{}/{}/{}".format(*place) in errors.splitlines()[-1], errors
        assert cause in errors, (name, errors)
        assert not (work / "no.imbrex").exists(), number
    path.write_bytes(data)
    (folder / "metadata.json").write_text('{"encoding": "terrarium"}')
    errors = tiler("import", "--reencode", "jpeg", "-o", work / "no.imbrex",
                   folder, code=1)[1]
    assert "heights" in errors, errors
    tiler("import", "--reencode", "png", "-o", work / "yes.imbrex", folder)


def check_opaque(work):
    """A map of JPEGs: close to what it was, and smaller files are possible."""
    archive = DATA / "mbtiles/bluemarble_z0-3.mbtiles"
    was = mbtiles_tiles(archive)
    wanted = "webp" if formats(was) == {"jpg"} else "jpeg"
    tiler("import", "--reencode", wanted, "--quality", "90", "-o",
          work / "other.imbrex", archive)
    tiler("export", "-o", work / "other.pmtiles", work / "other.imbrex")
    made = Archive(work / "other.pmtiles")
    assert made.kind == (4 if wanted == "webp" else 3)
    for place, data in made.tiles().items():
        difference = numpy.abs(pixels(data) - pixels(was[place]))
        assert difference.mean() < 4, (place, difference.mean())
    assert json.loads(made.metadata())["format"].startswith(wanted[:2])


def main():
    original = DATA / "mbtiles/geography-class-png.mbtiles"
    need_data(original, "malformed")
    with fresh_folder() as base:
        source = pathlib.Path(base) / "source.imbrex"
        tiler("import", "--drop-grids", "-o", source, original)
        for check in (check_lossless, check_kept, check_refused):
            with fresh_folder() as work:
                print(check.__name__, flush=True)
                check(original, source, pathlib.Path(work))
    for check in (check_lossy, check_opaque):
        with fresh_folder() as work:
            print(check.__name__, flush=True)
            check(pathlib.Path(work))


main()
