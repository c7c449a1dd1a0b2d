#!/usr/bin/env python3
"""Bytes and files on disk of the same tiles in four forms.

    bench/disk.py --build build/release [--json FILE]

Real data at zooms that give mean tiles from 0.6 KB up. Bytes are the lengths
of the files; "on ext4" is what the file system gives them, which matters for
folders of small files."""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1]
DATA = pathlib.Path(os.environ.get("IMBREX_DATA", SOURCE / "../shared/data"))
ROADS = "vector/porto_roads.geojson.gz"
MARBLE = "raster/bluemarble_3857_16384.tif"

CASES = [("roads", "16-17", ROADS, []), ("roads", "13-17", ROADS, []),
         ("roads", "15-16", ROADS, []), ("roads", "14-15", ROADS, []),
         ("roads", "13-15", ROADS, []),
         ("Blue Marble, JPEG 80", "0-6", MARBLE,
          ["--format", "jpeg", "--quality", "80"]),
         ("Blue Marble, JPEG 95", "0-6", MARBLE,
          ["--format", "jpeg", "--quality", "95"]),
         ("Blue Marble, PNG", "0-6", MARBLE, ["--format", "png"])]


def size_of(path):
    """(bytes, bytes allocated, files) of a file or of all in a folder."""
    files = ([path] if path.is_file() else
             [p for p in path.rglob("*") if p.is_file()])
    stats = [p.stat() for p in files]
    return (sum(s.st_size for s in stats),
            sum(s.st_blocks for s in stats) * 512, len(files))


def run(tiler, *arguments):
    subprocess.run([tiler, *map(str, arguments), "--quiet"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(tiler, zooms, source, extra):
    with tempfile.TemporaryDirectory(prefix="imbrex-bench-",
                                     dir="/var/tmp") as work:
        work = pathlib.Path(work)
        tileset = work / "map.imbrex"
        run(tiler, "build", "-o", tileset, "--zoom", zooms, *extra,
            DATA / source)
        forms = {"imbrex": tileset, "pmtiles": work / "map.pmtiles",
                 "mbtiles": work / "map.mbtiles", "folder": work / "map"}
        for name, path in forms.items():
            if name != "imbrex":
                run(tiler, "export", "-o", f"{path}/" if name == "folder"
                    else path, tileset)
        sizes = {name: size_of(path) for name, path in forms.items()}
        tiles = [p for p in forms["folder"].glob("*/*/*") if p.is_file()]
        return {"tiles": len(tiles),
                "mean_nbytes": sum(p.stat().st_size for p in tiles)
                / len(tiles), "forms": sizes}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--json")
    options = parser.parse_args()
    tiler = f"{options.build}/tiler/imbrex-tiler"
    results = []
    print("| tiles | zooms | number | mean bytes | MB of imbrex | over PMTiles "
          "| over MBTiles | files | files of a folder | folder on ext4, MB |\n"
          "|---|---|" + "---:|" * 8)
    for name, zooms, source, extra in CASES:
        row = measure(tiler, zooms, source, extra)
        results.append({"name": name, "zooms": zooms, **row})
        forms = row["forms"]
        ours = forms["imbrex"]
        print(f"| {name} | {zooms} | {row['tiles']:,} "
              f"| {row['mean_nbytes']:,.0f} | {ours[0] / 1e6:.2f} "
              f"| {ours[0] / forms['pmtiles'][0] - 1:+.1%} "
              f"| {ours[0] / forms['mbtiles'][0] - 1:+.1%} | {ours[2]:,} "
              f"| {forms['folder'][2]:,} | {forms['folder'][1] / 1e6:.1f} |",
              flush=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1)
                                              + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
