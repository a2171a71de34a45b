"""Text that shows one thing and is another: reordered, invisible, re-ended or look-alike."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from deputy.domain.changes.change import FileChange
from deputy.domain.changes.git_modes import LINK
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.domain.text.visible import is_hidden
from deputy.gates.framework.patch_under_review import PatchUnderReview, found

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BOM = "\ufeff"
_JOINER = "\u200d"
_SUSPECT = re.compile(r"[^\t\x20-\x7e]")
_SUSPECT_TEXT = re.compile(r"[^\t\n\x20-\x7e]")
_WORD = re.compile(r"\w+")
# Letters of other scripts that look like ASCII ones (from Unicode's table of confusables, the part that code is written
# in), each after its likeness. Full-width and mathematical letters are found by NFKC instead.
_LOOKS_LIKE = (
    "a\u0430\u03b1 b\u042c c\u0441\u03f2 d\u0501 e\u0435 g\u0261\u0581 h\u04bb\u0570 i\u0456\u03b9\u0131 "
    "j\u0458\u03f3 k\u043a\u03ba l\u04cf n\u0578\u03bd o\u043e\u03bf\u0585 p\u0440\u03c1 q\u051b\u0566 s\u0455 "
    "t\u03c4 u\u03c5\u057d\u0446 v\u0475\u03bd w\u051d\u03c9 x\u0445\u03c7 y\u0443\u03b3\u04af A\u0410\u0391 "
    "B\u0412\u0392 C\u0421\u03f9 E\u0415\u0395 G\u050c H\u041d\u0397 I\u0406\u0399 J\u0408 K\u041a\u039a "
    "M\u041c\u039c N\u039d O\u041e\u039f\u0555 P\u0420\u03a1 S\u0405\u054f T\u0422\u03a4 V\u0474 X\u0425\u03a7 "
    "Y\u04ae\u03a5 Z\u0396"
)
_ASCII_OF = {ord(other): group[0] for group in _LOOKS_LIKE.split() for other in group[1:]}
_FOREIGN = ("CYRILLIC", "ARMENIAN", "CHEROKEE", "FULLWIDTH LATIN", "MATHEMATICAL")
_FIX = "write it in plain characters, or as an escape"


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Ask a person about bidi controls, invisible characters, changed line ends and look-alike identifiers."""
    for file in case.written:
        if file.new_mode != LINK and b"\0" not in case.head(file):
            yield from _ends(case, file)
            yield from _lines(case, file)


def _ends(case: PatchUnderReview, file: FileChange) -> Iterator[Finding]:
    base, head = case.base(file), case.head(file)
    if head.startswith(b"\xef\xbb\xbf") and not base.startswith(b"\xef\xbb\xbf"):
        yield found(
            "text-tricks/bom", Severity.REVIEW, "A byte order mark is added", file.path, line=1, fix="remove it"
        )
    before, after = _line_end(base), _line_end(head)
    if before and after and before != after:
        message = f"Line ends change from {before} to {after}: every line differs, and the real change is hard to see"
        yield found("text-tricks/line-ends", Severity.REVIEW, message, file.path, fix=f"keep {before}")
    elif after == "mixed" and not before:
        yield found("text-tricks/line-ends", Severity.REVIEW, "Line ends are mixed", file.path, fix="use one kind")


def _line_end(content: bytes) -> str:
    windows = content.count(b"\r\n")
    unix = content.count(b"\n") - windows
    return "mixed" if windows and unix else "CRLF" if windows else "LF" if unix else ""


def _lines(case: PatchUnderReview, file: FileChange) -> Iterator[Finding]:
    if not _SUSPECT_TEXT.search(case.added_text(file)):
        return  # nearly every file
    plain: frozenset[str] | None = None
    for number, text in case.added(file):
        line = text.removesuffix("\r")
        if not _SUSPECT.search(line):
            continue
        yield from _hidden(file.path, number, line.removeprefix(_BOM) if number == 1 else line)
        if not line.isascii():
            if plain is None:
                plain = frozenset(word for word in _WORD.findall(case.texts(file)[1]) if word.isascii())
            yield from _look_alikes(file.path, number, line, plain)


def _hidden(path: str, number: int, line: str) -> Iterator[Finding]:
    counted = Counter(
        char for index, char in enumerate(line) if is_hidden(char) and char not in "\t\f" and not _joins(line, index)
    )
    for char, count in counted.items():
        name = unicodedata.name(char, f"U+{ord(char):04X}")
        rule = "text-tricks/bidi" if char in _BIDI else "text-tricks/invisible"
        what = "reorders what a reader sees" if char in _BIDI else "is not seen by a reader"
        yield found(rule, Severity.REVIEW, f"{name} ({count} ×) {what}", path, line=number, fix=_FIX)


def _joins(line: str, index: int) -> bool:
    """Whether this is the joiner inside an emoji, which is how families and flags are written."""
    around = line[index - 1 : index] + line[index + 1 : index + 2]
    pictures = {"So", "Sk", "Mn"}
    return line[index] == _JOINER and len(around) > 1 and all(unicodedata.category(char) in pictures for char in around)


def _look_alikes(path: str, number: int, line: str, plain: frozenset[str]) -> Iterator[Finding]:
    for word in _WORD.findall(line):
        if not word.isascii() and _imitates(word, plain):
            message = f"{word!a} mixes scripts so that it can pass for {_skeleton(word)!a}"
            yield found("text-tricks/look-alike", Severity.REVIEW, message, path, line=number, fix=_FIX)


def _skeleton(word: str) -> str:
    return unicodedata.normalize("NFKC", word.translate(_ASCII_OF)).translate(_ASCII_OF)


def _imitates(word: str, plain: frozenset[str]) -> bool:
    """Whether the word is a Latin one with foreign letters in it, or reads like another word of the file."""
    skeleton = _skeleton(word)
    if skeleton.isascii() and (skeleton in plain or any(char.isascii() and char.isalpha() for char in word)):
        return skeleton != word
    is_latin = any("LATIN" in unicodedata.name(char, "") for char in word)
    return is_latin and any(unicodedata.name(char, "").startswith(_FOREIGN) for char in word)
