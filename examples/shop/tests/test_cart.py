import pytest

from shop.cart import Cart
from shop.catalog import Catalog, Product

TEA = Product("tea", "Tea", 499, ("hot",))
MUG = Product("mug", "Mug", 1250)


def test_a_cart_adds_up():
    cart = Cart()
    cart.put(TEA, 2)
    cart.put(MUG)
    cart.put(TEA)
    assert cart.calc_total() == 3 * 499 + 1250


def test_a_discount_is_rounded_half_up():
    cart = Cart(discount_percent=10)
    cart.put(Product("pen", "Pen", 95))
    assert cart.calc_total() == 85


def test_nothing_is_not_a_quantity():
    with pytest.raises(ValueError):
        Cart().put(TEA, 0)


def test_a_catalog_finds_by_sku_and_tag():
    catalog = Catalog([TEA, MUG])
    assert catalog.find("tea") is TEA
    assert catalog.tagged("hot") == [TEA]
    with pytest.raises(LookupError):
        catalog.find("hat")
