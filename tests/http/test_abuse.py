"""Other people's tools for abuse and load, in short runs on loopback: what the
caps promise holds while they run, and everybody else is served."""
import contextlib
import re
import shutil
import socket
import subprocess
import sys
import threading

import harness
from harness import SANITIZED, Case, tile_bytes, until

for program, package in (("slowhttptest", "slowhttptest"),
                         ("h2load", "nghttp2-client")):
    if shutil.which(program) is None:
        print(f"skipped: there is no {package}")
        sys.exit(77)

MEMORY = 32 << 20
CAPS = ("--memory", "32M", "--threads", "2")


def private_nbytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return 1024 * int(re.search(r"RssAnon:\s+(\d+)", status.read())[1])


class Abuse(Case):
    tilesets = {"world": dict(max=4, big="0/0/0:300000")}

    def start(self, *args):
        return self.serve(*CAPS, *args, self.folder / "world.imbrex")

    def assert_within_caps(self, server):
        metrics = server.metrics()
        caps = [name[:-4] for name in metrics if name.endswith("_cap")]
        self.assertGreaterEqual(len(caps), 8)
        for name in caps:
            self.assertLessEqual(metrics[f"{name}_high"],
                                 metrics[f"{name}_cap"], name)
        return metrics

    @contextlib.contextmanager
    def others_are_served(self, server, source="127.0.0.1"):
        """While the body runs, somebody else asks, each time on a connection
        of its own; every answer must be right. Memory is looked at as well."""
        over, problems, counts = threading.Event(), [], [0, 0]

        def ask():
            sock = socket.create_connection(server.address, 20, (source, 0))
            with contextlib.closing(sock):
                sock.sendall(b"GET /world/3/5/2 HTTP/1.0\r\n\r\n")
                got = b"".join(iter(lambda: sock.recv(65536), b""))
            if not got.startswith(b"HTTP/1.1 200 ") or \
                    not got.endswith(tile_bytes(3, 5, 2)):
                problems.append(got[:100])

        def keep_asking():
            while not over.is_set():
                try:
                    ask()
                except OSError as error:
                    problems.append(error)
                counts[0] += 1
                counts[1] = max(counts[1],
                                private_nbytes(server.process.pid))
                over.wait(0.03)

        thread = threading.Thread(target=keep_asking)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        self.assertEqual(problems, [])
        self.assertGreaterEqual(counts[0], 3)
        if not SANITIZED:
            self.assertLessEqual(counts[1], MEMORY)

    def slow(self, server, *args, target="/world/0/0/0", seconds=4):
        """Runs slowhttptest; what it says about the service."""
        done = subprocess.run(
            ["slowhttptest", *args, "-l", str(seconds), "-p", "5", "-u",
             "http://%s:%d%s" % (*server.address, target)],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=60 * harness.SLOW, cwd=harness.WORK, check=False)
        text = re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", done.stdout)
        self.assertIn("Exit status:", text)
        return set(re.findall(r"service available:\s+(\w+)", text))

    # ---- slowhttptest ----------------------------------------------------

    def test_9_2_slow_headers(self):
        server = self.start("--header-timeout", "1")
        with self.others_are_served(server):
            seen = self.slow(server, "-H", "-c", "300", "-r", "300", "-i", "1")
        self.assertEqual(seen, {"YES"})
        metrics = self.assert_within_caps(server)
        self.assertGreaterEqual(
            metrics['imbrex_deadline_total{phase="header"}'], 300)
        until(lambda: server.metrics()["imbrex_connections"] == 0)

    def test_9_2_slow_headers_beyond_every_connection(self):
        """The flood takes all there are: others wait their turn, briefly."""
        server = self.start("--header-timeout", "1", "--max-connections", "50")
        with self.others_are_served(server):
            self.slow(server, "-H", "-c", "200", "-r", "200", "-i", "1")
        metrics = self.assert_within_caps(server)
        self.assertEqual(metrics["imbrex_connections_high"], 50)

    def test_9_6_slow_headers_of_one_address(self):
        """With a limit per address the rest do not even wait: the deadline is
        far too long to help."""
        server = self.start("--header-timeout", "60", "--max-connections",
                            "50", "--address-connections", "20")
        with self.others_are_served(server, source="127.0.0.2"):
            self.slow(server, "-H", "-c", "200", "-r", "200", "-i", "1")
        metrics = self.assert_within_caps(server)
        self.assertGreaterEqual(
            metrics['imbrex_refused_total{cap="address_connections"}'], 100)

    def test_8_3_slow_bodies(self):
        server = self.start("--header-timeout", "30")
        with self.others_are_served(server):
            seen = self.slow(
                server, "-B", "-c", "200", "-r", "200", "-i", "1",
                "-s", "100000", seconds=3)
        self.assertEqual(seen, {"YES"})
        self.assert_within_caps(server)
        # Refused and closed at once, though nobody's deadline has come.
        until(lambda: server.metrics()["imbrex_connections"] == 0)

    def test_9_4_slow_readers(self):
        server = self.start("--send-timeout", "2")
        with self.others_are_served(server):
            self.slow(server, "-X", "-c", "100", "-r", "100", "-n", "1", "-z",
                      "16", "-w", "256", "-y", "512", "-k", "3")
        metrics = self.assert_within_caps(server)
        self.assertGreater(metrics["imbrex_bodies_bytes_high"], 0)
        until(lambda: server.metrics()["imbrex_bodies_bytes"] == 0)

    def test_3_5_ranges_are_not_multiplied(self):
        server = self.start()
        with self.others_are_served(server):
            self.slow(server, "-R", "-c", "50", "-r", "100", "-a", "1", "-b",
                      "500", "-t", "GET", seconds=2)
        self.assert_within_caps(server)

    # ---- h2load ----------------------------------------------------------

    def load(self, server, *args, requests=60000):
        """Runs h2load over 40 tiles; the counts that it reports."""
        urls = harness.WORK / "urls"
        urls.write_text("\n".join(
            "http://%s:%d/world/4/%d/%d" % (*server.address, i % 16, i // 16)
            for i in range(40)))
        done = subprocess.run(
            ["h2load", "--h1", "-n", str(requests), "-i", str(urls), *args],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=60 * harness.SLOW, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        lines = re.findall(r"(?m)^(?:requests|status codes):.*", done.stdout)
        counts = re.findall(r"(\d+) (\w+)", " ".join(lines))
        return {name: int(value) for value, name in counts}

    def assert_all_good(self, counts, requests=60000):
        self.assertEqual((counts["succeeded"], counts["2xx"]),
                         (requests, requests), counts)

    def test_9_1_more_connections_than_there_are(self):
        server = self.start("--max-connections", "64")
        with self.others_are_served(server):
            self.assert_all_good(self.load(server, "-c", "300", "-t", "1"))
        metrics = self.assert_within_caps(server)
        self.assertEqual(metrics["imbrex_connections_high"], 64)

    def test_8_7_deep_pipelines(self):
        server = self.start()
        with self.others_are_served(server):
            self.assert_all_good(self.load(server, "-c", "32", "-m", "50"))
        self.assert_within_caps(server)

    def test_9_7_one_address_takes_all(self):
        server = self.start("--address-rate", "50", "--address-burst", "100")
        with self.others_are_served(server, source="127.0.0.3"):
            counts = self.load(server, "-c", "50")
        metrics = self.assert_within_caps(server)
        self.assertEqual(counts["done"], 60000)
        self.assertGreaterEqual(counts["2xx"], 100)
        self.assertEqual(counts["2xx"] + counts["4xx"], 60000)
        self.assertEqual(metrics['imbrex_refused_total{cap="address_rate"}'],
                         counts["4xx"])
        self.assertGreater(counts["4xx"], 1000)


if __name__ == "__main__":
    harness.main()
