from pathlib import Path

import pytest

from site_gen.markdown import inline, to_html
from site_gen.pages import render, title_of

CONTENT = Path(__file__).parent.parent / "content"


def test_text_is_escaped():
    assert inline("a < b & **c**") == "a &lt; b &amp; <strong>c</strong>"


def test_lists_and_headings():
    assert to_html("## Two\n\n- a\n- b") == "<h2>Two</h2>\n<ul>\n  <li>a</li>\n  <li>b</li>\n</ul>"


def test_a_page_without_heading_has_a_title():
    assert title_of("just text") == "Help"


@pytest.mark.parametrize("name", ["index", "returns", "payments"])
def test_pages_look_as_before(name, snapshot):
    assert render((CONTENT / f"{name}.md").read_text()) == snapshot
