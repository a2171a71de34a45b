"""Cards: readable, inert, and within Slack's limits whatever they hold."""

import json
import re
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.adapters.slack.events import read_clicks
from deputy.adapters.slack.identity import Identity
from deputy.adapters.slack.posting.blocks import MESSAGE, paragraph, render, weight
from deputy.adapters.slack.posting.text import clip, visible, width
from deputy.ports import Button, Card, Fact, Step
from tests.support.examples import examples
from tests.support.slack_double import check_blocks

MARKUP = ["<!channel>", "<@U0SAM>", "<http://evil.example|x>", "&amp;", "```"]
NASTY = st.sampled_from(["", " ", "\n", "\u202e", "\x00\x1b[2J", "\ud800", "😀", *MARKUP])
TEXT = st.one_of(
    st.text(max_size=20),
    st.lists(NASTY, max_size=5).map("".join),
    st.builds(lambda nasty, times: nasty * times, NASTY, st.sampled_from([1, 500, 3001])),
)
CARDS = st.builds(
    Card,
    headline=TEXT,
    status=TEXT,
    tone=st.sampled_from(["working", "asking", "waiting", "good", "bad", "?"]),
    facts=st.lists(st.builds(Fact, TEXT, TEXT, st.lists(TEXT, max_size=3).map(tuple)), max_size=12).map(tuple),
    steps=st.lists(st.builds(Step, st.sampled_from(["done", "now", "?"]), TEXT, TEXT), max_size=12).map(tuple),
    notes=st.lists(TEXT, max_size=10).map(tuple),
    code=TEXT,
    buttons=st.lists(
        st.builds(Button, TEXT, TEXT, TEXT, st.sampled_from(["", "primary", "danger", "pink"]), TEXT), max_size=30
    ).map(tuple),
    footer=TEXT,
)


@settings(max_examples=examples(80), deadline=None)
@given(CARDS)
def test_any_card_is_within_slacks_limits_and_inert(card: Card) -> None:
    blocks, text = render(card)
    check_blocks(blocks)  # type: ignore[arg-type]
    assert 1 <= width(text) <= 4000
    assert weight(blocks) == sum(width(found) for found in texts(blocks)) <= MESSAGE
    for source in [*texts(blocks, "mrkdwn"), text]:
        live = re.findall(r"<[^>]*>?", source)
        assert all(re.fullmatch(r"<@[UW][A-Z0-9]{2,20}>", found) for found in live), live
    for shown in [*texts(blocks), text]:
        assert visible(shown) == shown


@settings(max_examples=examples(60), deadline=None)
@given(TEXT)
def test_any_sentence_is_within_slacks_limits(sentence: str) -> None:
    blocks, text = paragraph(sentence, ["U0ALICE", "not an id"])
    check_blocks(blocks)  # type: ignore[arg-type]
    assert text.startswith("<@U0ALICE>")


def texts(blocks: object, kind: str = "") -> list[str]:
    """Every text object's text, of one kind or of all."""
    if isinstance(blocks, list):
        return [found for block in blocks for found in texts(block, kind)]
    if not isinstance(blocks, dict):
        return []
    own = [str(blocks["text"])] if isinstance(blocks.get("text"), str) and kind in {"", str(blocks["type"])} else []
    return own + [found for value in blocks.values() for found in texts(value, kind)]


def test_an_approver_sees_what_where_who_why_and_the_buttons() -> None:
    card = Card(
        headline="Fix rounding of split refunds",
        status="Waiting for sign-off",
        tone="waiting",
        facts=(
            Fact("Repository", "acme/shop"),
            Fact("Asked by", people=("U0ALICE",)),
            Fact("Needs", "1 senior"),
        ),
        steps=(Step("done", "Checks pass", "42 tests"), Step("wait", "Sign-off", "until Friday")),
        notes=("billing/ is reviewed (rule r-bill)",),
        code=" billing/refunds.py | 4 +++-",
        buttons=(
            Button("deputy.approve", "n", "Approve", "primary"),
            Button("deputy.deny", "n", "Deny", "danger", "Sure?"),
        ),
        footer="D-7K2M9QXA",
    )
    blocks, text = render(card)
    kinds = [block["type"] for block in blocks]
    assert kinds == ["header", "section", "section", "section", "section", "section", "actions", "context"]
    shown = "\n".join(texts(blocks))
    assert "✋ *Waiting for sign-off*" in shown
    assert "*Asked by*\n<@U0ALICE>" in shown
    assert "✅ Checks pass · 42 tests\n✋ Sign-off · until Friday" in shown
    assert shown.index("rule r-bill") < shown.index("Checks pass")  # why comes before how far
    assert "```\n billing/refunds.py | 4 +++-\n```" in shown
    assert text.splitlines()[0] == "✋ Fix rounding of split refunds — Waiting for sign-off"


def test_a_value_cannot_pretend_to_be_another_line() -> None:
    (_, _, section), _ = render(Card("h", "s", facts=(Fact("Goal", "x\n*Approved by*\n<@U0SAM>"),)))
    assert texts(section) == ["*Goal*\nx *Approved by* &lt;@U0SAM&gt;"]


def test_code_cannot_leave_its_fence_and_says_when_it_is_cut() -> None:
    blocks, _ = render(Card("h", "s", code="a\n```\n*bold*\n" + "x" * 5000))
    (source,) = texts(blocks[-1])
    assert source.count("```") == 2
    assert "full text is in the thread" in source


def test_code_keeps_its_indentation_and_shows_bidi_controls() -> None:
    blocks, _ = render(Card("h", "s", code="    if admin\u202e:\n\treturn"))
    assert texts(blocks[-1]) == ["```\n    if admin⟨U+202E⟩:\n\treturn\n```"]


def test_choices_of_one_question_get_ids_of_their_own_and_come_back_as_one() -> None:
    choices = tuple(Button("deputy.answer", f"acme/{name}", name) for name in ("shop", "site", "docs"))
    blocks, _ = render(Card("h", "s", buttons=choices))
    elements = blocks[-1]["elements"]
    assert isinstance(elements, list)
    check_blocks(blocks)  # type: ignore[arg-type]
    body = {
        "user": {"id": "U0ALICE", "team_id": "T0ACME"},
        "container": {"channel_id": "C0SHOP", "message_ts": "1.1"},
        "actions": [dict(element) | {"action_ts": "2.2"} for element in elements if isinstance(element, dict)],
    }
    clicks = read_clicks(json.loads(json.dumps(body)), Identity("T0ACME", "U0DEPUTY", "B1"), datetime.now(UTC))
    assert [(click.action, click.value) for click in clicks] == [
        ("deputy.answer", "acme/shop"),
        ("deputy.answer", "acme/site"),
        ("deputy.answer", "acme/docs"),
    ]
    assert len({click.key for click in clicks}) == 3


def test_a_button_that_would_be_cut_is_left_out_and_said() -> None:
    blocks, _ = render(Card("h", "s", buttons=(Button("deputy.ok", "v" * 2001, "OK"),)))
    assert texts(blocks[-1]) == ["… and 1 more button"]


def test_clip_never_splits_an_escape_or_a_surrogate_pair() -> None:
    assert clip("ab&amp;cd", 5) == "ab…"
    assert clip("😀😀😀", 4) == "😀…"
    assert clip("short", 5) == "short"


def test_a_message_too_long_as_a_whole_loses_the_dispensable_parts_first() -> None:
    long = "word " * 800
    card = Card(
        headline=long,
        status=long,
        facts=(Fact(long, long, ("U0ALICE",) * 9),) * 10,
        steps=(Step("done", long, long),) * 20,
        notes=(long,) * 20,
        code=long * 9,
        buttons=(Button("deputy.answer", "v", long, "primary", long),) * 30,
        footer=long,
    )
    blocks, _ = render(card)
    check_blocks(blocks)  # type: ignore[arg-type]
    assert weight(blocks) <= MESSAGE
    kinds = [block["type"] for block in blocks]
    assert {"header", "actions"} <= set(kinds)
    assert any("code left out" in text for text in texts(blocks))


def test_only_slacks_own_links_can_be_followed() -> None:
    ours = "https://acme.example/archives/C0SHOP/p1?a=1&b=2"
    blocks, text = paragraph(f"Decide: {ours}\nnot {ours}0 or https://evil.example", links=(ours,))
    (shown,) = texts(blocks)
    assert shown.splitlines() == [
        "Decide: <https://acme.example/archives/C0SHOP/p1?a=1&amp;b=2|Open in Slack>",
        "not https://acme.example/archives/C0SHOP/p1?a=1&amp;b=20 or https://evil.example",
    ]
    assert "<" not in text
    assert all(block["text"]["verbatim"] is True for block in blocks)  # type: ignore[index, call-overload]


def test_a_long_answer_is_spread_over_sections() -> None:
    blocks, _ = paragraph("\n".join(f"{number} task:queued by user:T0ACME/U0ALICE" for number in range(400)))
    check_blocks(blocks)  # type: ignore[arg-type]
    assert len(blocks) == 5
    assert texts(blocks)[-1].startswith("… and ")
    shown = "\n".join(texts(blocks)[:-1]).splitlines()
    assert shown == [f"{number} task:queued by user:T0ACME/U0ALICE" for number in range(len(shown))]
