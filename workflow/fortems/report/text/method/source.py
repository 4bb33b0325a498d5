"""Method: where the data come from, and with what all was made."""

from __future__ import annotations

from fortems.package import NAME
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.story import package_name
from fortems.run.catalogue import SOURCE_FILE
from fortems.study.definition import study


def design(report: Report) -> str:
    """Where the data come from."""
    variant, bind = report.variant, report.bind
    if variant.simulated:
        moments = ""
        if report.has("data/calibration.csv"):
            moments = (
                " Item answers come from a graded measurement model per questionnaire whose thresholds, loadings and "
                "covariances are solved so that the *scored* scales have the assumed moments; what was set and what was "
                "achieved stand side by side in `data/calibration.csv`."
            )
        return (
            f"All data are simulated, client by client and item by item, from the scenario *{escape(variant.scenario)}*. A "
            "scenario states means, standard deviations, reliabilities, correlations and therapist shares of the "
            f"subscales, each with its source and a grade of how well it is known.{_none_of_its_own()}{moments} The seed is {bind.setting('seed', style='text')}."
        )
    if variant.own:
        level = "single answers to the questionnaires" if variant.has_items else "scale scores"
        return (
            f"The data are an export of {level} from the file *{escape(variant.file)}*. Clients are nested in therapists; "
            f"all measures were taken once, so that the design is cross-sectional, as in the {study().work}. Columns were "
            "mapped to the study's names, checked against their possible range, and every exclusion counted."
        )
    row = report.results.first(SOURCE_FILE)
    source = f" ({bind.of(row, 'source', 'text')})" if row is not None and row.has("source") else ""
    invented = (
        " No such study exists: the article with this table was invented as a worked example."
        if variant.invented
        else ""
    )
    return (
        f"The data are the means, standard deviations and correlations of a published table{source}, typed into the file "
        f"*{escape(variant.file)}*.{invented} Before any computing each cell was checked against what is possible: its sign and "
        "stars, the range of the scale, and whether all correlations can occur together."
    )


def _none_of_its_own() -> str:
    """That a published study's coefficients are not among the scenario's values; of one that is not published nothing."""
    if not study().citation:
        return ""
    return f" The {study().work}'s own coefficients were not available, so that none of them is among these values."


def software(report: Report) -> str:
    """The package, its parts, how to repeat the run."""
    bind = report.bind
    return (
        f"The {package_name()} (version {bind.software(NAME)}) ran every step in one workflow "
        f"[Snakemake {bind.software('snakemake')}&semi; @molder2021] with Python libraries at locked versions "
        f"({report.ref('tbl-software')}). One command repeats it; the same seed gives the same bytes. Data, scenarios and "
        "findings to check are plain files beside the code."
    )


SENTENCES = (design, software)
