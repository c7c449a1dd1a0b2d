"""Containers that the test data has no file of, made here: other schemas and
compressions, live logs, hostile views, caches, and what a format cannot hold."""
import gzip
import json
import pathlib
import resource
import shutil
import signal
import sqlite3
import struct
import subprocess
import zlib

from containers import (SANITIZED, TILER, Archive, folder_files, folder_tiles,
                        fresh_folder, mbtiles_metadata, mbtiles_tiles,
                        open_mbtiles, tiler, varint)


def png(seed):
    """A tiny valid PNG, different for each seed."""
    def chunk(kind, body):
        raw = kind + body
        return (struct.pack(">I", len(body)) + raw +
                struct.pack(">I", zlib.crc32(raw)))
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(b"\0" + seed.to_bytes(3, "big")))
            + chunk(b"IEND", b""))


def mvt(name):
    body = b"\x0a" + bytes([len(name)]) + name + b"\x78\x02"
    return b"\x1a" + bytes([len(body)]) + body


def database(path, script, tiles=(), table="tiles"):
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE metadata (name TEXT, value TEXT);"
        "INSERT INTO metadata VALUES ('name', 'made here');" + script)
    if tiles:
        connection.executemany(
            f"INSERT INTO {table} VALUES (?, ?, ?, ?)",
            [(z, x, (1 << z) - 1 - y, d) for (z, x, y), d in tiles.items()])
    connection.commit()
    return connection


PLAIN = ("CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER,"
         " tile_row INTEGER, tile_data BLOB);")
SOME = {(0, 0, 0): png(1), (1, 0, 0): png(2), (1, 1, 0): png(3),
        (2, 3, 1): png(2)}


def imported(source, work, *options):
    tiler("import", "--replace", *options, "-o", work / "t.imbrex", source)
    return work / "t.imbrex"


def tiles_of(tileset, work):
    tiler("export", "--replace", "-o", work / "look.mbtiles", tileset)
    return mbtiles_tiles(work / "look.mbtiles")


# ---- MBTiles ---------------------------------------------------------------


def check_schemas(work):
    """Tables and views, with and without index, planetiler's two tables."""
    database(work / "plain.mbtiles", PLAIN, SOME).close()
    assert tiles_of(imported(work / "plain.mbtiles", work), work) == SOME
    shallow = database(work / "shallow.mbtiles", """
        CREATE TABLE tiles_shallow (zoom_level INTEGER, tile_column INTEGER,
            tile_row INTEGER, tile_data_id INTEGER,
            PRIMARY KEY (zoom_level, tile_column, tile_row)) WITHOUT ROWID;
        CREATE TABLE tiles_data (tile_data_id INTEGER PRIMARY KEY,
            tile_data BLOB);
        CREATE VIEW tiles AS SELECT tiles_shallow.zoom_level AS zoom_level,
            tiles_shallow.tile_column AS tile_column,
            tiles_shallow.tile_row AS tile_row,
            tiles_data.tile_data AS tile_data FROM tiles_shallow
            JOIN tiles_data USING (tile_data_id);""")
    for number, ((z, x, y), data) in enumerate(SOME.items()):
        shallow.execute("INSERT INTO tiles_shallow VALUES (?, ?, ?, ?)",
                        (z, x, (1 << z) - 1 - y, number))
        shallow.execute("INSERT INTO tiles_data VALUES (?, ?)", (number, data))
    shallow.commit()
    shallow.close()
    assert tiles_of(imported(work / "shallow.mbtiles", work), work) == SOME


def check_live_log(work):
    """Pages that are only in the write-ahead log count, and neither the log
    nor anything else beside the file is touched."""
    folder = work / "live"
    folder.mkdir()
    writer = database(work / "live.mbtiles", PLAIN, SOME)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("PRAGMA wal_autocheckpoint=0")
    writer.execute("INSERT INTO tiles VALUES (3, 0, 0, ?)", (png(9),))
    writer.commit()
    # As after a crash: the file and its log, without the log's index.
    for suffix in ("", "-wal"):
        shutil.copy(work / f"live.mbtiles{suffix}", folder)
    writer.close()
    assert (folder / "live.mbtiles-wal").stat().st_size > 0
    before = folder_files(folder)
    tileset = imported(folder / "live.mbtiles", work)
    assert folder_files(folder) == before
    assert tiles_of(tileset, work) == {**SOME, (3, 0, 7): png(9)}
    (folder / "live.mbtiles-wal").rename(folder / "live.mbtiles-journal")
    errors = tiler("import", "-o", work / "no.imbrex", folder / "live.mbtiles",
                   code=1)[1]
    assert "journal" in errors, errors


def check_grids(work):
    database(work / "grids.mbtiles", PLAIN +
             "CREATE TABLE grids (zoom_level, tile_column, tile_row, grid);"
             "INSERT INTO grids VALUES (0, 0, 0, x'00');", SOME).close()
    errors = tiler("import", "-o", work / "no.imbrex", work / "grids.mbtiles",
                   code=1)[1]
    assert "--drop-grids" in errors, errors
    tileset = imported(work / "grids.mbtiles", work, "--drop-grids")
    assert tiles_of(tileset, work) == SOME


VIEW = ("CREATE TABLE n (i INTEGER, d BLOB);"
        "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c"
        " WHERE i < 199) INSERT INTO n SELECT i, zeroblob(2000) FROM c;"
        "CREATE VIEW tiles AS ")
COLUMNS = "AS zoom_level, 0 AS tile_column, 0 AS tile_row,"
HOSTILE = {
    "endless recursion":
        f"WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT 0 FROM c)"
        f" SELECT i {COLUMNS} x'00' AS tile_data FROM c",
    "endless search":
        f"SELECT 0 {COLUMNS} a.d AS tile_data FROM n a, n b, n c, n d, n e"
        " WHERE a.i + b.i + c.i + d.i + e.i < 0",
    "endless rows":
        f"SELECT 0 {COLUMNS} a.d AS tile_data FROM n a, n b, n c, n d, n e",
    "large values": f"SELECT 0 {COLUMNS} zeroblob(500000000) AS tile_data",
    "random values": f"SELECT i {COLUMNS} randomblob(1000) AS tile_data FROM n",
    "table-valued functions":
        f"SELECT value {COLUMNS} x'00' AS tile_data FROM json_each('[0,1]')",
    "its own schema":
        f"SELECT 0 {COLUMNS} CAST(sql AS BLOB) AS tile_data FROM sqlite_master",
}


def check_hostile_views(work):
    limits = "-t 60" if SANITIZED else "-v 4000000 -t 10"
    for label, select in HOSTILE.items():
        path = work / "hostile.mbtiles"
        path.unlink(missing_ok=True)
        database(path, VIEW + select).close()
        done = subprocess.run(
            ["bash", "-c", f'ulimit {limits}; exec "$@"', "-", TILER,
             "import", "-o", work / "no.imbrex", path],
            capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1, (label, done.returncode, done.stderr)
        assert str(path) in done.stderr, (label, done.stderr)
        assert not (work / "no.imbrex").exists(), label
        print(f"  {label}: {done.stderr.strip().split(': ', 2)[2]}")


# ---- PMTiles ---------------------------------------------------------------


def directory(entries):
    """Entries (id, run, offset, length)."""
    out = varint(len(entries))
    ids = [entry[0] for entry in entries]
    out += b"".join(varint(b - a) for a, b in zip([0] + ids, ids))
    out += b"".join(varint(entry[1]) for entry in entries)
    out += b"".join(varint(entry[3]) for entry in entries)
    return out + b"".join(varint(entry[2] + 1) for entry in entries)


def archive(path, entries, data, pack=lambda raw: raw, internal=1, leaf=False):
    root, leaves = directory(entries), b""
    if leaf:
        leaves = pack(root)
        root = directory([(entries[0][0], 0, 0, len(leaves))])
    root, metadata = pack(root), pack(b'{"name":"made here"}')
    spans, at = [], 127
    for part in (root, metadata, leaves, data):
        spans += [at, len(part)]
        at += len(part)
    header = b"PMTiles\x03" + struct.pack("<11Q", *spans, 0, 0, 0)
    header += bytes([0, internal, 1, 2, 0, 2])
    header += struct.pack("<4iB2i", -10, -10, 10, 10, 0, 0, 0)
    path.write_bytes(header + root + metadata + leaves + data)


def zstd(raw):
    return subprocess.run(["zstd", "-qc"], input=raw, capture_output=True,
                          check=True).stdout


def check_pmtiles_forms(work):
    a, b = png(1), png(2)
    # Runs over the border of two zooms, contents in no order, and shared.
    entries = [(0, 3, len(b), len(a)), (3, 2, 0, len(b)), (6, 1, 0, len(b))]
    want = {(0, 0, 0): a, (1, 0, 0): a, (1, 0, 1): a, (1, 1, 1): b,
            (1, 1, 0): b, (2, 1, 0): b}
    packs = {1: lambda raw: raw, 2: gzip.compress}
    if shutil.which("zstd"):
        packs[4] = zstd
    for internal, pack in packs.items():
        for leaf in (False, True):
            path = work / "made.pmtiles"
            archive(path, entries, b + a, pack, internal, leaf)
            found = tiles_of(imported(path, work), work)
            assert found == want, (internal, leaf, sorted(found))


def check_leaf_directories(work):
    """Too many entries for one directory: leaves, and a root of 16 KiB."""
    tiles = {(9, x, y): png(x * 512 + y) for x in range(160) for y in range(160)}
    database(work / "many.mbtiles", PLAIN, tiles).close()
    tileset = imported(work / "many.mbtiles", work)
    tiler("export", "-o", work / "many.pmtiles", tileset)
    made = Archive(work / "many.pmtiles")
    assert made.leaves > 1 and made.leaf_len > 0
    assert made.root_off + made.root_len <= 16384
    assert made.tiles() == tiles
    assert made.contents == len(set(tiles.values()))
    again = imported(work / "many.pmtiles", work)
    assert tiles_of(again, work) == tiles


# ---- what a container cannot hold ------------------------------------------


def check_present_but_empty(work):
    tiles = {**SOME, (2, 0, 0): b"", (2, 2, 2): b""}
    database(work / "empty.mbtiles", PLAIN, tiles).close()
    tileset = imported(work / "empty.mbtiles", work)
    assert tiles_of(tileset, work) == tiles
    errors = tiler("export", "-o", work / "e.pmtiles", tileset)[1]
    assert "2 tiles that are present but empty" in errors, errors
    assert Archive(work / "e.pmtiles").tiles() == SOME
    tiler("export", "--strict", "--replace", "-o", work / "e.pmtiles", tileset,
          code=1)
    tiler("export", "-o", f"{work}/folder/", tileset)
    assert folder_tiles(work / "folder") == tiles


def check_mixture_and_recompress(work):
    tiles = {(0, 0, 0): mvt(b"a"), (1, 0, 0): gzip.compress(mvt(b"b"))}
    database(work / "mixed.mbtiles", PLAIN, tiles).close()
    tileset = imported(work / "mixed.mbtiles", work)
    assert tiles_of(tileset, work) == tiles
    errors = tiler("export", "-o", work / "m.pmtiles", tileset)[1]
    assert "--recompress" in errors, errors
    tiler("export", "--recompress", "gzip", "--replace", "-o",
          work / "m.pmtiles", tileset)
    made = Archive(work / "m.pmtiles")
    assert made.compression == 2
    assert made.tiles()[1, 0, 0] == tiles[1, 0, 0]  # not packed again
    assert {t: gzip.decompress(d) for t, d in made.tiles().items()} == {
        (0, 0, 0): mvt(b"a"), (1, 0, 0): mvt(b"b")}
    plain = imported(work / "mixed.mbtiles", work, "--recompress", "none")
    assert tiles_of(plain, work) == {(0, 0, 0): mvt(b"a"),
                                     (1, 0, 0): mvt(b"b")}


def check_lies(work):
    database(work / "lie.mbtiles", PLAIN +
             "INSERT INTO metadata VALUES ('format', 'jpg');", SOME).close()
    errors = tiler("import", "-o", work / "no.imbrex", work / "lie.mbtiles",
                   code=1)[1]
    assert "jpg" in errors and "png" in errors, errors
    tileset = imported(work / "lie.mbtiles", work, "--lenient")
    assert tiles_of(tileset, work) == SOME
    assert (b"format", b"jpg") in mbtiles_metadata(work / "look.mbtiles")
    info = json.loads(tiler("info", "--json", tileset)[0])
    assert "png" in json.dumps(info) and "jpg" not in json.dumps(
        info.get("formats", "")), info


# ---- folders and caches ----------------------------------------------------


def check_folders(work):
    root = work / "tms"
    for (z, x, y), data in SOME.items():
        path = root / str(z) / str(x) / f"{(1 << z) - 1 - y}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "metadata.json").write_text('{"name": "T", "x":[1.0]}')
    (root / "1/0/notes.txt").write_text("no tile")
    out, errors = tiler("import", "--scheme", "tms", "-o", work / "t.imbrex",
                        root)
    assert "1 files are no tiles" in errors, (out, errors)
    assert tiles_of(work / "t.imbrex", work) == SOME
    tiler("export", "--scheme", "tms", "-o", f"{work}/back/", work / "t.imbrex")
    (root / "1/0/notes.txt").unlink()
    assert folder_files(work / "back") == folder_files(root)
    (root / "1/7").mkdir()
    errors = tiler("import", "-o", work / "no.imbrex", root, code=1)[1]
    assert "1/7" in errors, errors
    tiler("export", "-o", f"{work}/back/", work / "t.imbrex", code=1)


def check_metatiles(work):
    """mod_tile: places by column, folders by hash."""
    tiles = {(4, x, y): png(x * 16 + y) for x in range(8, 16) for y in range(8)}
    body, table = b"", b""
    start = 20 + 64 * 8
    for x in range(8):
        for y in range(8):
            data = tiles[4, 8 + x, y]
            table += struct.pack("<ii", start + len(body), len(data))
            body += data
    path = work / "cache/4/0/0/0/0/128.meta"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"META" + struct.pack("<iiii", 64, 8, 0, 4) + table + body)
    assert tiles_of(imported(work / "cache", work), work) == tiles
    assert tiles_of(imported(path, work), work) == tiles
    path.write_bytes(path.read_bytes()[:-1])
    errors = tiler("import", "-o", work / "no.imbrex", work / "cache",
                   code=1)[1]
    assert "128.meta" in errors, errors


CONF = """<CacheInfo><TileCacheInfo><SpatialReference><WKID>102100</WKID>
</SpatialReference><TileOrigin><X>-20037508.342787</X><Y>20037508.342787</Y>
</TileOrigin><TileCols>256</TileCols><TileRows>256</TileRows><LODInfos>
<LODInfo><LevelID>0</LevelID><Resolution>305.748113140705</Resolution></LODInfo>
</LODInfos></TileCacheInfo></CacheInfo>"""


def check_bundles(work):
    """Level 0 of this cache is zoom 9."""
    tiles = {(9, 256 + 5, 128 + 3): png(1), (9, 256, 128): png(2)}
    index, body = [0] * 16384, b""
    for (_, x, y), data in tiles.items():
        body += struct.pack("<I", len(data))
        offset = 64 + 131072 + len(body)
        index[(y - 128) * 128 + (x - 256)] = offset | len(data) << 40
        body += data
    header = struct.pack("<4I3Q6I", 3, 16384, 1000, 5, 0, 64 + 131072 +
                         len(body), 40, 20 + 131072, 0, 16, 16384, 5, 131072)
    path = work / "esri/_alllayers/L00/R0080C0100.bundle"
    path.parent.mkdir(parents=True)
    path.write_bytes(header + struct.pack("<16384Q", *index) + body)
    (work / "esri/conf.xml").write_text(CONF)
    assert tiles_of(imported(work / "esri", work), work) == tiles
    assert tiles_of(imported(path, work), work) == tiles
    (work / "esri/conf.xml").write_text(CONF.replace("102100", "4326"))
    errors = tiler("import", "-o", work / "no.imbrex", work / "esri", code=1)[1]
    assert "conf.xml" in errors and "mercator" in errors, errors


def check_outputs_are_whole_or_absent(work):
    """An output is there under its name only when it is whole."""
    database(work / "in.mbtiles", PLAIN, SOME).close()
    tileset = imported(work / "in.mbtiles", work)
    pack = next(work.glob("t.imbrex/packs/*/*.ibx"))
    pack.chmod(0o644)
    damaged = bytearray(pack.read_bytes())
    damaged[-40] ^= 1
    pack.write_bytes(damaged)
    before = sorted(p.name for p in work.iterdir())
    for out in ("o.mbtiles", "o.pmtiles", "o/"):
        errors = tiler("export", "-o", f"{work}/{out}", tileset, code=1)[1]
        assert "t.imbrex" in errors, errors
        assert sorted(p.name for p in work.iterdir()) == before, out
    (work / "o.pmtiles").write_bytes(b"precious")
    errors = tiler("export", "-o", work / "o.pmtiles", tileset, code=1)[1]
    assert "exists already: give --replace, or another -o\n" in errors, errors
    assert (work / "o.pmtiles").read_bytes() == b"precious"


def check_what_is_there_already(work):
    """Each command advises the options that it has."""
    database(work / "in.mbtiles", PLAIN, SOME).close()
    tileset = imported(work / "in.mbtiles", work)
    command = ("import", "-o", tileset, work / "in.mbtiles")
    advice = "give --replace or --restart, or another -o\n"
    errors = tiler(*command, code=1)[1]
    assert errors.endswith("holds a tileset already: " + advice), errors
    (tileset / ".build").mkdir(exist_ok=True)
    (tileset / ".build/spool").touch()
    errors = tiler(*command, code=1)[1]
    assert errors.endswith("an interrupted build is in it: " + advice), errors
    tiler(*command, "--replace", "--restart")
    (work / "full").mkdir()
    (work / "full/precious").touch()
    errors = tiler("export", "--replace", "-o", f"{work}/full/", tileset,
                   code=1)[1]
    assert errors.endswith("is there and not empty: give another -o\n"), errors


def check_unfinished_exports_are_beside_the_output(work):
    """Not in the current folder, where nothing can be made here."""
    database(work / "in.mbtiles", PLAIN, {(0, 0, 0): mvt(b"a")}).close()
    tileset = imported(work / "in.mbtiles", work)
    before = sorted(p.name for p in work.iterdir())
    subprocess.run([TILER, "export", "--recompress", "gzip", "-o",
                    work / "out.pmtiles", tileset], cwd="/proc", check=True)
    after = sorted(p.name for p in work.iterdir())
    assert after == sorted(before + ["out.pmtiles"]), after


def check_a_write_error_names_the_whole_path(work):
    """Here of a tile larger than a file may be."""
    big = png(1) + bytes(100_000)
    database(work / "in.mbtiles", PLAIN, {(5, 3, 19): big}).close()
    tileset = imported(work / "in.mbtiles", work)
    done = subprocess.run(
        [TILER, "export", "-o", f"{work}/o/", tileset], capture_output=True,
        text=True, check=False, preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))))
    assert done.returncode == 1, done
    assert f"{work}/o/5/3/19.png: cannot be written" in done.stderr, done
    assert not list(work.glob("o*")), list(work.iterdir())


def check_integrity(work):
    database(work / "in.mbtiles", PLAIN, SOME).close()
    tiles_of(imported(work / "in.mbtiles", work), work)
    database_ = open_mbtiles(work / "look.mbtiles")
    assert database_.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    images = database_.execute("SELECT count(*) FROM images").fetchone()[0]
    assert images == len(set(SOME.values()))


def main():
    for name, check in sorted(globals().items()):
        if name.startswith("check_"):
            with fresh_folder() as work:
                print(name, flush=True)
                check(pathlib.Path(work))


main()
