"""Figure 4, the stall: what cold tiles on a slow device do to warm ones."""
import shutil
import tempfile
import pathlib

import data
import facts
import limits
import plot
import serving
import table

ZOOM = 8
WARM, COLD_FROM = 256, 4096  # ids inside the zoom; no block in common
READ_BPS, READ_IOPS = 10 << 20, 1000
SERVERS = ("imbrex", "inline", "nginx")


def commands(bench, scratch, port):
    tileset, _, tiles = data.dense(bench, ZOOM, folder=True)
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    conf = serving.nginx_configuration(scratch, port, tiles)
    return {
        "imbrex": ([bench.program("imbrex-server"), "--port", port, "--admin",
                    "off", "--threads", 2, "--id", "t", "--quiet", tileset],
                   tileset),
        "inline": ([bench.program("bench-inline"), tileset, port, 2], tileset),
        "nginx": ([nginx, "-p", scratch, "-c", conf], tiles),
    }


def ask(bench, port, start, count, clients, seconds):
    return serving.Asker(bench, port, "/t/", zoom=ZOOM, count=count,
                         nbytes=data.TILE_NBYTES, clients=clients,
                         seconds=seconds, **{"from": start})


def one(bench, name, port):
    with tempfile.TemporaryDirectory(prefix="imbrex-stall-") as scratch, \
            limits.Limits(device=facts.device_of(bench.data),
                          read_bps=READ_BPS, read_iops=READ_IOPS) as cage:
        pathlib.Path(scratch).chmod(0o777)
        command, files = commands(bench, pathlib.Path(scratch), port)[name]
        if not pathlib.Path(command[0]).exists():
            raise limits.Skip(f"{name} is not installed")
        data.drop(files)
        with serving.running(cage, command, port, uid=bench.uid) as server:
            ask(bench, port, 0, WARM, 8, 1).result()
            alone = ask(bench, port, 0, WARM, 8, bench.seconds).result()
            cold = ask(bench, port, COLD_FROM, 4 ** ZOOM - COLD_FROM, 4,
                       bench.seconds + 1)
            beside = ask(bench, port, 0, WARM, 8, bench.seconds).result()
            return {"alone": alone, "beside": beside, "cold": cold.result(),
                    "alive": server.poll() is None}


def measure(bench):
    runs = [{"server": name, "round": n,
             "result": one(bench, name, bench.port + i)}
            for n in range(bench.rounds) for i, name in enumerate(SERVERS)]
    bench.save("stall", runs)

    def middle(server, phase, key):
        return facts.median(r["result"][phase][key] for r in runs
                            if r["server"] == server)
    plot.bars(bench.image("stall"),
              "Warm tiles beside cold ones, 10 MB/s and 1,000 reads a second",
              "99th percentile of warm tiles, ms",
              [{"imbrex": "imbrex", "nginx": "nginx, files z/x/y",
                "inline": "same code,\nreading in the event loop"}[s]
               for s in SERVERS],
              {"warm alone": [middle(s, "alone", "p99_us") / 1e3
                              for s in SERVERS],
               "beside cold": [middle(s, "beside", "p99_us") / 1e3
                               for s in SERVERS]},
              log=True, note=bench.note)
    keys = ("p50_us", "p99_us", "per_s")
    rows = [[s] + [middle(s, phase, key) for phase in ("alone", "beside")
                   for key in keys]
            + [100 * middle(s, "beside", "per_s") / middle(s, "alone", "per_s"),
               middle(s, "cold", "per_s"),
               sum(r["result"][p][k] for r in runs if r["server"] == s
                   for p in ("alone", "beside", "cold")
                   for k in ("wrong", "other", "broken")),
               sum(r["result"][p]["busy"] for r in runs if r["server"] == s
                   for p in ("alone", "beside", "cold"))] for s in SERVERS]
    return table.text(
        f"4. The stall: 8 warm clients, then beside 4 cold ones, {bench.rounds}"
        f" rounds of {bench.seconds:g} s",
        ["server", "alone p50 us", "p99 us", "per s", "beside p50 us",
         "p99 us", "per s", "% kept", "cold per s", "bad", "503"], rows)
