"""Runs one rule over the project: `RULES.py NAME`.

A rule is a function of a Tree that yields one line per finding. No finding
exits 0, any exits 1, and raising Skip exits 77 with the reason. Rules take
the tree as an argument, so selftest.py can show that each can fail.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

SKIPPED = 77
RULES = {}
OURS = ("pack", "tiler", "server")
# Made by programs, or other people's: nobody writes or reviews these by line.
NOT_OURS = re.compile(r"(^|/)(\.git|build|node_modules|dist|\.cache|corpus|"
                      r"fixtures|golden|__pycache__|[^/]*\.imbrex)(/|$)")


class Skip(Exception):
    """What is missing on this machine."""


class Tree:
    """A source tree and, where given, the programs built from it."""

    def __init__(self, source, build=None, server=None, tiler=None):
        self.source = pathlib.Path(source)
        self.build = pathlib.Path(build) if build else None
        self.server, self.tiler = server, tiler

    def files(self, *suffixes, under=("",)):
        """Files we wrote, as (path from the root, Path), in a fixed order."""
        for folder in under:
            yield from self._walk(folder, suffixes)

    def _walk(self, folder, suffixes):
        for at, folders, names in os.walk(self.source / folder):
            here = pathlib.Path(at).relative_to(self.source).as_posix()
            here = "" if here == "." else here + "/"
            folders[:] = sorted(f for f in folders
                                if not NOT_OURS.search(here + f))
            for name in sorted(names):
                if not suffixes or name.endswith(suffixes):
                    yield here + name, pathlib.Path(at) / name

    def built(self, pattern):
        """Files in the build folder, or Skip when there is none."""
        found = sorted(self.build.glob(pattern)) if self.build else []
        if not found:
            raise Skip(f"{pattern} is not built here")
        return found


def rule(function):
    RULES[function.__name__] = function
    return function


def tool(name):
    if shutil.which(name) is None:
        raise Skip(f"{name} is not installed")
    return name


def output_of(*command, check=True):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=250,
                          errors="replace", check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{command[0]}: exit {done.returncode}\n"
                           + done.stdout)
    return done.stdout


def tree_from_environment():
    here = pathlib.Path(__file__).resolve().parents[2]
    return Tree(os.environ.get("IMBREX_SOURCE", here),
                os.environ.get("IMBREX_BUILD"),
                os.environ.get("IMBREX_SERVER"),
                os.environ.get("IMBREX_TILER"))


def main():
    name = sys.argv[1]
    try:
        findings = list(RULES[name](tree_from_environment()))
    except Skip as missing:
        print(f"{name}: skipped: {missing}")
        sys.exit(SKIPPED)
    for finding in findings:
        print(f"{name}: {finding}")
    sys.exit(1 if findings else 0)
