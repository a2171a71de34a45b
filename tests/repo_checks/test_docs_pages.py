"""What can be set, typed, read in the trail or become of a task is documented, and nothing else is."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from pydantic import SecretStr

from deputy.adapters.store.rows.guards import _POSTGRES, _SQLITE
from deputy.app.cli import loaded
from deputy.app.settings import Settings
from deputy.audit import GENESIS, parse_query, seal
from deputy.domain.events import Event, EventName
from deputy.domain.review.gates import GateName
from deputy.domain.tasks.status import TRANSITIONS, TaskStatus, is_final
from deputy.flow.requests.commands import HANDLERS, HELP
from deputy.flow.workflows import QUEUES
from deputy.gates import GATES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])


def rows(page: str) -> dict[str, list[str]]:
    """The tables' rows whose first cell begins with code: that code, and the other cells."""
    text = (DOCS / page).read_text()
    found = re.findall(r"^\| `([^`]+)`[^|]*\|(.*)\|$", text, re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in found}


# ---------------------------------------------------------------------------------------------------------- settings


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(rows("settings.md")) == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_default_of_a_setting_is_right(name: str) -> None:
    default = Settings.model_fields[name].default
    said = rows("settings.md")[name.upper()][0]
    text = default.get_secret_value() if isinstance(default, SecretStr) else default
    assert said == (f"`{str(text).lower() if isinstance(text, bool) else text}`" if text != "" else "")


# ---------------------------------------------------------------------------------------------------------- commands


def commands(command: click.Command, name: str = "deputy") -> Iterator[tuple[str, click.Command]]:
    """Every command of the command line, with its whole name."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
    for word, child in (inner or {}).items():
        yield from commands(child, f"{name} {word}")


COMMANDS = dict(commands(loaded()))


def documented() -> dict[str, list[str]]:
    """The documented commands of the terminal, without the names of their arguments."""
    return {re.sub(r" [\[A-Z].*", "", usage): rest for usage, rest in rows("commands.md").items() if usage[0] != "/"}


def test_every_command_is_documented_and_no_other() -> None:
    assert set(documented()) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_options_of_a_command_are_documented(name: str) -> None:
    options = {word for parameter in COMMANDS[name].params for word in parameter.opts if word.startswith("--")}
    assert set(re.findall(r"`(--[a-z-]+)`", documented()[name][-1])) == options


def test_every_slash_command_is_documented_and_in_its_help() -> None:
    said = {usage.split()[1] for usage in rows("commands.md") if usage.startswith("/deputy ")}
    assert said == set(HANDLERS)
    assert {name for name in HANDLERS if f"`/deputy {name}" in HELP} == set(HANDLERS) - {"help"}


def test_what_the_pages_tell_to_type_exists() -> None:
    told = {
        (page.name, found)
        for page in PAGES
        for found in re.findall(r"(?:^|[\s`/])deputy ([a-z]+(?: [a-z]+)?)", _code(page.read_text()), re.MULTILINE)
    }
    first = {name.split()[1] for name in COMMANDS} | set(HANDLERS)
    groups = {"policy", "task", "audit"}
    unknown = {
        (page, words)
        for page, words in told
        if words.split()[0] not in first
        or (words.split()[0] in groups and len(words.split()) > 1 and f"deputy {words}" not in COMMANDS)
    }
    assert unknown == set()


def _code(text: str) -> str:
    """Only what stands in code: blocks and spans."""
    return "\n".join(re.findall(r"```(?:sh)?\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))


# ---------------------------------------------------------------------------------------------------------- audit


def test_every_event_is_documented_and_no_other() -> None:
    said = {name for name in rows("audit.md") if re.fullmatch(r"[a-z-]+(:[a-z-]+)+", name)}
    assert said - {"name:vote:cast"} == {name.value for name in EventName}


def test_an_event_that_nobody_writes_is_marked() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "src/deputy").rglob("*.py") if path.name != "story.py")
    silent = {name.value for name in EventName if f"EventName.{name.name}" not in source}
    assert silent == {name for name, cells in rows("audit.md").items() if cells[0].startswith("reserved")}


@pytest.mark.parametrize(
    "word", [word for word in rows("audit.md") if re.match(r"(task|actor|since|limit|name):", word)]
)
def test_the_words_of_a_query_work(word: str) -> None:
    if word not in set(EventName):
        parse_query(word)


def test_the_refused_statements_are_the_guarded_ones() -> None:
    guarded = " ".join([*_SQLITE.values(), *_POSTGRES.values()])
    assert all(word in guarded for word in ("UPDATE", "DELETE", "TRUNCATE", "INSERT"))


@pytest.mark.parametrize(("spoil", "said"), [(None, "intact"), (2, "row 2 is not what was written")])
def test_the_outsiders_program_verifies(tmp_path: Path, spoil: int | None, said: str) -> None:
    program = re.findall(r"```python\n(.*?)```", (DOCS / "audit.md").read_text(), re.DOTALL)[0]
    (tmp_path / "verify.py").write_text(program)
    prev, lines = GENESIS, []
    for seq in range(1, 5):
        event = Event(name=EventName.VOTE_CAST, at=datetime(2026, 1, seq, tzinfo=UTC), actor="user:T0ACME/U0SAM")
        row = seal(event, seq, prev, {})
        prev = row.hash
        body = row.body.replace("U0SAM", "U0BOB") if seq == spoil else row.body
        lines.append(json.dumps({"seq": row.seq, "prev": row.prev, "hash": row.hash, "body": body}))
    done = subprocess.run(
        [sys.executable, tmp_path / "verify.py"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert said in done.stdout + done.stderr
    assert (done.returncode == 0) is (spoil is None)


# ---------------------------------------------------------------------------------------------------- architecture


def test_every_workflow_is_documented_and_no_other() -> None:
    said = {name for name, cells in rows("architecture.md").items() if len(cells) == 3}
    assert said == set(QUEUES)


def test_the_picture_of_statuses_is_the_table() -> None:
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", (DOCS / "architecture.md").read_text(), re.MULTILINE))
    anywhere = {TaskStatus.CANCELLED, TaskStatus.FAILED}
    assert drawn == {(a.value, b.value) for a, every in TRANSITIONS.items() for b in every - anywhere}
    assert all(anywhere <= every for status, every in TRANSITIONS.items() if not is_final(status))


def test_every_gate_is_documented_and_no_other() -> None:
    said = {name for name, cells in rows("gates.md").items() if len(cells) == 3}
    assert said == set(GATES) == {name.value for name in GateName}


def test_every_attack_names_tests_that_exist() -> None:
    text = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    exist = set(re.findall(r"^def (test_\w+)\(", text, re.MULTILINE))
    page = (DOCS / "attacks.md").read_text()
    table = re.findall(r"^\| (?!attempt|---)[^|]*\|([^|]*)\|([^|]*)\|$", page, re.MULTILINE)
    assert len(table) >= 38
    assert {name for _, tests in table for name in re.findall(r"`(test_\w+)`", tests)} <= exist
    assert all("`test_" in tests or "no test" in tests or "not stopped" in stops for stops, tests in table)


# ---------------------------------------------------------------------------------------------------------- pages


def test_every_page_is_in_the_index() -> None:
    index, decisions = (DOCS / "README.md").read_text(), (DOCS / "adr/README.md").read_text()
    assert all(f"({page.name})" in index for page in DOCS.glob("*.md") if page.name != "README.md")
    assert all(f"({page.name})" in decisions for page in (DOCS / "adr").glob("[0-9]*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in {_anchor(title) for title in re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)}


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", sorted((DOCS / "adr").glob("[0-9]*.md")), ids=lambda page: page.stem[:4])
def test_a_decision_is_short_and_whole(page: Path) -> None:
    text = page.read_text()
    assert len(text.splitlines()) <= 40
    assert re.match(rf"# {int(page.stem[:4])}\. ", text)
    assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequences"))


def test_the_rules_for_working_on_this_fit_a_page_and_name_commands_that_exist() -> None:
    text = (ROOT / "AGENTS.md").read_text()
    assert len(text.splitlines()) <= 50
    for row in re.findall(r"^\| [^|-][^|]*\| ([^|]*`[^|]*) \|$", text, re.MULTILINE):
        for path in re.findall(r"tests/[\w/.]+", row):
            assert (ROOT / path).exists(), path
        for program in re.findall(r"\.venv/bin/([\w-]+)", row):
            assert program in {"lint-imports", "pytest", "mypy", "ruff", "deputy"}
