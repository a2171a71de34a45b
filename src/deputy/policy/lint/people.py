"""Roles: no circles, nobody asked for who can't be there."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from deputy.domain.policy.config import GateLevel
from deputy.domain.policy.decision import Action, ApprovalRequirement, Effect
from deputy.policy.core.csv_rules import FILE, Lines
from deputy.policy.core.engine import RuleEngine
from deputy.policy.core.rules import Grant, covers
from deputy.policy.files.problems import Doubt, Problem, doubtful
from deputy.policy.files.tables import Entries

# Casbin stops following roles after ten steps, without a word.
_DEEPEST = 8


def lint_people(lines: Lines) -> Iterator[Problem]:
    """Problems of grants, and roles that nobody has."""
    yield from _circles(lines.grants)
    yield from _nobody(lines)


def lint_needs(lines: Lines, gates: Entries[GateLevel], engine: RuleEngine, repos: Sequence[str]) -> Iterator[Problem]:
    """Needs that nobody could meet, or only the people who may not: those who ask."""
    asking = {repo: frozenset(user for user in engine.people if _may_ask(user, repo, engine)) for repo in repos}
    for rule in lines.rules:
        covered = [repo for repo in repos if rule.needs and covers(rule.repo, repo)]
        by_repo = {repo: asking[repo] & {*engine.spoken_of(rule, repo)} for repo in covered}
        yield from _unmet(FILE, rule.line, rule.needs, by_repo, engine)
    for name, level in gates.values.items():
        line = gates.problem("", "", "gate", name).line
        yield from _unmet(gates.file, line, level.needs, asking, engine)


def _unmet(
    file: str,
    line: int,
    needs: Sequence[ApprovalRequirement],
    asking: Mapping[str, AbstractSet[str]],
    engine: RuleEngine,
) -> Iterator[Problem]:
    for need in needs:
        for repo, users in asking.items():
            holders = engine.holders(need.role, repo)
            wanted = f"{need.role}={need.count}"
            if len(holders) < need.count:
                message = f"{wanted} can't be met in {repo}: {len(holders) or 'nobody'} of them there"
                yield doubtful(Doubt.UNMET, file, line, message, f"give {need.role} to more people, or ask for fewer")
            elif _only_themselves(need, holders, users):
                message = f"{wanted} can't be met in {repo}: who may ask for work there never counts for their own"
                yield doubtful(Doubt.SELF_APPROVAL, file, line, message, f"give {need.role} to somebody else, too")


def _only_themselves(need: ApprovalRequirement, holders: Sequence[str], asking: AbstractSet[str]) -> bool:
    """Whether nobody who asks leaves enough others to agree."""
    return bool(asking) and all(len(set(holders) - {user}) < need.count for user in asking)


def _may_ask(user: str, repo: str, engine: RuleEngine) -> bool:
    rules = engine.rules_for(user, repo, Action.REQUEST)
    return any(rule.effect is Effect.ALLOW for rule in rules)


def _nobody(lines: Lines) -> Iterator[Problem]:
    granted = {grant.role for grant in lines.grants}
    for rule in lines.rules:
        if rule.subject.startswith("role:") and rule.subject not in granted:
            message = f"nobody has {rule.subject}, so rule {rule.id} speaks of nobody"
            yield doubtful(Doubt.NOBODY, FILE, rule.line, message, f"add: g, user:…, {rule.subject}, {rule.repo}")
    for grant in lines.grants:
        if grant.member.startswith("role:") and grant.member not in granted:
            message = f"nobody has {grant.member}, so this line gives {grant.role} to nobody"
            yield doubtful(Doubt.NOBODY, FILE, grant.line, message, f"add: g, user:…, {grant.member}, …")


def has_circles(grants: Sequence[Grant]) -> bool:
    """Whether roles can't be followed to an end: then nobody can be asked what they may do."""
    return any(_circles(grants))


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
