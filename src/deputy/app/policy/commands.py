"""``deputy policy …``: lint, test, explain, and (``policy_changes``) diff and simulate."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from deputy.adapters.policies import read_folder
from deputy.app.output import AsJson, say, say_json
from deputy.app.policy import changes as policy_changes
from deputy.app.settings import load_settings
from deputy.domain.errors import BadInput
from deputy.domain.policy.decision import Action, Effect
from deputy.policy import Level, Problem, SuppliedFacts, load, run_cases
from deputy.policy import explain as explain_decision
from deputy.policy import lint as lint_files

app = typer.Typer(help="Check and try out policies.", no_args_is_help=True)
Folder = Annotated[Path | None, typer.Option("--policies", help="The bundle; DEPUTY_POLICIES if left out.")]


def _files(folder: Path | None) -> dict[str, bytes]:
    return read_folder(folder or load_settings().deputy_policies)


@app.command()
def lint(policies: Folder = None, as_json: AsJson = False) -> None:
    """Say what is wrong or doubtful, by file and line. Exit status 1 when the bundle can't be loaded."""
    problems = lint_files(_files(policies))
    if as_json:
        say_json(
            [
                {
                    "file": p.file,
                    "line": p.line,
                    "severity": str(p.severity),
                    "kind": p.doubt,
                    "message": p.message,
                    "fix": p.fix,
                }
                for p in problems
            ]
        )
    else:
        for problem in problems:
            say(str(problem))
        say(_summary(problems))
    if any(problem.severity is Level.ERROR for problem in problems):
        raise typer.Exit(1)


def _summary(problems: Sequence[Problem]) -> str:
    errors = sum(problem.severity is Level.ERROR for problem in problems)
    if not problems:
        return "The policy is sound."
    counts = f"{_count(errors, 'error')}, {_count(len(problems) - errors, 'warning')}"
    return f"{counts}: the policy {'can not be' if errors else 'can be'} loaded."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@app.command("test")
def run_tests(policies: Folder = None, as_json: AsJson = False) -> None:
    """Run the cases in the bundle's tests folder."""
    files = _files(policies)
    results = run_cases(load(files), files)
    failed = [result for result in results if not result.passed]
    if as_json:
        say_json(
            [
                {"file": r.file, "line": r.line, "case": r.number, "passed": r.passed, "failure": r.failure}
                for r in results
            ]
        )
    else:
        for result in failed:
            why = f" ({result.case.why})" if result.case.why else ""
            say(f"failed: {result.file}:{result.line} case {result.number}{why}: {result.failure}")
        say(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    if failed:
        raise typer.Exit(1)


@app.command()
def explain(
    user: Annotated[str, typer.Argument(help="For example user:T0ACME/U0ALICE")],
    repo: Annotated[str, typer.Argument(help="For example acme/shop")],
    action: Annotated[str, typer.Argument(help="For example edit")],
    paths: Annotated[list[str] | None, typer.Argument(help="Paths in the repository")] = None,
    *,
    kind: Annotated[str | None, typer.Option(help="Suppose this kind of work, for example fix.")] = None,
    channel: Annotated[str | None, typer.Option(help="Suppose this channel, for example C0SHOP.")] = None,
    at: Annotated[str | None, typer.Option(help="Suppose this time, for example 2026-12-18T18:30:00+01:00.")] = None,
    lines: Annotated[int | None, typer.Option(min=0, help="Suppose a patch of so many lines.")] = None,
    files: Annotated[int | None, typer.Option(min=1, help="Suppose a patch of so many files.")] = None,
    budget: Annotated[str | None, typer.Option(help="Suppose this budget class, for example standard.")] = None,
    policies: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Say what policy answers, and by which rules. Exit status 1 for a denial.

    What isn't supposed is taken to be harmless, as before work begins, and where it matters the answer says so.
    """
    asked = tuple(paths or ())
    given = _given(kind=kind, channel=channel, at=at, lines=lines, files=files, budget=budget)
    facts = given.facts(asked).model_copy(update={"is_early": True})
    decision = load(_files(policies)).decide(user, repo, _action(action), asked, facts)
    if as_json:
        say_json(decision.model_dump(mode="json"))
    else:
        say(explain_decision(decision))
    if decision.effect is Effect.DENY:
        raise typer.Exit(1)


def _action(name: str) -> Action:
    try:
        return Action(name)
    except ValueError:
        known = ", ".join(known.value for known in Action)
        raise BadInput(f"there is no action {name}", "", f"use one of {known}") from None


def _given(**facts: str | int | None) -> SuppliedFacts:
    try:
        return SuppliedFacts.model_validate_json(json.dumps(facts))
    except ValidationError as error:
        first = error.errors()[0]
        option, why = first["loc"][0], first["msg"][:1].lower() + first["msg"][1:]
        todo = "write a time with its zone, such as 2026-12-18T18:30:00+01:00" if option == "at" else "correct it"
        raise BadInput(f"--{option} can't be used", why, todo) from None


policy_changes.register(app)
