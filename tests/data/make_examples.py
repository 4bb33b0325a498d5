"""Make the example exports: 60 invented clients as five files that researchers' programs could have written.

    python tests/data/make_examples.py [folder]

The clients are drawn from the scenario `as_reported`; nothing here comes from a real person. The four item-level
files hold the same answers and give the same `scores.csv`:

    example_items.csv   comma, UTF-8, words for gender (v, m, x), blanks, other names and another order
    example_dutch.csv   semicolon, Windows-1252, decimal commas, 99 for a missing answer
    example.xlsx        Excel, a title sheet that is empty, "." for a missing answer
    example.sav         SPSS, value labels, 99 declared user-missing

`example_scores.tsv` holds scale scores only, without totals. Each has its configuration beside it.
"""

from __future__ import annotations

import datetime
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


def as_scores(clients: pd.DataFrame, folder: Path) -> None:
    """Scale scores without totals, tab-separated."""
    columns = {name: clients[name] for name in ("client", "therapist", "age", "gender", "sessions")}
    for instrument in INSTRUMENTS.values():
        scored = score(clients, instrument)
        columns |= {name: scored[name].round(4) for name in instrument.subscales}
    frame = pd.DataFrame(columns).rename(columns={"meaning": "MLQ_P", "search": "MLQ_S"})
    frame.to_csv(folder / "example_scores.tsv", sep="\t", index=False, lineterminator="\n")


def main(folder: Path) -> None:
    """Write all five files."""
    clients = study()
    for write in (as_csv, as_dutch_csv, as_excel, as_spss, as_scores):
        write(clients, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
