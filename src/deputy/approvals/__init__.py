"""A requirement, votes, roles and the time to where a hold stands."""

from deputy.approvals.clicks import refusal
from deputy.approvals.standing import Standing, standing

__all__ = ["Standing", "refusal", "standing"]
