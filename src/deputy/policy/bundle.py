"""A policy bundle: the whole policies folder at one digest, loaded or refused as one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType

from deputy.domain.config import GateLevel, Limits, Price, Recipe, RepoConfig
from deputy.domain.errors import NotFound
from deputy.domain.refusals import Refusals
from deputy.domain.values import Action, Decision
from deputy.policy.deciding import Question, answer
from deputy.policy.engine import Engine
from deputy.policy.linting import Parsed, lint_parsed, parse
from deputy.policy.offers import counter_offer
from deputy.policy.problems import Problem, refuse
from deputy.policy.wording import reason


@dataclass(frozen=True)
class Bundle:
    """An immutable policy. ``digest`` is the SHA-256 (hex) that every decision names; see ``digest_of``.

    ``warnings`` are the lint findings that did not keep it from loading.
    """

    digest: str
    files: Mapping[str, bytes]
    repos: tuple[RepoConfig, ...]
    recipes: tuple[Recipe, ...]
    limits: Limits
    gates: Mapping[str, GateLevel]
    prices: Mapping[str, Price]
    refusals: Refusals
    warnings: tuple[Problem, ...]
    engine: Engine = field(repr=False, compare=False)

    def repo(self, name: str) -> RepoConfig:
        """The repository with this full name or alias (in any case), or ``NotFound``."""
        wanted = name.casefold()
        for repo in self.repos:
            if wanted in {repo.name.casefold(), *(alias.casefold() for alias in repo.aliases)}:
                return repo
        known = ", ".join(repo.name for repo in self.repos) or "none yet"
        raise NotFound(f"no repository {name!r}", f"policies/repos.toml knows {known}", "name one of these")

    def decide(self, subject: str, repo: str, action: Action, paths: Sequence[str] = ()) -> Decision:
        """May ``subject`` (``user:T1/U_ALICE``) do this in ``repo``, to ``paths``? Never raises; unknown means no.

        Without paths the question is about none (``.``). ``repo`` is a full name of ``repos.toml``, or
        ``deputy.policy.EVERYWHERE`` for what concerns no single repository; only rules and grants on ``**`` or ``*``
        cover that. The effect is the worst of all paths; needs are the maximum per role over the reviewed paths.
        """
        question = Question(subject, repo, action, tuple(paths))
        decision = answer(question, self.engine.rules_for(subject, repo, action), self.digest)
        offer = counter_offer(decision, self.engine, [each.name for each in self.repos])
        why = reason(decision) if self.engine.knows(repo) else f"{repo!r} is no repository of this policy"
        return decision.model_copy(update={"reason": why, "counter_offer": offer})

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


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents, sorted by name; lengths keep one file's end from being another's start."""
    digest = sha256()
    for name, content in sorted(files.items()):
        encoded = name.encode()
        digest.update(f"{len(encoded)}:{len(content)}\n".encode() + encoded + content)
    return digest.hexdigest()


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
        gates=MappingProxyType(dict(parsed.gates.values)),
        prices=MappingProxyType(dict(parsed.prices.values)),
        refusals=parsed.refusals.rules,
        warnings=problems,
        engine=_engine(parsed),
    )


def _engine(parsed: Parsed) -> Engine:
    return Engine(parsed.lines.rules, parsed.lines.grants, parsed.repos.values)
