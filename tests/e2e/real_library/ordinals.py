"""What the scripted model does about ordinals of the teens: looks, reads, writes the test first, repairs, runs all."""

import re

from deputy_playground.model.scripts import Conversation, Move, Script
from deputy_playground.model.scripts.conversation import done, use, without_numbers

TEST = "tests/test_ordinalize.py"
FOCUSED = f"python -m pytest -q -p no:cacheprovider {TEST}"
SUITE = "python -m pytest -q -p no:cacheprovider --doctest-modules boltons tests"
_FOUND = re.compile(r"^(?:\./)?(boltons/\w+\.py):(\d+):def ordinalize", re.MULTILINE)
_OLD = "        ext = _ORDINAL_MAP.get(numstr[-1], 'th')\n"
_NEW = """\
        # The teens (11th, 112th) end in th, whatever their last digit says.
        is_teen = numstr[-2:-1] == '1'
        ext = 'th' if is_teen else _ORDINAL_MAP.get(numstr[-1], 'th')
"""
_TEST_TEXT = """\
import pytest

from boltons.strutils import ordinalize


@pytest.mark.parametrize('number', [11, 12, 13, 111, 1012, '213'])
def test_ordinalize_teens(number):
    assert ordinalize(number) == '%sth' % number
    assert ordinalize(number, ext_only=True) == 'th'


@pytest.mark.parametrize('number, expected', [(1, '1st'), (22, '22nd'), (103, '103rd'), (1121, '1121st'), (10, '10th')])
def test_ordinalize_others(number, expected):
    assert ordinalize(number) == expected
"""


def _move(talk: Conversation) -> Move:
    found = talk.last("search")
    if found is None:
        return use("Where are ordinals made?", "search", pattern="def ordinalize", path="boltons")
    place = _FOUND.search(found)
    if place is None:
        return done(f"I found no function that makes ordinals: {found[:200]}", solved=False)
    path, line = place[1], int(place[2])
    if talk.last("read", path) is None:
        return use("I read the function.", "read", path=path, start=line - 5, end=line + 35)
    if not talk.count("edit", TEST):
        return use("First a test that shows it.", "edit", path=TEST, old="", new=_TEST_TEXT)
    return _repair(talk, path)


def _repair(talk: Conversation, path: str) -> Move:
    if not talk.count("run", FOCUSED):
        return use("It should fail for the teens, and only for them.", "run", command=FOCUSED)
    if not talk.count("edit", path):
        if _OLD not in without_numbers(talk.last("read", path) or ""):
            return done("The function does not look as I expected.", solved=False)
        return use("Only the last digit is looked at.", "edit", path=path, old=_OLD, new=_NEW)
    suite = talk.last("run", SUITE)
    if suite is None:
        return use("Now the whole suite.", "run", command=SUITE)
    if "failed" in suite or "passed" not in suite:
        return done("The suite does not pass after my change; a person should look.", solved=False)
    return done(
        f"`ordinalize` in {path} chose the suffix by the last digit alone: 11, 12 and 13 became 11st, 12nd and 13rd. "
        f"It looks at the digit before, too. {TEST} fails on the old code; the whole suite passes on the new."
    )


ORDINALS = Script("ordinals", lambda talk: "ordinalize" in talk.task, _move)
