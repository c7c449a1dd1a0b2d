"""GDAL as a client of the real server on real tilesets: WMTS, TMS, MVT."""
import os
import re
import shutil
import subprocess

import harness
import real

real.skip_without(gdalinfo=shutil.which("gdalinfo"),
                  ogrinfo=shutil.which("ogrinfo"))


def run(*args):
    """GDAL keeps tiles by URL: in its own folder they could be yesterday's."""
    env = {**os.environ, "GDAL_DEFAULT_WMS_CACHE_PATH": str(Gdal.folder)}
    done = subprocess.run([str(a) for a in args], text=True, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=env)
    return done.stdout


def checksums(what):
    """GDAL's checksums of the colour bands: of the whole, of overviews."""
    text = run("gdalinfo", "-checksum", what)
    whole = re.findall(r"\n  Checksum=(\d+)", text)[:3]
    overviews = re.findall(r"Overviews checksum: ([\d, ]+)", text)[:3]
    return whole, [line.split(", ") for line in overviews]


class Gdal(real.Real):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        tile = cls.folder / "0.jpg"
        tile.write_bytes(cls.server.get("/marble/0/0/0.jpg").body)
        cls.tile, _ = checksums(tile)

    def test_5_4_wmts_driver(self):
        what = (f"WMTS:{self.base}/wmts/1.0.0/WMTSCapabilities.xml,"
                "layer=marble")
        whole, overviews = checksums(f"{what},zoom_level=0")
        self.assertEqual(whole, self.tile)
        text = run("gdalinfo", what)
        self.assertIn("Size is 2048, 2048", text)

    def test_5_3_tms_driver(self):
        what = f"{self.base}/tms/1.0.0/marble/tilemapresource.xml"
        whole, overviews = checksums(what)
        self.assertEqual([band[-1] for band in overviews], self.tile)
        wmts, _ = checksums(f"WMTS:{self.base}/wmts/1.0.0/WMTSCapabilities.xml,"
                            "layer=marble,zoom_level=3")
        self.assertEqual(whole, wmts)

    def test_3_1_vector_driver(self):
        text = run("ogrinfo", "-ro", "-so",
                   f"MVT:{self.base}/andorra/8/129/94.pbf")
        self.assertIn("streets", text)


if __name__ == "__main__":
    harness.main()
