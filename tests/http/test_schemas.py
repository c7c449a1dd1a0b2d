"""Documents of real tilesets against the schemas of those who specified them.
The XML schema of WMTS is in test_documents.py."""
import json
import os
import pathlib
import sys

import harness
from harness import Case

SCHEMAS = pathlib.Path(os.environ.get(
    "IMBREX_SCHEMAS", pathlib.Path(os.environ["IMBREX_SOURCE"])
    / "../shared/schemas")).resolve()

try:
    import jsonschema
except ImportError:
    print("skipped: there is no python3-jsonschema")
    sys.exit(77)
if not SCHEMAS.exists():
    print(f"skipped: there is no {SCHEMAS}")
    sys.exit(77)


def read(name):
    return json.loads((SCHEMAS / name).read_text())


class Schemas(Case):
    tilesets = {
        "world": dict(max=3, name="The <World> & \"more\""),
        "vec": dict(kind="vector", max=3),
        "mixed": dict(kind="mixed", max=2),
        "big": dict(max=2, px=512),
        "none": dict(kind="empty"),
        "deep": dict(min=7, max=7),
    }
    api = read("ogc/ogcapi-tiles-1.bundled.json")
    # What it says of "additional dimensions" would as written exclude the two
    # that are not additional; so no extent at all would be valid.
    api["components"]["schemas"]["extent-uad"]["allOf"][1]["properties"] = {
        "spatial": {}, "temporal": {}}

    def json(self, target):
        answer = self.server.get(target)
        self.assertEqual(answer.status, 200, target)
        return json.loads(answer.body)

    def resolve(self, part):
        """The part of the OpenAPI document that a reference means."""
        while "$ref" in part:
            target = self.api
            for step in part["$ref"].lstrip("#/").split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            part = target
        return part

    def response_schema(self, path):
        answer = self.resolve(self.api["paths"][path]["get"]["responses"]["200"])
        return answer["content"]["application/json"]["schema"]

    def assert_valid(self, document, schema, resolver, what):
        errors = jsonschema.Draft7Validator(
            schema, resolver=resolver).iter_errors(document)
        text = [f"{what}: {'/'.join(map(str, e.absolute_path))}: {e.message}"
                for e in errors]
        self.assertEqual(text, [])

    def assert_ogc(self, target, path):
        resolver = jsonschema.RefResolver("", self.api)
        self.assert_valid(self.json(target), self.response_schema(path),
                          resolver, target)

    def test_5_1_tilejson(self):
        schema = read("tilejson/3.0.0.json")
        for name, settings in self.tilesets.items():
            wanted = dict(schema)
            if settings.get("kind") != "vector":
                # The schema asks it of rasters too; its text does not.
                wanted["required"] = [member for member in schema["required"]
                                      if member != "vector_layers"]
            self.assert_valid(self.json(f"/{name}.json"), wanted,
                              jsonschema.RefResolver("", schema), name)

    def test_5_5_ogc_service(self):
        self.assert_ogc("/ogc/", "/")
        self.assert_ogc("/ogc/conformance", "/conformance")
        self.assert_ogc("/ogc/collections", "/collections")
        self.assert_ogc("/ogc/tileMatrixSets", "/tileMatrixSets")
        for name in ("WebMercatorQuad", "WebMercatorQuad512"):
            self.assert_ogc(f"/ogc/tileMatrixSets/{name}",
                            "/tileMatrixSets/{tileMatrixSetId}")

    def test_5_5_ogc_tilesets(self):
        for name, settings in self.tilesets.items():
            base = f"/ogc/collections/{name}"
            kind = "" if settings.get("kind") == "vector" else "/map"
            known = "/collections/{collectionId}"
            self.assert_ogc(base, known)
            self.assert_ogc(f"{base}{kind}/tiles", f"{known}{kind}/tiles")
            scheme = "WebMercatorQuad" + str(settings.get("px", ""))
            self.assert_ogc(f"{base}{kind}/tiles/{scheme}",
                            f"{known}{kind}/tiles/{{tileMatrixSetId}}")

    def test_5_5_tile_matrix_set_2(self):
        folder = SCHEMAS / "ogc/tms-2.0"
        resolver = jsonschema.RefResolver(folder.as_uri() + "/", None)
        for name, target in (
                ("tileMatrixSet", "/ogc/tileMatrixSets/WebMercatorQuad"),
                ("tileMatrixSet", "/ogc/tileMatrixSets/WebMercatorQuad512"),
                ("tileSet", "/ogc/collections/vec/tiles/WebMercatorQuad"),
                ("tileSet", "/ogc/collections/deep/map/tiles/WebMercatorQuad")):
            self.assert_valid(self.json(target),
                              read(f"ogc/tms-2.0/{name}.json"), resolver,
                              target)

    def test_5_5_web_mercator_quad_is_the_registered_one(self):
        ours = self.json("/ogc/tileMatrixSets/WebMercatorQuad")
        registered = read("ogc/WebMercatorQuad.json")
        self.assertEqual(ours["uri"], registered["uri"])
        theirs = {m["id"]: m for m in registered["tileMatrices"]}
        for matrix in ours["tileMatrices"]:
            if matrix["id"] not in theirs:
                continue
            for member, value in theirs[matrix["id"]].items():
                if isinstance(value, (int, float)):
                    self.assertAlmostEqual(matrix[member], value, delta=1e-9 *
                                           abs(value), msg=matrix["id"])
                elif member == "pointOfOrigin":
                    self.assertAlmostEqual(matrix[member][0], value[0], 3)
                    self.assertAlmostEqual(matrix[member][1], value[1], 3)


if __name__ == "__main__":
    harness.main()
