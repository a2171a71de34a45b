"""Refunds of split payments: each method gets back its part."""

from collections.abc import Sequence

from billing.payments import Payment, paid


def split_refund(payments: Sequence[Payment], amount: int) -> dict[str, int]:
    """How much of a refund goes back to each payment method, in proportion to what it paid."""
    total = paid(payments)
    if not 0 <= amount <= total:
        raise ValueError(f"cannot refund {amount} of {total}")
    if total == 0:
        return {}
    shares: dict[str, int] = {}
    for payment in payments:
        share = round(amount * payment.amount / total)
        shares[payment.method] = shares.get(payment.method, 0) + share
    return shares
