"""The soak: every kind of trouble at once, for a long time, and nothing is left
behind by it."""
import os
import pathlib
import random
import shutil
import socket
import threading
import time
import urllib.request

import data
import limits
import sabotage
import serving
import table

ZOOM = 7
COMMON, ALL = 12288, 16384  # tiles of the two generations, from the first on
MEMORY = 64 << 20
CLIENTS, SLOW = 8, 12
# What is looked at when all is quiet, and how much more it may be at the end.
# As many views are open then, but not of the same packs, which differ in size:
# less than a pack's bytes may come of that, while what leaks at each of
# hundreds of faults is soon far more.
KEPT = {"imbrex_private_bytes": 512 << 10, "imbrex_views": 0,
        "imbrex_mapped_bytes": 4 << 20, "imbrex_index_bytes": 64 << 10,
        "imbrex_handles": 0, "imbrex_connections": 0, "imbrex_queue_jobs": 0,
        "imbrex_bodies_bytes": 0, "imbrex_documents_bytes": 0,
        "descriptors": 0, "threads": 0}


def generations(bench):
    """A tileset with two generations, and the names of their manifests."""
    base, tileset = bench.data / "soak", bench.data / "soak.imbrex"
    shutil.rmtree(base, ignore_errors=True)
    shutil.rmtree(tileset, ignore_errors=True)
    base.mkdir()
    for count in (COMMON, ALL):
        data.run([bench.program("bench-make"), ZOOM, count, data.TILE_NBYTES,
                  base / f"{count}.imbrex"])
    shutil.copytree(base / f"{ALL}.imbrex", tileset)
    shutil.copytree(base / f"{COMMON}.imbrex", tileset, dirs_exist_ok=True)
    return tileset, sorted(p.name for p in tileset.glob("manifest-*.ibm"))


class Trouble:
    """Threads that damage, dawdle and publish until told to stop."""

    def __init__(self, tileset, manifests, port, admin):
        self.tileset, self.manifests = tileset, manifests
        self.port, self.admin = port, admin
        self.stop = threading.Event()
        self.done = {"damages": 0, "slow": 0, "reloads": 0}
        self.threads = [threading.Thread(target=self._until_stopped,
                                         args=(work, n))
                        for n, work in enumerate(
                            [self.damage, self.publish] + [self.dawdle] * SLOW)]
        for thread in self.threads:
            thread.start()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _until_stopped(self, work, seed):
        rng = random.Random(seed)
        while not self.stop.is_set():
            work(rng)

    def damage(self, rng):
        """Spoils a pack for a while, then puts a good one in its place."""
        path = rng.choice(self.packs())
        good = path.read_bytes()
        rng.choice(list(sabotage.DEEDS.values()))(path, rng)
        self.stop.wait(0.2)
        fresh = path.with_suffix(".fresh")
        fresh.write_bytes(good)
        fresh.chmod(0o644)
        os.replace(fresh, path)
        self.done["damages"] += 1
        self.stop.wait(0.3)

    def packs(self):
        return sorted(self.tileset.glob("packs/*/*.ibx"))

    def publish(self, rng):
        """The other generation comes into force."""
        self.manifests.reverse()
        fresh = self.tileset / "CURRENT.fresh"
        fresh.write_text(self.manifests[0] + "\n")
        os.replace(fresh, self.tileset / "CURRENT")
        if rng.random() < 0.5:
            urllib.request.urlopen(urllib.request.Request(
                self.admin + "/reload", method="POST"), timeout=60).read()
        self.done["reloads"] += 1
        self.stop.wait(1)

    def dawdle(self, rng):
        """Sends half a head, or asks for much and reads little."""
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            try:
                slow.connect(("127.0.0.1", self.port))
                if rng.random() < 0.5:
                    slow.sendall(b"GET /t/7/1/1 HTTP/1.1\r\nHos")
                else:
                    slow.sendall(b"GET /t/7/1/1 HTTP/1.1\r\nHost: a\r\n\r\n"
                                 * 200)
                for _ in range(rng.randrange(8)):
                    self.stop.wait(0.5)
                    slow.recv(500, socket.MSG_DONTWAIT)
            except OSError:
                pass  # hung up on, as it should be, or nothing to read yet
        self.done["slow"] += 1


def metrics(admin):
    with urllib.request.urlopen(admin + "/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, value in
            (line.rsplit(" ", 1) for line in lines if line[:1] not in "#")}


def settled(server, admin):
    """What is in use once everybody has gone."""
    end = time.monotonic() + 30
    while metrics(admin)["imbrex_connections"] and time.monotonic() < end:
        time.sleep(0.2)
    now = metrics(admin)
    folder = pathlib.Path(f"/proc/{server.pid}")
    time.sleep(0.5)  # our own connection is not quite gone
    now["descriptors"] = len(list((folder / "fd").iterdir()))
    now["threads"] = len(list((folder / "task").iterdir()))
    return now


def trouble(bench, server, port, admin, tileset, manifests, seconds):
    """A stretch of load and faults, then of load alone, which fills the views
    again; what clients saw, and what is in use when they have gone."""
    fiends = Trouble(tileset, manifests, port, admin)
    try:
        asked = ask(bench, port, seconds)
    finally:
        fiends.end()
    return {"asked": asked, "done": fiends.done, "after": ask(bench, port, 2),
            "left": settled(server, admin)}


def ask(bench, port, seconds):
    return serving.Asker(bench, port, "/t/", zoom=ZOOM, count=COMMON,
                         clients=CLIENTS, nbytes=data.TILE_NBYTES,
                         seconds=seconds, **{"from": 0}).result()


def one(bench, first, rest):
    """`first` seconds, then `rest` seconds more, of the same."""
    tileset, manifests = generations(bench)
    port, admin_port = serving.free_port(), serving.free_port()
    admin = f"http://127.0.0.1:{admin_port}"
    command = [bench.program("imbrex-server"), "--port", port, "--admin",
               f"127.0.0.1:{admin_port}", "--id", "t", "--quiet",
               "--max-views", 6, "--send-timeout", 2, "--header-timeout", 2,
               "--idle-timeout", 5, "--scrub", "4M",
               "--max-prepared", "256K",  # full at once, and ever changing
               tileset]
    cage = limits.Limits(memory=MEMORY) if os.geteuid() == 0 \
        else limits.NoLimits()
    with cage as inside, serving.running(inside, command, port,
                                         uid=bench.uid) as server:
        parts = [trouble(bench, server, port, admin, tileset, manifests, s)
                 for s in (first, rest)]
        return {"parts": parts, "seconds": [first, rest],
                "alive": server.poll() is None}


def complaints(result):
    """What is not as it should be, in words."""
    first, last = result["parts"]
    if not result["alive"]:
        yield "the server died"
    for part in result["parts"]:
        for key in ("wrong", "other", "broken"):
            if part["asked"][key]:
                yield f"{part['asked'][key]} answers were {key}"
        if not part["asked"]["right"]:
            yield "no tile at all"
        if part["after"]["right"] != part["after"]["requests"]:
            yield f"not whole after the faults: {part['after']}"
        for what, count in part["done"].items():
            if not count:
                yield f"there were no {what}"
    for name, more in KEPT.items():
        if last["left"][name] > first["left"][name] + more:
            yield (f"{name}: {first['left'][name]:.0f} after the first part, "
                   f"{last['left'][name]:.0f} at the end")
    for name, high in last["left"].items():
        if name.endswith("_high") and high > last["left"][name[:-4] + "cap"]:
            yield f"{name}: {high:.0f} is above its cap"


def measure(bench):
    result = one(bench, 60, max(bench.minutes * 60 - 60, 30))
    bench.save("soak", result)
    first, last = (part["left"] for part in result["parts"])
    rows = [[name, first[name], last[name],
             last.get(f"{name}_high", ""), last.get(f"{name}_cap", "")]
            for name in KEPT]
    asked = [part["asked"] for part in result["parts"]]
    done = {k: sum(p["done"][k] for p in result["parts"])
            for k in result["parts"][0]["done"]}
    words = ", ".join(f"{count:,} {what}" for what, count in done.items())
    verdict = "; ".join(complaints(result)) or "nothing is left behind"
    return table.text(
        f"The soak: {sum(result['seconds']) / 60:g} minutes, "
        f"{sum(a['requests'] for a in asked):,} requests by {CLIENTS} clients "
        f"({sum(a['busy'] for a in asked):,} were 503, "
        f"{sum(a['wrong'] for a in asked)} wrong),\n{words}: {verdict}",
        ["in use, all quiet", "after a minute", "at the end", "most", "cap"],
        rows)
