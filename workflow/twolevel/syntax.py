"""lavaan's model syntax with `level:` blocks, read into terms.

Understood: `~` (regression), `~~` ((co)variance), `=~` (loading), `~ 1` (mean or intercept), `:=` (defined
parameter), `label*x`, `0.5*x`, `NA*x`, `start(0.3)*x`, `label("a")*x`, `equal("a")*x`, `a == b` for labels,
several left-hand variables (`m1 + m2 ~ x`), comments after `#` or `!`, statements parted by new lines or `;`.
semopy's grammar knows no `level:` blocks, so the text is read here.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import ModelSyntaxError

WITHIN, BETWEEN = 0, 1
LEVELS = ("within", "between")
OPERATORS = (":=", "=~", "~~", "==", "~", "<", ">", "|", "<~", "=")
_LEVEL_NAMES = {"1": WITHIN, "within": WITHIN, "2": BETWEEN, "between": BETWEEN}
_NAME = re.compile(r"[^\W\d][\w.]*\Z")
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "abs": np.abs,
    "min": np.minimum,
    "max": np.maximum,
}


@dataclass(frozen=True)
class Term:
    """One term of the model text, such as the `b*m` of `y ~ b*m + x`."""

    level: int
    lhs: str
    op: str
    rhs: str
    label: str = ""
    fixed: float | None = None
    free: bool = False  # NA*
    start: float | None = None


@dataclass(frozen=True)
class Defined:
    """A parameter defined by an expression of labels (`indirect := a*b`)."""

    name: str
    expression: str


@dataclass(frozen=True)
class Parsed:
    """All that the text says: terms in order, defined parameters, pairs of labels set equal."""

    terms: tuple[Term, ...]
    defined: tuple[Defined, ...]
    equal: tuple[tuple[str, str], ...]


def nearest(name: object, allowed: Iterable[object]) -> str:
    """`; did you mean 'x'?` or nothing."""
    found = difflib.get_close_matches(str(name), [str(a) for a in allowed], 1)
    return f"; did you mean {found[0]!r}?" if found else ""


def parse(text: str) -> Parsed:
    """Read a model text.

    Raises
    ------
    ModelSyntaxError
        Names the line, what is wrong with it and what is allowed.
    """
    terms: list[Term] = []
    defined: list[Defined] = []
    equal: list[tuple[str, str]] = []
    level: int | None = None
    seen_levels: set[int] = set()
    for number, statement in _statements(text):
        where = f"line {number} ({statement!r})"
        block = re.match(r"(level|group)\s*:\s*[\"']?(\w+)[\"']?\Z", statement)
        if block:
            if block[1] == "group" or block[2].lower() not in _LEVEL_NAMES:
                raise ModelSyntaxError(
                    f"{where}: a block is 'level: 1' (or within) or 'level: 2' (or between)"
                    + ("; several groups are not supported" if block[1] == "group" else "")
                )
            level = _LEVEL_NAMES[block[2].lower()]
            seen_levels.add(level)
            continue
        lhs, op, rhs = _split(statement, where)
        if op == ":=":
            defined.append(Defined(_name(lhs, where), rhs))
            Expression(rhs)
        elif op == "==":
            equal.append((_name(lhs, where), _name(rhs, where)))
        else:
            if level is None:
                raise ModelSyntaxError(
                    f"{where} stands before any 'level:' line; a two-level model needs the blocks "
                    "'level: 1' and 'level: 2'"
                )
            for left in lhs.split("+"):
                for piece in _split_sum(rhs, where):
                    _merge(terms, _term(level, _name(left.strip(), where), op, piece, where), where)
    if not terms:
        raise ModelSyntaxError(
            "the model is empty; write at least one equation under 'level: 1' and 'level: 2'"
        )
    for wanted in (WITHIN, BETWEEN):
        if wanted not in seen_levels:
            raise ModelSyntaxError(
                f"the model has no 'level: {wanted + 1}' block; name there what varies "
                f"{('within', 'between')[wanted]} clusters (variances alone will do: y ~~ y)"
            )
    names = [d.name for d in defined]
    for name in names:
        if names.count(name) > 1:
            raise ModelSyntaxError(f"{name!r} is defined twice")
    return Parsed(tuple(terms), tuple(defined), tuple(equal))


def _statements(text: str) -> list[tuple[int, str]]:
    """(line number, statement), comments gone, continued lines joined."""
    found: list[tuple[int, str]] = []
    pending, started = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.split(r"[#!]", raw, maxsplit=1)[0]
        for part in line.split(";"):
            part = part.strip()
            if not part:
                continue
            # A line goes on where it ends in an operator, or where the next one starts with one.
            if pending and not re.search(r"[~+*=,(]\Z", pending) and not re.match(r"[+*]", part):
                found.append((started, pending))
                pending = ""
            if not pending:
                started = number
            pending = f"{pending} {part}".strip()
    if pending:
        found.append((started, pending))
    return found


def _split(statement: str, where: str) -> tuple[str, str, str]:
    match = re.match(r"(.*?)(:=|=~|~~|==|<~|~|<|>|\||=)(.*)\Z", statement, re.DOTALL)
    if not match or not match[1].strip() or not match[3].strip():
        raise ModelSyntaxError(
            f"{where}: no statement; write 'y ~ x', 'x ~~ y', 'f =~ y1 + y2', 'y ~ 1' or 'name := expression'"
        )
    lhs, op, rhs = match[1].strip(), match[2], match[3].strip()
    if op in ("<", ">", "|", "<~", "="):
        raise ModelSyntaxError(
            f"{where}: the operator {op!r} is not supported; use ~, ~~, =~, := or == between two labels"
        )
    return lhs, op, rhs


def _split_sum(text: str, where: str) -> list[str]:
    """Split at the plus signs outside brackets."""
    pieces, depth, current = [], 0, ""
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "+" and depth == 0:
            pieces.append(current.strip())
            current = ""
        else:
            current += sign
    pieces.append(current.strip())
    if depth or not all(pieces):
        raise ModelSyntaxError(f"{where}: a term is missing or a bracket is open")
    return pieces


def _name(text: str, where: str) -> str:
    if not _NAME.match(text):
        hint = "; products such as x:z must be columns of their own" if ":" in text else ""
        raise ModelSyntaxError(f"{where}: {text!r} is not a name{hint}")
    return text


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _term(level: int, lhs: str, op: str, piece: str, where: str) -> Term:
    *modifiers, rhs = [part.strip() for part in piece.split("*")]
    label, fixed, free, start = "", None, False, None
    intercept = False
    if op == "~" and _number(rhs) is not None:
        if rhs not in ("1", "0", "1.0"):
            raise ModelSyntaxError(f"{where}: write an intercept fixed to {rhs} as '{lhs} ~ {rhs}*1'")
        if rhs == "0":
            fixed = 0.0
        intercept = True
    for modifier in modifiers:
        call = re.match(r"(start|label|equal)\s*\(\s*[\"']?([^\"']*?)[\"']?\s*\)\Z", modifier)
        value = _number(modifier)
        if modifier == "NA":
            free = True
        elif call and call[1] == "start":
            start = _number(call[2])
            if start is None:
                raise ModelSyntaxError(f"{where}: start() needs a number, not {call[2]!r}")
        elif call:
            label = _name(call[2], where)
        elif value is not None:
            fixed = value
        elif _NAME.match(modifier):
            label = modifier
        else:
            raise ModelSyntaxError(
                f"{where}: the modifier {modifier!r} is not understood; a number, NA, a label or start(number) is"
            )
    if intercept:
        return Term(level, lhs, "~1", "", label, fixed, free, start)
    return Term(level, lhs, op, _name(rhs, where), label, fixed, free, start)


def _merge(terms: list[Term], new: Term, where: str) -> None:
    """Append a term; a term named before gains the modifiers (`y ~ a*x + start(.3)*x`)."""
    for k, old in enumerate(terms):
        same = (old.level, old.op) == (new.level, new.op) and (
            (old.lhs, old.rhs) == (new.lhs, new.rhs)
            or (new.op == "~~" and (old.rhs, old.lhs) == (new.lhs, new.rhs))
        )
        if same:
            if not (new.label or new.fixed is not None or new.free or new.start is not None):
                raise ModelSyntaxError(f"{where}: '{new.lhs} {new.op} {new.rhs}' is given twice")
            terms[k] = replace(
                old,
                label=new.label or old.label,
                fixed=old.fixed if new.fixed is None else new.fixed,
                free=old.free or new.free,
                start=old.start if new.start is None else new.start,
            )
            return
    terms.append(new)


class Expression:
    """An arithmetic expression of labels: + - * / ** (or ^), sqrt, exp, log, abs, min, max.

    Parameters
    ----------
    text : str
        Such as ``a*b + c``.

    Raises
    ------
    ModelSyntaxError
        If the text is not such an expression.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self.tree = ast.parse(text.replace("^", "**").strip(), mode="eval").body
        except SyntaxError:
            raise ModelSyntaxError(f"{text!r} is not an expression of labels such as a*b + c") from None
        self.names: tuple[str, ...] = tuple(dict.fromkeys(self._collect(self.tree)))

    def _collect(self, node: ast.AST) -> list[str]:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return []
        if isinstance(node, ast.Name):
            return [node.id]
        if isinstance(node, ast.Attribute):  # labels may hold dots, as in lavaan
            return [ast.unparse(node)]
        if isinstance(node, ast.BinOp) and isinstance(
            node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.Pow
        ):
            return self._collect(node.left) + self._collect(node.right)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
            return self._collect(node.operand)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
            return [name for argument in node.args for name in self._collect(argument)]
        raise ModelSyntaxError(
            f"{self.text!r}: {ast.unparse(node)!r} is not allowed; use labels, numbers, + - * / ^ and "
            f"{', '.join(_FUNCTIONS)}"
        )

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """Value at the labels' values (floats or arrays of one shape)."""
        return self._evaluate(self.tree, values)

    def _evaluate(self, node: ast.AST, values: Mapping[str, Any]) -> Any:
        if isinstance(node, ast.Constant):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name | ast.Attribute):
            return values[ast.unparse(node)]
        if isinstance(node, ast.UnaryOp):
            value = self._evaluate(node.operand, values)
            return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.BinOp):
            left, right = self._evaluate(node.left, values), self._evaluate(node.right, values)
            match node.op:
                case ast.Add():
                    return left + right
                case ast.Sub():
                    return left - right
                case ast.Mult():
                    return left * right
                case ast.Div():
                    return left / right
                case _:
                    return left**right
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        return _FUNCTIONS[node.func.id](*(self._evaluate(argument, values) for argument in node.args))
