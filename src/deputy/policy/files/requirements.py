"""The grammar of a review's needs: ``role:senior=1;role:billing-owner=1``."""

import re

from deputy.domain.policy.approval_requirements import merge_requirements
from deputy.domain.policy.decision import ApprovalRequirement

ROLE = re.compile(r"role:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
NEED_FORM = "role:senior=1;role:billing-owner=1"
_MAX = 20
_COUNT = re.compile(r"[1-9][0-9]?\Z")


def parse_requirements(text: str) -> tuple[ApprovalRequirement, ...]:
    """The needs a text names, sorted by role; ``ValueError`` with the reason when it isn't one.

    ``-`` and the empty text are not accepted: whoever may leave needs out says so before asking.
    """
    return merge_requirements(_parse_need(part.strip(), seen) for seen in [set[str]()] for part in text.split(";"))


def _parse_need(text: str, seen: set[str]) -> ApprovalRequirement:
    role, equals, count = (part.strip() for part in text.partition("="))
    if not equals or not ROLE.match(role):
        raise ValueError(f"need {text!r} is not of the form role:name=count")
    if not _COUNT.match(count) or int(count) > _MAX:
        raise ValueError(f"need {text!r} asks for {count or 'no'} people: a whole number from 1 to {_MAX} is meant")
    if role in seen:
        raise ValueError(f"need names {role} twice")
    seen.add(role)
    return ApprovalRequirement(role=role, count=int(count))
