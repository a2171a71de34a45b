"""Under whose terms code stands: licence files, headers and metadata, on both sides of the patch."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from deputy.domain.changes.change import ChangeKind, FileChange
from deputy.domain.changes.folding import fold
from deputy.domain.changes.git_modes import LINK
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.gates.framework.patch_under_review import PatchUnderReview, found, resembles

_FILE = re.compile(
    r"(?:un)?licen[sc]es?|copying(?:\.lesser)?|notices?|copyright|patents|third[-_. ]?party[-_. ]?[\w.-]*|reuse\.toml"
    r"|(?:licen[sc]e|copying|notice|copyright)[-_.][\w.-]*"
)
_FOLDERS = ("**/licenses/**", "**/licences/**", ".reuse/**", "**/*.license")
_CODE = (
    ".py", ".js", ".jsx", ".ts", ".tsx", ".go", ".rs", ".java", ".rb", ".php", ".c", ".h", ".cc", ".cpp", ".cs", ".sh",
)  # fmt: skip
_SPDX = re.compile(r"SPDX-License-Identifier:\s*([^\s*/<#\"'-][^\n*<\"']{0,80})", re.IGNORECASE)
_OWNER = re.compile(r"^[\W_]{0,12}(?:SPDX-FileCopyrightText:|Copyright\b|\(c\)\s|©)[^\n]{0,200}", re.I | re.M)
_TOP = 8_000  # characters at the top of a file in which a header stands
_TITLE = 300  # characters at the top of a licence that name it
_YEARS = re.compile(r"\b(?:19|20)\d\d\b(?:\s*[-–,]\s*(?:(?:19|20)\d\d|present))*", re.IGNORECASE)
# Sentences that only the header or text of this family of licences has, in the order in which they are tried.
_FAMILIES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "AGPL": re.compile(r"\bAGPL|GNU AFFERO GENERAL PUBLIC", re.I),
        "LGPL": re.compile(r"\bLGPL|GNU (?:LESSER|LIBRARY) GENERAL PUBLIC", re.I),
        "GPL": re.compile(r"(?<![AL])\bGPL(?:-|v)?[23]|GNU GENERAL PUBLIC LICENSE", re.I),
        "MPL": re.compile(r"\bMPL-[12]|Mozilla Public License", re.I),
        "EPL": re.compile(r"\bEPL-[12]|Eclipse Public License", re.I),
        "SSPL": re.compile(r"\bSSPL\b|Server Side Public License", re.I),
        "BUSL": re.compile(r"\bBUSL-1|Business Source License", re.I),
        "CC": re.compile(r"\bCC-BY|Creative Commons Attribution", re.I),
        "Apache": re.compile(r"\bApache-2|Licensed under the Apache License|Apache License,?\s{1,80}Version 2", re.I),
        "BSD": re.compile(r"\bBSD-[0234]|Redistribution and use in source and binary forms", re.I),
        "MIT": re.compile(r"\bMIT\b(?= License|$|\s*\))|Permission is hereby granted, free of charge", re.I | re.M),
        "ISC": re.compile(r"\bISC License|Permission to use, copy, modify, and(?:/or)? distribute this software", re.I),
        "proprietary": re.compile(r"All rights reserved\.?[^\n]{0,40}$|proprietary and confidential", re.I | re.M),
    }
)
_REPOSITORY = ("LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "COPYING", "pyproject.toml", "package.json")
_PROSE = (".md", ".rst", ".txt", ".adoc", ".json", ".lock", ".toml", ".csv")
_ASK = "leave it as it was; whoever answers for licences decides about it"


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Ask a person wherever terms, their owners or their notices change, or foreign code comes in under its own."""
    own = _own_family(case)
    for file in case.files:
        if _is_terms(file.path):
            message = f"A file with licence terms or notices is {file.kind}"
            yield found("licences/file", Severity.REVIEW, message, file.path, fix=_ASK)
        elif file.kind is not ChangeKind.MODE and file.new_mode != LINK:
            yield from _headers(case, file, own)
            yield from _metadata(case, file)


def _is_terms(path: str) -> bool:
    name = fold(path).rpartition("/")[2]
    return not name.endswith(_CODE) and (_FILE.fullmatch(name) is not None or resembles(_FOLDERS, path))


def _headers(case: PatchUnderReview, file: FileChange, own: str) -> Iterator[Finding]:
    if file.path.lower().endswith(_PROSE) or file.kind is ChangeKind.DELETED:
        return
    tops = [text[:_TOP] for text in case.texts(file)]
    before, after = (_header(text) for text in tops)
    if file.kind is ChangeKind.ADDED:
        yield from _foreign(file, after, own)
    elif (old := _spdx(tops[0])) and old != (new := _spdx(tops[1])):
        message = (
            f"The licence that the file names goes from {old} to {new}" if new else f"The file's {old} tag is gone"
        )
        yield found("licences/header", Severity.REVIEW, message, file.path, fix="restore the header")
    elif (was := _family(before)) and was != _family(after):
        message = f"The file's {was} licence header is removed or replaced"
        yield found("licences/header", Severity.REVIEW, message, file.path, fix="restore the header")
    if gone := _owners(before) - _owners(after):
        message = f"A copyright line is removed or altered: {min(gone)[:120]}"
        yield found("licences/copyright", Severity.REVIEW, message, file.path, fix="restore the line")


def _foreign(file: FileChange, text: str, own: str) -> Iterator[Finding]:
    theirs = _family(_spdx(text)) or _family(text)
    if theirs and own and theirs != own:
        message = f"A new file stands under {theirs} terms, and this repository under {own}: it may be copied code"
        fix = "write it anew, or have whoever answers for licences agree to the terms"
        yield found("licences/foreign", Severity.REVIEW, message, file.path, fix=fix)


def _metadata(case: PatchUnderReview, file: FileChange) -> Iterator[Finding]:
    if resembles(("**/pyproject.toml", "**/package.json", "**/cargo.toml", "**/composer.json"), file.path):
        before, after = (_declared(file.path, text) for text in case.texts(file))
        if before != after and before:
            message = f"The declared licence goes from {before} to {after or 'nothing'}"
            yield found("licences/metadata", Severity.REVIEW, message[:300], file.path, fix=_ASK)


def _declared(path: str, text: str) -> str:
    """The licence that a manifest declares, in its own words; nothing when it can't be read (``dependencies`` says)."""
    try:
        document = json.loads(text) if path.lower().endswith(".json") else tomllib.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    tables = [document, *(document.get(name, {}) for name in ("project", "package"))]
    poetry = document.get("tool", {}).get("poetry", {}) if isinstance(document.get("tool", {}), dict) else {}
    keys = ("license", "licence", "licenses", "license-files", "license-file")
    found_keys = [
        json.dumps(table[key], sort_keys=True, default=str)
        for table in (*tables, poetry)
        if isinstance(table, dict)
        for key in keys
        if key in table
    ]
    return ", ".join(found_keys)


def _own_family(case: PatchUnderReview) -> str:
    """Under which family of terms the repository stands, by its licence file or manifest on the base side."""
    for path in _REPOSITORY:
        content = case.read("base", path)
        if content:
            text = content.decode("utf-8", "replace")
            declared = _declared(path, text) if path.endswith((".toml", ".json")) else text[:_TOP]
            # Its title first: licences name others further down.
            if family := _family(declared[:_TITLE].strip('"')) or _family(declared):
                return family
    return ""


_COMMENTS = ("#", "//", "--", ";", "%", "'", "*", "<?", "..", "/*", '"""', "<!--")
_BLOCKS = (("/*", "*/"), ('"""', '"""'), ("'''", "'''"), ("<!--", "-->"))


def _header(text: str) -> str:
    """The comments that a file begins with: everything before its first line of code."""
    lines, closing = [], ""
    for line in text.split("\n"):
        content = line.strip()
        if closing:
            closing = "" if closing in content else closing
        elif content and not content.startswith(_COMMENTS):
            break
        else:
            closing = next((end for start, end in _BLOCKS if _opens(content, start, end)), "")
        lines.append(line)
    return "\n".join(lines)


def _opens(content: str, start: str, end: str) -> bool:
    return content.startswith(start) and end not in content[len(start) :]


def _family(text: str) -> str:
    return next((name for name, pattern in _FAMILIES.items() if pattern.search(text)), "")


def _spdx(text: str) -> str:
    """The last SPDX expression of a header, spaces made one."""
    return " ".join(" ".join(_SPDX.findall(text)[-1:]).split())


def _owners(text: str) -> frozenset[str]:
    """Copyright lines without their years: another year is no other owner."""
    return frozenset(re.sub(r"\W+", " ", _YEARS.sub("", line)).strip().lower() for line in _OWNER.findall(text))
