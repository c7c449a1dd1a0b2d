"""Every file of ../shared/data/malformed that belongs to import ends as its
row in the MANIFEST says: a VALID one is imported; any other is refused with
one line that names the file and the cause, soon, in little memory, and
nothing is left behind."""
import os
import pathlib
import re
import subprocess
import tempfile
import time

from containers import DATA, SANITIZED, TILER, fresh_folder, need_data

# What a message must speak of, where the defect has one place.
PLACES = {
    "version_2.pmtiles": "byte 7",
    "root_offset_past_eof.pmtiles": "root directory",
    "root_length_huge.pmtiles": "root directory",
    "metadata_past_eof.pmtiles": "metadata",
    "metadata_not_json.pmtiles": "byte 168",
    "metadata_bad_gzip.pmtiles": "gzip",
    "internal_compression_9.pmtiles": "byte 97",
    "entry_past_eof.pmtiles": "tile of id 4",
    "entry_zero_length.pmtiles": "length 0",
    "leaf_cycle.pmtiles": "cycle",
    "leaf_zero_entries.pmtiles": "byte 190",
    "trunc_tiles.pmtiles": "tile data",
    "zoom_min_gt_max.pmtiles": "zoom",
    "no_metadata_table.mbtiles": '"metadata"',
    "no_tiles_table.mbtiles": '"tiles"',
    "tile_null_empty_text.mbtiles": "0/0/0",
    "coords_out_of_range.mbtiles": "row 6",
    "duplicate_tiles.mbtiles": "0/0/0",
    "format_lies.mbtiles": "png",
    "metadata_numbers_bad.mbtiles": "minzoom",
    "page2_zeroed.mbtiles": "table metadata",
}
MEMORY_KB = 64 << 10
CPU_S = 1.0


def rows():
    """(path, is valid) of the containers that the MANIFEST lists as bad."""
    line = re.compile(r"^\| (malformed/\S+\.(?:mb|pm)tiles) \| \d+ \| \w+ \| "
                      r"(.*?) \|")
    for text in (DATA / "MANIFEST.md").read_text().splitlines():
        found = line.match(text)
        if found:
            yield found[1], found[2].startswith("VALID")


def run(path, out):
    """(exit code, standard error, CPU seconds, peak kB) of an import."""
    with tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(
            [TILER, "import", "--quiet", "-o", out, path],
            stdout=subprocess.DEVNULL, stderr=errors)
        deadline = time.monotonic() + 60
        pid = 0
        while pid == 0:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            assert time.monotonic() < deadline, "it hangs"
            time.sleep(0.005)
        child.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        return (child.returncode, errors.read(),
                usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def check(name, valid, work):
    path = DATA / name
    out = work / "out.imbrex"
    code, errors, cpu_s, peak_kb = run(path, out)
    if valid:
        assert code == 0, (name, code, errors)
        return
    assert code == 1, (name, code, errors)
    assert errors.count("\n") == 1, (name, errors)
    assert errors.startswith(f"imbrex-tiler: {path}: "), (name, errors)
    assert PLACES.get(path.name, "") in errors, (name, errors)
    assert not out.exists(), f"{name}: something was left behind"
    assert list(work.iterdir()) == [], name
    if not SANITIZED:
        assert cpu_s < CPU_S, (name, cpu_s)
        assert peak_kb < MEMORY_KB, (name, peak_kb)


def main():
    need_data("MANIFEST.md", "malformed")
    listed = list(rows())
    assert len(listed) > 40, "the MANIFEST was not understood"
    for name, valid in listed:
        with fresh_folder() as work:
            print(name, flush=True)
            check(name, valid, pathlib.Path(work))


main()
