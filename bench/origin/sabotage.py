"""Figure 5, sabotage: files damaged under a server that reads them."""
import os
import random
import shutil
import subprocess
import threading
import time

import data
import limits
import plot
import serving
import table

ZOOM = 7
CLIENTS = 8
VIEWS = 8  # of 16 packs, so that packs are opened again under load


def cut(path, rng):
    os.truncate(path, rng.randrange(path.stat().st_size))


def overwrite(path, rng):
    with open(path, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(rng.randrange(max(size - 65536, 1)))
        file.write(rng.randbytes(65536))


def replace(path, rng):
    """A file of other bytes and the same length takes the name."""
    beside = path.with_suffix(".new")
    beside.write_bytes(rng.randbytes(path.stat().st_size))
    os.replace(beside, path)


def remove(path, _):
    path.unlink()


DEEDS = {"cut": cut, "overwritten": overwrite, "replaced": replace,
         "removed": remove}


def saboteur(tileset, deed, seconds, seed):
    """Damages half of the packs, one after the other."""
    rng = random.Random(seed)
    victims = sorted(tileset.glob("packs/*/*.ibx"))
    rng.shuffle(victims)
    victims = victims[:len(victims) // 2]

    def work():
        for path in victims:
            deed(path, rng)
            time.sleep(seconds / len(victims))
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def ask(bench, port, seconds):
    return serving.Asker(bench, port, "/t/", zoom=ZOOM, count=4 ** ZOOM,
                         nbytes=data.TILE_NBYTES, clients=CLIENTS,
                         seconds=seconds, **{"from": 0})


def one(bench, name, port):
    good, _, _ = data.dense(bench, ZOOM)
    tileset = bench.data / "sabotage.imbrex"
    shutil.rmtree(tileset, ignore_errors=True)
    shutil.copytree(good, tileset)
    third = bench.seconds / 3
    command = [bench.program("imbrex-server"), "--port", port, "--admin",
               "off", "--id", "t", "--quiet", "--max-views", VIEWS, tileset]
    with limits.NoLimits() as cage, serving.running(
            cage, command, port, uid=bench.uid) as server:
        before = ask(bench, port, third).result()
        thread = saboteur(tileset, DEEDS[name], third, 1)
        during = ask(bench, port, third).result()
        thread.join()
        damaged = ask(bench, port, third).result()
        repair = subprocess.run(
            [bench.program("imbrex-tiler"), "verify", "--quiet",
             "--repair-from", good, tileset], check=False,
            stderr=subprocess.DEVNULL)
        after = ask(bench, port, third).result()
        return {"before": before, "during": during, "damaged": damaged,
                "after": after, "repaired": repair.returncode == 0,
                "deaths": int(server.poll() is not None)}


PHASES = ("before", "during", "damaged", "after")


def measure(bench):
    runs = [{"deed": name, "result": one(bench, name, bench.port + 10 + i)}
            for i, name in enumerate(DEEDS)]
    bench.save("sabotage", runs)

    def share(result, phase, *keys):
        return 100 * sum(result[phase][k] for k in keys) \
            / max(result[phase]["requests"], 1)
    plot.bars(bench.image("sabotage"),
              "Half of the packs damaged under load, then repaired",
              "% of requests answered 503",
              ["before", "while damaging", "damaged", "after repair"],
              {f"packs {r['deed']}": [share(r["result"], p, "busy")
                                      for p in PHASES] for r in runs},
              note=bench.note)
    rows = [[f"packs {r['deed']}", r["result"]["deaths"],
             sum(r["result"][p]["wrong"] for p in PHASES),
             sum(r["result"][p]["other"] + r["result"][p]["broken"]
                 for p in PHASES)]
            + [r["result"][p][k] for p in PHASES for k in ("right", "busy")]
            for r in runs]
    return table.text(
        "5. Sabotage: half of the packs damaged under load, then "
        "`verify --repair-from`",
        ["deed", "deaths", "wrong", "other", "before", "503", "during", "503",
         "damaged", "503", "repaired", "503"], rows)
