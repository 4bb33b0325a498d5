"""Why a printed table cannot give a model: the kinds of reasons, and one reason with its words."""

from __future__ import annotations

from dataclasses import dataclass

#: Kind, as in the column ``lacks`` of ``tables/withheld.csv``.
VARIABLES, CLIENTS, DUPLICATE, PARTS = "variables", "clients", "duplicate", "parts"


@dataclass(frozen=True)
class Lack:
    """Why a matrix cannot give a model.

    Attributes
    ----------
    kind : str
        ``variables``: some are not printed; ``clients``: it needs clients' rows; ``duplicate``: at the single level it is
        the same as another model; ``parts``: it holds a total beside its own parts.
    reason : str
        The same in words, with what is lacking.
    """

    kind: str
    reason: str
