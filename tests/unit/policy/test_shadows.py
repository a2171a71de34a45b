"""Every warning of the lint has a bundle that provokes it, and a near neighbour that doesn't."""

# ruff: noqa: E501, ISC004 - a line of policy is one line

import re
from pathlib import Path

import pytest

from deputy.policy import Level, Problem, lint
from deputy.policy.files.model import MODEL
from deputy.policy.files.problems import Doubt

DOCS = Path(__file__).parents[3] / "docs" / "policy-tools.md"
PEOPLE = """\
g, user:T0ACME/U0ALICE, role:engineer, acme/*
g, user:T0ACME/U0SAM, role:senior, acme/*
g, user:T0ACME/U0BOB, role:senior, acme/*
g, role:senior, role:engineer, acme/*
g, role:engineer, role:anyone, **
p, a-ask, role:engineer, acme/*, request, **, allow, -
p, a-edit, role:engineer, acme/*, edit, **, allow, -
"""
REPOS = '[repo."acme/shop"]\nurl = "shop.git"\n[repo."acme/site"]\nurl = "site.git"\n'
CONDITIONS = '[condition.freeze]\ndays = ["sat"]\n[condition.fixes]\nkinds = ["fix"]\n'


def warnings(rules: str, people: str = PEOPLE, **others: str) -> list[Problem]:
    texts = {"model.conf": MODEL, "policy.csv": people + rules, "repos.toml": REPOS, "conditions.toml": CONDITIONS}
    texts |= {f"{name}.toml": text for name, text in others.items()}
    found = lint({name: text.encode() for name, text in texts.items()})
    assert [str(problem) for problem in found if problem.severity is Level.ERROR] == []
    return [problem for problem in found if problem.doubt != Doubt.UNUSED]


DENY = "p, d, role:anyone, **, edit, secrets/**, deny, -\n"
PROVOKED = [
    (
        Doubt.UNREACHABLE,
        DENY + "p, x, role:engineer, acme/*, edit, secrets/public/*.md, allow, -\n",
        9,
        "deny d (line 8)",
    ),
    (Doubt.UNREACHABLE, DENY + "p, x, role:senior, acme/shop, edit, Secrets/a, allow, -\n", 9, "never applies"),
    (Doubt.UNREACHABLE, DENY + "p, x, user:T0ACME/U0BOB, acme/shop, edit, secrets/a, allow, -\n", 9, "narrow d"),
    (
        Doubt.UNREACHABLE,
        DENY + "p, x, role:engineer, acme/*, edit, secrets/a, review, role:senior=1\n",
        9,
        "review x never",
    ),
    (
        Doubt.UNREACHABLE,
        "p, d, role:anyone, **, edit, a/**, deny, -, freeze\np, x, role:anyone, acme/*, edit, a/b, allow, -, freeze\n",
        9,
        "deny d",
    ),
    (
        Doubt.CONTRADICTION,
        "p, x, role:engineer, acme/*, edit, a/**, review, role:senior=1\np, d, role:engineer, acme/*, edit, a/**, deny, -\n",
        8,
        "two things of the same people",
    ),
    (
        Doubt.SHADOWED,
        "p, x, role:senior, acme/shop, edit, docs/**, allow, -\n",
        8,
        "a-edit (line 7) says the same or more",
    ),
    (Doubt.SHADOWED, DENY + "p, x, role:engineer, acme/*, edit, secrets/a/*, deny, -\n", 9, "deny x adds nothing"),
    (Doubt.SHADOWED, DENY + "p, x, role:anyone, **, edit, secrets/**, deny, -\n", 9, "d (line 8)"),
    (Doubt.SHADOWED, DENY + "p, x, role:anyone, **, edit, secrets/**, deny, -, freeze\n", 9, "d (line 8)"),
    (
        Doubt.SHADOWED,
        "p, x, role:engineer, acme/*, edit, a/b, review, role:senior=1\n"
        "p, y, role:anyone, acme/*, edit, a/**, review, role:senior=2\n",
        8,
        "y (line 9)",
    ),
    (
        Doubt.LONE_REVIEW,
        "p, x, role:engineer, acme/*, deliver, **, review, role:senior=1\n",
        8,
        "refuses instead of asking",
    ),
    (
        Doubt.NEAR_MISS,
        "p, d, role:anyone, acme/*, edit, infra/*, deny, -\n"
        "p, x, role:anyone, acme/*, edit, infra/prod/**, review, role:senior=1\n",
        9,
        "forbids infra/prod but not all that x means below it",
    ),
    (Doubt.NO_PATH, "p, x, role:engineer, acme/*, run, src/**, deny, -\n", 8, "run is about no file"),
    (Doubt.NOBODY, "p, x, role:ghost, acme/*, edit, a, deny, -\n", 8, "nobody has role:ghost"),
    (Doubt.UNMET, "p, x, role:engineer, acme/*, edit, a, review, role:senior=3\n", 8, "2 of them there"),
    (
        Doubt.UNMET,
        "p, x, role:engineer, acme/shop, edit, a, review, role:legal=1, freeze\n",
        8,
        "role:legal=1 can't be met in acme/shop",
    ),
    (
        Doubt.SELF_APPROVAL,
        "p, x, user:T0ACME/U0SAM, acme/shop, edit, a, review, role:senior=2\n",
        8,
        "never counts for their own",
    ),
    (Doubt.NO_REPO, "p, x, role:engineer, other/*, edit, a, deny, -\n", 8, "is no repository"),
]


@pytest.mark.parametrize(("doubt", "rules", "line", "message"), PROVOKED)
def test_each_warning_is_raised_once_at_its_line(doubt: Doubt, rules: str, line: int, message: str) -> None:
    found = [problem for problem in warnings(rules) if problem.doubt == doubt]
    assert {problem.line for problem in found} == {line}, [str(problem) for problem in warnings(rules)]
    assert message in str(found[0])
    assert all(problem.fix and problem.severity is Level.WARNING and f"[{doubt}]" in str(problem) for problem in found)


@pytest.mark.parametrize(
    "rules",
    [
        "",
        DENY,
        # Other people, other repositories, other paths, other circumstances.
        "p, d, role:senior, acme/*, edit, a/**, deny, -\np, x, role:engineer, acme/*, edit, a/b, review, role:senior=1\n",
        "p, d, role:anyone, acme/shop, edit, a/**, deny, -\np, x, role:anyone, acme/*, edit, a/b, review, role:senior=1\n",
        "p, d, role:anyone, acme/*, edit, a/*, deny, -\np, x, role:anyone, acme/*, edit, **/b, review, role:senior=1\n",
        DENY.replace("-\n", "-, freeze\n") + "p, x, role:anyone, acme/*, edit, secrets/a, review, role:senior=1\n",
        DENY.replace("-\n", "-, freeze\n")
        + "p, x, role:anyone, acme/*, edit, secrets/a, review, role:senior=1, fixes\n",
        # A larger need is not repeated by a smaller one; the same need elsewhere is another matter.
        "p, x, role:anyone, acme/*, edit, a/b, review, role:senior=2\np, y, role:anyone, acme/*, edit, a/**, review, role:senior=1\n",
        # An allow under a condition is something to refine.
        "p, a, role:engineer, acme/*, deliver, **, allow, -, fixes\np, x, role:anyone, acme/*, deliver, **, review, role:senior=1\n",
        # Alice asks, two others can agree.
        "p, x, role:engineer, acme/*, edit, a, review, role:senior=2\n",
    ],
)
def test_neighbours_are_not_warned_of(rules: str) -> None:
    assert [str(problem) for problem in warnings(rules)] == []


def test_an_allow_does_not_reach_what_merely_looks_alike() -> None:
    rules = (
        "p, x, role:engineer, acme/*, edit, Docs/**, allow, -\np, y, role:engineer, acme/*, edit, docs/**, allow, -\n"
    )
    people = PEOPLE.replace("p, a-edit, role:engineer, acme/*, edit, **, allow, -\n", "")
    assert warnings(rules, people) == []


def test_a_gate_that_only_its_requester_could_review_is_a_warning() -> None:
    people = PEOPLE.replace("p, a-ask, role:engineer, acme/*", "p, a-ask, role:senior, acme/*")
    people = people.replace(
        "g, user:T0ACME/U0BOB, role:senior, acme/*\n", "g, user:T0ACME/U0BOB, role:engineer, acme/*\n"
    )
    gates = '[gate.size]\nlevel = "review"\nneed = "role:senior=1"\n'
    found = warnings("", people, gates=gates)
    assert [(problem.file, problem.line, problem.doubt) for problem in found] == [
        ("gates.toml", 1, Doubt.SELF_APPROVAL)
    ] * len(found)
    assert found
    assert not warnings("", gates=gates)


def test_every_kind_of_warning_is_provoked_here_and_explained_in_the_docs() -> None:
    elsewhere = {Doubt.STRAY_FILE, Doubt.UNUSED, Doubt.OLD_MODEL}  # beside the other tests of files and of conditions
    provoked = {doubt for doubt, *_ in PROVOKED} | elsewhere
    assert provoked == set(Doubt)
    rows = re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \| ([^|]+) \|$", DOCS.read_text(), re.MULTILINE)
    assert {name for name, *_ in rows} >= set(Doubt)


def test_ids_of_repositories_own_rules_are_reserved() -> None:
    texts = {"model.conf": MODEL, "policy.csv": PEOPLE + DENY.replace("p, d,", "p, own-1,"), "repos.toml": REPOS}
    found = lint({name: text.encode() for name, text in texts.items()})
    assert [(problem.line, problem.severity) for problem in found] == [(8, Level.ERROR)]


def test_a_thousand_rules_that_do_not_meet_are_not_warned_of() -> None:
    rules = "".join(
        f"p, r{n}, role:anyone, acme/*, edit, **/folder{n}/part*/**, {'deny, -' if n % 2 else 'review, role:senior=1'}\n"
        for n in range(1000)
    )
    assert warnings(rules) == []
