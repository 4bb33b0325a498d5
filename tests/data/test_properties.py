"""Generated files at the door: it scores them right or refuses them by an error of ours, and never anything else.

1,050 cases: exports with known answers in many dresses, some of them spoilt; and files of random text and bytes.
"""

import csv
import io
import math

import pytest
from fortems.data.preparation import Prepared, prepare
from fortems.data.settings import DataSettings
from fortems.errors import FortemsError
from fortems.study.instruments import load_instruments
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CALM = """
label: Calm
items: 4
response: {low: 1, high: 5}
reversed: [2]
subscales: {calm: [1, 2], easy: [3, 4]}
total: rest
missing: {rule: prorate, most: 0.5}
sources: {key: {source: invented, grade: D}}
"""
TENSE = """
label: Tense
items: 3
response: {low: 0, high: 4}
reversed: [3]
subscales: {tense: [1, 2, 3]}
missing: {rule: subscale_mean, most: 1}
sources: {key: {source: invented, grade: D}}
"""
RANGES = {"a": (1, 5, 4), "b": (0, 4, 3)}
ITEMS = [f"{name}_{n}" for name, (_, _, count) in RANGES.items() for n in range(1, count + 1)]


def cases(number):
    """The same generated cases in every run."""
    return settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    for name, text in (("a", CALM), ("b", TENSE)):
        (folder / f"{name}.yaml").write_text(text)
    return load_instruments({name: folder / f"{name}.yaml" for name in ("a", "b")})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exports")


def enter(path, keys, chosen=None, rules=None):
    """Return what the door gives, or the error of ours that it raises; let any other pass."""
    try:
        return prepare(path, chosen or DataSettings(), keys, {}, rules)
    except FortemsError as error:
        assert str(error)
        return error


@st.composite
def studies(draw):
    """Clients with their true answers; None is missing."""
    n = draw(st.integers(2, 6))
    rows = []
    for number in range(n):
        row = {"client": f"k{number:02d}", "therapist": f"t{number % draw(st.integers(2, 3))}"}
        row["age"] = draw(st.one_of(st.none(), st.integers(72, 320).map(lambda quarters: quarters / 4)))
        row["sessions"] = draw(st.integers(1, 12))
        for name, (low, high, count) in RANGES.items():
            for item in range(1, count + 1):
                row[f"{name}_{item}"] = draw(
                    st.one_of(st.integers(low, high), st.integers(low, high), st.none())
                )
        rows.append(row)
    rows[0]["therapist"], rows[1]["therapist"] = "t0", "t1"
    return rows


DRESS = st.fixed_dictionaries(
    {
        "separator": st.sampled_from([",", ";", "\t"]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16"]),
        "comma": st.booleans(),
        "missing": st.sampled_from(["", " ", "NA", "99", "."]),
        "line": st.sampled_from(["\n", "\r\n"]),
        "names": st.sampled_from(["{}", "Frage é {}", "Q[{}]"]),
        "order": st.randoms(use_true_random=False),
        "shift": st.booleans(),
        "quote": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    }
)


def written(rows, dress):
    """The export as text, and the settings that go with it."""
    columns = list(rows[0])
    dress["order"].shuffle(columns)
    comma = dress["comma"] and dress["separator"] != ","
    missing = "99" if dress["missing"] == "99" else dress["missing"]

    def cell(name, value):
        if value is None:
            return missing
        if name.startswith("b_") and dress["shift"]:
            return f"score {value}"
        text = f"{value:g}" if isinstance(value, (int, float)) else value
        return text.replace(".", ",") if comma else text

    stream = io.StringIO()
    writer = csv.writer(
        stream, delimiter=dress["separator"], lineterminator=dress["line"], quoting=dress["quote"]
    )
    writer.writerow([dress["names"].format(name) for name in columns])
    for row in rows:
        writer.writerow([cell(name, row[name]) for name in columns])
    chosen = DataSettings(
        columns={n: dress["names"].format(n) for n in columns if n not in ITEMS},
        items={name: dress["names"].format(f"{name}_{{n}}") for name in RANGES},
        values={"b": {f"score {value}": value for value in range(5)}} if dress["shift"] else {},
        missing_codes=[99] if missing == "99" else {},
    )
    return stream.getvalue(), chosen


def by_hand(row):
    """Scores of one client, computed without the package: the oracle."""
    a = [row[f"a_{n}"] for n in range(1, 5)]
    a[1] = None if a[1] is None else 6 - a[1]
    b = [row[f"b_{n}"] for n in range(1, 4)]
    b[2] = None if b[2] is None else 4 - b[2]

    def prorated(items):
        there = [i for i in items if i is not None]
        return sum(there) / len(there) * len(items) if len(there) >= len(items) / 2 else math.nan

    there = [i for i in b if i is not None]
    tense = math.nan
    if len(there) >= 2:
        tense = sum(there) + (3 - len(there)) * math.floor(sum(there) / len(there) + 0.5)
    return {"calm": prorated(a[:2]), "easy": prorated(a[2:]), "rest": prorated(a), "tense": tense}


def compare(prepared, rows, rule):
    kept = [row for row in rows if row["sessions"] >= rule]
    assert prepared.scores["client"].tolist() == [row["client"] for row in kept]
    for scores, row in zip(prepared.scores.to_dict("records"), kept, strict=True):
        assert scores["therapist"] == row["therapist"]
        if "age" in scores:
            assert scores["age"] == pytest.approx(math.nan if row["age"] is None else row["age"], nan_ok=True)
        for name, value in by_hand(row).items():
            # A scale without any score is left out.
            assert scores.get(name, math.nan) == pytest.approx(value, nan_ok=True)


@cases(250)
@given(rows=studies(), dress=DRESS)
def test_a_fine_export_is_scored_right_in_any_dress(folder, keys, rows, dress):
    text, chosen = written(rows, dress)
    path = folder / "fine.csv"
    path.write_bytes(text.encode(dress["encoding"]))
    found = enter(path, keys, chosen)
    assert isinstance(found, Prepared), str(found)
    compare(found, rows, 0)


def spoil(draw_, text, separator):
    """Change one thing in a file that may or may not matter."""
    lines = text.split("\n")
    how = draw_(st.sampled_from(["cell", "drop", "twice", "cut", "insert", "header"]))
    place = draw_(st.integers(0, len(lines) - 1))
    if how == "cell":
        cells = lines[place].split(separator)
        cells[draw_(st.integers(0, len(cells) - 1))] = draw_(
            st.one_of(
                st.text(max_size=6),
                st.sampled_from(
                    ["7", "-1", "1e999", "nan", "inf", "2.5", "٣", "½", '"', "k00", "t9", "1,5", "0x1"]
                ),
            )
        )
        lines[place] = separator.join(cells)
    elif how == "drop":
        del lines[place]
    elif how == "twice":
        lines.insert(place, lines[place])
    elif how == "cut":
        lines[place] = lines[place][: draw_(st.integers(0, len(lines[place])))]
    elif how == "insert":
        lines.insert(place, draw_(st.text(max_size=20)))
    else:
        lines[0] = lines[0].replace("a_1", draw_(st.sampled_from(["a_2", "A_1", "", "client", "b_1"])))
    return "\n".join(lines)


@cases(250)
@given(data=st.data(), rows=studies())
def test_a_spoilt_export_is_scored_or_refused_by_name(folder, keys, data, rows):
    dress = {"separator": ";", "encoding": "utf-8", "comma": False, "missing": "", "line": "\n"}
    dress |= {
        "names": "{}",
        "order": data.draw(st.randoms(use_true_random=False)),
        "shift": False,
        "quote": 0,
    }
    text, _ = written(rows, dress)
    path = folder / "spoilt.csv"
    path.write_bytes(spoil(data.draw, text, ";").encode("utf-8", errors="surrogatepass"))
    found = enter(path, keys, rules={"sessions": {"min": 3}})
    if isinstance(found, Prepared):
        # Whoever is scored has answers of the range, a therapist, and one row.
        scores = found.scores
        assert scores["client"].is_unique
        assert scores[["client", "therapist"]].notna().all(axis=None)
        assert (scores["sessions"] >= 3).all()
        for name, (low, high, count) in RANGES.items():
            for n in range(1, count + 1):
                if f"{name}_{n}" in found.answers:
                    answers = found.answers[f"{name}_{n}"].dropna()
                    assert (answers.between(low, high) & (answers % 1 == 0)).all()
        untouched = {row["client"]: row for row in rows}
        if set(scores["client"]) <= set(untouched):
            same = sum(
                all(
                    record.get(k, math.nan) == pytest.approx(v, nan_ok=True)
                    for k, v in by_hand(untouched[record["client"]]).items()
                )
                for record in scores.to_dict("records")
            )
            # One thing was spoilt: at most one client differs, or a whole instrument went missing.
            assert same >= len(scores) - 1 or len(scores.columns) < 8


HEADER = "client,therapist,sessions," + ",".join(ITEMS)
RANDOM_CELLS = st.lists(
    st.lists(
        st.one_of(
            st.integers(-1, 6).map(str),
            st.sampled_from(["", "NA", "a", "k1", '"', "'", "1.0", " 2 ", "\x00", "é"]),
        ),
        min_size=8,
        max_size=11,
    ).map(",".join),
    max_size=5,
).map("\n".join)
RANDOM_TEXT = st.one_of(
    st.tuples(st.just(HEADER), RANDOM_CELLS).map("\n".join),
    st.text(max_size=200),
    st.text(alphabet=',;\t"\n\r abc123.-', max_size=120),
)
MAGIC = [
    b"",
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"PAR1",
    b"$FL2",
    b"$FL3",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"%PDF",
]


@cases(550)
@given(
    content=st.one_of(
        RANDOM_TEXT.map(lambda text: text.encode("utf-8", errors="replace")),
        st.tuples(st.sampled_from(MAGIC), st.binary(max_size=300)).map(b"".join),
    ),
    suffix=st.sampled_from([".csv", ".tsv", ".txt", "", ".xlsx", ".sav", ".parquet", ".xls"]),
)
def test_any_file_is_scored_or_refused_by_name(folder, keys, content, suffix):
    path = folder / f"any{suffix}"
    path.write_bytes(content)
    found = enter(path, keys)
    assert isinstance(found, (Prepared, FortemsError))
