"""What bench/origin measures, as a test: files damaged under load, and every
limit at once. Asserts what was answered, never how fast.

    origin.py sabotage | small_machine | cgroup | soak
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["IMBREX_SOURCE"])
BUILD = pathlib.Path(os.environ["IMBREX_BUILD"])
sys.path[:0] = [str(SOURCE / "bench/origin"), str(SOURCE / "bench/lib")]

import data  # noqa: E402
import limits  # noqa: E402
import sabotage  # noqa: E402
import serving  # noqa: E402
import soak  # noqa: E402
import terabyte  # noqa: E402

SKIPPED = 77


class Bench:
    """What the figures need of run.py's."""

    def __init__(self, data):
        self.data, self.seconds = pathlib.Path(data), 3
        self.packs, self.requests = 512, 20000
        self.port = serving.free_port()
        self.uid = limits.NOBODY if os.geteuid() == 0 else os.geteuid()
        self.results = {}

    def program(self, name):
        """A copy, since nobody may not enter a build in a private folder."""
        copy = self.data / "bin" / name
        for folder in ("bench/origin", "server", "tiler"):
            if copy.exists():
                break
            if (BUILD / folder / name).exists():
                copy.parent.mkdir(exist_ok=True)
                shutil.copy(BUILD / folder / name, copy)
        if not copy.exists():
            raise limits.Skip(f"{name} is not built")
        return copy

    def save(self, name, results):
        self.results[name] = results


def check_sabotage(bench):
    sabotage.ZOOM, sabotage.VIEWS = 6, 2  # four packs, two of them mapped
    for name in sabotage.DEEDS:
        result = sabotage.one(bench, name, serving.free_port())
        for phase in sabotage.PHASES:
            seen = result[phase]
            for key in ("wrong", "other", "broken"):
                if seen[key]:
                    yield f"{name}, {phase}: {seen[key]} {key}"
            if not seen["right"]:
                yield f"{name}, {phase}: no tile at all"
        if result["deaths"]:
            yield f"{name}: the server died"
        if not result["repaired"] or result["after"]["busy"]:
            yield f"{name}: not whole after the repair: {result['after']}"
        if not result["damaged"]["busy"]:
            yield f"{name}: nobody noticed the damage"


def check_small_machine(bench):
    print(terabyte.measure(bench))
    for what, measured, goal, reached in \
            terabyte.goals(bench.results["terabyte"]):
        if not reached and not what.startswith("ready"):
            yield f"{what}: {measured}, want {goal}"


def check_cgroup(bench):
    """A real group's limit, of the version that this machine has, shrinks what
    the server plans for, and a budget that cannot fit is refused."""
    tileset, _, _ = data.dense(bench, 4)
    command = [bench.program("imbrex-server"), "--port", 0, "--admin", "off",
               "--id", "t"]
    for limit, want in ((16 << 20, "memory 8M"), (24 << 20, "memory 12M")):
        with limits.Limits(memory=limit) as cage:
            server = cage.start(command + [tileset], uid=bench.uid,
                                stderr=subprocess.PIPE, text=True)
            line = server.stderr.readline()
            server.terminate()
            server.wait()
            if want not in line:
                yield f"a limit of {limit} bytes: {line}"
            refused = cage.start(command + ["--memory", "32M", tileset],
                                 uid=bench.uid, stderr=subprocess.PIPE,
                                 text=True)
            text = refused.communicate()[1]
            if refused.returncode == 0 or "cgroup" not in text:
                yield f"--memory above {limit} bytes: {text}"


def check_soak(bench):
    """Two minutes; bench/origin/run.py soak takes twenty."""
    result = soak.one(bench, 40, 80)
    for part in result["parts"]:
        print(part["asked"], part["done"])
    yield from soak.complaints(result)


def main():
    check = {"sabotage": check_sabotage, "small_machine": check_small_machine,
             "cgroup": check_cgroup, "soak": check_soak}[sys.argv[1]]
    with tempfile.TemporaryDirectory(prefix="imbrex-origin-") as data:
        pathlib.Path(data).chmod(0o755)
        try:
            failures = list(check(Bench(data)))
        except limits.Skip as missing:
            print(f"{sys.argv[1]}: skipped: {missing}")
            sys.exit(SKIPPED)
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
