"""Figure 3, exhaustion: more packs than address space and file handles."""
import json
import resource
import subprocess

import data
import plot
import table

PACKS = 2560  # of 4 MiB: 10 GiB
REQUESTS = 20000
HANDLES = 64
ADDRESS_MIB = (64, 16)
SOURCES = ("exhaust.c", "meter.c", "tiles.c")


def build_32(bench):
    """The same sources for 32 bits, or None where the compiler cannot."""
    out = bench.data / "bench-exhaust-32"
    files = sorted((bench.source / "pack").glob("*.c"))
    files += [bench.source / "bench/origin" / name for name in SOURCES]
    done = subprocess.run(
        ["cc", "-m32", "-std=c17", "-O2", "-D_GNU_SOURCE",
         "-D_FILE_OFFSET_BITS=64", "-DXXH_INLINE_ALL", "-I", bench.source,
         *files, "-o", out, "-pthread"], capture_output=True, check=False)
    return out if done.returncode == 0 else None


def one(bench, program, mode, tileset, address):
    def lower():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    done = subprocess.run(
        [program, mode, tileset, str(address), str(HANDLES), str(REQUESTS)],
        capture_output=True, text=True, check=False, timeout=120,
        preexec_fn=lower)
    if done.returncode != 0:
        return {"refused": REQUESTS, "right": 0, "wrong": 0,
                "died": done.stderr.strip() or done.returncode}
    return json.loads(done.stdout)


def measure(bench):
    tileset = data.sparse(bench, PACKS)
    programs = {"64-bit": bench.program("bench-exhaust"),
                "32-bit": build_32(bench)}
    runs = []
    for bits, program in programs.items():
        for address in ADDRESS_MIB if program else ():
            for mode in ("plain", "caps"):
                runs.append({"bits": bits, "address_mib": address,
                             "mode": mode,
                             "result": one(bench, program, mode, tileset,
                                           address)})
    bench.save("exhaust", runs)
    groups = [(b, a) for b in programs for a in ADDRESS_MIB if programs[b]]

    def share(bits, address, mode):
        return next(100 * r["result"]["refused"] / REQUESTS for r in runs
                    if (r["bits"], r["address_mib"], r["mode"])
                    == (bits, address, mode))
    plot.bars(bench.image("exhaust"),
              "Requests refused: 10 GB of packs, little address space",
              "% refused", [f"{b}\n{a} MB of addresses" for b, a in groups],
              {"maps kept for good": [share(b, a, "plain") for b, a in groups],
               "imbrex": [share(b, a, "caps") for b, a in groups]},
              note=bench.note)
    rows = [[f"{r['bits']}, {r['address_mib']} MB, {r['mode']}"]
            + [r["result"].get(k) for k in
               ("right", "wrong", "refused", "us_per_request", "views_high",
                "vm_kb")] for r in runs]
    missing = "" if programs["32-bit"] else "  (no 32-bit compiler here)\n"
    return table.text(
        f"3. Exhaustion: {REQUESTS:,} tiles at random from {PACKS:,} packs, "
        f"{HANDLES} handles",
        ["case", "right", "wrong", "refused", "us each", "views", "VM KB"],
        rows) + missing
