"""What people write, and what is understood of it."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.domain.policy.config import Limits, Recipe, RepoConfig
from deputy.domain.tasks.request import Clarification, TaskKind, TaskSpec
from deputy.intake import Unusable, answer, commands_for, control, parse
from tests.support.examples import examples

BOT = "U0DEPUTY"
LIMITS = Limits()
SHOP = RepoConfig(name="acme/shop", url="shop.git", aliases=("storefront",))
SITE = RepoConfig(name="acme/site", url="site.git", aliases=("docs-site",))
REPOS = (SHOP, SITE)
RECIPES = tuple(
    Recipe.model_validate({"name": name, **fields})
    for name, fields in tomllib.loads(
        (Path(__file__).parents[3] / "policies" / "recipes.toml").read_text(encoding="utf-8")
    )["recipe"].items()
)
BY_NAME = {recipe.name: recipe for recipe in RECIPES}


def understand(text: str, repos=REPOS, **more):
    return parse(text, repos, RECIPES, bot_user=BOT, limits=LIMITS, **more)


def spec(text: str, **more) -> TaskSpec:
    understood = understand(text, **more)
    assert isinstance(understood, TaskSpec), understood
    return understood


# ------------------------------------------------------------------------------------------------------- recipes


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        ("<@U0DEPUTY> can you just fix the lint in `shop`", "fix-lint"),
        ("<@U0DEPUTY> can you just fix the lint in shop?", "fix-lint"),
        ("can you please just fix all the lint errors in acme/shop, thanks!", "fix-lint"),
        ("Hey <@U0DEPUTY>, could you clean up the ruff warnings in the shop repo?", "fix-lint"),
        ("shop: fix lint please", "fix-lint"),
        ("fix the linting issues on “shop”", "fix-lint"),
        ("make the linter happy in shop", "fix-lint"),
        ("run ruff check --fix in shop", "fix-lint"),
        ("format the code in shop", "format"),
        ("reformat shop", "format"),
        ("please format the whole codebase in acme/shop", "format"),
        ("please sort the imports in acme/shop", "sort-imports"),
        ("organize imports in <https://github.com/acme/shop|acme/shop>", "sort-imports"),
        ("modernize the python syntax in shop", "upgrade-syntax"),
        ("upgrade the syntax in `shop`", "upgrade-syntax"),
        ("update the snapshots in `site`", "update-snapshots"),
        ("regenerate all the test snapshots in docs-site", "update-snapshots"),
        ("rename `old_name` to `new_name` across shop", "rename-symbol"),
        ("rename old_name() to new_name() everywhere in shop", "rename-symbol"),
        ("can you just rename the function `old_name` -&gt; `new_name` in shop pls", "rename-symbol"),
        ("bump requests to 2.32.3 in shop", "bump-dependency"),
        ("upgrade the dependency `requests` from 2.31.0 to v2.32.3 in shop", "bump-dependency"),
        ("pin requests at 2.32.3 in shop", "bump-dependency"),
    ],
)
def test_ways_to_ask_for_a_recipe(text, recipe):
    assert spec(text).recipe == recipe


def test_every_recipe_answers_its_own_example():
    for recipe in RECIPES:
        assert spec(recipe.example).recipe == recipe.name


@pytest.mark.parametrize(
    "text",
    [
        "fix the lint in shop and add a test for refunds",
        "fix the lint in shop, then rotate the keys",
        "don't fix the lint in shop",
        "why does the lint fail in shop?",
        "fix the lint in billing/refunds.py in shop",
        "bump requests in shop",
        "bump requests to the latest in shop",
        "rename the page title to Welcome Home in shop",
        "bump --index-url to 1.0 in shop",
    ],
)
def test_requests_that_wish_for_something_else_go_to_the_agent(text):
    assert spec(text).recipe is None


def test_arguments_are_taken_as_they_were_written():
    renamed = spec("rename `Cart_Total` to `cartSum` across shop")
    assert renamed.arguments == {"old": "Cart_Total", "new": "cartSum"}
    bumped = spec("bump Foo.Bar-baz to v1.0rc1 in shop")
    assert bumped.arguments == {"name": "Foo.Bar-baz", "version": "1.0rc1"}


def test_commands_are_filled_argument_by_argument():
    commands = commands_for(BY_NAME["rename-symbol"], {"old": "a", "new": "b"})
    assert commands == (("python", "/opt/deputy/tools/rename_symbol.py", "a", "b"),)


@pytest.mark.parametrize(
    "arguments",
    [{"old": "a"}, {"old": "a", "new": "b; rm -rf /"}, {"old": "-x", "new": "b"}, {"old": "a", "new": "b", "c": "d"}],
)
def test_arguments_that_do_not_fit_fill_nothing(arguments):
    with pytest.raises(Exception, match="rename-symbol can't take"):
        commands_for(BY_NAME["rename-symbol"], arguments)


def test_a_value_is_not_filled_in_twice():
    recipe = Recipe(
        name="r",
        title="",
        kind=TaskKind.OTHER,
        patterns=("x",),
        commands=(("echo", "{a}-{b}"),),
        arguments={"a": ".*", "b": ".*"},
    )
    assert commands_for(recipe, {"a": "{b}", "b": "{a}"}) == (("echo", "{b}-{a}"),)


def test_a_broken_pattern_matches_nothing_instead_of_raising():
    broken = BY_NAME["fix-lint"].model_copy(update={"patterns": ("(",)})
    understood = parse("fix the lint in shop", REPOS, (broken,), bot_user=BOT, limits=LIMITS)
    assert isinstance(understood, TaskSpec)
    assert understood.recipe is None


# ------------------------------------------------------------------------------------------------- repositories


@pytest.mark.parametrize(
    "text",
    [
        "add a test for carts in acme/shop",
        "add a test for carts in ACME/Shop.",
        "add a test for carts on shop",
        "add a shop test for carts",
        "add a test for carts in the storefront",
        "add a test for carts in `storefront`, not more",
        "in shop, add a test for carts",
        "shop: add a test for carts",
        "add a test for carts (https://github.com/acme/shop)",
        "add a test for carts to git@github.com:acme/shop.git",
        "fix the site title in shop",
    ],
)
def test_ways_to_name_a_repository(text):
    assert spec(text).repo == "acme/shop"


@pytest.mark.parametrize(
    "text",
    [
        "add a test for carts",
        "add a workshop test",
        "add a test to shop-dev tools",
        "look at shop/cart.py and add a test",
        "post it in #shop",
    ],
)
def test_no_repository_named_asks_once_with_a_button_each(text):
    question = understand(text)
    assert isinstance(question, Clarification)
    assert question.field == "repo"
    assert [choice.value for choice in question.choices] == ["acme/shop", "acme/site"]


def test_several_repositories_named_asks_for_one_of_them():
    more = RepoConfig(name="acme/pay", url="pay.git")
    question = understand("add a license to shop and site", repos=(*REPOS, more))
    assert isinstance(question, Clarification)
    assert [choice.value for choice in question.choices] == ["acme/shop", "acme/site"]


def test_two_owners_of_one_short_name_asks():
    other = RepoConfig(name="beta/shop", url="x")
    question = understand("fix the crash in shop", repos=(*REPOS, other))
    assert isinstance(question, Clarification)
    assert [choice.value for choice in question.choices] == ["acme/shop", "beta/shop"]


def test_a_question_has_at_most_five_buttons_and_says_how_to_name_another():
    many = tuple(RepoConfig(name=f"acme/r{number}", url="x") for number in range(9))
    question = understand("fix the crash", repos=many)
    assert isinstance(question, Clarification)
    assert len(question.choices) == 5
    assert "name of another" in question.text


def test_the_only_repository_and_the_channels_are_taken_for_granted():
    assert spec("fix the crash", repos=(SITE,)).repo == "acme/site"
    assert spec("fix the crash", channel_repo="acme/site").repo == "acme/site"
    assert spec("fix the crash in shop", channel_repo="acme/site").repo == "acme/shop"
    assert isinstance(understand("fix the crash", channel_repo="acme/gone"), Clarification)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("fix the lint in acme/unknown", "acme/unknown"),
        ("fix the lint in the `foo` repo", "foo"),
        ("fix the lint in the foo repository", "foo"),
        ("fix the lint in repo `foo`", "foo"),
        ("fix the lint in https://github.com/other/thing", "other/thing"),
        ("fix the shop lint in acme/unknown", "acme/unknown"),
    ],
)
def test_an_unknown_repository_is_named_with_the_known_ones(text, named):
    refusal = understand(text)
    assert isinstance(refusal, Unusable)
    assert named in refusal.reason
    assert "acme/shop, acme/site" in refusal.reason
    assert isinstance(understand(text, repos=(SHOP,)), Unusable), "also when only one is configured"


@pytest.mark.parametrize("text", ["fix the crash across the whole repo", "fix it in this repo", "fix our repository"])
def test_the_word_repository_alone_names_none(text):
    assert isinstance(understand(text), Clarification)


def test_no_repository_configured_says_so():
    refusal = understand("fix it", repos=())
    assert isinstance(refusal, Unusable)
    assert "repos.toml" in refusal.reason


# --------------------------------------------------------------------------------------------- unclear, unusable


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "<@U0DEPUTY>",
        "<@U0DEPUTY> hi",
        "hello <@U0DEPUTY>!",
        "please",
        "can you just",
        "in shop",
        "?!",
        "`shop`",
    ],
)
def test_nothing_asked_for_is_asked_back(text):
    question = understand(text)
    assert isinstance(question, Clarification)
    assert question.field == "goal"
    assert "fix the lint" in question.text


def test_a_text_over_the_limit_is_refused_with_both_numbers():
    refusal = understand("fix shop " + "x" * 40_000)
    assert isinstance(refusal, Unusable)
    assert "40,009" in refusal.reason
    assert "8,000" in refusal.reason


def test_an_answer_goes_on_where_the_question_stopped():
    question = understand("<@U0DEPUTY> can you just fix the lint")
    assert isinstance(question, Clarification)

    def answered(value: str):
        text = "<@U0DEPUTY> can you just fix the lint"
        return answer(text, question, value, REPOS, RECIPES, bot_user=BOT, limits=LIMITS)

    for value in ("acme/shop", "shop", "<@U0DEPUTY> in shop please", "storefront"):
        understood = answered(value)
        assert isinstance(understood, TaskSpec)
        assert (understood.repo, understood.recipe) == ("acme/shop", "fix-lint")
    assert isinstance(answered("acme/nope"), Unusable)
    assert isinstance(answered("dunno"), Unusable)
    assert isinstance(answered("shop or site"), Clarification)


def test_the_goal_can_be_given_after_the_repository():
    question = understand("<@U0DEPUTY> in shop")
    assert isinstance(question, Clarification)
    understood = answer("<@U0DEPUTY> in shop", question, "fix the lint", REPOS, RECIPES, bot_user=BOT, limits=LIMITS)
    assert isinstance(understood, TaskSpec)
    assert (understood.repo, understood.recipe) == ("acme/shop", "fix-lint")


# -------------------------------------------------------------------------------------------- goal, kind, paths


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("refunds of split payments are rounded wrong, with a regression test", TaskKind.FIX),
        ("fix the typo in README.md", TaskKind.DOCS),
        ("add tests for the cart", TaskKind.TEST),
        ("extract the price rules into a module", TaskKind.REFACTOR),
        ("fix the failing tests", TaskKind.FIX),
        ("why is checkout slow?", TaskKind.ASK),
        ("update dependencies", TaskKind.DEPS),
        ("tidy up the formatting of the tables", TaskKind.REFACTOR),
        ("rotate the key", TaskKind.OTHER),
    ],
)
def test_kinds(text, kind):
    assert spec(f"{text} in shop").kind is kind


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("rotate the key in `secrets/prod.env`", ("secrets/prod.env",)),
        ("rotate the key in <http://prod.env|prod.env>", ("prod.env",)),
        ("clear out secrets/ and .env, please", ("secrets", ".env")),
        ("edit ./billing/refunds.py:12 and (docs/a.md).", ("billing/refunds.py", "docs/a.md")),
        ("edit secrets\\prod.env", ("secrets/prod.env",)),
        ("edit /secrets/prod.env", ("secrets/prod.env",)),
        ("edit ../../etc/passwd", ("../../etc/passwd",)),
        ("edit acme/shop/secrets/prod.env", ("secrets/prod.env",)),
        ("edit 'secrets/prod.env','secrets/test.env'", ("secrets/prod.env", "secrets/test.env")),
        ("edit se\u200bcrets/prod.env", ("secrets/prod.env",)),
        ("change the Dockerfile", ("Dockerfile",)),
        ("set key=secrets/prod.env", ("secrets/prod.env",)),
        ("and/or I/O 24/7 e.g. 2.32.3 cart.total() https://example.com/a.py", ()),
        ("edit README.md in acme/shop", ("README.md",)),
    ],
)
def test_paths(text, paths):
    assert spec(text, chosen_repo="acme/shop").paths == paths


def test_the_goal_keeps_the_persons_words_without_markup_and_politeness():
    text = "<@U0DEPUTY>: hey, can you please just make `a &lt; b` hold — ask <@U0SAM> in <#C0SHOP|shop-dev>, shop!!"
    assert spec(text).goal == "make `a < b` hold — ask @U0SAM in #shop-dev, shop"


def test_what_a_person_escaped_stays_text():
    assert spec("replace &amp;lt; by &lt; in shop").goal == "replace &lt; by < in shop"


# ---------------------------------------------------------------------------------------------------- controls


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("cancel", "cancel"),
        ("<@U0DEPUTY> please stop!", "cancel"),
        ("never mind, thanks", "cancel"),
        ("cancel that", "cancel"),
        ("status?", "status"),
        ("<@U0DEPUTY> what's the status?", "status"),
        ("any updates", "status"),
        ("cancel the subscription mail", None),
        ("also fix the status page", None),
        ("", None),
    ],
)
def test_control_phrases(text, meant):
    assert control(text, BOT) == meant


# -------------------------------------------------------------------------------------------------------- laws

FRAGMENTS = st.sampled_from(
    [
        "<@U0DEPUTY>",
        "can you just",
        "fix the lint",
        "in `shop`",
        "acme/site",
        "rename",
        "`a`",
        "to",
        "->",
        "<",
        ">",
        "&lt;",
        "bump",
        "requests",
        "2.32.3",
        "secrets/prod.env",
        "\n",
        "“",
        "*",
        "the foo repo",
        "acme/nope",
        "…",
        "\u202e",
        "\x00",
        "shop and site",
        "https://github.com/a/b",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=300), st.lists(FRAGMENTS, max_size=12).map(" ".join), st.lists(FRAGMENTS).map("".join)
)


@settings(max_examples=examples(300), deadline=None)
@given(TEXTS, st.sampled_from(["", "acme/shop", "acme/nope"]), st.sampled_from(["", "acme/site", "x"]))
def test_any_text_is_understood_without_raising(text, channel, chosen):
    understood = understand(text, channel_repo=channel, chosen_repo=chosen)
    control(text, BOT)
    if isinstance(understood, Clarification):
        assert {choice.value for choice in understood.choices} <= {repo.name for repo in REPOS}
        answer(text, understood, text, REPOS, RECIPES, bot_user=BOT, limits=LIMITS)
    elif isinstance(understood, TaskSpec):
        assert understood.repo in {repo.name for repo in REPOS}
        if understood.recipe:
            for command in commands_for(BY_NAME[understood.recipe], understood.arguments):
                assert not any("{" in part for part in command)
    else:
        assert understood.reason.endswith(".")


LONG = ("a", "<", "a/", "a.", "`", "- ", "can you ", "please ", "in ", "in the a ", "fix a ", "rename a to ", "shop, ")


@pytest.mark.parametrize("piece", LONG)
def test_long_texts_come_to_an_end(piece):
    generous = LIMITS.model_copy(update={"request_characters": 40_000})
    parse(piece * (39_000 // len(piece)), REPOS, RECIPES, bot_user=BOT, limits=generous)


# ---------------------------------------------------------------------------------------------------------- budgets


@pytest.mark.parametrize(
    ("text", "budget", "goal"),
    [
        ("add a retry to the client in shop with a large budget", "large", "add a retry to the client in shop"),
        ("add a retry in shop, budget: Large", "large", "add a retry in shop"),
        ("add a retry in shop (budget=`large`)", "large", "add a retry in shop"),
        (
            "fix the page with the marketing budget in shop",
            "standard",
            "fix the page with the marketing budget in shop",
        ),
        ("fix the budget page in shop", "standard", "fix the budget page in shop"),
        ("add a retry in shop, budget: standard", "standard", "add a retry in shop"),
    ],
)
def test_a_request_may_name_a_budget(text: str, budget: str, goal: str) -> None:
    spec = understand(text, budgets=("large", "small"))
    assert isinstance(spec, TaskSpec)
    assert (spec.budget, spec.goal) == (budget, goal)


def test_a_budget_does_not_keep_a_recipe_from_being_found() -> None:
    spec = understand("fix the lint in shop with a small budget", budgets=("large", "small"))
    assert isinstance(spec, TaskSpec)
    assert (spec.recipe, spec.budget) == ("fix-lint", "small")


def test_a_budget_that_is_none_is_said() -> None:
    said = understand("add a retry in shop, budget: huge", budgets=("large",))
    assert isinstance(said, Unusable)
    assert "large, standard" in said.reason
