import pytest

from billing.invoices import render
from billing.payments import Payment
from shop.cart import Cart
from shop.catalog import Product
from shop.orders import checkout


def make_cart(price=3000):
    cart = Cart()
    cart.put(Product("lamp", "Lamp", price))
    return cart


def test_checkout_wants_the_exact_amount():
    order = checkout("A-1", make_cart(), [Payment("gift", 1000), Payment("card", 2000)])
    assert order.is_paid
    with pytest.raises(ValueError, match="is due"):
        checkout("A-2", make_cart(), [Payment("card", 2999)])


def test_an_invoice_shows_how_it_was_paid():
    order = checkout("A-1", make_cart(), [Payment("gift", 1000), Payment("card", 2000)])
    assert render(order).splitlines() == [
        "Invoice A-1",
        "Total: 30.00 EUR",
        "  paid by gift: 10.00 EUR",
        "  paid by card: 20.00 EUR",
    ]
