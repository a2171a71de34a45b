"""Which of the configured repositories a request names."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deputy.domain.policy.config import RepoConfig

_PREPOSITION = r"(?:in|on|for|across|of|at|from|within|inside|throughout|over|to|into|against)"
_ARTICLE = r"(?:the|our|my)\s+"
_REPO_WORD = r"(?:repo|repository|codebase|project)"
_QUOTE = r"[`\"']"
_BEFORE, _AFTER = r"(?<![\w/.@#-])", r"(?![\w/-]|\.\w)"

_HOSTED = re.compile(
    r"(?:https?://|ssh://|git@)(?:[\w.-]+@)?[\w.-]*(?:github|gitlab|bitbucket)[\w.-]*[:/]([\w.-]+/[\w.-]+?)(?:\.git)?(?=[/\s`\"'>),.?#]|\Z)",
    re.IGNORECASE,
)
_PAIR = re.compile(rf"{_BEFORE}([\w.-]*\w/[\w.-]*\w)(?![\w/-])")
_QUALIFIED = re.compile(
    rf"{_QUOTE}(?P<quoted>[\w.-]+(?:/[\w.-]+)?){_QUOTE}\s+{_REPO_WORD}\b"
    rf"|\b{_REPO_WORD}\s*[:=]?\s*{_QUOTE}(?P<named>[\w.-]+(?:/[\w.-]+)?){_QUOTE}"
    rf"|\b{_PREPOSITION}\s+{_ARTICLE}(?P<plain>[\w.-]+(?:/[\w.-]+)?)\s+(?:repo|repository)\b"
    rf"|\b{_PREPOSITION}\s+(?P<pair>[\w.-]+/[\w.-]+)\s+(?:repo|repository)\b",
    re.IGNORECASE,
)
_NOT_NAMES = """
the this that our my your whole entire same other right wrong each every any all git code main current new old big small
python private public internal external company work test demo
"""


@dataclass(frozen=True)
class Mentions:
    """Full names of the known repositories that a text names most plainly, and of unknown ones that it seems to."""

    known: tuple[str, ...]
    unknown: tuple[str, ...]


def mentions(text: str, repos: Sequence[RepoConfig]) -> Mentions:
    """What the text names. A full name beats "in `shop`", which beats a bare "shop" among other words."""
    unknown = _unknown(text, repos)
    spoken = without_addresses(text)
    for pattern in (_full, _pointed, _bare):
        found = _named_by(pattern, spoken, repos)
        if found and pattern is not _full:
            found = _in_order(repos, {*found, *_listed(spoken, repos)})
        # An unknown repository, plainly named, is not outweighed by a word that may mean anything.
        if found and not (unknown and pattern is _bare):
            return Mentions(found, ())
    return Mentions((), unknown)


def without_addresses(text: str) -> str:
    """The text with addresses at code hosts shortened to owner and name."""
    return _HOSTED.sub(lambda address: address[1], text)


def without_repo(text: str, repo: RepoConfig) -> str:
    """The text without the repository's name and the small words that lead to it."""
    names = "|".join(re.escape(name) for name in sorted(_names(repo), key=len, reverse=True))
    around = re.compile(
        rf"(?:\b{_PREPOSITION}\s+)?(?:{_ARTICLE})?(?:{_REPO_WORD}\s+)?{_BEFORE}{_QUOTE}?(?:{names}){_QUOTE}?{_AFTER}"
        rf"(?:'s\b)?(?:\s+{_REPO_WORD}\b)?\s*:?",
        re.IGNORECASE,
    )
    return around.sub(" ", text)


def _names(repo: RepoConfig) -> tuple[str, ...]:
    return tuple(dict.fromkeys((repo.name, *repo.aliases, repo.name.rpartition("/")[2])))


def _full(repo: RepoConfig) -> str:
    return rf"{_BEFORE}{re.escape(repo.name)}{_AFTER}"


def _pointed(repo: RepoConfig) -> str:
    name = "(?:" + "|".join(re.escape(name) for name in _names(repo)) + ")"
    return (
        rf"{_QUOTE}{name}{_QUOTE}|\b{_PREPOSITION}\s+(?:{_ARTICLE})?{name}{_AFTER}"
        rf"|{_BEFORE}{name}\s+{_REPO_WORD}\b|\b{_REPO_WORD}\s+{name}{_AFTER}|\A\s*{name}\s*[:,]\s"
    )


def _bare(repo: RepoConfig) -> str:
    return rf"{_BEFORE}(?:{'|'.join(re.escape(name) for name in _names(repo))}){_AFTER}"


def _listed(text: str, repos: Sequence[RepoConfig]) -> tuple[str, ...]:
    """Repositories in a list of some: "in shop and site" means both."""
    anyone = "|".join(re.escape(name) for repo in repos for name in _names(repo))
    before = rf"{_BEFORE}(?:{anyone}){_QUOTE}?\s*(?:,|&|\band\b|\bor\b)\s*(?:{_ARTICLE})?{_QUOTE}?"
    return _named_by(lambda repo: before + rf"(?:{'|'.join(map(re.escape, _names(repo)))}){_AFTER}", text, repos)


def _in_order(repos: Sequence[RepoConfig], names: set[str]) -> tuple[str, ...]:
    return tuple(repo.name for repo in repos if repo.name in names)


def _named_by(pattern: Callable[[RepoConfig], str], text: str, repos: Sequence[RepoConfig]) -> tuple[str, ...]:
    return tuple(repo.name for repo in repos if re.search(pattern(repo), text, re.IGNORECASE))


def _unknown(text: str, repos: Sequence[RepoConfig]) -> tuple[str, ...]:
    """Names that can only mean a repository, and none of ours."""
    owners = {repo.name.partition("/")[0].casefold() for repo in repos if "/" in repo.name}
    known = {name.casefold() for repo in repos for name in _names(repo)}
    hosted = [match[1] for match in _HOSTED.finditer(text)]
    spoken = without_addresses(text)
    pairs = [match[1] for match in _PAIR.finditer(spoken) if match[1].partition("/")[0].casefold() in owners]
    qualified = [match[match.lastgroup] for match in _QUALIFIED.finditer(spoken) if match.lastgroup]
    names = dict.fromkeys(name.rstrip(".") for name in (*hosted, *pairs, *qualified))
    return tuple(name for name in names if name.casefold() not in known.union(_NOT_NAMES.split()))
