"""What each column of the scores is: decided once, and written beside them as a Frictionless table schema.

Every stage reads the scores through it (``tidy.read_csv``): TRUE and FALSE, 01 or a centre's number stay the texts
that they are, and what a value map made a number is one everywhere.

References
----------
Frictionless Data, Table Schema, version 2.0. https://datapackage.org/standard/table-schema/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from fortems.study.definition import IDENTIFIERS
from fortems.study.instruments import Instrument, score_ranges
from fortems.study.variables import label

PROFILE = "https://datapackage.org/profiles/2.0/tableschema.json"


def table_schema(scores: pd.DataFrame, instruments: Mapping[str, Instrument]) -> dict[str, Any]:
    """Return the schema of prepared scores.

    Parameters
    ----------
    scores : DataFrame
        Identifiers and categories as text, all else as numbers.
    instruments : mapping of str to Instrument
        They give the possible scores.

    Returns
    -------
    dict
        ``fields`` in the order of the columns: ``string`` for identifiers and for categories, which list their
        values, ``number`` for all else, with the possible range of a score.
    """
    limits = score_ranges(instruments)
    fields = []
    for name in scores.columns:
        field: dict[str, Any] = {"name": name, "title": label(name)}
        if name in IDENTIFIERS:
            field |= {"type": "string", "constraints": {"required": True, "unique": name == "client"}}
        elif is_numeric_dtype(scores[name]):
            field["type"] = "number"
            if name in limits:
                low, high = limits[name]
                field["constraints"] = {"minimum": low, "maximum": high}
        else:
            values = sorted(scores[name].dropna().unique().tolist())
            field |= {"type": "string", "categories": values, "constraints": {"enum": values}}
        fields.append(field)
    return {"$schema": PROFILE, "fields": fields, "missingValues": [""], "primaryKey": ["client"]}
