"""One run of one server, from its start to its end."""
import gzip
import http.client
import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request

from patterns import PATTERNS
from process import Server, free_port

REQUESTS = 200_000
TAGGED = 2_000  # tiles whose entity tags are asked for, at most
WARM_SECONDS = 1


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
            time.sleep(0.002)


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


def entity_tags(peer, corpus, port, tiles):
    """{tile: its entity tag}, over one connection."""
    headers = {"Accept-Encoding": "gzip"} if corpus.gzipped else {}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    tags = {}
    for tile in tiles:
        connection.request("GET", peer.target(corpus, tile), headers=headers)
        response = connection.getresponse()
        response.read()
        tags[tile] = response.headers["ETag"]
        if not tags[tile]:
            raise RuntimeError("it sends no ETag")
    connection.close()
    return tags


def write_targets(options, peer, corpus, pattern, work, port):
    """What the load generator plays; the same in every round."""
    path = (f"{work}/{peer.name}-{corpus.kind}-{pattern}-{options.mode}"
            ".targets").replace(" ", "_")
    if os.path.exists(path):
        return path
    same = options.mode == "same" and peer.form != "none"
    tiles = corpus.tiles
    if same:
        tiles = tiles[::max(1, len(tiles) // TAGGED)]
    tags = entity_tags(peer, corpus, port, tiles) if same else {}
    lines = {tile: peer.target(corpus, tile)
             + (f"\tIf-None-Match: {tags[tile]}" if same else "") + "\n"
             for tile in tiles}
    with open(path + ".new", "w", encoding="ascii") as out:
        out.writelines(lines[tile]
                       for tile in PATTERNS[pattern](tiles, REQUESTS))
    os.rename(path + ".new", path)
    return path


def run_load(options, corpus, port, targets, seconds):
    command = [f"{options.build}/bench/load/bench-load", "--port", str(port),
               "--targets", targets, "--seconds", str(seconds),
               "--warmup", "0", "--users", "5", "--per-user", "6"]
    if options.mode == "new":
        command.append("--new-connections")
    if options.rate:
        command += ["--rate", str(options.rate)]
    if corpus.gzipped:
        command += ["--header", "Accept-Encoding: gzip"]
    if options.pin:
        command = ["taskset", "-c", "1"] + command
    done = subprocess.run(command, capture_output=True, text=True, check=True,
                          timeout=seconds * 4 + 30)
    return json.loads(done.stdout)


class GroupPeak:
    """The most memory that the server's control group had, page cache left
    out: looked at again and again, since the kernel keeps no such mark."""

    def __init__(self):
        self.most = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self._stop.wait(0.03):
            self.most = max(self.most, Server.limits.memory_without_cache())

    def __enter__(self):
        if Server.limits:
            self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        if Server.limits:
            self._thread.join()


def drop_caches():
    """Nothing of the corpus is in memory afterwards, nor that it exists; needs
    root."""
    subprocess.run(["sync"], check=True)
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as out:
        out.write("3")


def check_statuses(options, peer, result):
    expect = "304" if options.mode == "same" and peer.form != "none" else "200"
    if result["statuses"].get(expect, 0) < result["requests"]:
        raise RuntimeError(f"it answered {result['statuses']}")


def _measure(options, peer, corpus, pattern, work, server):
    start_ms = server.wait_until_up()
    if peer.form != "none":
        start_ms = first_tile(peer, corpus, server)
    if peer.form != "none" and not options.cold:
        check_bytes(peer, corpus, server.port)
    targets = write_targets(options, peer, corpus, pattern, work, server.port)
    if not options.cold:
        run_load(options, corpus, server.port, targets,
                 min(WARM_SECONDS, options.seconds))
    before = server.cpu_seconds()
    result = run_load(options, corpus, server.port, targets, options.seconds)
    after = server.cpu_seconds()
    check_statuses(options, peer, result)
    sent = max(result["requests"], 1)
    result["user_us"] = (after[0] - before[0]) / sent * 1e6
    result["system_us"] = (after[1] - before[1]) / sent * 1e6
    result.update(server.memory(), handles=server.handles(), start_ms=start_ms)
    return result


def trial(options, peer, corpus, pattern, work):
    """What one run cost. Raises RuntimeError, OSError or SubprocessError when
    the server cannot do it."""
    if options.cold:
        drop_caches()
    server = peer.start(corpus, free_port(), work, "0" if options.pin else None)
    try:
        with GroupPeak() as peak:
            result = _measure(options, peer, corpus, pattern, work, server)
        if Server.limits:
            result["group_kb"] = peak.most // 1024
            result["cgroup_kb"] = Server.limits.memory_used()[1] // 1024
        return result
    finally:
        server.stop()
