"""lavaan's model syntax with `level:` blocks, read into terms.

Understood: `~` (regression), `~~` ((co)variance), `=~` (loading), `~ 1` (mean or intercept), `:=` (defined
parameter), `label*x`, `0.5*x`, `NA*x`, `start(0.3)*x`, `label("a")*x`, `equal("a")*x`, `rv("s")*x` (random slope),
`a == 2*b` and other linear equations of labels, several left-hand variables (`m1 + m2 ~ x`), comments after `#` or `!`, statements parted by new lines or `;`.
semopy's grammar knows no `level:` blocks, so the text is read here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import ModelSyntaxError, UnsupportedError, UnsupportedSyntaxError
from ..unsupported import CATEGORICAL, GROUPS, THREE_LEVELS
from .expression import Expression

WITHIN, BETWEEN = 0, 1
LEVELS = ("within", "between")
_LEVEL_NAMES = {"1": WITHIN, "within": WITHIN, "2": BETWEEN, "between": BETWEEN}
_NAME = re.compile(r"[^\W\d][\w.]*\Z")
KINDS = ("observed", "within")  # which part of its predictor a random slope acts on


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
    random: str = ""  # rv("s")*: the slope is a variable of level 2
    kind: str = ""  # of a random slope: observed or within, as written


@dataclass(frozen=True)
class Defined:
    """A parameter defined by an expression of labels (`indirect := a*b`)."""

    name: str
    expression: str


@dataclass(frozen=True)
class Parsed:
    """All that the text says: terms in order, defined parameters, pairs of labels set equal, other equations."""

    terms: tuple[Term, ...]
    defined: tuple[Defined, ...]
    equal: tuple[tuple[str, str], ...]
    equations: tuple[tuple[str, str], ...]


def parse(text: str) -> Parsed:
    """Read a model text.

    Raises
    ------
    ModelSyntaxError
        Names the line, what is wrong with it and what is allowed.
    """
    terms: list[Term] = []
    defined: list[Defined] = []
    places: list[str] = []
    equal: list[tuple[str, str]] = []
    equations: list[tuple[str, str]] = []
    level: int | None = None
    seen_levels: set[int] = set()
    for number, statement in _statements(text):
        where = f"line {number} ({statement!r})"
        block = re.match(r"(level|group)\s*:\s*[\"']?(\w+)[\"']?\Z", statement, re.IGNORECASE)
        if block:
            if block[1].lower() == "group":
                raise UnsupportedSyntaxError(f"{where}: {GROUPS}")
            if block[2].lower() == "3":
                raise UnsupportedSyntaxError(f"{where}: {THREE_LEVELS}")
            if block[2].lower() not in _LEVEL_NAMES:
                raise ModelSyntaxError(
                    f"{where}: a block is 'level: 1' (or within) or 'level: 2' (or between)"
                )
            level = _LEVEL_NAMES[block[2].lower()]
            seen_levels.add(level)
            continue
        lhs, op, rhs = _split(statement, where)
        if op == ":=":
            defined.append(Defined(_name(lhs, where), rhs))
            places.append(where)
        elif op == "==":
            if _NAME.match(lhs) and _NAME.match(rhs):
                equal.append((lhs, rhs))
            else:
                for side in (lhs, rhs):
                    try:
                        Expression(side)
                    except ModelSyntaxError as error:
                        raise ModelSyntaxError(f"{where}: {error}") from None
                equations.append((lhs, rhs))
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
    _check_defined(defined, places, {term.label for term in terms if term.label})
    return Parsed(tuple(terms), tuple(defined), tuple(equal), tuple(equations))


def _check_defined(defined: Sequence[Defined], places: Sequence[str], labels: set[str]) -> None:
    """Each defined parameter has a name of its own and is made of what stands before it."""
    names = [entry.name for entry in defined]
    for k, (entry, where) in enumerate(zip(defined, places, strict=True)):
        if names.count(entry.name) > 1:
            raise ModelSyntaxError(f"{where}: {entry.name!r} is defined twice")
        if entry.name in labels:
            raise ModelSyntaxError(
                f"{where}: {entry.name!r} is the label of a parameter already; define it by another name"
            )
        try:
            used = Expression(entry.expression).names
        except ModelSyntaxError as error:
            raise ModelSyntaxError(f"{where}: {error}") from None
        for name in used:
            if name in names[k:]:
                raise ModelSyntaxError(
                    f"{where} uses {name!r} before it is defined; write the line '{name} := ...' above this one"
                )


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
    if op == "|":
        raise UnsupportedSyntaxError(f"{where}: {CATEGORICAL}")
    if op in ("<", ">", "<~", "="):
        raise ModelSyntaxError(f"{where}: the operator {op!r} is not supported; use ~, ~~, =~, := or ==")
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
    random, kind = "", ""
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
        if re.match(r"rv\s*\(", modifier):
            random, kind = _random(modifier, where)
        elif modifier == "NA":
            free = True
        elif call and call[1] == "start":
            start = _number(call[2])
            if start is None:
                raise ModelSyntaxError(f"{where}: start() needs a number, not {call[2]!r}")
        elif call or _NAME.match(modifier):
            label = _one_label(label, _name(call[2], where) if call else modifier, where)
        elif value is not None:
            fixed = value
        else:
            raise ModelSyntaxError(
                f"{where}: the modifier {modifier!r} is not understood; a number, NA, a label or start(number) is"
            )
    if random:
        if len(modifiers) > 1:
            raise ModelSyntaxError(
                f"{where}: rv() stands alone; labels, values and starts belong to {random!r} at level 2, "
                f"such as 'level: 2' {random} ~ mean*1"
            )
        if level != WITHIN or op != "~" or intercept:
            raise UnsupportedError(
                f"{where}: rv() makes a slope of level 1 random, as in 'level: 1' y ~ rv(\"s\")*x; random "
                + (
                    "intercepts are what a variable named at both levels has"
                    if intercept
                    else "loadings, variances "
                    "and slopes of level 2 are not supported: leave them fixed across clusters"
                )
            )
    if intercept:
        return Term(level, lhs, "~1", "", label, fixed, free, start)
    return Term(level, lhs, op, _name(rhs, where), label, fixed, free, start, random, kind)


def _random(modifier: str, where: str) -> tuple[str, str]:
    """(name, kind) of `rv("s")`, `rv("s", "within")`."""
    call = re.match(r"rv\s*\(\s*[\"']?([^\"',]*?)[\"']?\s*(?:,\s*[\"']?(\w+)[\"']?\s*)?\)\Z", modifier)
    if not call or not _NAME.match(call[1]):
        raise ModelSyntaxError(f'{where}: a random slope is written rv("s")*x, with a name of its own')
    kind = call[2] or ""
    if kind and kind not in KINDS:
        raise ModelSyntaxError(
            f"{where}: a random slope acts on the predictor as observed or on its within part: "
            f'rv("{call[1]}", "observed") or rv("{call[1]}", "within"), not {kind!r}'
        )
    return call[1], kind


def _one_label(old: str, new: str, where: str) -> str:
    if old and new and old != new:
        raise ModelSyntaxError(
            f"{where}: one parameter has the labels {old!r} and {new!r}; keep one (two parameters are set equal by "
            f"'{old} == {new}')"
        )
    return new or old


def _merge(terms: list[Term], new: Term, where: str) -> None:
    """Append a term; a term named before gains the modifiers (`y ~ a*x + start(.3)*x`)."""
    for k, old in enumerate(terms):
        same = (old.level, old.op) == (new.level, new.op) and (
            (old.lhs, old.rhs) == (new.lhs, new.rhs)
            or (new.op == "~~" and (old.rhs, old.lhs) == (new.lhs, new.rhs))
        )
        if same:
            if new.random or old.random:
                raise ModelSyntaxError(
                    f"{where}: the slope of {new.lhs} on {new.rhs} is random and given twice"
                )
            if not (new.label or new.fixed is not None or new.free or new.start is not None):
                raise ModelSyntaxError(f"{where}: '{new.lhs} {new.op} {new.rhs}' is given twice")
            terms[k] = replace(
                old,
                label=_one_label(old.label, new.label, where),
                fixed=old.fixed if new.fixed is None else new.fixed,
                free=old.free or new.free,
                start=old.start if new.start is None else new.start,
            )
            return
    terms.append(new)
