"""What one layer of the check hands on."""

from dataclasses import dataclass

from bayes_mtl.diagnostics._finding import Finding


@dataclass(frozen=True)
class Outcome:
    """What was looked at, in one line with its numbers, and what was found there."""

    looked_at: str
    findings: tuple[Finding, ...] = ()
