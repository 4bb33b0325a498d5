"""Generated exports in the dresses that programs and people give them, held against a reader of its own.

The oracle reads each file again with pandas alone, knowing how it was written, picks rows, brings names to one form and
scores by itself; it shares no code with the package.
"""

import gzip
import math
import unicodedata

import numpy as np
import pandas as pd
import pytest
from fortems.data.preparation import prepare
from fortems.data.settings import DataSettings
from hypothesis import given
from hypothesis import strategies as st
from test_properties import ITEMS, RANGES, cases, keys  # noqa: F401 (a fixture)

TEXTS = {"calm": ("a", (1, 2), (2,)), "easy": ("a", (3, 4), ()), "tense": ("b", (1, 2, 3), (3,))}
SPELLINGS = {
    "numbers": lambda n, k: (f"{n}", f"{n}.0", f"0{n}", f" {n} ")[k],
    "words": lambda n, k: (
        f"dr. Müller {n}",
        f"DR. MÜLLER {n}",
        f"dr.\u00a0Müller  {n}",
        f"dr. Mu\u0308ller {n}",
    )[k],
    "codes": lambda n, k: (f"th{n:02}", f"TH{n:02}", f"Th{n:02} ", f"th{n:02}")[k],
}
YES = ("Yes", "yes", "TRUE", "on", "True")
NO = {"Yes": "No", "yes": "no", "TRUE": "FALSE", "on": "off", "True": "False"}


@st.composite
def dresses(draw):
    """Clients with answers, and how their file is written."""
    spelling = draw(st.sampled_from(sorted(SPELLINGS)))
    n = draw(st.integers(4, 9))
    answer = {name: st.one_of(st.none(), st.integers(low, high)) for name, (low, high, _) in RANGES.items()}
    rows = []
    for number in range(n):
        therapist = number % 3 + 1
        row = {
            "client": f"c{number}",
            "therapist": SPELLINGS[spelling](therapist, draw(st.integers(0, 3))),
            "truth": therapist,
            "age": draw(st.sampled_from([None, 30, 41.5, 58.25])),
            "finished": draw(st.booleans()) or number < 3,
        }
        rows.append(row | {item: draw(answer[item[0]]) for item in ITEMS})
    return {
        "rows": rows,
        "form": draw(st.sampled_from(["csv", "gz", "xlsx", "sheets"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])),
        "separator": draw(st.sampled_from([",", ";", "\t"])),
        "decimal": draw(st.sampled_from([".", ","])),
        "header": draw(st.sampled_from(["plain", "upper", "spaced", "decomposed"])),
        "yes": draw(st.sampled_from(YES)),
        "events": draw(st.booleans()),
        "end": draw(st.sampled_from(["is", "last"])),
    }


def frame_of(dress):
    """The export's cells as texts, a row an event where there are events."""
    rows = []
    for row in dress["rows"]:
        words = {"finished": dress["yes"] if row["finished"] else NO[dress["yes"]]}
        age = "" if row["age"] is None else f"{row['age']:g}".replace(".", dress["decimal"])
        once = {"client": row["client"], "therapist": row["therapist"], "Leeftijd é": age, **words}
        answers = {item: "" if row[item] is None else str(row[item]) for item in ITEMS}
        if dress["events"]:
            rows.append(once | {"event": "base"} | dict.fromkeys(ITEMS, ""))
            blank = dict.fromkeys(("therapist", "Leeftijd é", "finished"), "")
            rows.append({"client": row["client"], **blank, "event": "later", **answers})
        else:
            rows.append(once | {"event": "only"} | answers)
    frame = pd.DataFrame(rows)
    change = {
        "plain": lambda name: name,
        "upper": str.upper,
        "spaced": lambda name: f" {name}".replace(" é", "\u00a0 é"),
        "decomposed": lambda name: unicodedata.normalize("NFD", name),
    }[dress["header"]]
    return frame.rename(columns={name: change(name) for name in frame})


def write(dress, folder):
    """Write the file; return its path and the sheets that hold it."""
    frame, form = frame_of(dress), dress["form"]
    if form in ("xlsx", "sheets"):
        path = folder / "export.xlsx"
        half = 2 * (len(frame) // 4)
        parts = {"data": frame} if form == "xlsx" else {"one": frame[:half], "two": frame[half:]}
        with pd.ExcelWriter(path) as writer:
            for name, part in parts.items():
                part.to_excel(writer, sheet_name=name, index=False)
        return path, list(parts) if form == "sheets" else None
    text = frame.to_csv(index=False, sep=dress["separator"])
    encoding = dress["encoding"]
    if encoding == "cp1252" and (dress["header"] == "decomposed" or "\u0308" in text):
        encoding = "utf-8"
    dress["encoding"] = encoding
    content = text.encode(encoding)
    path = folder / ("export.csv.gz" if form == "gz" else "export.csv")
    path.write_bytes(gzip.compress(content) if form == "gz" else content)
    return path, None


def form_of(text):
    """One form of a name: composed, single spaces, no case."""
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


def read_again(path, dress, sheets):
    """Read the file with pandas, knowing how it was written."""
    if dress["form"] in ("xlsx", "sheets"):
        parts = pd.read_excel(path, sheet_name=sheets or ["data"], dtype=str, keep_default_na=False)
        frame = pd.concat(parts.values())
    else:
        frame = pd.read_csv(
            path, sep=dress["separator"], encoding=dress["encoding"], dtype=str, keep_default_na=False
        )
    frame.columns = [form_of(name) for name in frame]
    clients = {}
    for row in frame.to_dict("records"):
        held = clients.setdefault(row["client"], {})
        held.update({name: text for name, text in row.items() if text != ""})
    return clients


def expected(path, dress, sheets):
    """Client → therapist's own spelling, age and scores, of those who are included."""
    found = {}
    for client, row in read_again(path, dress, sheets).items():
        if row["finished"].casefold() not in ("yes", "true", "on"):
            continue
        who = form_of(row["therapist"])
        if who.replace(".", "").isdigit():
            who = str(int(float(who)))
        age = float(row["leeftijd é"].replace(",", ".")) if "leeftijd é" in row else math.nan
        scores = {}
        for scale, (prefix, items, turned) in TEXTS.items():
            low, high, count = RANGES[prefix]
            given = {n: float(row[f"{prefix}_{n}"]) for n in range(1, count + 1) if f"{prefix}_{n}" in row}
            kept = [low + high - given[n] if n in turned else given[n] for n in items if n in given]
            missing = len(items) - len(kept)
            if prefix == "a":  # prorated up to half of the items missing
                usable = missing <= 0.5 * len(items)
                scores[scale] = float(np.mean(kept)) * len(items) if usable else math.nan
            else:  # the rounded mean, halves up, of the others; one missing answer at most
                usable = count - len(given) <= 1 and kept
                filled = math.floor(np.mean(kept) + 0.5) if usable else math.nan
                scores[scale] = sum(kept) + missing * filled if usable else math.nan
        found[client] = (who, age, scores)
    return found


def settings_of(dress, sheets):
    carry = ["therapist", "age", "finished"]
    by_word = {"column": "event", "is": "later", "carry": {"base": carry}}
    occasion = by_word if dress["end"] == "is" else {"last": True, "carry": carry}
    data = {
        "format": "items",
        "columns": {"age": "Leeftijd é"},
        "sheet": sheets,
        "occasion": occasion if dress["events"] else None,
    }
    return DataSettings.from_config(data)


def holds(dress, keys, folder):  # noqa: F811
    path, sheets = write(dress, folder)
    prepared = prepare(path, settings_of(dress, sheets), keys, {}, {"finished": {"in": [True]}})
    truth = expected(path, dress, sheets)
    scores = prepared.scores.set_index("client")
    assert list(scores.index) == list(truth)
    groups = {}
    for client, (who, age, values) in truth.items():
        row = scores.loc[client]
        assert row["age"] == pytest.approx(age, nan_ok=True)
        for scale, value in values.items():
            if scale in scores:
                assert row[scale] == pytest.approx(value, nan_ok=True), (scale, client)
            else:
                assert math.isnan(value)
        groups.setdefault(who, set()).add(row["therapist"])
    assert all(len(spelled) == 1 for spelled in groups.values())
    assert len({next(iter(spelled)) for spelled in groups.values()}) == len(groups)
    flow = prepared.flow
    assert flow["clients"].iloc[0] == len(dress["rows"])
    assert flow.loc[flow["step"] == "excluded", "clients"].sum() == len(dress["rows"]) - len(truth)


@cases(60)
@given(dresses())
def test_any_dress_gives_what_an_independent_reader_finds(keys, tmp_path_factory, dress):  # noqa: F811
    holds(dress, keys, tmp_path_factory.mktemp("dress"))


@pytest.mark.slow
@cases(3000)
@given(dresses())
def test_three_thousand_dresses(keys, tmp_path_factory, dress):  # noqa: F811
    holds(dress, keys, tmp_path_factory.mktemp("dress"))
