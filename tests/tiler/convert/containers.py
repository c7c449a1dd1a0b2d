"""Readers of MBTiles, PMTiles and folders for the tests: small, slow, and
written from the specifications, so that they share no mistake with ours."""
import gzip
import os
import pathlib
import sqlite3
import struct
import subprocess
import sys
import tempfile

TILER = os.environ["IMBREX_TILER"]
# A program that looks after itself needs more time and memory than it would.
SANITIZED = bool(os.environ.get("IMBREX_SANITIZE"))
# What a sanitizer finds must not look like a refused file.
os.environ["ASAN_OPTIONS"] = "exitcode=99"
os.environ["UBSAN_OPTIONS"] = "exitcode=99:print_stacktrace=1"
SOURCE = pathlib.Path(os.environ["IMBREX_SOURCE"])
DATA = pathlib.Path(os.environ.get("IMBREX_DATA", SOURCE / "../shared/data"))


def need_data(*names):
    for name in names:
        if not (DATA / name).exists():
            print(f"skipped: {DATA / name} is not there")
            sys.exit(77)


def tiler(*arguments, code=0):
    """Runs imbrex-tiler; returns its standard output and error."""
    done = subprocess.run([TILER, *map(str, arguments)], capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == code, (arguments, done.returncode, done.stderr)
    return done.stdout, done.stderr


def fresh_folder():
    return tempfile.TemporaryDirectory(prefix="imbrex-convert-")


def varint(value):
    """A number as protobuf and PMTiles write it."""
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


# ---- MBTiles ---------------------------------------------------------------


def open_mbtiles(path):
    return sqlite3.connect(f"file:{path}?immutable=1", uri=True)


def mbtiles_tiles(path):
    rows = open_mbtiles(path).execute(
        "SELECT zoom_level, tile_column, tile_row, tile_data FROM tiles")
    return {(z, x, (1 << z) - 1 - y): data for z, x, y, data in rows}


def mbtiles_metadata(path):
    """Rows in order, as bytes, so that nothing is lost by decoding."""
    database = open_mbtiles(path)
    database.text_factory = bytes
    return database.execute("SELECT name, value FROM metadata").fetchall()


# ---- PMTiles ---------------------------------------------------------------


def zxy_of(number):
    z, first = 0, 0
    while number >= first + 4 ** z:
        first += 4 ** z
        z += 1
    t, x, y, s = number - first, 0, 0, 1
    while s < 1 << z:
        rx = 1 & (t // 2)
        ry = 1 & (t ^ rx)
        if ry == 0:
            if rx == 1:
                x, y = s - 1 - x, s - 1 - y
            x, y = y, x
        x, y, t, s = x + s * rx, y + s * ry, t // 4, s * 2
    return z, x, y


class Archive:
    """A PMTiles v3 file, read in whole."""

    def __init__(self, path):
        self.raw = pathlib.Path(path).read_bytes()
        assert self.raw[:8] == b"PMTiles\x03"
        (self.root_off, self.root_len, self.meta_off, self.meta_len,
         self.leaf_off, self.leaf_len, self.tile_off, self.tile_len,
         self.addressed, self.entries, self.contents) = struct.unpack_from(
             "<11Q", self.raw, 8)
        (self.clustered, self.internal, self.compression, self.kind,
         self.min_zoom, self.max_zoom) = self.raw[96:102]
        self.place = struct.unpack_from("<4i B 2i", self.raw, 102)
        self.listed = []
        self.leaves = 0
        self._walk(self.root_off, self.root_len)

    def _unpack(self, off, length):
        raw = self.raw[off:off + length]
        return gzip.decompress(raw) if self.internal == 2 else raw

    def metadata(self):
        return self._unpack(self.meta_off, self.meta_len)

    def _walk(self, off, length):
        data, at = self._unpack(off, length), 0

        def varint():
            nonlocal at
            value = shift = 0
            while True:
                byte = data[at]
                at += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value

        count = varint()
        ids = [varint() for _ in range(count)]
        runs = [varint() for _ in range(count)]
        lengths = [varint() for _ in range(count)]
        number = place = 0
        for i in range(count):
            number += ids[i]
            value = varint()
            place = place + lengths[i - 1] if value == 0 else value - 1
            if runs[i] == 0:
                self.leaves += 1
                self._walk(self.leaf_off + place, lengths[i])
            else:
                self.listed.append((number, runs[i], place, lengths[i]))

    def tiles(self):
        found = {}
        for number, run, off, length in self.listed:
            start = self.tile_off + off
            for i in range(run):
                found[zxy_of(number + i)] = self.raw[start:start + length]
        return found


# ---- folders ---------------------------------------------------------------


def folder_files(path):
    path = pathlib.Path(path)
    return {str(file.relative_to(path)): file.read_bytes()
            for file in path.rglob("*") if file.is_file()}


def folder_tiles(path):
    found = {}
    for name, data in folder_files(path).items():
        parts = name.split("/")
        if len(parts) == 3:
            found[int(parts[0]), int(parts[1]),
                  int(parts[2].split(".")[0])] = data
    return found
