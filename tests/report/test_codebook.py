"""The codebook of the report: what it tells of simulated clients, and what it withholds of real ones."""

import pytest
from fortems import tidy
from fortems.presentation.results import Results
from fortems.report import build
from fortems.report.bind import NumberError, require_agreement
from fortems.report.page.table import Cell
from fortems.report.tables import codebook
from fortems.report.text.method.missing import missing, withheld
from made_up_run import ROOT
from wording import says


def _rows(report, name):
    """The cells of a table as they are printed, by the first of each row."""
    from fortems.report.page import nodes

    found = [
        [nodes.text_of((c if isinstance(c, Cell) else Cell(c)).inlines()) for c in row]
        for row in report.items[name].body
    ]
    return {row[0]: row[1:] for row in found}


def test_simulated_clients_are_counted_in_full(report_of):
    report = report_of("simulated")
    rows = _rows(report, "tbl-codebook")
    assert set(rows) == {"Gender", "Bond", "Task"}
    assert rows["Bond"][:3] == ["wai_3, wai_5, wai_7, wai_9", "4–20", "1–20"]
    assert rows["Task"][0] == "items of the WAI" and rows["Task"][3:5] == ["93", "3.1%"]
    assert rows["Gender"][2] == "female: 60; male: 34; other: 2"
    patterns = _rows(report, "tbl-patterns")
    assert patterns["None"] == ["84", "87.5%"] and len(patterns) == 3
    assert "87\\.5\\%" in missing(report) and "tbl-patterns" in missing(report)


@pytest.mark.parametrize("kind", ["simulated", "items"])
def test_the_ledger_names_the_row_of_the_file(runs, kind):
    ledger = tidy.read_csv(runs[kind] / "manuscript/numbers.csv")
    told = ledger[(ledger["file"] == "data/codebook.csv") & (ledger["rule"] == "released")]
    file = tidy.read_csv(runs[kind] / "data/codebook.csv")
    assert len(told) > 10
    assert all(
        f"variable={file['variable'].iat[line]}" == key
        for line, key in zip(told["line"], told["key"], strict=True)
    )


def test_many_columns_are_told_by_the_instrument_of_the_run(report_of):
    report = report_of("simulated")
    files = report.results.setting("data", "instruments")
    files["wai"] = str(ROOT / "config/instruments/wai_s.yaml")
    vars(report.results).pop("instruments", None)
    report.items = {"tbl-codebook": codebook.variables(report)}
    says(_rows(report, "tbl-codebook")["Task"][0], "items of Working Alliance Inventory", "(WAI-S key)")


@pytest.mark.parametrize("kind", ["items", "scores"])
def test_small_counts_of_real_clients_are_withheld(report_of, runs, kind):
    report = report_of(kind)
    rows = _rows(report, "tbl-codebook")
    assert rows["Bond"][1:3] == ["4–20", "—"]  # what may be, not the lowest and the highest client
    assert rows["Task"][3:5] == ["–", "–"]
    assert rows["Gender"][2] == "female: 60; 2 further values: –"
    patterns = _rows(report, "tbl-patterns")
    assert patterns == {"None": ["84", "87.5%"], "2 further patterns": ["12", "12.5%"]}
    told = [
        runs[kind] / "manuscript" / name for name in ("manuscript.html", "supplement.html", "numbers.csv")
    ]
    for path in told:
        text = path.read_text(encoding="utf-8")
        assert "male: 34" not in text and "other: 2" not in text and "Task; Goal" not in text


def test_limit_is_that_of_the_configuration(report_of):
    rows = _rows(report_of("items", privacy={"min_cell": 2}), "tbl-codebook")
    assert rows["Gender"][2] == "female: 60; male: 34; other: 2" and rows["Task"][3] == "93"


def test_patterns_that_are_all_withheld_are_not_tabled(report_of):
    report = report_of("items", privacy={"min_cell": 90})
    assert "tbl-patterns" not in report.items
    assert "missing together is withheld" in missing(report)


def test_a_matrix_has_no_codebook_and_says_why(report_of):
    report = report_of("matrix")
    assert not {"tbl-codebook", "tbl-patterns"} & set(report.items)
    assert "the codebook" in withheld(report) and "no client rows" in withheld(report)
    assert "codebook" not in missing(report)


def test_a_number_that_differs_ends_the_build(runs, tmp_path, monkeypatch):
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(runs["scores"], folder)
    page = (folder / "manuscript/supplement.html").read_text(encoding="utf-8")
    ledger = tidy.read_csv(folder / "manuscript/numbers.csv")
    require_agreement(page, ledger, Results(folder))
    wrong = page.replace("female: 60", "female: 61")
    assert wrong != page
    with pytest.raises(NumberError, match=r"codebook\.csv.*gender.*values"):
        require_agreement(wrong, ledger, Results(folder))

    whole = build.formats.write_html

    def spoilt(document, cover, style, path):
        whole(document, cover, style, path)
        path.write_text(
            path.read_text(encoding="utf-8").replace("female: 60", "female: 61"), encoding="utf-8"
        )

    monkeypatch.setattr(build.formats, "write_html", spoilt)
    with pytest.raises(NumberError):
        build.build(Results(folder), folder / "models.yaml", ROOT / "manuscript", tmp_path / "out")
