"""The import contracts hold, and each of them breaks when it is broken."""

import ast
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter.configuration import configure
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract
from importlinter.contracts.protected import ProtectedContract

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/deputy"
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
TYPES = {
    "acyclic_siblings": AcyclicSiblingsContract,
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "layers": LayersContract,
    "protected": ProtectedContract,
}
PURE = (
    "intake",
    "policy",
    "gates",
    "approvals",
    "evidence",
    "audit",
    "agent",
    "insights",
    "scheduling",
    "environments",
    "domain",
)
VENDORS = {
    "slack_bolt": "adapters.slack",
    "slack_sdk": "adapters.slack",
    "docker": "adapters.sandbox",
    "openai": "adapters.llm",
    "git": "adapters.repos",
    "sqlmodel": "adapters.store",
    "sqlalchemy": "adapters.store",
    "alembic": "adapters.store",
    "apscheduler": "adapters.timers",
    "casbin": "policy.core.engine",
    "dbos": "flow.engine",
}
# Reading the clock, the disk or the terminal without an import that a contract would see.
IMPURE_CALLS = {"open", "input", "print", "now", "utcnow", "today", "fromtimestamp", "__import__", "eval", "exec"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    configure()  # import-linter's own settings, which its command makes
    return grimp.build_graph("deputy", "deputy_playground", include_external_packages=True, cache_dir=None)


def broken(graph: grimp.ImportGraph, importer: str, imported: str) -> set[str]:
    """The names of the contracts that one more import would break."""
    changed = deepcopy(graph)
    if imported not in changed.modules:
        changed.add_module(imported, is_squashed=True)
    importer = importer if importer.startswith("deputy_") else f"deputy.{importer}"
    changed.add_import(importer=importer, imported=imported, line_number=1, line_contents="")
    return {contract["name"] for contract in CONFIG["contracts"] if not _is_kept(changed, contract)}


def _is_kept(graph: grimp.ImportGraph, options: dict[str, Any]) -> bool:
    session = {"root_packages": ["deputy", "deputy_playground"], "include_external_packages": "True"}
    as_text = {key: str(value) if isinstance(value, bool) else value for key, value in options.items()}
    contract = TYPES[options["type"]](options["name"], session, as_text)
    return contract.check(deepcopy(graph), verbose=False).kept


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_stays_in_its_adapter(graph: grimp.ImportGraph, vendor: str) -> None:
    home = VENDORS[vendor]
    elsewhere = "adapters.store.artifacts.blobs" if home != "adapters.store" else "adapters.repos.mail"
    (guard,) = (c["name"] for c in CONFIG["contracts"] if vendor in c.get("protected_modules", ()))
    assert broken(graph, elsewhere, vendor) == {guard}
    assert broken(graph, home, vendor) == set()


@pytest.mark.parametrize("room", PURE)
@pytest.mark.parametrize("module", ["os", "pathlib", "time", "random", "logging", "socket", "subprocess"])
def test_a_pure_room_touches_no_system(graph: grimp.ImportGraph, room: str, module: str) -> None:
    assert broken(graph, room, module) == {"Pure rooms touch no system"}


@pytest.mark.parametrize(
    ("importer", "imported", "name"),
    [
        ("domain.tasks.task", "deputy.policy.bundle", "Imports go down only"),
        ("gates.readability.size", "deputy.policy.bundle", "Imports go down only"),
        ("adapters.slack.posting.chat", "deputy.flow.state.services", "Imports go down only"),
        ("flow.state.services", "deputy.adapters.store.store", "Imports go down only"),
        ("adapters.slack.posting.chat", "deputy.adapters.store.store", "Adapters do not know each other"),
        ("app.composition.wiring", "deputy_playground.site", "Nothing knows the playground"),
        ("deputy_playground.site", "deputy.flow.state.services", "The playground knows nothing of Deputy"),
        ("flow.state.services", "deputy.flow.runs.work", "No cycles between modules or folders"),
        (
            "adapters.sandbox.guest.relay",
            "deputy.domain.errors",
            "What runs inside a container imports nothing outside its folder",
        ),
    ],
)
def test_rooms_keep_their_distance(graph: grimp.ImportGraph, importer: str, imported: str, name: str) -> None:
    assert name in broken(graph, importer, imported)


def test_every_room_has_its_place() -> None:
    layers = next(contract for contract in CONFIG["contracts"] if contract["type"] == "layers")
    rooms = {room.strip() for layer in layers["layers"] for room in layer.split("|")}
    assert layers["exhaustive"] is True
    assert rooms == {path.stem for path in SOURCE.iterdir() if path.name[0] not in "_." and path.name != "py.typed"}
    pure = next(c for c in CONFIG["contracts"] if c["name"] == "Pure rooms touch no system")
    assert set(pure["source_modules"]) == {f"deputy.{room}" for room in (*PURE, "ports")}


def test_the_database_driver_is_named_but_never_imported() -> None:
    # SQLAlchemy loads it by the name in the URL, so no contract could see it.
    assert "psycopg" not in {name for path in SOURCE.rglob("*.py") for name in _imports(path)}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_does_not_read_the_clock_or_the_disk(room: str) -> None:
    assert [call for path in (SOURCE / room).rglob("*.py") for call in _impure_calls(path.read_text())] == []


def test_impure_calls_are_seen() -> None:
    assert list(_impure_calls("from datetime import datetime\ndatetime.now()\nopen('x')")) == ["now", "open"]


def _impure_calls(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name in IMPURE_CALLS:
                yield name
