"""convert_input.py OUT.mbtiles TILES - a synthetic vector tileset: a square of
small tiles at one zoom, 60 % of them with one of 1,000 contents, as oceans and
fields are. The same arguments give the same file."""
import gzip
import math
import random
import sqlite3
import sys


def contents(count):
    for number in range(count):
        name = b"%06d" % number
        yield gzip.compress(b"\x1a\x0a\x0a\x06" + name + b"\x78\x02", 1,
                            mtime=0)


def rows(tiles, zoom):
    source = random.Random(1)
    shared = list(contents(1000))
    side = math.isqrt(tiles - 1) + 1
    for number in range(tiles):
        if source.random() < 0.6:
            data = source.choice(shared)
        else: # as incompressible as packed tiles are
            data = b"\x1f\x8b\x08\0" + source.randbytes(
                source.randrange(60, 400))
        yield zoom, number // side, number % side, data


def main():
    path, tiles = sys.argv[1], int(sys.argv[2])
    zoom = max(1, math.ceil(math.log2(math.isqrt(tiles) + 1)))
    database = sqlite3.connect(path)
    database.executescript(
        "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
        "CREATE TABLE metadata (name TEXT, value TEXT);"
        "INSERT INTO metadata VALUES ('name', 'synthetic'), ('format', 'pbf'),"
        " ('json', '{\"vector_layers\":[]}');"
        "CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER,"
        " tile_row INTEGER, tile_data BLOB);")
    database.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)",
                         rows(tiles, zoom))
    database.execute("CREATE UNIQUE INDEX tile_index ON tiles"
                     " (zoom_level, tile_column, tile_row)")
    database.commit()


main()
