"""Tilesets and files to measure with, made once and kept."""
import os
import subprocess

# With the blob's header 4,080 bytes: 1,024 of them and their index are one
# pack of just under 4 MiB.
TILE_NBYTES = 4064


def run(command):
    subprocess.run([str(c) for c in command], check=True)


def dense(bench, zoom, nbytes=TILE_NBYTES, folder=False):
    """A tileset of the whole zoom, its flat file and, if asked, its folder."""
    base = bench.data / f"dense-{zoom}-{nbytes}"
    tileset, flat, tiles = base / "t.imbrex", base / "flat", base / "tiles"
    if not (tileset / "CURRENT").exists():
        base.mkdir(exist_ok=True)
        run([bench.program("bench-make"), zoom, 4 ** zoom, nbytes, tileset,
             flat])
    if folder and not (tiles / "made").exists():
        scratch = base / "scratch.imbrex"
        run([bench.program("bench-make"), zoom, 4 ** zoom, nbytes, scratch,
             "-", tiles])
        run(["rm", "-r", scratch])
        (tiles / "made").touch()
    return tileset, flat, tiles


def pyramid(bench, zoom, nbytes=300, pack_nbytes=64 << 10):
    """Zooms 0 to ZOOM whole in small packs: about 200 tiles each, as packs of
    4 MiB have where tiles are 20 KB."""
    tileset = bench.data / f"pyramid-{zoom}-{nbytes}.imbrex"
    if not (tileset / "CURRENT").exists():
        run([bench.program("bench-make"), 0, (4 ** (zoom + 1) - 1) // 3,
             nbytes, tileset, "-", "-", pack_nbytes])
    return tileset


def sparse(bench, npacks):
    """A tileset of NPACKS packs of 4 MiB, mostly holes."""
    tileset = bench.data / f"sparse-{npacks}.imbrex"
    if not (tileset / "CURRENT").exists():
        run([bench.program("bench-sparse"), tileset, npacks])
    return tileset


def drop(path):
    """Out of the page cache, which charges pages to who touched them first."""
    for file in ([path] if path.is_file() else sorted(path.rglob("*"))):
        if file.is_file():
            drop_file(file)


def drop_file(file):
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fdatasync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def drop_names():
    """Names and inodes too: they are charged to who looks them up first, and a
    folder of tiles has as many as tiles. Of the whole machine."""
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3")
