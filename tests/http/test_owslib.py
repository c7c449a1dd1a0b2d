"""OWSLib as a client of the real server on real tilesets: WMTS and TMS."""
import importlib.util

import harness
import real

real.skip_without(python3_owslib=importlib.util.find_spec("owslib"))
from owslib.tms import TileMapService  # noqa: E402
from owslib.wmts import WebMapTileService  # noqa: E402


class OwsLib(real.Real):

    def test_5_4_wmts(self):
        service = WebMapTileService(
            f"{self.base}/wmts/1.0.0/WMTSCapabilities.xml")
        self.assertEqual(service.identification.type, "OGC WMTS")
        self.assertEqual(set(service.contents), {"marble", "andorra"})
        layer = service.contents["marble"]
        self.assertAlmostEqual(layer.boundingBoxWGS84[0], -180, 3)
        (scheme, ) = layer.tilematrixsetlinks
        matrices = service.tilematrixsets[scheme].tilematrix
        self.assertEqual(sorted(matrices), list("0123"))
        self.assertEqual(matrices["3"].matrixwidth, 8)
        # Each layer is asked for as the document says, row before column.
        for name, z, x, y in (("marble", 3, 6, 2), ("andorra", 8, 129, 94)):
            layer = service.contents[name]
            url = layer.resourceURLs[0]["template"].format(
                TileMatrixSet=list(layer.tilematrixsetlinks)[0],
                TileMatrix=z, TileRow=y, TileCol=x)
            want = self.server.get(f"/{name}/{z}/{x}/{y}")
            self.assertEqual(want.status, 200)
            got = self.server.get(url[len(self.base):])
            self.assertEqual(got.body, want.body)
        tile = service.gettile(layer="marble", tilematrixset=scheme,
                               tilematrix="3", row=2, column=6,
                               format="image/jpeg")
        self.assertEqual(tile.read(), self.server.get("/marble/3/6/2").body)

    def test_5_3_tms(self):
        service = TileMapService(f"{self.base}/tms/1.0.0/")
        url = f"{self.base}/tms/1.0.0/marble/tilemapresource.xml"
        self.assertIn(url, service.contents)
        layer = service.contents[url]
        self.assertEqual(layer.srs, "EPSG:3857")
        # The fifth row from the south is the second from the north.
        tile = service.gettile(6, 5, 3, id=url)
        self.assertEqual(tile.read(), self.server.get("/marble/3/6/2").body)


if __name__ == "__main__":
    harness.main()
