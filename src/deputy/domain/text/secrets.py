"""What a secret looks like: to keep it out of patches, and to mask it before anything is stored or posted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_KEY_BLOCK = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_KEY_END = r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
# A block's first line, also inside a string literal or a diff; and the last lines of a block whose start was cut off.
_KEY_BODY = r"(?:\\[nr]|[\s\"'+,])*(?:Proc-Type|Version:|Comment:|[A-Za-z0-9+/]{16})"
_KEY_TAIL = rf"(?m:^[ +]?[A-Za-z0-9+/=]{{16,200}}\r?\n){{1,80}}[ +]?[A-Za-z0-9+/=]*\r?\n?[ +]?{_KEY_END}"
_EDGE, _STOP = r"(?<![A-Za-z0-9_])", r"(?![A-Za-z0-9_])"

# Every repetition that could be retried at each position has an upper bound: logs are hostile, and time is a resource.
# Formats that their issuers made recognisable. Few false alarms: a patch that adds one is stopped.
_ISSUED = {
    "private-key": rf"{_KEY_BLOCK}(?={_KEY_BODY})(?s:.*?)(?:{_KEY_END}|\Z)|{_KEY_TAIL}",
    "aws-key": rf"{_EDGE}(?:AKIA|ASIA|AGPA|AROA|AIDA)[A-Z0-9]{{16}}{_STOP}",
    "slack-token": rf"{_EDGE}xox[abceoprs](?:\.xox[bp])?-[A-Za-z0-9-]{{10,}}|{_EDGE}xapp-\d-[A-Za-z0-9-]{{10,}}",
    "slack-webhook": r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{12,}",
    "github-token": rf"{_EDGE}(?:gh[pousr]_[A-Za-z0-9]{{30,}}|github_pat_[A-Za-z0-9_]{{22,}})",
    "gitlab-token": rf"{_EDGE}glpat-[A-Za-z0-9_-]{{20,}}",
    "model-key": rf"{_EDGE}sk-(?=[A-Za-z_-]{{0,60}}\d)[A-Za-z0-9_-]{{20,}}",
    "stripe-key": rf"{_EDGE}[rs]k_(?:live|test)_[A-Za-z0-9]{{16,}}",
    "google-key": rf"{_EDGE}AIza[A-Za-z0-9_-]{{35}}|{_EDGE}ya29\.[A-Za-z0-9_-]{{20,}}",
    "registry-token": rf"{_EDGE}(?:npm_[A-Za-z0-9]{{36}}|pypi-[A-Za-z0-9_-]{{40,}}|dckr_pat_[A-Za-z0-9_-]{{20,}})",
    "sendgrid-key": rf"{_EDGE}SG\.[A-Za-z0-9_-]{{16,}}\.[A-Za-z0-9_-]{{16,}}",
    "jwt": rf"{_EDGE}eyJ[A-Za-z0-9_-]{{10,500}}\.eyJ[A-Za-z0-9_-]{{6,}}\.[A-Za-z0-9_-]*",
    "bearer-token": r"(?i:(?<=bearer )|(?<=authorization: basic ))(?=\S*\d)[A-Za-z0-9+/._~-]{16,}={0,2}",
    "url-credentials": r"(?<=://)[^\s/:@\[\]'\"]{0,100}:[^\s/@\[\]'\"${}<>*]{5,200}(?=@)",
}

_NAME = (
    r"(?P<name>(?i:(?<![A-Za-z])(?:pass(?:word|wd|phrase)|secret(?:[_-]?key)?|(?:auth|access|refresh|api|bot|app)[_-]?token"
    r"|token|api[_-]?key|access[_-]?key|client[_-]?secret|signing[_-]?(?:secret|key)|encryption[_-]?key|credentials?)"
    r"(?![A-Za-z])))"
)
_NOT_CODE = r"(?!(?:os\.|self\.|env|get|none|null|true|false|str\b|bytes\b|int\b))"
# A name that says "secret" before a value; each spelling has its own idea of where code ends and data starts.
_QUOTED = rf"{_NAME}['\"]?\s{{0,3}}(?::=|=>?|:)\s{{0,3}}[bru]?(?P<q>['\"])(?P<quoted>[^'\"\n\[\]${{}}<>]{{6,}})(?P=q)"
# Linear, though each value may be scanned to its end: the next name's "=" is a place where the value may end.
_TIGHT = rf"{_NAME}=(?i:{_NOT_CODE})(?P<tight>[^\s'\"`,;&()\[\]{{}}<>$]{{6,}})(?![\w.(\[])"
_MIXED = r"(?=\S*\d)(?=\S*[A-Za-z])"
_LOOSE = rf"{_NAME}:[ \t]{{1,3}}(?i:{_NOT_CODE})(?P<loose>{_MIXED}[^\s'\"`,;()\[\]{{}}<>$]{{8,}})(?!\S)"
_ASSIGNMENTS = {"quoted": _QUOTED, "tight": _TIGHT, "loose": _LOOSE}

_PLACEHOLDERS = re.compile(
    r"(?i)(?:x+|\*+|\.+|-+|changeme|change[_-]me|placeholder|dummy|example|redacted|password|secret|token"
    r"|your[_-].*|.*[_-]here|test|testing|fake|none|null|api[_-]?key|set[_-].*)"
)
# What a text (in lower case) must contain for a pattern to be worth trying: searching for it is some ten times faster.
_HINTS = {
    "private-key": ("private key",),
    "aws-key": ("akia", "asia", "agpa", "aroa", "aida"),
    "slack-token": ("xox", "xapp-"),
    "slack-webhook": ("hooks.slack",),
    "github-token": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    "gitlab-token": ("glpat-",),
    "model-key": ("sk-",),
    "stripe-key": ("k_live_", "k_test_"),
    "google-key": ("aiza", "ya29."),
    "registry-token": ("npm_", "pypi-", "dckr_pat_"),
    "sendgrid-key": ("sg.",),
    "jwt": ("eyj",),
    "bearer-token": ("bearer ", "basic "),
    "url-credentials": ("://",),
}
_WORDS = re.compile(r"[A-Za-z_.% -]+")
_PATTERNS = tuple((kind, _HINTS[kind], re.compile(pattern)) for kind, pattern in _ISSUED.items())
_NAMED_HINTS = ("pass", "secret", "token", "key", "credential")
# How a name of a secret ends, before what assigns a value to it. In lower case, so that a scan skips to the few letters
# that it may start with: the assignments themselves, tried at each letter, are most of what looking for secrets costs.
_NAME_END = r"(?:word|wd|phrase|secret|key|token|credentials?)['\"]?\s{0,3}[:=]"
_ENDS, _ENDS_IN_ANY_CASE = re.compile(_NAME_END), re.compile(_NAME_END, re.IGNORECASE)
_LONGEST_NAME = 20
_STARTS = re.compile(rf"(?={_NAME})")
_NAMED = tuple((group, re.compile(pattern)) for group, pattern in _ASSIGNMENTS.items())


@dataclass(frozen=True)
class Secret:
    """Where a secret stands in a text (``start`` to ``end``), of which kind; ``is_certain`` for issued formats."""

    kind: str
    start: int
    end: int
    is_certain: bool


def find_secrets(text: str) -> Iterator[Secret]:
    """What looks like secrets, in no particular order, possibly overlapping.

    The marks that ``redact`` leaves never look like one.
    """
    lower = text.lower()
    for kind, hints, pattern in _PATTERNS:
        if any(hint in lower for hint in hints):
            yield from (_issued(kind, match) for match in pattern.finditer(text) if not _is_example(kind, match[0]))
    if not any(hint in lower for hint in _NAMED_HINTS):
        return
    starts = _named(text, lower)
    for group, pattern in _NAMED:
        for match in _matches(pattern, text, starts):
            if not _PLACEHOLDERS.fullmatch(match[group]) and not _is_code(group, match):
                yield Secret("credential", match.start(group), match.end(group), is_certain=False)


def _named(text: str, lower: str) -> list[int]:
    """Where a name that says "secret" starts, if something assigns to it."""
    # Only in ASCII does lower case keep every character where it was.
    ends = _ENDS.finditer(lower) if text.isascii() else _ENDS_IN_ANY_CASE.finditer(text)
    found = {
        start.start()
        for end in ends
        for start in _STARTS.finditer(text, max(0, end.start() - _LONGEST_NAME), end.end())
    }
    return sorted(found)


def _matches(pattern: re.Pattern[str], text: str, starts: list[int]) -> Iterator[re.Match[str]]:
    """What ``finditer`` gives for a pattern that can only match from one of these places on."""
    position = 0
    for start in starts:
        match = pattern.match(text, start) if start >= position else None
        if match:
            position = match.end()
            yield match


def _issued(kind: str, match: re.Match[str]) -> Secret:
    # Anybody can write a URL with a colon in it; only its neighbours were made recognisable by an issuer.
    return Secret(kind, match.start(), match.end(), is_certain=kind != "url-credentials")


def _is_example(kind: str, text: str) -> bool:
    return kind == "url-credentials" and _PLACEHOLDERS.fullmatch(text.partition(":")[2]) is not None


def _is_code(group: str, match: re.Match[str]) -> bool:
    """Whether a value without digits reads as code: a variable (``token=bot_token``), or the name of something."""
    if not _WORDS.fullmatch(match[group]):
        return False
    if group == "tight":
        return "_" in match[group] or "." in match[group]
    return not match["name"].lower().startswith(("pass", "secret"))


def redact(text: str) -> str:
    """The text with every secret replaced by ``[redacted: kind]``. Doing it twice changes nothing.

    Repeats until nothing is found, because a mask can end the word that hid its neighbour; each pass turns more of the
    text into marks, so it ends.
    """
    while found := sorted(find_secrets(text), key=lambda secret: (secret.start, -secret.end)):
        parts, position = [], 0
        for secret in found:
            if secret.start >= position:
                parts += [text[position : secret.start], f"[redacted: {secret.kind}]"]
                position = secret.end
        text = "".join([*parts, text[position:]])
    return text
