"""Every shipped recipe, from a person's words to the changed files, in the real sandbox on the sample repositories."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.domain.policy.config import Limits, Recipe, RepoConfig
from deputy.domain.tasks.dialogue import CommandResult
from deputy.domain.tasks.request import TaskSpec
from deputy.intake import commands_for, parse
from deputy.ports import Sandbox, SandboxSpec, Tree
from tests.support.trees import tree_of

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[3]
REPOS = (RepoConfig(name="acme/shop", url="x"), RepoConfig(name="acme/site", url="x"))
RECIPES = {
    name: Recipe.model_validate({"name": name, **fields})
    for name, fields in tomllib.loads((ROOT / "policies" / "recipes.toml").read_text("utf-8"))["recipe"].items()
}
TASK = "D-REC1PES0"
TESTS = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")

Files = dict[str, str]


@dataclass(frozen=True)
class Ran:
    """A recipe's last command, and what it changed."""

    last: CommandResult
    written: Files

    @property
    def output(self) -> str:
        return self.last.output.decode()


def sample(name: str) -> Files:
    root = ROOT / "examples" / name
    paths = (path for path in sorted(root.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(root)): path.read_text("utf-8") for path in paths}


def tree(files: Files) -> Tree:
    return tree_of({path: (text.encode(), 0o644) for path, text in files.items()})


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[DockerSandboxes]:
    made = DockerSandboxes(owner="test-recipes")
    yield made
    made.sweep(lambda _: False)


@pytest.fixture
def ask(sandboxes: DockerSandboxes):
    def asked(text: str, files: Files, *, tests_pass: bool = False) -> Ran:
        with sandboxes.start(SandboxSpec(f"deputy-{TASK}-recipe", TASK, "", tree(files))) as sandbox:
            ran = carried_out(sandbox, text)
            if tests_pass:
                assert sandbox.run(TESTS).exit_code == 0
        return ran

    return asked


@pytest.fixture
def start_with(sandboxes: DockerSandboxes):
    """A sandbox for several requests that should change nothing."""

    def started(files: Files) -> Sandbox:
        return sandboxes.start(SandboxSpec(f"deputy-{TASK}-recipe", TASK, "", tree(files)))

    return started


def carried_out(sandbox: Sandbox, text: str) -> Ran:
    """Understand the request and run its recipe as the workflow does."""
    spec = parse(text, REPOS, tuple(RECIPES.values()), bot_user="U0DEPUTY", limits=Limits())
    assert isinstance(spec, TaskSpec)
    assert spec.recipe
    recipe = RECIPES[spec.recipe]
    for command in commands_for(recipe, spec.arguments):
        last = sandbox.run(command)
        if last.exit_code not in recipe.ok_codes:
            break
    delta = sandbox.delta()
    assert not delta.deleted
    return Ran(last, {file.path: file.content.decode() for file in delta.written})


def test_fix_lint_repairs_the_shop_and_touches_nothing_sensitive(ask):
    ran = ask("can you just fix the lint in `shop`", sample("shop"), tests_pass=True)
    assert ran.last.exit_code == 0, ran.output
    assert sorted(ran.written) == ["shop/cart.py", "shop/catalog.py", "shop/discounts.py", "shop/orders.py"]
    assert "import json" not in ran.written["shop/cart.py"]


def test_fix_lint_keeps_what_it_could_repair_when_problems_remain(ask):
    files = sample("shop") | {"shop/long.py": f"import os\n\nTEXT = '{'x' * 120}'\n"}
    ran = ask("fix the lint in shop", files)
    assert ran.last.exit_code == 1
    assert ran.last.exit_code in RECIPES["fix-lint"].ok_codes
    assert "import os" not in ran.written["shop/long.py"]


def test_fix_lint_with_a_broken_configuration_fails(ask):
    ran = ask("fix the lint in shop", sample("shop") | {"ruff.toml": "select = [\n"})
    assert ran.last.exit_code not in RECIPES["fix-lint"].ok_codes
    assert ran.written == {}


def test_format(ask):
    ran = ask("format the code in shop", {"pyproject.toml": "", "a.py": "x = {  'a':1 }\n"})
    assert ran.written == {"a.py": 'x = {"a": 1}\n'}


def test_sort_imports_does_that_and_no_more(ask):
    ran = ask("please sort the imports in acme/shop", sample("shop"), tests_pass=True)
    assert "shop/orders.py" in ran.written
    assert "import json" in ran.written["shop/cart.py"], "unused imports are not this recipe's work"


def test_upgrade_syntax(ask):
    ran = ask("upgrade the syntax in shop", sample("shop"), tests_pass=True)
    assert "products: list[Product] | None = None" in ran.written["shop/catalog.py"]


def test_update_snapshots(ask):
    files = sample("site")
    files["content/returns.md"] = files["content/returns.md"].replace("30 days", "60 days")
    ran = ask("update the snapshots in `site`", files, tests_pass=True)
    assert ran.last.exit_code == 0, ran.output
    assert list(ran.written) == ["tests/__snapshots__/test_pages.ambr"]
    assert "60 days" in ran.written["tests/__snapshots__/test_pages.ambr"]


def test_rename_a_method_across_the_shop(ask):
    ran = ask("rename `calc_total` to `total_due` across shop", sample("shop"), tests_pass=True)
    assert ran.last.exit_code == 0, ran.output
    assert sorted(ran.written) == ["shop/cart.py", "shop/orders.py", "tests/test_cart.py"]
    assert not any("calc_total" in text for text in ran.written.values())


def test_bump_a_pin_in_both_places(ask):
    ran = ask("bump requests to 2.32.3 in shop", sample("shop"))
    assert ran.last.exit_code == 0, ran.output
    assert sorted(ran.written) == ["pyproject.toml", "requirements.txt"]
    assert '"requests==2.32.3",' in ran.written["pyproject.toml"]
    assert "requests==2.32.3\n" in ran.written["requirements.txt"]


# -------------------------------------------------------------------------------------------------- rename, in depth

PACKAGE: Files = {
    "pkg/__init__.py": "from .core import load\n\n__all__ = ['load']\n",
    "pkg/core.py": (
        "def load(path: 'str') -> str:\n    return path\n\n\n"
        "def other(load=1):\n    return load\n\n\n"
        "class Box:\n    size = 1\n\n    def grow(self):\n        self.size += 1\n        return self\n"
    ),
    "pkg/use.py": (
        "import os\n\nimport pkg\nimport pkg.core as c\n"
        "from pkg import load as again\nfrom pkg.core import Box, load\n\n\n"
        "def go(make: 'load') -> None:\n    load('a')\n    again('b')\n    c.load('c')\n    pkg.load('d')\n"
        "    os.load = 1\n    print('load')\n\n\n"
        "def shadow():\n    load = 3\n    return load\n\n\n"
        "def boxes(box):\n    return Box().grow().size + box.size + os.size\n"
    ),
}


def renamed(ask, old: str, new: str, files: Files = PACKAGE) -> Ran:
    return ask(f"rename {old} to {new} in shop", files)


def test_a_function_is_followed_through_imports_aliases_and_exports(ask):
    ran = renamed(ask, "load", "read_in")
    assert ran.last.exit_code == 0, ran.output
    assert ran.written["pkg/__init__.py"] == "from .core import read_in\n\n__all__ = ['read_in']\n"
    assert ran.written["pkg/core.py"] == PACKAGE["pkg/core.py"].replace("def load(", "def read_in(")
    use = ran.written["pkg/use.py"]
    assert "from pkg import read_in as again" in use
    assert "from pkg.core import Box, read_in" in use
    assert "make: 'read_in'" in use
    assert "    read_in('a')\n    again('b')\n    c.read_in('c')\n    pkg.read_in('d')\n" in use
    assert "os.load = 1\n    print('load')" in use, "other things of the same name stay"
    assert "    load = 3\n    return load\n" in use


def test_an_attribute_is_renamed_except_on_foreign_modules(ask):
    ran = renamed(ask, "size", "volume")
    assert ran.last.exit_code == 0, ran.output
    assert "    volume = 1" in ran.written["pkg/core.py"]
    assert "self.volume += 1" in ran.written["pkg/core.py"]
    assert "Box().grow().volume + box.volume + os.size" in ran.written["pkg/use.py"]


REFUSED_RENAMES = [
    ("nothing", "x", 3, "defines nothing"),
    ("load", "other", 4, "means something else already in pkg.core"),
    ("load", "go", 4, "means something else already in pkg.use"),
    ("size", "grow", 4, "means something else already"),
    ("load", "class", 4, "Python itself"),
    ("load", "print", 4, "Python itself"),
    ("load", "load", 3, "the same"),
    ("path", "x", 5, "a parameter"),
]


def test_a_rename_that_would_break_something_writes_nothing_and_says_why(start_with):
    with start_with(PACKAGE) as sandbox:
        for old, new, code, says in REFUSED_RENAMES:
            ran = carried_out(sandbox, f"rename {old} to {new} in shop")
            assert (ran.last.exit_code, ran.written) == (code, {})
            assert says in ran.output


def test_two_definitions_of_a_name_are_ambiguous(ask):
    ran = renamed(ask, "main", "start", {"a.py": "def main(): ...\n", "b.py": "def main(): ...\n"})
    assert (ran.last.exit_code, ran.written) == (5, {})
    assert "a.main, b.main" in ran.output


def test_files_that_cannot_be_parsed_stay_and_are_named(ask):
    ran = renamed(ask, "one", "two", {"a.py": "one = 1\n", "broken.py": "def one(:\n"})
    assert ran.written == {"a.py": "two = 1\n"}
    assert "broken.py can't be parsed" in ran.output


# ---------------------------------------------------------------------------------------------------- bump, in depth

PINS: Files = {
    "requirements.txt": (
        "# pins\nFoo_Bar[x]==1.0 ; python_version > '3.8'  # keep\nfoo-bar-baz==1.0\nranged>=1\n-r more.txt\n"
    ),
    "requirements-dev.txt": "foo.bar == 1.0\n",
    "pyproject.toml": (
        '[project]\nname = "a"\ndependencies = ["foo-bar==1.0"]\n[dependency-groups]\ndev = ["foo-bar==1.0"]\n'
    ),
    "uv.lock": "",
    "notes.txt": "foo-bar==1.0\n",
}


def test_a_pin_is_moved_wherever_it_stands_and_nothing_else(ask):
    ran = ask("bump foo-bar to 2.1 in shop", PINS)
    assert ran.last.exit_code == 0, ran.output
    assert ran.written["requirements.txt"] == PINS["requirements.txt"].replace("Foo_Bar[x]==1.0", "Foo_Bar[x]==2.1")
    assert ran.written["requirements-dev.txt"] == "foo.bar == 2.1\n"
    assert ran.written["pyproject.toml"] == PINS["pyproject.toml"].replace("1.0", "2.1")
    assert len(ran.written) == 3
    assert "uv.lock is out of step" in ran.output


@pytest.mark.parametrize(
    ("files", "refused"),
    [
        (
            PINS,
            [("foo-ba", 3, "Did you mean foo-bar"), ("ranged", 3, 'not pinned with "=="'), ("nope", 3, "names nope")],
        ),
        (
            {"requirements.txt": "done==2.1\nhashed==1.0 --hash=sha256:00\n"},
            [("done", 3, "at 2.1 already"), ("hashed", 4, "hashes")],
        ),
        (
            {"pyproject.toml": "[project\n", "requirements.txt": "foo==1\n"},
            [("foo", 4, "pyproject.toml can't be read")],
        ),
    ],
)
def test_a_pin_that_cannot_be_moved_is_explained(start_with, files, refused):
    with start_with(files) as sandbox:
        for name, code, says in refused:
            ran = carried_out(sandbox, f"bump {name} to 2.1 in shop")
            assert (ran.last.exit_code, ran.written) == (code, {})
            assert says in ran.output
