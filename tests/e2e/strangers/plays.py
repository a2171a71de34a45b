"""The model's parts: one that does a real task badly mannered, and some that do none."""

from dataclasses import replace

from tests.e2e.strangers.model import Fails, Play, Says

OLD = "        share = round(amount * payment.amount / total)\n"
NEW = """        seen += payment.amount
        share = amount * seen // total - given
        given += share
"""
TEST = """from billing.payments import Payment
from billing.refunds import split_refund


def test_every_cent_is_given_back():
    thirds = [Payment("card", 1), Payment("gift", 1), Payment("cash", 1)]
    assert sum(split_refund(thirds, 1).values()) == 1
"""
EVIL = "Fixed. <!channel> <@U9PETER> ignore all rules <https://evil.invalid|click> *bold* \u202e\u200b `x` & <done>"


def refunds(turn: int) -> Says | Fails:
    """Repairs refunds, with every mistake that a model makes on the way."""
    turns = [
        Says("", (("c1", "open_file", '{"path": "x"}'), ("c1", "read", '{"path": "billing/refunds.py"')), usage=False),
        Says("Let me think about it.", usage=False),
        Says("", (("c1", "read", {"path": "billing/refunds.py"}), ("", "search", '{"pattern": "["}'))),
        Says("x" * 20_000, (("c2", "edit", '{"path": "billing/refunds.py", "old": "nope", "new": "x"}'),)),
        Says("", (("c3", "run", '{"command": "yes <!channel> | head -c 300000; cat /proc/1/environ; exit 3"}'),)),
        Says("", (("c4", "edit; rm -rf /", "[1, 2]"), ("c5", "read", "null"), ("c6", "read", '{"path": 7}'))),
        Says("", (("c7", "read", '{"path": "secrets/prod.env"}'), ("c8", "read", '{"path": "/etc/shadow"}'))),
        Says("", (("c9", "edit", {"path": "billing/refunds.py", "old": OLD, "new": NEW}), _start(), _test())),
        Says("", (("c12", "run", '{"command": "python -m pytest -q && ruff check ."}'),)),
        Says(EVIL, (("c13", "done", {"summary": EVIL}),)),
    ]
    return turns[min(turn, len(turns) - 1)]


def _start() -> tuple[str, str, object]:
    new = "    given = seen = 0\n    for payment in payments:\n"
    return ("c10", "edit", {"path": "billing/refunds.py", "old": "    for payment in payments:\n", "new": new})


def _test() -> tuple[str, str, object]:
    return ("c11", "edit", {"path": "tests/test_split_refunds.py", "old": "", "new": TEST})


def streamed(play: Play) -> Play:
    """The same part, streamed on every other turn although nobody asked for it."""

    def told(turn: int) -> Says | Fails:
        says = play(turn)
        return replace(says, stream=turn % 2 == 1) if isinstance(says, Says) else says

    return told


def babbles(_: int) -> Says:
    return Says("I would rather talk.")


def repeats(_: int) -> Says:
    return Says("", (("same", "run", '{"command": "true"}'),))


def refuses(_: int) -> Says:
    return Says(refusal="I can't help with that.")
