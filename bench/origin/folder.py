"""The folder: a map panned in 32 MB, beside nginx over a folder of the tiles."""
import pathlib
import tempfile

import data
import facts
import limits
import plot
import serving
import stall
import table

LIMIT = 32 << 20
WINDOW = 6
SERVERS = ("imbrex", "nginx")


def one(bench, name, seed):
    port = serving.free_port()
    with tempfile.TemporaryDirectory(prefix="imbrex-folder-") as scratch, \
            limits.Limits(memory=LIMIT) as cage:
        pathlib.Path(scratch).chmod(0o777)
        command, files = stall.commands(bench, pathlib.Path(scratch),
                                        port)[name]
        if not pathlib.Path(command[0]).exists():
            raise limits.Skip(f"{name} is not installed")
        data.drop(files)
        data.drop_names()
        with serving.running(cage, command, port, uid=bench.uid):
            before, cpu = cage.read_nbytes(), cage.cpu_s()
            asked = serving.Asker(
                bench, port, "/t/", zoom=stall.ZOOM, count=4 ** stall.ZOOM,
                nbytes=data.TILE_NBYTES, clients=8, seconds=bench.seconds,
                seed=seed, walk=WINDOW, **{"from": 0}).result()
            read, cpu = cage.read_nbytes() - before, cage.cpu_s() - cpu
        asked["cpu_us_per_request"] = cpu * 1e6 / max(asked["requests"], 1)
        asked["kb_per_request"] = read / 1e3 / max(asked["requests"], 1)
        return asked


def measure(bench):
    runs = [{"server": name, "round": n, "result": one(bench, name, n + 1)}
            for n in range(bench.rounds) for name in SERVERS]
    bench.save("folder", runs)

    def middle(server, key):
        return facts.median(r["result"][key] for r in runs
                            if r["server"] == server)
    plot.bars(bench.image("folder"),
              "A map panned by 8 clients inside 32 MB",
              "requests per second",
              ["imbrex", "nginx, files z/x/y"],
              {"requests per second": [middle(s, "per_s") for s in SERVERS]},
              note=bench.note)
    rows = [[s] + [middle(s, k) for k in
                   ("per_s", "p50_us", "p99_us", "kb_per_request",
                    "cpu_us_per_request", "wrong", "busy", "broken")]
            for s in SERVERS]
    ratio = middle("imbrex", "per_s") / middle("nginx", "per_s")
    return table.text(
        f"The folder: 8 clients pan windows of {WINDOW} x {WINDOW} over 268 MB "
        f"inside 32 MB; {ratio:.2f} times nginx",
        ["server", "per s", "p50 us", "p99 us", "KB read each", "CPU us each",
         "wrong", "503", "broken"], rows)
