"""Every rule of docs/http.md has a test of its number, and the other way."""
import os
import pathlib
import re
import sys

SOURCE = pathlib.Path(os.environ["IMBREX_SOURCE"])

rules = set(re.findall(r"^(\d+\.\d+) ", (SOURCE / "docs/http.md").read_text(),
                       re.M))
tests = set()
for path in (SOURCE / "tests/http").glob("test_*.py"):
    for major, minor in re.findall(r"def test_(\d+)_(\d+)_", path.read_text()):
        tests.add(f"{major}.{minor}")
for rule in sorted(rules - tests):
    print(f"docs/http.md: rule {rule} has no test")
for rule in sorted(tests - rules):
    print(f"tests/http: test_{rule.replace('.', '_')} tests no rule")
sys.exit(1 if rules != tests or not rules else 0)
