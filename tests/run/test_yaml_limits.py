"""YAML bombs: a few lines that stand for any amount. Each is refused by name, soon, whoever reads the file."""

from __future__ import annotations

import os
import re
import time
import tracemalloc
from pathlib import Path

import pytest
from fortems.errors import ConfigError
from fortems.run.preflight import check
from fortems.schema import configuration_problems, load_schema, load_yaml
from fortems.yamlfile import MOST


def layers(form: str, first: str, depth: int = 30) -> str:
    """Layers of parts, each of which holds the one below nine times."""
    lines = [f"a0: &a0 {first}"]
    for i in range(1, depth):
        parts = form.format(*[f"*a{i - 1}"] * 9)
        lines.append(f"a{i}: &a{i} {parts.replace('I', str(i))}")
    return "\n".join(lines) + "\n"


NINE = ", ".join(["{}"] * 9)
BOMBS = {
    "lists": (layers(f"[{NINE}]", "[x, x]"), "more than 200,000"),
    "maps": (layers("{{" + ", ".join(f"k{j}: {{}}" for j in range(9)) + "}}", "{x: 1}"), "more than 200,000"),
    "merges": (layers(f"{{{{<<: [{NINE}], zI: 1}}}}", "{x: 1}"), "more than 200,000"),
    "a deep list": ("a: " + "[" * 100_000 + "]" * 100_000, "50 levels"),
    "a deep map": ("".join(f"{' ' * i}a:\n" for i in range(3000)), "50 levels"),
    "deep and open": ("a: " + "[" * 100_000, "50 levels"),
    "deep JSON": ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "50 levels"),
    "itself": ("a: &a\n  b: *a\n", "holds itself"),
    "itself in a list": ("a: &a [1, [2, *a]]\n", "holds itself"),
    "itself merged": ("a: &a\n  <<: *a\n", "holds itself"),
    "digits": ("seed: " + "9" * 5000 + "\n", "5,000 digits"),
    "signed digits": ("seed: -" + "9" * 5000 + "\n", "5,001 digits"),
    "digits of base 16": ("seed: 0x" + "f" * 5000 + "\n", "5,002 digits"),
    "digits of base 60": ("seed: 1" + ":59" * 2000 + "\n", "6,001 digits"),
    "digits of a key": ("9" * 5000 + ": 1\n", "5,000 digits"),
    "a day that no calendar has": ("seed: 2001-99-99\n", "cannot be read"),
    "a tag of Python": ("seed: !!python/object/apply:os.getcwd []\n", "constructor for the tag"),
    "a map as key": ("{{a: 1}: 2}: 3\n", "unhashable key"),
    "a merge twice": ("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n", "'<<' stands twice"),
    "a key twice": ("a: 1\nb: {c: 1, c: 2}\n", "'c' stands twice"),
    "a merge of a number": ("a:\n  <<: 3\n", "mapping"),
    "an empty binary": ("a: !!binary x\n", "base64"),
    "a number of nothing": ("a: !!int x\n", "cannot be read"),
    "nothing in a float": ("a: !!float ''\n", ""),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_name_and_soon(tmp_path, name):
    text, words = BOMBS[name]
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    started = time.process_time()
    tracemalloc.start()
    with pytest.raises(ConfigError) as caught:
        load_yaml(path)
    told = configuration_problems(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert words in str(caught.value) and "bomb.yaml" in str(caught.value)
    assert told and (words in str(told[0]))
    assert time.process_time() - started < 5
    assert most < 200_000_000


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "large"])
def test_what_is_no_file_that_anyone_typed_is_refused(tmp_path, kind):
    path = tmp_path / "my.yaml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"# " + b"x" * 6_000_000)
    with pytest.raises(ConfigError, match=r"my\.yaml"):
        load_yaml(path)
    assert configuration_problems(path)


def test_what_people_write_is_read(tmp_path):
    """Aliases, merges, long texts and hashes: none of it is a bomb."""
    path = tmp_path / "my.yaml"
    digest = "0123456789" * 6
    path.write_text(
        "base: &base {a: 1, b: 2}\nmine: {<<: *base, b: 3}\nagain: &again [1]\nlist: [*again, *again]\n"
        f"text: '{digest}'\nwords: {'x' * 100}\nnumber: 12345678901234567890\nunder: {{<<: [{{a: 1}}, {{c: 2}}]}}\n"
    )
    assert load_yaml(path) == {
        "base": {"a": 1, "b": 2},
        "mine": {"a": 1, "b": 3},
        "again": [1],
        "list": [[1], [1]],
        "text": digest,
        "words": "x" * 100,
        "number": 12345678901234567890,
        "under": {"a": 1, "c": 2},
    }
    assert configuration_problems(path) == []


def test_as_much_as_is_allowed_is_read(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("a:\n" + "- 1\n" * (MOST - 10))
    assert len(load_yaml(path)["a"]) == MOST - 10


def test_a_file_that_would_run_code_does_not(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(f"__use_yte__: true\nrun: ?open({str(tmp_path / 'ran')!r}, 'w')\n")
    assert "would run code" in str(configuration_problems(path)[0])


@pytest.mark.parametrize("name", ["maps", "a deep list", "itself", "digits", "a day that no calendar has"])
def test_snakemake_itself_is_kept_from_a_bomb(repository, tmp_path, name):
    """It reads what is given with --configfile before the Snakefile."""
    (tmp_path / "bomb.yaml").write_text("run: tiny\n" + BOMBS[name][0])
    done = repository.snakemake("-n", "--configfile", "config/tiny.yaml", str(tmp_path / "bomb.yaml"))
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith(f"  - {tmp_path / 'bomb.yaml'}: ")
    assert BOMBS[name][1] in done.stdout


def test_a_code_in_a_configuration_is_not_run(repository, tmp_path):
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(f"__use_yte__: true\nrun: ?open({str(tmp_path / 'ran')!r}, 'w')\n")
    done = repository.snakemake("-n", "--configfile", "config/tiny.yaml", str(overlay))
    assert done.returncode != 0 and "would run code" in done.stdout
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("run", ["abc\n", "reference\n", "\n", "a\nb"])
def test_a_name_with_a_line_break_is_none(run):
    config = {"run": run, "seed": 1, "data": {"source": "simulated"}, "models": "config/models.yaml"}
    with pytest.raises(ConfigError, match=r"run: .* does not fit"):
        check(config)


def patterns(schema):
    """All patterns of a schema."""
    for name, part in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if name == "pattern" and isinstance(part, str):
            yield part
        elif isinstance(part, (dict, list)):
            yield from patterns(part)


@pytest.mark.parametrize("path", sorted(Path("workflow/schemas").glob("*.yaml")), ids=lambda path: path.stem)
def test_no_pattern_lets_a_last_line_break_pass(path):
    """In Python a dollar sign at a pattern's end also stands before one."""
    for pattern in patterns(load_schema(path.name.removesuffix(".schema.yaml"))):
        assert "$" not in pattern
        re.compile(pattern)
