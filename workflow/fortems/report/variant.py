"""What kind of run the report is about: simulated, own items, own scores, or a published matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from fortems.presentation.results import Row
from fortems.run.config import kind, switched_on
from fortems.study.definition import study

_OFF = "switched off in the configuration"
_MATRIX = "a published matrix has no client rows"
_SCORES = "the data hold scale scores, not item answers"
_EMPTY = "nothing was estimated"


@dataclass(frozen=True)
class Variant:
    """The kind of run.

    Attributes
    ----------
    kind : str
        ``simulated``, ``items``, ``scores`` or ``matrix``.
    scenario : str
        Name of the simulated scenario, else empty.
    file : str
        Base name of the researcher's file, else empty.
    invented : bool
        Whether a matrix is that of an invented article.
    """

    kind: str
    scenario: str = ""
    file: str = ""
    invented: bool = False

    @property
    def simulated(self) -> bool:
        """Whether the clients are simulated."""
        return self.kind == "simulated"

    @property
    def made_up(self) -> bool:
        """Whether the data are no people's: simulated, or an invented article's."""
        return self.simulated or self.invented

    @property
    def source_work(self) -> str:
        """What printed a matrix, in words that nobody takes for the study's own work, which is "the article" alone."""
        return "the invented article" if self.invented else "the article that printed the table"

    @property
    def own(self) -> bool:
        """Whether the data are a researcher's own clients."""
        return self.kind in ("items", "scores")

    @property
    def matrix(self) -> bool:
        """Whether there are no client rows at all."""
        return self.kind == "matrix"

    @property
    def has_items(self) -> bool:
        """Whether answers to single items are there."""
        return self.kind in ("simulated", "items")

    @property
    def mean_style(self) -> str:
        """How means and SDs of scores are printed: one decimal, or the two that own data release.

        Rounded a second time, 22.85 would become 22.8, whatever it had been.
        """
        return "b" if self.own else "m1"

    @property
    def share_style(self) -> str:
        """How shares of simulated studies are printed: to a tenth of a percent, or to the percent that own data release."""
        return "%" if self.own else "%1"

    @property
    def title(self) -> str:
        """Title of the report."""
        subject = study().title
        if self.invented:
            return f"{subject}: A Worked Example of a Mediation Analysis From a Printed Correlation Matrix"
        return {
            "simulated": f"{subject}: A Two-Level Mediation Analysis Rebuilt and Tested on Simulated Data",
            "items": f"{subject}: A Two-Level Mediation Analysis of Item-Level Data",
            "scores": f"{subject}: A Two-Level Mediation Analysis of Scale Scores",
            "matrix": f"{subject}: A Mediation Analysis of a Published Correlation Matrix",
        }[self.kind]

    @property
    def source(self) -> str:
        """Where the data come from, in a line."""
        if self.invented:
            return f"Data source: correlation matrix of an invented article, file {self.file}"
        return {
            "simulated": f"Data source: simulated clients, scenario {self.scenario}",
            "items": f"Data source: item-level questionnaire data, file {self.file}",
            "scores": f"Data source: scale-level questionnaire data, file {self.file}",
            "matrix": f"Data source: published correlation matrix, file {self.file}",
        }[self.kind]

    @property
    def banner(self) -> str:
        """What every page of a run says whose data are no people's."""
        if self.invented:
            return "Invented article: no evidence about people"
        return "Simulated data: no evidence about people" if self.simulated else ""

    @property
    def note(self) -> str:
        """What stands under every table and figure of a run whose data are no people's."""
        if self.invented:
            return "From an invented article; no such study exists."
        if not self.simulated:
            return ""
        return f"Simulated data (scenario {self.scenario}); {_no_evidence()}."

    @property
    def studies_note(self) -> str:
        """What stands in the place of ``note`` where simulated studies are shown and nothing of the run's own data."""
        return f"Simulated studies; {_no_evidence()}." if self.made_up else ""


def _no_evidence() -> str:
    if not study().citation:
        return "no evidence for or against the hypothesis"
    return "neither the paper's numbers nor evidence for its hypothesis"


def variant(config: Mapping[str, Any], source: Row | None = None) -> Variant:
    """Return the kind of run of a complete configuration; ``source``: where a matrix was printed."""
    data = config["data"]
    if data["source"] == "simulated":
        return Variant("simulated", scenario=str(data["scenario"]))
    invented = source is not None and bool(source.get("made_up", False))
    return Variant(kind(config), file=PurePath(str(data["path"])).name, invented=invented)


def reason_absent(file: str, config: Mapping[str, Any]) -> str:
    """Say why a results file is not in a run, or has no rows."""
    if switched_on(file, config):
        return _EMPTY
    everything = {**config, "data": {**config["data"], "source": "simulated"}}
    lacks = {"matrix": _MATRIX, "scores": _SCORES}
    return lacks.get(kind(config), _OFF) if switched_on(file, everything) else _OFF
