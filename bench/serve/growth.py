#!/usr/bin/env python3
"""Whether the cost of a request grows with what is served, and that of a build
with what is built.

    bench/serve/growth.py --build build/release [packs] [tilesets] [tiles]

packs     one tileset of 1,000 to 250,000 packs of 4 MiB: the same number of
          packs, spread over all of it, is asked for
tilesets  1 to 500 tilesets in one process, the same way
tiles     the writer, with 1, 10 and (--most 100) 100 million tiles"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

from process import Server, free_port

HOT, ASKED, SECONDS = 24, 60_000, 2


def tile_of(zoom, index):
    """The `index`-th tile of a zoom in the order of PMTiles."""
    x = y = 0
    for bit in range(zoom):
        rx, ry = 1 & (index >> 1), 1 & (index ^ (index >> 1))
        side = 1 << bit
        if ry == 0:
            if rx == 1:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
        x, y = x + side * rx, y + side * ry
        index >>= 2
    return zoom, x, y


def run(options, tilesets, targets, work):
    """One pinned loop and one pinned client; microseconds per request."""
    port = free_port()
    path = f"{work}/targets"
    random.Random(1).shuffle(targets)
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(target + "\n" for target in targets)
    server = Server([f"{options.build}/server/imbrex-server", "--port",
                     str(port), "--admin", "off", "--threads", "1",
                     "--max-prepared", "0", *tilesets], port,
                    f"{work}/server.log", "0")
    try:
        result = {"start_ms": server.wait_until_up()}
        command = ["taskset", "-c", "1",
                   f"{options.build}/bench/load/bench-load", "--port",
                   str(port), "--targets", path, "--seconds", str(SECONDS)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        before = server.cpu_seconds()
        done = json.loads(subprocess.run(
            [*command, "--warmup", "0"], check=True,
            stdout=subprocess.PIPE).stdout)
        after = server.cpu_seconds()
        if set(done["statuses"]) != {"200"}:
            raise RuntimeError(f"it answered {done['statuses']}")
        result["cpu_us"] = sum(after[i] - before[i]
                               for i in (0, 1)) / done["requests"] * 1e6
        result.update(requests_per_s=done["requests_per_s"],
                      p99_us=done["p99_us"], **server.memory(),
                      handles=server.handles())
        return result
    finally:
        server.stop()


def packs(options, work):
    """Sixteen tiles of zoom 11 to a pack."""
    cases = {}
    for count in (1_000, 250_000):
        path = options.data / f"sparse-{count}.imbrex"
        if not path.exists():
            subprocess.run([f"{options.build}/bench/origin/bench-sparse",
                            path, str(count)], check=True)
        step = count // HOT
        targets = ["/sparse-{}/{}/{}/{}".format(
            count, *tile_of(11, pack * step * 16 + tile))
            for pack in range(HOT) for tile in range(16)]
        cases[count] = ([str(path)], targets * (ASKED // len(targets)))
    return interleaved(options, cases, work)


def tilesets(options, work):
    """The same number of tiles of the same size is asked for of one tileset
    and of HOT out of 50 or 500, so that what differs is how many there are."""
    cases = {}
    for count in (1, HOT, 50, 500):
        zoom, each = (4, 256) if count > 1 else (7, 256 * HOT)
        folder = pathlib.Path(work) / f"sets-{count}"
        folder.mkdir()
        for n in range(count):
            subprocess.run([f"{options.build}/bench/origin/bench-make",
                            str(zoom), str(each), "1000",
                            folder / f"t{n}.imbrex"],
                           check=True, stdout=subprocess.DEVNULL)
        hot = [n * count // HOT for n in range(min(HOT, count))]
        targets = ["/t{}/{}/{}/{}".format(n, *tile_of(zoom, tile))
                   for n in hot for tile in range(each)]
        cases[count] = ([str(folder)], targets * (ASKED // len(targets)))
    return interleaved(options, cases, work)


def interleaved(options, cases, work):
    runs = {count: [] for count in cases}
    for _ in range(options.rounds):
        for count, (served, targets) in cases.items():
            runs[count].append(run(options, served, targets, work))
    return {count: {key: statistics.median(r[key] for r in done)
                    for key in done[0]} for count, done in runs.items()}


def tiles(options, work):
    """Seconds and peak memory of bench-make, tiles of 64 bytes each."""
    rows = {}
    for millions, zoom in ((1, 10), (10, 12), (100, 14)):
        if millions > options.most:
            continue
        out = f"{work}/made.imbrex"
        start = time.monotonic()
        child = subprocess.Popen([f"{options.build}/bench/origin/bench-make",
                                  str(zoom), str(millions * 1_000_000), "64",
                                  out], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            raise RuntimeError(f"bench-make: status {status}")
        child.returncode = 0
        rows[millions] = {"s": time.monotonic() - start,
                          "cpu_s": usage.ru_utime + usage.ru_stime,
                          "peak_kb": usage.ru_maxrss}
        subprocess.run(["rm", "-rf", out], check=True)
    return rows


WHAT = {"packs": packs, "tilesets": tilesets, "tiles": tiles}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=10,
                        help="millions of tiles to build at most")
    parser.add_argument("--data", type=pathlib.Path,
                        help="where tilesets of many packs are kept "
                        "[BUILD/bench-data]")
    parser.add_argument("--json")
    parser.add_argument("what", nargs="*", choices=[[], *WHAT])
    options = parser.parse_args()
    options.data = options.data or pathlib.Path(options.build) / "bench-data"
    options.data.mkdir(parents=True, exist_ok=True)
    results = {}
    with tempfile.TemporaryDirectory(prefix="imbrex-bench-",
                                     dir="/var/tmp") as work:
        for what in options.what or WHAT:
            results[what] = WHAT[what](options, work)
            for count, row in results[what].items():
                print(what, f"{count:,}", {k: round(v, 2)
                                           for k, v in row.items()},
                      flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump(results, out, indent=1)
            out.write("\n")


if __name__ == "__main__":
    main()
