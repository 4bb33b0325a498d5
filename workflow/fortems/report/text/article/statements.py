"""Who answers for a report: authors, funding, conflicts, ethics, registration, data and code, as its maker states them."""

from __future__ import annotations

from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import joined

NOT_STATED = "not stated"
#: Key of ``report`` in the configuration → how the statement is headed.
HEADS = {
    "authors": "Authors",
    "affiliations": "Affiliations",
    "funding": "Funding",
    "conflicts": "Conflicts of interest",
    "ethics": "Ethics",
    "registration": "Registration",
    "data": "Data",
    "code": "Code",
}


def stated(report: Report, key: str) -> str:
    """A statement of the configuration as text; ``not stated`` where it is empty."""
    return escape(plain(report.results.setting("report", key))) or NOT_STATED


def plain(value: object) -> str:
    """A statement as the configuration holds it, as one text: lists joined, of a map its values."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(text for part in value.values() if (text := plain(part)))
    if isinstance(value, (list, tuple)):
        return "; ".join(text for part in value if (text := plain(part)))
    return " ".join(str(value).split())


def statements(report: Report) -> str:
    """Each statement under its name."""
    return joined(f"**{head}:** {stated(report, key).removesuffix('.')}." for key, head in HEADS.items())


SENTENCES = (statements,)
