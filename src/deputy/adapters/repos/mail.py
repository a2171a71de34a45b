"""A change as one mail that a plain ``git am`` applies: the same arguments, the same bytes.

It is not made by ``git format-patch``, because a message is text of other people: a line in it that looks like a diff,
a header, a mailbox separator or a trailer would be read as one.
"""

import binascii
import re
import unicodedata
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, parseaddr

from deputy.domain.errors import BadInput
from deputy.ports import CommitText

_LONGEST_SUBJECT = 200
_TRAILER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_MISREAD = re.compile(r"diff |Index: |---|>*From |\[|[A-Za-z0-9-]+\s*:")


def mail(text: CommitText, patch: bytes, at: datetime) -> bytes:
    """The mail. ``at`` is the author date; ``patch`` is what follows the separator."""
    body = "\n\n".join(part for part in (_body(text.body), _trailers(text)) if part)
    content = f"{body}\n---\n".encode() + patch + b"-- \ndeputy\n"
    is_plain = b"\r" not in content and b"\0" not in content
    if not is_plain:  # ``git am`` drops carriage returns from plain lines
        content = b"\n".join(binascii.b2a_qp(line, istext=False) for line in content.split(b"\n"))
    subject = f"[PATCH] {_one_line(text.subject) or 'Change'}"[:_LONGEST_SUBJECT]
    headers = (
        f"From {'0' * 40} Mon Sep 17 00:00:00 2001",
        f"From: {_author(text.author)}",
        f"Date: {format_datetime(at)}",
        f"Subject: {_encoded(subject)}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=UTF-8",
        f"Content-Transfer-Encoding: {'8bit' if is_plain else 'quoted-printable'}",
    )
    return "\n".join((*headers, "", "")).encode() + content + b"\n"


def _one_line(text: str) -> str:
    return " ".join("".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text).split())


def _body(text: str) -> str:
    lines = [_one_line(line) for line in text.splitlines()]
    return "\n".join(f" {line}" if _MISREAD.match(line) else line for line in lines).strip("\n")


def _trailers(text: CommitText) -> str:
    for key, _ in text.trailers:
        if not _TRAILER.fullmatch(key):
            raise BadInput(f"{key!r} is no trailer", "letters, digits and dashes only", "rename it")
    return "\n".join(f"{key}: {_one_line(value)}" for key, value in text.trailers)


def _author(author: str) -> str:
    name, address = parseaddr(_one_line(author))
    return f"{_encoded(name or 'Deputy')} <{address or 'deputy@localhost'}>"


def _encoded(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=10_000).encode()
