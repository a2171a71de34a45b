"""``deputy policy …``: lint, test, explain."""

from pathlib import Path
from typing import Annotated

import typer

from deputy.adapters.policies import read_folder
from deputy.app.output import AsJson, say, say_json
from deputy.app.settings import load_settings
from deputy.domain.errors import BadInput
from deputy.domain.values import Action, Effect
from deputy.policy import explain as explain_decision
from deputy.policy import lint as lint_files
from deputy.policy import load, run_cases

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
            [{"file": p.file, "line": p.line, "severity": str(p.severity), "message": p.message} for p in problems]
        )
    else:
        for problem in problems:
            say(str(problem))
        say("The policy is sound." if not problems else f"{len(problems)} findings.")
    if any(str(problem.severity) == "error" for problem in problems):
        raise typer.Exit(1)


@app.command("test")
def run_tests(policies: Folder = None, as_json: AsJson = False) -> None:
    """Run the cases in the bundle's tests folder."""
    files = _files(policies)
    results = run_cases(load(files), files)
    failed = [result for result in results if not result.passed]
    if as_json:
        say_json([{"file": r.file, "case": r.number, "passed": r.passed, "failure": r.failure} for r in results])
    else:
        for result in failed:
            say(f"failed: {result.file} case {result.number}: {result.failure}")
        say(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    if failed:
        raise typer.Exit(1)


@app.command()
def explain(
    user: Annotated[str, typer.Argument(help="For example user:T0ACME/U0ALICE")],
    repo: Annotated[str, typer.Argument(help="For example acme/shop")],
    action: Annotated[str, typer.Argument(help="For example edit")],
    paths: Annotated[list[str] | None, typer.Argument(help="Paths in the repository")] = None,
    policies: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Say what policy answers, and by which rules. Exit status 1 for a denial."""
    try:
        asked = Action(action)
    except ValueError:
        known = ", ".join(known.value for known in Action)
        raise BadInput(f"there is no action {action}", "", f"use one of {known}") from None
    decision = load(_files(policies)).decide(user, repo, asked, paths or [])
    if as_json:
        say_json(decision.model_dump(mode="json"))
    else:
        say(explain_decision(decision))
    if decision.effect is Effect.DENY:
        raise typer.Exit(1)
