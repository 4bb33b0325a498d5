"""The study's variables: names in files, words in reports, possible ranges of the scores."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """A canonical variable.

    Attributes
    ----------
    name : str
        The column in ``data/scores.csv``.
    label : str
        How tables and figures call it.
    instrument : str
        ``wai``, ``mlq``, ``oq`` or empty for background variables.
    part_of : str
        The total that contains it, or empty.
    """

    name: str
    label: str
    instrument: str = ""
    part_of: str = ""


VARIABLES: dict[str, Variable] = {
    variable.name: variable
    for variable in (
        Variable("age", "Age"),
        Variable("gender", "Gender"),
        Variable("sessions", "Sessions"),
        Variable("bond", "Bond", "wai", "alliance"),
        Variable("task", "Task", "wai", "alliance"),
        Variable("goal", "Goal", "wai", "alliance"),
        Variable("alliance", "Alliance (total)", "wai"),
        Variable("meaning", "Presence of meaning", "mlq"),
        Variable("search", "Search for meaning", "mlq"),
        Variable("symptom_distress", "Symptom distress", "oq", "distress"),
        Variable("interpersonal_relations", "Interpersonal relations", "oq", "distress"),
        Variable("social_role", "Social role", "oq", "distress"),
        Variable("distress", "Distress (total)", "oq"),
    )
}

SCALES: tuple[str, ...] = tuple(name for name, variable in VARIABLES.items() if variable.instrument)
SUBSCALES: tuple[str, ...] = tuple(
    name
    for name, variable in VARIABLES.items()
    if variable.instrument and name not in {v.part_of for v in VARIABLES.values()}
)
SCORE_COLUMNS: tuple[str, ...] = ("client", "therapist", *VARIABLES)

#: The correlations that the paper reports on, in its order: the family over which Holm adjusts.
FAMILY: tuple[tuple[str, str], ...] = (
    *((x, y) for x in ("alliance", "bond", "goal", "task") for y in ("meaning", "distress")),
    ("meaning", "distress"),
)


def label(name: str) -> str:
    """Return the words for a variable; a name that is not the study's own is made readable."""
    return VARIABLES[name].label if name in VARIABLES else name.replace("_", " ").capitalize()
