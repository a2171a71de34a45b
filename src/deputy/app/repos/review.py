"""Correcting what a survey found: plain questions, one a line, that work over a pipe as in a terminal."""

import shlex
import sys
from collections.abc import Iterator

import typer

from deputy.app.output import say
from deputy.domain.errors import BadInput
from deputy.domain.policy.config import Check
from deputy.domain.text.visible import visible
from deputy.environments import Finding, Proposal, Topic

_ASKED = (Topic.SETUP, Topic.CHECKS, Topic.HIDDEN)
_DROP = "-"
_KINDS = ("tests", "lint", "types", "other")


def corrected(proposal: Proposal) -> Proposal:
    """The proposal as a person wants it: each setup command, check and hidden path kept, dropped or retyped."""
    say("\nEnter keeps a line, - drops it, anything else takes its place.")
    findings: list[Finding] = []
    for topic in Topic:
        about = proposal.about(topic)
        if topic not in _ASKED:
            findings += about
            continue
        findings += (kept for number, each in enumerate(about, 1) if (kept := _asked(each, f"{number}/{len(about)}")))
        if topic is Topic.CHECKS:
            findings += _more_checks({finding.check.name for finding in findings if finding.check})
    return Proposal(findings=tuple(findings))


def is_wanted(question: str) -> bool:
    """A yes or no; yes when nothing is typed."""
    while (answer := _ask(f"{question} [Y/n]").casefold()) not in {"", "y", "yes", "n", "no"}:
        say("Please type y or n.")
    return answer in {"", "y", "yes"}


def _asked(finding: Finding, number: str) -> Finding | None:
    name = f"check {finding.check.name}" if finding.check else finding.topic.value
    while True:
        answer = _ask(f"  {name} {number}  {finding.text}")
        if answer == _DROP:
            return None
        if not answer:
            return finding
        if finding.topic is Topic.HIDDEN:
            return finding.model_copy(update={"text": answer, "why": "as typed"})
        if run := _words(answer):
            each = finding.check.model_copy(update={"run": run}) if finding.check else None
            kept = {"run": run} if each is None else {"check": each}
            return finding.model_copy(update={"text": shlex.join(run), "why": "as typed", "file": "", **kept})


def _more_checks(taken: set[str]) -> Iterator[Finding]:
    while (command := _ask("  one more check? its command, or Enter for none")) not in {"", _DROP}:
        run = _words(command)
        if not run:
            continue
        kind = _one_of("    kind (tests, lint, types or other)", _KINDS)
        free = next(name for name in (kind, *(f"{kind}-{number}" for number in range(2, 99))) if name not in taken)
        while (name := _ask(f"    name, or Enter for {free}") or free) in taken:
            say(f"    {name} is there already. Please type another name.")
        globs = tuple(_ask("    globs of its test files, such as tests/**").split()) if kind == "tests" else ()
        taken.add(name)
        each = Check(name=name, kind=kind, run=run, tests=globs)
        yield Finding(topic=Topic.CHECKS, text=shlex.join(run), why="as typed", check=each)


def _one_of(question: str, words: tuple[str, ...]) -> str:
    while (answer := _ask(question)) not in words:
        say(f"    Please type one of {', '.join(words)}.")
    return answer


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        say(f"    That is no command: {str(error).lower()}. Try again.")
        return ()


def _ask(question: str) -> str:
    """One line of an answer, without blanks around it; ``BadInput`` when there are no more."""
    try:
        answer: str = typer.prompt(visible(question), default="", show_default=False, prompt_suffix=": ")
    except typer.Abort:
        todo = "answer every question, or use --yes to take what was found"
        raise BadInput("nothing was written", "the answers ended before the questions did", todo) from None
    if not sys.stdin.isatty():
        say(answer)  # what comes over a pipe is not echoed by a terminal, and the next question wants a new line
    return answer.strip()
