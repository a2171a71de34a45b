"""A request's text → what to do, the one question to ask first, or why it can't be used."""

import re
from collections.abc import Collection, Sequence
from typing import Literal

from deputy.domain.policy.config import STANDARD, Limits, Recipe, RepoConfig
from deputy.domain.tasks.request import Choice, Clarification, TaskSpec
from deputy.domain.value import Value
from deputy.intake import recipes as recipe_book
from deputy.intake.budgets import budget_in
from deputy.intake.markup import plain_text
from deputy.intake.repos import mentions, without_addresses, without_repo
from deputy.intake.words import kind_of, paths_in, without_filler

MAX_CHOICES = 5  # buttons that fit in one row of a Slack message

_CANCEL = re.compile(
    r"(?:cancel|stop|abort|nevermind|never mind|forget (?:it|this|that)|scrap (?:it|this|that))"
    r"(?: (?:it|this|that|the task|the run|everything))?",
    re.IGNORECASE,
)
_STATUS = re.compile(
    r"(?:what(?:'s| is) the )?(?:status|progress)|how(?:'s| is) it going|any (?:news|updates?|progress)",
    re.IGNORECASE,
)
_QUOTES = re.compile(r"[`\"]|(?<!\w)'|'(?!\w)")
_EDGES = " \t\n,.:;!?-"


class Unusable(Value):
    """Why a request can't become a task: a sentence or two for the person, with the way out."""

    reason: str


Understanding = TaskSpec | Clarification | Unusable


def parse(
    text: str,
    repos: Sequence[RepoConfig],
    recipes: Sequence[Recipe],
    *,
    bot_user: str,
    limits: Limits,
    channel_repo: str = "",
    chosen_repo: str = "",
    budgets: Collection[str] = (),
) -> Understanding:
    """Understand a request. Never raises, whatever the text.

    ``repos`` stand in the order in which to offer them: those this person may ask for first. ``channel_repo`` is used
    when the text names none; ``chosen_repo`` (the answer to a question) beats what the text names. Both are full names.
    ``budgets`` are the classes that a request may name.
    """
    plain = plain_text(text, bot_user)
    if len(plain) > limits.request_characters:
        return Unusable(
            reason=f"The request has {len(plain):,} characters and the limit is {limits.request_characters:,}. "
            "Say in a few sentences what to change; long logs are better left out."
        )
    budget, goal = budget_in(without_filler(plain), budgets)
    if budget != STANDARD and budget not in budgets:
        known = ", ".join(sorted({STANDARD, *budgets}))
        return Unusable(reason=f"There is no budget {budget}. Ask for one of these: {known}; or leave it out.")
    if not repos:
        return Unusable(reason="No repository is configured for me yet. Ask whoever runs me to add one to repos.toml.")
    if not _wishes_something(goal, repos):
        return _ask_goal(recipes)
    repo = _repo(goal, repos, channel_repo, chosen_repo)
    return _spec(goal, repo, recipes, budget) if isinstance(repo, RepoConfig) else repo


def answer(
    text: str,
    question: Clarification,
    value: str,
    repos: Sequence[RepoConfig],
    recipes: Sequence[Recipe],
    *,
    bot_user: str,
    limits: Limits,
    channel_repo: str = "",
) -> Understanding:
    """Understand ``text`` again with the answer to ``question``: a button's value or what the person wrote."""
    if question.field != "repo":
        whole = f"{text}\n{value}"
        return parse(whole, repos, recipes, bot_user=bot_user, limits=limits, channel_repo=channel_repo)
    said = plain_text(value, bot_user)[: limits.request_characters]
    named = mentions(said, repos)
    if named.unknown or not named.known:
        return _unknown_repo(named.unknown or (said[:80] or "nothing",), repos)
    if len(named.known) > 1:
        return _ask_repo(tuple(repo for repo in repos if repo.name in named.known))
    return parse(text, repos, recipes, bot_user=bot_user, limits=limits, chosen_repo=named.known[0])


def control(text: str, bot_user: str) -> Literal["cancel", "status"] | None:
    """What a short reply in a task's thread commands, if it is nothing but that."""
    said = " ".join(without_filler(plain_text(text, bot_user)[:200]).split())
    if _CANCEL.fullmatch(said):
        return "cancel"
    return "status" if _STATUS.fullmatch(said) else None


def _wishes_something(goal: str, repos: Sequence[RepoConfig]) -> bool:
    """Whether anything is left of the goal but the names of repositories."""
    for repo in repos:
        goal = without_repo(goal, repo)
    bare = without_filler(_QUOTES.sub("", goal).strip(_EDGES))
    return any(char.isalpha() for char in bare) and bare.casefold() not in {"help", "test", "ping"}


def _repo(
    goal: str, repos: Sequence[RepoConfig], channel_repo: str, chosen_repo: str
) -> RepoConfig | Clarification | Unusable:
    by_name = {repo.name: repo for repo in repos}
    if chosen_repo:
        return by_name.get(chosen_repo) or _unknown_repo((chosen_repo,), repos)
    named = mentions(goal, repos)
    if named.unknown:
        return _unknown_repo(named.unknown, repos)
    if len(named.known) > 1:
        return _ask_repo(tuple(by_name[name] for name in named.known))
    if named.known:
        return by_name[named.known[0]]
    if channel_repo in by_name:
        return by_name[channel_repo]
    return repos[0] if len(repos) == 1 else _ask_repo(repos)


def _spec(goal: str, repo: RepoConfig, recipes: Sequence[Recipe], budget: str) -> TaskSpec:
    request = without_filler(
        " ".join(_QUOTES.sub("", without_repo(without_addresses(goal), repo)).split()).strip(_EDGES)
    )
    found = recipe_book.match(request, recipes)
    prefix = f"{repo.name}/"
    names = {repo.name, *repo.aliases}
    return TaskSpec(
        repo=repo.name,
        kind=found.recipe.kind if found else kind_of(goal),
        goal=goal,
        recipe=found.recipe.name if found else None,
        arguments=dict(found.arguments) if found else {},
        paths=tuple(path.removeprefix(prefix) for path in paths_in(goal) if path not in names),
        budget=budget,
    )


def _ask_repo(repos: Sequence[RepoConfig]) -> Clarification:
    offered = repos[:MAX_CHOICES]
    more = "" if len(repos) == len(offered) else " Or reply with the name of another one."
    return Clarification(
        field="repo",
        text=f"Which repository do you mean?{more}",
        choices=tuple(Choice(label=repo.name, value=repo.name) for repo in offered),
    )


def _ask_goal(recipes: Sequence[Recipe]) -> Clarification:
    examples = [f'"{recipe.example}"' for recipe in recipes if recipe.example][:2]
    hint = f" For example: {' or '.join(examples)}." if examples else ""
    return Clarification(field="goal", text=f"What should I do?{hint} Reply here in one sentence.")


def _unknown_repo(names: Sequence[str], repos: Sequence[RepoConfig]) -> Unusable:
    known = ", ".join(repo.name for repo in repos[:10])
    which = " or ".join(names[:3])
    return Unusable(reason=f"I don't know the repository {which}. I know these: {known}.")
