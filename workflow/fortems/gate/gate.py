"""The gate: nothing is typeset before the results are fresh, complete and consistent with each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fortems.errors import FortemsError
from fortems.gate.checks import CHECKS, OWN_CHECKS
from fortems.gate.snapshot import Snapshot
from fortems.run.config import FULL, PROTECTED

SHOWN = 5


class GateError(FortemsError):
    """Results that must not be typeset, with every check that failed."""


def collect(
    paths: Sequence[str],
    results: str,
    logs: str,
    models: str,
    engines: Sequence[str],
    claims: str | None,
    min_cell: int = 0,
) -> Snapshot:
    """Read what the gate looks at.

    Parameters
    ----------
    paths : sequence of str
        The results that the run makes before the gate.
    results, logs : str
        The run's folders of results and of logs.
    models : str
        The file of models.
    engines : sequence of str
        As configured.
    claims : str or None
        The file of claims.
    min_cell : int
        Of own data: least number of clients that may be told of.
    """
    from fortems.claims.claimfile import claims_of_run
    from fortems.run.receipts import read_receipts
    from fortems.study.models import load_models
    from fortems.tidy import read_csv

    named = {path.removeprefix(f"{results}/"): path for path in paths}
    tables = {name: read_csv(path) for name, path in named.items() if name.endswith(".csv")}
    computed = {
        name.removeprefix(f"{FULL}/"): frame for name, frame in tables.items() if name.startswith(f"{FULL}/")
    }
    told = (
        f"{PROTECTED}/flow.csv"  # of own data the flow that is told of leads to the clients whom tables use
    )
    flow = {"data/flow.csv": tables[told]} if told in tables else {}
    released = {name: frame for name, frame in tables.items() if name in computed}
    known = load_models(models)
    asked = claims_of_run(claims, known) if claims else {}
    return Snapshot(
        named,
        tables | computed | flow,
        read_receipts(logs),
        known,
        engines,
        asked,
        released,
        min_cell,
    )


def gate(evidence: Snapshot) -> dict[str, Any]:
    """Run every check.

    Returns
    -------
    dict
        ``passed`` and ``checks``: name, the question, ``passed`` (null where the run has nothing to check) and
        what was found.
    """
    asked = CHECKS | (OWN_CHECKS if evidence.released else {})
    checks = []
    for name, (question, needs, check) in asked.items():
        applies = evidence.has(*needs)
        try:
            found = list(check(evidence)) if applies else []
        except (
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
        ) as error:  # a column gone, a text for a number
            found = [f"could not be checked: {type(error).__name__} {error}"]
        more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        checks.append(
            {
                "check": name,
                "question": question,
                "passed": not found if applies else None,
                "found": found[:SHOWN] + more,
            }
        )
    return {"passed": all(c["passed"] is not False for c in checks), "checks": checks}


def require(result: Mapping[str, Any]) -> None:
    """Raise when the gate is closed.

    Raises
    ------
    GateError
        Naming each check that failed and what it found.
    """
    failed = [c for c in result["checks"] if c["passed"] is False]
    if failed:
        lines = [f"The gate is closed: {len(failed)} of {len(result['checks'])} checks failed."]
        for c in failed:
            lines.append(f"  - {c['check']} ({c['question']})")
            lines += [f"      {found}" for found in c["found"]]
        lines.append("Build what is named anew: snakemake --cores 4 --forcerun STEP")
        raise GateError("\n".join(lines))
