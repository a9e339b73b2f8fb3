"""The findings of a check, worst first."""

import textwrap
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from bayes_mtl.diagnostics._finding import Finding

if TYPE_CHECKING:
    import pandas as pd

_ORDER = ("serious", "warning", "note")
_COLOURS = {"serious": "#b2182b", "warning": "#b35806", "note": "#4d4d4d"}
_WIDTH = 100


@dataclass(frozen=True, repr=False)
class Report:
    """Findings of a check, worst first. Printing it is reading it.

    Parameters
    ----------
    subject
        What was checked.
    findings
        In any order; kept worst first.
    checked
        What was looked at, a line each.
    took
        How long that took, in words.
    """

    subject: str
    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    took: str = ""

    def __post_init__(self) -> None:
        worst_first = sorted(self.findings, key=lambda finding: _ORDER.index(finding.severity))
        object.__setattr__(self, "findings", tuple(worst_first))

    @property
    def healthy(self) -> bool:
        """Whether nothing worse than a note was found."""
        return all(finding.severity == "note" for finding in self.findings)

    def to_frame(self) -> "pd.DataFrame":
        """One row a finding, worst first: severity, title, what, remedy and names."""
        import pandas as pd

        columns = ["severity", "title", "what", "remedy", "names"]
        rows = [[getattr(finding, column) for column in columns] for finding in self.findings]
        return pd.DataFrame(rows, columns=columns)

    def __repr__(self) -> str:
        lines = [f"Check of {self.subject}", self._verdict()]
        for finding in self.findings:
            lines += ["", f"{finding.severity.upper()}: {finding.title}"]
            lines += _wrapped("  What: ", finding.what) + _wrapped("  Try:  ", finding.remedy)
        lines += ["", f"{self._heading()}:"]
        for line in self.checked:
            lines += _wrapped("- ", line)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """For notebooks; names come from the user's data and are escaped."""
        parts = [f"<b>Check of {escape(self.subject)}</b><br>{escape(self._verdict())}"]
        for finding in self.findings:
            style = f"margin:.6em 0;padding-left:.7em;border-left:4px solid {_COLOURS[finding.severity]}"
            parts.append(
                f'<div style="{style}"><b>{finding.severity.upper()}: {escape(finding.title)}</b><br>'
                f"{escape(finding.what)}<br><i>Try:</i> {escape(finding.remedy)}</div>"
            )
        looked = "".join(f"<li>{escape(line)}</li>" for line in self.checked)
        parts.append(f"<details><summary>{escape(self._heading())}</summary><ul>{looked}</ul></details>")
        return f'<div style="max-width:60em">{"".join(parts)}</div>'

    def _heading(self) -> str:
        return f"Looked at ({self.took})" if self.took else "Looked at"

    def _verdict(self) -> str:
        counts = [(name, sum(f.severity == name for f in self.findings)) for name in _ORDER]
        texts = [_counted(name, number) for name, number in counts if number]
        if not texts:
            return "Nothing was found to be wrong."
        if self.healthy:
            return f"Nothing was found to be wrong; {texts[0]}."
        return f"Found, worst first: {', '.join(texts)}."


def _counted(severity: str, number: int) -> str:
    noun = "serious problem" if severity == "serious" else severity
    return f"{number} {noun}{'s' * (number > 1)}"


def _wrapped(head: str, text: str) -> list[str]:
    rest = " " * len(head)
    wrapper = textwrap.TextWrapper(_WIDTH, head, rest, break_long_words=False, break_on_hyphens=False)
    return wrapper.wrap(text)
