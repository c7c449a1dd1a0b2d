"""copy, extract, merge, diff, edit, stats and tile, against what they should
do to a plain dictionary of tiles."""
import gzip
import json
import math
import pathlib
import random
import subprocess

from containers import (DATA, TILER, Archive, folder_files, fresh_folder,
                        need_data, tiler, varint)


def tiles_of(tileset, work):
    out = work / "look.pmtiles"
    tiler("export", "--replace", "-o", out, tileset)
    return Archive(out).tiles()


def result(*arguments):
    return json.loads(tiler(*arguments, "--json")[0])


def verified(tileset):
    tiler("verify", tileset)
    return tileset


def diff(old, new):
    """(exit code, result) of diff --json."""
    done = subprocess.run([TILER, "diff", "--json", "--list", old, new],
                          capture_output=True, text=True, timeout=60,
                          check=False)
    return done.returncode, json.loads(done.stdout)


def bounds(z, x, y):
    def lat(row):
        return math.degrees(math.atan(math.sinh(
            math.pi * (1 - 2 * row / 2 ** z))))
    return x / 2 ** z * 360 - 180, lat(y + 1), (x + 1) / 2 ** z * 360 - 180, lat(y)


def inside(tile, box):
    west, south, east, north = bounds(*tile)
    return (west < box[2] and east > box[0] and
            south < box[3] and north > box[1])


def check_copy(source, all_tiles, work):
    copied = result("copy", "-o", work / "copy.imbrex", source)
    assert copied["packs_linked"] == copied["packs"] > 50
    assert tiles_of(verified(work / "copy.imbrex"), work) == all_tiles
    assert diff(source, work / "copy.imbrex") == (
        0, {"added": 0, "removed": 0, "changed": 0, "metadata": [],
            "tiles": []})


def check_extract(source, all_tiles, work):
    box = (1.5, 42.5, 1.6, 42.6)
    part = result("extract", "--bbox", ",".join(map(str, box)), "-o",
                  work / "box.imbrex", source)
    want = {t: d for t, d in all_tiles.items() if inside(t, box)}
    assert 0 < len(want) < len(all_tiles)
    assert tiles_of(verified(work / "box.imbrex"), work) == want
    assert part["packs_linked"] > 0 and part["packs_cut"] > 0, part
    code, differences = diff(source, work / "box.imbrex")
    assert code == 1 and differences["removed"] == len(all_tiles) - len(want)
    # The same box as a polygon, with a hole that is no tile's place.
    polygon = {"type": "Polygon", "coordinates": [[
        [box[0], box[1]], [box[2], box[1]], [box[2], box[3]],
        [box[0], box[3]], [box[0], box[1]]]]}
    (work / "box.geojson").write_text(json.dumps(polygon))
    tiler("extract", "--polygon", work / "box.geojson", "-o",
          work / "polygon.imbrex", source)
    by_polygon = tiles_of(work / "polygon.imbrex", work)
    # A polygon also takes tiles that only touch its edge.
    assert want.items() <= by_polygon.items()
    zooms = tiles_of_zooms(source, work)
    assert zooms == {t: d for t, d in all_tiles.items() if 13 <= t[0] <= 14}


def tiles_of_zooms(source, work):
    tiler("extract", "--zoom", "13-14", "-o", work / "zooms.imbrex", source)
    info = Archive(work / "look.pmtiles")
    found = tiles_of(verified(work / "zooms.imbrex"), work)
    info = Archive(work / "look.pmtiles")
    assert (info.min_zoom, info.max_zoom) == (13, 14)
    return found


def check_merge(source, all_tiles, work):
    # Disjoint: linked, and what it was.
    tiler("extract", "--zoom", "0-16", "-o", work / "low.imbrex", source)
    tiler("extract", "--zoom", "17-30", "-o", work / "high.imbrex", source)
    merged = result("merge", "-o", work / "merged.imbrex", work / "low.imbrex",
                    work / "high.imbrex")
    assert merged["packs_met"] == 0 and merged["packs_linked"] > 50
    code, differences = diff(source, work / "merged.imbrex")
    assert (code, differences["added"], differences["removed"],
            differences["changed"]) == (0, 0, 0, 0), differences
    # Overlapping, and equal where they overlap: also with --conflict error.
    tiler("extract", "--bbox", "1.4,42.3,1.6,42.8", "-o",
          work / "west.imbrex", source)
    tiler("extract", "--bbox", "1.55,42.3,1.9,42.8", "-o",
          work / "east.imbrex", source)
    tiler("merge", "--conflict", "error", "-o", work / "halves.imbrex",
          work / "west.imbrex", work / "east.imbrex")
    assert tiles_of(verified(work / "halves.imbrex"), work) == all_tiles


def check_pack_size(source, _, work):
    """Packs larger than the default stay legal wherever they are linked to, and
    what is cut beside them is cut as they were."""
    source_of_bytes = random.Random(5)
    write_folder(work / "tiles", {
        (4, x, y): layer(source_of_bytes.randbytes(60000)) for x in range(12)
        for y in range(12)})
    tiler("import", "--pack-size", "16M", "-o", work / "large.imbrex",
          work / "tiles")
    packs = [len(data) for name, data in
             folder_files(work / "large.imbrex").items() if "packs/" in name]
    assert max(packs) > 4 << 20, max(packs)
    for command in (["copy"], ["extract"], ["extract", "--zoom", "4"],
                    ["extract", "--bbox", "-180,0,0,85"], ["merge", source]):
        tiler(*command, "--replace", "-o", work / "out.imbrex",
              work / "large.imbrex")
        verified(work / "out.imbrex")
    tiler("edit", "--name", "Large", work / "large.imbrex")
    verified(work / "large.imbrex")
    # Not asked otherwise, an extract of everything has the source's packs.
    tiler("extract", "-o", work / "all.imbrex", work / "large.imbrex")
    tiler("merge", "--pack-size", "64K", "-o", work / "own.imbrex",
          work / "large.imbrex")
    for name in ("all", "own"):
        assert sorted(len(data) for path, data in
                      folder_files(work / f"{name}.imbrex").items()
                      if "packs/" in path) == sorted(packs)
        verified(work / f"{name}.imbrex")


def write_folder(root, tiles):
    for (z, x, y), data in tiles.items():
        path = root / str(z) / str(x) / f"{y}.mvt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def layer(name, version=2):
    body = b"\x0a" + varint(len(name)) + name + b"\x78" + bytes([version])
    return b"\x1a" + varint(len(body)) + body


def check_conflicts(work):
    first = {(1, 0, 0): layer(b"a"), (1, 1, 0): layer(b"b")}
    second = {(1, 1, 0): layer(b"c"), (1, 1, 1): layer(b"d")}
    third = {(1, 1, 0): layer(b"b", 1)}
    for name, tiles in (("1", first), ("2", second), ("3", third)):
        write_folder(work / name, tiles)
        tiler("import", "-o", work / f"{name}.imbrex", work / name)
    inputs = work / "1.imbrex", work / "2.imbrex"
    tiler("merge", "-o", work / "last.imbrex", *inputs)
    assert tiles_of(work / "last.imbrex", work) == {**first, **second}
    tiler("merge", "--conflict", "first", "-o", work / "first.imbrex", *inputs)
    assert tiles_of(work / "first.imbrex", work) == {**second, **first}
    errors = tiler("merge", "--conflict", "error", "-o", work / "no.imbrex",
                   *inputs, code=1)[1]
    assert "1/1/0" in errors and "2.imbrex" in errors, errors
    assert not (work / "no.imbrex").exists()
    # The one in the middle counts too.
    errors = tiler("merge", "--conflict", "error", "-o", work / "no.imbrex",
                   work / "1.imbrex", work / "2.imbrex", work / "1.imbrex",
                   code=1)[1]
    assert "1/1/0" in errors and "2.imbrex" in errors, errors
    # By layer: all tiles' layers, of as many tiles as there are.
    tiler("merge", "--layers", "--conflict", "error", "-o",
          work / "layers.imbrex", *inputs, work / "1.imbrex")
    assert tiles_of(work / "layers.imbrex", work) == {
        **first, **second, (1, 1, 0): layer(b"b") + layer(b"c")}
    tiler("merge", "--conflict", "both", "-o", work / "no.imbrex", *inputs,
          code=2)
    code, differences = diff(*inputs)
    assert code == 1
    listed = {(key, *value) for entry in differences["tiles"]
              for key, value in entry.items()}
    assert listed == {("removed", 1, 0, 0), ("changed", 1, 1, 0),
                      ("added", 1, 1, 1)}


def field(number, data):
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    return varint(number << 3 | 2) + varint(len(data)) + data


def features_layer(name, features, extent=4096, version=2):
    """A layer of points (id, {key: text}, x, y)."""
    keys = sorted({key for _, tags, _, _ in features for key in tags})
    values = sorted({text for _, tags, _, _ in features
                     for text in tags.values()})
    out = field(1, name.encode())
    for number, tags, x, y in features:
        pairs = b"".join(varint(keys.index(k)) + varint(values.index(v))
                         for k, v in tags.items())
        point = varint(9) + varint(2 * x) + varint(2 * y)
        out += field(2, field(1, number) + field(2, pairs) + field(3, 1) +
                     field(4, point))
    out += b"".join(field(3, key.encode()) for key in keys)
    out += b"".join(field(4, field(1, text.encode())) for text in values)
    return field(3, out + field(5, extent) + field(15, version))


def decoded(tileset, z, x, y):
    """[(layer, id, properties, lon, lat)] of a tile, by `tile --decode`."""
    text = tiler("tile", "--decode", tileset, z, x, y)[0]
    return [(f["layer"], f["id"], f["properties"],
             *f["geometry"]["coordinates"])
            for f in json.loads(text)["features"]]


def check_layers_of_one_name(work):
    """Features of both, equal ones once, on the finer of two grids."""
    a, b = {"k": "1", "only": "a"}, {"k": "2", "z": "b"}
    shared = (7, {"k": "1", "z": "both"}, 128, 256)
    contents = {
        "1": features_layer("l", [(1, a, 64, 64), shared]),
        "2": field(3, field(1, b"other") + field(15, 2)) +
             features_layer("l", [(7, shared[1], 256, 512), (2, b, 100, 101)],
                            extent=8192),
        "3": features_layer("l", [(3, a, 1, 2)], extent=5000),
        "4": features_layer("l", [(4, b, 5, 6)]) +
             features_layer("l", [(5, b, 5, 6)])}
    for name, data in contents.items():
        write_folder(work / name, {(2, 1, 1): data})
        tiler("import", "-o", work / f"{name}.imbrex", work / name)
    inputs = work / "1.imbrex", work / "2.imbrex"
    tiler("merge", "--layers", "-o", work / "both.imbrex", *inputs)
    lon = lambda x: round((1 + x / 4096) / 4 * 360 - 180, 6)
    found = [(name, number, tags, round(x, 6)) for name, number, tags, x, _
             in decoded(verified(work / "both.imbrex"), 2, 1, 1)]
    assert found == [("l", 1, a, lon(64)), ("l", 7, shared[1], lon(128)),
                     ("l", 2, b, lon(50))], found
    assert b"other" in tiles_of(work / "both.imbrex", work)[2, 1, 1]
    # The list of layers says what there is now.
    layers = {entry["id"]: entry["fields"] for entry in json.loads(
        Archive(work / "look.pmtiles").metadata())["vector_layers"]}
    assert layers == {"l": {"k": "String", "only": "String", "z": "String"},
                      "other": {}}, layers
    for choice, name in (("first", "1"), ("last", "2")):
        tiler("merge", "--layers", "--conflict", choice, "-o",
              work / f"{choice}.imbrex", *inputs)
        assert ([f for f in decoded(work / f"{choice}.imbrex", 2, 1, 1)] ==
                decoded(work / f"{name}.imbrex", 2, 1, 1)), choice
    for name, cause in (("2", "differs"), ("3", "extents 4096 and 5000"),
                        ("4", "two layers of one name")):
        conflict = ["--conflict", "error"] if name == "2" else []
        errors = tiler("merge", "--layers", *conflict, "-o",
                       work / "no.imbrex", work / "1.imbrex",
                       work / f"{name}.imbrex", code=1)[1]
        assert "2/1/1" in errors and cause in errors, errors
        assert not (work / "no.imbrex").exists()


def check_layers_of_a_map(source, all_tiles, work):
    """Cut in two that overlap, and compressed in two ways, a map is itself."""
    tiler("extract", "--bbox", "1.4,42.3,1.6,42.8", "--recompress", "none",
          "-o", work / "west.imbrex", source)
    tiler("extract", "--bbox", "1.5,42.3,1.9,42.8", "-o", work / "east.imbrex",
          source)
    tiler("merge", "--layers", "--conflict", "error", "-o",
          work / "map.imbrex", work / "west.imbrex", work / "east.imbrex")
    found = tiles_of(verified(work / "map.imbrex"), work)
    assert found.keys() == all_tiles.keys()
    for place, data in found.items():
        plain = data if data[:2] != b"\x1f\x8b" else gzip.decompress(data)
        assert plain == gzip.decompress(all_tiles[place]), place


def check_derived_bounds(work):
    """Bounds that only the tiles gave stay with them."""
    write_folder(work / "1", {(3, 1, 2): layer(b"a"), (3, 2, 2): layer(b"b")})
    write_folder(work / "2", {(3, 6, 2): layer(b"a")})
    for name in "12":
        tiler("import", "-o", work / f"{name}.imbrex", work / name)
    tiler("extract", "-o", work / "extract.imbrex", work / "1.imbrex")
    tiler("copy", "-o", work / "edit.imbrex", work / "1.imbrex")
    tiler("edit", "--set", "key=value", work / "edit.imbrex")
    tiler("merge", "-o", work / "merge.imbrex", work / "1.imbrex",
          work / "2.imbrex")
    for name, east in (("extract", -45), ("edit", -45), ("merge", 135)):
        found = meta_bounds(work / f"{name}.imbrex")
        assert (found[0], found[2]) == (-135, east), (name, found)


def meta_bounds(tileset):
    current = (tileset / "CURRENT").read_text().strip()
    text = (tileset / current).read_bytes()
    text = text[text.index(b'"bounds":[') + 10:]
    return [float(n) for n in text[:text.index(b"]")].split(b",")]


def check_edit(source, all_tiles, work):
    tiler("copy", "-o", work / "edit.imbrex", source)
    packs = {name: data for name, data in
             folder_files(work / "edit.imbrex").items() if "packs/" in name}
    edited = result("edit", "--name", "New name", "--set", "key=value",
                    "--set", "list:=[1, 2]", "--unset", "description",
                    work / "edit.imbrex")
    assert edited["packs_written"] == 0
    assert {name: data for name, data in
            folder_files(work / "edit.imbrex").items()
            if "packs/" in name} == packs
    assert tiles_of(verified(work / "edit.imbrex"), work) == all_tiles
    metadata = json.loads(Archive(work / "look.pmtiles").metadata())
    assert metadata["name"] == "New name" and metadata["key"] == "value"
    assert metadata["list"] == [1, 2] and "description" not in metadata
    tiler("edit", "--set", "bounds=1,2,x,4", work / "edit.imbrex", code=1)
    tiler("edit", "--set", "nothing", work / "edit.imbrex", code=2)


def check_stats(source, all_tiles):
    zooms = {z["zoom"]: z for z in
             json.loads(tiler("stats", "--json", source)[0])["zooms"]}
    for zoom, stats in zooms.items():
        here = [d for t, d in all_tiles.items() if t[0] == zoom]
        sizes = sorted(map(len, here))
        assert stats["tiles"] == len(here)
        assert stats["unique"] == len(set(here))
        assert stats["bytes"] == sum(map(len, set(here)))
        assert stats["largest"] == sizes[-1]
        for percent in (50, 90, 99):
            exact = sizes[math.ceil(len(sizes) * percent / 100) - 1]
            assert exact <= stats[f"p{percent}"] <= exact * 1.016 + 1
    assert sum(z["tiles"] for z in zooms.values()) == len(all_tiles)


def check_tile(source, all_tiles):
    (z, x, y), data = sorted(all_tiles.items())[0]
    done = subprocess.run([TILER, "tile", source, str(z), str(x), str(y)],
                          capture_output=True, timeout=60, check=True)
    assert done.stdout == data
    features = json.loads(tiler("tile", "--decode", source, z, x, y)[0]
                          )["features"]
    layers = {feature["layer"] for feature in features}
    assert {feature["geometry"]["type"] for feature in features
            } <= {"LineString", "MultiLineString"}
    plain = gzip.decompress(data)
    assert layers and all(name.encode() in plain for name in layers)
    west, south, east, north = bounds(z, x, y)
    line = features[0]["geometry"]["coordinates"]
    lon, lat = line[0] if isinstance(line[0][0], float) else line[0][0]
    assert west - 1 < lon < east + 1 and south - 1 < lat < north + 1
    tiler("tile", source, 3, 0, 0, code=1)
    tiler("tile", source, 3, 8, 0, code=2)


def main():
    archive = "pmtiles/andorra_roads_z12-18_leafdirs.pmtiles"
    need_data(archive)
    all_tiles = Archive(DATA / archive).tiles()
    checks = (check_copy, check_extract, check_merge, check_edit,
              check_pack_size, check_layers_of_a_map)
    with fresh_folder() as base:
        source = pathlib.Path(base) / "source.imbrex"
        tiler("import", "--pack-size", "64K", "-o", source, DATA / archive)
        for check in checks:
            with fresh_folder() as work:
                print(check.__name__, flush=True)
                check(source, all_tiles, pathlib.Path(work))
        check_stats(source, all_tiles)
        check_tile(source, all_tiles)
    for check in (check_conflicts, check_layers_of_one_name,
                  check_derived_bounds):
        with fresh_folder() as work:
            print(check.__name__, flush=True)
            check(pathlib.Path(work))


main()
