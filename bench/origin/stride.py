"""Figure 2, the stride: one byte every 100 KB of a large file."""
import data
import facts
import limits
import plot
import table

# Zoom, bytes per tile, name: 65,536 tiles make 261 MB, 262,144 make 1 GB.
SIZES = ((8, 3966, "261 MB"), (9, 3798, "1 GB"))
# "exact" is imbrex with --prefetch 0.
MODES = ("mmap", "pread", "imbrex", "exact")
LIMITS = (("no limit", None), ("32 MB limit", 32 << 20))
WAYS = ("forward", "back")


def one(bench, size, mode, state, limit):
    zoom, nbytes, _ = size
    tileset, flat, _ = data.dense(bench, zoom, nbytes)
    path = tileset if mode in ("imbrex", "exact") else flat
    data.drop(path)
    cage = limits.Limits(memory=limit) if limit else limits.NoLimits()
    with cage as inside:
        try:
            return inside.run([bench.program("bench-stride"), mode, path,
                               state, zoom, 4 ** zoom])
        except limits.Killed:
            return None


def measure(bench):
    runs = [{"size": size[2], "mode": mode, "state": state, "limit": name,
             "round": n, "result": one(bench, size, mode, state, limit)}
            for n in range(bench.rounds) for size in SIZES
            for name, limit in LIMITS for state in ("cold", "warm")
            for mode in MODES]
    bench.save("stride", runs)

    def middle(size, limit, state, mode, way, key):
        return facts.median(
            r["result"] and r["result"][way][key] for r in runs
            if (r["size"], r["limit"], r["state"], r["mode"])
            == (size, limit, state, mode))
    cases = [(size[2], limit, state) for size in SIZES
             for limit, _ in LIMITS for state in ("cold", "warm")]
    draw(bench, middle)
    rows = [[f"{size}, {limit}, {state}, {way}"] + [
        middle(size, limit, state, mode, way, key) for mode in MODES
        for key in ("read_mb", "us_per_step")]
        for size, limit, state in cases for way in WAYS]
    return table.text(
        "2. The stride: MB read from the device and us per step, medians of "
        f"{bench.rounds}",
        ["case"] + [f"{m} {u}" for m in MODES for u in ("MB", "us")], rows)


def draw(bench, middle):
    groups = [(size[2], limit, way) for size in SIZES for limit, _ in LIMITS
              for way in WAYS]
    plot.bars(bench.image("stride"),
              "One touch every 100 KB of a cold file: what the device reads",
              "MB read",
              [f"{s}\n{w}\n{limit}" for s, limit, w in groups],
              {{"exact": "imbrex, prefetch 0"}.get(mode, mode): [
                  middle(s, limit, "cold", mode, w, "read_mb")
                  for s, limit, w in groups] for mode in MODES},
              log=True, note=bench.note)
