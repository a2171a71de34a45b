"""Typing and reading: whatever a person types survives, and nothing that they type becomes markup by accident."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy_playground.page.export import visible_text
from deputy_playground.personas import CAST, CHANNELS
from deputy_playground.workspace.compose import Typist, readable

TYPIST = Typist(CAST, CHANNELS)
NAMES = {person.id: person.name for person in CAST}
TYPED = st.text(st.sampled_from("ab @#<>&`*_:/.\n!|") | st.characters(codec="utf-8"), max_size=60)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("@Deputy fix it", "<@U0DEPUTY> fix it"),
        ("@deputy, @Alice and @sam", "<@U0DEPUTY>, <@U0ALICE> and <@U0SAM>"),
        ("@nobody mail me@deputy.example", "@nobody mail me@deputy.example"),
        ("<@U0DEPUTY> in #shop-dev #9 a#b", "<@U0DEPUTY> in <#C0SHOP|shop-dev> #9 a#b"),
        ("see https://example.com/a?b=1&c=2.", "see <https://example.com/a?b=1&amp;c=2>."),
        ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
        ("`@Deputy <x>` is code", "`@Deputy &lt;x&gt;` is code"),
        ("@channel look", "<!channel> look"),
    ],
)
def test_what_slack_stores(typed: str, text: str) -> None:
    assert TYPIST.compose(typed)[0] == text


def test_the_blocks_say_the_same() -> None:
    _, (block,) = TYPIST.compose("@Deputy run `ls`:\n```\na < b\n```")
    section, pre = block["elements"]
    assert section["elements"][0] == {"type": "user", "user_id": "U0DEPUTY"}
    assert section["elements"][2] == {"type": "text", "text": "ls", "style": {"code": True}}
    assert pre == {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "a < b"}]}


@given(st.text(st.sampled_from("ab .&<>*_"), max_size=60))
def test_plain_words_come_back_as_typed(typed: str) -> None:
    text, _ = TYPIST.compose(typed)
    assert readable(text, NAMES) == typed


@given(TYPED)
def test_only_known_entities_are_made(typed: str) -> None:
    text, blocks = TYPIST.compose(typed)
    for entity in re.findall(r"<([^<>]*)>", text):
        assert re.match(r"[@#!]|https?:|mailto:", entity)
    assert bool(blocks) == bool(typed)
    readable(visible_text({"text": text, "blocks": blocks}), NAMES)
