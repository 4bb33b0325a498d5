"""What stands in the notes of tables, so that no narrow column repeats it and no note speaks of what a run has not."""

from collections import Counter

import pytest
from fortems.report.build import compose
from fortems.report.page import nodes
from fortems.report.page.table import Section
from fortems.report.tables import findings, models
from fortems.report.variant import Variant
from made_up_run import ROOT


def printed(item):
    """A cell or note as it is read."""
    return nodes.text_of(item.inlines()) if hasattr(item, "inlines") else str(item)


@pytest.mark.parametrize("kind", ["simulated", "scores", "matrix"])
def test_a_reason_that_untestable_findings_share_is_told_once(report_of, kind):
    table = findings.claims(report_of(kind))
    verdicts = [printed(line[-1]) for line in table.body if not isinstance(line, Section)]
    reasons = Counter(text for text in verdicts if text.startswith("not testable: "))
    assert all(times == 1 for times in reasons.values())
    note = printed(table.notes[0])
    assert ("not testable" in verdicts) == ("where no reason stands beside it: " in note)
    if kind == "matrix":
        assert (
            verdicts.count("not testable") > 1 and note.count("leaves out one therapist after another") == 1
        )


@pytest.mark.parametrize(("kind", "several"), [("scores", True), ("matrix", False)])
def test_the_unit_of_direct_paths_names_levels_only_where_there_are_several(report_of, kind, several):
    note = "".join(printed(note) for note in models.verdicts(report_of(kind)).notes)
    assert ("within therapists" in note) == several and ("both estimands" in note) == several
    assert "Std.: in standard deviations" in note


def test_an_invented_article_is_no_source_of_simulated_studies(report_of):
    report = report_of("matrix")
    report.variant = Variant("matrix", file="article.yaml", invented=True)
    shown = {}
    for part in compose(report, ROOT / "manuscript").values():
        for block in nodes.walk(part.tree["blocks"]):
            if block["t"] == "Div" and {"table", "figure"} & set(block["c"][0][1]):
                text = nodes.text_of([block])
                shown["Ratio: likelihood ratio" in text, text.endswith("no such study exists.")] = text
    assert set(shown) == {(True, False), (False, True)}
    assert "Simulated studies; neither the paper" in shown[True, False]
