"""Reading a YAML file of anyone's: measured before anything is built of it, so that none hangs or fills the memory.

A few lines can stand for thousands of millions (an alias of aliases, a merge of merges), hold themselves, or nest
until the reader's stack ends. What a file would become is counted from its events, of which there are never more
than the file has characters.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from fortems.errors import ConfigError, Problem

#: libyaml where PyYAML was built with it: ten times as fast, and every job start reads a dozen files.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

LARGEST = 5_000_000  # bytes
MOST = 200_000  # keys and values, aliases written out
DEEPEST = 50  # levels
DIGITS = 40
_WHOLE = re.compile(r"[-+]?(?:0[bB][01_]+|0[xX][0-9a-fA-F_]+|[0-9][0-9_:]*)")


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a regular file of a sensible size.

    Raises
    ------
    ConfigError
        For a pipe, a device, a folder, or a file too large to have been typed.
    OSError, UnicodeDecodeError
        As ever.
    """
    if "\0" in os.fspath(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    told = os.stat(path)
    if not stat.S_ISREG(told.st_mode):
        raise ConfigError(Problem(os.fspath(path), f"is {kind_words(told.st_mode)}", "a YAML file"))
    if told.st_size > LARGEST:
        what = f"has {told.st_size / 1e6:.0f} million bytes"
        raise ConfigError(Problem(os.fspath(path), what, f"at most {LARGEST / 1e6:.0f} million"))
    return Path(path).read_text(encoding="utf-8-sig")


def kind_words(mode: int) -> str:
    """Say what a path that is no regular file is."""
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe and no file"
    return "a device or socket and no file"


def measured(text: str, where: str, once: bool = True) -> str:
    """Return a YAML text that is safe to build.

    Parameters
    ----------
    text, where : str
        The text and, for messages, its file.
    once : bool
        Whether a key may stand in a map but once.

    Raises
    ------
    ConfigError
        Where a key stands twice in a map (YAML would keep the last and say nothing), a part holds itself, the whole
        nests too deep or would be too large with its aliases written out, or a number has too many digits.
    yaml.YAMLError
        Where it is not YAML.
    """
    open_parts: list[_Part] = []
    sizes: dict[str | None, int | None] = {}  # of each anchor; none while its part is open

    def add(size: int, line: int) -> None:
        if open_parts:
            open_parts[-1].size += size
            if open_parts[-1].size > MOST:
                what = f"stands for more than {MOST:,} keys and values, in line {line}"
                raise ConfigError(Problem(where, what, f"at most {MOST:,}", "Write out what is needed"))

    for event in _events(text, where):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.ScalarEvent):
            if open_parts:
                open_parts[-1].meet(event.value, line, where)
            if event.implicit[0] and len(event.value) > DIGITS and _WHOLE.fullmatch(event.value):
                what = f"a number of {len(event.value):,} digits, in line {line}"
                raise ConfigError(Problem(where, what, f"at most {DIGITS}", "Text goes in quotes"))
            sizes[event.anchor] = 1
            add(1, line)
        elif isinstance(event, yaml.AliasEvent):
            if open_parts:
                open_parts[-1].meet(None, line, where)
            if (size := sizes.get(event.anchor, 1)) is None:
                what = f"the part &{event.anchor} holds itself, in line {line}"
                raise ConfigError(Problem(where, what, "parts that end"))
            add(size, line)
        elif isinstance(event, yaml.CollectionStartEvent):
            if open_parts:
                open_parts[-1].meet(None, line, where)
            sizes[event.anchor] = None
            open_parts.append(_Part(event.anchor, once and isinstance(event, yaml.MappingStartEvent)))
            if len(open_parts) > DEEPEST:
                raise _too_deep(where, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            part = open_parts.pop()
            sizes[part.anchor] = part.size
            add(part.size, line)
    return text


def _events(text: str, where: str) -> Iterator[yaml.Event]:
    """The events of a text. What is too deep even for the library, which says so before its first event, is too deep."""
    try:
        yield from yaml.parse(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        if "nesting depth" not in str(error.problem):
            raise
        raise _too_deep(where, error.problem_mark.line + 1 if error.problem_mark else 1) from None


def _too_deep(where: str, line: int) -> ConfigError:
    what = f"nests more than {DEEPEST} levels deep, in line {line}"
    return ConfigError(Problem(where, what, f"at most {DEEPEST} levels"))


class _Part:
    """A map or list that is being read: how much it stands for and, of a map, which keys it has."""

    def __init__(self, anchor: str | None, has_keys: bool):
        self.anchor, self.size = anchor, 1
        self.keys: set[str] | None = set() if has_keys else None
        self.at_key = True

    def meet(self, scalar: str | None, line: int, where: str) -> None:
        """Take the next key or value; None is one that is no scalar."""
        if self.keys is None:
            return
        if self.at_key and scalar is not None:
            if scalar in self.keys:
                what = f"the key {scalar!r} stands twice, again in line {line}"
                raise ConfigError(Problem(where, what, "each key once", "Put both parts under one of them"))
            self.keys.add(scalar)
        self.at_key = not self.at_key


def build(text: str, where: str) -> Any:
    """Build the value of a measured YAML text.

    Raises
    ------
    ConfigError
        Where a value cannot be built: a date that no calendar has, a map as a key, a tag of another language.
    """
    try:
        return yaml.load(text, Loader=LOADER)
    except yaml.constructor.ConstructorError as error:
        raise ConfigError(Problem(where, " ".join((error.problem or str(error)).split()))) from None
    except yaml.YAMLError:
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError) as error:
        raise ConfigError(Problem(where, f"holds a value that cannot be read ({error})")) from None
