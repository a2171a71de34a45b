"""What breaks for callers, carried out on both sides of a module, and named with its place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.gates import inspect
from tests.support.examples import examples

Pair = tuple[str | None, str | None]


def found(files: dict[str, Pair]) -> tuple[Finding, ...]:
    changes = [
        FileChange(
            path=path,
            kind=ChangeKind.ADDED if old is None else ChangeKind.DELETED if new is None else ChangeKind.MODIFIED,
            old_mode="000000" if old is None else "100644",
            new_mode="000000" if new is None else "100644",
            old_blob="a",
            new_blob="b",
        )
        for path, (old, new) in files.items()
    ]
    change = TreeChange(repo="acme/shop", base="b", base_tree="t", tree="u", digest="d", files=tuple(changes))

    def read(side: str, path: str) -> bytes | None:
        text = files.get(path, (None, None))[side == "head"]
        return None if text is None else text.encode()

    return tuple(f for f in inspect(change, read, None, {}, ()) if f.gate == "public-api")


def said(before: str | None, after: str | None, path: str = "src/shop/cart.py") -> list[tuple[str, int, str]]:
    return [(f.rule.split("/")[1], f.line, f.message) for f in found({path: (before, after)})]


BASE = """import os
from dataclasses import dataclass


class Base:
    def kept(self):
        return 1


class Cart(Base):
    limit = 3

    def add(self, item, count=1, *, note=""):
        return item

    def _secret(self):
        return 1


def total(items, tax: float = 0.2) -> float:
    return sum(items) * tax


def _private(a):
    return a


TAX = 0.2
"""
KIND = (
    "Function total of shop.cart: parameter tax is passed in another way"
    " (positional or keyword before, keyword-only now)"
)
ADDED = "Function total of shop.cart asks for a new parameter place, without a default"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("def total(", "def sum_up(", [("removed", 0, "Function total of shop.cart is gone")]),
        ("class Cart(Base)", "class Basket(Base)", [("removed", 0, "Class Cart of shop.cart is gone")]),
        ("    limit = 3\n", "", [("removed", 0, "Attribute Cart.limit of shop.cart is gone")]),
        ("TAX = 0.2", "RATE = 0.2", [("removed", 0, "Attribute TAX of shop.cart is gone")]),
        (
            "count=1",
            "count=2",
            [
                (
                    "parameter-default",
                    13,
                    "Function Cart.add of shop.cart: the default of parameter count goes from 1 to 2",
                )
            ],
        ),
        (
            "count=1, *",
            "count, *",
            [("parameter-required", 13, "Function Cart.add of shop.cart: parameter count must now be given")],
        ),
        (
            "(items, tax: float = 0.2)",
            "(items, *, tax: float = 0.2)",
            [
                ("parameter-kind", 20, KIND),
            ],
        ),
        (
            "(items, tax: float = 0.2)",
            "(items)",
            [("parameter-removed", 20, "Function total of shop.cart has no parameter tax any more")],
        ),
        (
            "(items, tax: float = 0.2)",
            "(items, place, tax: float = 0.2)",
            [
                ("parameter-added", 20, ADDED),
                ("parameter-moved", 20, "Function total of shop.cart: parameter tax has moved"),
            ],
        ),
        ("Cart(Base)", "Cart", [("base-removed", 10, "Class Cart of shop.cart is no longer a Base (bases now: none)"),
                                ("removed", 0, "Function Cart.kept of shop.cart is gone")]),
        ("TAX = 0.2", "def TAX(): ...",
         [("other-kind", 28, "Function TAX of shop.cart takes the place of another kind of thing (attribute)")]),
        (") -> float:", "):", [("return-type", 20, "Function total of shop.cart no longer says what it returns")]),
    ],
)  # fmt: skip
def test_what_callers_rely_on(old: str, new: str, expected: list[tuple[str, int, str]]) -> None:
    assert old in BASE
    assert sorted(said(BASE, BASE.replace(old, new))) == sorted(expected)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def _private(a)", "def _private(b, c)"),
        ("    def _secret(self):\n        return 1\n", ""),
        ("import os\n", ""),
        ("sum(items) * tax", "tax * sum(items)"),
        ("tax: float = 0.2)", "tax: float = 0.2, rounded=False)"),
        ('*, note=""', '*, note="", **more'),
        ("TAX = 0.2", "TAX = 0.25"),
        ("class Cart(Base):", "class Cart(Base):\n    '''A cart.'''\n"),
    ],
)
def test_what_nobody_relies_on(old: str, new: str) -> None:
    assert old in BASE
    assert said(BASE, BASE.replace(old, new)) == []


def test_a_method_that_moves_to_its_base_is_still_there() -> None:
    before = "class Base:\n    pass\n\n\nclass Cart(Base):\n    def add(self): ...\n"
    after = "class Base:\n    def add(self): ...\n\n\nclass Cart(Base):\n    pass\n"
    assert said(before, after) == []


_DATA = (
    "from dataclasses import dataclass\n\n\n@dataclass(frozen=True)\nclass Line:\n    name: str\n    count: int = 1\n"
)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("    name: str\n", "    name: str\n    price: int\n", ["parameter-added", "parameter-moved"]),
        ("count: int = 1", "count: int", ["parameter-required"]),
        ("count: int = 1", "count: int = 2", ["parameter-default"]),
        ("frozen=True", "frozen=True, kw_only=True", ["parameter-kind", "parameter-kind"]),
        ("    count: int = 1\n", "    count: int = 1\n    note: list = field(default_factory=list)\n", []),
        ("    count: int = 1\n", "    count: int = 1\n    LIMIT: ClassVar[int] = 3\n", []),
        ("    count: int = 1\n", "    count: int = 1\n    total: int = field(init=False)\n", []),
        ("@dataclass(frozen=True)", "@dataclasses.dataclass(frozen=True)", []),
    ],
)
def test_the_fields_of_a_dataclass_are_what_it_is_made_with(old: str, new: str, expected: list[str]) -> None:
    assert old in _DATA
    assert sorted(rule for rule, *_ in said(_DATA, _DATA.replace(old, new))) == expected


def test_all_names_what_is_public() -> None:
    before = "__all__ = ['a']\n\n\ndef a(): ...\n\n\ndef b(): ...\n"
    assert said(before, before.replace("def b", "def c")) == []
    assert [rule for rule, *_ in said(before, before.replace("def a", "def c"))] == ["removed"]


def test_deleted_and_moved_modules() -> None:
    assert said(BASE, None) == [("module-removed", 0, "Module shop.cart is gone: importing it fails")]
    moved = found({"src/shop/cart.py": (BASE, None), "src/shop/goods/basket.py": (None, BASE + "\nNEW = 1\n")})
    assert [f.message for f in moved] == [
        "Module shop.cart moves to shop.goods.basket: importing it by its old name fails"
    ]
    package = found({"src/shop/cart.py": (BASE, None), "src/shop/cart/__init__.py": (None, BASE)})
    assert package == ()


def test_a_name_that_moves_to_another_module_is_looked_for() -> None:
    files: dict[str, Pair] = {"shop/cart.py": (BASE, BASE.replace("def total", "def _total")),
                              "shop/sums.py": ("X = 1\n", "X = 1\n\n\ndef total(): ...\n")}  # fmt: skip
    assert [f.message for f in found(files)] == [
        "Function total of shop.cart is gone (one of that name is new in shop/sums.py)"
    ]


def test_what_a_package_hands_on() -> None:
    before = "import json\nfrom .cart import Cart, total\nfrom shop.cart import TAX\nfrom os import path\n"
    before += "from .more import *\n"
    after = "from .cart import Cart\n"
    assert [(rule, message) for rule, _, message in said(before, after, "shop/__init__.py")] == [
        ("re-export-removed", "TAX can no longer be imported from shop"),
        ("re-export-removed", "total can no longer be imported from shop"),
        ("re-export-removed", "what shop handed on with * can no longer be imported from shop"),
    ]
    listed = "from .cart import Cart\n__all__ = ['Cart']\n"
    assert [rule for rule, *_ in said(listed, "__all__ = []\n", "shop/__init__.py")] == ["removed"]
    assert said(before, after, "shop/cart.py") == []


@pytest.mark.parametrize(
    "path",
    ["tests/test_cart.py", "setup.py", "conftest.py", "docs/conf.py", "src/shop/_cart.py", "src/_shop/cart.py",
     "my-script.py", "scripts/x.py", "shop/migrations/0001.py", "shop/cart.txt"],
)  # fmt: skip
def test_what_is_not_offered_to_callers(path: str) -> None:
    assert said(BASE, "", path) == []
    assert said(BASE, None, path) == []


def test_a_side_that_does_not_parse_is_not_silence() -> None:
    for before, after in ((BASE, "def ("), ("print 1\n", BASE), (BASE, "a\0b"), (BASE, "(" * 5000)):
        assert [rule for rule, *_ in said(before, after)] == ["unparsable"]


def test_more_than_can_be_compared_is_said() -> None:
    files: dict[str, Pair] = {f"shop/m{n}.py": ("A = 1\n" + "# x\n" * 20_000, "B = 1\n") for n in range(10)}
    rules = [f.rule for f in found(files)]
    assert rules.count("public-api/not-compared") == 1
    assert rules.count("public-api/removed") < 10
    assert "more changed modules, from shop/m" in next(f for f in found(files) if f.rule.endswith("compared")).message


def test_nothing_of_a_module_is_run() -> None:
    hostile = "raise SystemExit\nimport os\nos.abort()\n"
    assert said(hostile, hostile + "x = 1\n") == []


_LINES = st.sampled_from(
    """class A(B):|class B(A):|class A(A):|    x: int = 1|    def f(self, a, *b, c=1, **d): ...|def f(a): ...|@f|del A
from . import *|from .a import b as c|__all__ = ['A'] + f.__all__|__all__ += 1|import a.b.c|if TYPE_CHECKING:
    from a import A|A = B = f|lambda: 0|    class A: ...|try:|else:|\t""".replace("|", "\n").splitlines()
)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(_LINES, max_size=8), st.lists(_LINES, max_size=8), st.sampled_from(["shop/__init__.py", "a.py"]))
def test_no_module_breaks_the_gate(before: list[str], after: list[str], path: str) -> None:
    for finding in found({path: ("\n".join(before), "\n".join(after))}):
        assert finding.rule != "public-api/failed"
        assert finding.severity is not Severity.DENY
        assert finding.path == path
        assert finding.fix
