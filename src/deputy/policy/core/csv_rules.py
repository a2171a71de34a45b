"""``policy.csv``, read strictly: Casbin itself fails open on a typo, so no line that isn't perfect gets near it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from deputy.domain.changes.globs import compile_glob
from deputy.domain.policy.decision import Action, ApprovalRequirement, Effect
from deputy.policy.conditions.conditions import ALWAYS
from deputy.policy.core.rules import Grant, Rule, patterns
from deputy.policy.files.problems import Problem, decode
from deputy.policy.files.requirements import NEED_FORM, ROLE, parse_requirements

FILE = "policy.csv"
RULE_FORM = "p, id, subject, repo, action, path, effect, need, when"
GRANT_FORM = "g, subject, role, repo"
USER = re.compile(r"user:[A-Z0-9]+/[A-Z0-9][A-Z0-9_]*\Z")
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
_WHEN = re.compile(r"(?:not:)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
# A rule without the last column always applies.
_RULE_COLUMNS, _GRANT_COLUMNS = (8, 9), (4,)


@dataclass(frozen=True)
class Lines:
    """What ``policy.csv`` says, and what is wrong with it."""

    rules: tuple[Rule, ...]
    grants: tuple[Grant, ...]
    problems: tuple[Problem, ...]


class _Flawed(Exception):
    """One field of a line is wrong: what, and what to write."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message, self.fix = message, fix


def read_lines(content: bytes) -> Lines:
    """Every rule and grant of the file; a flawed line is left out and reported."""
    text, problems = decode(FILE, content)
    rules: list[Rule] = []
    grants: list[Grant] = []
    found = list(problems)
    for number, fields in _split(text):
        try:
            match fields[0]:
                case "p":
                    rules.append(_rule(number, fields))
                case "g":
                    grants.append(_grant(number, fields))
                case kind:
                    found.append(Problem(FILE, number, f"a line of kind {kind!r}", "start the line with p or g"))
        except _Flawed as flawed:
            found.append(Problem(FILE, number, flawed.message, flawed.fix))
    return Lines(tuple(rules), tuple(grants), (*found, *_duplicates(rules)))


def _split(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip(" \t\r")
        if stripped and not stripped.startswith("#"):
            yield number, tuple(field.strip(" \t") for field in stripped.split(","))


def _rule(number: int, fields: tuple[str, ...]) -> Rule:
    _check_columns(fields, _RULE_COLUMNS, RULE_FORM)
    _, name, subject, repo, act, path, eft, need, when = (*fields, ALWAYS)[:9]
    if not _ID.match(name):
        raise _Flawed(f"id {name!r} is not a name", "write lower-case letters, digits and hyphens, such as d-secrets")
    _check_subject(subject)
    _check_repo(repo)
    action, effect = _action(act), _effect(eft)
    try:
        exact, folded = patterns(path, effect)
    except ValueError as error:
        raise _Flawed(str(error), "write a glob such as src/billing/** or **/.env*") from error
    needs = _needs(effect, need)
    if when != ALWAYS and not _WHEN.match(when):
        raise _Flawed(f"when {when!r} is no condition", "write its name of conditions.toml, not:name, or -")
    columns = (name, subject, repo, act, path, eft, need, when)
    return Rule(name, number, columns, subject, repo, action, path, effect, needs, exact, folded, when)


def _grant(number: int, fields: tuple[str, ...]) -> Grant:
    _check_columns(fields, _GRANT_COLUMNS, GRANT_FORM)
    _, member, role, repo = fields
    _check_subject(member)
    if not ROLE.match(role):
        raise _Flawed(f"{role!r} is given, but only roles can be given", "write a role such as role:engineer")
    _check_repo(repo)
    return Grant(number, member, role, repo)


def _check_columns(fields: tuple[str, ...], counts: tuple[int, ...], form: str) -> None:
    if len(fields) not in counts:
        expected = " or ".join(map(str, counts))
        raise _Flawed(f"{len(fields)} columns where a {fields[0]} line has {expected}", f"write {form}")
    if any(not field for field in fields):
        raise _Flawed("an empty column", f"write {form}; a rule without need has - there")
    odd = next((field for field in fields if not field.isprintable() or {'"', "'", " ", "\t"} & set(field)), None)
    if odd is not None:
        raise _Flawed(f"{odd!r} has quotes, spaces or invisible characters", "write the bare value, unquoted")


def _check_subject(subject: str) -> None:
    if not ROLE.match(subject) and not USER.match(subject):
        raise _Flawed(f"subject {subject!r} is neither a role nor a user", "write role:engineer or user:T0ACME/U0ALICE")


def _check_repo(repo: str) -> None:
    try:
        compile_glob(repo)
    except ValueError as error:
        raise _Flawed(str(error), "write a repository such as acme/shop, or acme/* or **") from error


def _action(text: str) -> Action:
    try:
        return Action(text)
    except ValueError as error:
        raise _Flawed(f"no such action as {text!r}", f"write one of {', '.join(Action)}") from error


def _effect(text: str) -> Effect:
    try:
        return Effect(text)
    except ValueError as error:
        raise _Flawed(f"no such effect as {text!r}", f"write one of {', '.join(Effect)}") from error


def _needs(effect: Effect, text: str) -> tuple[ApprovalRequirement, ...]:
    if effect is not Effect.REVIEW:
        if text != "-":
            raise _Flawed(f"need {text!r} on a rule that is no review", "write - as the need, or review as the effect")
        return ()
    try:
        return parse_requirements(text)
    except ValueError as error:
        reason = "a review that names nobody who could give it" if text == "-" else str(error)
        raise _Flawed(reason, f"write who must agree, such as {NEED_FORM}") from error


def _duplicates(rules: list[Rule]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for rule in rules:
        if rule.id in first:
            message = f"id {rule.id} is taken by line {first[rule.id]}"
            yield Problem(FILE, rule.line, message, "give each rule an id of its own: decisions are explained by it")
        first.setdefault(rule.id, rule.line)
