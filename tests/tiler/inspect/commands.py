"""info, verify and gc as people and scripts meet them: texts, JSON, exits."""
import contextlib
import functools
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

TILER = os.environ["IMBREX_TILER"]
SOURCE = pathlib.Path(os.environ["IMBREX_SOURCE"])
FAILURES = []


def run(*arguments, code=0):
    done = subprocess.run([TILER, *map(str, arguments)], capture_output=True,
                          text=True, timeout=120, check=False)
    check(done.returncode == code,
          f"{' '.join(map(str, arguments))}: exit {done.returncode}, "
          f"want {code}\n{done.stdout}{done.stderr}")
    return done


def check(good, what):
    if not good:
        FAILURES.append(what)
        print("FAILED:", what)


def equal(got, want, what):
    check(got == want, f"{what}: got {got!r}, want {want!r}")


def build(out, *options):
    run("build", "-o", out, "--zoom", "0-3", "--pack-size", "64K", "--quiet",
        "--name", 'A "map"', *options, SOURCE / "data/world.jpg")


def packs(folder):
    return sorted(folder.glob("packs/*/*.ibx"))


def generation(folder):
    return (folder / "CURRENT").read_text()[len("manifest-"):-len(".ibm\n")]


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def info_says_what_is_on_disk(folder):
    told = json.loads(run("info", "--json", folder).stdout)
    files = packs(folder)
    equal(told["packs"], len(files), "packs")
    equal(told["pack_bytes"], sum(f.stat().st_size for f in files), "bytes")
    equal(told["tiles"], 1 + 4 + 16 + 64, "tiles of a whole world, zooms 0-3")
    equal([(z["zoom"], z["tiles"]) for z in told["zooms"]],
          [(0, 1), (1, 4), (2, 16), (3, 64)], "tiles per zoom")
    equal(sum(z["blobs"] for z in told["zooms"]), told["blobs"], "blobs")
    equal(sum(z["payload_bytes"] for z in told["zooms"]),
          told["payload_bytes"], "payload")
    equal(told["name"], 'A "map"', "name")
    equal(told["formats"], ["jpeg"], "formats")
    equal(told["pack_size"], 65536, "pack size")
    check(abs(told["fill"] - told["pack_bytes"] / (65536 * len(files))) < 1e-6,
          "fill is bytes by room")
    equal(told["generation"], generation(folder), "generation")
    equal([g["in_force"] for g in told["generations"]], [True], "generations")
    equal(told["tilejson"]["tilejson"], "3.0.0", "TileJSON")


def jpegs(folder):
    """Payload lengths of all tiles, found in the files by their markers."""
    lengths = []
    for path in packs(folder):
        data = path.read_bytes()
        entries = int.from_bytes(data[40:48], "little")
        start = int.from_bytes(data[64:72], "little")
        places = {int.from_bytes(data[4100 + 8 * i:4104 + 8 * i], "little")
                  for i in range(entries)} - {0}
        for place in places:
            at = start + 16 * (place - 1)
            length = int.from_bytes(data[at + 8:at + 12], "little")
            equal(data[at + 16:at + 18], b"\xff\xd8", "a JPEG's first bytes")
            lengths.append(length)
    return sorted(lengths, reverse=True)


def largest_tiles_are_the_largest(folder):
    told = json.loads(run("info", "--json", "--largest", "7", folder).stdout)
    equal([t["bytes"] for t in told["largest"]], jpegs(folder)[:7],
          "the seven largest tiles")
    equal(len({(t["z"], t["x"], t["y"]) for t in told["largest"]}), 7,
          "seven addresses")


def info_reads_for_people(folder):
    text = run("info", folder).stdout
    for word in ('A "map"', "zooms        0-3", "jpeg", "pack size 64.0 KiB",
                 generation(folder), "in force"):
        check(word in text, f"info does not say {word!r}:\n{text}")


def good_tileset_passes(folder):
    done = run("verify", folder)
    check("no problem found" in done.stdout, done.stdout)
    equal(done.stderr, "", "diagnostics of a good tileset")
    told = json.loads(run("verify", "--json", "--threads", "1", folder).stdout)
    equal((told["good"], told["problems"], told["packs"], told["tiles"]),
          (True, [], len(packs(folder)), 85), "verify --json")
    equal(run("verify", "--quiet", folder).stdout, "", "verify --quiet")


def damage_is_named_and_repaired(folder, spare):
    shutil.copytree(folder, spare)
    victim, lost = packs(folder)[0], packs(folder)[1]
    flip(victim, victim.stat().st_size - 100)
    lost.unlink()
    done = run("verify", folder, code=1)
    for path in (victim, lost):
        check(str(path) in done.stderr, f"{path.name} is not named")
    check(done.stderr.startswith("imbrex-tiler: "), done.stderr)
    told = json.loads(run("verify", "--json", folder, code=1).stdout)
    equal({p["kind"] for p in told["problems"]}, {"corrupt", "missing"},
          "kinds of problems")
    equal({p["file"] for p in told["problems"]}, {str(victim), str(lost)},
          "files with problems")
    equal((told["good"], told["packs_bad"]), (False, 2), "packs that are bad")
    told = json.loads(
        run("verify", "--json", "--repair-from", spare, folder).stdout)
    equal((told["good"], sorted(told["repaired"])),
          (True, sorted([str(victim), str(lost)])), "repaired packs")
    for path in packs(folder):
        equal(hashlib.sha256(path.read_bytes()).hexdigest(), path.stem,
              "a pack's SHA-256")
    run("verify", folder)


@contextlib.contextmanager
def served(folder):
    """The address of a plain web server over the folder."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def packs_come_by_http(folder, spare):
    """Good ones are taken; bad ones and pages that say no are not."""
    names = [p.relative_to(folder) for p in packs(folder)]
    good = {name: (folder / name).read_bytes() for name in names}
    (spare / names[1]).write_bytes(b"not a pack")
    (spare / names[2]).unlink()
    for name in names[:3]:
        flip(folder / name, 5000)
    with served(spare) as address:
        told = json.loads(run("verify", "--json", "--repair-from", address,
                              folder, code=1).stdout)
    equal(told["repaired"], [str(folder / names[0])], "repaired by HTTP")
    equal((told["packs_bad"], told["packs_repaired"]), (2, 1), "what is left")
    equal((folder / names[0]).read_bytes(), good[names[0]], "what was fetched")
    check(not (folder / ".build").exists(), ".build is left behind")
    for name, data in good.items():
        (folder / name).write_bytes(data)
    run("verify", folder)
    run("verify", "--repair-from", "http://127.0.0.1:1/", folder)


def texts_are_looked_at(folder):
    """A TileJSON that is no JSON, in a manifest that is otherwise sealed,
    cannot be made here; a damaged page can."""
    manifest = folder / f"manifest-{generation(folder)}.ibm"
    good = manifest.read_bytes()
    flip(manifest, len(good) - 4096 + 5)
    done = run("verify", folder, code=1)
    check("checksum of page" in done.stderr, done.stderr)
    manifest.write_bytes(good)
    run("verify", folder)


def refusals(folder, nowhere):
    run("info", nowhere, code=1)
    run("verify", nowhere, code=1)
    run("gc", "--keep", "1", nowhere, code=1)
    run("info", code=2)
    run("verify", "--threads", "0", folder, code=2)
    run("gc", folder, code=2)
    run("gc", "--keep", "0", folder, code=2)
    run("verify", "--generation", "0123", folder, code=1)


def gc_keeps_what_it_should(folder):
    first = generation(folder)
    build(folder, "--replace", "--quality", "60")
    second = generation(folder)
    build(folder, "--replace", "--quality", "50")
    third = generation(folder)
    equal(len({first, second, third}), 3, "generations")
    before = packs(folder)
    told = json.loads(
        run("gc", "--keep", "2", "--dry-run", "--json", folder).stdout)
    equal((told["generations_kept"], told["generations_removed"]), (2, 1),
          "what gc would do")
    check(told["packs_removed"] > 0, "gc would remove packs")
    equal(packs(folder), before, "packs after --dry-run")
    run("gc", "--keep", "2", folder)
    equal(len(packs(folder)), len(before) - told["packs_removed"], "packs")
    for kept in (second, third):
        run("verify", "--generation", kept, folder)
    run("verify", "--generation", first, folder, code=1)
    names = [g["generation"] for g in
             json.loads(run("info", "--json", folder).stdout)["generations"]]
    equal(names, [third, second], "generations left, the one in force first")
    run("gc", "--keep", "1", "--quiet", folder)
    run("verify", folder)
    equal(generation(folder), third, "the generation in force")


def main():
    with tempfile.TemporaryDirectory(prefix="imbrex-inspect-") as parent:
        folder = pathlib.Path(parent) / "world.imbrex"
        build(folder)
        info_says_what_is_on_disk(folder)
        largest_tiles_are_the_largest(folder)
        info_reads_for_people(folder)
        good_tileset_passes(folder)
        damage_is_named_and_repaired(folder, pathlib.Path(parent) / "spare")
        packs_come_by_http(folder, pathlib.Path(parent) / "spare")
        texts_are_looked_at(folder)
        refusals(folder, pathlib.Path(parent) / "nowhere.imbrex")
        gc_keeps_what_it_should(folder)
    sys.exit(1 if FAILURES else 0)


if __name__ == "__main__":
    main()
