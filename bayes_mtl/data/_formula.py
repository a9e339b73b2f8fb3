"""The right side of a formula, taken apart and checked before anything in it is evaluated.

formulaic evaluates a formula's parts as Python. A formula may come from a saved file, so only names of
columns, arithmetic, comparisons and the functions below pass, in new formulas as well as in saved ones.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._names import listed, repeated, suggestion

ELEMENTWISE = {
    "log": 1, "log1p": 1, "log2": 1, "log10": 1, "exp": 1, "expm1": 1, "exp2": 1, "sqrt": 1, "abs": 1,
    "sign": 1, "sin": 1, "cos": 1, "tan": 1, "tanh": 1, "floor": 1, "ceil": 1, "square": 1,
    "minimum": 2, "maximum": 2,
}  # fmt: skip
"""Functions of numbers and how many arguments they take; one more would be numpy's output array."""
REMEMBERING = ("C", "I", "bs", "cc", "center", "cr", "cs", "poly", "scale", "standardize")
"""formulaic's own functions, which may take keywords."""
CONTRASTS = ("Treatment", "Sum", "Helmert", "Diff", "Poly")
_REGISTRY = ("treatment", "sum", "helmert", "diff", "poly", "SAS")

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.FloorDiv)
_OPERATORS = (ast.USub, ast.UAdd, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_QUOTED = "`[^`]*`|'[^']*'|\"[^\"]*\""
_QUOTES = "\"'\\\n"


@dataclass(frozen=True)
class Formula:
    """A parsed formula.

    Attributes
    ----------
    target
        Left side, or None.
    text
        Right side as written.
    terms
        formulaic's right side.
    intercept
        Whether the right side has one.
    """

    target: str | None
    text: str
    terms: Any
    intercept: bool

    @classmethod
    def parse(cls, text: str) -> "Formula":
        """Take ``"y ~ a + b"`` or ``"a + b"`` apart, without evaluating any of it."""
        import formulaic
        from formulaic.errors import FormulaicError

        if not isinstance(text, str):
            raise InputTypeError(
                message("formula", "text", type(text).__name__, "Write formula='y ~ a + C(b)'.")
            )
        left, _, right = text.rpartition("~")
        if "|" in re.sub(_QUOTED, "", right):
            remedy = (
                "Name the groups by task='g'. Which weights vary between them is said by varying=[...] (by "
                "default all), and how far by the prior."
            )
            raise InputError(message("formula", "terms without groups, '|'", repr(text), remedy))
        target = left.strip().strip("`") or None
        try:
            terms = formulaic.Formula(right)
        except (FormulaicError, SyntaxError, ValueError, KeyError, IndexError) as error:
            raise InputError(
                message("formula", "a formula like 'y ~ a + C(b)'", repr(text), _first_line(error))
            ) from error
        if "~" in left or not isinstance(terms, formulaic.SimpleFormula):
            raise InputError(
                message("formula", "one left and one right side", repr(text), "Write it as 'y ~ a + C(b)'.")
            )
        return cls(target, right.strip(), terms, any(str(term) == "1" for term in terms))

    def variables(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Columns the right side uses, in order.

        Raises
        ------
        InputError
            For a name that is no column, and for anything beyond arithmetic and the allowed functions.
        """
        used: dict[str, None] = {}
        _refuse_collisions(self.text, columns)
        for term in self.terms:
            for factor in term.factors:
                method = factor.eval_method.value
                if method == "lookup":
                    _column(factor.expr, columns, used)
                elif method == "python":
                    _Checker(factor.expr, columns, used).check()
        return tuple(used)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'it cannot be read'}"


def _refuse_collisions(text: str, columns: Sequence[str]) -> None:
    """Refuse quoted names that become one Python name: formulaic would mix up what they remember."""
    quoted = [name for name in set(re.findall("`([^`]*)`", text)) if not name.isidentifier()]
    python = [re.sub(r"^(?=\d)", "_", re.sub(r"\W", "_", name)) for name in quoted]
    clash = repeated(python) or sorted(set(python) & set(columns))
    if clash:
        raise InputError(
            message("formula", "columns that differ in letters and digits", listed(clash), "Rename one.")
        )


def _column(name: str, columns: Sequence[str], used: dict[str, None]) -> None:
    if name not in columns:
        raise InputError(
            message(
                "formula",
                "names of columns",
                repr(name),
                f"{suggestion(name, columns)}The columns are {listed(columns, 12)}.",
            )
        )
    used[name] = None


class _Checker:
    """Walks one Python expression of a formula."""

    def __init__(self, text: str, columns: Sequence[str], used: dict[str, None]) -> None:
        from formulaic.utils.code import sanitize_variable_names

        self.text, self.columns, self.used = text, columns, used
        self.aliases: dict[str, str] = {}
        plain = sanitize_variable_names(text, {}, self.aliases)
        try:
            self.tree = ast.parse(plain, mode="eval").body
        except (SyntaxError, ValueError) as error:
            raise InputError(message("formula", "expressions", repr(text), _first_line(error))) from error

    def check(self) -> None:
        self.value(self.tree)

    def refuse(self, node: ast.AST) -> None:
        functions = ", ".join(sorted({*ELEMENTWISE, *REMEMBERING}, key=str.lower))
        raise InputError(
            message(
                "formula",
                "columns, arithmetic and allowed functions",
                repr(ast.unparse(node)),
                f"Compute it as a column first. Allowed: {functions}.",
            )
        )

    def value(self, node: ast.AST) -> None:
        """A column, a number, arithmetic on them, or a call."""
        if isinstance(node, ast.Name):
            _column(self.aliases.get(node.id, node.id), self.columns, self.used)
        elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            return
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, _OPERATORS):
            self.value(node.operand)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, (*_ARITHMETIC, ast.Pow)):
            self.operands(node)
        elif isinstance(node, ast.Compare) and all(isinstance(op, _OPERATORS) for op in node.ops):
            for part in (node.left, *node.comparators):
                self.argument(part)
        elif isinstance(node, ast.Call):
            self.call(node)
        else:
            self.refuse(node)

    def operands(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Pow):
            # Powers of literals would be computed in exact, endless integers; those of columns are not.
            exponent = node.right.operand if isinstance(node.right, ast.UnaryOp) else node.right
            named = any(isinstance(part, ast.Name) for part in ast.walk(node.left))
            if not (named and isinstance(exponent, ast.Constant)):
                self.refuse(node)
        self.value(node.left)
        self.value(node.right)

    def call(self, node: ast.Call) -> None:
        name = _function(node.func)
        plain = name.removeprefix("np.")
        if plain in ELEMENTWISE and name not in self.columns:
            if node.keywords or len(node.args) != ELEMENTWISE[plain]:
                self.refuse(node)
            for part in node.args:
                self.value(part)
        elif name in REMEMBERING and node.args:
            self.value(node.args[0])
            for part in node.args[1:]:
                self.argument(part)
            for keyword in node.keywords:
                if keyword.arg is None or keyword.arg.startswith("_"):
                    self.refuse(node)
                self.argument(keyword.value)
        else:
            self.refuse(node)

    def argument(self, node: ast.AST) -> None:
        """A setting of a function: also text, lists, dictionaries and contrasts."""
        if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, str)):
            # formulaic pastes the text of a call into code; a quote would end that string.
            if isinstance(node.value, str) and any(mark in node.value for mark in _QUOTES):
                self.refuse(node)
        elif isinstance(node, (ast.List, ast.Tuple)):
            for part in node.elts:
                self.argument(part)
        elif isinstance(node, ast.Dict):
            for entry in (*node.keys, *node.values):
                if entry is None:
                    self.refuse(node)
                else:
                    self.argument(entry)
        elif _is_contrast(node):
            for part in node.args if isinstance(node, ast.Call) else ():
                self.argument(part)
            for keyword in node.keywords if isinstance(node, ast.Call) else ():
                self.argument(keyword.value)
        else:
            self.value(node)


def _function(node: ast.AST) -> str:
    """``log`` or ``np.log``; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return ""


def _is_contrast(node: ast.AST) -> bool:
    name = _function(node.func if isinstance(node, ast.Call) else node)
    return name in CONTRASTS or name.removeprefix("contr.") in (_REGISTRY if "." in name else ())
