"""Requirement files as pip reads them: what they include, what they name, and what they do with the project itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from posixpath import dirname, join, normpath

from deputy.environments.files import Files

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# A requirement that pip takes as one word: a name, perhaps extras, perhaps versions.
_PLAIN = re.compile(rf"{NAME.pattern}(?:\[[\w.,-]*\])?(?:(?:[<>~!]=?|===?)[\w.*+!,<>=~-]+)?", re.ASCII)
_OPTION = re.compile(r"(?:-(?P<short>[rce])\s*|--(?P<long>requirement|constraint|editable)[\s=]\s*)(?P<value>\S+)")
_COMMENT = re.compile(r"(?:^|\s)#.*")


def name_of(requirement: str) -> str:
    """The normalised name in a requirement (``PyTest[x]>=8`` is ``pytest``), or nothing."""
    found = NAME.match(requirement.strip())
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def plain_of(requirement: str) -> str:
    """A requirement in one word, without hashes and markers; the bare name where it says what a word can't."""
    bare = "".join(requirement.partition(";")[0].partition(" --")[0].split())
    return bare if _PLAIN.fullmatch(bare) else name_of(requirement)


@dataclass(frozen=True)
class RequirementFile:
    """A requirement file with all that it includes.

    ``read`` are the files' paths, ``names`` what they name after its normalised name, constraints left out. The project
    itself is built where they name it, and linked where they do that with ``-e``.
    """

    path: str
    read: tuple[str, ...]
    names: Mapping[str, str]
    builds_project: bool
    links_project: bool


def requirement_file(files: Files, path: str) -> RequirementFile:
    """The file at this path."""
    # Constraints say which version, never what is installed; what they include are constraints, too.
    waiting, read = [(path, False)], dict[tuple[str, bool], None]()
    names: dict[str, str] = {}
    builds = links = False
    while waiting:
        here = waiting.pop(0)
        where, is_constraint = here
        if here in read or not files.has(where):
            continue
        read[here] = None
        for line in files.text(where).splitlines():
            text = _COMMENT.sub("", line).strip()
            option = _OPTION.match(text)
            kind = (option["short"] or option["long"][0]) if option else ""
            if option and kind in {"r", "c"}:
                waiting.append((normpath(join(dirname(where), option["value"])), is_constraint or kind == "c"))
            elif option:
                links = links or _is_project(option["value"])
            elif _is_project(text):
                builds = True
            elif not is_constraint and name_of(text):
                names.setdefault(name_of(text), plain_of(text))
    return RequirementFile(path, tuple(dict.fromkeys(each for each, _ in read)), names, builds or links, links)


def _is_project(text: str) -> bool:
    return text.partition("[")[0].strip() in {".", "./"}
