"""Small counts, what the report may tell, and the search of what may leave a run."""

import itertools
import json
import zlib
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from fortems.data.privacy.confidential import of_export, paths_of, secrets
from fortems.data.privacy.disclosure import DisclosureError, look_through, report, scan
from fortems.data.privacy.privacy import displays, withheld
from fortems.data.privacy.release import codebook_table, patterns_table
from fortems.data.reading.readers import read_table
from fortems.data.settings import DataSettings
from fortems.tidy import write_csv
from wording import says


def test_no_small_count_can_be_worked_out_from_a_total():
    for line in itertools.product([0, 1, 3, 5, 8, 20], repeat=3):
        counts = np.array(line)
        hidden = withheld(counts, 5)
        small = (counts > 0) & (counts < 5)
        assert hidden[small].all(), line
        assert hidden.any() == small.any(), line
        assert not hidden.any() or hidden.all() or (hidden.sum() >= 2 and counts[hidden].sum() >= 5), line


def test_nothing_is_withheld_without_need():
    assert not withheld(np.array([5, 60, 0]), 5).any()
    assert not withheld(np.array([1, 2, 3]), 0).any()
    assert withheld(np.array([3, 9, 40]), 5).tolist() == [True, True, False]
    assert withheld(np.array([3, 4, 40]), 5).tolist() == [True, True, False]


def test_tables_are_protected_by_row_and_by_column():
    rng = np.random.default_rng(5)
    for _ in range(200):
        counts = rng.poisson(6, size=(3, 4))
        hidden = withheld(counts, 5)
        assert hidden[(counts > 0) & (counts < 5)].all()
        for line, mask in [*zip(counts, hidden, strict=True), *zip(counts.T, hidden.T, strict=True)]:
            if mask.any() and not mask.all():
                assert mask.sum() >= 2
                assert line[mask].sum() >= 5


def test_suppressed_table_as_text():
    frame = pd.DataFrame({"women": [30, 12], "men": [28, 2]}, index=["in", "out"])
    assert withheld(frame.to_numpy(), 5).all() and not withheld(frame.to_numpy(), 0).any()


def test_displays_by_source():
    assert {d.form for d in displays("simulated").values()} == {"shown"}
    assert {d.form for d in displays("matrix").values()} == {"absent"}
    own = displays("file")
    assert own["scatter"].form == "aggregated"
    assert {
        own[name].form for name in ("caterpillar", "leave_one_out", "cluster_sizes", "extremes", "residuals")
    } == {"withheld"}
    assert all(d.reason for d in own.values())


def test_codebook_for_the_report(door, clients):
    clients["age"] = clients["age"].astype(float)
    clients.loc[:2, "age"] = np.nan
    clients.loc[0, "gender"] = "other"
    prepared = door(clients)
    own = codebook_table(prepared.codebook, "file", 5).set_index("variable")
    assert "client" not in own.index
    assert "oq_1" not in own.index
    assert own.loc["age", ["n", "missing", "missing_share"]].tolist() == ["–", "–", "–"]
    assert own[["minimum", "maximum", "q05", "q95"]].isna().all(axis=None)
    assert "other" not in own.loc["gender", "values"]
    assert "2 further values: –" in own.loc["gender", "values"]
    simulated = codebook_table(prepared.codebook, "simulated", 0).set_index("variable")
    assert simulated.loc["age", "missing"] == 3
    assert "other: 1" in simulated.loc["gender", "values"]


def test_patterns_and_warnings_for_the_report(door, clients):
    clients["age"] = clients["age"].astype(float)
    clients.loc[:2, "age"] = np.nan
    clients.loc[3:5, ["mlq_1", "mlq_4"]] = np.nan
    clients.loc[7, "therapist"] = "th99"
    prepared = door(clients)
    shown = patterns_table(prepared.missing_patterns, 5)
    assert shown["missing"].tolist() == ["", "2 further patterns"]
    assert shown["clients"].tolist() == [54, 6]


@pytest.fixture
def run(door, clients, tmp_path):
    """A run's folder with harmless results, and what must not be found in it."""
    frame = clients.assign(remark="")
    frame.loc[4, "remark"] = "tells of her mother's illness in May"
    frame.loc[59, "sessions"] = 1
    path = tmp_path / "private" / "export.csv"
    path.parent.mkdir()
    frame.to_csv(path, index=False)
    prepared = door(path)
    results = tmp_path / "results" / "mine"
    for name, table in (("scores", prepared.scores), ("items", prepared.answers), ("flow", prepared.flow)):
        write_csv(table, results / "data" / f"{name}.csv")
    numeric = prepared.scores.select_dtypes("number")
    write_csv(numeric.describe().reset_index(), results / "tables" / "descriptives.csv")
    write_csv(numeric.corr().reset_index(), results / "tables" / "correlations.csv")
    (results / "manuscript").mkdir()
    (results / "manuscript" / "manuscript.html").write_text("<p>59 clients of 12 therapists.</p>")
    (results / "config.yaml").write_text("data: {path: export.csv}\n")
    identifiers, texts, names = of_export(read_table(path), DataSettings())
    secret = secrets(prepared.scores, prepared.answers, identifiers, texts, (), names, paths_of(path))
    return SimpleNamespace(
        results=results, scores=prepared.scores, answers=prepared.answers, secret=secret, path=path
    )


def found(run):
    return [f"{p.where}: {p.what}" for p in scan(run.results, run.secret)[1]]


def test_harmless_results_pass_and_data_are_not_searched(run):
    read, problems = scan(run.results, run.secret)
    assert problems == []
    assert "tables/descriptives.csv" in read
    assert not any(name.startswith("data/") for name in read)
    told = report("passed", run.secret, read)
    text = json.dumps(told)
    assert "c001" not in text
    # Not how many clients the export had: beside those analysed it would tell how many were left out.
    assert "identifiers" in told["searched"] and not any(c.isdigit() for c in json.dumps(told["searched"]))
    assert report("simulated") == {"status": "simulated", "files": {}}


LEAKS = {
    "a client in a text": (
        "manuscript/manuscript.html",
        lambda r: "<p>Client c004 stands out.</p>",
        "names 1 client",
    ),
    "an excluded client": ("claims.csv", lambda r: "claim,note\na,without c060\n", "names 1 client"),
    "a therapist in an attribute": (
        "figures/caterpillar.svg",
        lambda r: '<g id="therapist_th05"/>',
        "names 1 client",
    ),
    "a free text": (
        "manuscript/manuscript.html",
        lambda r: "tells of her mother's illness in May",
        "quotes a free text",
    ),
    "the folder": ("config.yaml", lambda r: f"path: {r.path}", "tells where the export is kept"),
    "ids in a column": (
        "robustness/leave_one_out.csv",
        lambda r: "therapist,ab\n" + "\n".join(f"{t},0.1" for t in sorted(set(r.scores["therapist"]))),
        "holds identifiers",
    ),
    "a column of scores": (
        "figures/scatter.csv",
        lambda r: "x\n" + "\n".join(f"{v:g}" for v in r.scores["distress"].sample(frac=1, random_state=1)),
        "holds clients' distress one by one",
    ),
    "standardized scores": (
        "figures/scatter.csv",
        lambda r: (
            "z\n"
            + "\n".join(
                f"{v:.10g}"
                for v in (r.scores["meaning"] - r.scores["meaning"].mean()) / r.scores["meaning"].std()
            )
        ),
        "holds clients' meaning one by one",
    ),
    "most of a column": (
        "figures/scatter.csv",
        lambda r: "x\n" + "\n".join(f"{v:g}" for v in r.scores["distress"].iloc[5:]),
        "holds clients' distress one by one",
    ),
    "therapists' means": (
        "figures/caterpillar.csv",
        lambda r: "mean\n" + "\n".join(f"{v:.10g}" for v in r.scores.groupby("therapist")["distress"].mean()),
        "holds therapists' mean distress",
    ),
    "one client's row": (
        "manuscript/manuscript.html",
        lambda r: (
            "<tr>"
            + "".join(
                f"<td>{v:g}</td>"
                for v in r.scores.iloc[7][["sessions", "bond", "task", "goal", "alliance", "meaning"]]
            )
            + "</tr>"
        ),
        "neighbouring cells of data/scores.csv of 1 client",
    ),
    "one client's answers": (
        "notes.txt",
        lambda r: " ".join(
            f"{v:g}"
            for v in r.answers.iloc[3].filter(like="mlq_").tolist()
            + r.answers.iloc[3].filter(like="wai_").tolist()
        ),
        "neighbouring cells of data/items.csv of 1 client",
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_found(run, name):
    file, content, message = LEAKS[name]
    path = run.results / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(content(run))
    hits = [line for line in found(run) if line.startswith(file)]
    assert any(message in line for line in hits), hits
    assert not any(word in line for line in hits for word in ("c004", "c060", "th05", "mother"))


def test_leaks_in_packed_files_are_found(run):
    from docx import Document

    document = Document()
    paragraph = document.add_paragraph("Client c0")
    paragraph.add_run("04 stands out.")
    document.save(run.results / "manuscript" / "manuscript.docx")
    stream = zlib.compress(b"BT (client c007) Tj ET")
    pdf = b"%PDF-1.7\n1 0 obj<</Title(Scores)>>stream\n" + stream + b"\nendstream\n%%EOF"
    (run.results / "manuscript" / "manuscript.pdf").write_bytes(pdf)
    lines = found(run)
    assert any(line.startswith("manuscript/manuscript.docx: names 1") for line in lines)
    assert any(line.startswith("manuscript/manuscript.pdf: names 1") for line in lines)


def test_plain_numbers_as_identifiers_are_looked_for_as_columns_only(run):
    scores = run.scores.assign(client=[str(n) for n in range(1, len(run.scores) + 1)])
    secret = secrets(scores, None)
    assert not {w for w in secret.words if w.isdigit()}
    run.secret = secret
    assert found(run) == []
    (run.results / "rows.csv").write_text("client,x\n" + "\n".join(f"{n},1" for n in range(1, 40)))
    (line,) = found(run)
    says(line, "rows.csv", "column 'client'", "identifiers")


def test_words_of_the_package_name_nobody(run):
    secret = secrets(
        run.scores.assign(therapist=["Steger", "Janssens"] * 29 + ["Steger"]), None, known_words={"steger"}
    )
    assert "Steger" not in secret.words
    assert "Janssens" in secret.words


def test_a_leak_ends_the_check_by_name(run):
    assert look_through(run.results, run.secret)["status"] == "passed"
    (run.results / "claims.csv").write_text("claim,note\na,without c060\n")
    with pytest.raises(DisclosureError, match=r"claims\.csv: names 1 client") as caught:
        look_through(run.results, run.secret)
    says(caught.value.headline, "disclose clients or therapists")
