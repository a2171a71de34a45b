"""Products and their prices."""

import os
from dataclasses import dataclass
from typing import List, Optional


@dataclass(frozen=True)
class Product:
    sku: str
    name: str
    price: int
    tags: tuple = ()


class Catalog:
    """Products by SKU."""

    def __init__(self, products: Optional[List[Product]] = None):
        self._by_sku = {}
        for product in products or []:
            self.add(product)

    def add(self, product: Product) -> None:
        if product.sku in self._by_sku:
            raise ValueError(f"there is a product {product.sku} already")
        self._by_sku[product.sku] = product

    def find(self, sku: str) -> Product:
        try:
            return self._by_sku[sku]
        except KeyError:
            raise LookupError(f"no product {sku}") from None

    def tagged(self, tag: str) -> List[Product]:
        return [product for product in self._by_sku.values() if tag in product.tags]
