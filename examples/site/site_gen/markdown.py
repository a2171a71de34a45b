"""The little Markdown that the help pages need: headings, lists, paragraphs, emphasis, links."""

import html
import re

_INLINE = (
    (re.compile(r"\*\*(.+?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*(.+?)\*"), r"<em>\1</em>"),
    (re.compile(r"\[([^\]]+)\]\(([\w./#-]+)\)"), r'<a href="\2">\1</a>'),
)


def inline(text: str) -> str:
    """Emphasis and links; everything else is escaped."""
    escaped = html.escape(text, quote=False)
    for pattern, replacement in _INLINE:
        escaped = pattern.sub(replacement, escaped)
    return escaped


def to_html(source: str) -> str:
    """A page's body."""
    return "\n".join(_block(block) for block in re.split(r"\n{2,}", source.strip()) if block)


def _block(block: str) -> str:
    heading = re.match(r"(#{1,3}) (.+)", block)
    if heading:
        level = len(heading[1])
        return f"<h{level}>{inline(heading[2])}</h{level}>"
    if block.startswith("- "):
        items = "".join(f"\n  <li>{inline(line[2:])}</li>" for line in block.splitlines())
        return f"<ul>{items}\n</ul>"
    return f"<p>{inline(block)}</p>"
