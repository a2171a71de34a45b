"""What to do after a repository was added: build its environment, and let people ask for work in it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from deputy.domain.policy.config import RepoConfig
from deputy.domain.policy.decision import Action, Effect
from deputy.domain.policy.facts import UNKNOWN
from deputy.policy import Bundle

# What a request goes through; whoever may have work run may have the repository read.
_NEEDED = (Action.REQUEST, Action.RUN, Action.EDIT, Action.DELIVER)
_ENGINEER = "role:engineer"
# As before any task: a freeze or a budget is for the day on which somebody asks.
_EARLY = UNKNOWN.model_copy(update={"is_early": True})
_SHOWN = 5


def opening_rules(bundle: Bundle, repo: str) -> tuple[str, ...]:
    """The lines that ``policy.csv`` lacks for somebody to ask for work in the repository; none where somebody may."""
    if any(_may_ask(bundle, person, repo) for person in bundle.people):
        return ()
    role = _usual_role(bundle)
    return (*_grant(bundle, repo, role), *_rules(bundle, repo, role))


def askers(bundle: Bundle, repo: str) -> tuple[str, ...]:
    """The people who may ask for work in the repository and have it run."""
    return tuple(person for person in bundle.people if _may_ask(bundle, person, repo))


def next_lines(repo: RepoConfig, rules: tuple[str, ...], policy: Path, bundle: Bundle) -> Iterator[str]:
    """What to do next, as lines for a person."""
    yield "Next:"
    if repo.environment:
        yield f"  deputy repo build {repo.name}"
        yield "    makes the image that its sandboxes start from"
    if rules:
        yield f"  Nobody may ask for work in it yet. Add to {policy}:"
        yield from (f"    {line}" for line in rules)
    elif people := askers(bundle, repo.name):
        more = f" and {len(people) - _SHOWN} more" if len(people) > _SHOWN else ""
        yield f"  {', '.join(people[:_SHOWN])}{more} may ask for work in it already, by the rules of {policy}"
    else:
        yield f"  Nobody may ask for work in it, for another reason than a missing line of {policy}:"
        yield f"    deputy policy explain {next(iter(bundle.people), 'user:TEAM/USER')} {repo.name} request"


def _may_ask(bundle: Bundle, person: str, repo: str) -> bool:
    asked = ((action, () if action is not Action.EDIT else ("README.md",)) for action in _NEEDED)
    return all(bundle.decide(person, repo, action, paths, _EARLY).effect is not Effect.DENY for action, paths in asked)


def _usual_role(bundle: Bundle) -> str:
    """The role that may ask for work in most other repositories."""
    rules = (rule for repo in bundle.repos for rule in bundle.engine.rules_of_anyone(repo.name, Action.REQUEST))
    roles = Counter(rule.subject for rule in rules if rule.effect is Effect.ALLOW and rule.subject.startswith("role:"))
    return roles.most_common(1)[0][0] if roles else _ENGINEER


def _grant(bundle: Bundle, repo: str, role: str) -> Iterator[str]:
    """Somebody with the role in this repository: who has it in others, or a line to be filled in."""
    if bundle.holders(role, repo):
        return
    elsewhere = (person for other in bundle.repos for person in bundle.holders(role, other.name))
    yield f"g, {next(elsewhere, 'user:TEAM/USER')}, {role}, {repo}"


def _rules(bundle: Bundle, repo: str, role: str) -> Iterator[str]:
    """An allowance for each action that the role lacks here."""
    taken = {line.split(",")[1].strip() for line in _lines(bundle) if line.count(",") > 1}
    slug = "".join(char if char.isascii() and char.isalnum() else "-" for char in repo.split("/")[1].lower()).strip("-")
    for action in _NEEDED:
        rules = bundle.engine.rules_of_anyone(repo, action)
        if any(rule.effect is Effect.ALLOW and rule.subject == role and not rule.is_conditional for rule in rules):
            continue
        wanted = f"a-{action}-{slug or 'new'}"
        free = next(name for name in (wanted, *(f"{wanted}-{n}" for n in range(2, 99))) if name not in taken)
        yield f"p, {free}, {role}, {repo}, {action}, **, allow, -"


def _lines(bundle: Bundle) -> list[str]:
    return bundle.files["policy.csv"].decode().splitlines()
