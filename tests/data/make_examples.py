"""Make the example exports: 60 invented clients as eight files that researchers' programs could have written.

    python tests/data/make_examples.py [folder]

The clients are drawn from the scenario `as_reported`; nothing here comes from a real person. The seven item-level
files hold the same answers and give the same `scores.csv`:

    example_items.csv   comma, UTF-8, words for gender (v, m, x), blanks, other names and another order
    example_dutch.csv   semicolon, Windows-1252, decimal commas, 99 for a missing answer
    example.xlsx        Excel, a title sheet that is empty, "." for a missing answer
    example.sav         SPSS, value labels, 99 declared user-missing
    example_redcap.csv  REDCap, a row per event: what was asked once stands in the baseline row
    example_limesurvey.csv  LimeSurvey, answer codes, two responses that were broken off
    example_qualtrics.csv   Qualtrics, three rows above the answers, choice texts, two responses that were broken off

`example_scores.tsv` holds scale scores only, without totals. Each has its configuration beside it.
"""

from __future__ import annotations

import csv
import datetime
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
from fortems.seeds import stream
from fortems.simulate.scenario import load_scenario
from fortems.simulate.simulator import calibrate
from fortems.study.instruments import load_instruments
from fortems.study.scoring import score

HERE = Path(__file__).parent
CLIENTS = 60
LONG_AGO = datetime.datetime(2021, 6, 10)
TITLES = {"client": "Respondent", "therapist": "Behandelaar", "age": "Leeftijd", "gender": "Geslacht"}
TITLES |= {"sessions": "Aantal sessies", "education": "Opleiding", "ethnicity": "Herkomst"}
BACKGROUND = list(TITLES)
INSTRUMENTS = load_instruments()
ITEMS = {name: list(instrument.columns()) for name, instrument in INSTRUMENTS.items()}


def study() -> pd.DataFrame:
    """Return 60 clients in our own columns; some have fewer than five sessions, one is neither man nor woman."""
    rng = stream(20210610, "example exports")
    simulator = calibrate(load_scenario("as_reported"), INSTRUMENTS)
    drawn = simulator.study(rng)
    clients = drawn.iloc[np.sort(rng.permutation(len(drawn))[:CLIENTS])].reset_index(drop=True)
    clients["client"] = [f"R{number:04d}" for number in rng.permutation(np.arange(1000, 1000 + CLIENTS))]
    clients["therapist"] = "th" + clients["therapist"].str[1:]
    clients["age"] = clients["age"] + rng.choice([0.0, 0.25, 0.5, 0.75], CLIENTS)
    clients.loc[[7, 21, 40], "sessions"] = [2, 4, 3]
    clients.loc[33, "gender"] = "other"
    clients.loc[[11, 48], "age"] = np.nan
    clients.loc[15, ["mlq_1", "mlq_4"]] = np.nan  # too many of presence's five items
    clients.loc[30, [f"oq_{n}" for n in range(1, 7)]] = np.nan  # too many of OQ-45's
    clients["education"] = rng.choice(["secondary", "bachelor", "master"], CLIENTS, p=[0.4, 0.35, 0.25])
    clients["ethnicity"] = rng.choice(
        ["Flemish", "Walloon", "Moroccan-Belgian"], CLIENTS, p=[0.75, 0.15, 0.1]
    )
    return clients


def as_csv(clients: pd.DataFrame, folder: Path) -> None:
    """Other names, OQ-45 first, words for gender, blanks for what is missing, remarks that nobody should see."""
    export = clients.assign(gender=clients["gender"].map({"female": "v", "male": "m", "other": "x"}))
    names = {column: f"OQ45[{n}]" for n, column in enumerate(ITEMS["oq"], start=1)}
    names |= {column: f"MLQ[{n}]" for n, column in enumerate(ITEMS["mlq"], start=1)}
    names |= {column: f"WAV12[{n}]" for n, column in enumerate(ITEMS["wai"], start=1)}
    names |= {name: title.lower().replace(" ", "_") for name, title in TITLES.items()}
    order = [*ITEMS["oq"], "gender", "sessions", *ITEMS["wai"], "therapist", *ITEMS["mlq"]]
    order += ["client", "ethnicity", "education", "age"]
    export = export[order].rename(columns=names).astype(object)
    for column in export.columns[export.columns.str.contains(r"\[")]:
        export[column] = export[column].map(lambda answer: "" if pd.isna(answer) else str(int(answer)))
    export["opmerkingen"] = ""
    export.loc[4, "opmerkingen"] = "Cliënt vertelt over het overlijden van moeder"
    export.to_csv(folder / "example_items.csv", index=False, lineterminator="\n", encoding="utf-8")


def as_dutch_csv(clients: pd.DataFrame, folder: Path) -> None:
    """Semicolons and decimal commas, as Excel with Dutch settings saves a CSV."""
    export = clients.assign(
        gender=clients["gender"].map({"female": "Vrouw", "male": "Man", "other": "Één van beide niet"})
    )
    columns = {name: export[name] for name in BACKGROUND}
    for name, prefix in (("wai", "wav"), ("mlq", "mlq"), ("oq", "oq")):
        for number, column in enumerate(ITEMS[name], start=1):
            columns[f"{prefix}{number:02d}"] = export[column].fillna(99).astype(int)
    frame = pd.DataFrame(columns).rename(columns=TITLES)
    path = folder / "example_dutch.csv"
    frame.to_csv(path, sep=";", decimal=",", index=False, lineterminator="\r\n", encoding="cp1252")


def as_excel(clients: pd.DataFrame, folder: Path) -> None:
    """An empty sheet before the data; numbers as numbers, a full stop where an answer is missing."""
    book = openpyxl.Workbook()
    book.active.title = "Titel"
    sheet = book.create_sheet("Gegevens")
    columns = [*BACKGROUND, *(column for name in ("mlq", "wai", "oq") for column in ITEMS[name])]
    sheet.append(columns)
    for row in clients[columns].itertuples(index=False):
        cells = [None if pd.isna(value) else value for value in row]
        items = ["." if value is None else int(value) for value in cells[len(BACKGROUND) :]]
        sheet.append([*cells[: len(BACKGROUND)], *items])
    book.properties.created = book.properties.modified = LONG_AGO
    path = folder / "example.xlsx"
    book.save(path)
    _same_bytes(path)


def _same_bytes(path: Path) -> None:
    """Write the archive again with one date for all its parts, and no date of saving."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    core = parts["docProps/core.xml"].decode()
    before, _, rest = core.partition("<dcterms:modified")
    opening, _, after = rest.partition("Z</dcterms:modified>")
    stamp = opening[: opening.index(">") + 1] + LONG_AGO.isoformat()
    parts["docProps/core.xml"] = f"{before}<dcterms:modified{stamp}Z</dcterms:modified>{after}".encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)


def as_spss(clients: pd.DataFrame, folder: Path) -> None:
    """Codes with value labels; 99 is declared as user-missing."""
    codes = {"gender": ["female", "male", "other"], "education": ["secondary", "bachelor", "master"]}
    codes |= {"ethnicity": ["Flemish", "Walloon", "Moroccan-Belgian"]}
    export = clients.copy()
    for name, labels in codes.items():
        export[name] = export[name].map({label: float(code) for code, label in enumerate(labels, start=1)})
    items = [column for columns in ITEMS.values() for column in columns]
    export[items] = export[items].fillna(99.0)
    export = export[[*BACKGROUND, *items]].rename(columns={"client": "resp_nr", "sessions": "n_sess"})
    path = folder / "example.sav"
    pyreadstat.write_sav(
        export,
        path,
        variable_value_labels={
            name: {float(code): label for code, label in enumerate(labels, start=1)}
            for name, labels in codes.items()
        },
        missing_ranges={item: [99.0] for item in items},
    )
    # The date and time of writing stand at bytes 92 to 108 of the header.
    content = bytearray(path.read_bytes())
    content[92:109] = b"10 Jun 2100:00:00"
    path.write_bytes(bytes(content))


def as_redcap(clients: pd.DataFrame, folder: Path) -> None:
    """Two events a client; codes for gender, the state of each form, blanks for what an event does not ask."""
    genders = {"female": 1, "male": 2, "other": 3}
    rows = []
    for record in clients.to_dict("records"):
        once = {name: record[name] for name in BACKGROUND[1:]} | {"gender": genders[record["gender"]]}
        answers = {column: record[column] for columns in ITEMS.values() for column in columns}
        first = {"record_id": record["client"], "redcap_event_name": "baseline_arm_1", **once}
        later = {"record_id": record["client"], "redcap_event_name": "session_5_arm_1", **answers}
        rows += [first | {"intake_complete": 2}, later | {"questionnaires_complete": 2}]
    items = [column for columns in ITEMS.values() for column in columns]
    columns = [
        "record_id",
        "redcap_event_name",
        *BACKGROUND[1:],
        "intake_complete",
        *items,
        "questionnaires_complete",
    ]
    _write(folder / "example_redcap.csv", [columns, *([row.get(c) for c in columns] for row in rows)])


def as_limesurvey(clients: pd.DataFrame, folder: Path) -> None:
    """Question and answer codes, all cells quoted; who broke off has no date of submission and an early last page."""
    names = {
        "client": "token",
        "therapist": "G01Q01",
        "age": "G01Q02",
        "gender": "G01Q03",
        "sessions": "G01Q04",
    }
    names |= {"education": "G01Q05", "ethnicity": "G01Q06"}
    codes = {"MLQ": "mlq", "WAI": "wai", "OQ": "oq"}
    header = ["id", "submitdate", "lastpage", "startlanguage", *names.values()]
    header += [f"{code}[SQ{n:03}]" for code, name in codes.items() for n in range(1, len(ITEMS[name]) + 1)]
    rows = []
    for record in clients.assign(gender=clients["gender"].str[0].str.upper()).to_dict("records"):
        broken = len(rows) in (5, 23)
        own = [record[name] for name in names]
        answers = [record[column] for name in codes.values() for column in ITEMS[name]]
        told = ["" if pd.isna(answer) else f"A{int(answer)}" for answer in answers]
        if broken:  # the same client came back: the first, broken-off response stays in the export
            rows.append([len(rows) + 1, "", 2, "nl", own[0], *[""] * (len(own) - 1), *[""] * len(told)])
        rows.append([len(rows) + 1, "2021-06-10 12:00:00", 5, "nl", *own, *told])
    _write(folder / "example_limesurvey.csv", [header, *rows], csv.QUOTE_ALL)


def as_qualtrics(clients: pd.DataFrame, folder: Path) -> None:
    """Names, question texts and import identifiers above the answers; choice texts; broken-off responses."""
    degrees = ["not at all", "hardly", "a little", "somewhat", "rather", "much", "fully"]
    words = {"mlq": dict(enumerate(degrees, start=1)), "wai": dict(enumerate(degrees[1:6], start=1))}
    words["oq"] = dict(enumerate(degrees[:5]))
    names = {"client": "code", "therapist": "Q1", "age": "Q2", "gender": "Q3", "sessions": "Q4"}
    names |= {"education": "Q5", "ethnicity": "Q6"}
    blocks = {"mlq": "Q7", "wai": "Q8", "oq": "Q9"}
    header = ["StartDate", "Status", "Progress", "Finished", "ResponseId", *names.values()]
    header += [f"{block}_{n}" for name, block in blocks.items() for n in range(1, len(ITEMS[name]) + 1)]
    texts = [f"The text of {name},\nas clients read it" for name in header]
    identifiers = [json.dumps({"ImportId": f"QID{n}"}) for n, _ in enumerate(header)]
    rows = []
    for number, record in enumerate(clients.assign(gender=clients["gender"].str.title()).to_dict("records")):
        own = [record[name] for name in names]
        answers = [words[name].get(record[column], "") for name in blocks for column in ITEMS[name]]
        start = ["2021-06-10 12:00:00", "IP Address"]
        if number in (9, 31):
            rows.append([*start, 12, "False", f"R_{number}a", own[0], *[""] * (len(own) - 1 + len(answers))])
        rows.append([*start, 100, "True", f"R_{number}b", *own, *answers])
    _write(folder / "example_qualtrics.csv", [header, texts, identifiers, *rows])


def _write(path: Path, rows: list[list[object]], quoting: int = csv.QUOTE_MINIMAL) -> None:
    """Write rows of cells; what is missing is empty, whole numbers have no decimal point."""

    def text(cell: object) -> object:
        if cell is None or (isinstance(cell, float) and np.isnan(cell)):
            return ""
        return int(cell) if isinstance(cell, float) and cell.is_integer() else cell

    with open(path, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n", quoting=quoting).writerows(
            [[text(c) for c in row] for row in rows]
        )


def as_scores(clients: pd.DataFrame, folder: Path) -> None:
    """Scale scores without totals, tab-separated."""
    columns = {name: clients[name] for name in ("client", "therapist", "age", "gender", "sessions")}
    for instrument in INSTRUMENTS.values():
        scored = score(clients, instrument)
        columns |= {name: scored[name].round(4) for name in instrument.subscales}
    frame = pd.DataFrame(columns).rename(columns={"meaning": "MLQ_P", "search": "MLQ_S"})
    frame.to_csv(folder / "example_scores.tsv", sep="\t", index=False, lineterminator="\n")


def main(folder: Path) -> None:
    """Write all eight files."""
    clients = study()
    for write in (as_csv, as_dutch_csv, as_excel, as_spss, as_redcap, as_limesurvey, as_qualtrics, as_scores):
        write(clients, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
