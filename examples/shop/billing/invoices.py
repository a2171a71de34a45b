"""Invoices as plain text."""

from shop.money import format_cents
from shop.orders import Order


def render(order: Order) -> str:
    """An invoice: the order's total and how it was paid."""
    lines = [f"Invoice {order.number}", f"Total: {format_cents(order.total)}"]
    for payment in order.payments:
        lines.append(f"  paid by {payment.method}: {format_cents(payment.amount)}")
    return "\n".join(lines)
