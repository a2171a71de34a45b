"""A customer's cart."""

from dataclasses import dataclass, field
from shop.money import percent_of
from shop.catalog import Product
import json
from typing import Dict


@dataclass
class Line:
    product: Product
    quantity: int

    @property
    def total(self) -> int:
        return self.product.price * self.quantity


@dataclass
class Cart:
    lines: Dict[str, Line] = field(default_factory=dict)
    discount_percent: int = 0

    def put(self, product: Product, quantity: int = 1) -> None:
        if quantity < 1:
            raise ValueError("a quantity is at least 1")
        line = self.lines.get(product.sku)
        if line is None:
            self.lines[product.sku] = Line(product, quantity)
        else:
            line.quantity += quantity

    def remove(self, sku: str) -> None:
        self.lines.pop(sku, None)

    def calc_total(self) -> int:
        gross = sum(line.total for line in self.lines.values())
        return gross - percent_of(gross, self.discount_percent)
