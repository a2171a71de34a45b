"""What an answer rests on at its edges: which text is a path, how it is asked about, and what an offer supposes."""

from datetime import UTC, datetime

import pytest

from deputy.domain.policy.decision import Action, Effect
from deputy.domain.policy.facts import Facts
from deputy.policy import Bundle, Question, load
from deputy.policy.conditions.counting import EvaluationContext
from deputy.policy.core.deciding import consider, plain
from deputy.policy.core.rules import covers, flaw
from deputy.policy.files.model import MODEL

ALICE = "user:T0ACME/U0ALICE"
REPOS = '[repo."acme/shop"]\nurl = "shop.git"\n'
NIGHTS = '[condition.nights]\nhours = "18:00-08:00"\n'
GRANT = "g, user:T0ACME/U0ALICE, role:e, acme/*\n"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

NOT_RELATIVE = "it is not relative to the repository's root"
NO_SEGMENT = "it has an empty, '.' or '..' segment"
UNREADABLE = "it has control, format or undecodable characters"


def bundle_of(rules: str, conditions: str = "") -> Bundle:
    texts = {"model.conf": MODEL, "policy.csv": rules + GRANT, "repos.toml": REPOS, "conditions.toml": conditions}
    return load({name: text.encode() for name, text in texts.items()})


def effect(bundle: Bundle, path: str) -> Effect:
    return bundle.decide(ALICE, "acme/shop", Action.EDIT, (path,)).effect


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (".", None),
        ("a", None),
        ("a b/.c", None),
        ("caf\u00e9/\u6587\u4ef6", None),
        ("a\u00a0b", None),  # a space that doesn't break is a character of a name like any other
        ("", NOT_RELATIVE),
        ("/", NOT_RELATIVE),
        ("/etc/passwd", NOT_RELATIVE),
        ("a//b", NO_SEGMENT),
        ("a/", NO_SEGMENT),
        ("a/../b", NO_SEGMENT),
        ("./a", NO_SEGMENT),
        ("..", NO_SEGMENT),
        ("a\nb", UNREADABLE),
        ("a\u202eb", UNREADABLE),
        ("a\udcff", UNREADABLE),
        ("a\ue000", UNREADABLE),
        ("a\u0378", UNREADABLE),
        ("a\u2028b", UNREADABLE),
        ("a\u2029b", UNREADABLE),
    ],
)
def test_what_is_no_path_is_told_in_one_clause(path: str, why: str | None) -> None:
    assert flaw(path) == why


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("./docs/", "docs"),
        ("docs", "docs"),
        ("x/FOX", "x/FOX"),
        ("X", "X"),
        ("././a", "./a"),
        ("./", "."),
        (".", "."),
        ("/", "."),
        ("", ""),
    ],
)
def test_a_path_is_asked_about_without_the_dots_and_slashes_at_its_ends(path: str, asked: str) -> None:
    assert plain(path) == asked


def test_the_root_of_the_machine_is_not_the_root_of_the_repository() -> None:
    bundle = bundle_of("p, a, role:e, acme/*, edit, **, allow, -\n")
    assert effect(bundle, "./") is Effect.ALLOW
    for path in ("/", "//", "/.", "/docs/"):
        decision = bundle.decide(ALICE, "acme/shop", Action.EDIT, (path,))
        assert decision.effect is Effect.DENY
        assert decision.reason == f"{path!r} can't be the path of a file here: {NOT_RELATIVE}"


def test_a_repository_glob_that_is_none_covers_nothing() -> None:
    assert covers("acme/*", "acme/shop")
    assert not covers("acme/[a-z]*", "acme/shop")
    assert not covers("", "")


def test_under_other_facts_an_unknown_allow_does_not_apply_but_when_it_is_early() -> None:
    bundle = bundle_of("p, a, role:e, acme/*, edit, **, allow, -, not:nights\n", NIGHTS)
    question = Question(ALICE, "acme/shop", Action.EDIT, ("a.py",))
    seen = consider(question, bundle.rules_for(ALICE, "acme/shop", Action.EDIT))
    for facts, found in [
        (Facts(), Effect.DENY),
        (Facts(is_early=True), Effect.ALLOW),
        (Facts(at=NOON), Effect.ALLOW),
        (Facts(at=NOON.replace(hour=23)), Effect.DENY),
    ]:
        assert seen.effect_under(EvaluationContext(ALICE, "acme/shop", facts)) == (found, ())
