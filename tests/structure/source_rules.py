"""Rules about the sources: direction of includes, sizes, names."""
import collections
import json
import re
import statistics

from rules import OURS, main, output_of, rule, tool

QUOTED = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
ANGLED = re.compile(r"^\s*#\s*include\s+<([^>]+)>", re.M)
# What libc and the kernel's headers provide; everything else is third-party.
SYSTEM = re.compile(
    r"^(assert|ctype|dirent|dlfcn|errno|fcntl|fenv|float|ftw|getopt|glob|grp|"
    r"inttypes|limits|locale|malloc|math|netdb|poll|pthread|pwd|sched|"
    r"semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|"
    r"stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|termios|threads|"
    r"time|ucontext|unistd|(arpa|linux|net|netinet|sys)/[a-z_/]+)\.h$")
MAY_INCLUDE = {"pack": ("pack/",), "tiler": ("pack/", "tiler/"),
               "server": ("pack/", "server/")}
PACK_THIRD_PARTY = {"xxhash.h", "openssl/evp.h", "openssl/sha.h"}
GENERATED = (".pb-c.h",)
FUNCTION_MAX, FUNCTION_MEDIAN, FILE_MAX, PARAMETERS_MAX = 80, 15, 600, 5
WRITTEN = (".c", ".h", ".py", ".sh", ".js", ".mjs", ".css", ".html", ".cmake",
           "CMakeLists.txt")


def includes(tree, folder):
    for name, path in tree.files(".c", ".h", under=(folder,)):
        text = path.read_text()
        yield name, QUOTED.findall(text), ANGLED.findall(text)


@rule
def include_direction(tree):
    for folder in OURS:
        for name, quoted, angled in includes(tree, folder):
            for header in quoted:
                if not header.startswith(MAY_INCLUDE[folder]) \
                        and not header.endswith(GENERATED):
                    yield f'{name}: must not include "{header}"'
            for header in angled if folder == "pack" else ():
                if not SYSTEM.match(header) \
                        and header not in PACK_THIRD_PARTY:
                    yield f"{name}: the library must not need <{header}>"


# Where more than two files have a header today. Numbers may only go down.
DEPARTURES = {
    # PNG's filter trials and the gzip of tiles compress into their own buffers.
    ("tiler", "libdeflate.h"): 4,
    ("pack", "xxhash.h"): 4,
}
# The tiler is built on GDAL: its handles and strings are what files pass on.
GDAL = re.compile(r"^(gdal|ogr|cpl)_?\w*\.h$")


@rule
def third_party_headers(tree):
    for folder in OURS:
        users = collections.defaultdict(list)
        for name, _, angled in includes(tree, folder):
            for header in angled:
                if not SYSTEM.match(header):
                    users[header].append(name)
        for header, names in sorted(users.items()):
            if folder == "tiler" and GDAL.match(header):
                continue
            most = 1 if header == "microhttpd.h" else \
                DEPARTURES.get((folder, header), 2)
            if len(names) > most:
                yield (f"<{header}> is in {len(names)} files of {folder}/, "
                       f"more than {most}: {', '.join(names)}")


def functions(tree, under):
    """(file, name, lines, parameters) of every function definition."""
    files = [path for _, path in tree.files(".c", ".h", under=under)]
    if not files:
        return
    text = output_of(tool("ctags"), "--output-format=json", "--kinds-C=f",
                     "--fields=+neS", "--language-force=C", "-f", "-", *files)
    for line in text.splitlines():
        tag = json.loads(line)
        if tag.get("_type") == "tag" and "end" in tag:
            name = str(tag["path"]).removeprefix(f"{tree.source}/")
            yield (name, tag["name"], tag["end"] - tag["line"] + 1,
                   parameters(tag.get("signature", "()")))


def parameters(signature):
    inner, depth, count = signature.strip()[1:-1].strip(), 0, 1
    inner = re.sub(r",\s*struct ibx_err\s*\*\s*\w+$", "", inner)
    for letter in inner:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        count += letter == "," and depth == 0
    return 0 if inner in ("", "void") else count


@rule
def function_lengths(tree):
    for name, function, lines, _ in functions(tree, OURS + ("tests",)):
        if lines > FUNCTION_MAX:
            yield f"{name}: {function} has {lines} lines"
    for folder in OURS:
        lengths = [f[2] for f in functions(tree, (folder,))]
        middle = statistics.median(lengths) if lengths else 0
        if middle >= FUNCTION_MEDIAN:
            yield f"{folder}/: the median function has {middle} lines"


# Callbacks whose parameters another library dictates.
DICTATED = {"on_request", "access_handler", "on_authorize"}


@rule
def function_parameters(tree):
    """The error channel at the end is not counted."""
    for name, function, _, count in functions(tree, OURS):
        if count > PARAMETERS_MAX and function not in DICTATED:
            yield f"{name}: {function} takes {count} parameters: use a struct"


@rule
def file_lengths(tree):
    for name, path in tree.files(*WRITTEN):
        lines = path.read_text(errors="replace").count("\n")
        if lines > FILE_MAX:
            yield f"{name}: {lines} lines, more than {FILE_MAX}"


@rule
def open_ends(tree):
    mark = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b(?!.*#\d+)")
    for name, path in tree.files(*WRITTEN):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if mark.search(line):
                yield f"{name}:{number}: unfinished without an issue number"


@rule
def banned_calls(tree):
    call = re.compile(r"(?<![\w>.])(v?sprintf|strcpy|strcat|gets|strtok|"
                      r"tmpnam|mktemp|alloca)\s*\(")
    for name, path in tree.files(".c", ".h", under=OURS + ("tests",)):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = call.search(line)
            if found:
                yield f"{name}:{number}: {found.group(1)}"


@rule
def registry_hosts(tree):
    """A checkout names no package registry or mirror: tools know their own."""
    host = re.compile(r"https?://[^\s\"'/]*(npm" r"js|yarn" r"pkg|py" r"pi|"
                      r"python" r"hosted|crat" r"es|deb" r"ian|ub" r"untu|"
                      r"dock" r"er|qu" r"ay|gh" r"cr|art" r"ifactory|nex" r"us)"
                      r"[^\s\"'/]*/")
    for name, path in tree.files():
        text = path.read_bytes().decode("utf-8", "replace")
        for found in set(host.findall(text)):
            yield f"{name}: names a registry ({found})"


@rule
def format_is_clean(tree):
    files = [path for _, path in tree.files(
        ".c", ".h", under=OURS + ("tests", "bench"))]
    if not files:
        return
    text = output_of(tool("clang-format"), "--dry-run", "--Werror",
                     f"--style=file:{tree.source / '.clang-format'}", *files,
                     check=False)
    for line in text.splitlines():
        if "error:" in line:
            yield line.removeprefix(f"{tree.source}/")


if __name__ == "__main__":
    main()
