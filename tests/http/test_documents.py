"""docs/http.md sections 5 to 7: documents, origins, who we are."""
import concurrent.futures
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as xml

import harness
from harness import Case, Wire, tile_bytes

OWS = "{http://www.opengis.net/ows/1.1}"
WMTS = "{http://www.opengis.net/wmts/1.0}"
XLINK = "{http://www.w3.org/1999/xlink}"


class Documents(Case):
    tilesets = {
        "world": dict(max=3, name="The <World> & more"),
        "vec": dict(kind="vector", max=3),
        "mixed": dict(kind="mixed", max=2),
        "big": dict(max=2, px=512),
        "none": dict(kind="empty"),
    }

    def json(self, target, **fields):
        answer = self.server.get(target, **fields)
        self.assertEqual(answer.status, 200, target)
        self.assertEqual(answer["Content-Type"], "application/json")
        return json.loads(answer.body)

    def xml(self, target):
        answer = self.server.get(target)
        self.assertEqual(answer.status, 200, target)
        self.assertIn("xml", answer["Content-Type"])
        return xml.fromstring(answer.body)

    def fetch(self, url):
        """Follows one of our URLs, as a client of the host 'test' would."""
        self.assertTrue(url.startswith("http://test/"), url)
        return self.server.get(url[len("http://test"):])

    # ---- 5 -------------------------------------------------------------

    def test_5_1_tilejson(self):
        for name in self.tilesets:
            document = self.json(f"/{name}.json")
            self.assertEqual(document, self.json(f"/{name}/tiles.json"))
            self.assertEqual(document["tilejson"], "3.0.0")
            self.assertEqual(document["scheme"], "xyz")
            self.assertEqual(len(document["bounds"]), 4)
            self.assertEqual(len(document["center"]), 3)
            self.assertLessEqual(document["minzoom"], document["maxzoom"])
        self.assertEqual(self.json("/world.json")["tiles"],
                         ["http://test/world/{z}/{x}/{y}.png"])
        self.assertEqual(self.json("/mixed.json")["tiles"],
                         ["http://test/mixed/{z}/{x}/{y}"])
        self.assertEqual(self.json("/vec.json")["vector_layers"][0]["id"],
                         "land")
        self.assertEqual(self.json("/world.json")["name"],
                         "The <World> & more")
        self.assert_refused(self.server.get("/nothing.json"), 404)

    def test_5_1_members_of_the_source_stay(self):
        path, _ = self.tileset(max=1, tilejson=json.dumps({
            "name": "a \"quoted\" ü", "attribution": "(c) \u00a9",
            "tiles": ["http://elsewhere/"], "custom": {"a": [1, {"b": "]}"}]},
            "bounds": [1, 2, 3, 4], "minzoom": 9}))
        document = json.loads(self.serve(path).get("/made.json").body)
        self.assertEqual(document["custom"], {"a": [1, {"b": "]}"}]})
        self.assertEqual(document["attribution"], "(c) \u00a9")
        self.assertEqual(document["name"], 'a "quoted" ü')
        self.assertEqual(document["tiles"], ["http://test/made/{z}/{x}/{y}.png"])
        self.assertEqual((document["minzoom"], document["maxzoom"]), (0, 1))
        self.assertEqual(document["bounds"], [1, 2, 3, 4])

    def test_5_2_catalog(self):
        entries = {e["id"]: e for e in self.json("/catalog.json")["tilesets"]}
        self.assertEqual(set(entries), set(self.tilesets))
        world = entries["world"]
        self.assertEqual(world["name"], "The <World> & more")
        self.assertEqual((world["format"], world["type"]), ("png", "raster"))
        self.assertEqual(world["generation"], self.generations["world"])
        self.assertEqual((world["minzoom"], world["maxzoom"]), (0, 3))
        self.assertEqual(world["tiles"], 85)
        self.assertGreater(world["bytes"], 85000)
        self.assertEqual(entries["mixed"]["format"], "png,jpg")
        self.assertEqual(entries["big"]["tile_size"], 512)
        self.assertEqual(entries["none"]["tiles"], 0)
        for entry in entries.values():
            self.assertEqual(self.fetch(entry["tilejson"]).status, 200)
            self.assertEqual(len(entry["bounds"]), 4)

    def test_5_3_tms(self):
        service = self.xml("/tms/1.0.0/")
        maps = {m.get("href"): m.get("title") for m in service.iter("TileMap")}
        self.assertEqual(len(maps), len(self.tilesets))
        self.assertIn("The <World> & more", maps.values())
        for href in maps:
            self.assertEqual(self.fetch(href).status, 200)
        world = self.xml("/tms/1.0.0/world/tilemapresource.xml")
        self.assertEqual(world.find("SRS").text, "EPSG:3857")
        sets = world.findall("TileSets/TileSet")
        self.assertEqual([s.get("order") for s in sets], list("0123"))
        url = f"{sets[3].get('href')}/2/1.png"
        self.assertEqual(self.fetch(url).body, tile_bytes(3, 2, 6))
        self.assertEqual(self.server.get("/tms/1.0.0/world/0/0/0.png").body,
                         tile_bytes(0, 0, 0))
        self.assert_refused(self.server.get("/tms/1.0.0/world/3/0/8.png"), 404)

    def test_5_4_wmts(self):
        root = self.xml("/wmts/1.0.0/WMTSCapabilities.xml?SERVICE=WMTS")
        layers = {l.find(f"{OWS}Identifier").text: l
                  for l in root.iter(f"{WMTS}Layer")}
        self.assertEqual(set(layers), set(self.tilesets))
        template = layers["world"].find(f"{WMTS}ResourceURL").get("template")
        for name in ("WebMercatorQuad_0-3", "WebMercatorQuad"):
            url = template.format(TileMatrixSet=name, TileMatrix=3, TileRow=2,
                                  TileCol=6)
            self.assertEqual(self.fetch(url).body, tile_bytes(3, 6, 2))
        link = layers["big"].find(
            f"{WMTS}TileMatrixSetLink/{WMTS}TileMatrixSet").text
        sets = {s.find(f"{OWS}Identifier").text: s
                for s in root.iter(f"{WMTS}TileMatrixSet")
                if s.find(f"{OWS}Identifier") is not None}
        self.assertEqual(link, "WebMercatorQuad512_0-2")
        self.assertEqual(set(sets), {
            "WebMercatorQuad_0-0", "WebMercatorQuad_0-2",
            "WebMercatorQuad_0-3", "WebMercatorQuad512_0-2"})
        self.assertEqual(len(sets["WebMercatorQuad_0-3"].findall(
            f"{WMTS}TileMatrix")), 4)
        first = sets["WebMercatorQuad_0-3"].find(f"{WMTS}TileMatrix")
        self.assertAlmostEqual(
            float(first.find(f"{WMTS}ScaleDenominator").text), 559082264.028717,
            places=3)
        for get in root.iter(f"{OWS}Get"):
            self.assertTrue(get.get(f"{XLINK}href").startswith("http://test/"))
        for name in ("Other", "WebMercatorQuadx", "WebMercator"):
            self.assert_refused(
                self.server.get(f"/wmts/world/{name}/3/2/6.png"), 404)

    def test_5_4_schema(self):
        schemas = pathlib.Path(os.environ.get(
            "IMBREX_SCHEMAS", pathlib.Path(os.environ["IMBREX_SOURCE"])
            / "../shared/schemas")).resolve()
        if not schemas.exists() or shutil.which("xmllint") is None:
            self.skipTest("there are no schemas, or no xmllint")
        catalog = self.folder / "catalog.xml"
        catalog.write_text(
            '<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">'
            f'<system systemId="http://www.w3.org/2001/xml.xsd" uri="file://'
            f'{schemas}/xml.xsd"/></catalog>')
        document = self.folder / "capabilities.xml"
        document.write_bytes(
            self.server.get("/wmts/1.0.0/WMTSCapabilities.xml").body)
        done = subprocess.run(
            ["xmllint", "--nonet", "--noout", "--schema",
             schemas / "wmts/1.0/wmtsGetCapabilities_response.xsd", document],
            env={**os.environ, "XML_CATALOG_FILES": str(catalog)}, text=True,
            stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_5_5_ogc(self):
        seen, queue = set(), ["/ogc/"]
        while queue:
            target = queue.pop()
            if target in seen or "{" in target:
                continue
            seen.add(target)
            answer = self.server.get(target)
            self.assertEqual(answer.status, 200, target)
            document = json.loads(answer.body)
            for href in re.findall(r'"href":"http://test([^"]+)"',
                                   answer.body.decode()):
                queue.append(href)
            if target.endswith("conformance"):
                self.assertIn("http://www.opengis.net/spec/ogcapi-tiles-1/1.0/"
                              "conf/core", document["conformsTo"])
        self.assertIn("/ogc/collections/vec/tiles/WebMercatorQuad", seen)
        self.assertIn("/ogc/collections/world/map/tiles/WebMercatorQuad", seen)
        self.assertIn("/ogc/tileMatrixSets/WebMercatorQuad512", seen)
        tile = self.server.get(
            "/ogc/collections/world/map/tiles/WebMercatorQuad/3/2/6")
        self.assertEqual(tile.body, tile_bytes(3, 6, 2))
        scheme = self.json("/ogc/tileMatrixSets/WebMercatorQuad")
        self.assertEqual(scheme["tileMatrices"][3]["matrixWidth"], 8)
        self.assert_refused(self.server.get("/ogc/collections/nothing"), 404)
        self.assert_refused(self.server.get("/ogc/nothing"), 404)

    def test_5_6_styles(self):
        vector = self.json("/styles/vec.json")
        self.assertEqual(vector["version"], 8)
        self.assertEqual(vector["sources"]["tiles"]["url"],
                         "http://test/vec.json")
        self.assertIn("land", {l.get("source-layer")
                               for l in vector["layers"]})
        raster = self.json("/styles/big.json")
        self.assertEqual(raster["sources"]["tiles"]["tileSize"], 512)
        for name in self.tilesets:
            style = json.dumps(self.json(f"/styles/{name}.json"))
            for url in re.findall(r"https?://[^\"]+", style):
                self.assertTrue(url.startswith("http://test/"), url)

    def fonts(self):
        fonts = self.folder / "glyphs"
        (fonts / "Noto Sans Regular").mkdir(parents=True, exist_ok=True)
        (fonts / "Noto Sans Regular" / "0-255.pbf").write_bytes(b"glyphs")
        (fonts / "sprite@2x.json").write_text("{}")
        (fonts / "sprite.png").write_bytes(b"picture")
        return self.serve("--fonts", fonts, "--sprites", fonts,
                          self.folder / "vec.imbrex")

    def test_5_6_styles_with_labels(self):
        fonts = self.folder / "some stacks"
        for stack in ("Alpha", "Noto Sans Regular", "Zeta"):
            (fonts / stack).mkdir(parents=True, exist_ok=True)
        (fonts / "AAA").write_text("no stack")
        (fonts / "sprite.json").write_text("{}")

        def style(*args, name="vec"):
            server = self.serve(*args, self.folder / f"{name}.imbrex")
            return json.loads(server.get(f"/styles/{name}.json").body)
        both = style("--fonts", fonts, "--sprites", fonts)
        self.assertEqual(both["glyphs"],
                         "http://test/fonts/{fontstack}/{range}.pbf")
        self.assertEqual(both["sprite"], "http://test/sprites/sprite")
        names = [l for l in both["layers"] if "text-field" in
                 l.get("layout", {})]
        self.assertEqual({l["layout"].get("symbol-placement")
                          for l in names}, {None, "line"})
        self.assertEqual({tuple(l["layout"]["text-font"]) for l in names},
                         {("Noto Sans Regular",)})
        self.assertIn("icon-image", json.dumps(both))
        (fonts / "Noto Sans Regular").rmdir()
        other = style("--fonts", fonts, "--sprites", "none")
        self.assertIn('"text-font": ["Alpha"]', json.dumps(other))
        self.assertNotIn("sprite", other)
        self.assertNotIn("icon-image", json.dumps(other))
        bare = style("--fonts", "none", "--sprites", "none")
        self.assertNotIn("text-field", json.dumps(bare))
        self.assertNotIn("glyphs", bare)

    def test_5_12_label_folders(self):
        status, log = harness.start_refused(
            "--fonts", self.folder / "nowhere", self.folder / "vec.imbrex")
        self.assertEqual(status, 1)
        self.assertRegex(log, "--fonts: .*nowhere: No such file")
        status, log = harness.start_refused(
            "--sprites", harness.SERVER, self.folder / "vec.imbrex")
        self.assertEqual(status, 1)
        self.assertRegex(log, "--sprites: .*: Not a directory")
        # Where the program is installed decides, not where it is called from.
        prefix = self.folder / "prefix"
        stack = prefix / "share/imbrex/fonts/Only"
        stack.mkdir(parents=True)
        (stack / "0-255.pbf").write_bytes(b"installed")
        (prefix / "bin").mkdir()
        program = prefix / "bin/imbrex-server"
        shutil.copy(harness.SERVER, program)
        server = self.serve(self.folder / "vec.imbrex", program=program)
        self.assertEqual(server.get("/fonts/Only/0-255.pbf").body, b"installed")
        self.assert_refused(server.get("/sprites/sprite.png"), 404)
        server = self.serve("--fonts", "none", self.folder / "vec.imbrex",
                            program=program)
        self.assert_refused(server.get("/fonts/Only/0-255.pbf"), 404)

    def test_5_7_fonts(self):
        server = self.fonts()
        for stack in ("Noto%20Sans%20Regular", "Other,Noto%20Sans%20Regular"):
            answer = server.get(f"/fonts/{stack}/0-255.pbf")
            self.assertEqual((answer.status, answer.body), (200, b"glyphs"))
            self.assertEqual(answer["Content-Type"], "application/x-protobuf")
            answer = server.get(f"/fonts/{stack}/65280-65535.pbf")
            self.assertEqual((answer.status, answer.body), (200, b""))
            self.assertEqual(answer["Content-Length"], "0")
        for target in ("/fonts/Other/0-255.pbf",
                       "/fonts/Noto%20Sans%20Regular/0-256.pbf",
                       "/fonts/Noto%20Sans%20Regular/1-256.pbf",
                       "/fonts/Noto%20Sans%20Regular/0-255.png"):
            self.assert_refused(server.get(target), 404)
        self.assertIn("glyphs", json.loads(server.get("/styles/vec.json").body))

    def test_5_8_sprites(self):
        server = self.fonts()
        self.assertEqual(server.get("/sprites/sprite@2x.json").body, b"{}")
        answer = server.get("/sprites/sprite.png")
        self.assertEqual(answer["Content-Type"], "image/png")
        self.assert_refused(server.get("/sprites/other.png"), 404)
        self.assert_refused(server.get("/sprites/Noto%20Sans%20Regular"), 404)
        self.assert_refused(self.server.get("/sprites/sprite.png"), 404)

    def test_5_9_status(self):
        answer = self.server.get("/status.json")
        status = json.loads(answer.body)
        self.assertEqual(answer["Cache-Control"], "no-store")
        for cap in ("views", "mapped_bytes", "connections", "bodies_bytes"):
            values = status["caps"][cap]
            self.assertLessEqual(values["now"], values["high"])
            self.assertLessEqual(values["high"], values["cap"])
        self.assertIn("view_hits", status["counters"])
        off = self.serve("--status", "off", self.folder / "world.imbrex")
        self.assert_refused(off.get("/status.json"), 404)

    def test_5_10_page(self):
        answer = self.server.get("/")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer["Content-Type"], "text/html; charset=utf-8")
        self.assertIn("default-src 'none'", answer["Content-Security-Policy"])
        text = answer.body.decode()
        parts = re.findall(r'(?:src|href)="([^"#]+)"', text)
        self.assertTrue(parts)
        for part in parts:
            if part.startswith("data:"):
                continue
            self.assertNotRegex(part, "^(https?:)?/", "URLs are relative")
            self.assertEqual(self.server.get(f"/{part.removeprefix('./')}")
                             .status, 200, part)
        self.assert_refused(self.server.get("/assets/nothing.js"), 404)

    def test_5_11_documents_are_cached_and_packed(self):
        for target in ("/world.json", "/catalog.json", "/", "/tms/1.0.0/",
                       "/wmts/1.0.0/WMTSCapabilities.xml"):
            plain = self.server.get(target)
            self.assertEqual(plain["Cache-Control"], "public, max-age=60")
            self.assertRegex(plain["ETag"], '^"[^"]+"$')
            self.assertEqual(self.server.get(
                target, If_None_Match=plain["ETag"]).status, 304)
            packed = self.server.get(target, Accept_Encoding="gzip")
            if packed["Content-Encoding"] == "gzip":
                self.assertEqual(gzip.decompress(packed.body), plain.body)
                self.assertNotEqual(packed["ETag"], plain["ETag"])
                self.assertEqual(plain["Vary"], "Accept-Encoding")
                self.assertEqual(packed["Vary"], "Accept-Encoding")
            else:
                self.assertLess(len(plain.body), 1024)

    def test_5_11_many_at_once_share_the_budget(self):
        def ask(_):
            return [self.server.get(f"/{name}.json").status
                    for name in self.tilesets for _ in range(4)]
        with concurrent.futures.ThreadPoolExecutor(24) as people:
            statuses = {status for answers in people.map(ask, range(24))
                        for status in answers}
        self.assertEqual(statuses, {200})

    # ---- 6 -------------------------------------------------------------

    def test_6_1_cors(self):
        tag = self.server.get("/world/0/0/0")["ETag"]
        for target, fields in (("/world/0/0/0", {}), ("/world.json", {}),
                               ("/nothing", {}), ("/%zz", {}),
                               ("/world/0/0/0", {"If_None_Match": tag})):
            answer = self.server.get(target, **fields)
            self.assertEqual(answer["Access-Control-Allow-Origin"], "*")
            self.assertEqual(answer["Access-Control-Expose-Headers"],
                             "ETag, Content-Length, Content-Encoding")
            self.assertNotIn("Origin", answer["Vary"] or "")

    def test_6_2_list_of_origins(self):
        server = self.serve("--cors", "https://a.example, https://b.example",
                            self.folder / "vec.imbrex",
                            self.folder / "world.imbrex")
        for target, vary in (("/world/0/0/0", "Origin"),
                             ("/vec/0/0/0", "Accept-Encoding, Origin")):
            answer = server.get(target, Origin="https://b.example")
            self.assertEqual(answer["Access-Control-Allow-Origin"],
                             "https://b.example")
            self.assertEqual(answer["Vary"], vary)
            for origin in ("https://c.example", "https://b.example.evil", "*"):
                answer = server.get(target, Origin=origin)
                self.assertIsNone(answer["Access-Control-Allow-Origin"])
                self.assertEqual(answer["Vary"], vary)
        none = self.serve("--cors", "none", self.folder / "world.imbrex")
        answer = none.get("/world/0/0/0", Origin="https://a.example")
        self.assertIsNone(answer["Access-Control-Allow-Origin"])

    def test_6_3_preflight(self):
        answer = self.server.get(
            "/world/0/0/0", "OPTIONS", Origin="https://a.example",
            Access_Control_Request_Method="GET",
            Access_Control_Request_Headers="if-none-match")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(answer["Access-Control-Allow-Origin"], "*")
        self.assertIn("GET", answer["Access-Control-Allow-Methods"])
        self.assertIn("If-None-Match", answer["Access-Control-Allow-Headers"])
        self.assertEqual(answer["Access-Control-Max-Age"], "86400")

    # ---- 7 -------------------------------------------------------------

    def url(self, server, **fields):
        host = fields.pop("host", "test")
        with server.wire() as wire:
            answer = wire.ask("/world.json", host=host, **fields)
        self.assertEqual(answer.status, 200)
        return json.loads(answer.body)["tiles"][0].split("/world/")[0]

    def test_7_1_public_url(self):
        server = self.serve("--public-url", "https://maps.example/x",
                            "--base-path", "/b", self.folder / "world.imbrex")
        document = json.loads(server.get("/b/world.json").body)
        self.assertEqual(document["tiles"][0],
                         "https://maps.example/x/b/world/{z}/{x}/{y}.png")
        self.assertEqual(self.url(self.server, host="a.example:8080"),
                         "http://a.example:8080")
        self.assertEqual(self.url(self.server, host="[::1]:80"),
                         "http://[::1]:80")

    def test_7_2_proxies(self):
        forwarded = {"X_Forwarded_Host": "maps.example",
                     "X_Forwarded_Proto": "https",
                     "X_Forwarded_Prefix": "/p"}
        self.assertEqual(self.url(self.server, **forwarded), "http://test")
        trusting = self.serve("--trusted-proxies", "10.0.0.0/8,127.0.0.1",
                              self.folder / "world.imbrex")
        self.assertEqual(self.url(trusting, **forwarded),
                         "https://maps.example/p")
        self.assertEqual(self.url(
            trusting, Forwarded='for=192.0.2.1;host="f.example";proto=https'),
            "https://f.example")
        with trusting.wire() as wire:
            answer = wire.ask("/world.json", X_Forwarded_Host='a"b<c')
            self.assert_refused(answer, 400)

    def test_7_3_allowed_hosts(self):
        server = self.serve("--allowed-hosts", "maps.example, other.example",
                            self.folder / "world.imbrex")
        for host, status in (("maps.example", 200), ("MAPS.example:81", 200),
                             ("other.example", 200), ("evil.example", 421),
                             ("maps.example.evil", 421)):
            with server.wire() as wire:
                self.assertEqual(wire.ask("/world/0/0/0", host=host).status,
                                 status, host)


if __name__ == "__main__":
    harness.main()
