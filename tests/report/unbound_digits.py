"""No number stands in the text that is not bound to a result: find the digits that are.

Three scans. Of the templates: digits outside Jinja's expressions. Of the sentences in code: digits in string
literals that are prose. Of a rendered page: digits outside bound numbers, facts of the literature, citations,
references to tables, figures and the list of references. What may stand is listed, each with its reason, in
``manuscript/digits.yaml``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from pathlib import Path

from fortems.schema import plain_yaml

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|<!--#.*?#-->", re.DOTALL)
_MARKUP = re.compile(r"\{[#.][^}\n]*\}|\[-?@[^\]]*\]|@[\w-]+|`[^`]*`")
_DIGIT = re.compile(r"\d")


def listed(path: Path) -> dict[str, str]:
    """Read the list of digits that may stand: text → reason."""
    entries = plain_yaml(path)
    return {str(entry["text"]): str(entry["reason"]) for entry in entries}


def left(text: str, allowed: Iterable[str]) -> list[str]:
    """Return the words with digits that remain once the allowed texts, longest first, are taken out."""
    for item in sorted(allowed, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.]){re.escape(item)}(?![\w])", " ", text)
    return [word for word in text.split() if _DIGIT.search(word)]


def in_template(text: str, allowed: Iterable[str]) -> list[str]:
    """Return what is unbound in a template's own text."""
    return left(_MARKUP.sub(" ", _JINJA.sub(" ", text)), allowed)


def in_code(source: str, allowed: Iterable[str]) -> list[str]:
    """Return what is unbound in the prose of a module: literals with a space, and all parts of f-strings."""
    tree = ast.parse(source)
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    specs = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None
        for part in ast.walk(node.format_spec)
    }
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    allowed = list(allowed)
    found = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        if id(node) in documentation or id(node) in specs:
            continue
        if " " in node.value or id(node) in parts:
            found += left(_MARKUP.sub(" ", node.value), allowed)
    return found


#: Elements whose digits are bound, cited, computed by position, or notation.
_SKIPPED_CLASSES = frozenset({"n", "fact", "citation", "label", "ref", "contents", "csl-entry"})
_SKIPPED_TAGS = frozenset({"style", "script", "math", "svg", "code", "title", "nav", "figcaption", "caption"})
_VOID = frozenset({"meta", "link", "img", "br", "hr", "input", "col"})


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[bool] = []
        self.heads = 0
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        classes = set((dict(attrs).get("class") or "").split())
        self.stack.append(tag in _SKIPPED_TAGS or bool(classes & _SKIPPED_CLASSES))
        self.text.append("\n" if tag in ("td", "th", "p", "h2", "h3", "h4") else "")

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID and self.stack:
            self.stack.pop()

    def handle_data(self, data: str) -> None:
        if not any(self.stack):
            self.text.append(data)


def in_page(page: str, allowed: Mapping[str, str] | Iterable[str]) -> list[str]:
    """Return what is unbound on a rendered HTML page.

    A cell that begins with its row's number, and a head that is a column's number, are positions, not results.
    """
    parser = _Page()
    parser.feed(page)
    lines = [re.sub(r"^\s*\d+(\.\s|\s*$)", " ", line) for line in "".join(parser.text).split("\n")]
    return left("\n".join(lines), allowed)
