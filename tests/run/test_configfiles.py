"""Configuration files that cannot be read are refused by name and line; odd paths are paths like any other."""

import os
import shutil
from pathlib import Path

import pytest
from fortems.errors import ConfigError
from fortems.run.config import complete, told_path, without_braces
from fortems.run.configfiles import check, named, problem
from fortems.schema import load_yaml

LATIN = "run: mine\n# caf\xe9\nseed: 1\n".encode("latin-1")


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        (["--cores", "4", "--configfile", "a.yaml", "b.yaml", "-q", "all"], ["a.yaml", "b.yaml"]),
        (["--configfile=a b.yaml", "target"], ["a b.yaml"]),
        (["target", "--configfiles", "a.yaml"], ["a.yaml"]),
        (["--cores", "4"], []),
    ],
)
def test_the_files_that_a_command_line_names(arguments, files):
    assert named(arguments) == files


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (LATIN, 2, "in Windows-1252 or Latin-1 this line would be '# caf\xe9'"),
        (b"run: mine\ndata: {source: [\nseed: 3\n", 4, "is not YAML"),
        (b"run: mine\ndata:\n\tsource: file\n", 3, "is not YAML"),
        (b"run: 'mine\nseed: 3\n", None, "is not YAML"),
        (b"run: mine\nseed: : 3\n", 2, "is not YAML"),
    ],
)
def test_what_is_no_yaml_in_utf8_is_refused_by_name_and_line(tmp_path, capsys, content, line, words):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    found = problem(str(path))
    assert found is not None and words in found.what
    assert line is None or found.where == f"{path}, line {line}"
    with pytest.raises(ConfigError, match=r"mine.yaml, line"):
        load_yaml(path)
    with pytest.raises(SystemExit):
        check(["--configfile", str(path)])
    assert "1 problem" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", [b"run: caf\xc3\xa9\n", b"\xef\xbb\xbfrun: x\n", b'{"run":\t"x"}', b"run: x\nrun: y\n"]
)
def test_what_snakemake_can_read_is_left_to_it(tmp_path, content):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    assert problem(str(path)) is None
    check(["--configfile", str(path), str(tmp_path / "absent.yaml")])


def test_a_path_with_braces_is_reached_by_a_link(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "a {b}" / "data {1}.csv"
    own.parent.mkdir()
    own.write_text("client\n")
    config = complete({"run": "x", "data": {"source": "file", "path": str(own), "format": "items"}})
    path = without_braces(config)["data"]["path"]
    assert "{" not in path and Path(path).read_text() == "client\n" and Path(path).name == "data (1).csv"
    assert without_braces(config)["data"]["path"] == path


def test_the_home_folder_is_known_and_not_told(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copy("config/tiny_models.yaml", tmp_path / "models.yaml")
    config = complete(
        {"models": "~/models.yaml", "data": {"source": "file", "path": "~/x.csv", "format": "items"}}
    )
    assert config["models"] == f"{tmp_path}/models.yaml" and config["data"]["path"] == f"{tmp_path}/x.csv"
    assert told_path(config["models"], None) == "~/models.yaml"


@pytest.mark.parametrize("content", [LATIN, b"run: [mine\n"])
def test_a_run_says_which_file_and_line(repository, content):
    (repository.root / "mine.yaml").write_bytes(content)
    done = repository.snakemake("all", "--configfile", "mine.yaml", cores=1)
    assert done.returncode != 0 and "mine.yaml, line 2" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_run_reads_data_of_any_path(repository):
    folder = repository.root / "a b {x} $y 100% é'z"
    folder.mkdir()
    name = "data {1} (2).csv"
    shutil.copy("tests/data/example_items.csv", folder / name)
    text = Path("tests/data/example_items.yaml").read_text(encoding="utf-8")
    whole = os.fspath(folder / name).replace("'", "''")
    text = text.replace("tests/data/example_items.csv", f"'{whole}'")
    (repository.root / "mine.yaml").write_text(text, encoding="utf-8")
    done = repository.snakemake("results/example_items/data/scores.csv", "--configfile", "mine.yaml", cores=1)
    assert done.returncode == 0, done.stdout[-2000:]
