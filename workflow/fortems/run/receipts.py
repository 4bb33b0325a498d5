"""Receipts: what a step read and wrote, by checksum, kept among the logs.

Snakemake decides by times and records what to run; a receipt says independently of both whether a result is still
what its step wrote, and whether all that the step read is still what it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fortems.run.manifest import sha256

SUFFIX = ".receipt.json"


@dataclass(frozen=True)
class Receipt:
    """One step's receipt: its rule, and path → checksum of what it read and wrote."""

    rule: str
    inputs: dict[str, str]
    outputs: dict[str, str]


def checksums(paths: Iterable[str]) -> dict[str, str]:
    """Return path → checksum of the files among the paths."""
    return {str(path): sha256(path) for path in paths if os.path.isfile(path)}


def write_receipt(path: Path, rule: str, inputs: dict[str, str], outputs: dict[str, str]) -> None:
    """Write a step's receipt: the checksums of what it read, taken before, and of what it wrote."""
    record = {"rule": rule, "inputs": inputs, "outputs": outputs}
    path.write_text(json.dumps(record, indent=1), encoding="utf-8")


def read_receipts(logs: str) -> dict[str, Receipt]:
    """Return the receipts below a folder, by path of what each step wrote."""
    found = {}
    for path in sorted(Path(logs).rglob(f"*{SUFFIX}")):
        try:
            receipt = Receipt(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue  # half-written when the run was killed: as if it were not there
        found.update(dict.fromkeys(receipt.outputs, receipt))
    return found


def edited(paths: Iterable[str], receipts: dict[str, Receipt]) -> list[str]:
    """Return, in words, which results are no longer what their steps wrote."""
    return [
        f"{path} was changed after the step {receipts[path].rule} wrote it"
        for path in paths
        if path in receipts and sha256(path) != receipts[path].outputs[path]
    ]


def stale(paths: Iterable[str], receipts: dict[str, Receipt]) -> list[str]:
    """Return, in words, what has changed since the steps that wrote these results read it."""
    words = []
    for receipt in {receipts[path].rule: receipts[path] for path in paths if path in receipts}.values():
        for name, digest in receipt.inputs.items():
            if os.path.isfile(name) and sha256(name) != digest:
                words.append(f"{name} has changed since the step {receipt.rule} read it")
    return words
