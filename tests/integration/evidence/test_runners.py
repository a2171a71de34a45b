"""What real runners print when a test fails, and when it can't start, by themselves and through make."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deputy.domain.policy.config import Check
from deputy.domain.review.evidence import CheckPhase, CheckResult
from deputy.domain.tasks.dialogue import CommandResult
from deputy.evidence import is_worth_repeating, judge_check

PYTEST, UNITTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider"), ("-m", "unittest")
GOOD = "import unittest\nclass Good(unittest.TestCase):\n    def test_good(self): pass\n"
FAILING = "import unittest\nclass Bad(unittest.TestCase):\n    def test_bad(self): self.assertEqual(1, 2)\n"
RAISING = "import unittest\nclass Bad(unittest.TestCase):\n    def test_bad(self): 1 / 0\n"
UNLOADED = "from nowhere_at_all import helper\n" + FAILING
UNREADY = FAILING.replace("    def test_bad", "    @classmethod\n    def setUpClass(cls): 1 / 0\n    def test_bad")
TESTS = Check(name="tests", run=("run",), kind="tests")

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="there is no Node")


def _run(folder: Path, *argv: str) -> CheckResult:
    env = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(argv, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    result = CommandResult(argv, done.returncode, done.stdout, 0, 1.0)
    return judge_check(TESTS, CheckPhase.BEFORE, result, "log")


def _written(folder: Path, second: str) -> Path:
    (folder / "test_good.py").write_text(GOOD)
    (folder / "test_second.py").write_text(second)
    return folder


@pytest.mark.parametrize("through", ["", pytest.param("make", marks=needs_make)])
@pytest.mark.parametrize("runner", [PYTEST, (*PYTEST, "-n2"), (*PYTEST, "-x"), UNITTEST], ids=" ".join)
@pytest.mark.parametrize(
    ("second", "failed", "unloaded"), [(FAILING, 1, 0), (RAISING, 1, 0), (UNLOADED, 0, 1), (UNREADY, 0, 0)]
)
def test_python(tmp_path: Path, second: str, failed: int, unloaded: int, runner: tuple[str, ...], through: str) -> None:
    folder = _written(tmp_path, second)
    (folder / "Makefile").write_text(f"test:\n\t{' '.join((sys.executable, *runner))}\n")
    judged = _run(folder, *(("make", "test") if through else (sys.executable, *runner)))
    assert (judged.passed, judged.failures, judged.failed_tests, judged.unloaded) == (False, 1, failed, unloaded)
    assert is_worth_repeating(TESTS, judged) is not bool(unloaded)


@needs_node
@pytest.mark.parametrize("reporter", ["tap", "spec"])
@pytest.mark.parametrize(("head", "failed", "unloaded"), [("", 1, 0), ("require('./nowhere');", 0, 1)])
def test_node(tmp_path: Path, head: str, failed: int, unloaded: int, reporter: str) -> None:
    body = "const test = require('node:test'); test('good', () => {});"
    (tmp_path / "good.test.js").write_text(body)
    (tmp_path / "bad.test.js").write_text(f"{head} {body} test('bad', () => {{ throw new Error('x'); }});")
    judged = _run(tmp_path, "node", "--test", f"--test-reporter={reporter}")
    assert (judged.passed, judged.failed_tests, judged.unloaded) == (False, failed, unloaded)
