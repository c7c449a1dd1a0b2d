"""docs/http.md sections 8 and 14: requests on the wire, the access log."""
import json
import re
import socket

import harness
from harness import Case, tile_bytes, until


class RequestsOnTheWire(Case):
    tilesets = {"world": dict(max=3)}

    def one(self, text):
        """The answer to raw bytes, and whether the connection then ended."""
        with self.server.wire() as wire:
            wire.send(text)
            answer = wire.read()
            return answer, wire.ended() if answer is not None else True

    def refused(self, text, status):
        answer, ended = self.one(text)
        self.assertIsNotNone(answer, text)
        self.assert_refused(answer, status)
        self.assertTrue(ended, "the connection must end")

    def test_8_1_host(self):
        self.refused("GET /world/0/0/0 HTTP/1.1\r\n\r\n", 400)
        self.refused("GET /world/0/0/0 HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                     400)
        for host in ("a b", "a/b", "a\"b", "a<b>", "user@a", "\x80", ":80", "a:b",
                     "a:1:2", "a%", "a%4x", "[::1", "[::zz]", "::1", "[]"):
            self.refused(f"GET /world/0/0/0 HTTP/1.1\r\nHost: {host}\r\n\r\n"
                         .encode("latin-1"), 400)
        for host in ("a", "a:", "a:80", "127.0.0.1:1", "[::1]", "[::1]:80",
                     "a_b.c-d~e", "a%41", "x" * 255):
            self.assertEqual(self.server.get("/world/0/0/0", host=host).status,
                             200, host)
        answer, _ = self.one("GET /world/0/0/0 HTTP/1.0\r\n\r\n")
        self.assertEqual(answer.status, 200)

    # A second request hides behind each: whoever reads it was fooled.
    HIDDEN = "GET /world/1/0/0 HTTP/1.1\r\nHost: a\r\n\r\n"
    SMUGGLING = (
        "Content-Length: 4\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 50\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length : 4\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: 4,4\r\n",
        "Content-Length: 0x4\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 4 4\r\n",
        "Content-Length: 99999999999999999999999\r\n",
    )

    def test_8_2_smuggling(self):
        for method in ("GET", "POST", "OPTIONS"):
            for fields in self.SMUGGLING:
                with self.server.wire() as wire:
                    wire.send(f"{method} /world/0/0/0 HTTP/1.1\r\nHost: a\r\n"
                              f"{fields}\r\n0\r\n\r\n{self.HIDDEN}")
                    answer = wire.read()
                    if answer is not None:
                        self.assertIn(answer.status, (400, 413), fields)
                        while wire.more():
                            pass
                    self.assertNotIn(b"200 OK", wire.left, fields)

    def test_8_2_old_clients_have_no_transfer_encoding(self):
        self.refused("GET /world/0/0/0 HTTP/1.0\r\nHost: a\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)

    def test_8_3_bodies(self):
        for method in ("GET", "POST", "PUT", "OPTIONS"):
            self.refused(f"{method} /world/0/0/0 HTTP/1.1\r\nHost: a\r\n"
                         f"Content-Length: 5\r\n\r\nhello{self.HIDDEN}", 413)
            self.refused(f"{method} /world/0/0/0 HTTP/1.1\r\nHost: a\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n"
                         f"5\r\nhello\r\n0\r\n\r\n{self.HIDDEN}", 413)
        self.refused("GET /world/0/0/0 HTTP/1.1\r\nHost: a\r\n"
                     "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n", 413)
        answer, _ = self.one("GET /world/0/0/0 HTTP/1.1\r\nHost: a\r\n"
                             "Content-Length: 0\r\nConnection: close\r\n\r\n")
        self.assertEqual(answer.status, 200)

    def test_8_4_long_targets(self):
        self.assertEqual(
            self.server.get("/world/0/0/0?" + "a" * 1900).status, 200)
        for length in (2100, 4000, 6000):
            self.refused(f"GET /world/0/0/0?{'a' * length} HTTP/1.1\r\n"
                         "Host: a\r\n\r\n", 414)
        answer, _ = self.one(f"GET /{'a' * 50000} HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertIn(answer.status if answer else 414, (414, 431))
        small = self.serve("--max-uri", "64", self.folder / "world.imbrex")
        self.assert_refused(small.get("/world/0/0/0?" + "a" * 64), 414)

    def test_8_5_large_heads(self):
        filler = "".join(f"X-{i}: {'b' * 90}\r\n" for i in range(40))
        answer, _ = self.one("GET /world/0/0/0 HTTP/1.1\r\nHost: a\r\n"
                             f"Connection: close\r\n{filler}\r\n")
        self.assertEqual(answer.status, 200)
        self.refused("GET /world/0/0/0 HTTP/1.1\r\nHost: a\r\n"
                     f"{filler}X: {'b' * 2500}\r\n\r\n", 431)
        self.refused("GET /world/0/0/0 HTTP/1.1\r\nHost: a\r\n" +
                     'If-None-Match: "a"\r\n' * 5 + "\r\n", 431)
        answer, _ = self.one("GET /world/0/0/0 HTTP/1.1\r\nHost: a\r\n"
                             f"X: {'b' * 60000}\r\n\r\n")
        self.assertEqual(answer.status if answer else 431, 431)
        answer, _ = self.one("GET /world/0/0/0 HTTP/1.1\r\nHost: a\r\n" +
                             "X:\r\n" * 5000 + "\r\n")
        self.assertEqual(answer.status if answer else 431, 431)

    def test_8_5_the_limit_is_an_option(self):
        with harness.Server("--max-header", "1K", "--verbose",
                            self.folder / "world.imbrex") as server:
            self.assertEqual(server.get("/world/0/0/0", X="b" * 700).status,
                             200)
            self.assertEqual(server.get("/world/0/0/0", X="b" * 1100).status,
                             431)

    def test_8_6_old_clients(self):
        answer, ended = self.one("GET /world/2/1/1 HTTP/1.0\r\n\r\n")
        self.assertEqual(answer.body, tile_bytes(2, 1, 1))
        self.assertTrue(ended)
        with self.server.wire() as wire:
            for _ in range(3):
                wire.send("GET /world/2/1/1 HTTP/1.0\r\n"
                          "Connection: keep-alive\r\n\r\n")
                answer = wire.read()
                self.assertEqual(answer["Connection"].lower(), "keep-alive")
        answer, ended = self.one("GET /world/2/1/1 HTTP/1.1\r\nHost: a\r\n"
                                 "Connection: close\r\n\r\n")
        self.assertEqual(answer["Connection"], "close")
        self.assertTrue(ended)

    def test_8_7_pipeline(self):
        order = [(3, x, y) for x in range(8) for y in range(8)]
        with self.server.wire() as wire:
            wire.send("".join(
                f"GET /world/{z}/{x}/{y} HTTP/1.1\r\nHost: a\r\n\r\n"
                "GET /world.json HTTP/1.1\r\nHost: a\r\n\r\n"
                "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"
                for z, x, y in order))
            for address in order:
                self.assertEqual(wire.read().body, tile_bytes(*address))
                self.assertEqual(wire.read()["Content-Type"],
                                 "application/json")
                self.assertEqual(wire.read().status, 404)

    def test_8_8_malformed_fields(self):
        for field in ("Bad Name: x", "Bad\tName: x", "Bad@Name: x",
                      "X: a\x01b", "X: a\x7fb", "Host : a"):
            self.refused("GET /world/0/0/0 HTTP/1.1\r\nHost: a\r\n"
                         f"{field}\r\n\r\n", 400)

    def test_8_8_garbage_ends_the_connection(self):
        # At the latest at the deadline for the head (docs/http.md section 15).
        server = self.serve("--header-timeout", "1",
                            self.folder / "world.imbrex")
        for text in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                     b"GET\r\n\r\n", b"\r\n\r\n\r\n", b"NONSENSE\r\n\r\n",
                     b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
                     b"GET /world/0/0/0 HTTP/1.1 extra\r\nHost: a\r\n\r\n",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes(range(256))):
            with server.wire() as wire:
                wire.send(text)
                wire.sock.shutdown(socket.SHUT_WR)
                try:
                    while wire.more():
                        pass
                except ConnectionResetError:
                    pass
                self.assertNotIn(b" 200 ", wire.left)
        self.assertEqual(server.get("/world/0/0/0").status, 200)

    # ---- 14 ------------------------------------------------------------

    def line(self, server, pattern):
        return until(lambda: re.search(pattern, server.out()))

    def test_14_1_plain(self):
        server = self.serve("--access-log", "plain",
                            self.folder / "world.imbrex")
        server.get("/world/1/0/0.png?a=b", User_Agent="tester/1.0",
                   Referer="http://a.example/")
        found = self.line(server, r"(?m)^(.*tester.*)$").group(1)
        self.assertRegex(
            found, r'^127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d '
            r'\+0000\] "GET /world/1/0/0\.png\?a=b HTTP/1\.1" 200 1000 '
            r'"http://a\.example/" "tester/1\.0"$')
        server.get("/nothing")
        self.line(server, r'"GET /nothing HTTP/1\.1" 404 ')

    def test_14_2_json(self):
        server = self.serve("--access-log", "json",
                            "--trusted-proxies", "127.0.0.1",
                            self.folder / "world.imbrex")
        server.get("/world/1/0/0", User_Agent="tester",
                   X_Forwarded_For="192.0.2.7, 127.0.0.1")
        entry = json.loads(self.line(server, r"(?m)^(.*tester.*)$").group(1))
        self.assertEqual(entry["client"], "192.0.2.7")
        self.assertEqual(entry["status"], 200)
        self.assertEqual(entry["bytes"], 1000)
        self.assertEqual(entry["target"], "/world/1/0/0")
        self.assertTrue(entry["complete"])

    def test_14_3_lines_cannot_be_forged(self):
        for form in ("plain", "json"):
            server = self.serve("--access-log", form,
                                self.folder / "world.imbrex")
            with server.wire() as wire:
                wire.send(b'GET /"\\quote%0a\xff HTTP/1.1\r\nHost: a\r\n'
                          b'User-Agent: a" 200 5 "\\\xfe\r\n\r\n')
                wire.read()
            server.get("/world/0/0/0", User_Agent="after")
            self.line(server, "after")
            self.line(server, "quote")
            lines = server.out().splitlines()
            self.assertEqual(len(lines), 2)
            # Two event loops write in the order in which they finish.
            odd = lines[0] if "quote" in lines[0] else lines[1]
            if form == "json":
                agent = json.loads(odd)["user_agent"]
                self.assertEqual(agent.encode("latin-1"), b'a" 200 5 "\\\xfe')
            else:
                self.assertEqual(odd.count('"'), 6)


if __name__ == "__main__":
    harness.main()
