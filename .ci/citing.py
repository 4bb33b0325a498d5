"""Write what follows from CITATION.cff: codemeta.json. `make citing`; a test holds both together."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
PLATFORMS = ["Linux", "macOS"]


def codemeta(citation: dict[str, Any], project: dict[str, Any]) -> dict[str, Any]:
    """Return CodeMeta 3.0 of a citation file and a project table."""
    return {
        "@context": "https://w3id.org/codemeta/3.0",
        "@type": "SoftwareSourceCode",
        "name": citation["title"],
        "description": citation["abstract"].strip(),
        "version": citation["version"],
        "dateModified": citation["date-released"],
        "license": f"https://spdx.org/licenses/{citation['license']}",
        "author": [{"@type": "Organization", "name": author["name"]} for author in citation["authors"]],
        "keywords": citation["keywords"],
        "programmingLanguage": ["Python", "Snakemake"],
        "runtimePlatform": f"Python {project['requires-python']}",
        "operatingSystem": PLATFORMS,
        "softwareRequirements": sorted(project["dependencies"]),
        "referencePublication": [
            {"@type": "ScholarlyArticle", "name": item["title"], "@id": f"https://doi.org/{item['doi']}"}
            for item in citation["references"]
        ],
    }


def text() -> str:
    """Return codemeta.json as it should stand."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return json.dumps(codemeta(citation, project), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (ROOT / "codemeta.json").write_text(text(), encoding="utf-8")
