"""Servers as processes: start, find out what they cost, stop."""
import functools
import os
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _children(pid):
    found = [pid]
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            for child in children.read().split():
                found += _children(int(child))
    except OSError:
        pass
    return found


class Server:
    """One running server, with all the processes it started."""

    limits = None  # the Limits that servers are started inside

    def __init__(self, command, port, log, cpus=None, env=None):
        if cpus:
            command = ["taskset", "-c", cpus] + command
        self.port = port
        self.before_stop = []  # what else ends with it
        self.started = time.monotonic()
        self.log = open(log, "wb")
        start = subprocess.Popen
        if self.limits:
            start = functools.partial(self.limits.start, uid=None)
        self.process = start(
            command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})}, start_new_session=True)

    def wait_until_up(self, seconds=20):
        """Milliseconds from the start of the program to its first accept;
        some cannot answer by then."""
        while time.monotonic() - self.started < seconds:
            if self.process.poll() is not None:
                raise RuntimeError(f"it ended at once; see {self.log.name}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), 0.2):
                    return (time.monotonic() - self.started) * 1000
            except OSError:
                time.sleep(0.002)
        raise RuntimeError(f"it does not listen; see {self.log.name}")

    def pids(self):
        return _children(self.process.pid)

    def cpu_seconds(self):
        """User and system time of all its processes so far."""
        user = system = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/stat") as stat:
                    fields = stat.read().rsplit(")", 1)[1].split()
                user += int(fields[11])
                system += int(fields[12])
            except OSError:
                pass
        return user / TICKS, system / TICKS

    def memory(self):
        """Kilobytes: resident, proportional, and private anonymous."""
        total = {"Rss": 0, "Pss": 0, "Private_Dirty": 0, "Anonymous": 0}
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup") as rollup:
                    for line in rollup:
                        name = line.split(":")[0]
                        if name in total:
                            total[name] += int(line.split()[1])
            except OSError:
                pass
        return {"rss_kb": total["Rss"], "pss_kb": total["Pss"],
                "private_kb": total["Anonymous"]}

    def handles(self):
        count = 0
        for pid in self.pids():
            try:
                count += len(os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                pass
        return count

    def stop(self):
        """Ends the session that we started, and nothing else."""
        for also in self.before_stop:
            also()
        for how in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                try:
                    os.killpg(self.process.pid, how)
                except ProcessLookupError:
                    pass
                try:
                    self.process.wait(8)
                except subprocess.TimeoutExpired:
                    pass
        self.log.close()
