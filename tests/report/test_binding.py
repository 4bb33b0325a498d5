"""Every number bound: the ledger, looking up again, and what cannot act as markup."""

import pandas as pd
import pytest
from fortems import tidy
from fortems.presentation.results import Results
from fortems.report.bind import Binder, check, escape
from fortems.report.page.document import pandoc


@pytest.fixture
def results(tmp_path):
    frame = pd.DataFrame({"model": ["bond", "goal"], "estimate": [-0.351, 0.02], "p": [0.004, None]})
    tidy.write_csv(frame, tmp_path / "effects.csv")
    (tmp_path / "config.yaml").write_text("confidence: 0.95\nrun: x\n")
    return Results(tmp_path)


def _page(text):
    return pandoc(["-f", "markdown", "-t", "html"], text)


def test_number_is_formatted_and_entered(results):
    bind = Binder(results)
    assert bind.n("effects.csv", "estimate", "b", model="bond") == '[−0\\.35]{.n data-n="0"}'
    assert vars(bind.ledger[0]) == {
        "text": "−0.35", "file": "effects.csv", "line": 0, "key": "model=bond", "column": "estimate", "rule": "cell", "style": "b",
    }  # fmt: skip


def test_a_missing_number_is_never_written(results):
    with pytest.raises(LookupError, match="no p"):
        Binder(results).n("effects.csv", "p", "p", model="goal")
    with pytest.raises(LookupError, match="0 rows"):
        Binder(results).n("effects.csv", "p", "p", model="nobody")
    with pytest.raises(LookupError, match="privacy"):
        Binder(results).setting("privacy", "min_cell")


def test_aggregates(results):
    bind, rows = Binder(results), results.rows("effects.csv")
    assert "0\\.02" in bind.over(rows, "estimate", "max", "b")
    assert bind.rows(rows, "estimate") == "two"
    assert "2" in bind.over(rows, "model", "distinct")
    with pytest.raises(LookupError, match="no rows to take the max of estimate"):
        bind.over([], "estimate", "max", "b")
    page = _page(bind.over(rows, "estimate", "min", "b"))
    assert check(page, bind.frame(), results) == []
    assert check(page.replace("0.35", "0.02"), bind.frame(), results)


def test_check_holds_then_catches_a_changed_estimate(results, tmp_path):
    bind = Binder(results)
    page = _page(
        f"{bind.n('effects.csv', 'estimate', 'b', model='bond')} {bind.setting('confidence', style='%')}"
    )
    assert check(page, bind.frame(), results) == []
    frame = tidy.read_csv(tmp_path / "effects.csv")
    frame.loc[0, "estimate"] = -0.361
    tidy.write_csv(frame, tmp_path / "effects.csv")
    (problem,) = check(page, bind.frame(), Results(tmp_path))
    assert "−0.35" in problem and "−0.36" in problem


def test_check_catches_a_changed_page_and_a_missing_file(results, tmp_path):
    bind = Binder(results)
    page = _page(bind.n("effects.csv", "estimate", "b", model="bond"))
    assert check(page.replace("0.35", "0.45"), bind.frame(), results)
    (tmp_path / "effects.csv").unlink()
    assert "not there" in check(page, bind.frame(), Results(tmp_path))[0]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[a](http://x)",
        "*a* _b_",
        "`x`{=html}",
        "$x$",
        "# x",
        "![a](b)",
        "a\n\n# b",
        "@x",
        "~~a~~",
    ],
)
def test_escaped_text_is_only_text(text):
    page = _page(f"before {escape(text)} after")
    assert page.count("<") == 2, page  # the paragraph alone
    assert "".join(text.split()) in "".join(
        page.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").split()
    )


def test_the_runs_claims_are_found_from_any_folder(tmp_path, monkeypatch):
    """As the configuration is written out it names the package's files without their folder."""
    monkeypatch.chdir(tmp_path)
    results = Results(tmp_path, config={"claims": "config/claims.yaml"})
    assert "whole_pattern" in results.claims and Results(tmp_path, config={"claims": None}).claims == {}
