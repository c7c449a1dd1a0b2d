"""Rules about pages, scripts and data."""
import hashlib
import re

from rules import main, output_of, rule, tool

LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)


def anchor_of(heading):
    """As GitHub makes them."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip()
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def anchors(path):
    headings = re.findall(r"^#+\s+(.*)$", FENCE.sub("", path.read_text()), re.M)
    return {anchor_of(h) for h in headings}


@rule
def links_resolve(tree):
    for name, path in tree.files(".md"):
        for link in LINK.findall(FENCE.sub("", path.read_text())):
            if re.match(r"[a-z]+:", link):
                continue
            target, _, anchor = link.partition("#")
            goal = path.parent / target if target else path
            if not goal.exists():
                yield f"{name}: {link}: no such file"
            elif anchor and goal.suffix == ".md" \
                    and anchor not in anchors(goal):
                yield f"{name}: {link}: no such heading"


NAMED = re.compile(r"`((?:pack|tiler|server|web|tests|bench|docs|packaging|"
                   r"data|cmake)/[\w./-]*)`")


@rule
def named_files_exist(tree):
    """A page at the top that speaks of `server/route.c` means a file."""
    for path in sorted(tree.source.glob("*.md")):
        for name in sorted(set(NAMED.findall(path.read_text()))):
            if not (tree.source / name).exists():
                yield f"{path.name}: {name}: no such file"


def shell_scripts(tree):
    for name, path in tree.files():
        with path.open("rb") as file:
            first = file.readline(64)
        if re.match(rb"#!.*\b(ba)?sh\b", first):
            yield name, path


@rule
def scripts_are_clean(tree):
    paths = [path for _, path in shell_scripts(tree)]
    if paths:
        text = output_of(tool("shellcheck"), "-f", "gcc", "-x", "-P",
                         "SCRIPTDIR", *paths, check=False)
        for line in text.splitlines():
            yield line.removeprefix(f"{tree.source}/")


@rule
def scripts_are_executable(tree):
    for name, path in tree.files(under=("",)):
        with path.open("rb") as file:
            begins_with = file.read(2)
        if begins_with == b"#!" and not path.stat().st_mode & 0o100 \
                and "/" not in name.removeprefix("packaging/"):
            yield f"{name}: not executable"


@rule
def sample_data_is_as_described(tree):
    folder = tree.source / "data"
    rows = re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$",
                      (folder / "README.md").read_text(), re.M)
    if len(rows) < 2:
        yield "data/README.md: lists no checksums"
    for name, promised in rows:
        actual = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if actual != promised:
            yield f"data/{name}: has SHA-256 {actual}"


@rule
def version_is_in_the_changelog(tree):
    version = re.search(r"project\(imbrex VERSION (\S+)",
                        (tree.source / "CMakeLists.txt").read_text()).group(1)
    if f"## {version}" not in (tree.source / "CHANGELOG.md").read_text():
        yield f"CHANGELOG.md: no heading for {version}"


if __name__ == "__main__":
    main()
