"""Cards as Block Kit. Pure: whatever the card holds, the result is inert text within Slack's limits.

Slack's documented limits: 50 blocks, section 3,000 characters, 10 fields of 2,000, header 150, button text 75, value
2,000, action id 255, 25 elements. The budgets here are lower, so that a card stays readable and its sum stays under
the undocumented limit on a whole message.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, TypeAlias

from pydantic import JsonValue

from deputy.adapters.slack.posting.text import clip, escape, markup, markup_line, mentions, one_line, visible, width
from deputy.ports import Button, Card, Fact, Step

Block: TypeAlias = dict[str, JsonValue]

SECTION: Final = 2900
TEXT_SECTIONS: Final = 4
HEADLINE: Final = 150
STATUS: Final = 600
FACTS: Final = 10
FACT: Final = 300
PEOPLE: Final = 5
LINE: Final = 400
FOOTER: Final = 300
CODE: Final = 2600
FALLBACK: Final = 3000
LABEL: Final = 75
VALUE: Final = 2000
ACTION_ID: Final = 255
ELEMENTS: Final = 25
CONFIRM: Final = 150
# Slack answers msg_blocks_too_long from about 13,200 characters on, which it doesn't document.
MESSAGE: Final = 12_500
DISPENSABLE: Final = ("code", "steps", "notes", "facts")

TONES: Final = {"working": "⏳", "asking": "❓", "waiting": "✋", "good": "✅", "bad": "⛔"}
MARKS: Final = {"done": "✅", "now": "▶️", "wait": "✋", "fail": "❌", "todo": "▫️"}
STYLES: Final = frozenset({"primary", "danger"})
CUT_CODE: Final = "\n… cut here: the full text is in the thread"


def render(card: Card, budget: int = MESSAGE) -> tuple[list[Block], str]:
    """The card's blocks, with texts of at most ``budget`` units, and the plain text for notifications and readers."""
    parts = {
        "header": [_header(card), _section(_status_line(card))],
        "facts": _facts(card.facts),
        "notes": _note_lines([note for note in card.notes if note.strip()]),
        "steps": _lines(_step_line(step) for step in card.steps),
        "code": _code(card.code),
        "buttons": _buttons(card.buttons),
        "footer": _footer(card.footer),
    }
    for name in DISPENSABLE:
        if parts[name] and sum(map(weight, parts.values())) > budget:
            parts[name] = [_context(f"… {name} left out: the message would be too long")]
    return [block for part in parts.values() for block in part], fallback(card)


def weight(value: JsonValue | Sequence[JsonValue]) -> int:
    """The length of all texts in blocks, which Slack limits for a message as a whole."""
    if isinstance(value, dict):
        own = value.get("text")
        inner = sum(weight(part) for part in value.values() if not isinstance(part, str))
        return inner + (width(own) if isinstance(own, str) else 0)
    return sum(map(weight, value)) if isinstance(value, list | tuple) else 0


def paragraph(
    text: str, people: Sequence[str] = (), links: Collection[str] = (), sections: int = TEXT_SECTIONS
) -> tuple[list[Block], str]:
    """Plain text, with mentions before it, as blocks and as fallback text.

    Of the addresses in it only ``links``, which Slack itself handed out, can be followed.
    """
    first = mentions(tuple(people))
    plain = [clip(escape(visible(line)), SECTION - 300) for line in (text.strip() or "–").split("\n")]
    shown = [_linked(line, links) for line in plain]
    if first:
        plain[0], shown[0] = f"{first} {plain[0]}", f"{first} {shown[0]}"
    return _lines(shown, sections), clip("\n".join(plain), FALLBACK)


def _linked(line: str, links: Collection[str]) -> str:
    known = {escape(link) for link in links}
    return " ".join(f"<{word}|Open in Slack>" if word in known else word for word in line.split(" "))


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
    people = mentions(fact.people[:PEOPLE])
    value = " ".join(part for part in (people, markup_line(fact.value, FACT)) if part)
    return f"*{markup_line(fact.label, LABEL)}*\n{value or '–'}"


def _step_line(step: Step) -> str:
    text = markup_line(step.text, LINE) or "–"
    detail = markup_line(step.detail, LINE)
    mark = MARKS.get(step.mark, MARKS["todo"])
    return f"{mark} {text} · {detail}" if detail else f"{mark} {text}"


def _note_lines(notes: Sequence[str]) -> list[Block]:
    """The notes, as a list when there are several."""
    bullet = "• " if len(notes) > 1 else ""
    return _lines(f"{bullet}{markup_line(note, LINE)}" for note in notes)


def _lines(lines: Iterable[str], sections: int = 1) -> list[Block]:
    """Sections of as many lines as fit, and how many did not."""
    filled: list[list[str]] = [[]]
    left_out = room = 0
    for line in lines:
        if room + width(line) + 1 > SECTION and filled[-1] and len(filled) < sections:
            filled.append([])
            room = 0
        if left_out or room + width(line) + 1 > SECTION:
            left_out += 1
        else:
            filled[-1].append(line)
            room += width(line) + 1
    return [*(_section("\n".join(kept).strip("\n") or "–") for kept in filled if kept), *_more(left_out, "line")]


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
    """A row of buttons. One that would have to be cut is left out, and said: a cut payload means another thing."""
    shown = [button for button in buttons if _is_usable(button)][:ELEMENTS]
    return [*([_row(shown)] if shown else []), *_more(len(buttons) - len(shown), "button")]


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
        "text": _plain(button.confirm, CONFIRM),
        "confirm": _plain(button.label, 30),
        "deny": _plain("Go back", 30),
    }


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": clip(one_line(text), limit) or "–", "emoji": False}
