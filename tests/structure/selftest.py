"""Shows that each rule finds what it is for: a bad tree, one rule at a time."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

import page_rules  # noqa: F401  fills RULES
import program_rules  # noqa: F401
import source_rules  # noqa: F401
from rules import RULES, Skip, Tree

LONG = "int f(void)\n{\n" + "    g();\n" * 100 + "}\n"
# rule, files of the bad tree, a word that the finding must hold
SOURCES = [
    ("include_direction", {"server/a.c": '#include "tiler/b.h"\n'}, "tiler/b"),
    ("include_direction", {"pack/a.c": '#include "server/b.h"\n'}, "server/b"),
    ("include_direction", {"pack/a.c": "#include <zlib.h>\n"}, "zlib"),
    ("third_party_headers",
     {f"server/{n}.c": "#include <microhttpd.h>\n" for n in "ab"}, "2 files"),
    ("third_party_headers",
     {f"tiler/{n}.c": "#include <png.h>\n" for n in "abc"}, "3 files"),
    ("function_lengths", {"pack/a.c": LONG}, "103 lines"),
    ("function_lengths", {"pack/a.c": LONG.replace("    g();\n" * 85, "")}, "median"),
    ("function_parameters",
     {"pack/a.c": "int f(int a, int (*b)(int, int), int c, int d, int e, "
                  "int f)\n{\n}\n"}, "6 parameters"),
    ("file_lengths", {"web/a.js": "\n" * 601}, "601 lines"),
    ("open_ends", {"tiler/a.c": "/* TO" "DO: more */\n"}, "a.c:1"),
    ("banned_calls", {"pack/a.c": 'int n = sprintf(s, "x");\n'}, "sprintf"),
    ("registry_hosts",
     {"web/package-lock.json": '"https://registry.npm' 'js.org/ol"'}, "npm"),
    ("format_is_clean", {"pack/a.c": "int  a ;\n",
                         ".clang-format": "BasedOnStyle: LLVM\n"}, "a.c:1"),
    ("links_resolve", {"docs/a.md": "[x](b.md)"}, "b.md"),
    ("links_resolve", {"a.md": "[x](b.md#no)", "b.md": "# Yes\n"}, "#no"),
    ("named_files_exist", {"A.md": "see `server/none.c`"}, "server/none.c"),
    ("scripts_are_clean", {"a": "#!/bin/sh\nrm -rf $1/*\n"}, "SC2"),
    ("scripts_are_executable", {"quickstart": "#!/bin/sh\n"}, "quickstart"),
    ("sample_data_is_as_described",
     {"data/README.md": f"| `w` | x | `{'0' * 64}` |\n" * 2, "data/w": ""},
     "SHA-256"),
    ("version_is_in_the_changelog",
     {"CMakeLists.txt": "project(imbrex VERSION 9.9.9)\n",
      "CHANGELOG.md": "## 0.1.0\n"}, "9.9.9"),
    ("man_pages_are_clean", {"docs/man/a.1": ".Dd today\n.Qx\n"}, "a.1"),
]
LIBRARY = """
#include <stdio.h>
#include <stdlib.h>
void EVP_Digest(void);
void helper(void);
void helper(void) { printf("%d", 1); EVP_Digest(); exit(1); }
"""
PROGRAM = """#!/bin/sh
echo '  --memory N   --port N   --new-option   --help'
"""
PAGE = """.Dd November 21, 2026
.Dt IMBREX-SERVER 1
.Os
.Sh NAME
.Nm imbrex-server
.Nd x
.Sh OPTIONS
.Fl -memory , Fl -port , Fl -help , Fl -gone
"""


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def expect(rule, tree, word):
    try:
        found = "\n".join(RULES[rule](tree))
    except Skip as missing:
        print(f"{rule}: skipped: {missing}")
        return True
    if found and word in found:
        return True
    print(f"{rule}: expected a finding with '{word}', got '{found}'")
    return False


def bad_sources():
    for rule, files, word in SOURCES:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            write(root, files)
            yield expect(rule, Tree(root), word)


def bad_library(root):
    write(root, {"a.c": LIBRARY})
    subprocess.run(["cc", "-c", "a.c"], cwd=root, check=True)
    for name in ("libimbrex.a", "libimbrex_writer.a"):
        subprocess.run(["ar", "rc", name, "a.o"], cwd=root, check=True)
    tree = Tree(root, build=root)
    yield expect("exported_symbols", tree, "helper")
    yield expect("library_is_silent", tree, "exit")
    yield expect("read_path_has_no_cryptography", tree, "EVP_Digest")


def bad_program(root):
    write(root, {"program": PROGRAM, "docs/man/imbrex-server.1": PAGE,
                 "docs/man/imbrex-tiler.1": PAGE,
                 "README.md": "    imbrex-server --never x\n"})
    (root / "program").chmod(0o755)
    tree = Tree(root, server=root / "program", tiler=root / "program")
    for program in ("server", "tiler"):
        rule = f"{program}_options_are_documented"
        yield expect(rule, tree, "--new-option")
        yield expect(rule, tree, "--gone")
    yield expect("readme_commands_exist", tree, "has no --never")
    tree.server = shutil.which("git")  # any program with other libraries
    yield expect("server_dependencies", tree, "needs lib") if tree.server \
        else True


def main():
    results = list(bad_sources())
    for check in (bad_library, bad_program):
        with tempfile.TemporaryDirectory() as folder:
            results += check(pathlib.Path(folder))
    tested = {row[0] for row in SOURCES} | {
        "exported_symbols", "library_is_silent",
        "read_path_has_no_cryptography", "server_dependencies",
        "server_options_are_documented", "tiler_options_are_documented",
        "readme_commands_exist"}
    for rule in sorted(set(RULES) - tested):
        print(f"{rule}: nothing shows that it can fail")
        results.append(False)
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
