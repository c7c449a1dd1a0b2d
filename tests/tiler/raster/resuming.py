"""The same tileset for any number of threads, after any number of kills; clean
ends when interrupted and when the disk is full; memory within its bound."""

import glob
import os
import random
import signal
import subprocess
import time
import unittest

from osgeo import gdal

from raster import DATA, TILER, RasterCase, data, run

SEED = int(os.environ.get("IMBREX_SEED", "20240617"))


def contents(folder):
    """Names of all files below: packs and manifests are named by content."""
    return sorted(os.path.relpath(path, folder)
                  for path in glob.glob(os.path.join(folder, "**"), recursive=True)
                  if os.path.isfile(path))


def built_with_sanitizers():
    with open(os.path.join(os.environ["IMBREX_BUILD"], "CMakeCache.txt"),
              encoding="utf-8") as cache:
        return any(line.startswith("IMBREX_SANITIZE:") and line.strip()[-1] != "="
                   for line in cache)


def start(*arguments):
    return subprocess.Popen([TILER, "build", "-q", *map(str, arguments)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


class Deterministic(RasterCase):
    def test_threads_and_memory_do_not_matter(self):
        source = data("raster/RGB.byte.tif")
        cog = data("raster/GA4886_VanderfordGlacier_epsg3031.cog.tif")
        for inputs in ([source, "--zoom", "6-10"], [cog]):
            found = []
            for threads, memory in ((1, "192M"), (2, "256M"), (5, "1G")):
                out = self.path(f"{len(inputs)}-{threads}.imbrex")
                result = run("build", "-q", "-o", out, "--name", "x", "--threads", threads,
                             "--memory", memory, *inputs)
                self.assertEqual(result.returncode, 0, result.stderr)
                found.append(contents(out))
            self.assertEqual(found[0], found[1])
            self.assertEqual(found[0], found[2])


class Interrupted(RasterCase):
    def arguments(self, out):
        source = data("raster/bmng_4326_5400x2700.jpg")
        return ("-o", out, "--name", "x", "--format", "png", "--bbox", "-180,0,0,80", source)

    def expected(self):
        out = self.path("whole.imbrex")
        began = time.monotonic()
        result = run("build", "-q", *self.arguments(out))
        self.assertEqual(result.returncode, 0, result.stderr)
        return contents(out), time.monotonic() - began

    def stop_and_resume(self, out, how, moments):
        """Runs until the build is done; returns how often it was stopped."""
        stopped = 0
        for moment in moments:
            resume = ["--resume"] if os.path.exists(out) else []
            process = start(*resume, *self.arguments(out))
            try:
                _, errors = process.communicate(timeout=moment)
            except subprocess.TimeoutExpired:
                process.send_signal(how)
                _, errors = process.communicate()
            if process.returncode == 0:
                return stopped
            if how == signal.SIGKILL:
                self.assertEqual(process.returncode, -signal.SIGKILL, errors)
            else:
                self.assertEqual(process.returncode, 3, errors)
                self.assertIn("--resume", errors)
            stopped += 1
        result = run("build", "-q", *(["--resume"] if os.path.exists(out) else []),
                     *self.arguments(out))
        self.assertEqual(result.returncode, 0, result.stderr)
        return stopped

    def check(self, how, count):
        want, seconds = self.expected()
        rng = random.Random(SEED)
        moments = [rng.uniform(0.1, 0.9) * seconds for _ in range(count)]
        out = self.path("stopped.imbrex")
        stopped = self.stop_and_resume(out, how, moments)
        print(f"seed {SEED}: stopped {stopped} times within {seconds:.1f} s", flush=True)
        self.assertGreater(stopped, 0)
        self.assertEqual(contents(out), want)

    def test_killed_builds_go_on_to_the_same_bytes(self):
        self.check(signal.SIGKILL, 4)

    def test_interrupted_builds_go_on_to_the_same_bytes(self):
        self.check(signal.SIGINT, 2)

    def test_a_spool_is_neither_resumed_nor_lost_by_accident(self):
        out = self.path("stopped.imbrex")
        process = start(*self.arguments(out))
        while process.poll() is None and not os.path.exists(out):
            time.sleep(0.01)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        process.communicate()
        self.assertEqual(process.returncode, 3)
        plain = run("build", "-q", *self.arguments(out))
        self.assertEqual(plain.returncode, 1)
        self.assertIn("--resume", plain.stderr)
        other = run("build", "-q", "--resume", "--quality", "33", *self.arguments(out))
        self.assertEqual(other.returncode, 1, other.stderr)
        anew = run("build", "-q", "--restart", *self.arguments(out))
        self.assertEqual(anew.returncode, 0, anew.stderr)
        self.assertEqual(contents(out), self.expected()[0])

    def test_an_existing_tileset_is_replaced_only_when_told(self):
        source = data("raster/RGB.byte.tif")
        out = self.path("there.imbrex")
        self.assertEqual(run("build", "-q", "-o", out, source).returncode, 0)
        before = contents(out)
        again = run("build", "-q", "-o", out, "--quality", "50", source)
        self.assertEqual(again.returncode, 1)
        self.assertIn("--replace", again.stderr)
        self.assertEqual(contents(out), before)
        told = run("build", "-q", "-o", out, "--quality", "50", "--replace", source)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertLess(set(before), set(contents(out)))


class Bounded(RasterCase):
    def mount_small(self, size):
        folder = self.path("small")
        os.mkdir(folder)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
                              capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest("a small file system cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", folder], check=False)
        return folder

    def test_a_full_disk_is_an_error_without_debris(self):
        folder = self.mount_small("3m")
        # The first is unpacked into a file before, the second read at once.
        for name in ("raster/bmng_4326_5400x2700.jpg", "raster/bluemarble_3857_16384.tif"):
            result = run("build", "-q", "--format", "png", "--bbox", "0,0,60,60", "-o",
                         os.path.join(folder, "x.imbrex"), data(name))
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertIn("No space left", result.stderr)
            self.assertEqual(os.listdir(folder), [], name)

    def peak_kb(self, *arguments):
        process = subprocess.Popen([TILER, "build", "-q", *arguments])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        return usage.ru_maxrss

    def test_memory_stays_within_its_bound(self):
        if built_with_sanitizers():
            self.skipTest("sanitizers take memory of their own")
        bomb = self.path("bomb.png")
        os.symlink(data("malformed/crafted/png/bomb_20000x20000_gray1.png"), bomb)
        with open(self.path("bomb.wld"), "w", encoding="ascii") as world:
            world.write("0.018\n0\n0\n-0.009\n-179.99\n89.99\n")
        cases = {
            "16384 x 16384 to PNG": ("--format", "png", "--bbox", "-90,0,90,66",
                                     data("raster/bluemarble_3857_16384.tif")),
            "decompression bomb": ("--zoom", "0-4", bomb),
            "floats": (data("raster/GA4886_VanderfordGlacier_epsg3031.cog.tif"),),
        }
        for i, (label, arguments) in enumerate(cases.items()):
            peak = self.peak_kb("-o", self.path(f"{i}.imbrex"), *arguments)
            print(f"{label}: {peak / 1024:.0f} MB", flush=True)
            self.assertLess(peak, 256 * 1024, label)

    def test_progressive_jpeg_is_refused_when_it_would_not_fit(self):
        # Its coefficients, 75 MB, are all in memory while it is read.
        picture = gdal.GetDriverByName("MEM").Create("", 5000, 5000, 3)
        picture.GetRasterBand(1).Fill(99)
        picture.SetGeoTransform((10, 0.001, 0, 50, 0, -0.001))
        source = self.path("progressive.jpg")
        gdal.Translate(source, picture, format="JPEG",
                       creationOptions=["PROGRESSIVE=YES", "WORLDFILE=YES"])
        out = self.path("x.imbrex")
        small = run("build", "-q", "--memory", "128M", "-o", out, "--zoom", "0-5", source)
        self.assertEqual(small.returncode, 1, small.stderr)
        self.assertIn("progressive.jpg", small.stderr)
        self.assertIn("--memory", small.stderr)
        self.assertFalse(os.path.exists(out))
        large = run("build", "-q", "--memory", "256M", "-o", out, "--zoom", "0-5", source)
        self.assertEqual(large.returncode, 0, large.stderr)

    def test_too_little_memory_is_refused(self):
        result = run("build", "-o", self.path("x.imbrex"), "--memory", "64M",
                     data("raster/RGB.byte.tif"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("--memory", result.stderr)
        self.assertFalse(os.path.exists(self.path("x.imbrex")))


class Refused(RasterCase):
    # What these hold besides their defect can be read.
    FINE = {"ok_control.tif", "ifd_loop.tif", "no_iend.png"}

    def test_bad_inputs_are_named_and_leave_nothing(self):
        files = [path for kind in ("tiff", "png", "jpeg")
                 for path in sorted(glob.glob(os.path.join(
                     DATA, "malformed", "crafted", kind, "*")))]
        if not files:
            data("malformed/crafted/tiff/ok_control.tif")
        for path in files:
            name = os.path.basename(path)
            if name.startswith("bomb"):
                continue
            os.symlink(path, self.path(name))
            with open(self.path(os.path.splitext(name)[0] + ".wld"), "w",
                      encoding="ascii") as world:
                world.write("0.001\n0\n0\n-0.001\n10\n50\n")
            out = self.path(name + ".imbrex")
            result = run("build", "-q", "-o", out, self.path(name))
            if name in self.FINE:
                self.assertEqual(result.returncode, 0, f"{name}: {result.stderr}")
                continue
            self.assertEqual(result.returncode, 1, f"{name}: {result.stderr}")
            self.assertIn(name, result.stderr)
            self.assertTrue(result.stderr.startswith("imbrex-tiler: "), result.stderr)
            self.assertFalse(os.path.exists(out), name)

    def test_a_picture_without_a_place_is_refused(self):
        source = data("raster/ne1_720x360.png")
        result = run("build", "-o", self.path("x.imbrex"), source)
        self.assertEqual(result.returncode, 1)
        self.assertIn("ne1_720x360.png: does not say where on earth", result.stderr)

    def test_wrong_usage_exits_2(self):
        for arguments in (["--zoom", "9-3"], ["--format", "gif"], ["--no-such"],
                          ["--encoding", "terrarium", "--format", "jpeg"],
                          ["--encoding", "terrarium", "--scale", "0:1"],
                          ["--resume", "--restart"], ["--bbox", "1,2,3"],
                          ["--quality", "0"], ["--memory", "12Q"]):
            result = run("build", "-o", self.path("x.imbrex"), *arguments, "a.tif")
            self.assertEqual(result.returncode, 2, arguments)
            self.assertTrue(result.stderr.startswith("imbrex-tiler: --"), result.stderr)

    def test_bbox_beside_the_input_is_refused(self):
        result = run("build", "-o", self.path("x.imbrex"), "--bbox", "100,10,110,20",
                     data("raster/RGB.byte.tif"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("--bbox", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
