"""A terabyte in 32 MB: 250,000 packs, every limit at once, a million tiles."""
import contextlib
import pathlib
import subprocess
import tempfile
import time

import data
import limits
import serving
import table

MEMORY = 32 << 20
ADDRESS = 64 << 20
HANDLES = 64
ZOOM, TILES_PER_PACK, NBYTES = 11, 16, 1000


@contextlib.contextmanager
def read_only(tileset):
    """The tileset's folder, mounted again so that nothing can be written."""
    with tempfile.TemporaryDirectory(prefix="imbrex-ro-") as parent:
        at = pathlib.Path(parent) / "tb.imbrex"
        at.mkdir()
        pathlib.Path(parent).chmod(0o755)
        done = subprocess.run(["mount", "--bind", tileset, at], check=False,
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise limits.Skip(f"nothing can be mounted: {done.stderr.strip()}")
        try:
            subprocess.run(["mount", "-o", "remount,ro,bind", at], check=True)
            yield at
        finally:
            subprocess.run(["umount", at], check=True)


def private_kb(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return {k: int(fields[k].split()[0]) for k in
            ("VmPeak", "VmSize", "RssAnon", "RssFile")}


def handles(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


def watch(server, cage, asker, pause_s):
    """Samples until the clients are done."""
    samples = []
    start = time.monotonic()
    while asker.process.poll() is None:
        now, most = cage.memory_used()
        samples.append({"s": time.monotonic() - start, "cgroup": now,
                        "cgroup_most": most, "handles": handles(server.pid),
                        **private_kb(server.pid)})
        time.sleep(pause_s)
    return samples


def measure(bench):
    tileset = data.sparse(bench, bench.packs)
    port = serving.free_port()
    # Answers that are kept fill their share of --memory as they come, which
    # would hide a leak for as long.
    command = [bench.program("imbrex-server"), "--port", port, "--admin",
               "off", "--id", "t", "--quiet", "--max-prepared", 0]
    with limits.Limits(memory=MEMORY) as cage, read_only(tileset) as at:
        data.drop_file(at / (at / "CURRENT").read_text().strip())
        with serving.running(cage, command + [at], port, uid=limits.NOBODY,
                             address=ADDRESS, handles=HANDLES) as server:
            idle = private_kb(server.pid)
            asker = serving.Asker(
                bench, port, "/t/", zoom=ZOOM, nbytes=NBYTES, clients=8,
                count=bench.packs * TILES_PER_PACK, requests=bench.requests,
                **{"from": 0})
            samples = watch(server, cage, asker,
                            1 if bench.requests > 100000 else 0.1)
            asked = asker.result()
            alive = server.poll() is None
            started = server.start_s
    results = {"start_ms": started * 1e3, "idle": idle, "asked": asked,
               "alive": alive, "samples": samples, "packs": bench.packs}
    bench.save("terabyte", results)
    return report(results)


def goals(results):
    """(what, measured, the goal in words, whether it is reached)."""
    asked, samples = results["asked"], results["samples"]
    steady = [s["RssAnon"] for s in samples[len(samples) // 5:]]
    most = {key: max(s[key] for s in samples)
            for key in ("VmPeak", "handles", "cgroup_most")}
    idle = results["idle"]["RssAnon"]
    return [
        ("ready after ms", results["start_ms"], "< 20",
         results["start_ms"] < 20),
        ("tiles, every byte right", asked["right"], "all",
         asked["right"] == asked["requests"]),
        ("wrong", asked["wrong"], "0", asked["wrong"] == 0),
        ("refused (503)", asked["busy"], "0", asked["busy"] == 0),
        ("other or broken", asked["other"] + asked["broken"], "0",
         asked["other"] + asked["broken"] == 0),
        ("private KB idle", idle, "< 4096", idle < 4096),
        ("private KB, least and most after a fifth",
         f"{min(steady):,}-{max(steady):,}", "steady within 512",
         max(steady) - min(steady) <= 512),
        ("address space KB, most", most["VmPeak"], f"<= {ADDRESS >> 10}",
         most["VmPeak"] <= ADDRESS >> 10),
        ("handles, most", most["handles"], f"<= {HANDLES}",
         most["handles"] <= HANDLES),
        ("cgroup bytes, most", most["cgroup_most"], f"<= {MEMORY}",
         most["cgroup_most"] <= MEMORY),
        ("server alive", str(results["alive"]), "True", results["alive"]),
    ]


def report(results):
    asked = results["asked"]
    rows = [[what, measured, goal, "reached" if reached else "MISSED"]
            for what, measured, goal, reached in goals(results)]
    rows.append(["requests per s", asked["per_s"], "", ""])
    rows.append(["p50, p99 us", f"{asked['p50_us']:.0f}, "
                 f"{asked['p99_us']:.0f}", "", ""])
    return table.text(
        f"A terabyte: {results['packs']:,} packs of 4 MiB; 32 MB cgroup, "
        "64 MB of addresses, 64 handles,\nunprivileged, read-only mount, "
        f"{asked['requests']:,} requests by 8 clients",
        ["what", "measured", "goal", ""], rows)
