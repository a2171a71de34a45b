"""Every benchmark runs, at the smallest size, and says what it found."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import boxes
from benchmarks.catalog import BENCHMARKS
from benchmarks.measuring import Comparison, Series, Setting, in_turns
from benchmarks.report import lines
from benchmarks.rivals import DRIVER, MINI, REX, Rivals, rivals

SOURCE = Path(__file__).parents[3]
NEED = {True: pytest.mark.docker, False: ()}


@pytest.mark.parametrize("name", [pytest.param(b.name, marks=NEED[b.needs_engine]) for b in BENCHMARKS])
def test_a_benchmark_runs(name: str, tmp_path: Path) -> None:
    benchmark = next(each for each in BENCHMARKS if each.name == name)
    found = benchmark.measure(Setting(tmp_path, repeat=1, is_tiny=True))
    assert found
    assert all(seconds > 0 for each in found for seconds in (*each.ours.seconds, *each.baseline.seconds))
    told = "\n".join(lines(benchmark, found))
    assert told.count("ratio ") == len(found)


def test_rivals_that_cannot_be_installed_are_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "cache"), "UV_NO_CONFIG": "1"}.items():
        monkeypatch.setenv(name, value)
    with rivals(Setting(tmp_path, repeat=1)) as found:
        assert not found.names
        (note,) = found.notes
    assert note.startswith("mini-swe-agent and swe-rex were not measured: ")


def test_a_rival_that_fails_is_told_and_the_other_goes_on() -> None:
    command = [sys.executable, "-P", str(DRIVER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        others = Rivals({MINI: "x", REX: "x"}, process)
        for name, package in ((MINI, "minisweagent"), (REX, "swerex")):  # neither is installed here
            with pytest.raises(
                AssertionError, match=f"{name} start x: ModuleNotFoundError: No module named '{package}"
            ):
                others.start(name)
        process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.docker
def test_a_sandbox_that_was_not_waiting_is_not_taken_for_one() -> None:
    with boxes.start(boxes.sandboxes(), {}) as box, pytest.raises(AssertionError, match="was started anew"):
        boxes.check_waited(box)


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "benchmarks", *words]
    return subprocess.run(command, check=False, cwd=SOURCE, capture_output=True, text=True, timeout=120)


def test_the_command_line_and_its_json(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    done = run("--only", "policy", "--repeat", "2", "--tiny", "--json", str(file))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Machine: cores ")
    told = json.loads(file.read_text())
    plain, conditional = told["benchmarks"]["policy"]
    for policy in (plain, conditional):
        assert len(policy["ours"]["all"]) == len(policy["baseline"]["all"]) == 2
        assert policy["ratio"] == pytest.approx(policy["ours"]["median"] / policy["baseline"]["median"])
    assert "kernel" in told["machine"]


def test_an_unknown_benchmark_is_named() -> None:
    done = run("--only", "warp-drive")
    assert done.returncode == 2
    assert "warp-drive" in done.stderr


def test_sides_take_turns() -> None:
    order: list[str] = []

    def side(name: str) -> list[float]:
        order.append(name)
        return [float(len(order))]

    assert in_turns(3, lambda: side("ours"), lambda: side("bare")) == [(1.0, 4.0, 5.0), (2.0, 3.0, 6.0)]
    assert order == ["ours", "bare", "bare", "ours", "ours", "bare"]


def test_figures() -> None:
    series = Series("x", (4.0, 1.0, 3.0, 2.0))
    assert (series.median, series.quantile(0), series.quantile(1), series.quantile(0.5)) == (2.5, 1.0, 4.0, 2.5)
    assert series.quartiles == (1.75, 3.25)
    found = Comparison(series, Series("y", (5.0,)))
    assert (found.ratio, found.difference) == (0.5, -2.5)


def test_every_benchmark_is_documented() -> None:
    text = (SOURCE / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert [each.name for each in BENCHMARKS if f"\n| `{each.name}` | " not in text] == []
