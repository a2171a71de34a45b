"""What every ``Scanner`` must do, on the fake and on the real programs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deputy.adapters.scanners import Scanners
from deputy.domain.review.scans import Scan
from deputy.ports import Scanner
from tests.support.plain_scanner import PlainScanner
from tests.support.planted import github_token, slack_token
from tests.support.scanner_home import scanner_home

WORKFLOW = ".github/workflows/test.yml"
STEPS = b"""on: push
permissions: {}
jobs:
  test:
    name: test
    runs-on: ubuntu-latest
    steps:
      - run: make
"""
UNPINNED = b"      - uses: acme/tool@v1\n"


@pytest.fixture(params=["plain", "real"])
def scanner(request: pytest.FixtureRequest, tmp_path: Path) -> Scanner:
    makers: dict[str, Callable[[], Scanner]] = {
        "plain": PlainScanner,
        "real": lambda: Scanners.at(scanner_home(tmp_path)),
    }
    return makers[request.param]()


def places(scan: Scan) -> set[tuple[str, int]]:
    assert not scan.failed
    assert scan.scanners
    return {(sighting.path, sighting.line) for sighting in scan.sightings}


def test_harmless_files_show_nothing(scanner: Scanner) -> None:
    assert (
        places(scanner.scan({"a.py": b"x = 1\n"}, {"a.py": b"x = 2\n", "empty": b"", "b.bin": bytes(range(256))}))
        == set()
    )


def test_a_credential_on_a_new_line_is_seen_there_and_never_quoted(scanner: Scanner) -> None:
    token = github_token()
    scan = scanner.scan({"a.py": b"x = 1\ny = 2\n"}, {"a.py": f"x = 1\nt = '{token}'\ny = 2\n".encode()})
    assert places(scan) == {("a.py", 2)}
    assert all(sighting.is_certain for sighting in scan.sightings)
    assert token not in scan.model_dump_json()
    assert token[4:20] not in scan.model_dump_json()


def test_what_stood_there_before_is_not_new(scanner: Scanner) -> None:
    line = f"t = '{github_token()}'\n".encode()
    assert places(scanner.scan({"a.py": line}, {"a.py": b"# one\n# two\n" + line + b"x = 1\n"})) == set()


def test_another_credential_in_its_place_is_new(scanner: Scanner) -> None:
    before, after = (f"t = '{github_token(seed)}'\n".encode() for seed in (1, 2))
    assert places(scanner.scan({"a.py": b"\n" + before}, {"a.py": b"\n" + after})) == {("a.py", 2)}


def test_the_same_credential_in_another_file_is_new(scanner: Scanner) -> None:
    line = f"t = '{github_token()}'\n".encode()
    assert places(scanner.scan({"a.py": line}, {"a.py": line + b"#\n", "b.py": line})) == {("b.py", 1)}


HOSTILE = (
    "../../etc/cron.d/x", "/abs", "-rf", "--output=x", "a\nb", "a\x00b", "x" * 5000, "логин.py", "a b'\"$(id).py",
    "a/.git/config", "con", ".", "package-lock.json", "node_modules/x.min.js", "logo.png", "x.zip", "canary.txt",
)  # fmt: skip


def test_no_name_hides_a_file_or_reaches_a_program(scanner: Scanner) -> None:
    head = {path: f"slack = '{slack_token(seed)}'\n".encode() for seed, path in enumerate(HOSTILE)}
    assert places(scanner.scan({}, head)) == {(path, 1) for path in HOSTILE}


def test_an_unsafe_workflow_is_seen(scanner: Scanner) -> None:
    assert (WORKFLOW, 9) in places(scanner.scan({WORKFLOW: STEPS}, {WORKFLOW: STEPS + UNPINNED}))


def test_what_was_unsafe_before_is_not_new(scanner: Scanner) -> None:
    before, after = STEPS + UNPINNED, STEPS + b"      - run: make lint\n" + UNPINNED
    assert places(scanner.scan({WORKFLOW: before}, {WORKFLOW: after})) == set()


def test_it_says_that_it_is_ready(scanner: Scanner) -> None:
    assert scanner.check()
