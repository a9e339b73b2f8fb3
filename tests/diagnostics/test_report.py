"""The report: worst first, readable, and safe to show."""

from typing import Literal

import pytest

from bayes_mtl.diagnostics import Finding, Report


def finding(severity: Literal["serious", "warning", "note"], title: str) -> Finding:
    return Finding(severity, title, f"what {title}", f"try {title}", (title,))


FINDINGS = (finding("note", "a"), finding("serious", "b"), finding("warning", "c"), finding("serious", "d"))


def test_worst_first_and_in_order_among_equals() -> None:
    report = Report("x", FINDINGS, ())
    assert [f.title for f in report.findings] == ["b", "d", "c", "a"]
    text = str(report)
    assert (
        text.index("SERIOUS: b") < text.index("SERIOUS: d") < text.index("WARNING: c") < text.index("NOTE: a")
    )
    assert "Found, worst first: 2 serious problems, 1 warning, 1 note." in text
    assert not report.healthy


def test_text_says_what_and_what_to_try() -> None:
    text = repr(Report("a posterior", FINDINGS, ("training: 10 steps",)))
    assert text.startswith("Check of a posterior\n")
    for title in "abcd":
        assert f"What: what {title}" in text
        assert f"Try:  try {title}" in text
    assert "- training: 10 steps" in text


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [((), "Nothing was found to be wrong."), (FINDINGS[:1], "Nothing was found to be wrong; 1 note.")],
)
def test_a_healthy_report_says_so_and_what_was_looked_at(findings: tuple[Finding, ...], verdict: str) -> None:
    report = Report("x", findings, ("draws: 10", "chains: 4"))
    assert report.healthy
    assert verdict in str(report).splitlines()
    assert "- draws: 10" in str(report) and "<li>chains: 4</li>" in report._repr_html_()


def test_long_lines_wrap_and_words_stay_whole() -> None:
    word = "weights[" + "x" * 150 + "]"
    report = Report("x", (Finding("note", "t", "several words " * 30 + word, "r"),), ())
    lines = str(report).splitlines()
    assert any(word in line for line in lines)
    assert all(len(line) <= 100 for line in lines if word not in line)


def test_frame_has_a_row_a_finding() -> None:
    frame = Report("x", FINDINGS, ()).to_frame()
    assert list(frame.columns) == ["severity", "title", "what", "remedy", "names"]
    assert frame["title"].tolist() == ["b", "d", "c", "a"]
    assert frame["names"].tolist() == [("b",), ("d",), ("c",), ("a",)]
    assert list(Report("x", (), ()).to_frame().columns) == list(frame.columns)


def test_html_escapes_every_text() -> None:
    evil = "<script>alert('x')</script>"
    html = Report(evil, (Finding("serious", evil, evil, evil, (evil,)),), (evil,))._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 5
