"""Python expressions and statements that look like a check and are none: always true, caught, or never reached."""

import ast
from collections.abc import Sequence

_ANYTHING = frozenset({"Exception", "BaseException"})
_SWALLOWING = _ANYTHING | {"AssertionError"}
_PLAIN = frozenset({"assertTrue", "assertFalse", "assertEqual", "assertIs", "assertIsNone", "assertIsNotNone"})
_ENDS = ast.Return | ast.Raise | ast.Continue | ast.Break
_LITERALS = ast.List | ast.Tuple | ast.Set


def called(node: ast.Call) -> str:
    """The last word of what is called (``assertEqual`` of ``self.assertEqual``), or nothing."""
    return _last_word(node.func)


def names_anything(node: ast.expr) -> bool:
    """Whether the expected exception is one that any mistake would raise."""
    return _last_word(node) in _ANYTHING


def is_always_true(node: ast.expr) -> bool:
    """Whether an assertion of this can't fail, as far as it can be read off: constants, tuples, ``x == x``."""
    match node:
        case ast.Constant() | ast.Lambda():
            return isinstance(node, ast.Lambda) or bool(node.value)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return any(not isinstance(part, ast.Starred) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _is_always_false(operand)
        case ast.BoolOp(op=operator, values=values):
            of_them = any if isinstance(operator, ast.Or) else all
            return of_them(is_always_true(value) for value in values)
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is() | ast.LtE() | ast.GtE()], comparators=[right]):
            one = _plain(left)
            return one is not None and one == _plain(right)
    return False


def _is_always_false(node: ast.expr) -> bool:
    return (isinstance(node, ast.Constant) and not node.value) or (isinstance(node, _LITERALS) and not node.elts)


def is_tautology(node: ast.Call) -> bool:
    """Whether it asserts about constants only, as ``assertTrue(True)`` does."""
    return called(node) in _PLAIN and all(isinstance(each, ast.Constant) for each in node.args)


def reached(block: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    """The statements of a block up to the one that leaves it."""
    for position, each in enumerate(block):
        if isinstance(each, _ENDS):
            return block[: position + 1]
    return block


def never_fails(node: ast.AST) -> bool:
    """Whether nothing in the node's body can fail a test: it is never run, or what it raises is swallowed."""
    match node:
        case ast.If(test=test) | ast.While(test=test):
            return _is_always_false(test)
        case ast.Try(handlers=handlers):
            return any(_swallows(handler) for handler in handlers)
        case ast.With(items=items):
            return any(_suppresses(item.context_expr) for item in items)
    return False


def _swallows(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    if not any(each is None or _last_word(each) in _SWALLOWING for each in caught):
        return False
    return not any(_complains(node) for statement in handler.body for node in ast.walk(statement))


def _complains(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return called(node).startswith(("fail", "assert"))
    return isinstance(node, ast.Raise | ast.Assert)


def _suppresses(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and called(node) == "suppress"
        and any(_last_word(each) in _SWALLOWING for each in node.args)
    )


def _last_word(node: ast.expr | None) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _plain(node: ast.expr) -> tuple[object, ...] | None:
    """A constant, or a chain of names, as something to compare."""
    if isinstance(node, ast.Constant):
        return type(node.value), node.value
    words: list[object] = []
    while isinstance(node, ast.Attribute):
        words.append(node.attr)
        node = node.value
    return (*words, node.id) if isinstance(node, ast.Name) else None
