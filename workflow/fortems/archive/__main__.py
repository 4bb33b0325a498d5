"""Write all generated documentation: ``python -m fortems.archive`` (``make docs``); ``--check`` only tells what is old."""

from __future__ import annotations

import sys
from pathlib import Path

from fortems.archive import conda, dictionary, replication
from fortems.package import ROOT
from fortems.run import catalogue
from fortems.run.usage import recorded


def pages() -> dict[Path, str]:
    """Return every generated file with its text as it should be."""
    readme = ROOT / "README.md"
    return {
        conda.TARGET: conda.page(),
        dictionary.TARGET: dictionary.page(dictionary.described(), catalogue.FILES),
        readme: replication.filled(readme.read_text(encoding="utf-8"), replication.blocks(recorded())),
    }


def main() -> int:
    """Write what is old; 1 when a file or column is described nowhere, or with ``--check`` when something is old."""
    only_told = "--check" in sys.argv[1:]
    missing = dictionary.faults(dictionary.described(), catalogue.FILES)
    old = [
        path
        for path, text in pages().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    if not only_told:
        for path, text in pages().items():
            path.write_text(text, encoding="utf-8")
    for path in old:
        print(f"{path.relative_to(ROOT)}: {'older than what it is made from' if only_told else 'renewed'}")
    for words in missing:
        print(f"docs/columns.yaml: {words}", file=sys.stderr)
    return 1 if missing or (only_told and old) else 0


if __name__ == "__main__":
    sys.exit(main())
