"""What must not leave a run, planted in every guise that was thought of: each is found, and none is named."""

import base64
import bz2
import gzip
import io
import json
import os
import pickle
import shutil
import tarfile
import textwrap
import zipfile
import zlib
from types import SimpleNamespace

import numpy as np
import openpyxl
import pytest
from data_clients import draw_clients
from fortems.data.preparation import prepare
from fortems.data.privacy.confidential import of_export, paths_of, secrets
from fortems.data.privacy.disclosure import scan
from fortems.data.reading.readers import read_table
from fortems.data.settings import DataSettings
from fortems.study.instruments import load_instruments
from fortems.tidy import write_csv

STORY = "Lost her brother at sea in 2011 and has hardly slept since that winter"
REMARK = "limps after polio"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's folder with harmless results, and what must not be found in it."""
    folder = tmp_path_factory.mktemp("plants")
    instruments = load_instruments()
    rng = np.random.default_rng(3)
    frame = draw_clients(instruments, 60, 12)
    sizes = [1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10]
    frame["therapist"] = rng.permutation(np.repeat([f"Verhulst{k}" for k in range(12)], sizes))
    frame["contact"] = [f"j.peeters{k}@praktijk.example" for k in range(60)]
    frame["story"], frame["remark"], frame["town"] = "", "", "Leuven"
    frame.loc[4, "story"], frame.loc[9, "remark"], frame.loc[11, "town"] = STORY, REMARK, "Zichem"
    frame["phone"] = [f"04781{k:05d}" for k in rng.permutation(60)]
    path = folder / "Kept Here" / "export.csv"
    path.parent.mkdir()
    frame.to_csv(path, index=False)
    prepared = prepare(path, DataSettings(), instruments)
    results = folder / "results" / "mine"
    for name in ("scores", "answers", "flow"):
        write_csv(getattr(prepared, name), results / "data" / f"{name}.csv")
    numeric = prepared.scores.select_dtypes("number")
    write_csv(numeric.describe().reset_index(), results / "tables" / "descriptives.csv")
    write_csv(numeric.corr().reset_index(), results / "tables" / "correlations.csv")
    (results / "report.html").write_text("<p>60 clients of 12 therapists, mean age 43.2, r = .41.</p>")
    identifiers, texts, names = of_export(read_table(path), DataSettings())
    secret = secrets(prepared.scores, prepared.answers, identifiers, texts, (), names, paths_of(path))
    return SimpleNamespace(
        results=results, scores=prepared.scores, answers=prepared.answers, secret=secret, path=path
    )


def of(run, name="distress"):
    return run.scores[name].to_numpy(float)


def csv(values, header="x"):
    return "\n".join([header, *(f"{v:.10g}" for v in values)]) + "\n"


def zscores(run):
    numeric = run.scores.select_dtypes("number")
    return (numeric - numeric.mean()) / numeric.std()


def zipped(name, content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def tarred(name, content):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def workbook(values):
    book = openpyxl.Workbook()
    book.active.append(["x"])
    for value in values:
        book.active.append([float(value)])
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def docx(text):
    from docx import Document

    document = Document()
    paragraph = document.add_paragraph(text[: len(text) // 2])
    paragraph.add_run(text[len(text) // 2 :])
    packed = io.BytesIO()
    document.save(packed)
    return packed.getvalue()


def pdf(about, stream):
    """A PDF of one stream."""
    return b"%PDF-1.7\n1 0 obj\n<<" + about + b">>\nstream\n" + stream + b"\nendstream\nendobj\n%%EOF"


def sizes_of(run):
    return run.scores.groupby("therapist").size().to_numpy()


def z_html(run):
    return "<tr>" + "".join(f"<td>{v:.3f}</td>" for v in zscores(run).iloc[12]) + "</tr>"


def marks(run):
    x, y = of(run, "bond") * 7.3 + 11, 240 - of(run) * 1.21
    return "<svg>" + "".join(f'<use x="{a:.3f}" y="{b:.3f}"/>' for a, b in zip(x, y, strict=True)) + "</svg>"


NAMES = "names"
QUOTES = "quotes a free text"
ONE_BY_ONE = "one by one"
CELLS = "neighbouring cells"
CLOSED = "cannot be looked"
PICTURE = b"\x89PNG\r\n\x1a\nIEND\xaeB`\x82"

#: What is planted → file, its content, and what is found.
PLANTS = {
    "an identifier": ("a.html", lambda r: "<p>client c004 stands out</p>", NAMES),
    "an identifier in another case": ("a.html", lambda r: "<p>Client C004</p>", NAMES),
    "an identifier in a file's name": ("figures/verhulst3.svg", lambda r: "<svg/>", NAMES),
    "an identifier in an attribute": ("a.svg", lambda r: '<g id="therapist_Verhulst3"/>', NAMES),
    "an address": ("a.csv", lambda r: "note\nask j.peeters7@praktijk.example\n", NAMES),
    "the local part of an address": ("a.csv", lambda r: "note\nask J.Peeters7 about it\n", NAMES),
    "the local part of an address in a longer name": ("a.svg", lambda r: '<g id="mark_of_J.Peeters7_x"/>', NAMES),
    "a telephone number": ("a.txt", lambda r: f"call {read_phone(r)}", NAMES),
    "a place that one client has": ("a.html", lambda r: "<p>one client from ZICHEM</p>", NAMES),
    "a remark of an unmapped column": ("a.html", lambda r: f"<p>One {REMARK}.</p>", QUOTES),
    "a story": ("a.html", lambda r: STORY, QUOTES),
    "a story broken over lines": ("a.txt", lambda r: textwrap.fill(STORY, 17), QUOTES),
    "a story with its words marked up": ("a.html", lambda r: STORY.replace(" ", "</b>\n <b>"), QUOTES),
    "a story in capitals and other blanks": ("a.txt", lambda r: STORY.upper().replace(" ", "\N{NO-BREAK SPACE} "), QUOTES),
    "half of a story": ("a.txt", lambda r: " ".join(STORY.split()[3:10]), QUOTES),
    "a story in JSON": ("a.json", lambda r: json.dumps({"note": [STORY]}), QUOTES),
    "a story in UTF-16": ("a.txt", lambda r: STORY.encode("utf-16"), QUOTES),
    "a story in Word": ("a.docx", lambda r: docx(STORY), QUOTES),
    "a story in base64": ("a.json", lambda r: json.dumps({"x": base64.b64encode(STORY.encode()).decode()}), QUOTES),
    "a story in hexadecimal digits": ("a.txt", lambda r: STORY.encode().hex(), QUOTES),
    "a story escaped for an address": ("a.html", lambda r: STORY.replace(" ", "%20"), QUOTES),
    "a story behind a picture's end": ("a.png", lambda r: b"\x89PNG\r\n\x1a\nIEND\xaeB`\x82" + STORY.encode(), QUOTES),
    "a story in an archive": ("a.zip", lambda r: zipped("notes.txt", STORY), QUOTES),
    "a story in an archive of archives": ("a.zip", lambda r: zipped("b.zip", zipped("notes.txt", STORY)), QUOTES),
    "a story, packed": ("a.txt.gz", lambda r: gzip.compress(STORY.encode()), QUOTES),
    "a story, packed otherwise": ("a.bz2", lambda r: bz2.compress(STORY.encode()), QUOTES),
    "a story on tape": ("a.tar", lambda r: tarred("notes.txt", STORY.encode()), QUOTES),
    "the folder, in another case": ("config.yaml", lambda r: f"path: {str(r.path).upper()}", "tells where"),
    "identifiers as a column": ("a.csv", lambda r: "who\n" + "\n".join(sorted(set(r.scores["client"]))), "holds identifiers"),
    "a column": ("a.csv", lambda r: csv(of(r)), ONE_BY_ONE),
    "a column, shuffled": ("a.csv", lambda r: csv(np.random.default_rng(1).permutation(of(r))), ONE_BY_ONE),
    "two thirds of a column": ("a.csv", lambda r: csv(of(r)[20:]), ONE_BY_ONE),
    "a column in other units": ("a.csv", lambda r: csv(of(r, "age") * 12 - 3), ONE_BY_ONE),
    "a column in JSON": ("a.json", lambda r: json.dumps({"plot": {"values": of(r).tolist()}}), ONE_BY_ONE),
    "a column of maps in JSON": ("a.json", lambda r: json.dumps([{"k": i, "v": v} for i, v in enumerate(of(r))]), ONE_BY_ONE),
    "two thirds of a column in JSON": ("a.json", lambda r: json.dumps(of(r)[:40].tolist()), ONE_BY_ONE),
    "a column in base64": ("a.html", lambda r: f"<p>{base64.b64encode(csv(of(r)).encode()).decode()}</p>", ONE_BY_ONE),
    "a column as an embedded file": ("a.html", lambda r: '<a href="data:text/csv;base64,' + base64.b64encode(csv(of(r)).encode()).decode() + '">', ONE_BY_ONE),
    "a column in running text": ("a.html", lambda r: "<p>" + ", ".join(f"{v:g}" for v in of(r)) + "</p>", ONE_BY_ONE),
    "a column in a workbook": ("a.xlsx", lambda r: workbook(of(r)), ONE_BY_ONE),
    "a column in YAML": ("a.yaml", lambda r: "x:\n" + "".join(f"- {v:g}\n" for v in of(r)), ONE_BY_ONE),
    "a column as marks of a drawing": ("a.svg", marks, ONE_BY_ONE),
    "a column standardized": ("a.csv", lambda r: csv(zscores(r)["meaning"].round(3)), ONE_BY_ONE),
    "two thirds of a column standardized": ("a.csv", lambda r: csv(zscores(r)["distress"].round(4)[:41]), ONE_BY_ONE),
    "therapists' means": ("a.csv", lambda r: csv(r.scores.groupby("therapist")["distress"].mean()), ONE_BY_ONE),
    "therapists' means in running text": ("a.html", lambda r: "<p>" + ", ".join(f"{v:.10g}" for v in r.scores.groupby("therapist")["distress"].mean()) + "</p>", ONE_BY_ONE),
    "therapists' sizes": ("a.csv", lambda r: csv(sizes_of(r)), ONE_BY_ONE),
    "therapists' sizes in order": ("a.json", lambda r: json.dumps(sorted(sizes_of(r).tolist())), ONE_BY_ONE),
    "therapists' sizes in running text": ("a.html", lambda r: f"<p>clients: {', '.join(map(str, sizes_of(r)))}</p>", ONE_BY_ONE),
    "a row": ("a.html", lambda r: "".join(f"<td>{v:g}</td>" for v in r.scores.iloc[7][["sessions", "bond", "task", "goal", "alliance"]]), CELLS),
    "a row with decimals": ("a.txt", lambda r: " ".join(f"{v:.1f}" for v in r.scores.iloc[7][["sessions", "bond", "task", "goal", "alliance"]]), CELLS),
    "a row in another order": ("a.csv", lambda r: "a,b,c,d,e,f,g,h,i,j,k,l\n" + ",".join(f"{v:g}" for v in r.scores.select_dtypes("number").iloc[8][::-1]), CELLS),
    "a standardized row": ("a.html", z_html, CELLS),
    "standardized rows": ("a.csv", lambda r: zscores(r).round(2).to_csv(index=False), CELLS),
    "answers": ("a.txt", lambda r: " ".join(f"{v:g}" for v in r.answers.iloc[3].filter(like="mlq_").tolist() + r.answers.iloc[3].filter(like="wai_").tolist()), CELLS),
    "an identifier reversed": ("a.txt", lambda r: "see 3tsluhreV", NAMES),
    "an identifier in base64": ("a.json", lambda r: json.dumps({"x": base64.b64encode(b"Verhulst3").decode()}), NAMES),
    "an identifier in digits of base 16": ("a.txt", lambda r: b"Verhulst3".hex(), NAMES),
    "an identifier escaped for a script": ("a.html", lambda r: r"<script>x = 'Verhulst\x33'</script>", NAMES),
    "clients reversed": ("a.txt", lambda r: " ".join(str(name)[::-1] for name in r.scores["client"]), NAMES),
    "a story reversed": ("a.txt", lambda r: STORY[::-1], QUOTES),
    "a story in UTF-32": ("a.txt", lambda r: STORY.encode("utf-32"), QUOTES),
    "an archive behind a picture's end": ("a.png", lambda r: PICTURE + zipped("notes.txt", STORY), QUOTES),
    "a packed text behind a picture's end": ("a.png", lambda r: PICTURE + gzip.compress(STORY.encode()), QUOTES),
    "an archive behind a page": ("a.html", lambda r: b"<p>see below</p>" + zipped("notes.txt", STORY), CLOSED),
    "a story as a PDF's description": ("a.pdf", lambda r: pdf(b"/Type /Metadata", STORY.encode()), QUOTES),
    "a story on a page of a PDF": ("a.pdf", lambda r: pdf(b"/Filter /FlateDecode", zlib.compress(f"BT ({STORY}) Tj ET".encode())), QUOTES),
    "a story set letter by letter": ("a.pdf", lambda r: pdf(b"", b"BT [" + b" -5 ".join(b"(%c)" % c for c in STORY.encode()) + b"] TJ ET"), QUOTES),
    "a story packed twice in a PDF": ("a.pdf", lambda r: pdf(b"/Filter [/ASCII85Decode /FlateDecode]", base64.a85encode(zlib.compress(f"BT ({STORY}) Tj ET".encode())) + b"~>"), QUOTES),
    "a table attached to a PDF": ("a.pdf", lambda r: pdf(b"/Type /EmbeddedFile /Filter /FlateDecode", zlib.compress(csv(of(r)).encode())), ONE_BY_ONE),
    "a column's ranks": ("a.csv", lambda r: csv(r.scores["distress"].rank()), ONE_BY_ONE),
    "a column's ranks from above": ("a.csv", lambda r: csv(r.scores["meaning"].rank(ascending=False)), ONE_BY_ONE),
    "a column's logarithms": ("a.csv", lambda r: csv(np.log1p(of(r)).round(3)), ONE_BY_ONE),
    "ages in tens of years": ("a.csv", lambda r: csv(of(r, "age") // 10 * 10), ONE_BY_ONE),
    "a column around therapists' means": ("a.csv", lambda r: csv((r.scores["distress"] - r.scores.groupby("therapist")["distress"].transform("mean")).round(3)), ONE_BY_ONE),
    "answers to one item": ("a.csv", lambda r: csv(r.answers["oq_7"].to_numpy(float)), ONE_BY_ONE),
    "genders": ("a.csv", lambda r: "x\n" + "\n".join(r.scores["gender"]) + "\n", ONE_BY_ONE),
    "genders as numbers": ("a.csv", lambda r: csv((r.scores["gender"] == "male").to_numpy(float)), ONE_BY_ONE),
    "a column with decimal commas": ("a.csv", lambda r: "k;x\n" + "".join(f"{i};{v:.1f}\n".replace(".", ",") for i, v in enumerate(of(r))), ONE_BY_ONE),
    "a column in lines of JSON": ("a.txt", lambda r: "".join(json.dumps({"k": i, "v": v}) + "\n" for i, v in enumerate(of(r))), ONE_BY_ONE),
    "a column in a page's script": ("a.html", lambda r: '<script type="application/json">' + json.dumps({"d": [{"k": i / 7, "v": v} for i, v in enumerate(of(r))]}) + "</script>", ONE_BY_ONE),
    "a column of a page's table": ("a.html", lambda r: "".join(f"<tr><td>{i}</td><td>{v:g}</td><td>{i * 1.5}</td></tr>" for i, v in enumerate(of(r))), ONE_BY_ONE),
    "a column of a table in a text": ("a.txt", lambda r: "\n".join(f"{i:>4} {v:>6.1f}" for i, v in enumerate(of(r))), ONE_BY_ONE),
    "a pickle": ("a.pkl", lambda r: pickle.dumps(of(r)), CLOSED),
    "a pickle under another name": ("a.txt", lambda r: pickle.dumps(of(r).tolist()), CLOSED),
    "an unknown kind": ("a.dat", lambda r: of(r).tobytes(), CLOSED),
    "an archive with a password": ("a.zip", lambda r: locked(zipped("notes.txt", STORY)), CLOSED),
}  # fmt: skip


def read_phone(run):
    return next(iter(read_table(run.path).columns["phone"].categories))


def locked(content):
    """Mark the members of an archive as encrypted."""
    spoilt = bytearray(content)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        spoilt[content.index(mark) + place] |= 1
    return bytes(spoilt)


def found(run):
    return [(p.where, p.what) for p in scan(run.results, run.secret)[1]]


@pytest.fixture
def plant(run, tmp_path):
    """Write a file into a copy of the run; return what is found in it."""
    copy = SimpleNamespace(**{**vars(run), "results": tmp_path / "mine"})
    shutil.copytree(run.results, copy.results)

    def put(name, content):
        path = copy.results / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [what for where, what in found(copy) if where == name]

    put.results, put.copy = copy.results, copy
    return put


def test_harmless_results_pass(run):
    assert found(run) == []


@pytest.mark.parametrize("name", PLANTS)
def test_each_plant_is_found(run, plant, name):
    file, content, message = PLANTS[name]
    hits = plant(file, content(run))
    assert any(message in what for what in hits), hits
    told = " ".join(hits).casefold()
    assert not any(word in told for word in ("c004", "verhulst", "peeters", "zichem", "polio", "brother"))


def test_links_and_special_files_are_refused(run, plant):
    os.symlink(run.results / "data" / "scores.csv", plant.results / "tables" / "link.csv")
    os.symlink(run.results / "data", plant.results / "folder")
    os.mkfifo(plant.results / "pipe")
    hits = dict(found(plant.copy))
    assert {"tables/link.csv", "folder", "pipe"} <= set(hits)
    assert all(CLOSED in hits[name] for name in ("tables/link.csv", "folder", "pipe"))


def test_the_name_of_an_empty_folder_is_read(plant):
    (plant.results / "figures" / "of_Verhulst3").mkdir(parents=True)
    assert [NAMES in what for where, what in found(plant.copy)] == [True]


def test_a_link_in_place_of_the_private_folder_is_refused(run, plant):
    shutil.rmtree(plant.results / "data")
    os.symlink(run.results / "data", plant.results / "data")
    assert [CLOSED in what for where, what in found(plant.copy) if where == "data"] == [True]


@pytest.mark.parametrize("content", [
    lambda r: csv(np.sort(np.random.default_rng(8).normal(45, 15, 60)).round(0)),
    lambda r: json.dumps(list(range(1, 61))),
    lambda r: csv(np.random.default_rng(4).permutation(60)),
    lambda r: "x\n" + "\n".join(np.random.default_rng(5).choice(["female", "male"], 60)) + "\n",
    lambda r: csv(np.linspace(0, 180, 60)),
    lambda r: csv(np.random.default_rng(9).integers(0, 10, 12)),
    lambda r: "<p>A brother, a winter, the sea: words that many texts have. Peer review, praktijk.</p>",
    lambda r: f"<00a1> <{str(r.scores['client'].iloc[0])[::-1]}> <0f34>",  # a code of a file, turned round
    lambda r: "M = 12.0, SD = 3.4, n = 60; alpha = .81 [.68, .89]; 4, 5, 6, 7, 8",
])  # fmt: skip
def test_what_agrees_by_chance_passes(run, plant, content):
    assert plant("a.json" if content(run).startswith("[") else "a.csv", content(run)) == []
