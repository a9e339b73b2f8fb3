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
_ROW, _LEFT, _WIDE, _GAP, _RIGHT = 58, 8, 400, 62, 232


def page(prior: str) -> str:
    """The page of a prior, as seen from the overview."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in prior).lstrip("_")


def _box(x: float, y: float, width: float, text: str, *, link: str = "", round_: int = 4) -> str:
    box = (
        f'<rect x="{x}" y="{y}" width="{width}" height="36" rx="{round_}" fill="none" stroke="currentColor"/>'
        f'<text x="{x + width / 2}" y="{y + 23}" text-anchor="middle">{escape(text)}</text>'
    )
    return f'<a href="{page(link)}/">{box}</a>' if link else box


def _arrow(x1: float, y1: float, x2: float, y2: float, text: str, dx: float, dy: float) -> str:
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="currentColor" marker-end="url(#head)"/>'
        f'<text x="{(x1 + x2) / 2 + dx}" y="{(y1 + y2) / 2 + dy}" font-size="13">{text}</text>'
    )


def figure() -> str:
    """The figure as SVG, which scales with the page and has no colour of its own."""
    parts, right = [], _LEFT + _WIDE + _GAP
    for i, (question, priors) in enumerate(QUESTIONS):
        y = 8 + _ROW * i
        parts.append(_box(_LEFT, y, _WIDE, question))
        parts.append(_arrow(_LEFT + _WIDE, y + 18, right - 3, y + 18, "yes", -14, -5))
        width = (_RIGHT - 8 * (len(priors) - 1)) / len(priors)
        parts += [
            _box(right + k * (width + 8), y, width, name, link=name, round_=18)
            for k, name in enumerate(priors)
        ]
        parts.append(_arrow(_LEFT + 60, y + 36, _LEFT + 60, y + _ROW - 3, "no", 8, 5))
    y = 8 + _ROW * len(QUESTIONS)
    parts.append(_box(_LEFT, y, _WIDE, f"{LAST}: the first to try, and often the last", link=LAST, round_=18))
    width = (_RIGHT - 8) / 2
    parts += [_box(right + k * (width + 8), y, width, n, link=n, round_=18) for k, n in enumerate(YARDSTICKS)]
    parts.append(f'<text x="{right}" y="{y + 54}" font-size="13">always beside it, as yardsticks</text>')
    spoken = "; ".join(f"{question} {' or '.join(priors)}" for question, priors in QUESTIONS)
    return (
        f'<svg viewBox="0 0 {right + _RIGHT + 8} {y + 62}" role="img" aria-label="{escape(spoken)}; '
        f'else {LAST}" style="width:100%;max-width:46rem;height:auto" fill="currentColor" font-size="14.5" '
        'font-family="inherit"><defs><marker id="head" markerWidth="9" markerHeight="8" refX="7" refY="4" '
        'orient="auto"><path d="M0,0 L9,4 L0,8 z"/></marker></defs>' + "".join(parts) + "</svg>"
    )


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for every page."""
    return markdown.replace(MARK, figure())
