"""Receipts: what a step read and wrote, by checksum, kept among the logs.

Snakemake decides by times and records what to run; a receipt says independently of both whether a result is still
what its step wrote, and whether all that the step read is still what it was.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fortems.errors import FortemsError
from fortems.run.manifest import sha256

SUFFIX = ".receipt.json"
CHANGED = "data/.changed"


class UntrustedError(FortemsError):
    """Results that no step vouches for, each with the reason."""


@dataclass(frozen=True)
class Receipt:
    """One step's receipt: its rule, path → checksum of what it read and wrote, and when (ns since 1970)."""

    rule: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    written: int = 0


def checksums(paths: Iterable[str]) -> dict[str, str]:
    """Return path → checksum of the files among the paths."""
    return {str(path): sha256(path) for path in paths if os.path.isfile(path)}


def write_receipt(path: Path, rule: str, inputs: dict[str, str], outputs: dict[str, str]) -> None:
    """Write a step's receipt: the checksums of what it read, taken before, and of what it wrote."""
    record = {"rule": rule, "inputs": inputs, "outputs": outputs, "written": time.time_ns()}
    path.write_text(json.dumps(record, indent=1), encoding="utf-8")


def read_receipts(logs: str) -> dict[str, Receipt]:
    """Return the receipts below a folder, by path of what each step wrote.

    Of two that list one path the later counts: with another configuration another step may write it (on own data
    ``release`` what ``mediation`` writes otherwise), and the receipt of the earlier step stays behind.
    """
    receipts = []
    for path in sorted(Path(logs).rglob(f"*{SUFFIX}")):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            written = int(told.get("written", 0))
            receipt = Receipt(str(told["rule"]), dict(told["inputs"]), dict(told["outputs"]), written)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue  # half-written when the run was killed: as if it were not there
        receipts.append(receipt)
    receipts.sort(key=lambda receipt: receipt.written)
    return {path: receipt for receipt in receipts for path in receipt.outputs}


def edited(paths: Iterable[str], receipts: dict[str, Receipt]) -> list[str]:
    """Return, in words, which results are no longer what their steps wrote."""
    return [
        f"{path} was changed after the step {receipts[path].rule} wrote it"
        for path in paths
        if path in receipts and not _is(path, receipts[path].outputs[path])
    ]


def stale(paths: Iterable[str], receipts: dict[str, Receipt]) -> list[str]:
    """Return, in words, what has changed since the steps that wrote these results read it."""
    steps = {id(receipts[path]): receipts[path] for path in paths if path in receipts}
    return [
        f"{name} has changed since the step {receipt.rule} read it"
        for receipt in steps.values()
        for name, digest in receipt.inputs.items()
        if os.path.exists(name) and not _is(name, digest)
    ]


def distrusted(paths: Iterable[str], receipts: dict[str, Receipt]) -> dict[str, str]:
    """Return the results that cannot be taken for what their steps make of what lies there now: path → why.

    A result is trusted when its step has left a receipt, and all that the receipt lists, read and written, still
    has the checksums that stand in it.
    """
    is_as_listed = cache(_is)  # what many steps read is read once

    def why(path: str) -> str:
        if path not in receipts:
            return "no step has left a receipt"
        receipt = receipts[path]
        if not is_as_listed(path, receipt.outputs[path]):
            return f"{path} was changed after the step {receipt.rule} wrote it"
        for name, digest in receipt.inputs.items():
            if os.path.exists(name) and not is_as_listed(name, digest):
                return f"{name} has changed since it was read"
        return ""

    return {path: words for path in paths if (words := why(path))}


def require_trusted(paths: Iterable[str], logs: str) -> None:
    """Raise where a result is not what its step wrote, or not made of what lies there now.

    Raises
    ------
    UntrustedError
        Naming each such result, and why.
    """
    if found := distrusted(paths, read_receipts(logs)):
        lines = [f"  - {path}: {why}" for path, why in found.items()]
        raise UntrustedError(
            "No manifest is written for results that no step of this run vouches for:\n"
            + "\n".join(lines)
            + "\nStart again: what is named here is made anew."
        )


def keep_copy(path: str, results: str) -> str:
    """Keep what someone made of a result before its step writes it anew; return where.

    Among the data, which never leave, and hidden, as no result is; once for each content.
    """
    name = Path(path).relative_to(results)
    copy = Path(results, CHANGED, name.parent, f"{name.stem}-{sha256(path)[:8]}{name.suffix}")
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return str(copy)


def _is(path: str, digest: str) -> bool:
    return os.path.isfile(path) and sha256(path) == digest
