"""Which answers differ between two bundles, grouped so that a person can read them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from deputy.domain.changes.folding import fold
from deputy.domain.changes.globs import matches
from deputy.domain.policy.approval_requirements import merge_requirements, requirements_text
from deputy.domain.policy.decision import Action, ApprovalRequirement, Effect
from deputy.domain.policy.effects import is_stricter_effect, strictest_effect
from deputy.policy.bundle import Bundle
from deputy.policy.compare.differences import Difference, Direction
from deputy.policy.conditions.conditions import is_negated, name_of
from deputy.policy.core.containment import contained, example, sample
from deputy.policy.core.deciding import effect_of
from deputy.policy.core.rules import EVERYWHERE, HERE, Rule
from deputy.policy.core.wording import listed

_ABOUT_EVERYTHING = frozenset({Action.QUERY_AUDIT, Action.EXPORT_AUDIT})
_ABOUT_FILES = frozenset({Action.EDIT, Action.READ})
_PLAIN = "any other path"
_NO_FILE = ""
# Where two globs meet is looked at for so many globs at most: beyond it, at each by itself.
_MAX_PAIRED = 30
_SOMEWHERE = ("some/where/else", "zq/zq.zq", "zq")


@dataclass(frozen=True)
class Said:
    """What an answer comes to, by whatever rules."""

    effect: Effect
    needs: tuple[ApprovalRequirement, ...]

    def __str__(self) -> str:
        """``allowed``, ``denied`` or ``review by 1 senior``."""
        said = {
            Effect.ALLOW: "allowed",
            Effect.DENY: "denied",
            Effect.REVIEW: f"review by {requirements_text(self.needs)}",
        }
        return said[self.effect]

    def direction_from(self, old: "Said") -> Direction:
        """Whether this permits more than the old answer. A need that is only partly smaller counts as more."""
        if self.effect is old.effect:
            is_tighter = merge_requirements((*old.needs, *self.needs)) == self.needs
        else:
            is_tighter = is_stricter_effect(self.effect, old.effect)
        return Direction.TIGHTER if is_tighter else Direction.WIDER


@dataclass(frozen=True)
class _Answer:
    said: Said
    rules: tuple[str, ...]


@dataclass(frozen=True)
class _Step:
    """What one path was answered, and is."""

    old: _Answer
    new: _Answer

    @property
    def is_none(self) -> bool:
        return self.old.said == self.new.said

    def says(self, other: "_Step | None") -> bool:
        return other is not None and (self.old.said, self.new.said) == (other.old.said, other.new.said)

    def follows(self, parts: Sequence["_Step"]) -> bool:
        """Whether it is what the strictest of the parts comes to, before and after."""
        return (self.old.said, self.new.said) == (
            _strictest(part.old.said for part in parts),
            _strictest(part.new.said for part in parts),
        )


@dataclass(frozen=True)
class _Change:
    """A changed answer, without who, where and on which globs: what changes are grouped by."""

    action: Action
    when: str
    old: Said
    new: Said


@dataclass(frozen=True)
class _Shown:
    """Where a change shows: on these globs, by these rules of the new bundle."""

    globs: tuple[str, ...]
    rules: tuple[str, ...]


_Found = dict[_Change, _Shown]


def _strictest(answers: Iterable[Said]) -> Said:
    every = tuple(answers)
    effect = strictest_effect(said.effect for said in every)
    needs = merge_requirements(need for said in every for need in said.needs)
    return Said(effect, needs if effect is Effect.REVIEW else ())


class _Asked:
    """Which rules of a bundle speak of whom, found once for each repository and action."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._all: dict[tuple[str, Action], tuple[Rule, ...]] = {}

    def rules(self, user: str, repo: str, action: Action) -> tuple[Rule, ...]:
        engine = self._bundle.engine
        if (repo, action) not in self._all:
            self._all[repo, action] = engine.rules_of_anyone(repo, action) if engine.knows(repo) else ()
        names = {user, *self._bundle.roles(user, repo)}
        return tuple(rule for rule in self._all[repo, action] if rule.subject in names)


def changed_answers(old: Bundle, new: Bundle) -> Iterator[Difference]:
    """Every difference of answers; ``under …`` says that it shows only while a condition holds."""
    titles = {name: each.title or name for bundle in (old, new) for name, each in bundle.conditions.items()}
    before, after = _Asked(old), _Asked(new)
    seen: dict[object, _Found] = {}
    places: dict[tuple[_Change, _Shown], set[tuple[str, str]]] = {}
    for user, repo, action in _questions(old, new):
        was, now = before.rules(user, repo, action), after.rules(user, repo, action)
        key = (action, tuple(rule.id for rule in was), tuple(rule.id for rule in now))
        if key not in seen:
            seen[key] = _changes(action, was, now, titles)
        for change, shown in seen[key].items():
            places.setdefault((change, shown), set()).add((user, repo))
    for (change, shown), where in places.items():
        for users, repos in _blocks(where):
            yield _difference(change, shown, users, repos, _say_people(users, repos, (new, old)))


def _questions(old: Bundle, new: Bundle) -> Iterator[tuple[str, str, Action]]:
    repos = sorted({repo.name for bundle in (old, new) for repo in bundle.repos})
    for user in sorted({*old.people, *new.people}):
        for action in Action:
            for repo in (*repos, EVERYWHERE) if action in _ABOUT_EVERYTHING else repos:
                yield user, repo, action


def _changes(action: Action, old: Sequence[Rule], new: Sequence[Rule], titles: Mapping[str, str]) -> _Found:
    """What differs for somebody to whom these rules speak, and on which globs."""
    if [rule.fields for rule in old] == [rule.fields for rule in new]:
        return {}
    globs = {rule.path for rule in (*old, *new)}
    examples = [*_examples(globs)] if action in _ABOUT_FILES else [(_NO_FILE, HERE, ())]
    found: dict[_Change, list[str]] = {}
    rules: dict[_Change, dict[str, None]] = {}
    calm: dict[str, _Step] = {}
    for supposed in ("", *sorted({name_of(rule.when) for rule in (*old, *new) if rule.is_conditional})):
        when = f"under {titles.get(supposed, supposed)}" if supposed else ""
        steps: dict[str, _Step] = {}
        for label, path, parts in examples:
            step = steps[label] = _Step(_answer(old, path, supposed), _answer(new, path, supposed))
            # What shows without any condition, or follows from what either of two globs says, is not told again.
            if step.is_none or step.says(calm.get(label)) or (parts and step.follows([steps[part] for part in parts])):
                continue
            change = _Change(action, when, step.old.said, step.new.said)
            found.setdefault(change, []).append(label)
            rules.setdefault(change, {}).update(dict.fromkeys(step.new.rules))
        calm = calm or steps
    return {change: _Shown(tuple(labels), tuple(rules[change])) for change, labels in found.items()}


def _answer(rules: Sequence[Rule], path: str, supposed: str) -> _Answer:
    """The answer while exactly the supposed condition holds, or none."""
    folded = fold(path)
    applying = [rule for rule in rules if _applies(rule, supposed) and rule.matches(path, folded)]
    effect = effect_of(rule.effect for rule in applying)
    needs = merge_requirements(need for rule in applying for need in rule.needs) if effect is Effect.REVIEW else ()
    return _Answer(Said(effect, needs), tuple(rule.id for rule in applying if rule.effect is effect))


def _applies(rule: Rule, supposed: str) -> bool:
    return not rule.is_conditional or (name_of(rule.when) == supposed) is not is_negated(rule.when)


def _examples(globs: Iterable[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Paths to ask about: a label, the path, and the globs whose meeting it is.

    One that few globs match, one for each glob and one for where each two of them meet.
    """
    every = sorted(globs)
    yield _PLAIN, _rarest(_SOMEWHERE, every), ()
    for glob in every:
        if glob != "**":
            yield glob, _rarest(_forms(glob), every), ()
    for one, other in combinations(every, 2) if len(every) <= _MAX_PAIRED else ():
        nested = contained(one, other) or contained(other, one)
        if not nested and (both := example([one, other])):
            yield f"{one} that is {other}", both, (one, other)


def _forms(glob: str) -> Iterator[str]:
    """Paths that a glob matches: its stars as nothing, as a name, and as folders."""
    for folders in ("zq", "zq/zq"):
        yield glob.replace("**", folders).replace("*", "zq").replace("?", "z")
    yield sample(glob)


def _rarest(paths: Iterable[str], globs: Sequence[str]) -> str:
    return min(paths, key=lambda path: sum(bool(_matches(glob, path)) for glob in globs))


def _matches(glob: str, path: str) -> bool:
    return matches(glob, path) or matches(glob, fold(path))


def _blocks(where: set[tuple[str, str]]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The pairs as blocks of users by repositories: repositories with the same users are told together."""
    by_repo: dict[str, list[str]] = {}
    for user, repo in sorted(where):
        by_repo.setdefault(repo, []).append(user)
    by_users: dict[tuple[str, ...], list[str]] = {}
    for repo, users in by_repo.items():
        by_users.setdefault(tuple(users), []).append(repo)
    yield from ((users, tuple(repos)) for users, repos in by_users.items())


def _say_people(users: tuple[str, ...], repos: tuple[str, ...], bundles: Sequence[Bundle]) -> str:
    """The people by their role, where it is exactly them; and by name."""
    names = listed([user.rpartition("/")[2] for user in users], "people")
    for bundle in bundles:
        roles = set.intersection(*(set(bundle.roles(user, repo)) for user in users for repo in repos))
        for role in sorted(roles):
            if all(bundle.holders(role, repo) == users for repo in repos):
                return f"{role.removeprefix('role:')} ({names})"
    return names


def _difference(
    change: _Change, shown: _Shown, users: tuple[str, ...], repos: tuple[str, ...], people: str
) -> Difference:
    deed = f"{change.action} of {listed(shown.globs, 'globs')}" if shown.globs != (_NO_FILE,) else f"{change.action}"
    where = "everything" if repos == (EVERYWHERE,) else listed(repos, "repositories")
    when = f", {change.when}" if change.when else ""
    return Difference(
        direction=change.new.direction_from(change.old),
        area="answers",
        what=f"{people} in {where}: {deed}{when}",
        old=str(change.old),
        new=str(change.new),
        users=users,
        repos=repos,
        rules=shown.rules,
        globs=tuple(glob for glob in shown.globs if glob != _NO_FILE),
    )
