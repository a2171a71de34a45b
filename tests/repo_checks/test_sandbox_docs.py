"""docs/sandbox.md lists every attempt of the probe with what to do, and the battery of 37 with tests that exist."""

import re
from pathlib import Path

from deputy.adapters.sandbox.host.probing import names

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs/sandbox.md").read_text(encoding="utf-8")
TESTS = "".join(
    path.read_text(encoding="utf-8")
    for path in (
        *ROOT.glob("tests/integration/sandbox/test_sealed*.py"),
        ROOT / "tests/support/sealed_sandbox.py",
        ROOT / "tests/support/escapes.py",
    )
)


def part(heading: str) -> str:
    return DOC.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]


def test_each_attempt_of_the_probe_has_a_row_that_says_what_to_do() -> None:
    named = [
        name for row in re.findall(r"^\| (`.*?) \| .+ \|$", part("## Sealing"), re.M) for name in row.split("`")[1::2]
    ]
    assert sorted(named) == sorted(names())


def test_the_number_of_attempts_is_the_one_that_is_said() -> None:
    said = {int(number) for number in re.findall(r"(\d+) of \d+ attempts refused", DOC)}
    assert said == {len(names())}
    assert f"{len(names())} of {len(names())}, 0.7 s" in part("## Other runtimes")


def test_the_battery_has_37_rows_and_each_names_tests_that_exist() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \| (.+) \|$", part("### The battery"), re.M)
    assert [int(number) for number, _, _ in rows] == list(range(1, 38))
    for _, what, tests in rows:
        found = re.findall(r"`(\w+)(?:\[(.+?)\])?`", tests)
        assert found, what
        for name, case in found:
            assert f"def {name}(" in TESTS, name
            assert not case or f'"{case}": ' in TESTS, case
