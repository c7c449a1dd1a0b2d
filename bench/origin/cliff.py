"""Figure 1, the cliff: the same walk over a map while memory runs out."""
import shutil

import data
import facts
import limits
import plot
import table

BALLAST_MIB = (4, 8, 12, 16, 20, 24, 27)
MODES = ("monolith", "quadrants", "imbrex")
LIMIT = 32 << 20
PAINTS = 60
SIDE, HALF = 64, 32


def prepare(bench):
    tileset, flat, _ = data.dense(bench, 6)
    folder = bench.data / "cliff"
    if not (folder / "flat-3").exists():
        folder.mkdir(exist_ok=True)
        shutil.copytree(tileset, folder / "cliff.imbrex", dirs_exist_ok=True)
        shutil.copy(flat, folder / "flat")
        split(flat.read_bytes(), folder)
    return folder


def split(whole, folder):
    row = HALF * data.TILE_NBYTES
    for q in range(4):
        rows = (whole[(2 * (q // 2 * HALF + y) + q % 2) * row:][:row]
                for y in range(HALF))
        (folder / f"flat-{q}").write_bytes(b"".join(rows))


def paint(bench, folder, mode, ballast, seed):
    data.drop(folder)
    with limits.Limits(memory=LIMIT) as limit:
        try:
            return limit.run([bench.program("bench-cliff"), mode, folder,
                              ballast, PAINTS, seed])
        except limits.Killed:
            return None


def measure(bench):
    folder = prepare(bench)
    runs = [{"mode": mode, "ballast_mib": ballast, "round": n,
             "result": paint(bench, folder, mode, ballast, n + 1)}
            for n in range(bench.rounds) for ballast in BALLAST_MIB
            for mode in MODES]
    bench.save("cliff", runs)

    def middle(mode, ballast, key):
        return facts.median(r["result"] and r["result"][key] for r in runs
                            if (r["mode"], r["ballast_mib"]) == (mode, ballast))
    free = [32 - b for b in BALLAST_MIB]
    for key, label, name in (
            ("ms_per_paint", "ms per picture", "cliff"),
            ("kb_per_paint", "KB read per picture", "cliff-read")):
        plot.lines(bench.image(name),
                   "Painting 12 x 12 tiles on a walk while memory shrinks",
                   ("MB left of a 32 MB limit", label),
                   {mode: [(f, middle(mode, b, key))
                           for f, b in zip(free, BALLAST_MIB)]
                    for mode in MODES}, log=True, note=bench.note)
    rows = [[f"{f} MB left"] + [middle(mode, b, key) for mode in MODES
                                for key in ("ms_per_paint", "kb_per_paint")]
            for f, b in zip(free, BALLAST_MIB)]
    return table.text(
        f"1. The cliff: medians of {bench.rounds} walks of {PAINTS} pictures; "
        "- was killed",
        ["memory"] + [f"{m} {u}" for m in MODES for u in ("ms", "KB")], rows)
