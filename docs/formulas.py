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
# Names of functions stand close to a bracket; as operators they would have a space on both sides.
_FUNCTION, _CLOSE = re.compile(r"<mo>(?=[A-Za-z]{2})"), '<mo lspace="0.167em" rspace="0">'
_NAME = re.compile(r'<mi>[a-z]{2,}</mi>(?!<mo stretchy="false">&#x00028;)')
# So do the bars of an absolute value, which are one letter for both sides.
_BAR = re.compile("<mo>(?=&#x0007C;|&#x02016;)")


def on_page_content(content: str, **_: Any) -> str:
    """Replace every formula of a rendered page."""
    content = _INLINE.sub(lambda found: _mathml(found[1], "inline"), content)
    return _BLOCK.sub(lambda found: f'<div class="formula">{_mathml(found[1], "block")}</div>', content)


def _mathml(formula: str, display: str) -> str:
    found: str = convert(html.unescape(formula), display=display).replace(_TILDE, _DISTRIBUTED_AS)
    found = _NAME.sub(r'\g<0><mspace width="0.167em" />', _FUNCTION.sub(_CLOSE, found))
    return _BAR.sub('<mo lspace="0" rspace="0" stretchy="false">', found)
