"""The study in other surroundings: another folder, as a module of another workflow, under a path with odd characters."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from clones import LIBRARIES, ROOT, Repository
from fortems import package

SHORT = ["results/tiny/data/scores.csv", "results/tiny/config.yaml", "results/tiny/tables/icc.csv"]
MODULE = """
configfile: "config/mine.yaml"

module meaning:
    snakefile: "{root}/{entry}"
    config: config["meaning"]

use rule * from meaning as meaning_*
"""


def snakemake(folder: Path, *arguments: str) -> str:
    """Run Snakemake in a folder that is not the package's; what it says."""
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE")}
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout + done.stderr


def results(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in SHORT}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that another ``--directory`` names, with part of the tiny run made in it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    snakemake(folder, "-s", str(ROOT / "Snakefile"), *SHORT, "--configfile", str(ROOT / "config/tiny.yaml"))
    return folder


def test_another_folder_gets_the_same_bytes_and_no_path_of_the_package(elsewhere: Path, built: Repository):
    assert results(elsewhere) == results(built.root)
    assert not any(str(ROOT).encode() in text for text in results(elsewhere).values())


@pytest.mark.parametrize("entry", ["Snakefile", "workflow/Snakefile"])
def test_a_module_runs_from_an_empty_folder_with_config_copied(entry: str, tmp_path: Path):
    """What the other workflow hands over lies over the default, as a ``--configfile`` does."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "config/mine.yaml").write_text("meaning: {run: inside, design: null}\nsamples: of another\n")
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/Snakefile").write_text(MODULE.format(root=ROOT, entry=entry))
    told = snakemake(tmp_path, "--dry-run")
    assert "meaning_manuscript" in told and "meaning_design_chunk" not in told
    assert "meaning_manifest" in snakemake(tmp_path, "--dry-run", "results/inside/manifest.json")


def test_a_module_computes(tmp_path: Path, built: Repository):
    (tmp_path / "config").mkdir()
    tiny = (ROOT / "config/tiny.yaml").read_text().replace("\n", "\n  ")
    (tmp_path / "config/mine.yaml").write_text(f"meaning:\n  {tiny}\n")
    (tmp_path / "Snakefile").write_text(MODULE.format(root=ROOT, entry="workflow/Snakefile"))
    wanted = [name for name in SHORT if not name.endswith("config.yaml")]  # its keys stand in another order
    snakemake(tmp_path, *wanted)
    for name in wanted:
        assert (tmp_path / name).read_bytes() == (built.root / name).read_bytes()


def test_the_catalogs_entry_makes_what_the_study_makes():
    arguments = ["--dry-run", "--quiet", "rules", "--forceall", "--configfile", "config/tiny.yaml"]

    def jobs(entry: str) -> set[str]:
        told = snakemake(ROOT, "-s", entry, *arguments).splitlines()
        return {line.split()[0] for line in told if line.split()[1:] and line.split()[-1].isdigit()}

    assert jobs("workflow/Snakefile") - {"study"} == jobs("Snakefile") - {"all"} > {"manifest", "manuscript"}


@pytest.mark.parametrize("name", ["with space", "Dés's «à»", "a;b $HOME"])
def test_a_path_with_odd_characters_works(name: str, tmp_path: Path, built: Repository):
    """Interpreter included: an environment of its own that borrows the packages of this one."""
    copy = Repository.copy(tmp_path / name).root
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", copy / ".venv"], check=True)
    own = next((copy / ".venv/lib").glob("python*/site-packages"))
    (own / "a.pth").write_text("".join(f"{copy / folder}\n" for folder in LIBRARIES), encoding="utf-8")
    (own / "b.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    command = [copy / ".venv/bin/python", "-m", "snakemake", "--cores", "2", *SHORT[:1]]
    done = subprocess.run(
        [*command, "--configfile", "config/tiny.yaml"], cwd=copy, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert (copy / SHORT[0]).read_bytes() == (built.root / SHORT[0]).read_bytes()


def test_a_file_of_the_working_directory_comes_before_the_packages(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert package.located("config/models.yaml") == str(ROOT / "config/models.yaml")
    assert package.located("config/none.yaml") == "config/none.yaml"
    (tmp_path / "config").mkdir()
    (tmp_path / "config/models.yaml").touch()
    assert package.located("config/models.yaml") == "config/models.yaml"
    assert package.shown(ROOT / "config/models.yaml") == "config/models.yaml"
    assert package.shown("/elsewhere/models.yaml") == "/elsewhere/models.yaml"
