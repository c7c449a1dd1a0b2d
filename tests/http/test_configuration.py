"""docs/http.md section 13: options, environment, file, and the budget."""
import json
import os
import resource
import subprocess

import harness
from harness import Case, make_tileset, start_refused, until


class Configuration(Case):
    tilesets = {"world": dict(max=2), "vec": dict(kind="vector", max=2,
                                                  hole="2/1/1")}

    def file(self, **content):
        path = harness.WORK / f"config-{len(os.listdir(harness.WORK))}.json"
        path.write_text(json.dumps(content))
        return path

    def age(self, *args, **kwargs):
        server = self.serve(*args, self.folder / "world.imbrex", **kwargs)
        return server.get("/world/0/0/0")["Cache-Control"]

    def test_13_1_precedence(self):
        path = self.file(max_age=2)
        env = {"IMBREX_MAX_AGE": "3"}
        self.assertEqual(self.age(), "public, max-age=3600")
        self.assertEqual(self.age("--config", path), "public, max-age=2")
        self.assertEqual(self.age("--config", path, env=env),
                         "public, max-age=3")
        self.assertEqual(self.age("--config", path, "--max-age=4", env=env),
                         "public, max-age=4")
        self.assertEqual(self.age(env={"IMBREX_CONFIG": str(path)}),
                         "public, max-age=2")

    def test_13_1_tilesets_of_the_file(self):
        path = self.file(
            port=0, admin="127.0.0.1:0", cors=["https://a.example"],
            tilesets=[{"path": str(self.folder / "world.imbrex"),
                       "id": "other", "name": "Another name", "max_age": 9},
                      {"path": str(self.folder / "vec.imbrex"),
                       "absent": 404}])
        server = self.serve("--config", path)
        self.assertEqual(server.get("/other/0/0/0")["Cache-Control"],
                         "public, max-age=9")
        document = json.loads(server.get("/other.json").body)
        self.assertEqual(document["name"], "Another name")
        self.assertEqual(server.get("/vec/2/1/1").status, 404)
        self.assertEqual(server.get("/vec/0/0/0")["Cache-Control"],
                         "public, max-age=3600")
        self.assertEqual(server.get("/world/0/0/0").status, 404)

    def test_13_1_environment_alone(self):
        server = self.serve(env={
            "IMBREX_TILESETS": f"{self.folder / 'world.imbrex'}:"
                               f"{self.folder / 'vec.imbrex'}",
            "IMBREX_BASE_PATH": "/x"})
        self.assertEqual(server.get("/x/vec/0/0/0").status, 200)

    def test_13_1_id(self):
        server = self.serve("--id", "earth", self.folder / "world.imbrex")
        self.assertEqual(server.get("/earth/0/0/0").status, 200)
        status, log = start_refused("--id", "earth", self.folder / "world.imbrex",
                                    self.folder / "vec.imbrex")
        self.assertEqual(status, 2)
        self.assertIn("--id", log)

    def test_13_2_bad_options(self):
        for args, word in ((("--nonsense",), "--nonsense"),
                           (("-x",), "-x"),
                           (("--port",), "--port"),
                           (("--port", "70000"), "--port"),
                           (("--memory", "12Q"), "--memory"),
                           (("--memory", "-1"), "--memory"),
                           (("--verify", "sometimes"), "always|first|never"),
                           (("--base-path", "maps"), "--base-path"),
                           (("--public-url", "maps.example"), "--public-url"),
                           (("--trusted-proxies", "10.0.0.0/33"),
                            "--trusted-proxies"),
                           (("--id", "status"), "--id"),
                           (("--threads", "0"), "--threads")):
            status, log = start_refused(self.folder / "world.imbrex", *args)
            self.assertEqual(status, 2, args)
            self.assertIn(word, log)
        status, log = start_refused()
        self.assertEqual(status, 2)
        status, log = start_refused(self.folder / "world.imbrex",
                                    env={"IMBREX_QUEUE": "x"})
        self.assertEqual(status, 2)
        self.assertIn("queue", log)

    def test_13_2_bad_files(self):
        good = str(self.folder / "world.imbrex")
        for content, words in (
                ({"max_agee": 1}, ("max_agee", "unknown key")),
                ({"max-age": 1}, ("max-age", "unknown key")),
                ({"max_age": -1}, ("max_age",)),
                ({"max_age": 1.5}, ("max_age",)),
                ({"max_age": {}}, ("max_age", "wrong type")),
                ({"memory": "lots"}, ("memory", "size")),
                ({"tilesets": {}}, ("tilesets", "not a list")),
                ({"tilesets": [{"path": good}, {"id": "a"}]},
                 ("tilesets[1]", "path")),
                ({"tilesets": [{"path": good, "max_age": "x"}]},
                 ("tilesets[0].max_age",)),
                ({"tilesets": [{"path": good, "colour": 1}]},
                 ("tilesets[0].colour", "unknown key")),
                ({"tilesets": [{"path": good, "id": "status"}]},
                 ("tilesets[0].id",)),
                ({"tilesets": [{"path": good, "absent": 200}]},
                 ("tilesets[0].absent",))):
            status, log = start_refused("--config", self.file(**content))
            self.assertEqual(status, 2, content)
            for word in words:
                self.assertIn(word, log)
        for text, word in (("{", "line 1"), ("[]", "object"),
                           ('{"max_age":1,\n"max_age":2}', "twice"),
                           ('{"port":1} x', "JSON")):
            path = harness.WORK / "bad.json"
            path.write_text(text)
            status, log = start_refused("--config", path)
            self.assertEqual((status, word in log), (2, True), (text, log))
        status, log = start_refused("--config", harness.WORK / "none.json")
        self.assertEqual(status, 2)
        self.assertIn("none.json", log)

    def test_13_2_help_and_version(self):
        for option in ("--help", "--version"):
            done = subprocess.run([harness.SERVER, option], text=True,
                                  stdout=subprocess.PIPE, check=True)
            self.assertIn("imbrex-server", done.stdout)

    @staticmethod
    def limit(which, value):
        return lambda: resource.setrlimit(which, (value, value))

    def test_13_3_values_that_cannot_fit(self):
        world = self.folder / "world.imbrex"
        for args, limit, word in (
                (("--max-connections", "5000"),
                 self.limit(resource.RLIMIT_NOFILE, 256), "--max-connections"),
                (("--max-connections", "5000", "--memory", "8M"), None,
                 "--max-connections"),
                (("--max-bodies", "64M", "--memory", "16M"), None, "--memory")):
            status, log = start_refused(world, *args, limit=limit)
            self.assertEqual(status, 1)
            self.assertIn(word, log)
            self.assertIn("needs", log)

    def test_13_3_defaults_shrink(self):
        server = self.serve(self.folder / "world.imbrex",
                            limit=self.limit(resource.RLIMIT_NOFILE, 64))
        self.assertIn("budget:", server.log())
        self.assertEqual(server.get("/world/0/0/0").status, 200)
        metrics = server.metrics()
        self.assertLess(metrics["imbrex_connections_cap"], 40)
        with open(f"/proc/{server.process.pid}/limits") as limits:
            self.assertIn("64", limits.read())

    def test_13_3_small_address_space(self):
        if harness.SANITIZED:
            self.skipTest("sanitizers need address space of their own")
        server = self.serve(self.folder / "world.imbrex",
                            limit=self.limit(resource.RLIMIT_AS, 64 << 20))
        self.assertEqual(server.get("/world/0/0/0").status, 200)
        metrics = server.metrics()
        self.assertLess(metrics["imbrex_memory_budget_bytes"]
                        + metrics["imbrex_mapped_bytes_cap"], 64 << 20)
        status, log = start_refused(
            "--max-mapped", "80M", self.folder / "world.imbrex",
            limit=self.limit(resource.RLIMIT_AS, 64 << 20))
        self.assertEqual(status, 1)
        self.assertIn("--max-mapped", log)


if __name__ == "__main__":
    harness.main()
