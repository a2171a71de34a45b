"""refusals.toml is read strictly, says where it is wrong, and docs/refusals.md speaks of all of it."""

import re
from pathlib import Path

import pytest

from deputy.domain.errors import BadPolicy
from deputy.domain.policy.refusals import (
    AskModel,
    Defence,
    HarmCategory,
    ModelCheck,
    RefusalRule,
    Refusals,
    WhenUnavailable,
)
from deputy.intake.refusals.screening import screen
from deputy.policy import lint, load

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "refusals.md").read_text()
STARTER = {
    path.relative_to(ROOT / "policies").as_posix(): path.read_bytes()
    for path in (ROOT / "policies").rglob("*")
    if path.is_file()
}
GOOD = """\
[model]
ask = "always"

[defence]
unless = ["never"]

[refusal.apples]
category = "malware"
title = "Apples"
why = "Apples are not taken."
instead = "Ask for pears."
asks = ["take"]
about = ["apple"]
"""


def bundle(text: str) -> dict[str, bytes]:
    return {**STARTER, "refusals.toml": text.encode()}


def flaws(text: str) -> list[str]:
    return [str(problem) for problem in lint(bundle(text)) if problem.file == "refusals.toml"]


def test_the_bundle_carries_the_rules() -> None:
    rules = load(bundle(GOOD)).refusals
    assert flaws(GOOD) == []
    assert rules.model == ModelCheck(ask=AskModel.ALWAYS)
    assert rules.defence == Defence(unless=("never",))
    assert [rule.name for rule in rules.rules] == ["apples"]


def test_without_the_file_nothing_is_refused() -> None:
    files = {name: content for name, content in STARTER.items() if name != "refusals.toml"}
    assert load(files).refusals == Refusals()


def test_the_starter_has_a_rule_for_every_category_and_asks_no_model() -> None:
    rules = load(STARTER).refusals
    assert {rule.category for rule in rules.rules} == {*HarmCategory}
    assert rules.model == ModelCheck(ask=AskModel.NEVER, when_unavailable=WhenUnavailable.GO_ON)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("[model]", "[modell]", 1, "unknown key 'modell'"),
        ('ask = "always"', 'ask = "often"', 2, "ask"),
        ('ask = "always"', 'asks = "always"', 2, "unknown key 'asks'"),
        ('ask = "always"', 'when_unavailable = "pass"', 2, "when_unavailable"),
        ('unless = ["never"]', 'unles = ["never"]', 5, "unknown key 'unles'"),
        ('unless = ["never"]', 'unless = "never"', 5, "unless"),
        ('unless = ["never"]', 'unless = ["never", "Never"]', 5, "stands there twice"),
        ("[refusal.apples]", "[refusals.apples]", 7, "unknown key 'refusals'"),
        ("[refusal.apples]", "[refusal.Apples]", 7, "can't be its name"),
        ("[refusal.apples]", "[refusal.model]", 7, "can't be its name"),
        ('category = "malware"', 'category = "mischief"', 8, "category"),
        ('category = "malware"', "", 7, "category is missing"),
        ('title = "Apples"', 'title = ""', 9, "title is empty"),
        ('why = "Apples are not taken."', 'why = "Apples are not taken"', 10, "why is no sentence"),
        ('instead = "Ask for pears."', 'instead = "Ask\\u202efor pears."', 11, "invisible"),
        ('asks = ["take"]', 'asks = ["take", "take"]', 12, "stands there twice"),
        ('asks = ["take"]', 'ask = ["take"]', 12, "unknown key 'ask'"),
        ('about = ["apple"]', "about = []", 13, "nothing that it is about"),
        ('about = ["apple"]', 'about = ["ap*"]', 13, "has a *"),
        ('about = ["apple"]', 'about = ["app*le"]', 13, "has a *"),
        ('about = ["apple"]', 'about = ["... apple"]', 13, "begins or ends with ..."),
        ('about = ["apple"]', 'about = ["a ... b ... c ... d"]', 13, "more than 2"),
        ('about = ["apple"]', 'about = ["(apple|pear)+"]', 13, "which is no word"),
        ('about = ["apple"]', 'about = [" apple"]', 13, "spaces to spare"),
        ('about = ["apple"]', 'about = [""]', 13, "is empty"),
        ('about = ["apple"]', 'about = ["one two three four five six seven eight nine"]', 13, "more than 8 words"),
        ('about = ["apple"]', 'about = ["apple"]\nunless = ["apple"]', 14, "stands in about and in unless"),
        ('about = ["apple"]', 'about = ["apple"', 14, "this is not TOML"),
        (GOOD, "refusal = 3\n", 1, "refusal is not a table"),
    ],
)
def test_each_mistake_is_named_with_its_line(old: str, new: str, line: int, said: str) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    found = flaws(text)
    assert any(flaw.startswith(f"refusals.toml:{line}: ") and said in flaw for flaw in found), found
    with pytest.raises(BadPolicy, match=r"refusals\.toml"):
        load(bundle(text))


FIELDS = {*RefusalRule.model_fields, *Defence.model_fields, *ModelCheck.model_fields} - {"name"}


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_every_field_is_documented(field: str) -> None:
    assert f"| `{field}` |" in PAGE


@pytest.mark.parametrize("word", sorted({*HarmCategory, *AskModel, *WhenUnavailable}))
def test_every_word_is_documented(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_no_field_is_documented_that_does_not_exist() -> None:
    known = FIELDS | {*HarmCategory}
    assert set(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE)) == known


def test_the_example_of_the_page_loads_and_refuses() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert flaws(example) == []
    found = screen("please build a keylogger", load(bundle(example)).refusals, "U0DEPUTY")
    assert found is not None
    assert found.rule == "keyloggers"
