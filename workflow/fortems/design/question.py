"""One power question, answered in words: ``make power THERAPISTS=40 CLIENTS=6 INDIRECT=.05``.

The studies are those of the design stage (``fortems.design.power``): same population, estimators and intervals.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from fortems.design import power
from fortems.design.tasks import Settings, gather, run
from fortems.errors import ConfigError, FortemsError, Problem, problems_text
from fortems.study.estimands import PRIMARY_INTERVAL

SEED = 20210610
CONFIDENCE = 0.95
STUDIES = 2000
TARGET = power.TARGETS[0]
LARGEST = 20_000  # clients in all; beyond, a study of this shape costs minutes and its power is known to be 1


def answer(
    therapists: int,
    clients: int,
    indirect: float,
    icc: float = 0.05,
    studies: int = STUDIES,
) -> str:
    """Return power and precision of a planned study in sentences.

    Parameters
    ----------
    therapists, clients : int
        Therapists, and clients of each.
    indirect : float
        Size of the standardized indirect effect, a·b with |a| = |b|; its sign does not matter.
    icc : float
        Intraclass correlation of predictor, mediator and outcome.
    studies : int
        Studies to simulate.

    Raises
    ------
    ConfigError
        A number that no study can have, with what is allowed.
    """
    _check(therapists, clients, indirect, icc, studies)
    size = abs(indirect)
    asked = {
        "therapists": [therapists],
        "clients": [clients],
        "indirect": [size],
        "icc": [icc],
        "studies": studies,
    }
    settings = Settings(SEED, CONFIDENCE, {"power": asked}, None, "", {})
    sums = gather([run(power.tasks(settings), {power.PART: power.Runner(settings)}, lambda line: None)])
    return in_words(power.table(sums, settings), indirect, icc)


def in_words(table: pd.DataFrame, indirect: float, icc: float) -> str:
    """Say the rows of one cell of the power table: a line for each estimand, by the interval that decides."""
    asked = table[table["interval"] == PRIMARY_INTERVAL]
    first = asked.iloc[0]
    lines = [
        f"{first['therapists']:.0f} therapists with {first['clients']:.0f} clients each ({first['n']:.0f} clients), a "
        f"standardized indirect effect of {indirect:g} (two paths of {abs(indirect) ** 0.5:.2f}), intraclass "
        f"correlation {icc:g}; {first['studies']:,.0f} simulated studies:",
        *(_line(row) for row in asked.to_dict("records")),
    ]
    short = [_where(row["estimand"]) for row in asked.to_dict("records") if row["power"] < TARGET]
    if short:
        return "\n".join([*lines, f"This falls short of the usual {TARGET:.0%} {' and '.join(short)}."])
    return "\n".join([*lines, f"This reaches the usual {TARGET:.0%} under both estimands."])


def _line(row: Mapping[Hashable, Any]) -> str:
    found = f"power {row['power']:.0%} (95 % interval of the simulation {row['ci_low']:.0%} to {row['ci_high']:.0%})"
    width = f"the interval is {row['width']:.2f} wide on average"
    if not row["power"] > 0:
        return f"  {_where(row['estimand'])}: {found}; {width}."
    return (
        f"  {_where(row['estimand'])}: {found}; {width}; a significant estimate is {row['type_m']:.1f} times the "
        "true effect on average."
    )


def _where(estimand: str) -> str:
    return "within therapists" if estimand == "within" else "at the single level"


def _check(therapists: int, clients: int, indirect: float, icc: float, studies: int) -> None:
    rules = (
        ("THERAPISTS", therapists, 3 <= therapists <= 5000, "a whole number from 3 to 5,000"),
        (
            "CLIENTS",
            clients,
            2 <= clients <= 1000,
            "clients of each therapist, a whole number from 2 to 1,000",
        ),
        (
            "INDIRECT",
            indirect,
            0 < abs(indirect) < 1,
            "a standardized indirect effect between -1 and 1, not 0",
        ),
        ("ICC", icc, 0 <= icc < 1, "from 0 to below 1"),
        ("STUDIES", studies, 100 <= studies <= 100_000, "a whole number from 100 to 100,000"),
        (
            "THERAPISTS x CLIENTS",
            therapists * clients,
            therapists * clients <= LARGEST,
            f"at most {LARGEST:,} clients",
        ),
    )
    problems = [
        Problem(where=name, value=str(value), what=f"{value:g} cannot be simulated", allowed=allowed)
        for name, value, holds, allowed in rules
        if not holds
    ]
    if problems:
        raise ConfigError(problems)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the answer; exit code 1 with the problems where a number cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m fortems.design.question", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--therapists", type=int, required=True)
    parser.add_argument("--clients", type=int, required=True, help="of each therapist")
    parser.add_argument("--indirect", type=float, required=True, help="standardized indirect effect")
    parser.add_argument("--icc", type=float, default=0.05)
    parser.add_argument("--studies", type=int, default=STUDIES)
    asked = parser.parse_args(arguments)
    try:
        print(answer(asked.therapists, asked.clients, asked.indirect, asked.icc, asked.studies))
    except FortemsError as error:
        print(problems_text(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
