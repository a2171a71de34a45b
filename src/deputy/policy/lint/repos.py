"""Repositories: names and aliases that can't be confused, globs that are globs, and rules that mean one of them."""

import re
from collections.abc import Iterator

from deputy.domain.changes.globs import compile_glob
from deputy.domain.policy.config import Check, RepoConfig
from deputy.policy.core.csv_rules import FILE, Lines
from deputy.policy.core.rules import EVERYWHERE, covers
from deputy.policy.files.problems import Doubt, Problem, doubtful
from deputy.policy.files.tables import Entries
from deputy.policy.lint.environments import is_outside, lint_environment

KINDS = ("tests", "lint", "types", "other")
_NAME = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+\Z")
_ALIAS = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)?\Z")


def lint_repos(repos: Entries[RepoConfig], lines: Lines) -> Iterator[Problem]:
    """Problems of ``repos.toml``, and of the repository columns of ``policy.csv``."""
    yield from _aliases(repos)
    for repo in repos.values.values():
        if not _NAME.match(repo.name):
            yield repos.problem(
                f"{repo.name!r} is not a full name", "write owner/name, such as acme/shop", "repo", repo.name
            )
        if not repo.url:
            yield repos.problem("url is empty", "write what git can clone", "repo", repo.name, "url")
        yield from _globs(repos, repo)
        yield from _checks(repos, repo)
        yield from lint_environment(repos, repo)
    for line, pattern in _columns(lines):
        yield from _mentioned(line, pattern, tuple(repos.values))


def _aliases(repos: Entries[RepoConfig]) -> Iterator[Problem]:
    taken: dict[str, str] = {}
    for repo in repos.values.values():
        for name in (repo.name, *repo.aliases):
            if not _ALIAS.match(name):
                fix = "write letters, digits, dots, hyphens"
                yield repos.problem(f"{name!r} can't be a name in a request", fix, "repo", repo.name, "aliases")
            owner = taken.setdefault(name.casefold(), repo.name)
            if owner != repo.name or (name != repo.name and repo.aliases.count(name) > 1):
                fix = "give each repository names of its own"
                yield repos.problem(f"{name!r} already means {owner}", fix, "repo", repo.name)


def _globs(repos: Entries[RepoConfig], repo: RepoConfig) -> Iterator[Problem]:
    tests = (glob for check in repo.checks for glob in check.tests)
    for key, pattern in [*(("hidden", glob) for glob in repo.hidden), *(("tests", glob) for glob in tests)]:
        try:
            compile_glob(pattern)
        except ValueError as error:
            yield repos.problem(str(error), "write a glob such as secrets/**", "repo", repo.name, key)


def _checks(repos: Entries[RepoConfig], repo: RepoConfig) -> Iterator[Problem]:
    for number, check in enumerate(repo.checks):
        for message, fix in _check(check):
            yield repos.problem(f"check {check.name!r}: {message}", fix, "repo", repo.name, "checks", number)
    names = [check.name for check in repo.checks]
    for name in {name for name in names if names.count(name) > 1}:
        yield repos.problem(f"two checks are called {name!r}", "give each its own name", "repo", repo.name, "checks")


def _check(check: Check) -> Iterator[tuple[str, str]]:
    if not check.name:
        yield "it has no name", "write name = …"
    if not check.run or not all(check.run):
        yield "run is empty or has an empty word", "write the command as a list of words"
    if check.kind not in KINDS:
        yield f"no such kind as {check.kind!r}", f"write one of {', '.join(KINDS)}"
    if check.tests and check.kind != "tests":
        yield "only a check of kind tests has test globs", 'remove tests, or write kind = "tests"'
    if check.timeout <= 0:
        yield f"timeout {check.timeout} leaves no time", "write seconds, such as 300"
    if check.report and (is_outside(check.report) or not check.report.endswith((".xml", ".tap"))):
        fix = "write a path of the workspace that ends in .xml (JUnit) or .tap, such as report.xml"
        yield f"{check.report!r} is no report that is read", fix


def _columns(lines: Lines) -> Iterator[tuple[int, str]]:
    yield from ((rule.line, rule.repo) for rule in lines.rules)
    yield from ((grant.line, grant.repo) for grant in lines.grants)


def _mentioned(line: int, pattern: str, names: tuple[str, ...]) -> Iterator[Problem]:
    if any(covers(pattern, name) for name in (*names, EVERYWHERE)):
        return
    is_wild = "*" in pattern or "?" in pattern
    message, fix = f"{pattern!r} is no repository of repos.toml", "correct it, or add the repository to repos.toml"
    yield doubtful(Doubt.NO_REPO, FILE, line, message, fix) if is_wild else Problem(FILE, line, message, fix)
