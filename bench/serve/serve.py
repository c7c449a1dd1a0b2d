#!/usr/bin/env python3
"""Serve the same tiles by Imbrex and by what people would pick instead.

    bench/serve/serve.py --build build/release --corpus medium --rounds 3

Every server gets one processor and the load generator the other; servers take
turns, round by round, and the table shows medians. All bodies are compared
before anything is timed. Peers that are not on PATH are skipped by name."""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request

from corpus import Corpus, KINDS
from patterns import PATTERNS
from peers import Ceiling, Imbrex, PEERS
from process import free_port

REQUESTS = 200_000


def fetch(port, path, gzip):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if gzip:
        request.add_header("Accept-Encoding", "gzip")
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.read()


def check_bytes(peer, corpus, port):
    """Stops unless a sample of the peer's bodies is what the folder holds."""
    sample = corpus.tiles[:: max(1, len(corpus.tiles) // 40)]
    for tile in sample:
        with open(corpus.path(tile), "rb") as want:
            if fetch(port, peer.target(corpus, tile),
                     corpus.gzipped) != want.read():
                raise RuntimeError(f"other bytes for {tile}")


def write_targets(peer, corpus, pattern, work):
    path = f"{work}/{peer.name}-{pattern}.targets"
    tiles = PATTERNS[pattern](corpus.tiles, REQUESTS)
    with open(path, "w") as out:
        out.writelines(peer.target(corpus, tile) + "\n" for tile in tiles)
    return path


def run_load(options, corpus, port, targets, extra=()):
    command = [f"{options.build}/bench/load/bench-load", "--port", str(port),
               "--targets", targets, "--seconds", str(options.seconds),
               "--users", "5", "--per-user", "6", *extra]
    if corpus.gzipped:
        command += ["--header", "Accept-Encoding: gzip"]
    if options.pin:
        command = ["taskset", "-c", "1"] + command
    done = subprocess.run(command, capture_output=True, text=True, check=True,
                          timeout=options.seconds * 4 + 30)
    return json.loads(done.stdout)


def measure(options, peer, corpus, pattern, work):
    """One run of one server from start to stop."""
    port = free_port()
    targets = write_targets(peer, corpus, pattern, work)
    server = peer.start(corpus, port, work, "0" if options.pin else None)
    try:
        start_ms = server.wait_until_up()
        if peer.form != "none":
            check_bytes(peer, corpus, port)
        run_load(options, corpus, port, targets)  # warm
        before = server.cpu_seconds()
        result = run_load(options, corpus, port, targets)
        after = server.cpu_seconds()
        sent = max(result["requests"] * (1 + 1 / options.seconds), 1)
        result["user_us"] = (after[0] - before[0]) / sent * 1e6
        result["system_us"] = (after[1] - before[1]) / sent * 1e6
        result.update(server.memory(), handles=server.handles(),
                      start_ms=start_ms)
        return result
    finally:
        server.stop()


def medians(runs):
    table = {}
    for key, value in runs[0].items():
        if isinstance(value, (int, float)):
            table[key] = statistics.median(run[key] for run in runs)
    return table


COLUMNS = [("requests_per_s", "req/s", "{:,.0f}"),
           ("share", "of ceiling", "{:.0%}"),
           ("p50_us", "p50 us", "{:,.0f}"), ("p99_us", "p99 us", "{:,.0f}"),
           ("p999_us", "p99.9 us", "{:,.0f}"),
           ("user_us", "user us/req", "{:.1f}"),
           ("system_us", "sys us/req", "{:.1f}"),
           ("private_kb", "private kB", "{:,.0f}"),
           ("rss_kb", "RSS kB", "{:,.0f}"), ("handles", "handles", "{:.0f}"),
           ("start_ms", "start ms", "{:.0f}")]


def print_table(title, rows):
    print(f"\n### {title}\n")
    print("| server | " + " | ".join(head for _, head, _ in COLUMNS) + " |")
    print("|---|" + "---:|" * len(COLUMNS))
    for name, row in rows.items():
        cells = [form.format(row[key]) for key, _, form in COLUMNS]
        print(f"| {name} | " + " | ".join(cells) + " |")
    sys.stdout.flush()


def run_pattern(options, peers, corpus, pattern, work):
    runs = {peer.name: [] for peer in peers}
    for _ in range(options.rounds):
        for peer in peers:
            try:
                runs[peer.name].append(
                    measure(options, peer, corpus, pattern, work))
            except (RuntimeError, OSError, subprocess.SubprocessError) as why:
                print(f"{peer.name}: left out: {why}", file=sys.stderr)
    rows = {name: medians(done) for name, done in runs.items() if done}
    ceiling = rows.get("ceiling", {}).get("requests_per_s")
    for row in rows.values():
        row["share"] = row["requests_per_s"] / ceiling if ceiling else 0
    print_table(f"{corpus.kind} tiles, mean {corpus.mean_nbytes:,} bytes, "
                f"{pattern}, median of {options.rounds}", rows)
    return rows


def machine():
    return {"kernel": platform.release(), "cpus": os.cpu_count(),
            "uid": os.getuid()}


def find_peers(options):
    chosen = [Ceiling(f"{options.build}/bench/load/bench-ceiling"),
              Imbrex(f"{options.build}/server/imbrex-server")]
    for kind in PEERS:
        peer = kind()
        version = peer.version()
        if version:
            chosen.append(peer)
            print(f"{peer.name}: {version}")
        else:
            print(f"{peer.name}: not on PATH, skipped")
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--corpus", action="append", choices=sorted(KINDS))
    parser.add_argument("--pattern", action="append", choices=sorted(PATTERNS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--no-pin", dest="pin", action="store_false")
    parser.add_argument("--json", help="write raw results here")
    options = parser.parse_args()
    options.pin = (options.pin and os.cpu_count() > 1
                   and shutil.which("taskset") is not None)
    peers = find_peers(options)
    results = {"machine": machine(), "tables": {}}
    with tempfile.TemporaryDirectory(prefix="imbrex-bench-") as work:
        os.chmod(work, 0o755)  # nginx's worker is not root
        for kind in options.corpus or sorted(KINDS):
            corpus = Corpus(kind, options.build, work)
            print(f"\n{kind}: {corpus.describe()}")
            for pattern in options.pattern or sorted(PATTERNS):
                results["tables"][f"{kind}/{pattern}"] = run_pattern(
                    options, peers, corpus, pattern, work)
    if options.json:
        with open(options.json, "w") as out:
            json.dump(results, out, indent=1)


if __name__ == "__main__":
    main()
