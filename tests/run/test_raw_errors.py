"""What people write, name and have never ends a step with an error of a library's."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest
from fortems.data.reading.readers import read_table
from fortems.errors import ConfigError, DataError
from fortems.figures import style
from fortems.published.matrix import load_matrix
from fortems.run.config import complete, without_braces
from fortems.run.preflight import check
from fortems.schema import load_yaml, schema_problems

MATRIX = "tests/data/article.yaml"


@pytest.mark.parametrize("text", ["$x_{$", "between $5 and $10", "$\\nope$", "\\$", "100 % $", "^_{}~#&"])
def test_a_label_is_drawn_as_it_stands(tmp_path, text):
    style.settings()
    figure, axes = style.figure(1)
    axes.set_title(text)
    axes.set_xlabel(text)
    axes.annotate(text, (0.5, 0.5))
    axes.plot([0, 1], [0, 1], label=text)
    axes.legend()
    axes.set_yticks([0, 1], [text, text])
    figure.savefig(tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").stat().st_size > 1000


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf", "1e999", ".NaN"])
@pytest.mark.parametrize("key", ["rows", "mean", "sd", "icc"])
def test_a_number_that_is_none_in_a_matrix_is_refused_by_its_place(tmp_path, key, number):
    text = Path(MATRIX).read_text(encoding="utf-8")
    pattern = {
        "rows": r"(rows:\s*(?:#[^\n]*\s*)*-\s*\[)[^,\]]+",
        "mean": r"(mean: )[^,}\n]+",
        "sd": r"(sd: )[^,}\n]+",
        "icc": r"(icc: )[^,}\n]+",
    }[key]
    changed, count = re.subn(pattern, rf"\g<1>{number}", text, count=1)
    if not count:
        pytest.skip(f"the example has no {key}")
    (tmp_path / "matrix.yaml").write_text(changed)
    with pytest.raises(ConfigError, match=r"matrix\.yaml: (correlations\b|\S*" + key + ")"):
        load_matrix(tmp_path / "matrix.yaml")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1, {"a": float("-inf")}]])
def test_a_number_that_is_none_is_no_value_of_any_file(value):
    assert "a finite number" in str(schema_problems({"x": value}, {"type": "object"}, "file")[0])


@pytest.mark.parametrize("name", ["my{x}.csv", "my<x>.csv", "{}.csv", "a}b.csv", "<", "{<a>}"])
def test_a_name_that_looks_like_a_pattern_is_a_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text("client\n1\n")
    config = complete(
        {"run": "x", "data": {"source": "file", "path": str(tmp_path / name), "format": "items"}}
    )
    path = without_braces(config)["data"]["path"]
    assert not set("{}<>") & set(path)
    assert Path(path).read_text() == "client\n1\n"


@pytest.mark.parametrize("home", ["/dev/null/none", "/proc/none", "none"])
def test_no_home_that_can_be_written_to(repository, home):
    done = repository.run(
        "snakemake", "--cores", "1", "results/tiny/config.yaml", "--configfile", "config/tiny.yaml", HOME=home
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert not (repository.root / "none").exists()


def survey(tmp_path, second: str, third: str) -> np.ndarray:
    path = tmp_path / "export.csv"
    rows = ["client,therapist,remark", second, third, "c3,t1,fine", "c4,t2,well"]
    path.write_text("\n".join(rows) + "\n")
    return np.asarray(read_table(path).columns["client"], dtype=object)


def test_one_answer_that_looks_like_an_identifier_drops_nobody(tmp_path):
    mark = '"{""ImportId"":""QID1""}"'
    assert list(survey(tmp_path, "c1,t1,well", f"c2,t1,{mark}")) == ["c1", "c2", "c3", "c4"]
    assert list(survey(tmp_path, f"c1,t1,{mark}", "c2,t1,well")) == ["c1", "c2", "c3", "c4"]


def test_rows_of_a_survey_program_are_left_out(tmp_path):
    marks = ",".join(['"{""ImportId"":""QID1""}"'] * 3)
    assert list(survey(tmp_path, "Who,By,What else", marks)) == ["c3", "c4"]
    assert list(survey(tmp_path, marks, "c2,t1,x")) == ["c2", "c3", "c4"]


@pytest.mark.parametrize("folder", ["/", "/proc", "/dev"])
def test_a_disk_named_as_the_folder_of_sections_is_not_read_whole(folder):
    config = load_yaml("config/config.yaml")
    started = time.monotonic()
    with pytest.raises(ConfigError, match=r"report\.sections"):
        check(config | {"report": config["report"] | {"sections": folder}})
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("path", ["a" * 5000, "a" * 300 + "/b", "/" + "b/" * 3000, "\0"])
@pytest.mark.parametrize(
    "key", ["sections", "models", "claims", "published", "study", "scenario", "path", "choices", "instrument"]
)
def test_a_path_that_no_disk_can_hold_is_refused(key, path):
    config = load_yaml("config/config.yaml")
    change = {
        "sections": {"report": {"sections": path}},
        "scenario": {"data": {"scenario": path}},
        "path": {"data": {"source": "file", "path": path, "format": "items"}},
        "choices": {"robustness": {"multiverse": {"choices": path, "resamples": 5}}},
        "instrument": {"data": {"instruments": {"z": path}}},
    }.get(key, {key: path})
    for name, value in change.items():
        config[name] = config[name] | value if isinstance(value, dict) else value
    with pytest.raises(ConfigError):
        check(config)


@pytest.mark.parametrize("path", ["a" * 5000, "/" + "b/" * 3000 + "c.csv"])
def test_an_export_under_a_path_that_no_disk_can_hold_is_refused(path):
    with pytest.raises(DataError):
        read_table(path)
