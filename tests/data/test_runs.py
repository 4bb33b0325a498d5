"""The door through Snakemake: exit code, what stands last on the terminal, and what is left behind."""

import csv
import shutil
import zipfile

import pytest
import yaml
from wording import says

OVERLAY = "run: mine\ndata: {{source: file, path: {path}, format: items}}\ndesign: null\n"


def run(repository, content, name="mine.csv", overlay=OVERLAY):
    repository.write(name, content)
    repository.write("mine.yaml", overlay.format(path=name))
    return repository.snakemake("results/mine/data/scores.csv", "--configfile", "mine.yaml", cores=1)


def test_a_wrong_separator_is_refused(repository):
    done = run(repository, "client|therapist|oq_1\na|t|1\n")
    assert done.returncode != 0
    last = done.stdout.rstrip().splitlines()[-2:]
    says(last[0], "mine.csv", "no", "separator", "found", "looks separated by a vertical bar")
    assert "logs/mine/problems.csv" in last[1]
    assert "Traceback" not in done.stdout
    assert not (repository.root / "results").exists()


def test_problems_of_rows_are_told_in_full_and_the_log_names_nobody(repository):
    source = (repository.root / "tests/data/example_items.csv").read_text()
    overlay = (repository.root / "tests/data/example_items.yaml").read_text()
    overlay = overlay.replace("example_items\n", "mine\n").replace("{", "{{").replace("}", "}}")
    overlay = overlay.replace("tests/data/example_items.csv", "{path}")
    spoilt = source.replace(",th03,", ",,", 1).replace("\n2,", "\n7,", 1)
    done = run(repository, spoilt, overlay=overlay)
    assert done.returncode != 0
    assert "client without therapist" in done.stdout
    assert "OQ45[1]: out of range" in done.stdout
    with open(repository.root / "logs/mine/problems.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert all(row["client"].startswith("R1") and "local" in row["note"] for row in rows)
    log = (repository.root / "logs/mine/prepare.log").read_text()
    assert "client without therapist" in log
    assert not any(row["client"] in log for row in rows)
    assert not (repository.root / "results").exists()


@pytest.mark.parametrize("name", ["dutch"])
def test_an_example_runs_as_its_first_line_says(repository, name):
    done = repository.snakemake(
        f"results/example_{name}/data/scores.csv", "--configfile", f"tests/data/example_{name}.yaml", cores=1
    )
    assert done.returncode == 0, done.stdout[-2000:]
    folder = repository.root / f"results/example_{name}/data"
    assert {path.name for path in folder.iterdir() if path.is_file()} == {
        "scores.csv",
        "scores.schema.json",
        "items.csv",
        "flow.csv",
        "codebook.csv",
        "warnings.csv",
        "missing_patterns.csv",
        "missing_related.csv",
    }
    log = (repository.root / f"logs/example_{name}/prepare.log").read_text()
    assert "therapist with one client" in log
    assert "R10" not in log


@pytest.mark.slow
def test_no_result_tells_where_own_data_lie(repository, tmp_path):
    """Files beside data outside the repository are told by name; no result holds the folder's name."""
    private = tmp_path / "ward-of-dr-janssens"
    private.mkdir()
    for name in ("example_items.csv", "tiny_models.yaml"):
        folder = "config" if name.endswith(".yaml") else "tests/data"
        shutil.copyfile(repository.root / folder / name, private / name)
    overlay = yaml.safe_load((repository.root / "tests/data/example_items.yaml").read_text())
    overlay["data"]["path"] = str(private / "example_items.csv")
    overlay |= {
        "run": "mine",
        "models": str(private / "tiny_models.yaml"),
        "engines": ["twolevel"],
        "design": None,
        "bootstrap": {"replicates": 20, "latent": 0},
    }
    (private / "mine.yaml").write_text(yaml.safe_dump(overlay))
    done = repository.snakemake("--configfile", str(private / "mine.yaml"))
    assert done.returncode == 0, done.stdout[-3000:]
    results = repository.root / "results/mine"
    told = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    with zipfile.ZipFile(results / "manuscript/manuscript.docx") as word:
        told |= {name: word.read(name) for name in word.namelist()}
    assert b"tiny_models.yaml" in told[results / "manifest.json"]
    assert [name for name, content in told.items() if b"janssens" in content] == []
