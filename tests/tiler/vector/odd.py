"""Every odd and every broken source there is: what becomes of each, by name. A
right tileset, with what is missing counted; or one clear line, exit 1, and
nothing left behind."""
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

DATA = os.environ.get("IMBREX_DATA") or os.path.join(
    os.environ.get("IMBREX_SOURCE", "../../.."), "../shared/data")
TILER = os.environ["IMBREX_TILER"]
SKIPPED = 77

UNKNOWN = "not recognized as a supported file format"
BROKEN = "Failed to read GeoJSON data"
CUT = "cannot be read to its end"


def counts(read, taken, **others):
    return {"read": read, "taken": taken, **others}


NOTHING = counts(1, 0, without_geometry=1)
EMPTY = counts(1, 0, empty_geometry=1)
ONE = counts(1, 1)

EXPECTED = {
    "vector/edge": {
        "cities.csv": counts(4, 4),
        "empty.geojson": UNKNOWN,
        "hkzones-mixed-geometries.geojson": counts(3, 3),
        "hkzones-mixed-numeric.geojson": counts(3, 3),
        **{f"new-zealand-antimeridian.{ending}": counts(2, 2)
           for ending in ("dbf", "geojson", "gpkg", "shp", "shx")},
        **{f"nl-null-points.{ending}": counts(20, 17, without_geometry=3)
           for ending in ("dbf", "shp", "shx")},
        "new-zealand-antimeridian.cpg": UNKNOWN,
        "new-zealand-antimeridian.prj": UNKNOWN,
        "nl-null-points.prj": UNKNOWN,
    },
    "malformed/crafted/geojson": {
        "antimeridian_crossing.geojson": counts(2, 2),
        "bom_crlf.geojson": ONE,
        "bowtie_polygon.geojson": counts(1, 1, repaired=1),
        "deep_nesting_100k.geojson": BROKEN,
        "empty_file.geojson": UNKNOWN,
        "geojsonseq_rs.geojson": counts(5, 5),
        "huge_numbers.geojson": BROKEN,
        "invalid_utf8.geojson": counts(1, 1, texts_repaired=1),
        "lat_out_of_range.geojson": counts(3, 0, bad_coordinates=1,
                                           outside_the_map=2),
        "nan_coords.geojson": counts(1, 0, bad_coordinates=1),
        "null_and_empty_geometry.geojson": counts(
            4, 0, without_geometry=1, empty_geometry=3),
        "ok_control.geojson": counts(3, 3),
        "string_coordinates.geojson": CUT,
        "trailing_comma.geojson": BROKEN,
        "trunc_mid_number.geojson": BROKEN,
        "trunc_mid_string.geojson": BROKEN,
        "unclosed_ring.geojson": ONE,
    },
    "malformed/crafted/osm": {
        "blob_zlib_corrupt.osm.pbf": CUT,
        "blobheader_len_huge.osm.pbf": CUT,
        "dangling_refs.osm": counts(0, 0),
        "empty.osm.pbf": UNKNOWN,
        "trunc.osm": CUT,
        "trunc_60pct.osm.pbf": CUT,
    },
    "malformed/geojsonhint-bad": {
        "bad-duplicate-properties.geojson": NOTHING,
        "bad-json.geojson": BROKEN,
        "bad-polygon-interiorring-rhr.geojson": ONE,
        "bad-properties-as-array.geojson": NOTHING,
        "badcoordtype.geojson": EMPTY,
        "badfeatureid.geojson": ONE,
        "bbox-contains-string.geojson": ONE,
        "different-first-last.geojson": ONE,
        "excessive_precision_truncated.geojson": ONE,
        "false.geojson": EMPTY,
        "featurecollection-obj.geojson": BROKEN,
        "featurecollection.geojson": BROKEN,
        "geometry_changed_semantics.geojson": ONE,
        "geometrycollection_single.geojson": ONE,
        "multipoint-multidimension.geojson": BROKEN,
        "nofeaturetype.geojson": ONE,
        "point-labeled-as-a-multipolygon.geojson": EMPTY,
        "point-toofew.geojson": BROKEN,
        "point.geojson": BROKEN,
        "rootstring.geojson": UNKNOWN,
        "short-linearring.geojson": ONE,
        "stringcoord.geojson": CUT,
    },
    "osm": {"monaco-latest-2021.lz4.osm.pbf": "lz4"},
}


class Odd(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.addCleanup(self.temp.cleanup)

    def path(self, name):
        return os.path.join(self.temp.name, name)

    def check_refused(self, name, said, done):
        self.assertEqual(done.returncode, 1, name + done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith(f"imbrex-tiler: {name}: "), lines)
        self.assertIn(said, lines[0])
        self.assertEqual(os.listdir(self.temp.name), [])

    def check_taken(self, name, want, done):
        self.assertEqual(done.returncode, 0, name + done.stderr)
        with open(self.path("r.json"), encoding="utf-8") as file:
            report = json.load(file)
        have = {}
        for layer in report["layers"]:
            for key, number in layer["input"].items():
                have[key] = have.get(key, 0) + number
        self.assertEqual(have, want, name)
        # What is missing is said, also to who reads no report.
        self.assertEqual(have["taken"] < have["read"] or
                         "texts_repaired" in have,
                         "left out" in done.stderr, name)
        zooms = [zoom for layer in report["layers"] for zoom in layer["zooms"]]
        shown = [zoom["features_out"] for zoom in zooms if zoom["zoom"] == 5]
        self.assertEqual(sum(shown), want["taken"], name)
        checked = subprocess.run([TILER, "verify", "-q", self.path("t.imbrex")],
                                 check=False)
        self.assertEqual(checked.returncode, 0, name)
        subprocess.run(["rm", "-r", self.path("t.imbrex"),
                        self.path("r.json")], check=True)

    def check(self, folder):
        files = EXPECTED[folder]
        if folder != "osm":
            there = {os.path.basename(path) for path in
                     glob.glob(os.path.join(DATA, folder, "*"))}
            self.assertEqual(there, set(files))
        for file, want in files.items():
            name = os.path.join(DATA, folder, file)
            done = subprocess.run(
                [TILER, "build", "-q", "--zoom", "0-5", "-o",
                 self.path("t.imbrex"), "--report", self.path("r.json"), name],
                stderr=subprocess.PIPE, text=True, check=False, timeout=120)
            if isinstance(want, str):
                self.check_refused(name, want, done)
            else:
                self.check_taken(name, want, done)

    def test_edge(self):
        self.check("vector/edge")

    def test_crafted_geojson(self):
        self.check("malformed/crafted/geojson")

    def test_crafted_osm(self):
        self.check("malformed/crafted/osm")

    def test_geojsonhint(self):
        self.check("malformed/geojsonhint-bad")

    def test_osm(self):
        self.check("osm")


if __name__ == "__main__":
    if not os.path.exists(os.path.join(DATA, "vector/edge")):
        print(f"skipped: {DATA} is missing")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
