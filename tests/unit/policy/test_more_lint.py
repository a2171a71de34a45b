"""What the lint and the comparison say, word for word and at the right line, where several entries could be meant."""

import pytest

from deputy.domain.errors import BadPolicy
from deputy.policy import Bundle, Problem, compare, lint, load
from deputy.policy.files.model import MODEL
from deputy.policy.files.problems import line_of, refuse
from deputy.policy.files.yaml_text import YamlFlaw, read_yaml

POLICY = "p, a-eng, role:engineer, acme/*, edit, src/**, allow, -\ng, user:T0ACME/U0ALICE, role:engineer, acme/*\n"
REPOS = """\
[repo."acme/site"]
url = "x"
hidden = ["a"]

[repo."acme/shop"]
url = "shop.git"
hidden = ["a/b"]
"""
RECIPES = """\
[recipe.a]
title = "A"
kind = "fix"
patterns = ["a"]
commands = [["a"]]

[recipe.b]
title = "B"
kind = "fix"
patterns = ["("]
commands = [["b"]]
"""
NEAR = """\
p, d-x, role:engineer, acme/*, edit, infra/prod, deny, -
p, a-y, role:engineer, acme/*, edit, infra/prod/*.tf, allow, -
"""


def files_of(**others: str) -> dict[str, bytes]:
    texts = {"model.conf": MODEL, "policy.csv": POLICY, "repos.toml": REPOS}
    return {name: text.encode() for name, text in {**texts, **others}.items()}


def bundle_of(**others: str) -> Bundle:
    return load(files_of(**others))


@pytest.mark.parametrize(
    ("file", "text", "line", "message", "fix"),
    [
        (
            "repos.toml",
            REPOS.replace("a/b", "a/[b]"),
            7,
            "glob 'a/[b]' uses '!', '[', '{' or a backslash: only '*', '?' and '**' are special",
            "write a glob such as secrets/**",
        ),
        (
            "recipes.toml",
            RECIPES,
            10,
            "recipe b: '(' is not a regular expression: missing ), unterminated subpattern at position 0",
            "correct it",
        ),
        (
            "conditions.toml",
            '[condition.a]\nhours = "8-9"\n',
            2,
            "condition a: '8-9' are not hours",
            "write hours such as 18:00-08:00",
        ),
        (
            "conditions.toml",
            '[condition.a]\nhours = "08:00-09:00"\ntimezone = "Mars/Base"\n',
            3,
            "condition a: no such time zone as 'Mars/Base'",
            "write an IANA name such as Europe/Berlin, or UTC",
        ),
        (
            "policy.csv",
            POLICY + NEAR,
            4,
            "deny d-x (line 3) forbids infra/prod but not all that a-y means below it",
            "write infra/prod/** there, if the whole folder is meant",
        ),
        (
            "model.conf",
            "\ufeff" + MODEL,
            1,
            "the file starts with a byte order mark",
            "save it as UTF-8 without BOM",
        ),
    ],
)
def test_a_mistake_in_the_second_entry_is_named_there(file: str, text: str, line: int, message: str, fix: str) -> None:
    found = [(each.file, each.line, each.message, each.fix) for each in lint(files_of(**{file: text}))]
    assert (file, line, message, fix) in found


def test_tables_of_an_array_are_counted() -> None:
    text = "[[case]]\nwho = 1\n[[case]]\nwho = 2\n\n[[case]]\nwho = 3\n[[case]]\nwho = 4\n"
    assert [line_of(text, ["case", number]) for number in range(4)] == [1, 3, 6, 8]
    assert [line_of(text, ["case", number, "who"]) for number in range(4)] == [2, 4, 7, 9]


@pytest.mark.parametrize(("count", "said"), [(1, "1 problem\n"), (5, "5 problems\n"), (6, "\n  and 1 more")])
def test_a_bundle_is_refused_with_its_first_problems_and_how_many_more(count: int, said: str) -> None:
    problems = [Problem("policy.csv", number, f"wrong {number}", "mend it") for number in range(1, count + 1)]
    with pytest.raises(BadPolicy) as refused:
        refuse(problems)
    assert said in refused.value.why
    assert refused.value.why.count("wrong") == min(count, 5)
    assert ("more" in refused.value.why) is (count > 5)


@pytest.mark.parametrize(
    ("text", "line", "message", "fix"),
    [
        ("a: !!set {b}", 1, "tag:yaml.org,2002:set is no kind of value that is read here", "remove the tag"),
        ("a: [", 1, "this is not YAML: expected the node content, but found '<stream end>'", "correct the syntax"),
        (
            "a: \x00",
            1,
            "this is not YAML: unacceptable character #x0000: special characters are not allowed",
            "correct the syntax",
        ),
        ("b: 1\na: !x y", 2, "!x is no kind of value that is read here", "write plain text or a whole number"),
        ("a: &b c\nd: *b", 2, "*b stands for something written elsewhere", "write the value out in each place"),
    ],
)
def test_yaml_that_is_not_read_says_what_to_write(text: str, line: int, message: str, fix: str) -> None:
    with pytest.raises(YamlFlaw) as refused:
        read_yaml(text)
    assert (refused.value.line, refused.value.message, refused.value.fix) == (line, message, fix)


def test_what_a_repository_no_longer_hides_is_told_once() -> None:
    shown = [
        (each.direction.value, each.what, each.old, each.new)
        for each in compare(bundle_of(), bundle_of(**{"repos.toml": REPOS.replace('["a/b"]', '["c"]')})).differences
    ]
    assert shown == [
        ("wider", "acme/shop: a/b", "hidden from sandboxes", "may be read there"),
        ("tighter", "acme/shop: c", "may be read in sandboxes", "hidden there"),
    ]
