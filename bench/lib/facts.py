"""What a measurement was made on: every figure notes it."""
import os
import pathlib
import platform
import statistics
import subprocess


def device_of(path):
    """MAJOR:MINOR of the whole disk under a path, or None (tmpfs, overlay)."""
    number = os.stat(path).st_dev
    block = pathlib.Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if not block.exists():
        return None
    block = block.resolve()
    if (block / "partition").exists():
        block = block.parent
    return (block / "dev").read_text().strip()


def read_ahead_kb(path):
    device = device_of(path)
    if device is None:
        return None
    return int(pathlib.Path(
        f"/sys/dev/block/{device}/queue/read_ahead_kb").read_text())


def file_system(path):
    done = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", str(path)],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def commit(source):
    done = subprocess.run(["git", "-C", str(source), "rev-parse", "--short",
                           "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def gather(data, source, uid):
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"kernel": platform.release(), "machine": platform.machine(),
            "processors": os.cpu_count(), "memory_mib": memory >> 20,
            "file_system": file_system(data),
            "read_ahead_kb": read_ahead_kb(data), "uid": uid,
            "commit": commit(source)}


def sentence(facts):
    return (f"Linux {facts['kernel']}, {facts['processors']} processors, "
            f"{facts['file_system']}, read-ahead {facts['read_ahead_kb']} KiB, "
            f"uid {facts['uid']}")


def median(values):
    """Of those that are there; None when none is."""
    there = [v for v in values if v is not None]
    return statistics.median(there) if there else None
