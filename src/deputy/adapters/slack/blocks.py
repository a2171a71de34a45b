"""Cards as Block Kit. Pure: whatever the card holds, the result is inert text within Slack's limits.

Slack's documented limits: 50 blocks, section 3,000 characters, 10 fields of 2,000, header 150, button text 75, value
2,000, action id 255, 25 elements. The budgets here are lower, so that a card stays readable and its sum stays under
the undocumented limit on a whole message.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from pydantic import JsonValue

from deputy.adapters.slack.text import clip, escape, markup, markup_line, mentions, one_line, visible, width
from deputy.ports import Button, Card, Fact, Step

Block: TypeAlias = dict[str, JsonValue]

SECTION: Final = 2900
HEADLINE: Final = 150
STATUS: Final = 600
FACTS: Final = 10
FACT: Final = 300
LINE: Final = 400
FOOTER: Final = 300
CODE: Final = 2600
FALLBACK: Final = 3000
LABEL: Final = 75
VALUE: Final = 2000
ACTION_ID: Final = 255
ELEMENTS: Final = 25
BUTTON_ROWS: Final = 4

TONES: Final = {"working": "⏳", "asking": "❓", "waiting": "✋", "good": "✅", "bad": "⛔"}
MARKS: Final = {"done": "✅", "now": "▶️", "wait": "✋", "fail": "❌", "todo": "▫️"}
STYLES: Final = frozenset({"primary", "danger"})
CUT_CODE: Final = "\n… cut here: the full text is in the thread"


def render(card: Card) -> tuple[list[Block], str]:
    """The card's blocks, and the plain text for notifications and screen readers."""
    blocks: list[Block] = [_header(card), _section(_status_line(card))]
    blocks += _facts(card.facts)
    blocks += _lines(_step_line(step) for step in card.steps)
    blocks += _lines(f"• {markup_line(note, LINE)}" for note in card.notes if note.strip())
    blocks += _code(card.code)
    blocks += _buttons(card.buttons)
    blocks += _footer(card.footer)
    return blocks, fallback(card)


def paragraph(text: str, people: Sequence[str] = ()) -> tuple[list[Block], str]:
    """A plain sentence, with mentions before it, as blocks and as fallback text."""
    source = f"{mentions(tuple(people))} {markup(text, SECTION - 200)}".strip() or "–"
    return [_section(clip(source, SECTION))], clip(source, FALLBACK)


def fallback(card: Card) -> str:
    """The card as escaped plain text: what it is about, where it stands, and why."""
    lines = [f"{TONES.get(card.tone, '•')} {card.headline} — {card.status}"]
    lines += [f"{fact.label}: {fact.value}" for fact in card.facts if fact.value.strip()]
    lines += list(card.notes)
    return markup("\n".join(one_line(line) for line in lines), FALLBACK)


def _header(card: Card) -> Block:
    text = clip(one_line(card.headline), HEADLINE) or "Deputy"
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _status_line(card: Card) -> str:
    status = markup_line(card.status, STATUS)
    tone = TONES.get(card.tone, "•")
    # A star inside would end the bold early.
    return f"{tone} *{status}*" if status and "*" not in status else f"{tone} {status}".rstrip()


def _section(source: str) -> Block:
    return {"type": "section", "text": _mrkdwn(source)}


def _mrkdwn(source: str) -> Block:
    # verbatim: Slack turns no bare address or channel name into a link.
    return {"type": "mrkdwn", "text": source, "verbatim": True}


def _facts(facts: Sequence[Fact]) -> list[Block]:
    if not facts:
        return []
    shown: list[JsonValue] = [_mrkdwn(_fact(fact)) for fact in facts[:FACTS]]
    blocks: list[Block] = [{"type": "section", "fields": shown}]
    return blocks + _more(len(facts) - FACTS, "fact")


def _fact(fact: Fact) -> str:
    people = mentions(fact.people[:FACTS])
    value = " ".join(part for part in (people, markup_line(fact.value, FACT)) if part)
    return f"*{markup_line(fact.label, LABEL)}*\n{value or '–'}"


def _step_line(step: Step) -> str:
    text = markup_line(step.text, LINE) or "–"
    detail = markup_line(step.detail, LINE)
    mark = MARKS.get(step.mark, MARKS["todo"])
    return f"{mark} {text} · {detail}" if detail else f"{mark} {text}"


def _lines(lines: Iterable[str]) -> list[Block]:
    """One section of as many lines as fit, and how many did not."""
    kept: list[str] = []
    left_out = room = 0
    for line in lines:
        room += width(line) + 1
        if room > SECTION:
            left_out += 1
        else:
            kept.append(line)
    return [*([_section("\n".join(kept))] if kept else []), *_more(left_out, "line")]


def _more(count: int, what: str) -> list[Block]:
    return [_context(f"… and {count} more {what}{'' if count == 1 else 's'}")] if count > 0 else []


def _context(source: str) -> Block:
    return {"type": "context", "elements": [_mrkdwn(source)]}


def _code(code: str) -> list[Block]:
    if not code.strip():
        return []
    # Three backticks in the text would end the fence.
    source = escape(visible(code.strip("\n").replace("```", "ʼʼʼ")))
    return [_section(f"```\n{clip(source, CODE, CUT_CODE)}\n```")]


def _footer(footer: str) -> list[Block]:
    text = markup_line(footer, FOOTER)
    return [_context(text)] if text else []


def _buttons(buttons: Sequence[Button]) -> list[Block]:
    """Rows of buttons. One that would have to be cut is left out, and said: a cut payload means another thing."""
    usable = [button for button in buttons if _is_usable(button)]
    shown = usable[: ELEMENTS * BUTTON_ROWS]
    rows = [_row(shown[start : start + ELEMENTS]) for start in range(0, len(shown), ELEMENTS)]
    return rows + _more(len(buttons) - len(shown), "button")


def _row(buttons: Sequence[Button]) -> Block:
    """Slack wants action ids unique in a row: the second and later of one id are numbered (events.py undoes it)."""
    elements: list[JsonValue] = []
    taken: set[str] = set()
    for number, button in enumerate(buttons, start=1):
        elements.append(_button(button, f"{button.action}.{number}" if button.action in taken else button.action))
        taken.add(button.action)
    return {"type": "actions", "elements": elements}


def _is_usable(button: Button) -> bool:
    # Three units are kept for the number that makes an action id unique in its row.
    fits = width(button.action) <= ACTION_ID - 3 and width(button.value) <= VALUE
    opaque = button.action + button.value
    return fits and bool(button.action.strip()) and visible(opaque) == opaque


def _button(button: Button, action_id: str) -> Block:
    element: Block = {"type": "button", "action_id": action_id, "text": _plain(button.label, LABEL)}
    if button.value:
        element["value"] = button.value
    if button.style in STYLES:
        element["style"] = button.style
    if button.confirm.strip():
        element["confirm"] = _confirm(button)
    return element


def _confirm(button: Button) -> Block:
    return {
        "title": _plain(button.label, 100),
        "text": _plain(button.confirm, 300),
        "confirm": _plain(button.label, 30),
        "deny": _plain("Go back", 30),
    }


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": clip(one_line(text), limit) or "–", "emoji": False}
