"""Payments, possibly split over several methods."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Payment:
    method: str
    amount: int

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise ValueError("a payment is more than nothing")


def paid(payments: Iterable[Payment]) -> int:
    """What the payments sum to, in cents."""
    return sum(payment.amount for payment in payments)
