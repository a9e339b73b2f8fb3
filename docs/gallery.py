"""Draws the pictures of the gallery: ``python -m docs.gallery`` runs the lines of gallery.md, in order."""

import ast
import re
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("gallery.md")
FOLDER = PAGE.with_suffix("")
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLOT = re.compile(r"^plots\.(plot_\w+)\(", re.MULTILINE)


def blocks() -> list[tuple[str | None, str]]:
    """The page's blocks of lines, each with the name of the plot that its last line draws, if any."""
    found = [block[1] for block in _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]
    last = [_PLOT.findall(lines) for lines in found]
    return [(names[-1] if names else None, lines) for names, lines in zip(last, found, strict=True)]


def drawn(lines: str, namespace: dict[str, Any]) -> Any:
    """Run lines of Python; the value of the last one, as in a notebook."""
    parsed = ast.parse(lines)
    last = parsed.body.pop() if isinstance(parsed.body[-1], ast.Expr) else None
    exec(compile(parsed, str(PAGE), "exec"), namespace)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), str(PAGE), "eval"), namespace)


def main(folder: Path = FOLDER) -> None:
    """Renew all pictures. Each holds the lines that drew it, so that a test sees where they changed."""
    folder.mkdir(exist_ok=True)
    namespace: dict[str, Any] = {"__name__": "gallery"}
    for name, lines in blocks():
        value = drawn(lines, namespace)
        if name is not None:
            value.savefig(folder / f"{name}.png", dpi=110, metadata={"Source": lines, "Software": None})
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
