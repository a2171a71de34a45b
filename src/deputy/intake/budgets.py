"""Which budget class a request asks for: "… with a large budget", "… budget: large"."""

import re
from collections.abc import Collection

from deputy.domain.policy.config import STANDARD

_NAME = r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?"
_IN_WORDS = re.compile(rf"[\s,;(]*\b(?:with|on|using|use) (?:an? |the )?(?P<name>{_NAME}) budget\b\)?", re.IGNORECASE)
_AS_SETTING = re.compile(rf"[\s,;(]*\bbudget ?[:=] ?`?(?P<name>{_NAME})`?\)?", re.IGNORECASE)


def budget_in(text: str, budgets: Collection[str]) -> tuple[str, str]:
    """The class that the text names, and the text without that; ``standard`` when it names none.

    A class that does not exist is returned only when it is written as a setting, which can mean nothing else.
    """
    for pattern in (_AS_SETTING, _IN_WORDS):
        for match in pattern.finditer(text):
            name = match["name"].casefold()
            if name in budgets or pattern is _AS_SETTING:
                return name, f"{text[: match.start()]}{text[match.end() :]}".strip()
    return STANDARD, text
