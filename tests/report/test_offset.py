"""A direct path that points the other way and offsets a shown indirect effect is told of, by one rule; no other is."""

from __future__ import annotations

import pytest
from fortems.report.text import SENTENCES, discussion, mediation, offset, summary
from fortems.report.text.article import brief, opening
from test_sentences import words

EFFECTS = "mediation/effects.csv"
#: The made-up indirect effects: near −1.1 for bond, near −0.9 for the alliance.
OFFSET, SAME_WAY, LARGER, SMALL = (0.9, -1.2, 1.0), (0.9, -1.2, -1.0), (0.9, -1.2, 3.0), (0.9, -1.2, 0.2)
OTHER_WAY = "the estimated direct path points the other way"


def told(report) -> dict[str, str]:
    """What the places say that tell of it."""
    return {
        "paths": words(brief.paths_brief(report)),
        "supplement": words(mediation.mediation(report, "bond")),
        "answer": words(opening.answers(report)),
        "plain": words(summary.plain_results(report)),
        "discussion": words(discussion.discussion(report)),
    }


def test_an_offset_is_told_wherever_the_indirect_effect_is_called_shown(report_of):
    report = report_of("items", paths=OFFSET)
    direct, total = offset.offset(report, "bond", "within")
    assert (direct["effect"], total["effect"]) == ("direct", "total")
    said = told(report)
    assert f"while {OTHER_WAY}, c′ = 1.0" in said["paths"] and "little relation to carry" in said["paths"]
    assert f"{OTHER_WAY[0].upper()}{OTHER_WAY[1:]}, c′ = 1.0" in said["supplement"]
    assert f"yet {OTHER_WAY} and offsets the indirect effect for the total alliance" in said["answer"]
    assert "so that there is little relation to carry" in said["answer"]
    assert "hardly a link is left to explain" in said["plain"]
    assert f"Yet {OTHER_WAY} and offsets the indirect effect for the total alliance" in said["discussion"]


@pytest.mark.parametrize("paths", [SAME_WAY, LARGER, SMALL])
def test_no_offset_is_told_of_other_direct_paths(report_of, paths):
    report = report_of("items", paths=paths)
    assert offset.offset(report, "bond", "within") is None
    for place, text in told(report).items():
        assert "the other way" not in text and "little relation" not in text and "hardly" not in text, place
        assert " . " not in text, place


@pytest.mark.parametrize(
    ("column", "value", "effect"),
    [("ci_high", 9.0, "indirect"), ("estimate", None, "direct"), ("estimate", None, "total"), ("ci_low", None, "indirect")],
)  # fmt: skip
def test_nothing_is_offset_that_is_not_shown_or_not_given(report_of, column, value, effect):
    report = report_of("items", paths=OFFSET)
    table = report.results.table(EFFECTS)
    table.loc[table["effect"] == effect, column] = value
    report.results._read.clear()
    assert offset.offset(report, "bond", "within") is None
    assert offset.offset_answer(report) == "" and offset.offset_roles(report) == []


def test_in_plain_words_only_where_every_shown_effect_is_offset(report_of):
    report = report_of("items", paths=OFFSET)
    table = report.results.table(EFFECTS)
    mine = (table["model"] == "bond") & (table["effect"] == "total") & (table["level"] == "single")
    table.loc[mine, "estimate"] = -1.0
    report.results._read.clear()
    assert offset.offset_roles(report) == ["alliance"]
    assert "For the alliance as a whole, though" in words(SENTENCES["plain_results"](report))
    assert "for bond within therapists (" in offset.offset_answer(report)
    assert "bond at the single level (" not in offset.offset_answer(report)
