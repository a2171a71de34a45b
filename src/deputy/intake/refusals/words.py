"""A request's text → words that rules are matched on, whatever it was dressed up in."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from deputy.domain.text.visible import is_hidden

ADDRESS = "<address>"  # how phrases write any web address, mail address or IP address

_LETTERS_OF_OTHER_SCRIPTS = str.maketrans(
    "аеорсухіѕјԁӏһвкмнтгиοαερικντυχωßøđłı",
    "aeopcyxisjdlhbkmhtrnoaepikvtuxwsodli",
)
_LEET = str.maketrans("0345789@$!", "oeastbgasi")
_ONE = str.maketrans("1|", "ll"), str.maketrans("1|", "ii")
_ADDRESS = re.compile(
    r"(?:https?|ftps?|wss?|s3|gs|ssh|tcp|udp)://\S+|www\.\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?:/\S*)?"
    r"|[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|io|ru|cn|site|xyz|info|biz|onion|example|invalid|tk|me|cc)(?:[:/]\S*)?"
)
_CHUNK = re.compile(r"\S+|\n[ \t]*\n|\n|[^\S\n]{2,}")
_FILE = re.compile(
    r"[\w./\\@+~-]*\w\.[a-z][a-z0-9]{0,5}|\.{0,2}/[\w./+~-]+|[\w.+~-]+/(?:[\w.+~-]*/)+[\w.+~-]*|[\w.+~-]+/|\.[a-z][\w.-]*"
)
_IN_NAMES = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[\w@$!|'&]*\w[$!|]*|[.!?;:…]+|[,()\[\]{}–—/]|-+(?=\s|\Z)|>")
_BULLET = re.compile(r"[-•*‣–]|\d{1,2}[.)]")
_SMALL_WORDS = frozenset(["the", "all", "every", "our", "their", "your", "to", "and", "from", "of", "my"])
_OUTSIDE = "\"'“”‘’«»()[]{}<>,;:!?…"
_FEWEST_SPACED = 4
_SHORT = 3  # letters that stay of any word
_LONGEST_CHUNK = 500


class Gap(IntEnum):
    """What stands between a word and the one before it."""

    NONE = 0
    WIDE = 1  # more than one space
    COMMA = 2
    LINE = 3
    SENTENCE = 4


@dataclass(frozen=True)
class Word:
    """``raw`` is the folded word; ``stems`` what it may stand for. A ``name`` (of code, a file) can't be an order."""

    raw: str
    stems: tuple[str, ...]
    is_name: bool = False
    gap: Gap = Gap.NONE


def words_of(text: str) -> tuple[Word, ...]:
    """The words of a text without Slack's markup. Takes time linear in its length."""
    return tuple(_without_spacing_out(list(_words(fold(text)))))


def fold(text: str) -> str:
    """Letters as a reader sees them: compatibility forms, look-alikes and accents as plain ones. Case is kept."""
    kept = "".join(" " if char == "\u3164" else char for char in text if char in "\n\t" or not is_hidden(char))
    split = unicodedata.normalize("NFKD", kept)
    bare = "".join(char for char in split if not unicodedata.combining(char))
    lower = bare.translate(_LETTERS_OF_OTHER_SCRIPTS).replace("’", "'")
    # Look-alike capitals of other scripts have no place in names of code: they may lose their case.
    return "".join(char if char.isascii() else char.casefold().translate(_LETTERS_OF_OTHER_SCRIPTS) for char in lower)


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """A word without its English ending: "logging", "logs" and "logged" are "log". Made to be the same, not nice."""
    bare = word.removesuffix("'s")
    if len(bare) > _SHORT and bare.endswith("s") and not bare.endswith(("ss", "us", "is")):
        bare = bare[:-1]
    for ending in ("ing", "ed"):
        if bare.endswith(ending) and len(bare) >= len(ending) + 3:
            bare = bare.removesuffix(ending)
            break
    if len(bare) > _SHORT:
        bare = bare.removesuffix("e")
    if len(bare) > _SHORT and bare[-1] == bare[-2]:
        bare = bare[:-1]
    return bare[:-1] + "i" if len(bare) >= _SHORT and bare.endswith("y") else bare


def _words(text: str) -> Iterator[Word]:
    gap, starts_line = Gap.SENTENCE, True
    for match in _CHUNK.finditer(text):
        chunk = match[0]
        if chunk[0] == "\n":
            gap, starts_line = max(gap, Gap.LINE if chunk == "\n" else Gap.SENTENCE), True
            continue
        if chunk.isspace():
            gap = max(gap, Gap.WIDE)
            continue
        if starts_line and _BULLET.fullmatch(chunk):
            gap = Gap.SENTENCE
            continue
        starts_line = False
        for word in _of_chunk(chunk):
            if isinstance(word, Gap):
                gap = max(gap, word)
            else:
                yield Word(word.raw, word.stems, word.is_name, gap)
                gap = Gap.NONE


def _of_chunk(chunk: str) -> Iterator[Word | Gap]:
    """The words between two spaces, and the gaps that its marks make."""
    bare = chunk.strip(_OUTSIDE + "*~_`").rstrip(".`") if len(chunk) < _LONGEST_CHUNK else chunk
    is_code = "`" in chunk and chunk.strip(_OUTSIDE + ".*~_").startswith("`") and chunk.count("`") > 1
    if _ADDRESS.fullmatch(bare.casefold()):
        yield Word(ADDRESS, (ADDRESS,))
    elif is_code or _is_name(bare):
        for part in _IN_NAMES.findall(_CAMEL.sub(" ", bare)):
            yield _word(part, is_name=True)
    else:
        yield from _plain(chunk)
        return
    if chunk[-1:] in ".!?;:…":
        yield Gap.SENTENCE
    elif chunk[-1:] in ",)":
        yield Gap.COMMA


def _is_name(bare: str) -> bool:
    """Whether it is a file or an identifier, and not a sentence with its spaces filled in."""
    if _FILE.fullmatch(bare.casefold()):
        return True
    parts = bare.casefold().split("_")
    return len(parts) > 1 and bare.replace("_", "a").isalnum() and not _SMALL_WORDS.intersection(parts)


def _plain(chunk: str) -> Iterator[Word | Gap]:
    for piece in _WORD.findall(re.sub(r"[*~`]|(?<![^\W_])_|_(?![^\W_])", "", chunk).replace("_", " ")):
        if piece[0] in ".!?;:…>" and not piece[-1].isalnum():
            yield Gap.SENTENCE
        elif piece[0] in ",()[]{}–—-/":
            if piece not in "/[]{}":
                yield Gap.COMMA
        elif word := piece.strip("'|&").rstrip("!"):
            yield _word(word)


def _word(text: str, *, is_name: bool = False) -> Word:
    raw = text.casefold().lstrip("@")
    forms = [raw]
    if any(char in "0134578@$!|9" for char in raw) and any(char.isalpha() for char in raw):
        forms += [raw.translate(_LEET).translate(one) for one in _ONE]
    return Word(forms[-1] if len(forms) > 1 else raw, tuple(dict.fromkeys(stem(form) for form in forms)), is_name)


def _without_spacing_out(words: list[Word]) -> Iterator[Word]:
    """Runs of single letters ("p a s s w o r d") as the one word that they spell."""
    run: list[Word] = []
    for word in [*words, None]:
        if word is not None and len(word.raw) == 1 and not (run and word.gap is Gap.WIDE):
            run.append(word)
            continue
        if len(run) >= _FEWEST_SPACED:
            joined = _word("".join(letter.raw for letter in run))
            yield Word(joined.raw, joined.stems, False, run[0].gap)
        else:
            yield from run
        run = []
        if word is not None and len(word.raw) == 1:
            run.append(word)
        elif word is not None:
            yield word
