"""What personal data looks like: forms with check digits, or with a word beside them that says what they are.

Every expression is linear in the line: repetitions have upper bounds, and matches start at an edge only.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deputy.gates.personal_data import numbers as checks


@dataclass(frozen=True)
class _Form:
    """One kind: its title, its expression, what must be on the line for it to be tried, and the check of a match."""

    kind: str
    title: str
    pattern: re.Pattern[str]
    is_real: Callable[[str], bool]
    hint: re.Pattern[str]


def find_personal_data(line: str) -> Iterator[tuple[str, str]]:
    """For each piece of personal data that a line seems to hold, its kind and what people call it."""
    if _WORTH.search(line):
        for form in _FORMS:
            if form.hint.search(line):
                yield from ((form.kind, form.title) for match in form.pattern.finditer(line) if form.is_real(match[0]))


def worth_reading(text: str) -> Iterator[int]:
    """Offsets into a text of many lines: every line in which ``find_personal_data`` finds something has at least one.

    Each form asks for an ``@`` or for digits of this number and order, however it is spelled: nearly no line has them.
    """
    yield from (match.start() for match in _ADDRESSED.finditer(text))
    yield from (match.start() for match in _NUMBERED.finditer(text))


def names_people(text: str) -> bool:
    """Whether a table's beginning names columns that together are about people: a name, and something private."""
    top = text[:4_000]
    return _NAME_COLUMN.search(top) is not None and _PRIVATE_COLUMN.search(top) is not None


# Domains that are kept for examples (RFC 2606, RFC 6761), stand for one, or belong to machines; and names of files.
_NOBODYS = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost|local|internal|lan)(?:\.(?:com|net|org|edu))?$"
    r"|^(?:users\.)?no-?reply\.|\.gserviceaccount\.com$"
    r"|^(?:acme|foo|bar|baz|domain|company|email|x|y|a|b|site|host|server|your-?\w*|my-?\w*|some\w*|sample|placeholder"
    r"|corp|test\w*|example\w*|fake\w*|dummy)\."
    r"|\.(?:png|jpe?g|gif|svg|webp|py|js|ts|css|md|json|service|socket|timer|target|mount|tar|gz|whl|zip|so)$",
    re.IGNORECASE,
)
# Mailboxes that are an office's or a program's, or stand for one.
_OFFICES = re.compile(
    r"(?:no-?reply|do-?not-?reply|info|support|help|hello|contact|admin|administrator|root|git|postmaster|webmaster"
    r"|hostmaster|abuse|security|sales|billing|team|office|mail|user(?:name)?\d*|test\w*|foo|bar|example|sender"
    r"|recipient|you|your[._-]?\w*|me|someone|somebody|nobody|name|email|first\.last|firstname\.lastname|[\w-]*bot|ci"
    r"|dev|devops|ops|licens\w*|legal|privacy|press|jobs|news|newsletter|notifications?|service|api|python|actions?"
    r"|conduct|maintainers?|contributors?|opensource|community|feedback|marketing|hr|it|orders?|shop|store|customer)"
    r"(?:\+.*)?",
    re.IGNORECASE,
)


def _is_somebodys(address: str) -> bool:
    mailbox, _, domain = address.rpartition("@")
    is_named = not mailbox.isdigit() and len(mailbox) > 1 and not domain[0].isdigit()
    return is_named and not _NOBODYS.search(domain) and not _OFFICES.fullmatch(mailbox)


def _form(kind: str, title: str, pattern: str, is_real: Callable[[str], bool], hint: str) -> _Form:
    return _Form(kind, title, re.compile(f"{_START}(?:{pattern}){_STOP}"), is_real, re.compile(hint, re.IGNORECASE))


_START, _STOP = r"(?<![\w.+/#-])", r"(?![\w/=-]|\.\w)"  # edges: not inside a word, number, path, version or hash
_WORTH = re.compile(r"@|\d[\d ()./-]{4}")
_ADDRESSED = re.compile("@")
# Eight digits with little between them (telephones to dates), an IPv4 address, an IBAN from its check digits on, or a
# British insurance number from its first digit on.
_NUMBERED = re.compile(
    r"\d(?:(?:[ ()./-]{0,3}\d){7}|\d{0,2}\.\d{1,3}\.\d|\d ?[A-Z0-9]{4} ?[A-Z0-9]{4}|\d ?\d\d ?\d\d ?[A-D])"
)
_CALLING = r"(?:\b|_)(?:tel|phone|mobile|cell|fax|handy|telefon\w*|t[ée]l[ée]phone|portable|rufnummer|sms|whatsapp)"
_FORMS = (
    _form(
        "email",
        "somebody's e-mail address",
        r"(?<![:@%])[A-Za-z0-9][\w.+%-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,24}(?![@(])",
        _is_somebodys,
        "@",
    ),
    _form(
        "phone",
        "a telephone number",
        r"\+[1-9]\d{0,2}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}",
        checks.is_phone,
        r"\+\d",
    ),
    _form(
        "phone",
        "a telephone number",
        r"\(0?\d{2,4}\) ?\d{3,4}[ -]\d{3,4}|[2-9]\d\d-[2-9]\d\d-\d{4}"
        r"|0\d{1,4}(?:[ -]| ?/ ?)\d{2,4}(?:[ -]\d{2,4}){1,3}",
        checks.is_phone,
        _CALLING,
    ),
    _form(
        "iban",
        "a bank account number",
        r"[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?",
        checks.is_iban,
        r"[A-Z]{2}\d\d",
    ),
    _form("card", "a payment card number", r"\d(?:[ -]?\d){12,18}", checks.is_card, r"\d[\d -]{12}"),
    _form(
        "national-id",
        "a US social security number",
        r"\d{3}-\d\d-\d{4}|\d{3} \d\d \d{4}",
        checks.is_ssn,
        r"\d{3}-\d\d-\d{4}|\bssn|social.?security",
    ),
    _form(
        "national-id",
        "a German tax number",
        r"\d\d ?\d{3} ?\d{3} ?\d{3}",
        checks.is_tax_id,
        r"steuer|tax.?id|(?:\b|_)tin(?:\b|_)|idnr",
    ),
    _form(
        "national-id",
        "a French register number",
        r"[12][ .]?\d\d[ .]?\d\d[ .]?(?:\d\d|2[ABab])[ .]?\d{3}[ .]?\d{3}[ .-]?\d\d",
        checks.is_insee,
        r"[12][ .]\d\d[ .]\d\d[ .]|insee|s[ée]cu|(?:\b|_)nir(?:\b|_)",
    ),
    _form(
        "national-id",
        "a British insurance number",
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]",
        checks.is_nino,
        r"[A-Z]{2} \d\d \d\d|nino|national.?insurance|(?:\b|_)ni[_ -]?(?:no|num)",
    ),
    _form(
        "national-id",
        "a Dutch citizen number",
        r"\d{4}[. ]?\d\d[. ]?\d{3}",
        checks.is_bsn,
        r"(?:\b|_)bsn(?:\b|_)|burgerservice|sofi.?num",
    ),
    _form(
        "address",
        "somebody's IP address",
        r"(?:\d{1,3}\.){3}\d{1,3}",
        checks.is_public_address,
        r"client|visitor|customer|remote|\bip[ _-]?addr|x-forwarded|last[_ -]?login|source[_ -]?ip",
    ),
    _form(
        "birth-date",
        "a date of birth",
        r"(?:19|20)\d\d-\d\d-\d\d|\d\d[./]\d\d[./](?:19|20)\d\d",
        checks.is_birth_date,
        r"birth|(?:\b|_)dob(?:\b|_)|geburt|geboren|naissance|n[ée]e? le",
    ),
)
_COLUMN, _END = r"(?:^|[\s,;\t\"'`(<.|])", r"(?:$|[\s,;\t\"'`)>:|=])"
_NAME_COLUMN = re.compile(
    rf"{_COLUMN}(?:(?:full|first|last|given|family|sur|middle|maiden|patient|customer|employee)[_ -]?name|vorname"
    rf"|nachname|pr[ée]nom|name){_END}",
    re.IGNORECASE,
)
_PRIVATE_COLUMN = re.compile(
    rf"{_COLUMN}(?:(?:date[_ -]?of[_ -]?)?birth(?:[_ -]?(?:date|day))?|dob|geburtsdatum|ssn|social[_ -]?security"
    rf"(?:[_ -]?(?:no|number))?|national[_ -]?id|passport(?:[_ -]?(?:no|number))?|iban|salary|gehalt|diagnos[ei]s"
    rf"|blood[_ -]?type|(?:home|street)[_ -]?address|marital[_ -]?status|ethnicity|religion|phone"
    rf"(?:[_ -]?number)?|mobile){_END}",
    re.IGNORECASE,
)
