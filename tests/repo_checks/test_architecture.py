"""docs/architecture.md shows the rooms, ports and vendors that the code has; the glossary names modules that exist."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import deputy.ports
from deputy.domain.events import EventName
from deputy.flow.workflows import QUEUES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text()
GLOSSARY = (ROOT / "docs/glossary.md").read_text()
PREFIX = "Vendor: "


def section(title: str) -> str:
    """A page's section, without those below it."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def vendor_rows() -> Iterator[str]:
    """The table's rows, from the import contracts."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    for contract in contracts:
        if contract["name"].startswith(PREFIX):
            packages = ", ".join(f"`{name}`" for name in contract["protected_modules"])
            places = ", ".join(f"`{_place(name)}`" for name in contract["allowed_importers"])
            yield f"| {contract['name'].removeprefix(PREFIX)} | {packages} | {places} |"


def _place(module: str) -> str:
    """A module or folder as the page writes it: without the package when it is Deputy's own."""
    path = module.replace(".", "/")
    name = f"{path}.py" if (ROOT / f"src/{path}.py").is_file() else path
    return name.removeprefix("deputy/")


def test_the_vendors_are_those_of_the_import_contracts() -> None:
    table = [line for line in section("Vendors").splitlines() if line.startswith("|")][2:]
    expected = list(vendor_rows())
    assert table == expected, "write these rows into docs/architecture.md:\n" + "\n".join(expected)


def test_every_room_is_listed() -> None:
    listed = set(re.findall(r"^\| \[`(\w+)`\]", section("Rooms"), re.MULTILINE))
    assert listed == {path.name for path in (ROOT / "src/deputy").iterdir() if (path / "__init__.py").is_file()}


def test_every_folder_of_the_workflows_is_named() -> None:
    stages = {path.name for path in (ROOT / "src/deputy/flow").iterdir() if (path / "__init__.py").is_file()}
    assert {name for name in stages if f"`{name}`" not in section("Rooms")} == set()


def test_the_listed_ports_exist() -> None:
    cells = re.findall(r"^\| (`[^|]+) \|", section("Ports"), re.MULTILINE)
    listed = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert {name for name in listed if not hasattr(deputy.ports, name)} == set()
    fields = (ROOT / "src/deputy/flow/state/services.py").read_text()
    needed = set(re.findall(r"^    \w+: (?:Callable\[\[\], )?([A-Z]\w+)\]?$", fields, re.MULTILINE))
    assert needed <= listed


def test_the_sequence_names_events_and_workflows_that_exist() -> None:
    steps = section("A request, step by step")
    events = set(re.findall(r"\b[a-z-]+(?::[a-z-]+)+\b", steps.partition("sequenceDiagram")[2]))
    assert len(events) > 10
    assert events <= {name.value for name in EventName}
    assert set(re.findall(r"\b(?:handle|run)_\w+", steps)) <= set(QUEUES)


def test_the_words_of_the_glossary_lead_to_where_they_are_defined() -> None:
    rows = re.findall(r"^\| \*\*([^*]+)\*\* \|.*\| (?:\[`([\w.]+)`\]\(\.\./([\w/.]+)\)|–) \|$", GLOSSARY, re.MULTILINE)
    assert len(rows) == len(re.findall(r"^\| \*\*", GLOSSARY, re.MULTILINE)) > 25
    missing = [
        (word, symbol)
        for word, symbol, path in rows
        if path.endswith(".py") and not re.search(rf"\b{symbol}\b", (ROOT / path).read_text())
    ]
    assert missing == []
    assert [word for word, _, _ in rows] == sorted((word for word, _, _ in rows), key=str.lower)
