"""docs/http.md section 9: caps and deadlines, and what breaks them."""
import concurrent.futures
import contextlib
import os
import random
import socket
import threading
import time

import harness
from harness import BUILD, SLOW, Case, Wire, packs, tile_bytes, until

STALL = BUILD / "tests/support/libstall.so"


def under_caps(test, server, *names):
    """No cap's highest value is above it."""
    metrics = server.metrics()
    caps = [n[:-4] for n in metrics if n.endswith("_cap")]
    test.assertGreaterEqual(len(caps), 8)
    for name in caps:
        test.assertLessEqual(metrics[f"{name}_high"], metrics[f"{name}_cap"],
                             name)
    for name in names:
        test.assertGreater(metrics[f"imbrex_{name}_high"], 0, name)
    return metrics


class Limits(Case):
    tilesets = {"world": dict(max=5)}
    args = ("--threads", "2")

    def start(self, *args, **kwargs):
        return self.serve(*args, self.folder / "world.imbrex", **kwargs)

    def test_9_8_parts_of_memory_are_those_given(self):
        server = self.start("--max-documents", "96K", "--max-index", "1M")
        self.assertEqual(server.get("/world/5/1/1").status, 200)
        self.assertEqual(server.get("/world.json").status, 200)
        metrics = under_caps(self, server, "documents_bytes", "index_bytes")
        self.assertEqual(metrics["imbrex_documents_bytes_cap"], 96 << 10)
        self.assertEqual(metrics["imbrex_index_bytes_cap"], 1 << 20)

    def test_9_8_however_packs_are_read_and_evicted(self):
        path, _ = self.tileset(max=5, pack=65536)
        for evict, prefetch in (("cold", "0"), ("dontneed", "4M"),
                                ("none", "64K")):
            server = self.serve("--evict", evict, "--prefetch", prefetch,
                                "--max-views", "2", path)
            for x in range(32):
                for y in (0, 15, 31):
                    answer = server.get(f"/made/5/{x}/{y}")
                    self.assertEqual(answer.body, tile_bytes(5, x, y))
            metrics = under_caps(self, server, "views")
            self.assertGreater(metrics["imbrex_view_evictions_total"], 0)
        for option, value in (("--evict", "often"), ("--prefetch", "5M")):
            status, log = harness.start_refused(option, value, path)
            self.assertEqual(status, 2)
            self.assertIn(f"{option}: ", log)

    # ---- connections ---------------------------------------------------

    def hammer(self, server, connections, rounds):
        """Keeps that many keep-alive connections busy; the failures."""
        wires = [server.wire(timeout=60) for _ in range(connections)]
        failures = []

        def work(numbers):
            rng = random.Random(numbers[0])
            for _ in range(rounds):
                asked = [(n, rng.randrange(32), rng.randrange(32))
                         for n in numbers]
                for n, x, y in asked:
                    wires[n].send(f"GET /world/5/{x}/{y} HTTP/1.1\r\n"
                                  "Host: a\r\n\r\n")
                for n, x, y in asked:
                    answer = wires[n].read()
                    if answer is None or not answer.body.startswith(
                            f"tile 5/{x}/{y} ".encode()):
                        failures.append((n, answer and answer.status))

        lots = [list(range(i, connections, 4)) for i in range(4)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(work, lots))
        for wire in wires:
            wire.sock.close()
        return failures

    def test_9_1_busy_connections_of_every_number(self):
        """128 and its multiples used to stall the library's own loop, which
        then waits before it serves a batch: some hundred answers a second."""
        for connections in (128, 256, 384):
            # Room for all of them in the queue of cold reads, on a machine
            # however busy: this is about the loop.
            server = self.start("--threads", "1", "--queue", "512",
                                "--wait", "60000")
            start = time.monotonic()
            rounds = 5120 // connections
            self.assertEqual(self.hammer(server, connections, rounds), [])
            # Stalled, it would take a minute and more.
            self.assertLess(time.monotonic() - start, 40 * SLOW)

    def test_9_1_surplus_waits_and_is_served(self):
        server = self.start("--max-connections", "20")
        wires = [server.wire() for _ in range(60)]
        for wire in wires:
            wire.send("GET /world/2/1/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        for wire in wires[:20]:
            self.assertEqual(wire.read().status, 200)
        for wire in wires[20:]:
            wire.sock.settimeout(0.05)
            with self.assertRaises(TimeoutError):
                wire.read()
            wire.sock.settimeout(10 * SLOW)
        metrics = under_caps(self, server, "connections")
        self.assertEqual(metrics["imbrex_connections"], 20)
        self.assertEqual(metrics["imbrex_connections_high"], 20)
        for first, second in zip(wires[:20] + wires[20:40], wires[20:]):
            first.sock.close()
            self.assertEqual(second.read().body, tile_bytes(2, 1, 1))
        for wire in wires:
            wire.sock.close()

    def test_9_1_a_thousand_connections(self):
        server = self.start("--max-connections", "100")
        wires = []
        with contextlib.ExitStack() as stack:
            for _ in range(1000):
                wires.append(stack.enter_context(server.wire(timeout=30)))
            for wire in wires:
                wire.send("GET /world/3/1/1 HTTP/1.1\r\nHost: a\r\n"
                          "Connection: close\r\n\r\n")
            for wire in wires:
                self.assertEqual(wire.read().status, 200)
        metrics = under_caps(self, server, "connections")
        self.assertEqual(metrics["imbrex_connections_cap"], 100)

    # ---- deadlines -----------------------------------------------------

    def trickle(self, wire, text, pause):
        """Sends byte by byte until the other end closes; seconds."""
        start = time.monotonic()
        wire.sock.settimeout(pause)
        for letter in text:
            try:
                wire.send(letter)
                if not wire.more():
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        return time.monotonic() - start

    def test_9_2_slow_heads(self):
        server = self.start("--header-timeout", "1")
        slow = f"GET /world/0/0/0 HTTP/1.1\r\nHost: a\r\nX: {'a' * 2000}"
        with server.wire() as wire, server.wire() as other:
            other.send("GET /wor")
            took = self.trickle(wire, slow, 0.05)
            self.assertLess(took, 3 * SLOW)
            self.assertTrue(other.ended())
            self.assertEqual(server.get("/world/0/0/0").status, 200)
        with server.wire() as wire:
            wire.ask("/world/0/0/0")
            self.assertLess(self.trickle(wire, slow, 0.05), 3 * SLOW)
        self.assertGreaterEqual(
            server.metrics()['imbrex_deadline_total{phase="header"}'], 2)

    def test_9_3_idle_connections(self):
        server = self.start("--idle-timeout", "1", "--header-timeout", "1")
        with server.wire() as used, server.wire() as fresh:
            used.ask("/world/0/0/0")
            self.assertTrue(used.ended())
            self.assertTrue(fresh.ended())
        # A client sees the end before the server has put the connection away.
        until(lambda: server.metrics()["imbrex_connections"] == 0)
        self.assertEqual(
            server.metrics()['imbrex_deadline_total{phase="idle"}'], 1)

    def test_9_4_slow_readers(self):
        path, _ = self.tileset(max=2, big="2/1/1:3000000")
        server = self.serve("--send-timeout", "1", path)
        with server.wire() as wire:
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.send("GET /made/2/1/1 HTTP/1.1\r\nHost: a\r\n\r\n")
            until(lambda: server.metrics()[
                'imbrex_deadline_total{phase="send"}'] == 1)
        until(lambda: server.metrics()["imbrex_bodies_bytes"] == 0)
        under_caps(self, server, "bodies_bytes")

    def test_9_4_many_slow_readers_do_not_overshoot(self):
        path, _ = self.tileset(max=2, nbytes=500000)
        server = self.serve("--max-bodies", "2M", "--wait", "300",
                            "--send-timeout", "1", path)
        seen = {}
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(server.wire()) for _ in range(40)]
            for n, wire in enumerate(wires):
                wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                wire.send(f"GET /made/2/{n % 4}/{n // 4 % 4} HTTP/1.1\r\n"
                          "Host: a\r\nConnection: close\r\n\r\n")
            until(lambda: server.metrics()["imbrex_connections"] == 0)
            for wire in wires:
                with contextlib.suppress(EOFError, ConnectionResetError):
                    answer = wire.read()
                    seen[answer.status] = seen.get(answer.status, 0) + 1
                    if answer.status == 503:
                        self.assert_refused(answer, 503)
                        self.assertIsNotNone(answer["Retry-After"])
        self.assertLessEqual(set(seen), {200, 503})
        self.assertGreater(seen[503], 20)
        metrics = under_caps(self, server, "bodies_bytes")
        self.assertEqual(metrics["imbrex_bodies_bytes"], 0)
        self.assertGreater(metrics['imbrex_deadline_total{phase="send"}'], 0)

    # ---- cold reads ----------------------------------------------------

    def stalled(self, *args):
        """A server whose packs hang when opened, and the flag for it."""
        if not STALL.exists():
            self.skipTest("nothing can be preloaded into this build")
        path, _ = self.tileset("cold", max=6, nbytes=3000, pack=65536)
        flag = harness.WORK / f"stall-{time.monotonic_ns()}"
        server = self.serve(*args, self.folder / "world.imbrex", path,
                            env={"LD_PRELOAD": str(STALL),
                                 "STALL_WHILE": str(flag)})
        server.wait_ready()
        for x in range(32):
            self.assertEqual(server.get(f"/world/5/{x}/{x}").status, 200)
        flag.touch()
        return server, flag

    def cold(self, server, n):
        return server.get(f"/cold/6/{(n * 13) % 64}/{(n * 29 + 7) % 64}")

    def test_9_5_a_stuck_medium_delays_only_who_asked(self):
        server, flag = self.stalled("--wait", "3000", "--io-threads", "2")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(self.cold, server, n) for n in range(8)]
            until(lambda: server.metrics()["imbrex_queue_jobs"] >= 8)
            for n in range(50):
                self.assertEqual(
                    server.get(f"/world/5/{n % 32}/{n % 32}").status, 200)
            self.assertFalse(any(job.done() for job in asked),
                             "the warm ones were not waiting for them")
            answers = [job.result() for job in asked]
        for answer in answers:
            self.assert_refused(answer, 503)
            self.assertIsNotNone(answer["Retry-After"])
        flag.unlink()
        until(lambda: self.cold(server, 1).status == 200)
        until(lambda: server.metrics()["imbrex_queue_jobs"] == 0)
        under_caps(self, server, "queue_jobs")

    def test_9_5_a_full_queue_refuses_at_once(self):
        server, flag = self.stalled("--wait", "5000", "--io-threads", "1",
                                    "--queue", "4")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(self.cold, server, n) for n in range(4)]
            until(lambda: server.metrics()["imbrex_queue_jobs"] == 4)
            start = time.monotonic()
            self.assert_refused(self.cold(server, 9), 503)
            self.assertLess(time.monotonic() - start, 2 * SLOW)
            flag.unlink()
            self.assertEqual({job.result().status for job in asked}, {200})
        metrics = under_caps(self, server, "queue_jobs")
        self.assertEqual(metrics["imbrex_queue_jobs_high"], 4)
        self.assertEqual(metrics['imbrex_refused_total{cap="queue"}'], 1)

    def test_9_5_the_end_does_not_wait_for_a_stuck_read(self):
        server, _ = self.stalled("--wait", "60000", "--io-threads", "1",
                                 "--drain-timeout", "1")
        with server.wire() as wire:
            wire.send("GET /cold/6/3/3 HTTP/1.1\r\nHost: a\r\n\r\n")
            until(lambda: server.metrics()["imbrex_queue_jobs"] == 1)
            start = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertLess(time.monotonic() - start, 8 * SLOW)

    # ---- addresses -----------------------------------------------------

    def test_9_6_connections_per_address(self):
        server = self.start("--address-connections", "3")
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(server.wire()) for _ in range(3)]
            for wire in wires:
                self.assertEqual(wire.ask("/world/0/0/0").status, 200)
            with server.wire() as fourth:
                self.assertTrue(fourth.ended())
        until(lambda: server.metrics()["imbrex_connections"] == 0)
        self.assertEqual(server.get("/world/0/0/0").status, 200)

    def test_9_7_rate_per_address(self):
        server = self.start("--address-rate", "5", "--address-burst", "10",
                            "--trusted-proxies", "127.0.0.1")
        with server.wire() as wire:
            answers = [wire.ask("/world/0/0/0", X_Forwarded_For="192.0.2.1")
                       for _ in range(30)]
            statuses = [a.status for a in answers]
            self.assertEqual(statuses[:10], [200] * 10)
            self.assertIn(429, statuses)
            refused = answers[statuses.index(429)]
            self.assert_refused(refused, 429)
            self.assertIsNotNone(refused["Retry-After"])
            self.assertEqual(wire.ask(
                "/world/0/0/0", X_Forwarded_For="192.0.2.2").status, 200)
            until(lambda: wire.ask("/world/0/0/0", X_Forwarded_For="192.0.2.1")
                  .status == 200)

    def test_9_7_who_counts_as_one(self):
        server = self.start("--address-rate", "1", "--address-burst", "3",
                            "--trusted-proxies", "127.0.0.1,10.0.0.0/8")

        def statuses(name, values):
            return [server.get("/world/0/0/0", **{name: value}).status
                    for value in values]
        # All of an IPv6 network, with and without a port; not the next one.
        self.assertIn(429, statuses("X_Forwarded_For", [
            f"2001:db8:0:1::{n:x}" for n in range(1, 10)]))
        self.assertIn(429, statuses("X_Forwarded_For", [
            f"[2001:db8:0:1::{n:x}]:4711" for n in range(1, 10)]))
        self.assertEqual(statuses("X_Forwarded_For", ["2001:db8:0:2::1"]),
                         [200])
        # RFC 7239, its forms, and trusted proxies in between.
        self.assertIn(429, statuses("Forwarded", [
            'for=192.0.2.7', 'For="192.0.2.7:80";proto=https',
            'for=8.8.8.8, for=192.0.2.7', 'for=192.0.2.7, for=10.1.2.3',
            'proto=http;for=192.0.2.7', 'for=192.0.2.7', 'for=192.0.2.7']))
        self.assertEqual(statuses("Forwarded", [
            'for="[2001:db8:0:3::1]:4711"', 'for=8.8.8.8']), [200, 200])

    # ---- clients that want everything -----------------------------------

    def test_9_9_crawlers_leave_open_what_others_use(self):
        path, _ = self.tileset(max=6, nbytes=1500, pack=65536)
        server = self.serve("--max-views", "12", "--max-prepared", "0", path)
        own = [(6, 0, 0), (6, 40, 8), (6, 20, 60)]
        everything = [(6, x, y) for x in range(0, 64, 4)
                      for y in range(0, 64, 4)]

        def ask(wire, z, x, y, **fields):
            answer = wire.ask(f"/made/{z}/{x}/{y}", **fields)
            self.assertEqual(answer.body, tile_bytes(z, x, y, 1500))

        def crawl(at, rounds, crawlers, user):
            """How many packs the user's requests opened."""
            opened = 0
            for i in range(at, at + rounds):
                for n, wire in enumerate(crawlers):
                    for step in range(10):
                        ask(wire, *everything[(i * 10 + step + n * 128) % 256])
                before = server.metrics()["imbrex_view_opens_total"]
                for tile in own:
                    ask(user, *tile)
                opened += server.metrics()["imbrex_view_opens_total"] - before
            return opened

        for ncrawlers in 1, 2:
            with server.wire() as user, \
                    server.wire(source="127.0.0.2") as one, \
                    server.wire(source="127.0.0.3") as two:
                crawlers = [one, two][:ncrawlers]
                crawl(0, 2, crawlers, user)
                self.assertEqual(crawl(2, 15, crawlers, user), 0)
        metrics = under_caps(self, server, "views")
        self.assertGreater(metrics["imbrex_view_opens_total"], 300)
        self.assertGreater(metrics["imbrex_view_evictions_spared_total"], 50)

    # ---- everything at once --------------------------------------------

    def test_9_8_no_cap_is_overshot(self):
        path, _ = self.tileset(max=6, nbytes=1500, pack=65536)
        count = len(packs(path))
        self.assertGreater(count, 80)
        server = self.serve("--max-views", "6", "--max-mapped", "600K",
                            "--max-handles", "4", "--memory", "8M",
                            "--max-connections", "60", "--io-threads", "3",
                            "--queue", "40", path)
        wrong, seen = [], {}

        def crawl(seed):
            rng = random.Random(seed)
            with server.wire(timeout=30) as wire:
                for _ in range(250):
                    z = rng.randrange(7)
                    x, y = rng.randrange(1 << z), rng.randrange(1 << z)
                    answer = wire.ask(f"/made/{z}/{x}/{y}")
                    seen[answer.status] = seen.get(answer.status, 0) + 1
                    text = f"tile {z}/{x}/{y} seed 1\n".encode()
                    if answer.status == 200 and \
                            not answer.body.startswith(text):
                        wrong.append((z, x, y))

        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            list(pool.map(crawl, range(12)))
        self.assertEqual(wrong, [])
        self.assertLessEqual(set(seen), {200, 503})
        self.assertGreater(seen[200], 2500)
        metrics = under_caps(self, server, "views", "mapped_bytes", "handles",
                             "connections", "index_bytes", "queue_jobs")
        self.assertGreater(metrics["imbrex_view_evictions_total"], 50)
        if not harness.SANITIZED:
            self.assertLessEqual(metrics["imbrex_private_bytes"],
                                 metrics["imbrex_memory_budget_bytes"])


if __name__ == "__main__":
    harness.main()
