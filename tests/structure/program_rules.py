"""Rules about what was built: symbols, dependencies, options and pages."""
import re

from rules import Skip, main, output_of, rule, tool

PRINTS_OR_EXITS = re.compile(
    r"^_*(v?f?printf|v?dprintf|puts|fputs|putchar|fputc|fwrite|perror|psignal|"
    r"syslog|stderr|stdout|exit|_exit|_Exit|quick_exit|abort|err|errx|warn|"
    r"warnx|v?printf_chk|v?fprintf_chk)(@.*)?$")
CRYPTOGRAPHY = re.compile(r"^(EVP|SHA\d*|CRYPTO|crypto)_")
SERVER_MAY_NEED = re.compile(
    r"^(libmicrohttpd|libcjson|libz|libxxhash|libc|libm|"
    r"libpthread|ld-linux[-\w]*)\.so")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9]")


def symbols(archive, *flags):
    text = output_of(tool("nm"), "-P", *flags, archive)
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 2 and not line.endswith(":"):
            yield fields[0], fields[1]


def archives(tree, *names):
    for name in names:
        yield from tree.built(f"**/lib{name}.a")


@rule
def exported_symbols(tree):
    """Sanitizers and the compiler add names that begin with two underscores."""
    for archive in archives(tree, "imbrex", "imbrex_writer"):
        for name, kind in symbols(archive, "-g", "--defined-only"):
            if not name.startswith(("ibx_", "__")):
                yield f"{archive.name}: exports {name} ({kind})"


@rule
def library_is_silent(tree):
    """assert() is allowed: it speaks of our own mistakes."""
    for archive in archives(tree, "imbrex", "imbrex_writer"):
        for name, _ in symbols(archive, "-u"):
            if PRINTS_OR_EXITS.match(name):
                yield f"{archive.name}: calls {name}"


@rule
def read_path_has_no_cryptography(tree):
    for archive in archives(tree, "imbrex"):
        for name, _ in symbols(archive, "-u"):
            if CRYPTOGRAPHY.match(name):
                yield f"{archive.name}: calls {name}"


def needed(program):
    text = output_of(tool("readelf"), "-d", program)
    return re.findall(r"\(NEEDED\).*\[(.*)\]", text)


@rule
def server_dependencies(tree):
    if not tree.server:
        raise Skip("imbrex-server is not built here")
    for library in needed(tree.server):
        if not SERVER_MAY_NEED.match(library):
            yield f"imbrex-server needs {library}"


def pages(tree):
    found = sorted((tree.source / "docs/man").glob("*.[1-8]"))
    if not found:
        raise Skip("there are no pages in docs/man")
    return found


@rule
def man_pages_are_clean(tree):
    for page in pages(tree):
        text = output_of(tool("mandoc"), "-T", "lint", "-W", "warning", page,
                         check=False)
        for line in text.splitlines():
            yield line.removeprefix(f"mandoc: {tree.source}/")


def documented(page):
    plain = output_of(tool("mandoc"), "-T", "ascii", "-O", "width=500", page)
    return set(OPTION.findall(re.sub(".\b", "", plain)))


def commands(program):
    """Words that begin an indented line of a tool's help: its commands."""
    return re.findall(r"^ {2,4}([a-z]+)\s{2,}\S", output_of(program, "--help"),
                      re.M)


def offered(program, with_commands):
    texts = [output_of(program, "--help")]
    if with_commands:
        texts += [output_of(program, command, "--help")
                  for command in commands(program)]
    return set(OPTION.findall("\n".join(texts)))


def options_agree(tree, name, program):
    page = tree.source / f"docs/man/{name}.1"
    if not program:
        raise Skip(f"{name} is not built here")
    if not page.exists():
        yield f"docs/man/{name}.1 is missing"
        return
    in_help = offered(program, with_commands=name == "imbrex-tiler")
    in_page = documented(page)
    for option in sorted(in_help - in_page):
        yield f"{option} is in {name} --help but not in its page"
    for option in sorted(in_page - in_help):
        yield f"{option} is in the page of {name} but not in --help"
    if len(in_help) < 3:
        yield f"{name} --help names only {sorted(in_help)}"


@rule
def server_options_are_documented(tree):
    yield from options_agree(tree, "imbrex-server", tree.server)


@rule
def tiler_options_are_documented(tree):
    yield from options_agree(tree, "imbrex-tiler", tree.tiler)


@rule
def readme_commands_exist(tree):
    """Commands and options that the README shows are those of --help."""
    if not (tree.server and tree.tiler):
        raise Skip("a program is not built here")
    text = (tree.source / "README.md").read_text().replace("\\\n", " ")
    shown = re.findall(r"^    imbrex-(server|tiler) (.*)$", text, re.M)
    if len(shown) < 5:
        yield "README.md: shows hardly any command"
    for program, line in shown:
        words = line.split("#")[0].split()
        command = words[:1] if program == "tiler" else []
        text = output_of(getattr(tree, program), *command, "--help",
                         check=False)
        offers = set(OPTION.findall(text)) | {"-o"}
        if "usage:" not in text.lower():
            yield f"README.md: there is no imbrex-{program} {words[0]}"
        for word in words:
            if word.startswith("-") and word not in offers:
                yield f"README.md: imbrex-{program} has no {word}"


if __name__ == "__main__":
    main()
