"""A rename leaves a repository as tidy as it was, and its docstrings and stubs true; in the real sandbox image."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.domain.tasks.dialogue import CommandResult
from deputy.ports import Sandbox, SandboxSpec, Tree
from tests.support.trees import tree_of

pytestmark = pytest.mark.docker

SITE = Path(__file__).parents[3] / "examples" / "site"
TASK = "D-REN4ME50"
TOOL = ("python", "/opt/deputy/tools/rename_symbol.py")
LINT = ("ruff", "check", "--no-cache", ".")
FORMAT = ("ruff", "format", "--no-cache", "--check")
PYTEST = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")

Files = dict[str, str]


def tree(files: Files) -> Tree:
    return tree_of({path: (text.encode(), 0o644) for path, text in files.items()})


def sample_site() -> Files:
    paths = (path for path in sorted(SITE.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(SITE)): path.read_text("utf-8") for path in paths}


@dataclass
class Renamed:
    """What the tool said, what it wrote, and what else can be asked of the sandbox."""

    sandbox: Sandbox
    tool: CommandResult
    written: Files

    def passes(self, command: tuple[str, ...]) -> bool:
        return self.sandbox.run(command).exit_code == 0


Rename = Callable[[str, str, Files], Renamed]


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[DockerSandboxes]:
    made = DockerSandboxes(owner="test-rename-sorted")
    yield made
    made.sweep(lambda _: False)


@pytest.fixture
def rename(sandboxes: DockerSandboxes) -> Iterator[Rename]:
    started: list[Sandbox] = []

    def renamed(old: str, new: str, files: Files) -> Renamed:
        sandbox = sandboxes.start(SandboxSpec(f"deputy-{TASK}-{len(started)}", TASK, "", tree(files)))
        started.append(sandbox)
        tool = sandbox.run((*TOOL, old, new))
        return Renamed(sandbox, tool, {file.path: file.content.decode() for file in sandbox.delta().written})

    yield renamed
    for sandbox in started:
        sandbox.close()


def test_the_sites_lint_stays_clean_and_its_tests_pass(rename):
    done = rename("title_of", "page_title", sample_site())
    assert done.tool.exit_code == 0, done.tool.output
    assert sorted(done.written) == ["site_gen/pages.py", "tests/test_pages.py"]
    assert "from site_gen.pages import page_title, render\n" in done.written["tests/test_pages.py"]
    assert done.passes(LINT)
    assert done.passes(PYTEST)


SORTED = "from lib import alpha, beta\n\nprint(alpha, beta)\n"
LIB = "def alpha():\n    return 1\n\n\ndef beta():\n    return 2\n"
RUFF = '[lint]\nselect = ["I"]\n'


def test_a_sorted_file_is_sorted_afterwards(rename):
    done = rename("alpha", "gamma", {"ruff.toml": RUFF, "lib.py": LIB, "a.py": SORTED})
    assert done.written["a.py"] == "from lib import beta, gamma\n\nprint(gamma, beta)\n"


def test_unsorted_files_stay_unsorted(rename):
    text = "import sys\nimport os\nfrom lib import alpha\n\nprint(alpha, os, sys)\n"
    done = rename("alpha", "gamma", {"ruff.toml": RUFF, "lib.py": LIB, "b.py": text})
    assert done.written["b.py"] == text.replace("alpha", "gamma")


def test_the_repositorys_own_order_counts(rename):
    own = '[lint]\nselect = ["I"]\n[lint.isort]\nforce-single-line = true\nlength-sort = true\n'
    text = "from lib import beta\nfrom lib import alpha\n\nprint(alpha, beta)\n"
    done = rename("beta", "longest", {"ruff.toml": own, "lib.py": LIB, "a.py": text})
    assert done.written["a.py"] == "from lib import alpha\nfrom lib import longest\n\nprint(alpha, longest)\n"
    assert done.passes(LINT)


def test_a_configuration_that_asks_for_repairs_changes_nothing_else(rename):
    own = 'fix = true\nfix-only = true\n[lint]\nselect = ["I", "F"]\n'
    text = "import sys\nimport os\nfrom lib import alpha\n\nprint(alpha)\n"
    done = rename("alpha", "gamma", {"ruff.toml": own, "lib.py": LIB, "b.py": text})
    assert done.written["b.py"] == text.replace("alpha", "gamma")


def test_only_files_that_were_formatted_are_formatted(rename):
    call = "print(alpha(), beta(), alpha(), beta(), alpha(), beta(), alpha(), beta())"
    good = f"from lib import alpha, beta\n\n{call}\n"
    bad = f"from lib import alpha, beta\n\nx = {{  'a':1 }}\n{call}\n"
    done = rename("alpha", "a_much_longer_name", {"ruff.toml": "", "lib.py": LIB, "good.py": good, "bad.py": bad})
    assert "\n    a_much_longer_name(),\n" in done.written["good.py"]
    assert done.passes((*FORMAT, "good.py"))
    assert "x = {  'a':1 }" in done.written["bad.py"]


def test_a_configuration_that_ruff_cannot_read_leaves_all_as_it_is(rename):
    done = rename("alpha", "zzz", {"ruff.toml": "select = [\n", "lib.py": LIB, "a.py": SORTED})
    assert done.tool.exit_code == 0, done.tool.output
    assert done.written["a.py"] == SORTED.replace("alpha", "zzz")


def test_without_ruff_the_rename_is_all_there_is(sandboxes):
    files = {"ruff.toml": RUFF, "lib.py": LIB, "a.py": SORTED}
    with sandboxes.start(SandboxSpec(f"deputy-{TASK}-bare", TASK, "", tree(files))) as sandbox:
        python = "/opt/deputy/venv/bin/python"
        done = sandbox.run(("env", "PATH=/usr/bin:/bin", python, TOOL[1], "alpha", "zzz"))
        written = {file.path: file.content.decode() for file in sandbox.delta().written}
    assert done.exit_code == 0, done.output
    assert written["a.py"] == SORTED.replace("alpha", "zzz")


DOCUMENTED = '''\
"""Rates. Use :func:`rate`, not :func:`other.rate` or rate of interest."""


def rate(number):
    """What `rate` says; ``lib.rate()`` is the same, str.rate is not.

    >>> rate(2)  # rate of two
    4
    >>> print('rate', lib.rate(1), other.rate, dict(rate=1))
    """
    return number * 2


def own():
    """
    >>> rate = 3
    >>> rate
    3
    """
    return "rate"


class Sandbox:
    """``rate``."""

    def grow(self):
        """
        >>> Sandbox().grow().grow()
        """
        return self
'''


def test_examples_and_quoted_names_in_docstrings_follow(rename):
    done = rename("rate", "price", {"lib.py": DOCUMENTED})
    text = done.written["lib.py"]
    assert "Use :func:`price`, not :func:`other.rate` or rate of interest." in text
    assert "What `price` says; ``lib.price()`` is the same, str.rate is not." in text
    assert ">>> price(2)  # rate of two" in text
    assert ">>> print('rate', lib.price(1), other.rate, dict(rate=1))" in text
    assert ">>> rate = 3\n    >>> rate\n" in text, "an example with a rate of its own"
    assert 'return "rate"' in text
    done = rename("grow", "wax", {"lib.py": DOCUMENTED})
    assert ">>> Sandbox().wax().wax()" in done.written["lib.py"]


def test_stubs_and_star_imports_go_along(rename):
    files = {
        "pkg/__init__.py": "from .core import *\n",
        "pkg/core.py": "__all__ = ['load']\n\n\ndef load(path):\n    return path\n",
        "pkg/core.pyi": "__all__ = ['load']\n\ndef load(path: str) -> str: ...\n",
        "use.py": "import pkg\nfrom pkg import load\n\npkg.load(load(1))\n",
    }
    done = rename("load", "fetch", files)
    assert done.tool.exit_code == 0, done.tool.output
    assert done.written == {path: text.replace("load", "fetch") for path, text in files.items() if "load" in text}


def test_what_only_a_stub_defines_is_not_ours_to_rename(rename):
    done = rename("load", "fetch", {"fast.pyi": "def load() -> int: ...\n", "use.py": "from fast import load\n"})
    assert (done.tool.exit_code, done.written) == (3, {})
