"""``make new STUDY=name``: a study's skeleton in ``config/studies/<name>/``, which runs as it is."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fortems.errors import ConfigError, FortemsError, Problem
from fortems.package import ROOT
from fortems.schema import load_schema
from fortems.yamlfile import read_text

SKELETON = "skeleton"
STUDIES = Path("config", "studies")


def new_study(name: str) -> Path:
    """Write a study's skeleton, called as asked.

    Parameters
    ----------
    name : str
        As the name of a run: a letter, then letters, digits, underscores and hyphens.

    Returns
    -------
    Path
        ``config/studies/<name>``, below the working directory.

    Raises
    ------
    ConfigError
        For a name that no run can have, and for a study that is there already.
    """
    allowed = load_schema("config")["properties"]["run"]
    if not re.fullmatch(allowed["pattern"], name) or name == SKELETON:
        raise ConfigError(Problem("STUDY", f"{name!r} is no name of a study", str(allowed["description"])))
    target = STUDIES / name
    if target.exists():
        raise ConfigError(
            Problem(
                "STUDY",
                f"{target} is there already",
                "a name of its own",
                f"Remove {target}, or choose another",
            )
        )
    source = ROOT / STUDIES / SKELETON
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        for path in sorted(source.rglob("*.yaml")):
            copy = Path(folder, name) / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(read_text(path).replace(SKELETON, name), encoding="utf-8")
        shutil.move(Path(folder, name), target)
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a skeleton; exit code 1 with the problem where the name cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m fortems.study.new", description=__doc__)
    parser.add_argument("name", help="of the study")
    try:
        target = new_study(parser.parse_args(arguments).name)
    except FortemsError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{target} holds the study. To run it: snakemake --cores 4 --configfile {target / 'config.yaml'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
