"""The environment that `snakemake --sdm conda` makes: ``workflow/environment.yaml``, from the lock.

Snakemake copies the file elsewhere before it uses it, so that it cannot point to the lock: the versions stand in it.
"""

from __future__ import annotations

import re

from fortems.package import ROOT

TARGET = ROOT / "workflow/environment.yaml"
LOCK = ROOT / "requirements.lock"
#: The Python of the Containerfile, too.
PYTHON = "3.13"
HEAD = f"""\
# For `snakemake --sdm conda`: the same versions as `make env`. Written by `make docs` from requirements.lock.
channels:
  - conda-forge
dependencies:
  - python ={PYTHON}
  - pip
  - pip:
"""


def pinned(lock: str) -> list[str]:
    """Return every package of a lock with its version and the marker that says where it is needed."""
    found = []
    for name, version, marker in re.findall(
        r"^([A-Za-z0-9._-]+)==([^ ;\\\n]+)(?: *; *([^\\\n]*))?", lock, flags=re.MULTILINE
    ):
        found.append(f"{name}=={version}" + (f" ; {marker.strip()}" if marker.strip() else ""))
    return found


def page() -> str:
    """Return the file as it should be."""
    lines = [
        f'      - "{package.replace(chr(34), chr(39))}"'
        for package in pinned(LOCK.read_text(encoding="utf-8"))
    ]
    return HEAD + "\n".join(lines) + "\n"
