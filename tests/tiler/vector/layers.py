"""What can be said of a layer, and what its attributes become: every key of the
configuration file, in decoded tiles of small sources and of real ones."""
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest

import mvt
from osgeo import gdal, ogr, osr

gdal.UseExceptions()
DATA = os.environ.get("IMBREX_DATA") or os.path.join(
    os.environ.get("IMBREX_SOURCE", "../../.."), "../shared/data")
TILER = os.environ["IMBREX_TILER"]
SKIPPED = 77


def data(name):
    return os.path.join(DATA, name)


def point(lon, lat, **properties):
    return {"type": "Feature", "properties": properties,
            "geometry": {"type": "Point", "coordinates": [lon, lat]}}


def line(coordinates, **properties):
    return {"type": "Feature", "properties": properties,
            "geometry": {"type": "LineString", "coordinates": coordinates}}


class LayerCase(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.addCleanup(self.temp.cleanup)

    def path(self, name):
        return os.path.join(self.temp.name, name)

    def source(self, name, *features):
        with open(self.path(name + ".geojson"), "w", encoding="utf-8") as file:
            json.dump({"type": "FeatureCollection", "features": features},
                      file)
        return self.path(name + ".geojson")

    def config(self, layers):
        with open(self.path("c.json"), "w", encoding="utf-8") as file:
            json.dump({"layers": layers}, file)
        return ["--config", self.path("c.json")]

    def run_build(self, *arguments):
        return subprocess.run(
            [TILER, "build", "-q", "--replace", "-o", self.path("t.imbrex"),
             "--report", self.path("r.json"), *arguments],
            stderr=subprocess.PIPE, text=True, check=False)

    def build(self, *arguments):
        done = self.run_build(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("r.json"), encoding="utf-8") as file:
            return json.load(file)

    def tile(self, z, x, y):
        done = subprocess.run([TILER, "tile", self.path("t.imbrex"), str(z),
                               str(x), str(y)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        return mvt.decode(done.stdout) if done.returncode == 0 else {}

    def info(self):
        done = subprocess.run([TILER, "info", "--json", self.path("t.imbrex")],
                              stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def layer_of(self, name):
        [layer] = [entry for entry in self.info()["tilejson"]["vector_layers"]
                   if entry["id"] == name]
        return layer


class Attributes(LayerCase):
    FIELDS = (("negative", ogr.OFTInteger, ogr.OFSTNone, -5),
              ("zero", ogr.OFTInteger, ogr.OFSTNone, 0),
              ("least", ogr.OFTInteger64, ogr.OFSTNone, -2 ** 63),
              ("most", ogr.OFTInteger64, ogr.OFSTNone, 2 ** 63 - 1),
              ("single", ogr.OFTReal, ogr.OFSTFloat32, 0.5 + 2 ** -23),
              ("tenth", ogr.OFTReal, ogr.OFSTNone, 0.1),
              ("whole", ogr.OFTReal, ogr.OFSTNone, 7.0),
              ("yes", ogr.OFTInteger, ogr.OFSTBoolean, 1),
              ("no", ogr.OFTInteger, ogr.OFSTBoolean, 0),
              ("text", ogr.OFTString, ogr.OFSTNone, "Ångström 名 \"\\\n"),
              ("nothing", ogr.OFTString, ogr.OFSTNone, ""),
              ("absent", ogr.OFTString, ogr.OFSTNone, None),
              ("day", ogr.OFTDate, ogr.OFSTNone, "2024/02/29"),
              ("moment", ogr.OFTDateTime, ogr.OFSTNone,
               "2024/02/29 12:30:01.5+01"))
    WANT = {"negative": ("sint", -5), "zero": ("uint", 0),
            "least": ("sint", -2 ** 63), "most": ("uint", 2 ** 63 - 1),
            "single": ("float", 0.5 + 2 ** -23), "tenth": ("double", 0.1),
            "whole": ("double", 7.0), "yes": ("bool", True),
            "no": ("bool", False), "text": ("string", "Ångström 名 \"\\\n"),
            "nothing": ("string", ""), "day": ("string", "2024-02-29"),
            "moment": ("string", "2024-02-29T12:30:01.500+01:00")}

    def typed(self, driver, name, fields, *rows):
        """A source of points with fields of these types."""
        dataset = gdal.GetDriverByName(driver).Create(self.path(name), 0, 0, 0,
                                                      0)
        crs = osr.SpatialReference()
        crs.ImportFromEPSG(4326)
        layer = dataset.CreateLayer("types", crs, ogr.wkbPoint)
        for key, kind, subtype in fields:
            field = ogr.FieldDefn(key, kind)
            field.SetSubType(subtype)
            layer.CreateField(field)
        for row in rows:
            feature = ogr.Feature(layer.GetLayerDefn())
            for (key, kind, _), value in zip(fields, row):
                if kind == ogr.OFTBinary:
                    feature.SetFieldBinaryFromHexString(key, value)
                elif value is not None:
                    feature[key] = value
            feature.SetGeometry(ogr.CreateGeometryFromWkt("POINT(2 1)"))
            layer.CreateFeature(feature)
        return self.path(name)

    def test_every_type_is_kept(self):
        self.build("--zoom", "1", self.typed(
            "GPKG", "types.gpkg", [field[:3] for field in self.FIELDS],
            [field[3] for field in self.FIELDS]))
        [feature] = self.tile(1, 1, 0)["types"]
        self.assertEqual(feature["properties"], self.WANT)
        fields = self.layer_of("types")["fields"]
        self.assertEqual(
            {name: fields[name] for name in self.WANT},
            {name: {"bool": "Boolean", "string": "String"}.get(kind, "Number")
             for name, (kind, _) in self.WANT.items()})

    def test_types_survive_a_merge_of_equal_lines(self):
        lines = [line([[i, 1], [i + 1, 1]], b=True, i=-1, f=0.25, s="x", u=1)
                 for i in range(1, 9)]
        self.build("--zoom", "1", self.source("l", *lines))
        [feature] = self.tile(1, 1, 0)["l"]
        self.assertEqual(feature["properties"], {
            "b": ("bool", True), "i": ("sint", -1), "f": ("double", 0.25),
            "s": ("string", "x"), "u": ("uint", 1)})

    def test_lists_are_json_without_loss(self):
        self.build("--zoom", "1", self.source("l", point(
            2, 1, big=[2 ** 62 + 1, -3], real=[0.1, 1e300], text=["a", "\""])))
        [feature] = self.tile(1, 1, 0)["l"]
        have = {key: json.loads(value) for key, (kind, value) in
                feature["properties"].items() if kind == "string"}
        self.assertEqual(have, {"big": [2 ** 62 + 1, -3], "real": [0.1, 1e300],
                                "text": ["a", "\""]})

    def test_what_tiles_cannot_hold_is_counted(self):
        fields = (("v", ogr.OFTReal, 0), ("b", ogr.OFTBinary, 0))
        report = self.build("--zoom", "1", self.typed(
            "FlatGeobuf", "n.fgb", fields, (math.nan, "00ff"),
            (1.5, "01"), (math.inf, "02")))
        self.assertEqual(report["layers"][0]["input"]["values_left_out"], 5)
        self.assertTrue(report["loss"])
        [features] = self.tile(1, 1, 0).values()
        self.assertEqual(sorted((f["properties"] for f in features), key=len),
                         [{}, {}, {"v": ("double", 1.5)}])

    def test_real_attributes_are_those_of_the_source(self):
        """Natural Earth's places, all their columns, each with its type."""
        name = "vector/ne_110m_populated_places_simple.geojson.gz"
        report = self.build("--zoom", "2", data(name))
        have = {}
        for x in range(4):
            for y in range(4):
                for features in self.tile(2, x, y).values():
                    for feature in features:
                        properties = feature["properties"]
                        have[properties["name"][1]] = properties
        source = gdal.OpenEx("/vsigzip/" + data(name), gdal.OF_VECTOR)
        kinds = {ogr.OFTInteger: {"uint", "sint"}, ogr.OFTReal: {"double"},
                 ogr.OFTInteger64: {"uint", "sint"}, ogr.OFTString: {"string"}}
        number = 0
        for feature in source.GetLayer(0):
            got = have[feature["name"]]
            for i in range(feature.GetFieldCount()):
                field = feature.GetFieldDefnRef(i)
                if not feature.IsFieldSetAndNotNull(i):
                    self.assertNotIn(field.GetName(), got)
                    continue
                kind, value = got[field.GetName()]
                self.assertEqual(value, feature[i], field.GetName())
                self.assertIn(kind, kinds[field.GetType()], field.GetName())
            number += 1
        self.assertEqual(number, 243)
        self.assertEqual(report["layers"][0]["zooms"][0]["features_out"], 243)


class Configuration(LayerCase):
    def places(self, *options):
        return self.build(*options, self.source(
            "places", point(10, 10, name="a", rank=3, lo=2, hi=3, id=7),
            point(11, 11, name="b", rank=1, lo=0, hi=9, id=8),
            point(12, 12, name="c", rank=2, id="x")))

    def names(self, z, layer="places"):
        n = 2 ** z
        x = int((10 + 180) / 360 * n)
        y = int((1 - math.asinh(math.tan(math.radians(10))) / math.pi) / 2 * n)
        return [feature["properties"]["name"][1]
                for feature in self.tile(z, x, y).get(layer, [])]

    def test_name_description_and_zooms(self):
        self.places("--zoom", "0-5", *self.config({"places": {
            "name": "towns", "description": "where people are",
            "minzoom": 2, "maxzoom": 4}}))
        self.assertEqual(self.layer_of("towns"), {
            "id": "towns", "description": "where people are", "minzoom": 2,
            "maxzoom": 4, "fields": {"name": "String", "rank": "Number",
                                     "lo": "Number", "hi": "Number",
                                     "id": "String"}})
        shown = [z for z in range(6) if self.names(z, "towns")]
        self.assertEqual(shown, [2, 3, 4])

    def test_skipped_layers_are_left_out(self):
        other = self.source("other", point(10, 10, name="o"))
        report = self.places("--zoom", "1", *self.config(
            {"other": {"skip": True}}), other)
        self.assertEqual([layer["id"] for layer in report["layers"]],
                         ["places"])

    def test_where(self):
        self.places("--zoom", "1", *self.config(
            {"places": {"where": "rank > 1 AND name <> 'c'"}}))
        self.assertEqual(self.names(1), ["a"])

    def test_where_by_zoom(self):
        self.places("--zoom", "0-4", *self.config({"places": {"zooms": [
            {"maxzoom": 1, "where": "rank = 3"},
            {"minzoom": 3, "where": "rank <> 3"}]}}))
        self.assertEqual([sorted(self.names(z)) for z in range(5)],
                         [["a"], ["a"], [], ["b", "c"], ["b", "c"]])

    def test_zooms_of_features(self):
        self.places("--zoom", "0-4", *self.config({"places": {
            "minzoom_field": "lo", "maxzoom_field": "hi"}}))
        self.assertEqual([sorted(self.names(z)) for z in range(5)],
                         [["b", "c"], ["b", "c"], ["a", "b", "c"],
                          ["a", "b", "c"], ["b", "c"]])

    def test_include_exclude_and_rename(self):
        for rule, want in (
                ({"include": ["name", "rank"]}, {"name", "rank"}),
                ({"exclude": ["lo", "hi", "id"]}, {"name", "rank"}),
                ({"include": ["name", "rank"], "exclude": ["rank"],
                  "rename": {"name": "title"}}, {"title"})):
            self.places("--zoom", "0", *self.config({"places": rule}))
            for feature in self.tile(0, 0, 0)["places"]:
                self.assertEqual(set(feature["properties"]), want)
            self.assertEqual(set(self.layer_of("places")["fields"]), want)

    def test_feature_ids(self):
        """Of an attribute, which stays; of the source; and texts are none."""
        report = self.places("--zoom", "0", *self.config(
            {"places": {"feature_id": "id"}}))
        ids = {f["properties"]["name"][1]: (f["id"], f["properties"]["id"][1])
               for f in self.tile(0, 0, 0)["places"]}
        self.assertEqual(ids, {"a": (7, "7"), "b": (8, "8"), "c": (None, "x")})
        self.assertEqual(report["layers"][0]["input"]["ids_left_out"], 1)
        self.places("--zoom", "0", *self.config(
            {"places": {"feature_id": "fid"}}))
        self.assertEqual({f["properties"]["name"][1]: f["id"] for f in
                          self.tile(0, 0, 0)["places"]},
                         {"a": 0, "b": 1, "c": 2})

    def test_sort_decides_who_is_on_top_and_who_stays(self):
        rules = self.config({"places": {"sort": "rank"}})
        self.places("--zoom", "0", *rules)
        self.assertEqual(self.names(0), ["b", "c", "a"])
        report = self.places("--zoom", "0", "--max-tile-features", "2", *rules)
        self.assertEqual(self.names(0), ["c", "a"])
        self.assertTrue(report["loss"])
        self.assertEqual(
            report["layers"][0]["zooms"][0]["lost_to_limits"], 1)

    def test_policies_are_a_layers_own(self):
        dots = [point(10 + i / 100, 10, name=str(i)) for i in range(50)]
        report = self.build("--zoom", "3", "--max-tile-features", "40",
                            *self.config({"whole": {"oversize": "keep"},
                                          "thin": {"oversize": "drop-densest"}}),
                            self.source("whole", *dots),
                            self.source("thin", *dots))
        out = {layer["id"]: (layer["oversize"],
                             layer["zooms"][0]["features_out"])
               for layer in report["layers"]}
        self.assertEqual(out["whole"], ("keep", 50))
        self.assertEqual(out["thin"][0], "drop-densest")
        self.assertLess(out["thin"][1], 50)

    def test_simplification(self):
        """A wave of four units: kept by a tolerance of one, not of eight."""
        unit = 360 / 4096 / 4
        wave = line([[10 + i * 4 * unit, i % 2 * 4 * unit] for i in range(40)])
        flat = {}
        for tolerance in (1, 8):
            self.build("--zoom", "2-3", *self.config(
                {"w": {"simplification": tolerance}}), self.source("w", wave))
            flat[tolerance] = [sum(len(part) for y in range(n // 2 - 1, n // 2)
                                   for feature in self.tile(z, n // 2, y)["w"]
                                   for part in feature["parts"])
                               for z, n in ((2, 4), (3, 8))]
        self.assertEqual(flat[1], [40, 40])
        self.assertLess(flat[8][0], 10)
        self.assertEqual(flat[8][1], 40)  # nothing at the deepest zoom

    def test_buffer(self):
        """How far a line goes on beyond its tile."""
        across = line([[-80, 10], [80, 10]])
        for buffer in (0, 64, 500):
            self.build("--zoom", "2", *self.config({"l": {"buffer": buffer}}),
                       self.source("l", across))
            [feature] = self.tile(2, 1, 1)["l"]
            ends = [x for part in feature["parts"] for x, _ in part]
            self.assertEqual(max(ends), 4096 + buffer)
        dots = [point(180 / 4096 * i, 10) for i in (-300, -30, 30, 300)]
        self.build("--zoom", "1", *self.config({"d": {"buffer": 64}}),
                   self.source("d", *dots))
        [xs] = [[x for f in self.tile(1, 1, 0)["d"] for part in f["parts"]
                 for x, _ in part]]
        self.assertEqual(sorted(xs), [-30, 30, 300])

    def test_lines_are_merged_unless_told(self):
        road = [line([[i, 10], [i + 1, 10]], name="r") for i in range(1, 9)]
        for merge in (True, False):
            self.build("--zoom", "1", *self.config(
                {"l": {"merge_lines": merge}}), self.source("l", *road))
            features = self.tile(1, 1, 0)["l"]
            self.assertEqual(len(features), 1 if merge else 8)
            self.assertEqual(sum(len(f["parts"]) for f in features),
                             1 if merge else 8)

    def test_layers_without_a_rule_follow_the_command_line(self):
        other = self.source("other", point(10, 10, name="o", id=4))
        self.places("--zoom", "0", "--include", "id", *self.config(
            {"places": {"include": ["name"]}}), other)
        tile = self.tile(0, 0, 0)
        self.assertEqual(set(tile["other"][0]["properties"]), {"id"})
        self.assertEqual(set(tile["places"][0]["properties"]), {"name"})

    def test_mistakes_are_refused_with_their_path(self):
        for rule, said in (
                ({"minzom": 1}, "layers.places.minzom is not known"),
                ({"zooms": [{"whre": "x"}]},
                 "layers.places.zooms[0].whre is not known"),
                ({"where": "nothing = 1"}, "nothing"),
                ({"sort": "nothing"}, "has no attribute `nothing`"),
                ({"minzoom_field": "no"}, "has no attribute `no`"),
                ({"feature_id": "no"}, "has no attribute `no`")):
            done = self.run_build(*self.config({"places": rule}),
                                  self.source("places", point(1, 1, a=1)))
            self.assertEqual(done.returncode, 1, rule)
            self.assertIn(said, done.stderr)
            self.assertFalse(os.path.exists(self.path("t.imbrex")))

    def test_names_that_no_input_has_are_pointed_out(self):
        source = self.source("places", point(1, 1, a=1))
        done = self.run_build("--zoom", "0", *self.config({
            "place": {}, "places": {"include": ["a", "b"],
                                    "rename": {"c": "d"}}}), source)
        self.assertEqual(done.returncode, 0)
        for said in ("layers.place: no input has such a layer",
                     "layers.places.include: the layer has no attribute `b`",
                     "layers.places.rename: the layer has no attribute `c`"):
            self.assertIn(said, done.stderr)
        self.assertNotIn("`a`", done.stderr)
        done = self.run_build("--zoom", "0", "--exclude", "e", source)
        self.assertIn("--exclude: no layer has an attribute `e`", done.stderr)


class Reports(LayerCase):
    def test_one_report_everywhere(self):
        """In the file, on standard output, in the manifest, and as text."""
        roads = data("vector/porto_roads.geojson.gz")
        arguments = ["--zoom", "9-10", "--max-tile-bytes", "60000", roads]
        report = self.build(*arguments)
        self.assertEqual(self.info()["report"], report)
        command = [TILER, "build", "--replace", "-o", self.path("t.imbrex")]
        done = subprocess.run(command + ["-q", "--json"] + arguments,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=True)
        self.assertEqual(json.loads(done.stdout), report)
        done = subprocess.run(command + ["-v"] + arguments, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=True)
        lines = done.stdout.splitlines()
        self.assertIn("layer porto_roads: 49667 read, 49667 taken", lines)
        [layer] = report["layers"]
        self.assertEqual([z["zoom"] for z in layer["zooms"]], [9, 10])
        for zoom in layer["zooms"]:
            self.assertEqual(zoom["features_in"], 49667)
            row = [zoom["zoom"], zoom["features_in"], zoom["features_out"],
                   zoom.get("too_small", 0), zoom.get("not_repairable", 0),
                   zoom.get("lost_to_limits", 0),
                   zoom.get("pieces_dropped_tile_bytes", 0)]
            self.assertIn(row, [[int(word) for word in text.split()]
                                for text in lines
                                if text.split()[0].isdigit()])
        self.assertIn("pieces dropped from tiles over a limit", done.stderr)


class Zooms(LayerCase):
    def auto(self, *features):
        return self.build("--zoom", "auto",
                          self.source("a", *features))["maxzoom"]

    def test_auto_follows_precision_and_density(self):
        rough = [point(i * 10, 10) for i in range(-9, 9)]
        dense = [point(i / 1e4, j / 1e4) for i in range(30) for j in range(30)]
        self.assertEqual(self.auto(*rough), 5)  # 10 degrees are 1/36
        self.assertEqual(self.auto(*dense), 16)  # more precise than we go
        for step, zoom in ((1, 1), (1 / 16, 5)):  # 32 units each
            steps = line([[i * step, 1 + i % 2 * step] for i in range(50)])
            self.assertEqual(self.auto(steps), zoom)

    def test_auto_of_real_maps(self):
        for name, least, most in (
                ("vector/ne_110m_coastline.geojson.gz", 2, 4),
                ("vector/ne_110m_populated_places_simple.geojson.gz", 4, 6),
                ("vector/us_counties_10m.geojson.gz", 5, 7),
                ("vector/andorra_buildings.geojson.gz", 14, 16)):
            report = self.build("--zoom", "auto", data(name))
            self.assertEqual(report["minzoom"], 0)
            self.assertGreaterEqual(report["maxzoom"], least, name)
            self.assertLessEqual(report["maxzoom"], most, name)


def documented_zooms():
    """{layer: {class: first zoom}} of the table in docs/vector.md."""
    found = {}
    path = os.path.join(os.environ.get("IMBREX_SOURCE", "../../.."),
                        "docs/vector.md")
    with open(path, encoding="utf-8") as file:
        rows = [line.split("|")[1:4] for line in file
                if line.startswith("| `")]
    for name, kind, classes in rows:
        if kind.strip().split(",")[0] not in ("lines", "areas", "points"):
            continue
        zooms, waiting = {}, []
        for word in classes.replace(" and ", ", ").split(","):
            parts = word.split()
            waiting.append(parts[0])
            if len(parts) > 1 and parts[1].isdigit():
                zooms.update(dict.fromkeys(waiting, int(parts[1])))
                waiting = []
        found[name.strip(" `")] = zooms
    return found


class OpenStreetMap(LayerCase):
    SOURCES = ("monaco-latest-2021.osm.pbf", "andorra-latest-2021.osm.pbf",
               "porto.osm.pbf", "bautzen.osm")
    # A river's line begins later; names of buildings are anything.
    OTHERS = ("buildings", "boundaries")

    def tiles(self, *zooms):
        folder = self.path("tiles")
        subprocess.run(["rm", "-rf", folder], check=True)
        subprocess.run([TILER, "export", "-q", "-o", folder + "/",
                        self.path("t.imbrex")], check=True)
        for zoom in zooms:
            top = os.path.join(folder, str(zoom))
            for parent, _, names in os.walk(top):
                for name in names:
                    with open(os.path.join(parent, name), "rb") as file:
                        yield zoom, mvt.decode(file.read())

    def test_every_extract_is_a_map_without_configuration(self):
        """Layers and classes of the documented schema, none before its zoom."""
        schema = documented_zooms()
        self.assertEqual(len(schema), 7)
        self.assertEqual(schema["roads"]["track"], 13)
        seen = set()
        for source in self.SOURCES:
            report = self.build(data("osm/" + source))
            self.assertEqual((report["minzoom"], report["maxzoom"]), (0, 14))
            self.assertFalse(report["loss"], source)
            self.assertEqual({layer["id"] for layer in report["layers"]},
                             set(schema))
            for layer in report["layers"]:
                for zoom in layer["zooms"]:
                    self.assertEqual(
                        zoom["features_out"] + zoom.get("too_small", 0),
                        zoom["features_in"])
            for zoom, tile in self.tiles(4, 7, 9, 10, 11):
                for name, features in tile.items():
                    self.assertIn(name, schema)
                    if name in self.OTHERS:
                        continue
                    for feature in features:
                        kind = feature["properties"]["class"][1]
                        self.assertGreaterEqual(zoom, schema[name][kind],
                                                (source, name, kind))
                        seen.add((name, kind))
        self.assertGreater(len(seen), 20, seen)

    def test_names_are_kept_in_all_languages(self):
        self.build("--zoom", "14", data("osm/andorra-latest-2021.osm.pbf"))
        keys = {key for _, tile in self.tiles(14) for features in tile.values()
                for feature in features for key in feature["properties"]
                if key.startswith("name")}
        self.assertTrue({"name", "name:ca", "name:es", "name:fr", "name:ru"} <=
                        keys, keys)

    def test_attributes_are_chosen_there_too(self):
        source = data("osm/monaco-latest-2021.osm.pbf")
        self.build("--zoom", "14", "--include", "class", "--include", "name",
                   source)
        features = [f for x in (8528, 8529) for y in (5975, 5974, 5976)
                    for layer in self.tile(14, x, y).values() for f in layer]
        self.assertGreater(len(features), 100)
        self.assertEqual({key for f in features for key in f["properties"]},
                         {"class", "name"})


if __name__ == "__main__":
    if not os.path.exists(data("vector/porto_roads.geojson.gz")):
        print(f"skipped: {DATA} is missing")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
