"""Starts the real server on real tilesets and talks to it over sockets."""
import atexit
import contextlib
import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

SERVER = os.environ["IMBREX_SERVER"]
BUILD = pathlib.Path(os.environ["IMBREX_BUILD"])
MAKE = BUILD / "tests/support/make_tileset"
# Sanitizers make everything slower and take memory of their own.
SANITIZED = re.search(
    r"(?m)^IMBREX_SANITIZE:[A-Z]+=\S",
    (BUILD / "CMakeCache.txt").read_text()) is not None
SLOW = 5 if SANITIZED else 1

WORK = pathlib.Path(tempfile.mkdtemp(prefix="imbrex-http-"))
atexit.register(shutil.rmtree, WORK, ignore_errors=True)


def tile_bytes(z, x, y, nbytes=1000, seed=1):
    """What make_tileset puts into a tile."""
    mask = (1 << 64) - 1
    state = (seed * 0x9E3779B97F4A7C15 + tile_id(z, x, y)) & mask
    text = f"tile {z}/{x}/{y} seed {seed}\n".encode()
    out = bytearray(nbytes)
    for i in range(nbytes):
        state = (state * 6364136223846793005 + 1442695040888963407) & mask
        out[i] = text[i] if i < len(text) else b"0123456789abcdef"[state >> 60]
    return bytes(out)


def tile_id(z, x, y):
    """PMTiles v3 tile id: zoom by zoom, Hilbert order inside a zoom."""
    first, d = ((1 << (2 * z)) - 1) // 3, 0
    side = (1 << z) >> 1
    while side > 0:
        rx, ry = int((x & side) > 0), int((y & side) > 0)
        d += side * side * ((3 * rx) ^ ry)
        if ry == 0:
            if rx == 1:
                x, y = side - 1 - (x & (side - 1)), side - 1 - (y & (side - 1))
                x, y = x & (side - 1), y & (side - 1)
            x, y = y, x
        side >>= 1
    return first + d


def make_tileset(path, **settings):
    """Returns the generation."""
    args = [f"{key}={value}" for key, value in settings.items()]
    done = subprocess.run([MAKE, str(path), *args], check=True, text=True,
                          stdout=subprocess.PIPE)
    return done.stdout.strip()


def packs(tileset):
    return sorted(pathlib.Path(tileset).glob("packs/*/*.ibx"))


class Answer:
    """One response, as it came over the wire."""

    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.version, status, *_ = lines[0].split(" ", 2)
        self.status, self.body = int(status), body
        self.fields = [tuple(part.strip() for part in line.split(":", 1))
                       for line in lines[1:] if line]

    def get(self, name):
        """The values of a field joined with commas, or None."""
        values = [v for n, v in self.fields if n.lower() == name.lower()]
        return ", ".join(values) if values else None

    def __getitem__(self, name):
        return self.get(name)


class Wire:
    """A connection that sends bytes as they are."""

    def __init__(self, address, timeout=10, source=None):
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout * SLOW)
            self.sock.connect(address)
        else:
            self.sock = socket.create_connection(
                address, timeout * SLOW, source and (source, 0))
        self.left = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, text):
        self.sock.sendall(text if isinstance(text, bytes) else text.encode())

    def more(self):
        got = self.sock.recv(65536)
        self.left += got
        return bool(got)

    def read(self, method="GET"):
        """The next answer; None when the connection ended before it."""
        while b"\r\n\r\n" not in self.left:
            if not self.more():
                return None
        head, self.left = self.left.split(b"\r\n\r\n", 1)
        answer = Answer(head, b"")
        bodiless = method == "HEAD" or answer.status in (204, 304)
        want = 0 if bodiless else int(answer["Content-Length"] or 0)
        while len(self.left) < want:
            if not self.more():
                raise EOFError("the body ended early")
        answer.body, self.left = self.left[:want], self.left[want:]
        return answer

    def ask(self, target, method="GET", host="test", **fields):
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name.replace('_', '-')}: {value}"
                  for name, value in fields.items()]
        self.send("\r\n".join(lines) + "\r\n\r\n")
        return self.read(method)

    def ended(self):
        """True when the other end closes without another answer."""
        try:
            while self.more():
                pass
        except ConnectionResetError:
            pass
        return self.left == b""


class Server:
    """A running imbrex-server."""

    def __init__(self, *args, env=None, wait=True, limit=None,
                 program=SERVER):
        self.log_path = WORK / f"log-{time.monotonic_ns()}"
        self.out_path = self.log_path.with_suffix(".out")
        given = " ".join(map(str, args))
        extra = [] if "--port" in given or "--listen" in given \
            else ["--port", "0"]
        extra += [] if "--admin" in given else ["--admin", "127.0.0.1:0"]
        with open(self.log_path, "wb") as err, \
                open(self.out_path, "wb") as out:
            self.process = subprocess.Popen(
                [program, *extra, *map(str, args)], stderr=err, stdout=out,
                env={**os.environ, **(env or {})}, preexec_fn=limit)
        self.address = self.admin_address = None
        if wait:
            self.wait_until_serving()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def out(self):
        return self.out_path.read_text(errors="replace")

    def wait_until_serving(self):
        def serving():
            text = self.log()
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended:\n{text}")
            return "started in" in text
        until(serving)
        self.address = self.find(r"serving \d+ tilesets on http://(\S+?):(\d+)(?:/|\s)")
        self.admin_address = self.find(r"admin on http://(\S+):(\d+)")

    def find(self, pattern):
        found = re.search(pattern, self.log())
        if found is None:
            return None
        return found.group(1).strip("[]"), int(found.group(2))

    def wire(self, **kwargs):
        return Wire(self.address, **kwargs)

    def get(self, target, method="GET", **fields):
        with self.wire() as wire:
            return wire.ask(target, method, **fields)

    def admin(self, target, method="GET", **fields):
        with Wire(self.admin_address) as wire:
            return wire.ask(target, method, **fields)

    def metrics(self):
        """Every sample by its name with labels."""
        text = self.admin("/metrics").body.decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in text.splitlines() if line and line[0] != "#"}

    def reload(self):
        return self.admin("/reload", "POST")

    def wait_ready(self):
        until(lambda: self.admin("/readyz").status == 200)

    def stop(self, timeout=30):
        """Ends it and returns its status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout * SLOW)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20 * SLOW)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def until(condition, timeout=20):
    """Waits for what must come true."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("it did not come true in time")
        time.sleep(0.02)


def start_refused(*args, env=None, limit=None):
    """Runs a server that must not start; (status, log)."""
    server = Server(*args, env=env, wait=False, limit=limit)
    try:
        return server.process.wait(20 * SLOW), server.log()
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()
        raise AssertionError("it started all the same") from None


class Case(unittest.TestCase):
    """Tests that share tilesets and one server, made once per class."""
    tilesets = {}
    args = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(dir=WORK))
        cls.generations = {
            name: make_tileset(cls.folder / f"{name}.imbrex", **settings)
            for name, settings in cls.tilesets.items()}
        cls.server = None
        if cls.tilesets:
            cls.server = Server(*cls.args, cls.folder)
            cls.addClassCleanup(cls.server.__exit__)

    def tileset(self, name="made", **settings):
        """A tileset of this test alone; (path, generation)."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=WORK))
        path = folder / f"{name}.imbrex"
        return path, make_tileset(path, **settings)

    def serve(self, *args, **kwargs):
        server = Server(*args, **kwargs)
        self.addCleanup(server.__exit__)
        return server

    def assert_refused(self, answer, status):
        self.assertEqual(answer.status, status)
        self.assertEqual(answer["Cache-Control"], "no-store")
        self.assertTrue(answer["Content-Type"].startswith("text/plain"))


main = unittest.main
