"""Memory and device limits by control groups, version 1 or 2.

    with Limits(memory=32 << 20) as limits:
        limits.run(["program"], uid=65534)

Needs root; Skip says so. A group lives as long as the `with`.
"""
import json
import os
import pathlib
import resource
import struct
import subprocess
import time

ROOT = pathlib.Path("/sys/fs/cgroup")
NOBODY = 65534


class Skip(Exception):
    """What is missing on this machine."""


class Killed(Exception):
    """The program did not survive its limit."""


def controller(name):
    """(version, folder) of the hierarchy that has the controller."""
    if (ROOT / name / "cgroup.procs").exists():
        return 1, ROOT / name
    for folder in (ROOT, ROOT / "unified"):
        listed = folder / "cgroup.controllers"
        wanted = {"blkio": "io"}.get(name, name)
        if listed.exists() and wanted in listed.read_text().split():
            return 2, folder
    raise Skip(f"there is no {name} control group")


class Limits:
    def __init__(self, memory=None, device=None, read_bps=None,
                 read_iops=None):
        if os.geteuid() != 0:
            raise Skip("control groups need root")
        self.folders = []
        self.memory, self.device = memory, device
        self.read_bps, self.read_iops = read_bps, read_iops

    def __enter__(self):
        try:
            if self.memory:
                self._limit_memory()
            if self.read_bps or self.read_iops:
                self._limit_device()
        except OSError as error:
            self.__exit__()
            raise Skip(f"control groups cannot be written: {error}") from error
        return self

    def __exit__(self, *_):
        for folder in reversed(self.folders):
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except OSError:  # the last process is not quite gone
                    time.sleep(0.1)
        self.folders = []

    def _make(self, name):
        version, parent = controller(name)
        folder = parent / f"imbrex-bench-{os.getpid()}-{name}"
        folder.mkdir()
        self.folders.append(folder)
        return version, folder

    def _limit_memory(self):
        version, folder = self._make("memory")
        name = "memory.limit_in_bytes" if version == 1 else "memory.max"
        (folder / name).write_text(str(self.memory))

    def _limit_device(self):
        if self.device is None:
            raise Skip("the data are on no disk that can be throttled")
        version, folder = self._make("blkio")
        if version == 2:
            (folder / "io.max").write_text(
                f"{self.device} rbps={self.read_bps} riops={self.read_iops}")
            return
        (folder / "blkio.throttle.read_bps_device").write_text(
            f"{self.device} {self.read_bps}")
        (folder / "blkio.throttle.read_iops_device").write_text(
            f"{self.device} {self.read_iops}")

    def memory_used(self):
        """(now, most) bytes charged to the group."""
        folder = next(f for f in self.folders if f.name.endswith("-memory"))
        names = (("memory.usage_in_bytes", "memory.max_usage_in_bytes")
                 if (folder / "memory.usage_in_bytes").exists()
                 else ("memory.current", "memory.peak"))
        return tuple(int((folder / n).read_text()) for n in names)

    def memory_without_cache(self):
        """Bytes charged to the group now that are no page cache: what its
        programs allocated, and the kernel for them."""
        folder = next(f for f in self.folders if f.name.endswith("-memory"))
        stat = dict(line.split() for line in
                    (folder / "memory.stat").read_text().splitlines())
        kernel = folder / "memory.kmem.usage_in_bytes"
        if kernel.exists():  # version 1
            return int(stat["rss"]) + int(kernel.read_text())
        return int(stat["anon"]) + int(stat.get("kernel", stat.get("slab", 0)))

    def read_nbytes(self):
        """What the processes now in the group made devices read."""
        total = 0
        for pid in (self.folders[0] / "cgroup.procs").read_text().split():
            for line in pathlib.Path(f"/proc/{pid}/io").read_text().split("\n"):
                if line.startswith("read_bytes: "):
                    total += int(line.split()[1])
        return total

    def cpu_s(self):
        """Processor time that the processes now in the group have used."""
        ticks = 0
        for pid in (self.folders[0] / "cgroup.procs").read_text().split():
            text = pathlib.Path(f"/proc/{pid}/stat").read_text()
            ticks += sum(map(int, text.rsplit(")", 1)[1].split()[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def start(self, command, uid=NOBODY, address=None, handles=None, **rest):
        """A Popen inside the group, as `uid`, under rlimits. Its `exec_s` is
        when the program began: what we do before that is not its time."""
        ends = os.pipe()

        def become():
            for folder in self.folders:
                (folder / "cgroup.procs").write_text(str(os.getpid()))
            if address:
                resource.setrlimit(resource.RLIMIT_AS, (address, address))
            if handles:
                resource.setrlimit(resource.RLIMIT_NOFILE, (handles, handles))
            if os.geteuid() == 0 and uid is not None:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
            os.write(ends[1], struct.pack("d", time.monotonic()))
        try:
            process = subprocess.Popen([str(c) for c in command],
                                       preexec_fn=become, **rest)
            process.exec_s, = struct.unpack("d", os.read(ends[0], 8))
        finally:
            for end in ends:
                os.close(end)
        return process

    def run(self, command, timeout=180, **rest):
        """Runs to the end; the JSON object it printed."""
        process = self.start(command, stdout=subprocess.PIPE, text=True,
                             **rest)
        try:
            out, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        if process.returncode < 0:
            raise Killed(f"{command[0]}: signal {-process.returncode}")
        if process.returncode != 0:
            raise RuntimeError(f"{command}: exit {process.returncode}")
        return json.loads(out)


class NoLimits(Limits):
    """The same interface with nothing limited; needs no root."""

    def __init__(self):
        self.folders = []

    def __enter__(self):
        return self
