"""A vector tileset of several sources, built by imbrex-tiler, as it is served:
stored bytes, TileJSON that says what is in it, a style that draws all of it."""
import gzip
import importlib.util
import json
import subprocess

import harness
import real

real.skip_without(python3_gdal=importlib.util.find_spec("osgeo"))
from osgeo import gdal  # noqa: E402

gdal.UseExceptions()
SOURCES = {"lakes": "ne_110m_lakes", "coast": "ne_110m_coastline",
           "places": "ne_110m_populated_places_simple"}


class VectorMap(harness.Case):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        config = cls.folder / "config.json"
        config.write_text(json.dumps({"layers": {
            "ne_110m_lakes": {"name": "lakes"},
            "ne_110m_coastline": {"name": "coast"},
            "ne_110m_populated_places_simple": {
                "name": "places", "minzoom": 1, "maxzoom": 3,
                "description": "towns",
                "include": ["name", "pop_max", "adm0cap"]}}}))
        cls.paths = [real.DATA / f"vector/{name}.geojson.gz"
                     for name in SOURCES.values()]
        subprocess.run([real.TILER, "build", "--quiet", "--zoom", "0-3",
                        "--config", config, "-o", cls.folder / "map.imbrex",
                        *cls.paths], check=True)
        cls.server = harness.Server(cls.folder / "map.imbrex")
        cls.addClassCleanup(cls.server.__exit__)

    def json(self, target):
        answer = self.server.get(target)
        self.assertEqual(answer.status, 200)
        return json.loads(answer.body)

    def test_3_6_stored_gzip_is_sent_as_it_is(self):
        stored = subprocess.run(
            [real.TILER, "tile", self.folder / "map.imbrex", "2", "1", "1"],
            stdout=subprocess.PIPE, check=True).stdout
        answer = self.server.get("/map/2/1/1.mvt", Accept_Encoding="gzip")
        self.assertEqual(answer["Content-Encoding"], "gzip")
        self.assertEqual(answer["Content-Type"],
                         "application/vnd.mapbox-vector-tile")
        self.assertEqual(answer.body, stored)
        self.assertEqual(stored[:2], b"\x1f\x8b")
        plain = self.server.get("/map/2/1/1.mvt", Accept_Encoding="identity")
        self.assertIsNone(plain["Content-Encoding"])
        self.assertEqual(plain.body, gzip.decompress(stored))

    def test_5_1_tilejson_says_what_is_in_it(self):
        said = self.json("/map.json")
        layers = {layer["id"]: layer for layer in said["vector_layers"]}
        self.assertEqual(set(layers), set(SOURCES))
        self.assertEqual(layers["places"], {
            "id": "places", "description": "towns", "minzoom": 1,
            "maxzoom": 3, "fields": {"name": "String", "pop_max": "Number",
                                     "adm0cap": "Number"}})
        for name in ("lakes", "coast"):
            self.assertEqual((layers[name]["minzoom"],
                              layers[name]["maxzoom"]), (0, 3))
            self.assertIn("scalerank", layers[name]["fields"])
        self.assertEqual((said["minzoom"], said["maxzoom"]), (0, 3))

    def test_5_1_bounds_are_those_of_the_sources(self):
        sources = [gdal.OpenEx(f"/vsigzip/{path}") for path in self.paths]
        boxes = [source.GetLayer(0).GetExtent() for source in sources]
        want = [min(b[0] for b in boxes), max(min(b[2] for b in boxes),
                                              -85.051129),
                max(b[1] for b in boxes), min(max(b[3] for b in boxes),
                                              85.051129)]
        said = self.json("/map.json")
        for have, expected in zip(said["bounds"], want):
            self.assertAlmostEqual(have, expected, delta=1e-5)
        west, south, east, north = said["bounds"]
        lon, lat, zoom = said["center"]
        self.assertTrue(west < lon < east and south < lat < north)
        self.assertTrue(0 <= zoom <= 3)

    def test_5_6_the_style_draws_every_layer(self):
        style = self.json("/styles/map.json")
        self.assertEqual(style["version"], 8)
        [source] = {layer["source"] for layer in style["layers"]
                    if "source" in layer}
        self.assertEqual(style["sources"][source]["type"], "vector")
        drawn = {layer["source-layer"] for layer in style["layers"]
                 if "source-layer" in layer}
        self.assertEqual(drawn, set(SOURCES))


if __name__ == "__main__":
    harness.main()
