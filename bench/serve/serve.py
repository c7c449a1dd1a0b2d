#!/usr/bin/env python3
"""Serve the same tiles by Imbrex and by what people would pick instead.

    bench/serve/serve.py --build build/release --corpus medium --rounds 3

Every server gets one processor and the load generator the other; servers take
turns, round by round, and the table shows medians. All bodies are compared
before anything is timed. Peers that are not on PATH are skipped by name."""
import argparse
import contextlib
import gzip
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import limits
from corpus import Corpus, KINDS
from patterns import PATTERNS
from peers import Ceiling, Imbrex, PEERS
from process import Server, free_port

REQUESTS = 200_000


def fetch(port, path, packed):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if packed:
        request.add_header("Accept-Encoding", "gzip")
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.read()


def first_tile(peer, corpus, server):
    """Milliseconds from its start to the first tile that it answers."""
    target = peer.target(corpus, corpus.tiles[0])
    while True:
        try:
            fetch(server.port, target, corpus.gzipped)
            return (time.monotonic() - server.started) * 1000
        except (urllib.error.HTTPError, ConnectionError):
            if time.monotonic() - server.started > 20:
                raise
            time.sleep(0.005)


def entity_tag(peer, corpus, port, tile):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{peer.target(corpus, tile)}",
        headers={"Accept-Encoding": "gzip"} if corpus.gzipped else {})
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.headers["ETag"]


def plain(data):
    """Some peers unpack and pack again: what is inside counts."""
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def check_bytes(peer, corpus, port):
    """Stops unless a sample of the peer's bodies is what the folder holds."""
    sample = corpus.tiles[:: max(1, len(corpus.tiles) // 40)]
    for tile in sample:
        with open(corpus.path(tile), "rb") as want:
            got = fetch(port, peer.target(corpus, tile), corpus.gzipped)
            if plain(got) != plain(want.read()):
                raise RuntimeError(f"other bytes for {tile}")


def write_targets(peer, corpus, pattern, work, only=None):
    if only:
        path = f"{work}/{peer.name.replace(chr(32), chr(95))}-one.targets"
        with open(path, "w") as out:
            out.write(peer.target(corpus, only) + "\n")
        return path
    path = f"{work}/{peer.name.replace(chr(32), chr(95))}-{pattern}.targets"
    tiles = PATTERNS[pattern](corpus.tiles, REQUESTS)
    with open(path, "w") as out:
        out.writelines(peer.target(corpus, tile) + "\n" for tile in tiles)
    return path


def run_load(options, corpus, port, targets, extra=()):
    command = [f"{options.build}/bench/load/bench-load", "--port", str(port),
               "--targets", targets, "--seconds", str(options.seconds),
               "--users", "5", "--per-user", "6", *extra]
    if options.mode == "new":
        command.append("--new-connections")
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
    same = options.mode == "same"
    # One tag goes with all requests, so all ask for one tile.
    one = corpus.tiles[len(corpus.tiles) // 2] if same else None
    targets = write_targets(peer, corpus, pattern, work, one)
    if options.cold:
        drop_caches()
    server = peer.start(corpus, port, work, "0" if options.pin else None)
    try:
        start_ms = server.wait_until_up()
        extra = []
        if peer.form != "none":
            start_ms = first_tile(peer, corpus, server)
        if peer.form != "none" and not options.cold:
            check_bytes(peer, corpus, port)
        if same and peer.form != "none":
            tag = entity_tag(peer, corpus, port, one)
            if not tag:
                raise RuntimeError("it sends no ETag")
            extra = ["--header", f"If-None-Match: {tag}"]
        if not options.cold:
            run_load(options, corpus, port, targets,
                     [*extra, "--warmup", "0"])
        before = server.cpu_seconds()
        result = run_load(options, corpus, port, targets,
                          [*extra, "--warmup", "0"])
        after = server.cpu_seconds()
        sent = max(result["requests"], 1)
        expect = "304" if same and peer.form != "none" else "200"
        if result["statuses"].get(expect, 0) < result["requests"]:
            raise RuntimeError(f"it answered {result['statuses']}")
        if Server.limits:
            result["cgroup_kb"] = Server.limits.memory_used()[1] // 1024
        result["user_us"] = (after[0] - before[0]) / sent * 1e6
        result["system_us"] = (after[1] - before[1]) / sent * 1e6
        result.update(server.memory(), handles=server.handles(),
                      start_ms=start_ms)
        return result
    finally:
        server.stop()


def drop_caches():
    """Nothing of the corpus is in memory afterwards; needs root."""
    subprocess.run(["sync"], check=True)
    with open("/proc/sys/vm/drop_caches", "w") as out:
        out.write("1")


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
           ("rss_kb", "RSS kB", "{:,.0f}"), ("pss_kb", "PSS kB", "{:,.0f}"),
           ("handles", "handles", "{:.0f}"),
           ("start_ms", "start ms", "{:.0f}")]


def print_table(title, rows):
    print(f"\n### {title}\n")
    print("| server | " + " | ".join(head for _, head, _ in COLUMNS) + " |")
    print("|---|" + "---:|" * len(COLUMNS))
    for name, row in rows.items():
        # Without a ceiling in the run there is no share of it.
        cells = ["-" if key == "share" and not row[key]
                 else form.format(row[key]) for key, _, form in COLUMNS]
        print(f"| {name} | " + " | ".join(cells) + " |")
    sys.stdout.flush()


@contextlib.contextmanager
def inside(options):
    """Servers started meanwhile are in a control group of that size."""
    if not options.limit:
        yield
        return
    with limits.Limits(memory=options.limit << 20) as Server.limits:
        try:
            yield
        finally:
            Server.limits = None


def run_pattern(options, peers, corpus, pattern, work):
    runs = {peer.name: [] for peer in peers}
    for _ in range(options.rounds):
        for peer in peers:
            try:
                with inside(options):
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
    return {"date": time.strftime("%Y-%m-%d"), "kernel": platform.release(), "cpus": os.cpu_count(),
            "uid": os.getuid()}


def find_peers(options):
    program = f"{options.build}/server/imbrex-server"
    chosen = [Ceiling(f"{options.build}/bench/load/bench-ceiling"),
              Imbrex(program),
              Imbrex(program, ["--max-prepared", "0"], "imbrex, none prepared"),
              Imbrex(program, ["--memory", "512M", "--max-prepared", "160M"],
                     "imbrex, all prepared")]
    for kind in PEERS:
        peer = kind()
        version = peer.version()
        if version:
            chosen.append(peer)
            print(f"{peer.name}: {version}")
        else:
            print(f"{peer.name}: not on PATH, skipped")
    options.versions = {peer.name: peer.version() for peer in chosen
                        if not isinstance(peer, Imbrex)}
    return [peer for peer in chosen
            if not options.peer or peer.name in options.peer]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--corpus", action="append", choices=sorted(KINDS))
    parser.add_argument("--pattern", action="append", choices=sorted(PATTERNS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--no-pin", dest="pin", action="store_false")
    parser.add_argument("--mode", choices=("keep", "new", "same"),
                        default="keep", help="keep connections; open one per "
                        "request; ask with If-None-Match for what is there")
    parser.add_argument("--cold", action="store_true",
                        help="empty the page cache first, and do not warm up")
    parser.add_argument("--limit", type=int, metavar="MB",
                        help="each server in a control group of this memory")
    parser.add_argument("--peer", action="append", help="only these")
    parser.add_argument("--json", help="write raw results here")
    options = parser.parse_args()
    options.pin = (options.pin and os.cpu_count() > 1
                   and shutil.which("taskset") is not None)
    peers = find_peers(options)
    results = {"machine": machine(), "versions": options.versions,
               "options": {"seconds": options.seconds, "mode": options.mode,
                           "rounds": options.rounds, "cold": options.cold,
                           "limit_mb": options.limit, "pinned": options.pin},
               "corpora": {}, "tables": {}}
    with tempfile.TemporaryDirectory(prefix="imbrex-bench-") as work:
        os.chmod(work, 0o755)  # nginx's worker is not root
        for kind in options.corpus or sorted(KINDS):
            corpus = Corpus(kind, options.build, work)
            results["corpora"][kind] = corpus.describe()
            print(f"\n{kind}: {corpus.describe()}")
            for pattern in options.pattern or sorted(PATTERNS):
                results["tables"][f"{kind}/{pattern}"] = run_pattern(
                    options, peers, corpus, pattern, work)
    if options.json:
        with open(options.json, "w") as out:
            json.dump(results, out, indent=1)


if __name__ == "__main__":
    main()
