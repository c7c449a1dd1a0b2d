"""Every good container goes in and comes out again as it was."""
import hashlib
import json
import pathlib

from containers import (DATA, Archive, folder_files, folder_tiles,
                        fresh_folder, mbtiles_metadata, mbtiles_tiles,
                        need_data, open_mbtiles, tiler)


def beside(path):
    return sorted(p.name for p in path.parent.iterdir())


def import_untouched(path, out):
    """Imports, and sees that neither the file nor its folder changed."""
    before = hashlib.sha256(path.read_bytes()).digest(), beside(path)
    tiler("import", "--drop-grids", "-o", out, path)
    assert (hashlib.sha256(path.read_bytes()).digest(), beside(path)) == before


def exported(tileset, out):
    tiler("export", "-o", out, tileset)
    return out


def check_mbtiles(path, work):
    import_untouched(path, work / "a.imbrex")
    tiles, rows = mbtiles_tiles(path), mbtiles_metadata(path)
    again = exported(work / "a.imbrex", work / "a.mbtiles")
    assert mbtiles_tiles(again) == tiles
    assert mbtiles_metadata(again) == rows
    check = open_mbtiles(again).execute("PRAGMA integrity_check").fetchall()
    assert check == [("ok",)], check
    # By way of PMTiles and back: tiles, and the text of every row.
    archive = exported(work / "a.imbrex", work / "a.pmtiles")
    assert Archive(archive).tiles() == tiles
    tiler("import", "-o", work / "b.imbrex", archive)
    back = exported(work / "b.imbrex", work / "b.mbtiles")
    assert mbtiles_tiles(back) == tiles
    assert mbtiles_metadata(back)[:len(rows)] == rows
    # By way of a folder and back.
    tiler("export", "-o", f"{work}/folder/", work / "a.imbrex")
    assert folder_tiles(work / "folder") == tiles
    tiler("import", "-o", work / "c.imbrex", work / "folder")
    back = exported(work / "c.imbrex", work / "c.mbtiles")
    assert mbtiles_tiles(back) == tiles
    assert mbtiles_metadata(back)[:len(rows)] == rows


def check_pmtiles(path, work):
    import_untouched(path, work / "a.imbrex")
    was = Archive(path)
    now = Archive(exported(work / "a.imbrex", work / "a.pmtiles"))
    assert now.tiles() == was.tiles()
    assert now.metadata() == was.metadata()
    assert now.place == was.place
    assert (now.kind, now.compression) == (was.kind, was.compression)
    assert (now.min_zoom, now.max_zoom) == (was.min_zoom, was.max_zoom)
    assert now.addressed == sum(run for _, run, _, _ in was.listed)
    assert now.clustered == 1
    assert now.root_off + now.root_len <= 16384
    assert len(now.raw) <= len(was.raw) * 1.01, (len(now.raw), len(was.raw))
    # Nothing between or behind the sections.
    assert len(now.raw) == 127 + (now.root_len + now.meta_len +
                                  now.leaf_len + now.tile_len)
    assert mbtiles_tiles(exported(work / "a.imbrex",
                                  work / "a.mbtiles")) == was.tiles()


def check_folder(path, work):
    tiler("import", "-o", work / "a.imbrex", path)
    tiler("export", "-o", f"{work}/folder/", work / "a.imbrex")
    assert folder_files(work / "folder") == folder_files(path)
    assert Archive(exported(work / "a.imbrex", work / "a.pmtiles")
                   ).tiles() == folder_tiles(path)
    if path.name.startswith("mvt"):
        check_layers(path, work)


def check_layers(path, work):
    """Without metadata the list of layers comes from the tiles, and stays
    through an extract and an edit."""
    tiler("extract", "-o", work / "e.imbrex", work / "a.imbrex")
    tiler("edit", "--name", "Layers", work / "e.imbrex")
    rows = dict(mbtiles_metadata(exported(work / "e.imbrex",
                                          work / "a.mbtiles")))
    layers = json.loads(rows[b"json"])["vector_layers"]
    z, x, y = sorted(folder_tiles(path))[0]
    decoded = json.loads(tiler("tile", "--decode", work / "e.imbrex", z, x,
                               y)[0])
    for feature in decoded["features"]:
        layer, = [l for l in layers if l["id"] == feature["layer"]]
        assert layer["minzoom"] <= z <= layer["maxzoom"]
        for key, value in feature["properties"].items():
            kind = ("Boolean" if isinstance(value, bool) else
                    "String" if isinstance(value, str) else "Number")
            assert layer["fields"][key] in (kind, "String"), (key, value)


def check_determinism(path, work):
    """The same tiles in another container make the same packs."""
    tiler("import", "-o", work / "a.imbrex", path)
    tiler("import", "-o", work / "b.imbrex", path)
    assert folder_files(work / "a.imbrex") == folder_files(work / "b.imbrex")
    exported(work / "a.imbrex", work / "a.pmtiles")
    tiler("import", "-o", work / "c.imbrex", work / "a.pmtiles")
    packs = [{name for name in folder_files(work / t) if "packs/" in name}
             for t in ("a.imbrex", "c.imbrex")]
    assert packs[0] == packs[1]


def check_tilejson(work):
    """What a map program reads follows from metadata and tiles."""
    tiler("import", "--name", "Cities", "-o", work / "a.imbrex",
          DATA / "mbtiles/world_cities.mbtiles")
    texts = b"".join(data for name, data in
                     folder_files(work / "a.imbrex").items()
                     if name.endswith(".ibm"))
    start = texts.index(b'{"tilejson"')
    tilejson, _ = json.JSONDecoder().raw_decode(texts[start:].decode(
        "utf-8", "replace"))
    assert tilejson["name"] == "Cities"
    assert (tilejson["minzoom"], tilejson["maxzoom"]) == (0, 6)
    assert tilejson["bounds"] == [-123.12359, -37.818085, 174.763027,
                                  59.352706]
    assert tilejson["vector_layers"][0]["id"] == "cities"


def main():
    need_data("mbtiles", "pmtiles", "xyz")
    checks = {"mbtiles": check_mbtiles, "pmtiles": check_pmtiles,
              "xyz": check_folder}
    for kind, check in checks.items():
        for path in sorted((DATA / kind).iterdir()):
            with fresh_folder() as work:
                print(f"{kind}: {path.name}", flush=True)
                check(path, pathlib.Path(work))
    with fresh_folder() as work:
        check_determinism(DATA / "mbtiles/plain_1.mbtiles", pathlib.Path(work))
    with fresh_folder() as work:
        check_tilejson(pathlib.Path(work))


main()
