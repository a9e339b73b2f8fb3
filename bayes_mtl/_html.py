"""Small tables for notebooks. Every text may come from the user's data, so every text is escaped."""

from collections.abc import Iterable, Mapping
from html import escape

_MOST_NAMES = 12
_CELL = "text-align:left;vertical-align:top;padding:.15em .8em .15em 0"


def some(names: Iterable[object], most: int = _MOST_NAMES) -> str:
    """The first names, and how many there are beyond them; plain text."""
    texts = [str(name) for name in names]
    shown = ", ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown}, … ({len(texts):,} in all)"


def card(
    title: str,
    facts: Mapping[str, object],
    details: Mapping[str, Mapping[str, object]] | None = None,
) -> str:
    """A title, a table of two columns, and tables that open on a click.

    Parameters
    ----------
    title
        What it is.
    facts
        Left column -> right column; where the right one is empty, the row is left out.
    details
        Summary line -> table.

    Returns
    -------
    str
        HTML without colours of its own, which reads in light and dark notebooks.
    """
    opened = "".join(
        f"<details><summary>{escape(summary)}</summary>{_table(rows)}</details>"
        for summary, rows in (details or {}).items()
    )
    return f'<div style="max-width:60em"><b>{escape(title)}</b>{_table(facts)}{opened}</div>'


def _table(rows: Mapping[str, object]) -> str:
    lines = [
        f'<tr><th scope="row" style="{_CELL}">{escape(str(left))}</th>'
        f'<td style="{_CELL};overflow-wrap:anywhere">{escape(str(right))}</td></tr>'
        for left, right in rows.items()
        if str(right)
    ]
    return f'<table style="margin:.3em 0"><tbody>{"".join(lines)}</tbody></table>'
