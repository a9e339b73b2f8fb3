"""A hook of mkdocs: draws "which prior" as a figure in place of its mark, in the colours of the page."""

from html import escape
from typing import Any

MARK = "<!-- figure: which prior -->"
# Question, and the pages that a "yes" leads to; the first that fits.
QUESTIONS: list[tuple[str, list[str]]] = [
    ("Are most features probably useless?", ["GroupSparse", "Horseshoe"]),
    ("A known tree, alike in which weights matter alone?", ["LatentCovarianceHierarchy"]),
    ("Are tasks in groups of groups, a tree, known or not?", ["LatentHierarchy"]),
    ("Are there a few distinct kinds of tasks?", ["TaskClustering"]),
    ("Few tasks, and you ask which move together?", ["TaskCovariance"]),
    ("Few tasks, and you ask who borrows from whom?", ["GumbelSoftmax"]),
    ("Many features, few ways in which tasks differ?", ["LowRank"]),
]
LAST = "Hierarchical"
YARDSTICKS = ["Independent", "Pooled"]
_LEFT, _HIGH = 8, 36


def page(prior: str) -> str:
    """The page of a prior, as seen from the overview."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in prior).lstrip("_") + ".html"


def _box(x: float, y: float, width: float, text: str, *, link: str = "", round_: int = 4) -> str:
    box = (
        f'<rect x="{x}" y="{y}" width="{width}" height="{_HIGH}" rx="{round_}" fill="none" '
        f'stroke="currentColor"/><text x="{x + width / 2}" y="{y + 23}" text-anchor="middle">'
        f"{escape(text)}</text>"
    )
    return f'<a href="{page(link)}">{box}</a>' if link else box


def _arrow(head: str, x1: float, y1: float, x2: float, y2: float, text: str, dx: float, dy: float) -> str:
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="currentColor" marker-end="url(#{head})"/>'
        f'<text x="{(x1 + x2) / 2 + dx}" y="{(y1 + y2) / 2 + dy}" font-size="13">{text}</text>'
    )


def _in_a_row(priors: list[str], x: float, y: float, wide: float) -> str:
    """Boxes that lead to the pages of some priors and share a width."""
    width = (wide - 8 * (len(priors) - 1)) / len(priors)
    return "".join(_box(x + k * (width + 8), y, width, n, link=n, round_=18) for k, n in enumerate(priors))


def _drawing(kind: str, row: float, wide: float, answers: tuple[float, float, float], yes: float) -> str:
    """Questions below each other, each with the priors that a yes leads to.

    Parameters
    ----------
    row, wide
        Height of a question with its answers, width of its box.
    answers
        Place of the answers right of the left edge and below the question's, and their width.
    yes
        Where the arrow to the answers begins, right of the left edge.
    """
    right, down, room = answers
    trunk, parts = _LEFT + 20, []
    for i, (question, priors) in enumerate(QUESTIONS):
        y = 8 + row * i
        middle = y + down + _HIGH / 2
        parts += [
            _box(_LEFT, y, wide, question),
            _arrow(kind, _LEFT + yes, middle, right - 3, middle, "yes", -14, -5),
            _in_a_row(priors, right, y + down, room),
            _arrow(kind, trunk, y + _HIGH, trunk, y + row - 3, "no", 8, row / 2 - 24),
        ]
    y = 8 + row * len(QUESTIONS)
    parts += [
        _box(_LEFT, y, wide, f"{LAST}: the first to try, and often the last", link=LAST, round_=18),
        _in_a_row(YARDSTICKS, right, y + down, room),
        f'<text x="{right}" y="{y + down + 54}" font-size="13">always beside it, as yardsticks</text>',
    ]
    size = f"{max(right + room, _LEFT + wide) + _LEFT} {y + down + 62}"
    spoken = "; ".join(f"{question} {' or '.join(priors)}" for question, priors in QUESTIONS)
    return (
        f'<svg class="{kind}" viewBox="0 0 {size}" role="img" aria-label="{escape(spoken)}; else {LAST}" '
        f'fill="currentColor" font-size="14.5" font-family="inherit"><defs><marker id="{kind}" '
        'markerWidth="9" markerHeight="8" refX="7" refY="4" orient="auto"><path d="M0,0 L9,4 L0,8 z"/>'
        f"</marker></defs>{''.join(parts)}</svg>"
    )


def figure() -> str:
    """The figure as SVG without colours of its own, for wide pages and for telephones."""
    wide = _drawing("wide", 58, 400, (470, 0, 232), 400)
    narrow = _drawing("narrow", 102, 372, (_LEFT + 80, 44, 292), 20)
    return f'<div class="figure">{wide}{narrow}</div>'


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for every page."""
    return markdown.replace(MARK, figure())
