"""Whatever a configuration, a YAML file or an export holds, it is used or refused in our words, and soon."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest
import yaml
from fortems.data.reading.readers import read_table
from fortems.errors import FortemsError
from fortems.run.preflight import check
from fortems.schema import configuration_problems, load_yaml

LONGEST = 20  # seconds of the processor
BLOCKED = 200  # seconds by the clock, on a machine that does other things besides
SOURCES = ("config/tiny.yaml", "config/models.yaml", "config/claims.yaml", "tests/data/article.yaml")
EXPORTS = ("example_items.csv", "example_scores.tsv", "example.xlsx", "example.sav")
VALUES = [
    None,
    True,
    -1,
    0,
    10**30,
    1e300,
    float("nan"),
    "",
    "x",
    "é\n",
    "$x",
    "=1",
    "{a}",
    [],
    [None],
    [[1]],
    {},
    {"a": 1},
]
VALUES += [
    {1: 2},
    {None: 0},
    "2001-01-01",
    "../..",
    "/dev/null",
    "/dev/zero",
    "config",
    "a" * 5000,
    ["x", "x"],
    "\0",
    -0.5,
]
JUNK = [
    b"\0",
    b"\xff",
    b"&a ",
    b"*a",
    b"<<: ",
    b"[",
    b"{",
    b"]",
    b"'",
    b'"',
    b"\t",
    b"\n",
    b": ",
    b"- ",
    b"!!int ",
    b"9" * 50,
    b",",
    b";",
]


def places(value, path=()):
    """Every place of a nested value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(parts):
        yield (*path, key)
        yield from places(part, (*path, key))


def put(value, path, new) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The content with a few pieces changed, doubled, cut out or put in."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content) + 1)
        end = min(len(content), at + chance.choice([1, 2, 20, 400]))
        piece = chance.choice([b"", content[at:end] * 2, chance.choice(JUNK), chance.randbytes(3)])
        content = content[:at] + piece + content[end:]
    return content


def configuration(chance: random.Random, folder: Path) -> None:
    config = yaml.safe_load(Path("config/config.yaml").read_text(encoding="utf-8"))
    config |= yaml.safe_load(Path("config/tiny.yaml").read_text(encoding="utf-8"))
    for _ in range(chance.randint(1, 3)):
        put(config, chance.choice(list(places(config))), chance.choice(VALUES))
    check(config)


def yaml_file(chance: random.Random, folder: Path) -> None:
    path = folder / "mine.yaml"
    path.write_bytes(damaged(Path(chance.choice(SOURCES)).read_bytes(), chance))
    configuration_problems(path)
    load_yaml(path)


def named_file(chance: random.Random, folder: Path) -> None:
    """A file that the configuration names, with odd values in it."""
    key = chance.choice(["models", "claims", "published"])
    value = yaml.safe_load(Path(f"config/{key}.yaml").read_text(encoding="utf-8"))
    put(value, chance.choice(list(places(value))), chance.choice(VALUES))
    path = folder / f"{key}.yaml"
    path.write_text(yaml.safe_dump(value, allow_unicode=True), encoding="utf-8")
    config = yaml.safe_load(Path("config/config.yaml").read_text(encoding="utf-8"))
    config |= yaml.safe_load(Path("config/tiny.yaml").read_text(encoding="utf-8"))
    check(config | {"run": "fuzz", key: str(path)})


def export(chance: random.Random, folder: Path) -> None:
    name = chance.choice(EXPORTS)
    (folder / name).write_bytes(damaged(Path("tests/data", name).read_bytes(), chance))
    read_table(folder / name)


DOORS = (configuration, yaml_file, named_file, export)


def too_long(*_) -> None:
    raise TimeoutError


def walk(seeds: range, folder: Path) -> list[str]:
    """Cases that ended in an error of a library's, or went on for too long."""
    found = []
    for timer in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(timer, too_long)
    for seed in seeds:
        chance = random.Random(seed)
        door = chance.choice(DOORS)
        # Again each second: where the interpreter clears away, an error is told and not raised.
        signal.setitimer(signal.ITIMER_PROF, LONGEST, 1)
        signal.setitimer(signal.ITIMER_REAL, BLOCKED, 1)
        try:
            door(chance, folder)
        except FortemsError:
            pass
        except Exception as error:
            found.append(f"{seed}, {door.__name__}: {type(error).__name__} {str(error)[:200]}")
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
    return found


def test_two_hundred_cases_end_in_our_words(tmp_path):
    assert walk(range(200), tmp_path) == []


@pytest.mark.slow
def test_five_thousand_cases_end_in_our_words(tmp_path):
    assert walk(range(1000, 6000), tmp_path) == []
