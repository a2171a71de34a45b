"""Roles: no circles, nobody asked for who can't be there."""

from collections.abc import Iterator, Mapping, Sequence

from deputy.domain.config import GateLevel
from deputy.domain.values import Need
from deputy.policy.engine import Engine
from deputy.policy.lines import FILE, Lines
from deputy.policy.problems import Level, Problem
from deputy.policy.rules import Grant, covers
from deputy.policy.tables import Entries

# Casbin stops following roles after ten steps, without a word.
_DEEPEST = 8


def lint_people(lines: Lines, gates: Entries[GateLevel], repos: Sequence[str]) -> Iterator[Problem]:
    """Problems of grants, of roles that nobody has, and of needs that nobody could meet."""
    circles = list(_circles(lines.grants))
    yield from circles
    if circles:
        return
    yield from _nobody(lines)
    engine = Engine(lines.rules, lines.grants, repos)
    for rule in lines.rules:
        covered = [repo for repo in repos if covers(rule.repo, repo)]
        yield from _unmet(FILE, rule.line, rule.needs, covered, engine)
    for name, level in gates.values.items():
        yield from _unmet(gates.file, gates.problem("", "", "gate", name).line, level.needs, repos, engine)


def _unmet(file: str, line: int, needs: Sequence[Need], repos: Sequence[str], engine: Engine) -> Iterator[Problem]:
    for need in needs:
        for repo in repos:
            holders = len(engine.holders(need.role, repo))
            if holders < need.count:
                message = f"{need.role}={need.count} can't be met in {repo}: {holders or 'nobody'} of them there"
                fix = f"give {need.role} to more people, or ask for fewer"
                yield Problem(file, line, message, fix, Level.WARNING)


def _nobody(lines: Lines) -> Iterator[Problem]:
    granted = {grant.role for grant in lines.grants}
    for rule in lines.rules:
        if rule.subject.startswith("role:") and rule.subject not in granted:
            message = f"nobody has {rule.subject}, so rule {rule.id} speaks of nobody"
            yield Problem(FILE, rule.line, message, f"add: g, user:…, {rule.subject}, {rule.repo}", Level.WARNING)
    for grant in lines.grants:
        if grant.member.startswith("role:") and grant.member not in granted:
            message = f"nobody has {grant.member}, so this line gives {grant.role} to nobody"
            yield Problem(FILE, grant.line, message, f"add: g, user:…, {grant.member}, …", Level.WARNING)


def _circles(grants: Sequence[Grant]) -> Iterator[Problem]:
    above: dict[str, set[str]] = {}
    for grant in grants:
        above.setdefault(grant.member, set()).add(grant.role)
    for grant in grants:
        depth = _depth(grant.member, above)
        if depth > _DEEPEST:
            message = f"the roles of {grant.member} go in a circle or more than {_DEEPEST} steps up"
            yield Problem(FILE, grant.line, message, "give roles to people more directly")


def _depth(member: str, above: Mapping[str, set[str]]) -> int:
    """How many steps of roles are above a member, counted no further than one beyond what is permitted."""
    layer, depth = {member}, 0
    while depth <= _DEEPEST and (layer := {role for each in layer for role in above.get(each, ())}):
        depth += 1
    return depth
