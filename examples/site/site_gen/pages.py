"""Whole pages."""

import string

from site_gen.markdown import to_html

LAYOUT = string.Template(
    """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>$title - Acme help</title></head>
<body>
$body
</body>
</html>
"""
)


def title_of(source: str) -> str:
    """The first heading, or "Help"."""
    first = source.strip().partition("\n")[0]
    return first.removeprefix("# ") if first.startswith("# ") else "Help"


def render(source: str) -> str:
    """A Markdown source as a whole page."""
    return LAYOUT.substitute(title=title_of(source), body=to_html(source))
