"""The crowd: people at a map that crawlers read through, with and without
telling them apart."""
import json
import subprocess

import data
import facts
import plot
import table

ZOOM = 10
PEOPLE = 16
VIEWS = (16, 32, 128)
CRAWLERS = ((0, 0), (1, 20), (2, 20), (2, 200))  # how many, tiles per step
MODES = ("together", "apart")


def one(bench, tileset, mode, views, crawlers):
    count, pace = crawlers
    done = subprocess.run(
        [str(a) for a in (bench.program("bench-crowd"), mode, tileset, views,
                          PEOPLE, count, pace)],
        check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def label(crawlers):
    count, pace = crawlers
    if count == 0:
        return "no crawler"
    return f"{count} crawler{'s' * (count > 1)}, {pace} tiles"


def measure(bench):
    tileset = data.pyramid(bench, ZOOM)
    runs = [{"mode": mode, "views": views, "crawlers": crawlers, "round": n,
             "result": one(bench, tileset, mode, views, crawlers)}
            for n in range(bench.rounds) for crawlers in CRAWLERS
            for views in VIEWS for mode in MODES]
    bench.save("crowd", runs)

    def middle(crawlers, views, mode, key, who="people"):
        return facts.median(
            r["result"][who][key] for r in runs
            if (r["crawlers"], r["views"], r["mode"]) == (crawlers, views, mode))
    plot.bars(bench.image("crowd"),
              "Packs opened for people's tiles beside crawlers, 32 views",
              "packs opened per 1,000 tiles", [label(c) for c in CRAWLERS],
              {mode: [10 * (100 - middle(c, 32, mode, "hit_percent"))
                      for c in CRAWLERS] for mode in MODES}, note=bench.note)
    rows = [[f"{label(c)}, {v} views"]
            + [middle(c, v, m, "hit_percent") for m in MODES]
            + [middle(c, v, m, "us_per_tile") for m in MODES]
            + [middle(c, v, m, "hit_percent", "crawlers") for m in MODES]
            for c in CRAWLERS for v in VIEWS]
    return table.text(
        f"The crowd: {PEOPLE} people, tiles in an open pack in %, all as one "
        f"reader and told apart; medians of {bench.rounds} rounds",
        ["", "people, one", "apart", "us a tile, one", "apart",
         "crawlers, one", "apart"], rows)
