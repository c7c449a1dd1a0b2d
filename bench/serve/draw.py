#!/usr/bin/env python3
"""Pictures and tables of what serve.py and growth.py measured.

    bench/serve/draw.py docs/images docs/images/serve-small.json ...

One picture of requests per second and one of processor time per request with
Zipf requests for each file; tables in Markdown go to standard output."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import plot
from report import print_ratios, print_table


def note(results):
    machine, how = results["machine"], results["options"]
    limit = f", {how['limit_mb']} MB" if how["limit_mb"] else ""
    return (f"{machine['date']}, Linux {machine['kernel']}, {machine['cpus']} "
            f"CPUs, one for the server{limit}, median of {how['rounds']}")


def shortened(name):
    """In lines short enough to stand side by side."""
    for long, lines in ((", none ", "\nnone\n"), (", all ", "\nall\n"),
                        (", ", "\n"), ("server", "-\nserver"),
                        ("server-gl", "server\n-gl"), ("go-", "go-\n")):
        name = name.replace(long, lines)
    return name


def draw(path, out):
    results = json.loads(path.read_text())
    patterns = [key.split("/")[1] for key in results["tables"]]
    tables = list(results["tables"].values())
    names = [name for name in tables[0] if all(name in t for t in tables)]
    zipf = dict(zip(patterns, tables)).get("zipf")
    for kind, label, of in (
            ("rate", "requests per second", lambda r: r["requests_per_s"]),
            ("cpu", "CPU microseconds per request",
             lambda r: r["user_us"] + r["system_us"])):
        if zipf is None:
            continue
        # A logarithm, since some are a hundred times slower.
        plot.bars(out / f"{path.stem}-{kind}.svg",
                  f"{path.stem.replace('-', ' ')}: {label}", label,
                  [shortened(name) for name in names],
                  {"zipf": [of(zipf[name]) for name in names]}, log=True,
                  note=note(results))
    for key, rows in results["tables"].items():
        print_table(f"{path.stem}: {key}", rows)
        print_ratios(rows)


def main():
    out = pathlib.Path(sys.argv[1])
    for name in sys.argv[2:]:
        draw(pathlib.Path(name), out)


if __name__ == "__main__":
    main()
