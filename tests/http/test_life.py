"""docs/http.md sections 10 to 12: listening, admin, change and end."""
import concurrent.futures
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import harness
from harness import SLOW, Case, Wire, make_tileset, packs, tile_bytes, until


class Life(Case):
    tilesets = {"world": dict(max=3), "vec": dict(kind="vector", max=2)}

    def world(self, *args, **kwargs):
        return self.serve(*args, self.folder / "world.imbrex", **kwargs)

    # ---- 10 ------------------------------------------------------------

    def test_10_1_addresses(self):
        server = self.world("--bind", "127.0.0.2")
        self.assertEqual(server.address[0], "127.0.0.2")
        self.assertEqual(server.get("/world/0/0/0").status, 200)
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
            hosts = "127.0.0.1:0,[::1]:0"
        except OSError:
            hosts = "127.0.0.1:0,127.0.0.3:0"
        server = self.world("--listen", hosts)
        found = re.findall(r"serving \d+ tilesets on http://(\S+):(\d+)/",
                           server.log())
        self.assertEqual(len(found), 2)
        for host, port in found:
            with Wire((host.strip("[]"), int(port))) as wire:
                self.assertEqual(wire.ask("/world/0/0/0").status, 200)

    def test_10_2_unix_socket(self):
        path = harness.WORK / "server.sock"
        server = self.world("--listen", f"unix:{path}")
        with Wire(str(path)) as wire:
            self.assertEqual(wire.ask("/world/2/1/1").body, tile_bytes(2, 1, 1))
        self.assertEqual(server.stop(), 0)
        self.assertFalse(path.exists())
        # One that a killed process left over is taken over.
        with socket.socket(socket.AF_UNIX) as left_over:
            left_over.bind(str(path))
        server = self.world("--listen", f"unix:{path}")
        status, log = harness.start_refused(
            "--listen", f"unix:{path}", self.folder / "world.imbrex")
        self.assertEqual(status, 1)
        self.assertIn(str(path), log)
        with Wire(str(path)) as wire:
            self.assertEqual(wire.ask("/world/0/0/0").status, 200)

    def test_10_3_systemd(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        code = ("import os, sys\n"
                f"os.dup2({listener.fileno()}, 3)\n"
                "os.set_inheritable(3, True)\n"
                "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))\n"
                "os.execv(sys.argv[1], sys.argv[1:])\n")
        process = subprocess.Popen(
            [sys.executable, "-c", code, harness.SERVER, "--listen", "systemd",
             "--admin", "off", str(self.folder / "world.imbrex")],
            pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL)
        try:
            with Wire(listener.getsockname()) as wire:
                self.assertEqual(wire.ask("/world/0/0/0").status, 200)
        finally:
            process.terminate()
            process.wait()
        status, text = harness.start_refused("--listen", "systemd",
                                             self.folder / "world.imbrex")
        self.assertEqual(status, 1)
        self.assertIn("systemd", text)

    def test_10_4_port_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            status, log = harness.start_refused(
                "--port", port, self.folder / "world.imbrex")
        self.assertEqual(status, 1)
        self.assertIn(f"127.0.0.1:{port}: cannot listen: Address already in use",
                      log)

    # ---- 11 ------------------------------------------------------------

    def test_11_1_healthz(self):
        answer = self.server.admin("/healthz")
        self.assertEqual((answer.status, answer.body), (200, b"alive\n"))
        self.assertEqual(answer["Cache-Control"], "no-store")
        self.assertEqual(self.server.admin("/nothing").status, 404)
        self.assertEqual(self.server.admin("/healthz", "DELETE").status, 405)

    def test_11_1_asked_by_the_program_itself(self):
        def asked(where):
            return subprocess.run([harness.SERVER, "--check-health", where],
                                  text=True, stderr=subprocess.PIPE,
                                  check=False)
        server = self.world()
        where = "%s:%d" % server.admin_address
        self.assertEqual(asked(where).returncode, 0)
        public = asked("%s:%d" % server.address)
        self.assertEqual(public.returncode, 1)
        self.assertIn("does not answer that it is alive", public.stderr)
        server.__exit__()
        gone = asked(where)
        self.assertEqual(gone.returncode, 1)
        self.assertIn(where, gone.stderr)
        self.assertEqual(asked("nowhere").returncode, 1)

    def test_11_2_readyz(self):
        self.server.wait_ready()
        path, _ = self.tileset(max=2)
        pack = packs(path)[0]
        hidden = pack.with_suffix(".hidden")
        pack.rename(hidden)
        server = self.serve(path)
        answer = server.admin("/readyz")
        self.assertEqual(answer.status, 503)
        self.assertIn(b"made", answer.body)
        self.assertIsNotNone(answer["Retry-After"])
        hidden.rename(pack)
        server.wait_ready()
        self.assertIn("imbrex_ready 1", server.admin("/metrics").body.decode())

    def test_11_2_not_ready_while_draining(self):
        server = self.world("--drain-delay", "5")
        server.wait_ready()
        server.process.send_signal(signal.SIGTERM)
        until(lambda: server.admin("/readyz").status == 503)
        self.assertEqual(server.get("/world/0/0/0").status, 200)
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(5 * SLOW), 0)

    def test_11_3_metrics(self):
        self.server.get("/world/0/0/0")
        answer = self.server.admin("/metrics")
        self.assertTrue(answer["Content-Type"].startswith("text/plain"))
        seen = set()
        for line in answer.body.decode().splitlines():
            if line.startswith("#"):
                self.assertRegex(line, r"^# (HELP|TYPE) imbrex_[a-z_]+ \S")
                if line.startswith("# TYPE"):
                    name = line.split()[2]
                    self.assertNotIn(name, seen)
                    seen.add(name)
            else:
                self.assertRegex(line, r'^imbrex_[a-z_]+(\{[^}]*\})? [0-9.e+-]+$')
        metrics = self.server.metrics()
        self.assertGreater(metrics['imbrex_requests_total{status="2xx"}'], 0)
        for cap in ("views", "mapped_bytes", "handles", "bodies_bytes",
                    "index_bytes", "documents_bytes", "connections",
                    "admin_connections", "queue_jobs"):
            self.assertLessEqual(metrics[f"imbrex_{cap}_high"],
                                 metrics[f"imbrex_{cap}_cap"])

    def test_11_4_reload(self):
        path, old = self.tileset(max=1)
        server = self.serve("--reload-interval", "0", path)
        new = make_tileset(path, max=1, seed=2, replace=1)
        self.assertEqual(server.get("/made/1/1/1").body, tile_bytes(1, 1, 1))
        answer = server.reload()
        self.assertEqual(answer.status, 200)
        self.assertIn(b'"changed":1,"failed":0', answer.body)
        self.assertIsNone(answer["Access-Control-Allow-Origin"])
        self.assertEqual(server.get("/made/1/1/1").body,
                         tile_bytes(1, 1, 1, seed=2))
        self.assertEqual(server.admin("/reload").status, 405)
        self.assertEqual(server.admin("/reload", "POST",
                                      Origin="http://evil.example").status, 403)
        own = "http://test"
        self.assertEqual(server.admin("/reload", "POST", Origin=own).status,
                         200)
        self.assertNotEqual(old, new)

    def test_11_5_its_own_listener(self):
        server = self.world("--base-path", "/maps")
        self.assertEqual(server.admin("/healthz").status, 200)
        for target in ("/healthz", "/readyz", "/metrics", "/reload",
                       "/maps/healthz", "/maps/metrics", "/maps/reload"):
            self.assertEqual(server.get(target).status, 404)
        off = self.world("--admin", "off")
        self.assertIsNone(off.admin_address)
        path = harness.WORK / "admin.sock"
        unix = self.world("--admin", f"unix:{path}")
        with Wire(str(path)) as wire:
            self.assertEqual(wire.ask("/healthz").status, 200)
        self.assertEqual(unix.stop(), 0)

    # ---- 12 ------------------------------------------------------------

    def test_12_1_new_generation_under_load(self):
        path, _ = self.tileset(max=3, seed=1)
        server = self.serve(path)
        stop, failures, seen = threading.Event(), [], set()

        def ask(n):
            with server.wire() as wire:
                while not stop.is_set():
                    for x in range(8):
                        answer = wire.ask(f"/made/3/{x}/{n}")
                        found = re.match(rf"tile 3/{x}/{n} seed (\d+)\n".encode(),
                                         answer.body)
                        if answer.status != 200 or not found:
                            failures.append(answer.status)
                            return
                        seen.add(int(found.group(1)))

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(ask, n) for n in range(4)]
            for seed in (2, 3, 4):
                make_tileset(path, max=3, seed=seed, replace=1)
                until(lambda: server.get("/made/3/7/7").body
                      == tile_bytes(3, 7, 7, seed=seed))
            stop.set()
            for job in asked:
                job.result()
        self.assertEqual(failures, [])
        self.assertEqual(seen, {1, 2, 3, 4})

    def test_12_2_sighup(self):
        path, _ = self.tileset(max=1)
        server = self.serve("--reload-interval", "0", path)
        make_tileset(path, max=1, seed=2, replace=1)
        server.process.send_signal(signal.SIGHUP)
        until(lambda: server.get("/made/1/1/1").body
              == tile_bytes(1, 1, 1, seed=2))

    def test_12_3_bad_generation(self):
        path, _ = self.tileset(max=1)
        server = self.serve(path)
        (path / "CURRENT.new").write_text("manifest-0123456789abcdef.ibm\n")
        (path / "CURRENT.new").rename(path / "CURRENT")
        until(lambda: "not taken into service" in server.log())
        self.assertEqual(server.get("/made/1/1/1").body, tile_bytes(1, 1, 1))
        self.assertEqual(server.reload().status, 503)
        self.assertGreaterEqual(
            server.metrics()['imbrex_reloads_total{result="failed"}'], 1)

    def test_12_4_folders(self):
        folder = harness.WORK / "many"
        folder.mkdir()
        make_tileset(folder / "one.imbrex", max=1)
        bad = folder / "bad.imbrex"
        bad.mkdir()
        (bad / "CURRENT").write_text("nonsense\n")
        server = self.serve(folder)
        self.assertIn("bad", server.log())
        self.assertEqual(server.get("/one/0/0/0").status, 200)
        self.assertEqual(server.get("/bad/0/0/0").status, 404)
        make_tileset(folder / "two.imbrex", max=1)
        until(lambda: server.get("/two/1/0/1").status == 200)
        shutil.rmtree(folder / "one.imbrex")
        until(lambda: server.get("/one/0/0/0").status == 404)
        self.assertEqual(server.metrics()["imbrex_tilesets"], 1)
        shutil.rmtree(bad)
        make_tileset(bad, max=1)
        until(lambda: server.get("/bad/0/0/0").status == 200)

    def test_12_4_hundreds_of_tilesets(self):
        """No thread, handle or much memory for each; views are shared."""
        folder = harness.WORK / "hundreds"
        folder.mkdir()
        count, model = 500, folder / "t0.imbrex"
        make_tileset(model, max=2)
        alone = self.serve(model)
        alone.wait_ready()
        for n in range(1, count):
            shutil.copytree(model, folder / f"t{n}.imbrex")
        server = self.serve("--max-views", "8", "--max-handles", "4", folder)
        server.wait_ready()
        for n in random.Random(5).sample(range(count), 200):
            answer = server.get(f"/t{n}/2/{n % 4}/1")
            self.assertEqual(answer.body, tile_bytes(2, n % 4, 1), n)
        metrics = server.metrics()
        self.assertEqual(metrics["imbrex_tilesets"], count)
        self.assertLessEqual(metrics["imbrex_views_high"], 8)
        self.assertLessEqual(metrics["imbrex_handles_high"], 4)

        def in_use(what, of):
            return len(os.listdir(f"/proc/{of.process.pid}/{what}"))
        self.assertEqual(in_use("task", server), in_use("task", alone))
        self.assertLessEqual(in_use("fd", server), in_use("fd", alone) + 2)
        if not harness.SANITIZED:
            each = (metrics["imbrex_private_bytes"]
                    - alone.metrics()["imbrex_private_bytes"]) / count
            self.assertLess(each, 4096)
        shutil.rmtree(folder)

    @staticmethod
    def status_or_none(server):
        try:
            answer = server.get("/made/2/0/0")
        except ConnectionError:
            return None
        return answer and answer.status

    def test_12_5_drain(self):
        path, _ = self.tileset(max=2, big="2/1/1:6000000")
        server = self.serve("--drain-timeout", "20", "--memory", "64M", path)
        with server.wire() as idle, server.wire() as busy, \
                server.wire() as begun:
            idle.ask("/made/2/0/0")
            busy.send("GET /made/2/1/1 HTTP/1.1\r\nHost: a\r\n\r\n")
            begun.send("GET /made/2/0/1 HT")
            until(busy.more)
            until(lambda: server.metrics()["imbrex_connections"] == 3)
            server.process.send_signal(signal.SIGTERM)
            self.assertTrue(idle.ended())
            begun.send("TP/1.1\r\nHost: a\r\n\r\n")
            self.assert_refused(begun.read(), 503)
            self.assertTrue(begun.ended())
            self.assertIn(self.status_or_none(server), (None, 503))
            answer = busy.read()
            self.assertEqual(len(answer.body), 6000000)
            self.assertTrue(answer.body.startswith(b"tile 2/1/1 seed 1\n"))
        self.assertEqual(server.process.wait(10 * SLOW), 0)

    def test_12_5_drain_is_bounded(self):
        path, _ = self.tileset(max=2, big="2/1/1:6000000")
        server = self.serve("--drain-timeout", "1", "--memory", "64M", path)
        with server.wire() as busy:
            busy.send("GET /made/2/1/1 HTTP/1.1\r\nHost: a\r\n\r\n")
            until(busy.more)
            start = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertLess(time.monotonic() - start, 6 * SLOW)

    def test_12_6_refused_starts(self):
        good = self.folder / "world.imbrex"
        missing = harness.WORK / "missing.imbrex"
        cut, _ = self.tileset(max=1)
        manifest = next(cut.glob("manifest-*.ibm"))
        manifest.chmod(0o644)
        os.truncate(manifest, 100)
        torn, _ = self.tileset(max=1)
        (torn / "CURRENT").write_text("manif")
        flipped, _ = self.tileset(max=1)
        manifest = next(flipped.glob("manifest-*.ibm"))
        manifest.chmod(0o644)
        data = bytearray(manifest.read_bytes())
        data[20] ^= 1
        manifest.write_bytes(data)
        for bad in (missing, cut, torn, flipped, harness.WORK / "nowhere"):
            status, log = harness.start_refused(good, bad)
            self.assertEqual(status, 1, bad)
            self.assertIn(str(bad), log)
            self.assertNotIn("started in", log)


if __name__ == "__main__":
    harness.main()
