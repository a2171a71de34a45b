"""The tour's agent task on the sample shop: refunds of split payments whose shares don't sum to the refund."""

import re

from deputy_playground.model.scripts.conversation import Conversation, Move, Script, done, use, without_numbers

TEST = "tests/test_refund_rounding.py"
RUN_TESTS = "python -m pytest -q"
MAX_TEST_RUNS = 3

_DEFINITION = re.compile(r"^(?:\./)?([\w/.-]+\.py):\d+:\s*def \w*refund\w*", re.MULTILINE)
_BUGGY = re.compile(
    r"^    shares: .*?round\(amount \* payment\.amount / total\).*?\+ share\n", re.MULTILINE | re.DOTALL
)
_FIXED = """\
    shares: dict[str, int] = {}
    left, rest = amount, total
    for payment in payments:
        # Rounded on what is still to be given back: the shares then sum to the refund.
        share = (2 * left * payment.amount + rest) // (2 * rest)
        shares[payment.method] = shares.get(payment.method, 0) + share
        left, rest = left - share, rest - payment.amount
"""
_NEW_TEST = '''\
"""Refunds of split payments: nothing is lost or made up by rounding."""

import pytest

from billing.payments import Payment
from billing.refunds import split_refund

THIRDS = [Payment("gift", 100), Payment("card", 100), Payment("bank", 100)]


@pytest.mark.parametrize("amount", [1, 50, 100, 101, 199, 299])
def test_shares_sum_to_the_refund(amount):
    assert sum(split_refund(THIRDS, amount).values()) == amount


def test_no_method_gets_more_than_it_paid():
    shares = split_refund([Payment("gift", 1), Payment("card", 2), Payment("bank", 997)], 999)
    assert sum(shares.values()) == 999
    assert shares["gift"] <= 1 and shares["card"] <= 2 and shares["bank"] <= 997
'''


def _takes(conversation: Conversation) -> bool:
    task = conversation.task.lower()
    return "refund" in task and any(word in task for word in ("round", "split", "sum", "cent"))


def _move(conversation: Conversation) -> Move:
    found = conversation.last("search")
    if found is None:
        return use("Let me find where refunds are split.", "search", pattern="def .*refund", path=".")
    place = next((path for path in _DEFINITION.findall(found) if not path.startswith("tests/")), None)
    if place is None:
        return done("I found no function that splits refunds, so there is nothing that I could repair.", solved=False)
    source = conversation.last("read", place)
    if source is None:
        return use("It is split here. I read the whole file before I change it.", "read", path=place)
    return _repair(conversation, place, without_numbers(source) + "\n")


def _repair(conversation: Conversation, place: str, source: str) -> Move:
    buggy = _BUGGY.search(source)
    if buggy and not conversation.count("edit", place):
        why = "Each share is rounded by itself, so they need not sum to the refund. I round on what is left instead."
        return use(why, "edit", path=place, old=buggy[0], new=_FIXED)
    if not buggy and "left, rest" not in source:
        return done(f"{place} no longer has the rounding that the request speaks of.", solved=False)
    if not conversation.count("edit", TEST):
        why = "Now a regression test: thirds are what the old code gets wrong."
        return use(why, "edit", path=TEST, old="", new=_NEW_TEST)
    return _check(conversation, place)


def _check(conversation: Conversation, place: str) -> Move:
    output = conversation.last("run", RUN_TESTS)
    if output is None:
        return use("Do all tests pass?", "run", command=RUN_TESTS)
    if _all_pass(output):
        return done(
            f"Refunds of split payments were rounded share by share in {place}: a cent could be lost or made up (three "
            "equal payments, 100 cents back: 33 + 33 + 33). Each share is now rounded on what is still to be given "
            f"back: the shares sum to the refund, in whole cents. {TEST} fails on the old code."
        )
    if conversation.count("run", RUN_TESTS) >= MAX_TEST_RUNS:
        return done("The tests still fail after my change, and I don't see why. A person should look.", solved=False)
    if conversation.steps[-1].use.name == "run":
        return use("That fails. I look at the file as it is now.", "read", path=place)
    return use("I run the tests again, with more detail.", "run", command=f"{RUN_TESTS} -x --tb=short")


def _all_pass(output: str) -> bool:
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?)\b", output)}
    return counts.get("passed", 0) > 0 and set(counts) == {"passed"}


REFUNDS = Script("refunds", _takes, _move)
