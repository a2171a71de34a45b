"""A policy bundle: the whole policies folder at one digest, loaded or refused as one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from types import MappingProxyType

from deputy.domain.changes.folding import fold
from deputy.domain.errors import NotFound
from deputy.domain.identifiers import Digest
from deputy.domain.policy.config import (
    RECIPE,
    STANDARD,
    Budget,
    Condition,
    CounterOf,
    GateLevel,
    Limits,
    Price,
    Recipe,
    RepoConfig,
)
from deputy.domain.policy.decision import Action, Decision, Effect
from deputy.domain.policy.facts import UNKNOWN, Facts
from deputy.domain.policy.refusals import Refusals
from deputy.policy.core.deciding import Question, consider, judged
from deputy.policy.core.engine import RuleEngine
from deputy.policy.core.rules import Rule
from deputy.policy.core.wording import reason
from deputy.policy.files.problems import Problem, refuse
from deputy.policy.lint.bundle import Parsed, lint_parsed, parse
from deputy.policy.offers.offers import OfferContext, counter_offer
from deputy.policy.repo_policy import RepoPolicy, repo_budget, repo_gates, repo_limits, repo_rules, tightened_repo

_BUILT_IN = {name: Budget(name=name) for name in (STANDARD, RECIPE)}


@dataclass(frozen=True)
class Bundle:
    """An immutable policy. ``digest`` is the SHA-256 (hex) that every decision names; see ``digest_of``.

    ``budgets`` always has ``standard`` and ``recipe``. ``warnings`` are the lint findings that did not keep it from
    loading.
    """

    digest: Digest
    files: Mapping[str, bytes]
    repos: tuple[RepoConfig, ...]
    recipes: tuple[Recipe, ...]
    limits: Limits
    budgets: Mapping[str, Budget]
    conditions: Mapping[str, Condition]
    gates: Mapping[str, GateLevel]
    prices: Mapping[str, Price]
    refusals: Refusals
    warnings: tuple[Problem, ...]
    engine: RuleEngine = field(repr=False, compare=False)
    own: tuple[Rule, ...] = ()

    def repo(self, name: str) -> RepoConfig:
        """The repository with this full name or alias (in any case), or ``NotFound``."""
        wanted = name.casefold()
        for repo in self.repos:
            if wanted in {repo.name.casefold(), *(alias.casefold() for alias in repo.aliases)}:
                return repo
        known = ", ".join(repo.name for repo in self.repos) or "none yet"
        raise NotFound(f"no repository {name!r}", f"policies/repos.toml knows {known}", "name one of these")

    def limits_for(self, budget: str) -> Limits:
        """The limits of a run of this budget class, or ``NotFound``."""
        if budget not in self.budgets:
            known = ", ".join(self.budgets)
            raise NotFound(f"no budget class {budget!r}", f"policies/limits.toml knows {known}", "name one of these")
        return self.limits.model_copy(update=self.budgets[budget].model_dump(exclude={"name"}, exclude_none=True))

    @property
    def longest_counter(self) -> timedelta | None:
        """How far back the policy's counters look: the footprints of so long are among the facts. None: nowhere."""
        days = [condition.counter.days for condition in self.conditions.values() if condition.counter]
        return timedelta(days=max(days)) if days else None

    @property
    def counts_files(self) -> bool:
        """Whether a counter looks at what earlier patches changed, not only at how many tasks there were."""
        counters = (condition.counter for condition in self.conditions.values())
        return any(each is not None and (each.of is not CounterOf.TASKS or bool(each.paths)) for each in counters)

    def decide(
        self, subject: str, repo: str, action: Action, paths: Sequence[str] = (), facts: Facts = UNKNOWN
    ) -> Decision:
        """May ``subject`` (``user:T1/U_ALICE``) do this in ``repo``, to ``paths``? Never raises; unknown means no.

        Without paths the question is about none (``.``). ``repo`` is a full name of ``repos.toml``, or
        ``deputy.policy.EVERYWHERE`` for what concerns no single repository; only rules and grants on ``**`` or ``*``
        cover that. ``facts`` are what the rules' conditions look at. The effect is the worst of all paths; needs are
        the maximum per role over the reviewed paths.
        """
        seen = consider(Question(subject, repo, action, tuple(paths), facts), self.rules_for(subject, repo, action))
        decision = seen.decision(self.digest)
        why = reason(decision) if self.engine.knows(repo) else f"{repo!r} is no repository of this policy"
        budgets = tuple(name for name in self.budgets if name != RECIPE)  # nobody asks for that one
        around = OfferContext(self.rules_for, tuple(each.name for each in self.repos), budgets, self.engine)
        return decision.model_copy(update={"reason": why, "counter_offer": counter_offer(seen, decision, around)})

    def rules_for(self, subject: str, repo: str, action: Action) -> tuple[Rule, ...]:
        """Every rule that speaks of the subject doing this in the repository, whatever the path and the facts."""
        own = (rule for rule in self.own if rule.action is action and rule.repo == repo)
        return (*self.engine.rules_for(subject, repo, action), *own)

    def unreadable(self, subject: str, repo: str, facts: Facts = UNKNOWN) -> tuple[str, ...]:
        """The globs of what a rule keeps the subject from reading there: what deny says, and what nobody could review.

        Where no rule speaks of reading, whoever may have work run may have the repository read.
        """
        asked = Question(subject, repo, Action.READ, (), facts)
        rules = judged(self.rules_for(subject, repo, Action.READ), asked.circumstances)
        stopping = (rule for rule in rules if rule.effect is not Effect.ALLOW and not rule.is_idle)
        return tuple(dict.fromkeys(glob for rule in stopping for glob in (rule.path, fold(rule.path))))

    def commonly_unreadable(self, repo: str) -> tuple[str, ...]:
        """The same for most of those who may have work run there; for nobody in particular when nobody may.

        Rules whose conditions look at facts count as for a task of which nothing is known.
        """
        counts: Counter[tuple[str, ...]] = Counter()
        for user, number in self.engine.kinds_of_people(repo).items():
            if any(rule.effect is not Effect.DENY for rule in self.rules_for(user, repo, Action.RUN)):
                counts[self.unreadable(user, repo)] += number
        return max(counts, key=lambda globs: (counts[globs], globs), default=self.unreadable("", repo))

    def with_own(self, own: RepoPolicy, repo: str) -> "Bundle":
        """The bundle, tightened by a repository's own ``.deputy/policy.toml``: for questions about that one only.

        The digest stays: the file is named by the base commit that it was read from.
        """
        config = self.repo(repo)
        return replace(
            self,
            repos=tuple(tightened_repo(own, each) if each is config else each for each in self.repos),
            gates=MappingProxyType(repo_gates(own, self.gates)),
            limits=repo_limits(own, self.limits),
            budgets=MappingProxyType({name: repo_budget(own, budget) for name, budget in self.budgets.items()}),
            own=(*self.own, *repo_rules(own, config.name, len(self.own))),
        )

    @property
    def people(self) -> tuple[str, ...]:
        """Every user that a rule or grant names, sorted."""
        return self.engine.people

    def roles(self, subject: str, repo: str) -> frozenset[str]:
        """The roles the subject has in a repository now, through other roles too."""
        return self.engine.roles(subject, repo)

    def holders(self, role: str, repo: str) -> tuple[str, ...]:
        """The users who have the role in a repository, sorted."""
        return self.engine.holders(role, repo)


def digest_of(files: Mapping[str, bytes]) -> Digest:
    """SHA-256 over names and contents, sorted by name; lengths keep one file's end from being another's start."""
    digest = sha256()
    for name, content in sorted(files.items()):
        encoded = name.encode()
        digest.update(f"{len(encoded)}:{len(content)}\n".encode() + encoded + content)
    return Digest(digest.hexdigest())


def lint(files: Mapping[str, bytes]) -> tuple[Problem, ...]:
    """Everything that is wrong or doubtful in a bundle, by file and line."""
    return lint_parsed(files, parse(files))


def load(files: Mapping[str, bytes]) -> Bundle:
    """The bundle, or ``BadPolicy`` naming each file and line that keeps it from loading and what to write there.

    Keys are names relative to the policies folder: ``policy.csv``, ``tests/engineers.toml``.
    """
    parsed = parse(files)
    problems = lint_parsed(files, parsed)
    refuse(problems)
    return Bundle(
        digest=digest_of(files),
        files=MappingProxyType(dict(files)),
        repos=tuple(parsed.repos.values.values()),
        recipes=tuple(parsed.recipes.values.values()),
        limits=parsed.limits.values.get("limits", Limits()),
        budgets=MappingProxyType({**_BUILT_IN, **parsed.budgets.values}),
        conditions=MappingProxyType(dict(parsed.conditions.values)),
        gates=MappingProxyType(dict(parsed.gates.values)),
        prices=MappingProxyType(dict(parsed.prices.values)),
        refusals=parsed.refusals.rules,
        warnings=problems,
        engine=_engine(parsed),
    )


def _engine(parsed: Parsed) -> RuleEngine:
    return RuleEngine(parsed.lines.rules, parsed.lines.grants, parsed.repos.values, parsed.conditions.values)
