#!/usr/bin/env python3
"""Measures the promise and draws it: bench/origin/run.py [FIGURE ...]

    cliff     painting while the page cache shrinks
    stride    touching large files every 100 KB
    crowd     people at a map that crawlers read through
    exhaust   10 GB of packs in 64 and 16 MB of address space
    stall     warm tiles beside cold ones on a slow device
    sabotage  packs cut, overwritten and replaced under load
    folder    a map panned in 32 MB, beside nginx over a folder
    soak      bad packs, slow readers and reloads under load, for --minutes
    terabyte  250,000 packs in 32 MB (needs minutes and 6 GB the first time)

Without names: all but the last two. Needs a build with -DIMBREX_BENCH=ON, and root
for control groups; a figure that cannot be made here is skipped by name.
"""
import argparse
import json
import os
import pathlib
import signal
import sys

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]

import cliff  # noqa: E402
import crowd  # noqa: E402
import exhaust  # noqa: E402
import facts  # noqa: E402
import folder  # noqa: E402
import limits  # noqa: E402
import sabotage  # noqa: E402
import soak  # noqa: E402
import stall  # noqa: E402
import stride  # noqa: E402
import terabyte  # noqa: E402

FIGURES = {"cliff": cliff, "stride": stride, "crowd": crowd,
           "exhaust": exhaust, "stall": stall, "sabotage": sabotage, "folder": folder,
           "soak": soak, "terabyte": terabyte}


def options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("figures", nargs="*", metavar="FIGURE",
                        default=["cliff", "stride", "crowd", "exhaust",
                                 "stall", "sabotage", "folder"])
    parser.add_argument("--build", type=pathlib.Path,
                        default=SOURCE / "build/release")
    parser.add_argument("--data", type=pathlib.Path,
                        help="for tilesets, kept (BUILD/bench-data)")
    parser.add_argument("--out", type=pathlib.Path,
                        default=SOURCE / "docs/images")
    parser.add_argument("--rounds", type=int, default=3,
                        help="of which the median is quoted (3)")
    parser.add_argument("--seconds", type=float, default=8,
                        help="of each loaded run (8)")
    parser.add_argument("--packs", type=int, default=250000,
                        help="of the terabyte (250000)")
    parser.add_argument("--requests", type=int, default=1000000,
                        help="to the terabyte (1000000)")
    parser.add_argument("--minutes", type=float, default=20,
                        help="of the soak (20)")
    parser.add_argument("--port", type=int, default=23000,
                        help="first of a few ports on 127.0.0.1 (23000)")
    chosen = parser.parse_args()
    for name in chosen.figures:
        if name not in FIGURES:
            parser.error(f"there is no figure {name}")
    return chosen


class Bench:
    """What a figure is given: programs, data, limits, and where to put it."""

    def __init__(self, chosen):
        self.rounds, self.seconds = chosen.rounds, chosen.seconds
        self.packs, self.requests = chosen.packs, chosen.requests
        self.minutes = chosen.minutes
        self.port, self.source = chosen.port, SOURCE
        self.build = chosen.build.resolve()
        self.data = (chosen.data or self.build / "bench-data").resolve()
        self.data.mkdir(parents=True, exist_ok=True)
        self.out = chosen.out
        self.out.mkdir(parents=True, exist_ok=True)
        self.uid = limits.NOBODY if os.geteuid() == 0 else os.geteuid()
        self.facts = facts.gather(self.data, SOURCE, self.uid)
        self.note = facts.sentence(self.facts)

    def program(self, name):
        for folder in ("bench/origin", "server", "tiler"):
            path = self.build / folder / name
            if path.exists():
                return path
        raise limits.Skip(f"{name} is not built in {self.build}")

    def save(self, name, results):
        path = self.out / f"origin-{name}.json"
        path.write_text(json.dumps({"facts": self.facts, "results": results},
                                   indent=1) + "\n")

    def image(self, name):
        return self.out / f"origin-{name}.svg"


def end_in_order(*_):
    """Mounts and control groups are undone on the way out."""
    raise KeyboardInterrupt


def main():
    chosen = options()
    signal.signal(signal.SIGTERM, end_in_order)
    bench = Bench(chosen)
    print(bench.note, flush=True)
    for name in chosen.figures:
        try:
            print("\n" + FIGURES[name].measure(bench), flush=True)
        except limits.Skip as missing:
            print(f"\n{name}: skipped: {missing}", flush=True)


if __name__ == "__main__":
    main()
