"""Answers that are kept and sent again (--max-prepared): the second and the
hundredth answer to a request are the first one, whatever happens between."""
import gzip
import re
import socket

import harness
from harness import Case, make_tileset, packs, tile_bytes, until

SCARCE = harness.BUILD / "tests/support/libscarce.so"
PREPARED = 'imbrex_tiles_total{path="prepared"}'


def fields(answer):
    return sorted(f for f in answer.fields if f[0].lower() != "date")


class Prepared(Case):

    def again(self, server, target, **request):
        """Asks until the answer comes from the cache: (first, last)."""
        first = server.get(target, **request)
        before = server.metrics()[PREPARED]
        for _ in range(8):  # the loops' caches are their own
            last = server.get(target, **request)
            self.assertEqual(last.status, first.status)
            self.assertEqual(fields(last), fields(first))
            self.assertEqual(last.body, first.body)
        if first.status in (200, 304):
            self.assertGreater(server.metrics()[PREPARED], before)
        return first, last

    def test_answers_are_the_same(self):
        path, generation = self.tileset(max=4, hole="3/1/1", blank="3/2/2")
        server = self.serve("--threads", "1", path)
        for target in ("/made/3/3/3", "/made/3/3/3.png",
                       f"/made/@{generation}/3/3/3"):
            first, last = self.again(server, target)
            self.assertEqual(last.body, tile_bytes(3, 3, 3))
            self.assertEqual(len([f for f in last.fields
                                  if f[0].lower() == "date"]), 1)
            self.assertEqual("immutable" in last["Cache-Control"],
                             "@" in target)
        for target in ("/made/3/1/1", "/made/3/2/2", "/made/9/0/0"):
            self.again(server, target)
        # What is kept is no reason to answer where something else is asked.
        self.assertEqual(server.get("/made/3/3/3.mvt").status, 404)
        self.assertEqual(server.get("/made/@0123456789abcdef/3/3/3").status,
                         410)
        head = server.get("/made/3/3/3", "HEAD")
        self.assertEqual((head.body, fields(head)),
                         (b"", fields(server.get("/made/3/3/3"))))
        same = server.get("/made/3/3/3", If_None_Match=first["ETag"])
        self.assertEqual((same.status, same["ETag"]), (304, first["ETag"]))
        self.assertEqual(server.get("/made/3/3/3", If_None_Match='"x"').body,
                         tile_bytes(3, 3, 3))

    def test_encodings_do_not_mix(self):
        path, _ = self.tileset(kind="vector", max=3, nbytes=3000)
        server = self.serve("--threads", "1", path)
        want = tile_bytes(3, 2, 5, 3000)
        packed, _ = self.again(server, "/made/3/2/5", Accept_Encoding="gzip")
        self.assertEqual(gzip.decompress(packed.body), want)
        for accept in ("identity", "gzip;q=0"):
            plain = server.get("/made/3/2/5", Accept_Encoding=accept)
            self.assertEqual(plain.body, want)
            self.assertIsNone(plain["Content-Encoding"])
            self.assertNotEqual(plain["ETag"], packed["ETag"])

    def test_a_new_generation_is_never_the_old_one(self):
        path, old = self.tileset(max=3)
        server = self.serve("--threads", "1", "--reload-interval", "0", path)
        self.again(server, "/made/3/3/3")
        for seed in (2, 3):
            make_tileset(path, max=3, seed=seed, replace=1)
            self.assertEqual(server.reload().status, 200)
            _, last = self.again(server, "/made/3/3/3")
            self.assertEqual(last.body, tile_bytes(3, 3, 3, seed=seed))
        # An older one is read from its packs, and not kept under the new name.
        for _ in range(4):
            pinned = server.get(f"/made/@{old}/3/3/3")
            self.assertEqual(pinned.body, tile_bytes(3, 3, 3))
        self.assertEqual(server.get("/made/3/3/3").body,
                         tile_bytes(3, 3, 3, seed=3))

    def test_304_is_kept_for_whom_it_is_right(self):
        path, generation = self.tileset(kind="vector", max=3, nbytes=3000,
                                        seed=1)
        server = self.serve("--threads", "1", "--reload-interval", "0", path)
        gzip_too = {"Accept_Encoding": "gzip"}
        tile = server.get("/made/3/3/3", **gzip_too)
        for tags in (tile["ETag"], f'"x", W/{tile["ETag"]}', "*"):
            same, _ = self.again(server, "/made/3/3/3", If_None_Match=tags,
                                 **gzip_too)
            self.assertEqual((same.status, same.body, same["ETag"]),
                             (304, b"", tile["ETag"]))
        modified = tile["Last-Modified"]
        same, _ = self.again(server, "/made/3/3/3",
                             If_Modified_Since=modified, **gzip_too)
        self.assertEqual((same.status, same["ETag"]), (304, tile["ETag"]))
        pinned = f"/made/@{generation}/3/3/3"
        same, _ = self.again(server, pinned, If_None_Match=tile["ETag"],
                             If_Match="*", **gzip_too)
        self.assertEqual(same.status, 304)
        self.assertIn("immutable", same["Cache-Control"])
        head = server.get("/made/3/3/3", "HEAD", If_None_Match='"x"',
                          **gzip_too)
        self.assertEqual((head.status, head["Content-Length"]),
                         (200, tile["Content-Length"]))
        # It is kept; all of these are asked for something else.
        for status, extra in ((200, {"If_None_Match": '"x"'}),
                              (412, {"If_None_Match": tile["ETag"],
                                     "If_Match": '"x"'}),
                              (200, {})):
            other = server.get("/made/3/3/3", **extra, **gzip_too)
            self.assertEqual(other.status, status)
        # A tag of another tile gets the tile that is kept.
        self.again(server, "/made/3/3/3", **gzip_too)
        before = server.metrics()[PREPARED]
        other = server.get("/made/3/3/3", If_None_Match='"x"', **gzip_too)
        self.assertEqual((other.status, other.body), (200, tile.body))
        self.assertEqual(server.metrics()[PREPARED], before + 1)
        plain = server.get("/made/3/3/3", If_None_Match=tile["ETag"])
        self.assertEqual((plain.status, plain.body),
                         (200, tile_bytes(3, 3, 3, 3000)))
        make_tileset(path, kind="vector", max=3, nbytes=3000, seed=2,
                     replace=1)
        self.assertEqual(server.reload().status, 200)
        changed = server.get("/made/3/3/3", If_None_Match=tile["ETag"],
                             **gzip_too)
        self.assertEqual(gzip.decompress(changed.body),
                         tile_bytes(3, 3, 3, 3000, seed=2))

    def test_304_is_not_kept_when_the_tile_cannot_be_read_any_more(self):
        path, _ = self.tileset(max=4, nbytes=1500)
        server = self.serve("--threads", "1", path)
        tag = server.get("/made/4/3/3")["ETag"]
        want = tile_bytes(4, 3, 3, 1500)
        for pack in packs(path):
            at = pack.read_bytes().find(want)
            if at >= 0:
                with open(pack, "r+b") as out:
                    out.seek(at + 1000)
                    out.write(bytes([want[1000] ^ 1]))
        # Its header is well: 304, until the second makes us look at its bytes.
        statuses = [server.get("/made/4/3/3", If_None_Match=tag).status
                    for _ in range(4)]
        self.assertEqual(statuses, [304, 304, 503, 503])
        self.assertEqual(server.metrics()[PREPARED], 0)

    def test_dates_go_on(self):
        path, _ = self.tileset(max=2)
        server = self.serve("--threads", "1", path)
        first, _ = self.again(server, "/made/2/1/1")
        until(lambda: server.get("/made/2/1/1")["Date"] != first["Date"])
        self.assertRegex(server.get("/made/2/1/1")["Date"],
                         r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")

    def test_origins_do_not_mix(self):
        path, _ = self.tileset(max=2)
        server = self.serve("--threads", "1", "--cors",
                            "https://a.example,https://b.example", path)
        for _ in range(3):
            for origin in ("https://a.example", "https://b.example"):
                answer = server.get("/made/2/1/1", Origin=origin)
                self.assertEqual(answer["Access-Control-Allow-Origin"], origin)
                self.assertEqual(answer["Vary"], "Origin")
            answer = server.get("/made/2/1/1", Origin="https://c.example")
            self.assertIsNone(answer["Access-Control-Allow-Origin"])

    def test_it_can_be_switched_off(self):
        path, _ = self.tileset(max=2)
        for option in (("--max-prepared", "0"), ("--verify", "first")):
            server = self.serve("--threads", "1", *option, path)
            for _ in range(6):
                self.assertEqual(server.get("/made/2/1/1").body,
                                 tile_bytes(2, 1, 1))
            self.assertEqual(server.metrics()[PREPARED], 0)

    def test_what_was_verified_outlives_the_medium(self):
        path, _ = self.tileset(max=4, nbytes=1500)
        server = self.serve("--threads", "1", path)
        self.again(server, "/made/4/3/3")
        for pack in packs(path):
            with open(pack, "r+b") as out:
                out.seek(4096)
                out.write(b"\xaa" * (pack.stat().st_size - 4096))
        self.assertEqual(server.get("/made/4/3/3").body,
                         tile_bytes(4, 3, 3, 1500))
        self.assert_refused(server.get("/made/4/9/9"), 503)

    def test_the_cap_holds_while_answers_are_sent_slowly(self):
        path, _ = self.tileset(max=6, nbytes=15000)
        server = self.serve("--threads", "1", "--max-prepared", "512K",
                            "--memory", "24M", path)
        wires = [server.wire() for _ in range(6)]
        for n, wire in enumerate(wires):
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
            for _ in range(14):
                wire.send(f"GET /made/5/{n}/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        with server.wire() as wire:
            want = [tile_bytes(6, n % 64, n // 64, 15000) for n in range(150)]
            for _ in range(5):
                for n, body in enumerate(want):
                    self.assertEqual(
                        wire.ask(f"/made/6/{n % 64}/{n // 64}").body, body)
        for n, wire in enumerate(wires):
            large = tile_bytes(5, n, 1, 15000)
            for _ in range(14):
                self.assertEqual(wire.read().body, large)
            wire.sock.close()
        metrics = server.metrics()
        self.assertGreater(metrics[PREPARED], 0)
        self.assertLessEqual(metrics["imbrex_prepared_bytes_high"], 512 << 10)
        self.assertEqual(metrics["imbrex_prepared_bytes_cap"], 512 << 10)
        self.assertEqual(server.stop(), 0)
        self.assertIsNone(re.search(r"ERROR|Sanitizer", server.log()))

    # ---- without memory -------------------------------------------------

    def metric(self, server, name):
        """A metric's value; asked until the question itself is answered."""
        for _ in range(50):
            answer = server.admin("/metrics")
            found = answer and re.search(
                re.escape(name) + r" (\d+)", answer.body.decode())
            if found:
                return int(found.group(1))
        self.fail("the metrics were never answered")

    def compare_when_scarce(self, **scarce):
        """Whole answers or none, though some could not be made, and nothing
        stays counted that is not kept."""
        if not SCARCE.exists():
            self.skipTest("nothing can be preloaded into this build")
        path, _ = self.tileset(max=4)
        targets = [f"/made/4/{n % 16}/{n // 16}" for n in range(48)] * 6
        with self.serve("--threads", "1", path) as server:
            want = {target: server.get(target) for target in targets}
            most = self.metric(server, "imbrex_prepared_bytes")
        server = self.serve("--threads", "1", path,
                            env={"LD_PRELOAD": str(SCARCE), **scarce})
        unanswered = 0
        for target in targets:
            got = server.get(target)
            if got is None:
                unanswered += 1
                continue
            self.assertEqual(got.status, 200)
            self.assertEqual(fields(got), fields(want[target]))
            self.assertEqual(got.body, want[target].body)
        self.assertGreater(unanswered, 0)
        self.assertGreater(self.metric(server, PREPARED), 0)
        self.assertLessEqual(self.metric(server, "imbrex_prepared_bytes"),
                             most)
        self.assertEqual(server.stop(), 0)

    def test_an_answer_that_lacks_a_field_is_neither_sent_nor_kept(self):
        self.compare_when_scarce(SCARCE_FIELDS="25")

    def test_a_response_that_cannot_be_made_is_not_kept(self):
        self.compare_when_scarce(SCARCE_RESPONSES="3")


if __name__ == "__main__":
    harness.main()
