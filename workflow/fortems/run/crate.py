"""A run as an RO-Crate (https://w3id.org/ro/wfrun/workflow/0.5): what an archive reads about the results.

The same run gives the same bytes: no clock, no path of a machine. Of own data only what may leave is listed: nothing
below ``data/``, and of the data file not even the name.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fortems.tidy import write_json

METADATA = "ro-crate-metadata.json"
WORKFLOW = "Snakefile"
PROFILES = {
    "process": "Process Run Crate",
    "workflow": "Workflow Run Crate",
}
# Contexts later than 1.1 expand this term to another address than the profile names.
TERMS = {"ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow"}
MEDIA = {
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".html": "text/html",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".yaml": "application/yaml",
}
SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
TEXT_LICENCE = "https://creativecommons.org/licenses/by/4.0/"
CODE_LICENCE = "https://spdx.org/licenses/MIT"


def may_be_listed(name: str, own: bool) -> bool:
    """Return whether a crate may list a result: all of simulated data, of own data nothing below ``data/``."""
    return not (own and name.startswith("data/"))


def crate(
    results: Path, names: Iterable[str], run: str, citation: Mapping[str, Any], snakemake: str, own: bool
) -> dict[str, Any]:
    """Describe a run.

    Parameters
    ----------
    results : path
        ``results/<run>``, the crate's root.
    names : iterable of str
        Result files, relative to it.
    run : str
        The run's name.
    citation : mapping
        ``CITATION.cff`` as read: title, version, date of release, authors.
    snakemake : str
        Its version.
    own : bool
        Whether the data are a person's own.

    Returns
    -------
    dict
        JSON-LD, as ``ro-crate-metadata.json`` holds it.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    made = ROCrate(gen_preview=False, version="1.1")  # the version that the profile builds on

    made.metadata.extra_terms.update(TERMS)

    def add(identifier: str, /, **properties: Any) -> Any:
        return made.add(ContextEntity(made, identifier, properties=properties))

    author = add("#authors", **{"@type": "Organization", "name": citation["authors"][0]["name"]})
    texts = add(
        TEXT_LICENCE, **{"@type": "CreativeWork", "name": "Creative Commons Attribution 4.0 International"}
    )
    code = add(CODE_LICENCE, **{"@type": "CreativeWork", "name": "MIT License"})
    language = add(
        SNAKEMAKE,
        **{"@type": "ComputerLanguage", "name": "Snakemake", "alternateName": "Snakemake"},
        identifier={"@id": "https://snakemake.github.io"},
        url={"@id": "https://snakemake.github.io"},
        version=snakemake,
    )
    study = made.add_file(
        results / WORKFLOW,
        WORKFLOW,
        properties={
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "name": citation["title"],
            "version": citation["version"],
            "programmingLanguage": {"@id": language.id},
            "license": {"@id": code.id},
            "author": {"@id": author.id},
            **measured(results / WORKFLOW),
        },
    )
    files = [
        made.add_file(
            results / name,
            name,
            properties={
                "name": name,
                "encodingFormat": MEDIA.get(Path(name).suffix, "application/octet-stream"),
                **measured(results / name),
            },
        )
        for name in sorted(names)
        if may_be_listed(name, own)
    ]
    settings = [file for file in files if file.id == "config.yaml"]
    action = add(
        "#run",
        **{"@type": "CreateAction", "name": f"Run {run} of {citation['title']}"},
        description=(
            f"By Snakemake {snakemake}, with the packages of the tracked locks. "
            + (
                "The data are their owner's and are not part of this."
                if own
                else "The data are simulated or published."
            )
        ),
        instrument={"@id": study.id},
        agent={"@id": author.id},
        object=[{"@id": file.id} for file in settings],
        result=[{"@id": file.id} for file in files if file not in settings],
        actionStatus={"@id": "http://schema.org/CompletedActionStatus"},
    )
    conforms = [
        add(
            f"https://w3id.org/ro/wfrun/{key}/0.5",
            **{"@type": "CreativeWork", "name": name, "version": "0.5"},
        )
        for key, name in PROFILES.items()
    ]
    conforms.append(
        add(
            "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
            **{"@type": "CreativeWork", "name": "Workflow RO-Crate", "version": "1.0"},
        )
    )
    root = made.root_dataset
    root["name"] = f"{citation['title']}: results of the run {run}"
    root["description"] = citation["abstract"].strip()
    root["datePublished"] = citation["date-released"]
    root["license"] = texts
    root["author"] = author
    root["mainEntity"] = study
    root["mentions"] = action
    root["conformsTo"] = conforms
    return dict(made.metadata.generate())


def measured(path: Path) -> dict[str, str]:
    """Return a file's size in bytes and its checksum."""
    content = path.read_bytes()
    return {"contentSize": str(len(content)), "sha256": hashlib.sha256(content).hexdigest()}


def write_crate(workflow: Path, results: Path, **described: Any) -> None:
    """Copy the workflow's entry into the results, describe the run, and write both.

    Parameters
    ----------
    workflow : path
        The ``Snakefile``.
    results : path
        ``results/<run>``.
    **described
        As for ``crate``.
    """
    shutil.copyfile(workflow, results / WORKFLOW)
    write_json(crate(results, **described), results / METADATA)
