"""docs/http.md sections 1 to 4: targets, tiles, conditions."""
import gzip
import os
import re

import harness
from harness import Case, packs, tile_bytes, until

VECTOR = tile_bytes(3, 2, 5, 3000)


class Tiles(Case):
    tilesets = {
        "world": dict(max=4, hole="3/1/1", blank="3/2/2"),
        "vec": dict(kind="vector", max=4, nbytes=3000, hole="3/1/1",
                    blank="3/2/2", px=512),
        "mixed": dict(kind="mixed", max=2),
        "high": dict(min=2, max=3),
    }

    # ---- 1 -------------------------------------------------------------

    def test_1_1_other_methods_are_405(self):
        for method in ("PUT", "DELETE", "PATCH", "TRACE", "POST", "BREW"):
            answer = self.server.get("/world/0/0/0", method)
            self.assert_refused(answer, 405)
            self.assertEqual(answer["Allow"], "GET, HEAD, OPTIONS")
        self.assertEqual(self.server.get("/world/0/0/0", "OPTIONS").status, 204)

    def test_1_2_head_equals_get(self):
        for target in ("/world/3/3/3.png", "/vec/3/2/5", "/world.json", "/",
                       "/catalog.json", "/world/3/1/1", "/world/9/0/0",
                       "/vec/3/2/2", "/nothing"):
            for coding in ("gzip", "identity"):
                get = self.server.get(target, Accept_Encoding=coding)
                head = self.server.get(target, "HEAD", Accept_Encoding=coding)
                self.assertEqual(head.status, get.status, target)
                drop = ("date",)
                self.assertEqual(
                    [f for f in head.fields if f[0].lower() not in drop],
                    [f for f in get.fields if f[0].lower() not in drop])
                self.assertEqual(head.body, b"")

    def test_1_2_head_is_followed_by_the_next_answer(self):
        with self.server.wire() as wire:
            for _ in range(3):
                self.assertEqual(wire.ask("/world/3/3/3", "HEAD").status, 200)
                self.assertEqual(wire.ask("/vec/3/2/5", "HEAD").status, 200)
                self.assertEqual(wire.ask("/world/3/3/3").body,
                                 tile_bytes(3, 3, 3))

    def test_1_3_refusals_are_short_and_echo_nothing(self):
        for target, status in (("/secretword/0/0/0", 404),
                               ("/world/0/secretword/0", 400),
                               ("/%zz-secretword", 400)):
            answer = self.server.get(target)
            self.assert_refused(answer, status)
            self.assertNotIn(b"secretword", answer.body)
            self.assertLess(len(answer.body), 80)

    def test_1_4_nosniff(self):
        for target in ("/world/0/0/0", "/world.json", "/nothing", "/"):
            self.assertEqual(self.server.get(target)["X-Content-Type-Options"],
                             "nosniff")

    def test_1_5_query_is_ignored(self):
        for query in ("?", "?SERVICE=WMS", "?a=1&b=%zz&a=..%2f", "?" + "&a" * 200):
            answer = self.server.get("/world/3/3/3.png" + query)
            self.assertEqual(answer.body, tile_bytes(3, 3, 3))
        self.assertEqual(self.server.get("/world.json?x=1").status, 200)

    def test_1_6_no_redirects(self):
        for target in ("/world/3/3/3", "/world/3/3/3.png", "/vec/3/2/5.pbf",
                       "/world/3/3/3/", "//world/3/3/3", "/world"):
            self.assertNotIn(self.server.get(target).status // 100, (1, 3))

    # ---- 2 -------------------------------------------------------------

    def test_2_1_escapes_are_decoded_once(self):
        self.assertEqual(self.server.get("/%77orld/%33/3/3.p%6eg").body,
                         tile_bytes(3, 3, 3))
        for target in ("/world%2F3/3/3.png", "/world%2f3%2f3%2f3",
                       "/%2577orld/3/3/3", "/wor%FFld/3/3/3"):
            self.assert_refused(self.server.get(target), 404)

    def test_2_2_broken_escapes_and_controls(self):
        for target in ("/%", "/%4", "/%zz", "/world/%00/3/3", "/world%00.json",
                       "/world/3/3/3%0d%0a", "/a%7f"):
            self.assert_refused(self.server.get(target), 400)
        with self.server.wire() as wire:
            wire.send(b"GET /world/\xff\xfe/3/3 HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assert_refused(wire.read(), 400)

    def test_2_3_ids(self):
        path, _ = self.tileset("a_b-c.d9", max=0)
        server = self.serve(path)
        self.assertEqual(server.get("/a_b-c.d9/0/0/0").status, 200)
        for name in ("catalog", "tms", "status", "sprites"):
            bad, _ = self.tileset(name, max=0)
            status, log = harness.start_refused(bad)
            self.assertEqual(status, 1)
            self.assertIn(name, log)

    def test_2_4_dot_segments(self):
        for target in ("/world/../world/3/3/3", "/./world/3/3/3",
                       "/world/3/3/%2e%2e", "/..%2f..", "/world/%2e/3/3",
                       "/assets/..", "/../../etc/passwd"):
            self.assertIn(self.server.get(target).status, (400, 404), target)
        for target in ("/../etc/passwd", "/a/%2e%2e/b", "/."):
            self.assert_refused(self.server.get(target), 400)

    def test_2_5_absolute_form(self):
        answer = self.server.get("http://maps.example:81/world/3/3/3")
        self.assertEqual(answer.body, tile_bytes(3, 3, 3))
        document = self.server.get("HTTP://maps.example:81/world.json")
        self.assertIn(b'"http://maps.example:81/world/{z}', document.body)
        self.assertEqual(self.server.get("http://maps.example").status, 200)
        self.assert_refused(self.server.get("ftp://maps.example/"), 400)
        self.assert_refused(self.server.get("http:///world.json"), 400)
        for host in ("u:p@maps.example", "maps.example:1:2", "[::1", "a<b>"):
            for path in ("world.json", "world/3/3/3"):
                self.assert_refused(
                    self.server.get(f"http://{host}/{path}"), 400)

    def test_2_6_asterisk(self):
        self.assertEqual(self.server.get("*", "OPTIONS").status, 204)
        self.assert_refused(self.server.get("*"), 404)

    def test_2_7_base_path(self):
        server = self.serve("--base-path", "/maps/v1",
                            self.folder / "world.imbrex")
        self.assertEqual(server.get("/maps/v1/world/3/3/3").body,
                         tile_bytes(3, 3, 3))
        self.assertIn(b"http://test/maps/v1/world/{z}",
                      server.get("/maps/v1/world.json").body)
        self.assertEqual(server.get("/maps/v1/").status, 200)
        for target in ("/world/3/3/3", "/maps/v1", "/maps/v12/world/3/3/3",
                       "/"):
            self.assert_refused(server.get(target), 404)

    def test_2_8_no_other_file_can_be_read(self):
        secret = self.folder / "secret.txt"
        secret.write_text("secret")
        fonts = self.folder / "fonts"
        (fonts / "A").mkdir(parents=True)
        (self.folder / "0-255.pbf").write_text("secret")
        (fonts / ".hidden").write_text("secret")
        server = self.serve("--fonts", fonts, "--sprites", fonts,
                            self.folder / "world.imbrex")
        for target in ("/sprites/..%2fsecret.txt", "/sprites/../secret.txt",
                       "/sprites/.hidden", "/fonts/../0-255.pbf",
                       "/fonts/..%2f/0-255.pbf", "/fonts/A,../0-255.pbf",
                       "/fonts/%2e%2e/0-255.pbf", "/assets/..%2f..%2fsecret",
                       f"/sprites/{str(secret).replace('/', '%2f')}",
                       f"/sprites/{secret}", "/world/packs/..%2fCURRENT",
                       "/world/CURRENT", "/world.imbrex/CURRENT"):
            answer = server.get(target)
            self.assertNotIn(b"secret", answer.body, target)
            self.assertNotEqual((answer.status, bool(answer.body)),
                                (200, True), target)

    # ---- 3 -------------------------------------------------------------

    def test_3_1_tiles(self):
        for z in range(5):
            for x in range(1 << z):
                for y in range(1 << z):
                    if (z, x, y) in ((3, 1, 1), (3, 2, 2)):
                        continue
                    answer = self.server.get(f"/world/{z}/{x}/{y}.png")
                    self.assertEqual(answer.body, tile_bytes(z, x, y))
        self.assertEqual(self.server.get("/vec/3/2/5@2x.mvt").body, VECTOR)
        self.assert_refused(self.server.get("/world/3/3/3@2x.png"), 404)

    def test_3_2_numbers(self):
        for bad in ("/world/3/-1/0", "/world/3/+1/0", "/world/03/1/1",
                    "/world/3/1/00", "/world/3/1/1x", "/world/3//1",
                    "/world/3/1/", "/world/3/%201/1", "/world/z/x/y",
                    "/world/0x3/1/1", "/world/3/1.0/1", "/world/3/1/.png"):
            self.assert_refused(self.server.get(bad), 400)

    def test_3_3_outside(self):
        for target in ("/world/5/0/0", "/world/31/0/0", "/world/3/8/0",
                       "/world/3/0/8", "/world/3/4294967296/0",
                       "/world/3/0/99999999999999999999999", "/high/1/0/0",
                       "/high/4/0/0", "/world/0/0/1"):
            self.assert_refused(self.server.get(target), 404)

    def test_3_4_extensions(self):
        for extension in ("", ".pbf", ".mvt"):
            answer = self.server.get(f"/vec/3/2/5{extension}")
            self.assertEqual(answer["Content-Type"],
                             "application/vnd.mapbox-vector-tile")
        for extension in (".png", ".jpg", ".exe", ".PBF", "."):
            self.assert_refused(self.server.get(f"/vec/3/2/5{extension}"), 404)
        self.assert_refused(self.server.get("/world/3/3/3.jpg"), 404)
        for x, want in ((0, "image/png"), (1, "image/jpeg")):
            for extension in ("", ".png", ".jpg", ".jpeg"):
                answer = self.server.get(f"/mixed/2/{x}/0{extension}")
                self.assertEqual(answer["Content-Type"], want)
        self.assert_refused(self.server.get("/mixed/2/0/0.webp"), 404)

    def test_3_5_header(self):
        answer = self.server.get("/world/3/3/3.png")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer["Content-Length"], "1000")
        self.assertEqual(answer["Content-Type"], "image/png")
        self.assertRegex(answer["ETag"], r'^"[0-9a-f]{16}"$')
        self.assertEqual(answer["Last-Modified"],
                         "Tue, 14 Nov 2023 22:13:20 GMT")
        self.assertEqual(answer["Cache-Control"], "public, max-age=3600")
        self.assertIsNone(answer["Content-Encoding"])
        tags = {self.server.get(f"/world/4/{x}/0")["ETag"] for x in range(16)}
        self.assertEqual(len(tags), 16)

    def test_3_5_max_age(self):
        server = self.serve("--max-age", "7", self.folder / "world.imbrex")
        self.assertEqual(server.get("/world/0/0/0")["Cache-Control"],
                         "public, max-age=7")

    def test_3_6_stored_encoding(self):
        for accept in ("gzip", "x-gzip", "deflate, gzip;q=0.5", "*", "GZIP",
                       "gzip;q=1.0, identity;q=0.5", "br, gzip, zstd"):
            answer = self.server.get("/vec/3/2/5", Accept_Encoding=accept)
            self.assertEqual(answer["Content-Encoding"], "gzip", accept)
            self.assertEqual(gzip.decompress(answer.body), VECTOR)

    def test_3_7_unpacked(self):
        for accept in (None, "identity", "gzip;q=0", "*;q=0", "br", "",
                       "gzip;q=0.2, identity;q=0.9", "gzip;q=0, *",
                       "identity;q=0, gzip;q=0", "gzip;q=nonsense"):
            fields = {} if accept is None else {"Accept_Encoding": accept}
            answer = self.server.get("/vec/3/2/5", **fields)
            self.assertIsNone(answer["Content-Encoding"], accept)
            self.assertEqual(answer.body, VECTOR)
            self.assertEqual(answer["Content-Length"], "3000")
        answer = self.server.get("/world/3/3/3",
                                 Accept_Encoding="identity;q=0, *;q=0")
        self.assertEqual(answer.body, tile_bytes(3, 3, 3))

    def test_3_7_two_lines_count_as_one(self):
        with self.server.wire() as wire:
            wire.send("GET /vec/3/2/5 HTTP/1.1\r\nHost: a\r\n"
                      "Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n\r\n")
            self.assertEqual(wire.read()["Content-Encoding"], "gzip")

    def test_3_7_large_tiles_are_unpacked_elsewhere(self):
        path, _ = self.tileset(kind="vector", max=1, nbytes=90000)
        server = self.serve(path)
        for _ in range(3):
            self.assertEqual(server.get("/made/1/1/0").body,
                             tile_bytes(1, 1, 0, 90000))

    def test_3_8_tags_per_form(self):
        packed = self.server.get("/vec/3/2/5", Accept_Encoding="gzip")["ETag"]
        plain = self.server.get("/vec/3/2/5")["ETag"]
        self.assertEqual(plain, packed[:-1] + '-i"')

    def test_3_9_vary(self):
        for accept in ("gzip", "identity"):
            self.assertEqual(self.server.get(
                "/vec/3/2/5", Accept_Encoding=accept)["Vary"],
                "Accept-Encoding")
        self.assertIsNone(self.server.get("/world/3/3/3")["Vary"])

    def test_3_10_absent(self):
        answer = self.server.get("/vec/3/1/1")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(answer["Cache-Control"], "public, max-age=3600")
        self.assertIsNone(answer["Content-Length"])
        self.assert_refused(self.server.get("/world/3/1/1"), 404)
        server = self.serve("--absent", "404", self.folder / "vec.imbrex")
        self.assert_refused(server.get("/vec/3/1/1"), 404)
        server = self.serve("--absent", "204", self.folder / "world.imbrex")
        self.assertEqual(server.get("/world/3/1/1").status, 204)

    def test_3_11_present_but_empty(self):
        for target in ("/world/3/2/2", "/vec/3/2/2"):
            answer = self.server.get(target)
            self.assertEqual((answer.status, answer.body), (204, b""))
            self.assertRegex(answer["ETag"], r'^"[0-9a-f]{16}"$')

    def test_3_12_damaged_tiles(self):
        path, _ = self.tileset(max=4, nbytes=2000)
        server = self.serve(path)
        self.assertEqual(server.get("/made/4/7/7").status, 200)
        pack = packs(path)[0]
        pack.chmod(0o644)
        data = bytearray(pack.read_bytes())
        at = bytes(data).index(b"tile 4/7/7 ")
        data[at + 50] ^= 1
        with open(pack, "r+b") as file:
            file.write(data)
        for method in ("GET", "GET"):
            answer = server.get("/made/4/7/7", method)
            self.assert_refused(answer, 503)
            self.assertIsNotNone(answer["Retry-After"])
        self.assertIn("made/4/7/7", server.log())
        metrics = server.metrics()
        self.assertGreaterEqual(metrics["imbrex_tiles_unreadable_total"], 2)
        self.assertGreaterEqual(metrics["imbrex_corrupt_total"], 2)
        self.assertEqual(server.get("/made/4/0/0").body,
                         tile_bytes(4, 0, 0, 2000))

    def test_3_12_lost_packs(self):
        path, _ = self.tileset(max=3)
        os.unlink(packs(path)[0])
        answer = self.serve(path).get("/made/3/3/3")
        self.assert_refused(answer, 503)
        self.assertIsNotNone(answer["Retry-After"])

    def test_3_13_pinned(self):
        path, old = self.tileset(max=2, seed=1)
        server = self.serve(path)
        answer = server.get(f"/made/@{old}/2/1/1.png")
        self.assertEqual(answer.body, tile_bytes(2, 1, 1))
        self.assertEqual(answer["Cache-Control"],
                         "public, max-age=31536000, immutable")
        new = harness.make_tileset(path, max=2, seed=2, replace=1, epoch=1700009999)
        server.reload()
        self.assertEqual(server.get("/made/2/1/1").body,
                         tile_bytes(2, 1, 1, seed=2))
        answer = server.get(f"/made/@{old}/2/1/1.png")
        self.assertEqual(answer.body, tile_bytes(2, 1, 1))
        self.assertEqual(answer["Last-Modified"],
                         "Tue, 14 Nov 2023 22:13:20 GMT")
        self.assertEqual(server.get(f"/made/@{new}/2/1/1").body,
                         tile_bytes(2, 1, 1, seed=2))
        os.unlink(path / f"manifest-{old}.ibm")
        self.assert_refused(server.get(f"/made/@{old}/2/1/1"), 410)
        self.assert_refused(server.get("/made/@0123456789abcdef/2/1/1"), 410)
        self.assert_refused(server.get("/made/@nonsense/2/1/1"), 404)

    def test_3_14_too_large(self):
        path, _ = self.tileset(max=2, big="2/1/1:300000")
        server = self.serve("--max-bodies", "128K", path)
        answer = server.get("/made/2/1/1")
        self.assert_refused(answer, 503)
        self.assertIsNotNone(answer["Retry-After"])
        self.assertIn("--max-bodies", server.log())
        self.assertEqual(server.get("/made/2/0/0").status, 200)

    def test_3_15_encodings_that_we_cannot_undo(self):
        path, _ = self.tileset(kind="brotli", max=1)
        server = self.serve(path)
        self.assertEqual(server.get("/made/1/0/0",
                                    Accept_Encoding="br").status, 200)
        answer = server.get("/made/1/0/0", Accept_Encoding="gzip")
        self.assert_refused(answer, 406)
        self.assertEqual(answer["Vary"], "Accept-Encoding")

    # ---- 4 -------------------------------------------------------------

    def test_4_1_if_none_match(self):
        tag = self.server.get("/world/3/3/3")["ETag"]
        for value in (tag, f"W/{tag}", f'"a,b", {tag}', f'"x",W/"y" , {tag},',
                      "*"):
            answer = self.server.get("/world/3/3/3", If_None_Match=value)
            self.assertEqual((answer.status, answer.body), (304, b""), value)
        for value in ('"0000000000000000"', tag.strip('"'), "W/", '"', "",
                      tag[:-1] + '-i"'):
            answer = self.server.get("/world/3/3/3", If_None_Match=value)
            self.assertEqual(answer.status, 200, value)
        with self.server.wire() as wire:
            wire.send(f"GET /world/3/3/3 HTTP/1.1\r\nHost: a\r\n"
                      f'If-None-Match: "a"\r\nIf-None-Match: {tag}\r\n\r\n')
            self.assertEqual(wire.read().status, 304)

    def test_4_1_per_form(self):
        tag = self.server.get("/vec/3/2/5", Accept_Encoding="gzip")["ETag"]
        self.assertEqual(self.server.get(
            "/vec/3/2/5", Accept_Encoding="gzip", If_None_Match=tag).status,
            304)
        self.assertEqual(self.server.get(
            "/vec/3/2/5", If_None_Match=tag).status, 200)

    def test_4_2_precedence(self):
        answer = self.server.get(
            "/world/3/3/3", If_None_Match='"other"',
            If_Modified_Since="Tue, 14 Nov 2023 22:13:20 GMT")
        self.assertEqual(answer.status, 200)

    def test_4_3_dates(self):
        for value in ("Tue, 14 Nov 2023 22:13:20 GMT",
                      "Wed, 15 Nov 2023 00:00:00 GMT",
                      "Tuesday, 14-Nov-23 22:13:20 GMT",
                      "Tue Nov 14 22:13:20 2023"):
            answer = self.server.get("/world/3/3/3", If_Modified_Since=value)
            self.assertEqual(answer.status, 304, value)
        for value in ("Tue, 14 Nov 2023 22:13:19 GMT", "yesterday", "0",
                      "Tue, 14 Foo 2030 22:13:20 GMT",
                      "Tue, 14 Nov 2030 22:13:20"):
            answer = self.server.get("/world/3/3/3", If_Modified_Since=value)
            self.assertEqual(answer.status, 200, value)

    def test_4_4_header_of_304(self):
        for target, coding in (("/world/3/3/3", "identity"),
                               ("/vec/3/2/5", "gzip"),
                               ("/vec/3/2/5", "identity")):
            full = self.server.get(target, Accept_Encoding=coding)
            answer = self.server.get(target, Accept_Encoding=coding,
                                     If_None_Match=full["ETag"])
            self.assertEqual(answer.status, 304)
            for name in ("ETag", "Last-Modified", "Cache-Control", "Vary",
                         "Content-Length", "Access-Control-Allow-Origin"):
                self.assertEqual(answer[name], full[name], name)

    def test_4_5_if_match(self):
        for target, coding in (("/world/3/3/3", "identity"),
                               ("/vec/3/2/5", "gzip"),
                               ("/vec/3/2/5", "identity"),
                               ("/world.json", "identity"), ("/", "gzip")):
            def ask(method="GET", **fields):
                return self.server.get(target, method,
                                       Accept_Encoding=coding, **fields)
            full = ask()
            tag = full["ETag"]
            for good in (tag, f'"x", {tag}', "*"):
                answer = ask(If_Match=good)
                self.assertEqual((answer.status, answer.body),
                                 (200, full.body), good)
            for bad in ('"x"', f"W/{tag}", '"x", "y"', "x"):
                self.assert_refused(ask(If_Match=bad), 412)
                self.assertEqual(ask("HEAD", If_Match=bad).status, 412)
            # Before any 304, and nothing of it is kept for others.
            self.assertEqual(
                ask(If_Match='"x"', If_None_Match=tag).status, 412)
            self.assertEqual(ask(If_Match=tag, If_None_Match=tag).status, 304)
            for _ in range(4):
                self.assertEqual(ask().body, full.body)

    def test_4_5_if_unmodified_since(self):
        date = self.server.get("/world/3/3/3")["Last-Modified"]
        old = "Sun, 06 Nov 1994 08:49:37 GMT"
        for since, status in ((date, 200), (old, 412), ("yesterday", 200)):
            answer = self.server.get("/world/3/3/3", If_Unmodified_Since=since)
            self.assertEqual(answer.status, status, since)
        answer = self.server.get("/world/3/3/3", If_Unmodified_Since=old,
                                 If_Match="*")
        self.assertEqual(answer.status, 200)
        # What has no date was not modified.
        self.assertEqual(self.server.get("/world.json",
                                         If_Unmodified_Since=old).status, 200)

    def test_4_4_304_is_followed_by_the_next_answer(self):
        tag = self.server.get("/world/3/3/3")["ETag"]
        with self.server.wire() as wire:
            for _ in range(3):
                self.assertEqual(
                    wire.ask("/world/3/3/3", If_None_Match=tag).status, 304)
                self.assertEqual(wire.ask("/world/2/0/0").body,
                                 tile_bytes(2, 0, 0))


if __name__ == "__main__":
    harness.main()
