"""The real scanners, and programs that stand in for them and misbehave."""

import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from deputy.adapters.scanners import Scanners
from deputy.adapters.scanners.folders import _KINDS, run_folder
from deputy.adapters.scanners.programs.detect_secrets import DetectSecrets
from deputy.adapters.scanners.programs.kingfisher import FLAGS, Kingfisher, find_program
from deputy.adapters.scanners.programs.zizmor import Zizmor
from deputy.adapters.scanners.sealed_run import Bounds, Output, is_sealed, run
from deputy.domain.errors import Unavailable
from deputy.domain.review.scans import NOT_AUDITED, Scan
from tests.support.planted import github_token, private_key, slack_token, word
from tests.support.scanner_home import scanner_home

WORKFLOW = ".github/workflows/test.yml"
UNSAFE = b"""on: pull_request_target
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ github.event.pull_request.title }}"
"""
TOKEN = f"t = '{github_token()}'\n".encode()


@pytest.fixture
def scanners(tmp_path: Path) -> Scanners:
    return Scanners.at(scanner_home(tmp_path))


@pytest.fixture
def fallback(scanners: Scanners) -> Scanners:
    return replace(scanners, credential_scanners=scanners.credential_scanners[1:])


def with_program(scanners: Scanners, script: str, bounds: Bounds | None = None) -> Scanners:
    """Kingfisher replaced by a program of ours, alone."""
    program = scanners.home.parent / "stand-in"
    program.write_text(f"#!{sys.executable}\n{script}")
    program.chmod(0o755)
    return replace(
        scanners, credential_scanners=(Kingfisher(program, scanners.home / "rules", bounds or Bounds(seconds=30)),)
    )


def lines(scan: Scan, path: str) -> set[int]:
    return {sighting.line for sighting in scan.sightings if sighting.path == path}


# ---------------------------------------------------------------------------------------------------------- sight


def test_every_kind_of_file_is_looked_at(scanners: Scanners) -> None:
    head = {f"x.{kind}": f"t = '{github_token(seed)}'\n".encode() for seed, kind in enumerate(sorted(_KINDS))}
    scan = scanners.scan({}, head)
    assert {sighting.path for sighting in scan.sightings} == set(head)


def test_no_comment_or_encoding_hides_a_credential(scanners: Scanners, fallback: Scanners) -> None:
    text = TOKEN.decode().strip()
    silenced = "betterleaks:allow gitleaks:allow kingfisher:ignore nosec noqa pragma: allowlist secret"
    head = {
        "comment.py": f"{text}  # {silenced}\n".encode(),
        "above.py": f"# pragma: allowlist nextline secret\n{text}\n".encode(),
        "wide.txt": text.encode("utf-16"),
        "broken.txt": b"\xfa\xfb\n" + TOKEN,
        "marked.txt": b"\xff\xfe" + TOKEN,
        "marked-too.txt": b"\xfe\xff\n" + TOKEN,
        "bare.txt": text.encode("utf-16-le"),
        "binary.bin": b"\0\1\2\n" + TOKEN,
        "returns.txt": b"a\rb\r\n" + TOKEN,
    }
    for one in (scanners, fallback):
        scan = one.scan({}, head)
        assert {sighting.path for sighting in scan.sightings} == set(head)
        assert lines(scan, "returns.txt") == {2}
        assert github_token() not in scan.model_dump_json()


def test_a_key_that_changes_below_its_first_line_is_seen(scanners: Scanners) -> None:
    before, after = (f"# key\n{private_key(seed)}".encode() for seed in (1, 2))
    assert lines(scanners.scan({"k.txt": before}, {"k.txt": after}), "k.txt") == {2}
    assert scanners.scan({"k.txt": before}, {"k.txt": b"#\n" + before}).sightings == ()


def test_a_huge_file_is_looked_at_to_its_end(scanners: Scanners, fallback: Scanners) -> None:
    huge = b"x = 1  # nothing of interest\n" * 270_000
    for one in (scanners, fallback):
        scan = one.scan({"x.py": huge}, {"x.py": huge + TOKEN, "line.js": b"a" * 7_000_000})
        assert lines(scan, "x.py") == {270_001}
        assert not scan.failed


def test_the_fallback_sees_issued_formats_and_leaves_guesses_to_the_gate(fallback: Scanners) -> None:
    head = {"a.env": f"password: {word(20, 3)}\n{slack_token()}\nsha = {'ab12' * 10}\n".encode()}
    scan = fallback.scan({}, head)
    assert scan.scanners[0].startswith("detect-secrets ")
    assert lines(scan, "a.env") == {2}
    both = f"a = '{github_token(1)}'\nb = '{github_token(2)}'\n".encode()
    assert lines(fallback.scan({}, {"a.py": both}), "a.py") == {1, 2}


# ---------------------------------------------------------------------------------------------------------- workflows


def test_workflows_actions_and_tools_are_audited(scanners: Scanners) -> None:
    action = b"name: a\ndescription: b\nruns:\n  using: composite\n  steps:\n    - uses: acme/tool@v1\n"
    bot = b"version: 2\nupdates:\n- package-ecosystem: pip\n  directory: /\n  schedule: {interval: daily}\n"
    head = {
        WORKFLOW: UNSAFE,
        ".Forgejo/Workflows/Test.YAML": UNSAFE,
        "tools/setup/action.yaml": action,
        ".github/dependabot.yml": bot + b"  insecure-external-code-execution: allow\n",
    }
    found = {(sighting.path, sighting.rule) for sighting in scanners.scan({}, head).sightings}
    assert {(WORKFLOW, "template-injection"), (WORKFLOW, "dangerous-triggers")} <= found
    assert {(WORKFLOW, "excessive-permissions"), ("tools/setup/action.yaml", "unpinned-uses")} <= found
    assert {path for path, _ in found} == set(head)


def test_what_a_workflow_had_before_is_not_new_but_what_it_gets_is(scanners: Scanners) -> None:
    moved = UNSAFE.replace(b"    steps:\n", b"    steps:\n      - run: make\n")
    assert scanners.scan({WORKFLOW: UNSAFE}, {WORKFLOW: moved}).sightings == ()
    worse = UNSAFE.replace(b"title", b"body")
    assert [one.rule for one in scanners.scan({WORKFLOW: UNSAFE}, {WORKFLOW: worse}).sightings] == [
        "template-injection"
    ]


def test_a_comment_does_not_switch_an_audit_off(scanners: Scanners) -> None:
    ignored = UNSAFE.replace(b'title }}"', b'title }}"  # zizmor: ignore[template-injection]')
    head = {WORKFLOW: ignored, "zizmor.yml": b"rules: {template-injection: {disable: true}}\n"}
    assert "template-injection" in {sighting.rule for sighting in scanners.scan({}, head).sightings}


@pytest.mark.parametrize("content", [b"on: [\n", b"name: x\nfoo: 1\n", b"", b"\xff\xfe", b"a: &a [*a]\n"])
def test_a_workflow_that_cannot_be_read_is_named(scanners: Scanners, content: bytes) -> None:
    other = ".github/workflows/other.yml"
    scan = scanners.scan({}, {WORKFLOW: content, other: UNSAFE})
    assert {s.path for s in scan.sightings if s.rule == NOT_AUDITED} == {WORKFLOW}
    assert {s.path for s in scan.sightings if s.rule == "template-injection"} == {other}
    alone = scanners.scan({}, {WORKFLOW: content})
    assert [sighting.rule for sighting in alone.sightings] == [NOT_AUDITED]


def test_without_an_auditor_the_credentials_are_still_looked_for(scanners: Scanners) -> None:
    scan = replace(scanners, workflow_scanner=Zizmor(None)).scan({}, {WORKFLOW: UNSAFE, "a.py": TOKEN})
    assert scan.failed == ("zizmor: it is not installed",)
    assert lines(scan, "a.py") == {1}


# ---------------------------------------------------------------------------------------------------------- failing


def test_the_fallback_steps_in_and_the_scan_says_so(scanners: Scanners) -> None:
    missing = Kingfisher(scanners.home / "nowhere", scanners.home / "rules")
    for broken in (missing, replace(missing, program=None)):
        scan = replace(scanners, credential_scanners=(broken, *scanners.credential_scanners[1:])).scan(
            {}, {"a.py": TOKEN}
        )
        assert [reason.split(":")[0] for reason in scan.failed] == ["kingfisher"]
        assert [name.split()[0] for name in scan.scanners] == ["detect-secrets"]
        assert lines(scan, "a.py") == {1}


def test_when_nobody_can_look_the_scan_and_the_check_say_so(scanners: Scanners) -> None:
    none = replace(scanners, credential_scanners=(Kingfisher(None, scanners.home / "rules"), DetectSecrets(())))
    scan = none.scan({}, {"a.py": TOKEN})
    assert scan.scanners == ()
    assert scan.failed == ("kingfisher: it is not installed", "detect-secrets: it is not installed")
    with pytest.raises(Unavailable, match="Nobody can look for credentials"):
        none.check()


REPORT = '{"findings":[%s]}\n{"findings":%d,"blobs_scanned":%d,"kingfisher":{"version_used":"9"}}'
SEEN = '{"rule":{"id":"r","description":"d"},"finding":{"path":"%s","line":1,"snippet":"%s","confidence":"high"}}'
CANARY_SEEN = SEEN % ("canary.txt", "[REDACTED:ab]")


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("", "could not be read"),
        ("{}", "could not be read"),
        ("not json\nat all", "could not be read"),
        (REPORT % (CANARY_SEEN, 1, 2) + "\n{}", "could not be read"),
        (REPORT.replace('"findings":%d', '"findings":"%d"') % (CANARY_SEEN, 1, 2), "could not be read"),
        (REPORT % (CANARY_SEEN, 1, 1), "looked at 1 of 2 files"),
        (REPORT % (CANARY_SEEN, 2, 2), "looked at 2 of 2 files"),
        (REPORT % ("", 0, 2), "did not see the credential that was planted"),
        (REPORT % (f"{CANARY_SEEN},{SEEN % ('head/000000.py', 'in the clear')}", 2, 2), "did not redact"),
        (REPORT % (f"{CANARY_SEEN},{SEEN % ('../x', '[REDACTED:ab]')}", 2, 2), "names files that it was not given"),
    ],
)
def test_a_report_that_is_not_exactly_one_is_no_result(scanners: Scanners, output: str, why: str) -> None:
    scan = with_program(scanners, f"print('''{output}''', end='')").scan({}, {"a.py": TOKEN})
    assert scan.scanners == ()
    assert why in scan.failed[0]
    assert "in the clear" not in scan.model_dump_json()


def test_a_failing_program_is_no_result_and_its_words_are_not_passed_on(scanners: Scanners) -> None:
    scan = with_program(scanners, "import sys; print('hush'); sys.exit('hush')").scan({}, {"a.py": TOKEN})
    assert scan.failed == ("kingfisher: it ended with status 1",)


def test_a_hanging_program_is_killed_with_its_children(scanners: Scanners) -> None:
    note = scanners.home.parent / "child"
    script = f"""
import os, pathlib, subprocess, time
child = subprocess.Popen(["sleep", "300"])
pathlib.Path({str(note)!r}).write_text(str(child.pid))
time.sleep(300)
"""
    scan = with_program(scanners, script, Bounds(seconds=2)).scan({}, {"a.py": TOKEN})
    assert scan.failed == ("kingfisher: it took longer than 2 s",)
    assert_gone(int(note.read_text()))


def test_what_a_program_leaves_running_is_killed_too(scanners: Scanners) -> None:
    note = scanners.home.parent / "child"
    leave = "subprocess.Popen(['sleep', '300']).pid"
    script = f"import pathlib, subprocess; pathlib.Path({str(note)!r}).write_text(str({leave}))"
    with_program(scanners, script).scan({}, {"a.py": TOKEN})
    assert_gone(int(note.read_text()))


def assert_gone(process: int) -> None:
    """It is dead, even if nobody has collected it yet."""
    status = Path(f"/proc/{process}/stat")
    for _ in range(100):
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("it lives")


@pytest.mark.parametrize(
    "script",
    [
        "import sys\nwhile True: sys.stdout.write('x' * 1000000)",
        "x = b'x' * (8 * 1024**3)",
        "import ctypes; ctypes.string_at(0)",
    ],
)
def test_a_program_without_measure_is_no_result(scanners: Scanners, script: str) -> None:
    bounds = Bounds(seconds=30, memory=1024**3, file_size=8 * 1024**2)
    scan = with_program(scanners, script, bounds).scan({}, {"a.py": TOKEN})
    assert scan.scanners == ()
    assert len(scan.failed) == 1


# ---------------------------------------------------------------------------------------------------------- sealed


def outside(folder: Path, script: str) -> Output:
    program = folder / "program"
    program.write_text(f"#!{sys.executable}\n{script}")
    program.chmod(0o755)
    (folder / "in").mkdir(exist_ok=True)
    return run("program", [str(program)], folder, Bounds(seconds=30))


def test_a_program_gets_nothing_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "not for others")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    script = (
        "import os, sys; print(sorted(os.environ), os.getcwd(), repr(sys.stdin.read()), os.getsid(0) == os.getpid())"
    )
    out = outside(tmp_path, script).out.decode().strip()
    names = "['HOME', 'LANG', 'NO_COLOR', 'TMPDIR']"
    assert out.replace(", 'LC_CTYPE'", "") == f"{names} {tmp_path / 'in'} '' True"


@pytest.mark.skipif(not is_sealed(), reason="this kernel does not let us leave the network")
def test_a_program_reaches_no_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reached: list[bool] = []
        threading.Thread(target=lambda: reached.append(bool(server.accept())), daemon=True).start()
        script = f"import socket; socket.create_connection({server.getsockname()!r}, timeout=5)"
        assert outside(tmp_path, script).status != 0
        assert reached == []


@pytest.mark.skipif(not is_sealed() or not shutil.which("strace"), reason="needs strace")
def test_kingfisher_does_not_even_try(scanners: Scanners, tmp_path: Path) -> None:
    """The same report with a network, and no attempt to use it."""
    program, head = find_program(), {"a.py": TOKEN}
    assert program
    with run_folder(scanners.home) as folder:
        (folder / "in" / "a.py").write_bytes(TOKEN)
        argv = [str(program), *FLAGS, f"--rule-cache-dir={scanners.home / 'rules'}", "a.py"]
        traced = ["strace", "-f", "-qq", "-e", "trace=connect,sendto", "-o", str(tmp_path / "trace"), *argv]
        subprocess.run(traced, cwd=folder / "in", env={"HOME": str(folder)}, capture_output=True, check=False)
    assert "AF_INET" not in (tmp_path / "trace").read_text()
    assert lines(scanners.scan({}, head), "a.py") == {1}


# ---------------------------------------------------------------------------------------------------------- folders


def test_nothing_is_left_of_a_scan_and_leftovers_are_swept(scanners: Scanners) -> None:
    runs = scanners.home / "runs"
    scanners.scan({}, {"a.py": TOKEN, WORKFLOW: UNSAFE})
    with_program(scanners, "raise SystemExit(1)").scan({}, {"a.py": TOKEN})
    assert [*runs.iterdir()] == []
    old, young = runs / "run-old", runs / "run-young"
    old.mkdir()
    young.mkdir()
    os.utime(old, (0, 0))
    assert "kingfisher 2" in scanners.check()
    assert [*runs.iterdir()] == [young]


def test_the_folders_are_private_and_others_are_not_used(tmp_path: Path) -> None:
    scanners = Scanners.at(tmp_path / "new" / "scanners")
    scanners.scan({}, {})
    for folder in (scanners.home, scanners.home / "runs"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    scanners.home.chmod(0o750)
    scan = scanners.scan({}, {"a.py": TOKEN})
    assert scan.scanners == ()
    assert all("chmod" in reason or "keep compiled rules" in reason for reason in scan.failed)
    with pytest.raises(Unavailable):
        scanners.check()


def test_a_link_instead_of_the_rules_folder_is_refused(scanners: Scanners, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.move(scanners.home / "rules", elsewhere)
    (scanners.home / "rules").symlink_to(elsewhere)
    scan = scanners.scan({}, {"a.py": TOKEN})
    assert scan.failed[0].startswith("kingfisher:")
    assert scan.scanners[0].startswith("detect-secrets ")


def test_a_git_repository_around_the_home_hides_nothing(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("*\n")
    scan = Scanners.at(scanner_home(tmp_path / "node_modules")).scan({}, {"a.py": TOKEN, WORKFLOW: UNSAFE})
    assert lines(scan, "a.py") == {1}
    assert NOT_AUDITED not in {sighting.rule for sighting in scan.sightings}


def test_many_at_once_do_not_disturb_each_other(scanners: Scanners) -> None:
    seen: list[set[int]] = []
    look = lambda n: seen.append(lines(scanners.scan({}, {"a.py": b"\n" * n + TOKEN}), "a.py"))  # noqa: E731
    threads = [threading.Thread(target=look, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen, key=min) == [{1}, {2}, {3}]
