"""QGIS (PyQGIS, without a screen) as a client: raster and vector layers by the
addresses that the page gives out, drawn and looked at. python3-qgis is large,
so ./check does not install it; see CONTRIBUTING.md."""
import importlib.util
import os
import tempfile

import harness
import real

real.skip_without(python3_qgis=importlib.util.find_spec("qgis"))
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["HOME"] = os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(
    dir=harness.WORK)
from qgis.PyQt.QtCore import QSize  # noqa: E402
from qgis.core import (  # noqa: E402
    QgsApplication, QgsCoordinateReferenceSystem, QgsMapRendererParallelJob,
    QgsMapSettings, QgsRasterLayer, QgsRectangle, QgsVectorTileLayer)

HALF = 20037508.342789244


class Qgis(real.Real):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.application = QgsApplication([], False)
        cls.application.initQgis()
        cls.addClassCleanup(cls.application.exitQgis)

    def colours(self, layer, *box):
        """Draws a layer; how many colours the picture has, and the picture."""
        self.assertTrue(layer.isValid(), layer.error().message())
        settings = QgsMapSettings()
        settings.setLayers([layer])
        settings.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
        settings.setOutputSize(QSize(256, 256))
        settings.setExtent(QgsRectangle(*box))
        job = QgsMapRendererParallelJob(settings)
        job.start()
        job.waitForFinished()
        self.assertEqual([e.message for e in job.errors()], [])
        picture = job.renderedImage()
        return len({picture.pixel(x, y) for x in range(256)
                    for y in range(256)}), picture

    def assert_world(self, source):
        count, picture = self.colours(QgsRasterLayer(source, "world", "wms"),
                                      -HALF, -HALF, HALF, HALF)
        self.assertGreater(count, 1000)
        # The Sahara is bright and the Pacific dark, where they belong.
        sahara, pacific = picture.pixelColor(140, 112), picture.pixelColor(20, 140)
        self.assertGreater(sahara.red(), 150)
        self.assertGreater(sahara.red(), sahara.blue())
        self.assertLess(pacific.red(), 60)
        self.assertGreater(pacific.blue(), pacific.red())

    def test_3_1_xyz(self):
        self.assert_world(f"type=xyz&zmin=0&zmax=3&url={self.base}"
                          "/marble/%7Bz%7D/%7Bx%7D/%7By%7D.jpg")

    def test_5_4_wmts(self):
        self.assert_world(
            "contextualWMSLegend=0&crs=EPSG:3857&format=image/jpeg&"
            "layers=marble&styles=default&tileMatrixSet=WebMercatorQuad_0-3&"
            f"url={self.base}/wmts/1.0.0/WMTSCapabilities.xml")

    def test_5_4_wmts_with_a_stray_query(self):
        self.assert_world(
            "contextualWMSLegend=0&crs=EPSG:3857&format=image/jpeg&"
            "layers=marble&styles=default&tileMatrixSet=WebMercatorQuad_0-3&"
            f"url={self.base}/wmts/1.0.0/WMTSCapabilities.xml?"
            "SERVICE%3DWMTS%26REQUEST%3DGetCapabilities")

    def test_3_1_vector_tiles(self):
        layer = QgsVectorTileLayer(
            f"type=xyz&zmin=0&zmax=14&url={self.base}"
            "/andorra/%7Bz%7D/%7Bx%7D/%7By%7D.pbf", "andorra")
        side = 2 * HALF / 2 ** 8
        west, north = -HALF + 129 * side, HALF - 94 * side
        count, _ = self.colours(layer, west, north - side, west + side, north)
        self.assertGreater(count, 3)


if __name__ == "__main__":
    harness.main()
