"""CONTRIBUTING.md names files and folders that exist, and says how each part is checked."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
PATH = re.compile(r"(?:src|tests|docs|policies|deploy)/[\w./-]+|\w+\.(?:toml|md)")
# Spans of code, and the lines of blocks of code.
CODE = [
    *re.findall(r"(?<!`)`([^`\n]+)`(?!`)", PAGE),
    *(line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()),
]


def test_the_files_and_folders_exist() -> None:
    words = {word for code in CODE for word in code.partition("#")[0].split()}
    paths = {word for word in words if PATH.fullmatch(word)}
    assert len(paths) > 30
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_each_part_says_how_it_is_checked() -> None:
    parts = [part for part in PAGE.split("\n## ") if part.startswith("Adding")]
    assert len(parts) >= 6
    assert [part.splitlines()[0] for part in parts if "Check: `" not in part] == []
