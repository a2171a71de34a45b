"""The shop: products, carts, discounts and orders."""
