from datetime import date

import pytest

from shop.cart import Cart
from shop.discounts import apply_code

SPRING = date(2024, 4, 1)


def test_the_better_code_stays():
    cart = apply_code(Cart(), "staff30", SPRING)
    assert apply_code(cart, "WELCOME10", SPRING).discount_percent == 30


def test_codes_expire():
    with pytest.raises(ValueError, match="expired"):
        apply_code(Cart(), "SUMMER15", date(2024, 9, 1))


def test_unknown_codes_are_refused():
    with pytest.raises(ValueError, match="unknown"):
        apply_code(Cart(), "free stuff", SPRING)
