#!/usr/bin/env python3
"""Pictures and tables of what serve.py measured.

    bench/serve/draw.py docs/images docs/images/serve.json ...

For every kind of tiles one picture of requests per second and one of processor
time per request, both with Zipf requests; tables in Markdown go to standard
output."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import plot
from report import print_ratios, print_table


def note(results):
    machine, how = results["machine"], results["options"]
    pinned = ", one for the server" if how["pinned"] else ""
    return (f"{machine['date']}, Linux {machine['kernel']}, {machine['cpus']} "
            f"CPUs{pinned}, median of {how['rounds']}")


def shortened(name):
    """In lines short enough to stand side by side."""
    for long, lines in ((", ", "\n"), (" prepared", "\npre-\npared"),
                        ("libmicro", "lib-\nmicro-\n"),
                        ("mod_tile", "mod_\ntile"), ("mapc", "map-\nc"),
                        ("server", "-\nserver"), ("server-gl", "server\n-gl"),
                        ("go-", "go-\n")):
        name = name.replace(long, lines)
    return name


def draw_bars(out, name, rows, about):
    for kind, label, of in (
            ("rate", "requests per second", lambda r: r["requests_per_s"]),
            ("cpu", "CPU microseconds per request",
             lambda r: r["user_us"] + r["system_us"])):
        # A logarithm, since some are a hundred times slower.
        plot.bars(out / f"{name}-{kind}.svg",
                  f"{name.replace('-', ' ')}: {label}", label,
                  [shortened(server) for server in rows],
                  {"zipf": [of(row) for row in rows.values()]}, log=True,
                  note=about)


def draw(path, out):
    results = json.loads(path.read_text())
    for key, rows in results["tables"].items():
        tiles, pattern, *limit = key.split("/")
        if pattern == "zipf" and not limit:
            draw_bars(out, f"{path.stem}-{tiles}", rows, note(results))
        print_table(f"{path.stem}: {key}", rows)
        print_ratios(rows)


def main():
    out = pathlib.Path(sys.argv[1])
    for name in sys.argv[2:]:
        draw(pathlib.Path(name), out)


if __name__ == "__main__":
    main()
