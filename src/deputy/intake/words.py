"""What the words of a request say: filler, sort of work, and paths."""

import re

from deputy.domain.tasks.request import TaskKind

_GREETING = r"(?:hey|hi|hello|hallo|yo|ok|okay|morning|good (?:morning|afternoon|evening)|thanks|thank you|cheers)"
_ASKING = (
    r"(?:(?:can|could|would|will) (?:you|u|we|someone)|please|pls|plz|just|kindly|quickly|maybe|perhaps|"
    r"(?:do|would) you mind|i(?:'d| would) like you to|i (?:want|need) you to|"
    r"help (?:me|us)(?: to)?|deputy|@deputy|there|all|team|now|also|and|then)"
)
_LEADING = re.compile(rf"(?:(?:{_GREETING}|{_ASKING})(?![\w-])[\s,.:;!?-]*)+", re.IGNORECASE)
_TRAILING = re.compile(
    r"(?:[\s,.;:!?]+(?:please|pls|plz|thanks|thank you|thx|cheers|for (?:me|us)|asap|now))*[\s,.;:!?]*\Z", re.IGNORECASE
)
_BEFORE_WORDS, _AFTER_WORDS = " \t\n,:;!?-", " \t\n,.:;!?-"  # a leading full stop may be a dotfile's
_TAIL = 120  # characters at the end in which politeness is looked for; keeps the search linear

_UP_TO_THREE = r"(?:[\w`.-]+\s+){0,3}"
_KIND_WORDS = {
    TaskKind.ASK: r"\A(?:why|what|how|where|who|when|which|is|are|does|do|did|explain|tell (?:me|us))\b",
    TaskKind.DOCS: rf"\b(?:(?:fix|correct|update|improve|add|write|extend)\s+{_UP_TO_THREE})?"
    r"(?:typos?|docs?|docstrings?|readme|documentation|changelog|comments?)\b",
    TaskKind.FORMAT: rf"\b(?:(?:fix|run|sort|clean up)\s+{_UP_TO_THREE})?"
    r"(?:lint|linter|linting|format|reformat|formatting|whitespace|imports)\b",
    TaskKind.DEPS: rf"\b(?:(?:bump|upgrade|update|pin|unpin|add|remove)\s+{_UP_TO_THREE}"
    r"(?:to\s+v?\d|dependency|dependencies|package|requirement|version)|dependencies|dependabot)",
    TaskKind.TEST: rf"\b(?:add|write|extend|cover|need)\s+{_UP_TO_THREE}(?:tests?|coverage)\b",
    TaskKind.FIX: r"\b(?:fix|repair|correct|solve|resolve|debug|bug|broken|wrong|crash\w*|error|fails?|failing)\b",
    TaskKind.REFACTOR: r"\A(?:extract|move|split|inline)\b|\b(?:rename|refactor|simplify|clean up|tidy|deduplicate)\b",
}
_KINDS = tuple((kind, re.compile(words, re.IGNORECASE)) for kind, words in _KIND_WORDS.items())

_SEPARATORS = re.compile(r"[\s\"'`,;()\[\]{}<>|*=]+")
_POSITION = re.compile(r"(?::\d+){1,2}\Z")
_EXTENSIONS = """
bat c cc cer cfg cnf conf cpp crt cs css csv env go gradle h hcl hpp htm html ini ipynb java jinja js json jsx key kt
lock lua md mjs p12 pem php pfx pl proto ps1 py pyi pyx r rb rs rst scala sh sql svg swift tf tfvars toml ts tsx txt
vue xml yaml yml zsh
"""
_FILE = re.compile(rf"[\w.@+~-]*\w\.(?:{'|'.join(_EXTENSIONS.split())})|\.[A-Za-z][\w.-]*", re.IGNORECASE)
_NAMED_FILES = frozenset({"Dockerfile", "Makefile", "Jenkinsfile", "CODEOWNERS", "Procfile", "Gemfile"})
_NOT_PATHS = """
and/or i/o n/a w/o a/b y/n b/c yes/no on/off true/false he/she his/her they/them read/write input/output client/server
tcp/ip ci/cd start/stop up/down in/out either/or before/after
"""
_MAX_PATHS = 100


def without_filler(text: str) -> str:
    """The request without greetings and politeness around it: "hey, can you just fix it, please?" → "fix it"."""
    bare = text.lstrip(_BEFORE_WORDS)
    leading = _LEADING.match(bare)
    rest = bare[leading.end() :] if leading else bare
    head, tail = rest[:-_TAIL], rest[-_TAIL:]
    return (head + _TRAILING.sub("", tail)).lstrip(_BEFORE_WORDS).rstrip(_AFTER_WORDS)


def kind_of(goal: str) -> TaskKind:
    """The sort of work, by the word that comes first."""
    found = [
        (match.start(), rank, kind) for rank, (kind, pattern) in enumerate(_KINDS) if (match := pattern.search(goal))
    ]
    return min(found)[2] if found else TaskKind.OTHER


def paths_in(text: str) -> tuple[str, ...]:
    """Tokens that look like paths of a repository, cleaned, each once, in order; at most 100.

    Too many is better than too few: policy judges each before anything runs.
    """
    tokens = (_clean(token) for token in _SEPARATORS.split(text))
    return tuple(dict.fromkeys(token.rstrip("/") for token in tokens if _is_path(token)))[:_MAX_PATHS]


def _clean(token: str) -> str:
    if "://" in token:
        return ""
    bare = _POSITION.sub("", token.rstrip(".:!?…")).lstrip(":!?@#").replace("\\", "/")
    while bare.startswith(("./", "/")):
        bare = bare.removeprefix(".").removeprefix("/")
    return bare


def _is_path(token: str) -> bool:
    if token in _NAMED_FILES or _FILE.fullmatch(token):
        return True
    if "/" not in token or token.casefold() in _NOT_PATHS.split():
        return False
    return any(char.isalpha() for char in token)
