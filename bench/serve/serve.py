#!/usr/bin/env python3
"""Serve the same tiles by Imbrex and by what people would pick instead.

    bench/serve/serve.py --build build/release --corpus medium --rounds 3

Every server gets one processor and the load generator the other; servers take
turns, round by round, and the tables show medians and ratios. A sample of
bodies is compared before anything is timed. Peers that are not on PATH are
skipped by name."""
import argparse
import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import limits
from corpus import Corpus, KINDS
from patterns import PATTERNS
from peers import Ceiling, Imbrex, Library, Peer, PEERS
from process import Server
from report import print_ratios, print_table, ratios_of, rows_of
from trial import REQUESTS, trial

UNLIMITED_MB = 1 << 20


@contextlib.contextmanager
def inside(limit):
    """Servers started meanwhile are in a control group of that many MB, in one
    without a limit for 0, in none for None."""
    if limit is None:
        yield
        return
    with limits.Limits(memory=(limit or UNLIMITED_MB) << 20) as Server.limits:
        try:
            yield
        finally:
            Server.limits = None


def run_table(options, peers, corpus, pattern, limit, work):
    """Every server in turn, round after round; rows by name."""
    runs = {peer.name: [] for peer in peers}
    failed = {}
    # What the ceiling sends: what is asked for, not what is there.
    corpus.asked_nbytes = corpus.mean_of(
        list(PATTERNS[pattern](corpus.tiles, REQUESTS)))
    for _ in range(options.rounds):
        for peer in peers:
            if peer.name in failed:
                continue
            try:
                with inside(limit):
                    runs[peer.name].append(
                        trial(options, peer, corpus, pattern, work))
            except (RuntimeError, OSError, subprocess.SubprocessError) as why:
                failed[peer.name] = str(why)
                print(f"{peer.name}: left out: {why}", file=sys.stderr)
    rows = rows_of(runs)
    where = "" if limit is None else (f", inside {limit} MB" if limit
                                      else ", in a group without limit")
    print_table(f"{corpus.kind} tiles, mean {corpus.asked_nbytes:,} bytes, "
                f"{pattern}{where}, median of {options.rounds}", rows)
    print_ratios(rows)
    return rows, failed


def machine():
    return {"date": time.strftime("%Y-%m-%d"), "kernel": platform.release().split("-")[0],
            "cpus": os.cpu_count(), "uid": os.getuid()}


def all_peers(options):
    program = f"{options.build}/server/imbrex-server"
    yield Ceiling(f"{options.build}/bench/load/bench-ceiling")
    if options.mode != "same":  # it always has a body
        for how in ("once", "each"):
            yield Library(f"{options.build}/bench/load/bench-library", how)
    yield Imbrex(program)
    yield Imbrex(program, ["--max-prepared", "0"], "imbrex, none prepared")
    yield Imbrex(program, ["--memory", "512M", "--max-prepared", "160M"],
                 "imbrex, all prepared")
    for kind in PEERS:
        yield kind()


def find_peers(options):
    chosen, options.versions = [], {}
    for peer in all_peers(options):
        if options.peer and peer.name not in options.peer:
            continue
        if options.mode == "same" and isinstance(peer, Ceiling):
            peer.bodyless = True
        version = peer.version()
        if version:
            chosen.append(peer)
            options.versions[peer.name] = version
        print(f"{peer.name}: {version or 'not on PATH, skipped'}")
    return chosen


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--corpus", action="append", choices=sorted(KINDS))
    parser.add_argument("--pattern", action="append", choices=sorted(PATTERNS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--no-pin", dest="pin", action="store_false",
                        help="no processors are set aside; servers are told to "
                        "use as many threads as there are")
    parser.add_argument("--mode", choices=("keep", "new", "same"),
                        default="keep", help="keep connections; open one per "
                        "request; ask with If-None-Match for what is there")
    parser.add_argument("--rate", type=float, metavar="N", help="requests per "
                        "second that are due, answered or not; without it each "
                        "connection asks as soon as it has its answer")
    parser.add_argument("--cold", action="store_true",
                        help="empty the page cache first, and do not warm up")
    parser.add_argument("--limit", type=int, metavar="MB", action="append",
                        help="each server in a control group of this memory; "
                        "may be given again; 0 is no limit, to see its use")
    parser.add_argument("--peer", action="append", help="only these")
    parser.add_argument("--corpora", metavar="DIR",
                        help="where tiles are made, and used again if there")
    parser.add_argument("--json", help="write raw results here")
    options = parser.parse_args()
    options.pin = (options.pin and os.cpu_count() > 1
                   and shutil.which("taskset") is not None)
    return options


def main():
    options = parse_options()
    if options.pin:
        os.sched_setaffinity(0, {1})  # we are not in the server's way either
    else:
        Peer.workers = os.cpu_count()
    peers = find_peers(options)
    results = {"machine": machine(), "versions": options.versions,
               "options": {"seconds": options.seconds, "mode": options.mode,
                           "rounds": options.rounds, "cold": options.cold,
                           "rate": options.rate, "pinned": options.pin},
               "corpora": {}, "tables": {}, "ratios": {}, "left_out": {}}
    with tempfile.TemporaryDirectory(prefix="imbrex-bench-") as work:
        os.chmod(work, 0o755)  # nginx's worker is not root
        for kind in options.corpus or sorted(KINDS):
            corpus = Corpus(kind, options.build, options.corpora or work)
            results["corpora"][kind] = corpus.describe()
            print(f"\n{kind}: {corpus.describe()}")
            for pattern in options.pattern or sorted(PATTERNS):
                for limit in options.limit or [None]:
                    name = f"{kind}/{pattern}" + (
                        "" if limit is None else f"/{limit} MB")
                    rows, failed = run_table(options, peers, corpus, pattern,
                                             limit, work)
                    results["tables"][name] = rows
                    results["ratios"][name] = ratios_of(rows)
                    results["left_out"][name] = failed
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump(results, out, indent=1)
            out.write("\n")


if __name__ == "__main__":
    main()
