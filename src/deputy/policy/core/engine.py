"""Casbin, asked for what it is good at: roles in repositories, and which rules speak of whom, where and what.

Paths are matched by our own index (``policy.index``): Casbin would evaluate every rule for every path. An engine is
built once per bundle and never changed: Casbin's reloading is unsafe under threads.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from threading import Lock
from types import MappingProxyType
from typing import cast

import casbin

from deputy.domain.changes.folding import fold
from deputy.domain.policy.config import Condition
from deputy.domain.policy.decision import Action, Effect
from deputy.domain.policy.facts import UNKNOWN, Facts
from deputy.policy.conditions.conditions import ALWAYS, applies, judge, name_of
from deputy.policy.conditions.counting import EvaluationContext
from deputy.policy.core.rules import EVERYWHERE, Grant, Rule, covers, flaw, patterns
from deputy.policy.files.model import MODEL


class RuleEngine:
    """The rules and grants of one bundle. ``repos`` are the names it may be asked about, beside ``EVERYWHERE``.

    ``conditions`` are what the rules' ``when`` names, by name.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        grants: Sequence[Grant],
        repos: Iterable[str],
        conditions: Mapping[str, Condition] = MappingProxyType({}),
    ) -> None:
        resolved = (replace(rule, condition=conditions.get(name_of(rule.when))) for rule in rules)
        self._rules = {rule.id: rule for rule in resolved}
        self._repos = frozenset({*repos, EVERYWHERE})
        self._members = frozenset(grant.member for grant in grants)
        self._subjects = self._members | {rule.subject for rule in rules}
        self._roles: dict[tuple[str, str], frozenset[str]] = {}
        # Casbin's role manager fills caches while it answers.
        self._lock = Lock()
        self._enforcer = _enforcer(rules, grants, conditions)

    def knows(self, repo: str) -> bool:
        """Whether questions about this repository have an answer other than no."""
        return repo in self._repos

    def roles(self, subject: str, repo: str) -> frozenset[str]:
        """Every role the subject has in the repository, through other roles too; none for a stranger."""
        # Not asking Casbin about strangers keeps its caches as small as the policy.
        if subject not in self._members or not self.knows(repo):
            return frozenset()
        with self._lock:
            if (subject, repo) not in self._roles:
                self._roles[subject, repo] = frozenset(self._enforcer.get_implicit_roles_for_user(subject, repo))
            return self._roles[subject, repo]

    @property
    def people(self) -> tuple[str, ...]:
        """Every user that a rule or grant names, sorted."""
        return tuple(sorted(name for name in self._subjects if name.startswith("user:")))

    def holders(self, role: str, repo: str) -> tuple[str, ...]:
        """The users who have the role in the repository, sorted."""
        users = sorted(member for member in self._members if member.startswith("user:"))
        return tuple(user for user in users if role in self.roles(user, repo))

    def kinds_of_people(self, repo: str) -> dict[str, int]:
        """How many users there are of whom the same rules speak in a repository, by the first of them."""
        named = {rule.subject for rule in self._rules.values()}
        kinds: dict[tuple[frozenset[str], str], list[str]] = {}
        for user in self.people:
            kinds.setdefault((self.roles(user, repo), user if user in named else ""), []).append(user)
        return {alike[0]: len(alike) for alike in kinds.values()}

    def spoken_of(self, rule: Rule, repo: str) -> tuple[str, ...]:
        """The users whom a rule speaks of in a repository: the one it names, or those who have its role there."""
        return (rule.subject,) if rule.subject.startswith("user:") else self.holders(rule.subject, repo)

    def rules_for(self, subject: str, repo: str, action: Action) -> tuple[Rule, ...]:
        """Every rule that speaks of the subject doing this in the repository, whatever the path, in file order."""
        if not subject.startswith("user:") or subject not in self._subjects or not self.knows(repo):
            return ()  # a role is not somebody: nobody may act as ``role:senior``
        names = {subject, *self.roles(subject, repo)}
        with self._lock:
            found = [
                self._rules[fields[0]]
                for name in names
                for fields in self._enforcer.get_filtered_named_policy("p", 1, name, "", str(action))
            ]
        return tuple(sorted((rule for rule in found if covers(rule.repo, repo)), key=lambda rule: rule.line))

    def rules_of_anyone(self, repo: str, action: Action) -> tuple[Rule, ...]:
        """Every rule about this action in the repository, whoever it speaks of."""
        return tuple(rule for rule in self._rules.values() if rule.action is action and covers(rule.repo, repo))

    def enforce(self, subject: str, repo: str, action: Action, path: str, facts: Facts = UNKNOWN) -> bool:
        """Casbin's own slow answer for one path: True when a rule allows and none denies. Our answers must agree."""
        asked = EvaluationContext(subject, repo, facts)
        with self._lock:
            return cast("bool", self._enforcer.enforce(subject, repo, str(action), path, asked))


def _enforcer(rules: Sequence[Rule], grants: Sequence[Grant], conditions: Mapping[str, Condition]) -> casbin.Enforcer:
    model = casbin.Model()
    model.load_model_from_text(MODEL)
    model["p"]["p"].policy = [list(rule.fields) for rule in rules]
    model["g"]["g"].policy = [[grant.member, grant.role, grant.repo] for grant in grants]
    enforcer = casbin.Enforcer(model)
    enforcer.add_function("repoMatch", lambda repo, pattern: covers(pattern, repo))
    enforcer.add_function("pathMatch", _path_match)
    enforcer.add_function("whenMatch", partial(_when_match, conditions))
    enforcer.add_named_domain_matching_func("g", lambda repo, pattern: covers(pattern, repo))
    enforcer.build_role_links()
    return enforcer


def _path_match(path: str, pattern: str, effect: str) -> bool:
    try:
        exact, folded = patterns(pattern, Effect(effect))
    except ValueError:
        return False
    if flaw(path):
        return False  # nothing allows it, so it is refused
    return bool(exact.match(path)) or bool(folded and folded.match(fold(path)))


def _when_match(conditions: Mapping[str, Condition], asked: EvaluationContext, when: str, effect: str) -> bool:
    if when == ALWAYS:
        return True
    return applies(judge(when, conditions.get(name_of(when)), asked), Effect(effect), asked)
