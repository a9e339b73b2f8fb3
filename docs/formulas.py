"""MkDocs hook: formulas become MathML while the site is built, so that pages need no script to show them."""

import html
import re
from typing import Any

from latex2mathml.converter import convert

# What the Markdown extension arithmatex makes of $...$ and $$...$$.
_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)
# "Is distributed as" is a relation with space on both sides; the converter takes it for a letter.
_TILDE, _DISTRIBUTED_AS = "<mi>&#x0007E;</mi>", "<mo>&#x0223C;</mo>"


def on_page_content(content: str, **_: Any) -> str:
    """Replace every formula of a rendered page."""
    content = _INLINE.sub(lambda found: _mathml(found[1], "inline"), content)
    return _BLOCK.sub(lambda found: _mathml(found[1], "block"), content)


def _mathml(formula: str, display: str) -> str:
    return convert(html.unescape(formula), display=display).replace(_TILDE, _DISTRIBUTED_AS)
