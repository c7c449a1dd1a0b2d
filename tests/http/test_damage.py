"""docs/http.md rule 3.12 under load: right bytes or 503, never anything else,
while packs are cut, overwritten, replaced and restored."""
import concurrent.futures
import os
import random
import re
import signal
import threading
import time

import harness
from harness import Case, make_tileset, packs, until

ADDRESS = re.compile(rb"tile (\d+)/(\d+)/(\d+) seed 1\n")


class Sabotage:
    """Does one kind of damage to a pack, and undoes it."""

    def __init__(self, path):
        self.path, self.good = path, path.read_bytes()
        path.chmod(0o644)

    def cut(self, rng):
        os.truncate(self.path, rng.randrange(len(self.good)))

    def overwrite(self, rng):
        with open(self.path, "r+b") as file:
            for _ in range(20):
                file.seek(rng.randrange(len(self.good)))
                file.write(bytes([rng.randrange(256)]) * 64)

    def swap(self, rng):
        """Another file under the name, as a broken copy would leave it."""
        other = self.path.with_suffix(".other")
        other.write_bytes(self.good[: len(self.good) // 2] +
                          bytes(len(self.good) // 2))
        other.rename(self.path)

    def remove(self, _):
        self.path.rename(self.path.with_suffix(".gone"))

    def restore(self):
        fresh = self.path.with_suffix(".fresh")
        fresh.write_bytes(self.good)
        fresh.rename(self.path)


class Damage(Case):

    def test_3_12_damage_under_load(self):
        path, _ = self.tileset(max=6, nbytes=1500, pack=131072)
        server = self.serve("--max-views", "8", "--wait", "2000", path)
        server.wait_ready()
        victims = [Sabotage(p) for p in packs(path)]
        stop, wrong, seen = threading.Event(), [], {}

        def load(seed):
            rng = random.Random(seed)
            with server.wire(timeout=30) as wire:
                while not stop.is_set():
                    z = rng.randrange(4, 7)
                    x, y = rng.randrange(1 << z), rng.randrange(1 << z)
                    tag = {"If_None_Match": '"0"'} if rng.random() < .1 else {}
                    answer = wire.ask(f"/made/{z}/{x}/{y}", **tag)
                    seen[answer.status] = seen.get(answer.status, 0) + 1
                    if answer.status == 200 and answer.body != \
                            harness.tile_bytes(z, x, y, 1500):
                        wrong.append((z, x, y))
                    if answer.status == 503 and answer["Cache-Control"] \
                            != "no-store":
                        wrong.append((z, x, y, "cached"))

        rng = random.Random(7)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            loads = [pool.submit(load, n) for n in range(6)]
            for _ in range(60):
                victim = rng.choice(victims)
                getattr(victim, rng.choice(
                    ("cut", "overwrite", "swap", "remove")))(rng)
                time.sleep(0.02)
                if rng.random() < 0.8:
                    victim.restore()
            stop.set()
            for job in loads:
                job.result()
        self.assertIsNone(server.process.poll(), "it lives")
        self.assertEqual(wrong, [])
        self.assertLessEqual(set(seen), {200, 503})
        self.assertGreater(seen[200], 100)
        for victim in victims:
            victim.restore()
        for z in (4, 5, 6):
            for x in range(0, 1 << z, 3):
                until(lambda: server.get(f"/made/{z}/{x}/{x}").status == 200)
        metrics = server.metrics()
        self.assertGreater(metrics["imbrex_corrupt_total"]
                           + metrics["imbrex_tiles_unreadable_total"]
                           + metrics["imbrex_quarantines_total"], 0)
        for cap in ("views", "mapped_bytes", "handles", "bodies_bytes"):
            self.assertLessEqual(metrics[f"imbrex_{cap}_high"],
                                 metrics[f"imbrex_{cap}_cap"])

    def test_3_12_scrubbing_finds_what_nobody_asked_for(self):
        path, _ = self.tileset(max=4)
        server = self.serve("--scrub", "100M", path)
        until(lambda: server.metrics()["imbrex_scrubbed_bytes_total"] > 1e6)
        self.assertEqual(server.metrics()["imbrex_scrub_failures_total"], 0)
        for pack in packs(path):
            Sabotage(pack).overwrite(random.Random(1))
        until(lambda: server.metrics()["imbrex_scrub_failures_total"] > 0)
        until(lambda: "made: found while scrubbing: " in server.log())
        self.assertIsNone(server.process.poll(), "it lives")

    def test_3_12_soak_ends_as_it_began(self):
        """Faults, slow readers, reloads: nothing is left behind by them."""
        path, _ = self.tileset(max=5, nbytes=1500, pack=65536)
        server = self.serve("--max-views", "6", "--send-timeout", "1",
                            "--header-timeout", "1", "--idle-timeout", "1",
                            path)
        handles = f"/proc/{server.process.pid}/fd"

        def round_of_trouble(seed):
            rng = random.Random(seed)
            wires = [server.wire() for _ in range(10)]
            for wire in wires[:5]:
                wire.send("GET /made/5/1/1 HT")
            for wire in wires[5:]:
                wire.send("GET /made/5/1/1 HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
            for n in range(40):
                server.get(f"/made/5/{rng.randrange(32)}/{rng.randrange(32)}")
                server.get("/catalog.json", Accept_Encoding="gzip")
            make_tileset(path, max=5, nbytes=1500, pack=65536, seed=seed,
                         replace=1)
            server.reload()
            for wire in wires:
                wire.sock.close()

        def settled():
            until(lambda: server.metrics()["imbrex_connections"] == 0)
            return len(os.listdir(handles)), server.metrics()

        for seed in range(2, 5):
            round_of_trouble(seed)
        open_before, before = settled()
        for seed in range(5, 15):
            round_of_trouble(seed)
        # One look may meet the handles of a reload or of a last connection.
        until(lambda: settled()[0] <= open_before + 1)
        _, after = settled()
        for name in ("bodies_bytes", "documents_bytes", "queue_jobs"):
            self.assertLessEqual(after[f"imbrex_{name}"], 4096, name)
        if not harness.SANITIZED:
            self.assertLess(after["imbrex_private_bytes"],
                            before["imbrex_private_bytes"] + (1 << 20))


if __name__ == "__main__":
    harness.main()
