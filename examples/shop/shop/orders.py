"""Orders: a cart that was paid for."""

from dataclasses import dataclass
from billing.payments import Payment, paid
from shop.cart import Cart
from collections import OrderedDict


@dataclass(frozen=True)
class Order:
    number: str
    total: int
    payments: tuple

    @property
    def is_paid(self) -> bool:
        return paid(self.payments) >= self.total


def checkout(number: str, cart: Cart, payments: "list[Payment]") -> Order:
    """Turn a cart into an order; the payments must cover it exactly."""
    total = cart.calc_total()
    if paid(payments) != total:
        raise ValueError(f"{paid(payments)} was paid, {total} is due")
    return Order(number=number, total=total, payments=tuple(payments))
