"""Whole builds: policies, determinism, interruption, odd and broken input."""
import filecmp
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from osgeo import gdal

gdal.UseExceptions()
DATA = os.environ.get("IMBREX_DATA") or os.path.join(
    os.environ.get("IMBREX_SOURCE", "../../.."), "../shared/data")
TILER = os.environ["IMBREX_TILER"]
ROADS = os.path.join(DATA, "vector/porto_roads.geojson.gz")
POINT = '{"type": "Point", "coordinates": [-8.6, 41.1]}'
SKIPPED = 77


def same_files(left, right):
    a = sorted(os.path.relpath(os.path.join(d, f), left)
               for d, _, fs in os.walk(left) for f in fs)
    b = sorted(os.path.relpath(os.path.join(d, f), right)
               for d, _, fs in os.walk(right) for f in fs)
    return a == b and all(
        filecmp.cmp(os.path.join(left, f), os.path.join(right, f), False)
        for f in a)


class Builds(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.addCleanup(self.temp.cleanup)

    def path(self, name):
        return os.path.join(self.temp.name, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def command(self, out, *args):
        return [TILER, "build", "--quiet", "-o", self.path(out), "--report",
                self.path(out + ".json"), *args]

    def build(self, out, *args, code=0):
        done = subprocess.run(self.command(out, *args), check=False,
                              stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        if code != 0:
            return done.stderr
        with open(self.path(out + ".json"), encoding="utf-8") as file:
            return json.load(file)

    def test_threads_and_memory_do_not_change_a_byte(self):
        self.build("a.imbrex", "--zoom", "8-12", "--threads", "1", ROADS)
        for options in (("--threads", "2"),
                        ("--threads", "5", "--memory", "32M")):
            self.build("b.imbrex", "--zoom", "8-12", "--replace", *options,
                       ROADS)
            self.assertTrue(same_files(self.path("a.imbrex"),
                                       self.path("b.imbrex")))

    def test_lines_and_vertices_are_kept_when_told(self):
        def written(name, *options):
            self.build(name, "--zoom", "11-12", "--max-tile-bytes", "100M",
                       "--include", "highway", *options, ROADS)
            done = subprocess.run([TILER, "info", "--json", self.path(name)],
                                  check=True, stdout=subprocess.PIPE)
            return json.loads(done.stdout)["payload_bytes"]
        usual = written("usual.imbrex")
        self.assertGreater(written("lines.imbrex", "--keep-lines"), usual)
        self.assertLess(written("rough.imbrex", "--simplification", "8"), usual)

    def test_every_policy_does_what_it_says(self):
        limit = 60000
        lossy = {"drop-smallest": "pieces_dropped_tile_bytes",
                 "drop-densest": "pieces_dropped_tile_bytes",
                 "coalesce": "pieces_coalesced",
                 "simplify-more": "tiles_simplified_more"}
        for policy, key in lossy.items():
            report = self.build(policy + ".imbrex", "--zoom", "10",
                                "--max-tile-bytes", str(limit), "--oversize",
                                policy, ROADS)
            self.assertTrue(report["loss"], policy)
            zoom = report["layers"][0]["zooms"][0]
            self.assertGreater(zoom[key], 0, policy)
            self.assertLessEqual(report["tiles"][0]["largest_bytes"], limit)
            self.assertEqual(report["tiles"][0]["over_limit"], 0)
            self.assertEqual(zoom["features_in"], 49667)
            self.assertEqual(
                zoom["features_out"], zoom["features_in"] -
                zoom.get("too_small", 0) - zoom.get("lost_to_limits", 0))
        report = self.build("keep.imbrex", "--zoom", "10",
                            "--max-tile-bytes", str(limit), "--oversize",
                            "keep", ROADS)
        self.assertGreater(report["tiles"][0]["over_limit"], 0)
        self.assertFalse(report["loss"])
        text = self.build("error.imbrex", "--zoom", "10", "--max-tile-bytes",
                          str(limit), "--oversize", "error", ROADS, code=1)
        self.assertIn("tile 10/", text)
        self.assertFalse(os.path.exists(self.path("error.imbrex/CURRENT")))

    def test_feature_limit(self):
        report = self.build("f.imbrex", "--zoom", "10", "--max-tile-features",
                            "1000", ROADS)
        zoom = report["layers"][0]["zooms"][0]
        self.assertGreater(zoom["pieces_dropped_tile_features"], 0)
        self.assertNotIn("pieces_dropped_tile_bytes", zoom)

    def test_strict_fails_on_loss_only(self):
        self.build("s.imbrex", "--zoom", "13", "--strict", ROADS)
        self.build("l.imbrex", "--zoom", "10", "--strict",
                   "--max-tile-bytes", "60000", ROADS, code=1)

    def test_attributes_and_filters(self):
        report = self.build("w.imbrex", "--zoom", "12", "--where",
                            "highway = 'motorway'", "--include", "name",
                            "--layer", "big", ROADS)
        layer = report["layers"][0]
        self.assertEqual(layer["id"], "big")
        self.assertLess(layer["input"]["read"], 2000)
        self.assertGreater(layer["input"]["read"], 10)
        for option, value in (("--where", "highway ="),
                              ("--sort", "nothing"),
                              ("--feature-id", "nothing")):
            self.build("x.imbrex", "--zoom", "12", option, value, ROADS,
                       code=1)
            self.assertFalse(os.path.exists(self.path("x.imbrex")))

    def interrupted(self, kind, code, *sources, least=100000):
        """Starts a build and ends it once it has `least` bytes of tiles."""
        command = self.command("r.imbrex", "--zoom", "0-14", "--threads",
                               "1", *(sources or (ROADS,)))
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            spool = self.path("r.imbrex/.build/spool")
            if os.path.isfile(spool) and os.path.getsize(spool) > least:
                break
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(kind)
        self.assertIn(process.wait(), (code, 0))

    def test_interrupted_build_goes_on_to_the_same_bytes(self):
        self.build("whole.imbrex", "--zoom", "0-14", ROADS)
        for kind, code in ((signal.SIGTERM, 3),
                           (signal.SIGKILL, -signal.SIGKILL)):
            self.interrupted(kind, code)
            if not os.path.exists(self.path("r.imbrex/CURRENT")):
                self.build("r.imbrex", "--zoom", "0-14", "--resume", ROADS)
            self.assertTrue(same_files(self.path("whole.imbrex"),
                                       self.path("r.imbrex")))
            subprocess.run(["rm", "-r", self.path("r.imbrex")], check=True)

    def check_not_resumed(self, *arguments):
        text = self.build("r.imbrex", "--zoom", "0-14", "--resume",
                          *arguments, code=1)
        self.assertIn("had other inputs or options", text)

    def test_resume_notices_another_input_in_the_same_gzip(self):
        source = self.path("in.geojson.gz")
        shutil.copy(ROADS, source)
        self.interrupted(signal.SIGTERM, 3, source, least=0)
        if os.path.exists(self.path("r.imbrex/CURRENT")):
            self.skipTest("the build ended before it could be interrupted")
        with gzip.open(source, "wt", encoding="utf-8") as file:
            file.write(POINT)
        self.check_not_resumed(source)

    def test_resume_notices_the_last_of_many_inputs_and_each_option(self):
        sources = [ROADS] + [self.write(f"{i:0200}.geojson", POINT)
                             for i in range(400)]
        self.interrupted(signal.SIGTERM, 3, *sources, least=0)
        if os.path.exists(self.path("r.imbrex/CURRENT")):
            self.skipTest("the build ended before it could be interrupted")
        for option in ("--include", "--exclude"):
            self.check_not_resumed(option, "name", *sources)
        self.write(os.path.basename(sources[-1]), POINT + "\n")
        self.check_not_resumed(*sources)

    def test_dry_run_counts_and_writes_nothing(self):
        whole = self.build("d.imbrex", "--zoom", "11-12", ROADS)
        done = subprocess.run(
            [TILER, "build", "--quiet", "--json", "--dry-run", "-o",
             self.path("e.imbrex"), "--zoom", "11-12", ROADS],
            stdout=subprocess.PIPE, text=True, check=True)
        self.assertFalse(os.path.exists(self.path("e.imbrex")))
        said = json.loads(done.stdout)
        self.assertEqual(said["tiles"],
                         sum(z["tiles"] for z in whole["tiles"]))
        self.assertEqual(said["tile_bytes"],
                         sum(z["bytes"] for z in whole["tiles"]))

    def test_configuration_gives_zooms_their_own_filters(self):
        config = self.write("c.json", json.dumps({"layers": {"porto_roads": {
            "name": "roads", "rename": {"highway": "class"}, "zooms": [
                {"minzoom": 6, "maxzoom": 9,
                 "where": "highway = 'motorway'"},
                {"minzoom": 10}]}}}))
        report = self.build("c.imbrex", "--zoom", "8-10", "--config", config,
                            ROADS)
        layer = report["layers"][0]
        counts = {z["zoom"]: z["features_in"] for z in layer["zooms"]}
        self.assertEqual(layer["id"], "roads")
        self.assertEqual(counts[10], 49667)
        self.assertLess(counts[9], 1000)
        bad = self.write("bad.json", '{"layers":{"a":{"minzom":1}}}')
        text = self.build("b.imbrex", "--config", bad, ROADS, code=1)
        self.assertIn("layers.a.minzom", text)

    def test_temporary_space_is_bounded(self):
        text = self.build("t.imbrex", "--zoom", "0-14", "--temp-limit", "1M",
                          ROADS, code=1)
        self.assertIn("--temp-limit", text)

    def test_what_cannot_fit_the_disk_is_refused_first(self):
        text = self.build("t.imbrex", "--zoom", "0-14", "--temp-limit", "6M",
                          "--memory", "32M", ROADS, code=1)
        self.assertRegex(text, r"needs about \d+ MB of temporary files by "
                               r"--temp-limit and has \d MB")
        self.assertFalse(os.path.exists(self.path("t.imbrex")))
        # The second has room for the tiles, not for the pieces beside them,
        # which with their entries are more than the memory for sorting.
        for megabytes in (16, 36):
            done = self.on_disk(megabytes, '"$@"')
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr,
                             r"needs about \d+ MB of disk and has")

    def on_disk(self, megabytes, script):
        """Runs a script on a small disk in a mount namespace of its own; "$@"
        is a build onto it."""
        disk = self.path("disk")
        os.makedirs(disk, exist_ok=True)
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c",
             f'mount -t tmpfs -o size={megabytes}m tmpfs "$0" || exit\n' +
             script, disk, TILER, "build", "-q", "--threads", "2", "--zoom",
             "0-14", "-o", os.path.join(disk, "d.imbrex"), ROADS],
            stderr=subprocess.PIPE, text=True, check=False)
        if "unshare" in done.stderr or "mount:" in done.stderr:
            self.skipTest("mounting a small disk needs root")
        return done

    # Waits until a build in the background has made megabytes of tiles.
    HALFWAY = """
        "$@" & build=$!
        while kill -0 $build && [ "$(
            stat -c %s "$0/d.imbrex/.build/spool" || echo 0
            )" -lt 5000000 ]; do sleep 0.01; done 2>/dev/null
        """

    def check_gone_on(self, done, *said):
        if "holds a tileset already" in done.stderr:
            self.skipTest("the build ended before it could be interrupted")
        self.assertEqual(done.returncode, 0, done.stderr)
        for text in said:
            self.assertIn(text, done.stderr)

    def test_what_is_resumed_is_not_refused_for_its_own_tiles(self):
        self.check_gone_on(self.on_disk(59, self.HALFWAY + """
            kill $build; wait $build
            "$@" --resume"""), "interrupted")

    def test_a_disk_that_fills_loses_no_finished_tile(self):
        """What was made is kept, also when going on fails for want of room."""
        self.build("whole.imbrex", "--zoom", "0-14", ROADS)
        self.check_gone_on(self.on_disk(59, self.HALFWAY + """
            cat /dev/zero >"$0/filler" 2>/dev/null
            wait $build; echo "exit $?" >&2
            made() { stat -c %s "$0/d.imbrex/.build/spool"; }
            before=$(made)
            "$@" --resume; echo "again $?" >&2
            rm "$0/filler"
            echo "kept $before $(made)" >&2
            "$@" --resume && diff -r "$0/d.imbrex" "$0/../whole.imbrex"
            """), "No space left on device", "exit 1", "again 1",
                           "the tiles made so far are kept: use --resume",
                           "MB of disk and has ")

    def test_resume_notices_every_file_of_a_shapefile(self):
        source = self.path("roads.shp")
        gdal.VectorTranslate(source, "/vsigzip/" + ROADS, limit=20000,
                             layerCreationOptions=["ENCODING=UTF-8"])
        self.interrupted(signal.SIGTERM, 3, source, least=0)
        if os.path.exists(self.path("r.imbrex/CURRENT")):
            self.skipTest("the build ended before it could be interrupted")
        for ending in ("shx", "dbf", "prj", "cpg"):
            part = self.path(f"roads.{ending}")
            before = os.stat(part).st_mtime_ns
            os.utime(part, ns=(before, before + 1))
            self.check_not_resumed(source)
            os.utime(part, ns=(before, before))
        self.build("r.imbrex", "--zoom", "0-14", "--resume", source)

    def test_openstreetmap_needs_no_configuration(self):
        source = os.path.join(DATA, "osm/andorra-latest-2021.osm.pbf")
        report = self.build("o.imbrex", source)
        read = {layer["id"]: layer["input"]["read"]
                for layer in report["layers"]}
        self.assertEqual(report["maxzoom"], 14)
        self.assertEqual(read["buildings"], 5031)
        for layer in ("roads", "water", "landuse", "boundaries", "places",
                      "pois"):
            self.assertGreater(read[layer], 50, layer)

    def test_standard_input_is_read_packed_or_not(self):
        with gzip.open(ROADS) as file:
            plain = file.read()
        with open(ROADS, "rb") as file:
            packed = file.read()
        for number, text in enumerate((plain, packed)):
            out = f"i{number}.imbrex"
            done = subprocess.run(
                self.command(out, "--zoom", "9", "-"), input=text,
                stderr=subprocess.PIPE, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(self.path(out + ".json"), encoding="utf-8") as file:
                [layer] = json.load(file)["layers"]
            self.assertEqual(layer["input"]["taken"], 49667)

    def test_tables_of_places_are_read(self):
        for head in ("name,lon,lat", "name,Longitude,Latitude", "name,X,Y"):
            source = self.write("p.csv", head + "\na,1,2\nb,-8.6,41.1\n")
            report = self.build("p.imbrex", "--replace", "--zoom", "3", source)
            self.assertEqual(report["layers"][0]["input"],
                             {"read": 2, "taken": 2}, head)

    def test_several_sources_make_several_layers(self):
        folder = os.path.join(DATA, "vector")
        report = self.build(
            "n.imbrex", "--zoom", "0-3",
            os.path.join(folder, "ne_110m_lakes.geojson.gz"),
            os.path.join(folder, "ne_110m_coastline.geojson.gz"),
            os.path.join(folder, "us_states_st99_d00.shp.zip"))
        self.assertEqual(len(report["layers"]), 3)
        self.assertTrue(all(layer["zooms"] for layer in report["layers"]))

    def test_antimeridian_is_crossed_the_short_way(self):
        source = os.path.join(
            DATA, "malformed/crafted/geojson/antimeridian_crossing.geojson")
        report = self.build("am.imbrex", "--zoom", "4", source)
        # A line of two degrees and a box of twenty: two rows of tiles each,
        # on both sides, not rows around the world.
        self.assertEqual(report["tiles"][0]["tiles"], 8)

    def test_collections_split_and_nothing_is_fatal(self):
        source = self.write("mixed.geojson", json.dumps({
            "type": "FeatureCollection", "features": [
                {"type": "Feature", "properties": {"n": 1}, "geometry": {
                    "type": "GeometryCollection", "geometries": [
                        {"type": "Point", "coordinates": [1, 1]},
                        {"type": "LineString",
                         "coordinates": [[1, 1], [2, 2]]},
                        {"type": "Polygon", "coordinates": [
                            [[0, 0], [1, 0], [1, 1], [0, 0]]]}]}},
                {"type": "Feature", "properties": {"n": 2},
                 "geometry": None},
                {"type": "Feature", "properties": {"n": 3}, "geometry": {
                    "type": "Point", "coordinates": [0, 89]}}]}))
        report = self.build("g.imbrex", "--zoom", "2", source)
        self.assertEqual(report["layers"][0]["input"], {
            "read": 3, "taken": 3, "without_geometry": 1,
            "outside_the_map": 1})


if __name__ == "__main__":
    if not os.path.exists(ROADS):
        print(f"skipped: {DATA} is missing")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
