"""Discount codes."""

from datetime import date
import re
import sys

from shop.cart import Cart

CODES = {"WELCOME10": 10, "SUMMER15": 15, "STAFF30": 30}
EXPIRES = {"SUMMER15": date(2024, 9, 1)}


def apply_code(cart: Cart, code: str, today: date) -> Cart:
    """Put a code's discount on a cart; the better one of two stays."""
    name = re.sub(r"\s+", "", code).upper()
    if name not in CODES:
        raise ValueError(f"unknown code {name}")
    if name in EXPIRES and today >= EXPIRES[name]:
        raise ValueError(f"the code {name} has expired")
    cart.discount_percent = max(cart.discount_percent, CODES[name])
    return cart
