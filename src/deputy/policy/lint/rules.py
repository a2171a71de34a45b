"""Rules that do nothing, or not what they seem to: beaten, repeated, alone, beside their target, or about no file.

A rule *reaches* another when it speaks of everybody that the other one speaks of, in every repository (through roles,
too), and always applies when the other one does: a rule under a condition reaches only rules under the same one.
"""

import re
from collections.abc import Iterator, Sequence

from deputy.domain.changes.folding import fold
from deputy.domain.policy.approval_requirements import merge_requirements, requirements_text
from deputy.domain.policy.decision import Action, Effect
from deputy.policy.core.containment import contained, overlapping, sample
from deputy.policy.core.csv_rules import FILE
from deputy.policy.core.engine import RuleEngine
from deputy.policy.core.index import PathIndex
from deputy.policy.core.rules import EVERYWHERE, HERE, Rule, covers
from deputy.policy.files.problems import Doubt, Problem, doubtful
from deputy.policy.repo_policy import REPO_POLICY_FILE, is_repo_rule_id

_ABOUT_EVERYTHING = frozenset({Action.QUERY_AUDIT, Action.EXPORT_AUDIT})
_ABOUT_FILES = frozenset({Action.EDIT, Action.READ, Action.ADD_DEPENDENCY, Action.CHANGE_CI, Action.CHANGE_PUBLIC_API})
_ABOUT_PATHS = _ABOUT_FILES | {Action.USE_NETWORK}
_HOSTS = re.compile(r"[a-z0-9_.*?-]+\Z")
_WILD = frozenset("*?")


def lint_rules(rules: Sequence[Rule], engine: RuleEngine, repos: Sequence[str]) -> Iterator[Problem]:
    """Warnings of what rules say of each other; ``repos`` are the names in ``repos.toml``."""
    yield from _reserved(rules)
    yield from _pathless(rules)
    yield from _hosts(rules)
    yield from _reading(rules)
    for action in Action:
        yield from _Rules([rule for rule in rules if rule.action is action], engine, repos).problems()


def _reserved(rules: Sequence[Rule]) -> Iterator[Problem]:
    for rule in rules:
        if is_repo_rule_id(rule.id):
            message = f"id {rule.id} is what rules of a repository's own {REPO_POLICY_FILE} are called"
            yield Problem(FILE, rule.line, message, "give the rule another id")


def _pathless(rules: Sequence[Rule]) -> Iterator[Problem]:
    for rule in rules:
        if rule.action not in _ABOUT_PATHS and not rule.matches(HERE, HERE):
            message = f"{rule.action} is about no file, so rule {rule.id} on {rule.path} never applies"
            yield doubtful(Doubt.NO_PATH, FILE, rule.line, message, "write ** as its path")


def _hosts(rules: Sequence[Rule]) -> Iterator[Problem]:
    for rule in rules:
        if rule.action is Action.USE_NETWORK and rule.path != "**" and not _HOSTS.match(rule.path):
            message = f"use-network is about hosts, and none is called {rule.path}, so rule {rule.id} never applies"
            fix = "write a host in lower case, such as pypi.org or *.example.org, or ** for every one"
            yield doubtful(Doubt.NO_PATH, FILE, rule.line, message, fix)


def _reading(rules: Sequence[Rule]) -> Iterator[Problem]:
    """What may not be read is said by deny: an allow of only some paths would look as if it hid the others."""
    for rule in rules:
        if rule.action is Action.READ and rule.effect is Effect.ALLOW and (rule.path != "**" or rule.is_conditional):
            message = f"rule {rule.id} allows reading of something, and that keeps nobody from reading the rest"
            yield Problem(FILE, rule.line, message, "allow read of ** always, and deny what may not be read")


class _Rules:
    """The rules about one action."""

    def __init__(self, rules: Sequence[Rule], engine: RuleEngine, repos: Sequence[str]) -> None:
        self._rules, self._engine = rules, engine
        self._spoken_of: dict[tuple[str, str], frozenset[tuple[str, str]]] = {}
        everywhere = (EVERYWHERE,) if rules and rules[0].action in _ABOUT_EVERYTHING else ()
        self._places = (*repos, *everywhere)
        self._indexes = {
            effect: PathIndex([rule for rule in rules if rule.effect is effect]) for effect in Effect if rules
        }

    def problems(self) -> Iterator[Problem]:
        """At most one warning for each rule: the gravest."""
        for rule in self._rules:
            problem = self._beaten(rule) or self._repeated(rule) or self._alone(rule) or self._beside(rule)
            if problem:
                yield problem

    def _beaten(self, rule: Rule) -> Problem | None:
        deny = next(self._wider(rule, Effect.DENY), None) if rule.effect is not Effect.DENY else None
        if deny is None:
            return None
        where = f"{deny.id} (line {deny.line})"
        if rule.effect is Effect.REVIEW and self._is_within(deny, rule):
            message = f"review {rule.id} and deny {where} say two things of the same people and paths; the deny wins"
            return doubtful(Doubt.CONTRADICTION, FILE, rule.line, message, "keep the one that is meant")
        message = f"{rule.effect} {rule.id} never applies: deny {where} covers everything it speaks of"
        fix = f"remove it, or narrow {deny.id}"
        return doubtful(Doubt.UNREACHABLE, FILE, rule.line, message, fix)

    def _repeated(self, rule: Rule) -> Problem | None:
        for wider in self._wider(rule, rule.effect):
            asks_as_much = merge_requirements((*rule.needs, *wider.needs)) == wider.needs
            is_first = rule.line < wider.line and merge_requirements((*rule.needs, *wider.needs)) == rule.needs
            if asks_as_much and not (is_first and self._is_within(wider, rule)):
                message = f"{rule.effect} {rule.id} adds nothing: {wider.id} (line {wider.line}) says the same or more"
                return doubtful(Doubt.SHADOWED, FILE, rule.line, message, f"remove it, or narrow {wider.id}")
        return None

    def _alone(self, rule: Rule) -> Problem | None:
        if rule.effect is not Effect.REVIEW or not self._people(rule):
            return None
        if any(self._can_refine(rule, allow) for allow in self._rules if allow.effect is Effect.ALLOW):
            return None
        who = requirements_text(rule.needs)
        message = f"no rule allows what review {rule.id} is about, so it refuses instead of asking {who}"
        fix = f"add: p, …, {rule.subject}, {rule.repo}, {rule.action}, {rule.path}, allow, -"
        return doubtful(Doubt.LONE_REVIEW, FILE, rule.line, message, fix)

    def _beside(self, rule: Rule) -> Problem | None:
        folder = _literal_start(rule.path)
        if rule.effect is Effect.DENY or not folder:
            return None
        for deny in self._indexes[Effect.DENY].matching(folder):
            # What follows the folder is out of the deny's reach, or the rule would have been beaten.
            if self._speaks_too(deny, rule) and not self._path_within(rule, deny):
                denies = f"deny {deny.id} (line {deny.line})"
                message = f"{denies} forbids {folder} but not all that {rule.id} means below it"
                fix = f"write {folder}/** there, if the whole folder is meant"
                return doubtful(Doubt.NEAR_MISS, FILE, rule.line, message, fix)
        return None

    def _wider(self, rule: Rule, effect: Effect) -> Iterator[Rule]:
        """Other rules of an effect that reach this one and cover all of its paths, in file order."""
        for other in self._indexes[effect].matching(sample(rule.path)):
            if other is not rule and self._is_within(rule, other):
                yield other

    def _is_within(self, rule: Rule, other: Rule) -> bool:
        return self._speaks_too(other, rule) and self._path_within(rule, other)

    def _speaks_too(self, other: Rule, rule: Rule) -> bool:
        """Whether ``other`` reaches ``rule``."""
        if other.is_conditional and other.when != rule.when:
            return False
        places = [repo for repo in self._places if covers(rule.repo, repo)]
        return (
            bool(places)
            and contained(rule.repo, other.repo)
            and all(other.subject in {rule.subject, *self._engine.roles(rule.subject, repo)} for repo in places)
        )

    def _path_within(self, rule: Rule, other: Rule) -> bool:
        if contained(rule.path, other.path):
            return True
        # Denials and reviews also meet what folds onto them; allows don't.
        return other.effect is not Effect.ALLOW and contained(fold(rule.path), fold(other.path))

    def _people(self, rule: Rule) -> frozenset[tuple[str, str]]:
        """The users a rule speaks of, each with the repository."""
        key = (rule.subject, rule.repo)
        if key not in self._spoken_of:
            places = [repo for repo in self._places if covers(rule.repo, repo)]
            self._spoken_of[key] = frozenset(
                (user, repo) for repo in places for user in self._engine.spoken_of(rule, repo)
            )
        return self._spoken_of[key]

    def _can_refine(self, review: Rule, allow: Rule) -> bool:
        return overlapping(review.path, allow.path) and not self._people(review).isdisjoint(self._people(allow))


def _literal_start(path: str) -> str:
    """The folder that a glob begins at, ``infra/prod`` of ``infra/prod/*.tf``; empty when there is none."""
    segments = path.split("/")
    wild = next((number for number, segment in enumerate(segments) if _WILD & set(segment)), None)
    return "/".join(segments[:wild]) if wild else ""
