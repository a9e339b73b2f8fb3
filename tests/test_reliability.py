"""Every row of the fault table names a test that exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(
    r"^\| (?P<fault>[^|]+) \| (?P<what>[^|]+) \| `(?P<file>tests/[\w/]+\.py)::(?P<test>\w+)` \|$"
)


def test_each_fault_has_its_test() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 20
    for row in rows:
        found = ROW.match(row)
        assert found is not None, row
        tree = ast.parse((ROOT / found["file"]).read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert found["test"] in names, row
