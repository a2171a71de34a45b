"""Policy cases in YAML: what they can say, the traps that are refused with a line, and that TOML says the same."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.domain.errors import BadPolicy
from deputy.domain.policy.facts import UNKNOWN
from deputy.policy import CaseResult, load, run_cases
from deputy.policy.files.model import MODEL
from deputy.policy.files.yaml_text import YamlFlaw, read_yaml
from deputy.policy.supplied_facts import SuppliedFacts
from tests.support.examples import examples

FILES = {
    "model.conf": MODEL.encode(),
    "policy.csv": (
        b"p, a-eng, role:engineer, acme/*, edit, **, allow, -\n"
        b"p, d-freeze, role:engineer, acme/*, edit, **, deny, -, freeze\n"
        b"p, d-large, role:engineer, acme/*, edit, **, deny, -, large\n"
        b"p, d-fix, role:engineer, acme/*, edit, lib/**, deny, -, fixes\n"
        b"g, user:T0ACME/U0ALICE, role:engineer, acme/*\n"
    ),
    "repos.toml": b'[repo."acme/shop"]\nurl = "shop.git"\n',
    "conditions.toml": (
        b'[condition.freeze]\nstarts = "2026-12-18 18:00"\nends = "2027-01-04 08:00"\n'
        b"[condition.large]\nlines_over = 100\n"
        b'[condition.fixes]\nkinds = ["fix"]\nchannels = ["C0SHOP"]\nbudgets = ["standard"]\n'
    ),
}
WHO = "who: user:T0ACME/U0ALICE, repo: acme/shop, act: edit, path: a"
CALM = "at: 2026-06-01T12:00:00Z, lines: 5, files: 1"


def run(text: str, name: str = "tests/a.yaml") -> tuple[CaseResult, ...]:
    return run_cases(load(FILES), {name: text.encode()})


def test_a_case_passes_or_says_what_came_instead_and_where_it_stands() -> None:
    good, wrong = run(
        f"cases:\n  - {{ {WHO}, expect: allow, rule: a-eng, {CALM} }}\n\n  - {{ {WHO}, expect: allow }}\n"
    )
    assert (good.passed, good.number, good.line) == (True, 1, 2)
    assert (wrong.passed, wrong.number, wrong.line) == (False, 2, 4)
    assert "expected allow, got deny because" in wrong.failure


@pytest.mark.parametrize(
    ("facts", "path", "expected"),
    [
        (CALM, "a", "allow"),
        ("at: 2026-12-24T12:00:00+01:00, lines: 5", "a", "deny"),
        ("at: 2026-06-01T12:00:00Z, lines: 101", "a", "deny"),
        ("at: 2026-06-01T12:00:00Z, files: 3", "a", "allow"),
        ("lines: 5", "a", "deny"),  # the time is not known
        (f"{CALM}, kind: fix, channel: C0SHOP, budget: standard", "lib/a", "deny"),
        (f"{CALM}, kind: docs, channel: C0SHOP, budget: standard", "lib/a", "allow"),
        (f"{CALM}, kind: fix, channel: C0OTHER, budget: standard", "lib/a", "allow"),
        (f"{CALM}, kind: fix, channel: C0SHOP, budget: large", "lib/a", "allow"),
    ],
)
def test_a_case_supposes_facts(facts: str, path: str, expected: str) -> None:
    who = WHO.replace("path: a", f"path: {path}")
    assert run(f"cases: [{{ {who}, {facts}, expect: {expected} }}]")[0].failure == ""


def test_toml_says_the_same() -> None:
    fields = 'who = "user:T0ACME/U0ALICE", repo = "acme/shop", act = "edit", path = "a", expect = "allow"'
    text = f"case = [{{ {fields}, at = 2026-06-01T12:00:00Z, lines = 5 }}]"
    assert run(text, "tests/a.toml")[0].passed


def test_every_case_file_is_read_and_no_other() -> None:
    text = f"cases: [{{ {WHO}, {CALM}, expect: allow }}]".encode()
    files = {"tests/b.yml": text, "tests/a.yaml": text, "tests/sub/c.yaml": text, "notes.yaml": text}
    assert [result.file for result in run_cases(load(FILES), files)] == ["tests/a.yaml", "tests/b.yml"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (f"cases:\n  - {{ {WHO}, expect: no }}", 2, "'no' is a truth value to YAML. Write it in quotes: \"no\""),
        (f"cases:\n  - {{ {WHO}, expect: allow, rule: on }}", 2, "'on' is a truth value to YAML"),
        (f"cases:\n  - {{ {WHO}, expect: allow, rule: Off }}", 2, "'Off' is a truth value to YAML"),
        (f"cases:\n  - {{ {WHO}, expect: allow, rule: ~ }}", 2, "'~' is nothing to YAML"),
        ("cases:\n  - who: user:T1/U1\n    path:\n", 3, "nothing is written here"),
        ("cases:\n  - who: user:T1/U1\n    path: 1.10\n", 3, "'1.10' is a number to YAML"),
        ("cases:\n  - who: user:T1/U1\n    path: 010\n", 3, "'010' is a number of another kind to YAML"),
        ("cases:\n  - who: user:T1/U1\n    path: 12\n", 3, "cases.1.path: input should be a valid string"),
        ("cases:\n  - who: user:T1/U1\n    who: user:T1/U2\n", 3, "'who' stands here twice, first in line 2"),
        ("cases:\n  - yes: allow\n", 2, "'yes' is a truth value to YAML"),
        ("cases:\n  - [who]: allow\n", 2, "a key that is no plain word"),
        (f"cases:\n  - &one {{ {WHO}, expect: allow }}\n  - *one\n", 3, "*one stands for something written elsewhere"),
        (f"cases:\n  - <<: {{ {WHO} }}\n    expect: allow\n", 2, "merge is no kind of value"),
        ("cases: !!python/object/apply:os.system [echo]\n", 1, "no kind of value that is read here"),
        ("cases:\n  - who: !!binary aGk=\n", 2, "no kind of value that is read here"),
        ("cases: !!set {a}\n", 1, "no kind of value that is read here"),
        ("cases:\n" + "".join(f"{'  ' * n}- \n" for n in range(1, 30)), 0, "more than 8 deep"),
        ("cases: " + "[" * 3000, 1, "more than 8 deep"),
        (f"cases:\n  - {{ {WHO}, expect: allow", 2, "this is not YAML"),
        ("cases:\n\t- x\n", 2, "this is not YAML"),
        ("cases: []\n", 1, "at least 1 item"),
        ("", 1, "the file: input should be an object"),
        ("- a\n", 1, "the file: input should be an object"),
        (f"case:\n  - {{ {WHO}, expect: allow }}\ncases: []\n", 0, "can't be read"),
        (f"cases:\n  - {{ {WHO}, expect: allow }}\n\n  - {{ {WHO}, expect: permit }}\n", 4, "cases.2.expect"),
        (f"cases:\n  - {{ {WHO}, expect: allow, paht: x }}\n", 2, "cases.1.paht: no such key; known are kind,"),
        (f"cases:\n  - {{ {WHO}, expect: review, need: senior }}\n", 2, "not of the form"),
        (
            f"cases:\n  - {{ {WHO}, expect: allow, at: 2026-06-01 12:00 }}\n",
            2,
            "cases.1.at: input should have timezone",
        ),
        (f"cases:\n  - {{ {WHO}, expect: allow, lines: -1 }}\n", 2, "'-1' is a number of another kind"),
        (f"cases:\n  - {{ {WHO}, expect: allow, kind: fixes }}\n", 2, "cases.1.kind"),
        ("--- {}\n--- {}\n", 2, "this is not YAML"),
    ],
)
def test_what_yaml_would_make_something_else_of_is_refused(text: str, line: int, message: str) -> None:
    with pytest.raises(BadPolicy) as refused:
        run(text)
    assert message in str(refused.value)
    assert not line or f"tests/a.yaml:{line} " in str(refused.value)


def test_a_word_in_quotes_is_text() -> None:
    assert read_yaml("a: \"no\"\nb: '1.10'\nc: |\n  on\nd: 7\n")[0] == {"a": "no", "b": "1.10", "c": "on\n", "d": 7}


@settings(max_examples=examples(400), deadline=None)
@given(st.text("ab:-[]{}&*!|>'\"#,\n ?%@~", max_size=60))
def test_reading_gives_a_value_or_a_flaw_with_its_line(text: str) -> None:
    with suppress(YamlFlaw):
        value, lines = read_yaml(text)
        assert lines[()] >= 1
        assert not isinstance(value, bool | float)


def test_given_facts() -> None:
    assert SuppliedFacts().facts(("a",)) == UNKNOWN
    sizes = SuppliedFacts(files=3, lines=10).facts(("a",)).patch
    assert sizes is not None
    assert [(size.path, size.lines) for size in sizes] == [("a", 10), ("file-2", 0), ("file-3", 0)]
    assert len(SuppliedFacts(lines=1).facts(("a", "b")).patch or ()) == 2
