"""An attack on what leaves a run on own data: who can be worked out of it? Knows nothing of the package.

    python tests/data/reconstruct.py results/RUN [fewest clients]

Reads everything below the folder but ``data/``: tables, the tables' twins beside figures, the report in HTML, PDF and
Word with the tables that pages carry, the list of printed numbers, settings, gate, manifest, crate. Prints each finding; exits 1 where there is one.
"""

from __future__ import annotations

import csv
import hashlib
import html
import itertools
import json
import math
import re
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

FEWEST = 5
THERAPISTS = 3
LEVELS = ("received", "scored", "analysed")


def leaving(folder: Path) -> list[Path]:
    """Every file that leaves."""
    return [p for p in sorted(folder.rglob("*")) if p.is_file() and p.relative_to(folder).parts[0] != "data"]


def rows_of(path: Path) -> list[dict[str, str]]:
    """Rows of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number(text: str | None) -> float:
    """A cell's number, or not-a-number."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def words_of(path: Path) -> str:
    """The words of a page or document."""
    if path.suffix == ".docx":
        with zipfile.ZipFile(path) as archive:
            text = " ".join(
                archive.read(n).decode("utf-8", "replace") for n in archive.namelist() if n.endswith(".xml")
            )
    else:
        text = path.read_text(encoding="utf-8", errors="replace")
    text = re.sub(r"<(style|script)\b.*?</\1>", " ", text, flags=re.S)
    text = re.sub(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=\s]+", " ", text)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def small(value: float, fewest: int) -> bool:
    """Whether a number counts some and few."""
    return math.isfinite(value) and 0 < round(value) < fewest and abs(value - round(value)) < 1e-6


def of_studies(name: str, rows: list[dict[str, str]]) -> bool:
    """Whether a table is of simulated studies, whose clients are nobody: it counts them."""
    path = name.rpartition("#")[2]  # of a table that a page carries
    return path.startswith("design/") or (path.startswith("figures/") and bool(rows) and "studies" in rows[0])


def by_counts(tables: dict[str, list[dict[str, str]]], fewest: int) -> list[str]:
    """Counts of few, and differences of totals that are few."""
    found, totals = [], defaultdict(set)
    for name, rows in tables.items():
        if name == "manuscript/numbers.csv" or of_studies(name, rows):
            continue
        for row in rows:
            for column in ("n", "n_clients", "clients", "missing", "n_missing", "count"):
                value = number(row.get(column))
                if small(value, fewest):
                    found.append(f"{name}: {column} = {value:g}")
                if (
                    (column in ("n", "n_clients") or row.get("step") in LEVELS)
                    and value > 0
                    and not row.get("category")
                ):
                    totals[value].add(f"{name}:{column}")
            if row.get("step") == "received":
                rows_read = [float(k) for k in re.findall(r"[0-9]+", row["detail"])]
                found += [f"{name}: {k:g} rows" for k in rows_read if small(k, fewest)]
                if len(rows_read) > 1:  # all rows less those set aside are the clients received
                    totals[rows_read[0] - rows_read[1]].add(f"{name}: rows")
            many = number(row.get("n_therapists"))
            if 0 < many < THERAPISTS:
                found.append(f"{name}: {many:g} therapists")
            # With the degrees of freedom of a t test within therapists: n - J - 1; of a Pearson correlation: n - 2.
            if row.get("kind") == "pearson" and math.isfinite(number(row.get("df"))):
                totals[number(row["df"]) + 2].add(f"{name}: df + 2")
            # BIC less AIC is k (ln n - 2).
            aic, bic, k = (number(row.get(c)) for c in ("aic", "bic", "n_parameters"))
            if all(map(math.isfinite, (aic, bic, k))) and k > 0:
                n = math.exp((bic - aic) / k + 2)
                slack = n * 0.011 / k
                whole = [v for v in range(math.ceil(n - slack), math.floor(n + slack) + 1)]
                if len(whole) == 1:
                    totals[float(whole[0])].add(f"{name}: AIC and BIC")
    therapists = {
        number(row.get(column))
        for name, rows in tables.items()
        if not of_studies(name, rows)
        for row in rows
        for column in ("n_therapists", "therapists")
    }
    for a, b in itertools.combinations(sorted(v for v in therapists if v > 0), 2):
        if b - a < THERAPISTS:
            found.append(f"{a:g} and {b:g} therapists differ by few")
    for (a, here), (b, there) in itertools.combinations(sorted(totals.items()), 2):
        if 0 < b - a < fewest:
            found.append(f"{a:g} ({min(here)}) and {b:g} ({min(there)}) differ by few")
    return found


def by_categories(tables: dict[str, list[dict[str, str]]], fewest: int) -> list[str]:
    """Categories of few: named, counted by subtraction, by shares, or by a coefficient."""
    found = []
    described = tables.get("tables/descriptives.csv", [])
    whole = max((number(r["n"]) for r in described if not r["category"] and r["n"]), default=math.nan)
    groups = defaultdict(list)
    for row in described:
        if row["category"]:
            groups[row["variable"]].append(row)
    for variable, rows in groups.items():
        counts = [number(r["n"]) for r in rows]
        shares = [number(r["share"]) for r in rows]
        known = [c if math.isfinite(c) else s * whole for c, s in zip(counts, shares, strict=True)]
        if any(math.isnan(c) for c in known):
            left = whole - sum(c for c in known if math.isfinite(c))
            hidden = [r["category"] for r, c in zip(rows, known, strict=True) if math.isnan(c)]
            if left < fewest * len(hidden):
                found.append(f"{variable}: {hidden} are {left:g} together")
        elif small(whole - sum(known), fewest):
            found.append(f"{variable}: {whole - sum(known):g} clients have another value")
        found += [f"{variable}: {c:g} clients" for c in known if small(round(c), fewest)]
    told = {f"{r['variable']}_{r['category']}": number(r["n"]) for r in described if r["category"]}
    numeric = {r["variable"] for r in described if not r["category"]}
    for row in tables.get("tables/covariates.csv", []):
        term = row["term"]
        if term in numeric or term == "joint" or not row["estimate"]:
            continue
        if not told.get(term, 0) >= fewest:
            found.append(f"covariates.csv: coefficient of {term}, {told.get(term)} clients")
        if not row["se"] or "one therapist" in row["reason"]:
            found.append(f"covariates.csv: {term} is known from one therapist")
    return found


def by_extremes(tables: dict[str, list[dict[str, str]]]) -> list[str]:
    """Single clients' values: extremes, quantiles, estimates without some, sizes of clusters."""
    found = []
    for name, rows in tables.items():
        for row in rows:
            for column in (
                "min",
                "max",
                "minimum",
                "maximum",
                "q05",
                "q95",
                "lowest",
                "highest",
                "largest_shift",
                "n0",
            ):
                if not name.startswith("design/") and row.get(column):
                    found.append(f"{name}: {column} = {row[column]}")
    for row in tables.get("tables/descriptives.csv", []):
        n, m, sd = (number(row.get(c)) for c in ("n", "mean", "sd"))
        if n == 2 and math.isfinite(m + sd):
            found.append(f"{row['variable']}: {m - sd / math.sqrt(2):g} and {m + sd / math.sqrt(2):g}")
        for end in ("floor", "ceiling"):
            share = number(row.get(end))
            for count in (share * n, n - share * n):
                if math.isfinite(count) and small(round(count), FEWEST):
                    found.append(f"{row['variable']}: {count:g} at the {end}")
        # A sum of whole numbers known to less than one half, which is no more than what a mean should tell.
        if len(row.get("mean", "").partition(".")[2]) > 3 and n > 0:
            found.append(f"{row['variable']}: the sum {n * m:.6f} follows from a mean of many digits")
    return found


def by_sums(tables: dict[str, list[dict[str, str]]]) -> list[str]:
    """A total and its parts over other clients: their sums differ by single clients' values."""
    found = []
    described = {r["variable"]: r for r in tables.get("tables/descriptives.csv", []) if not r["category"]}
    for whole, parts in (
        ("alliance", ("bond", "task", "goal")),
        ("distress", ("symptom_distress", "interpersonal_relations", "social_role")),
    ):
        if {whole, *parts} <= set(described):
            sizes = {described[name]["n"] for name in (whole, *parts)}
            if len(sizes) > 1:
                found.append(f"{whole} and its parts rest on {sorted(sizes)} clients")
    return found


def by_cells(tables: dict[str, list[dict[str, str]]], fewest: int) -> list[str]:
    """Cells of a grid by their margins."""
    found = []
    panels = defaultdict(dict)
    for row in tables.get("figures/scatter.csv", []):
        if row.get("kind") == "client":
            found.append("figures/scatter.csv draws single clients")
            break
        panels[row.get("x"), row.get("y")][row.get("x_value"), row.get("y_value")] = number(
            row.get("clients")
        )
    whole = max(
        (number(r["n"]) for r in tables.get("tables/descriptives.csv", []) if not r["category"]), default=0
    )
    for panel, cells in panels.items():
        found += [f"{panel}: a cell of {c:g}" for c in cells.values() if small(c, fewest)]
        hidden = sum(math.isnan(c) for c in cells.values())
        left = whole - sum(c for c in cells.values() if math.isfinite(c))
        if hidden == 1 or 0 < left < fewest:
            found.append(f"{panel}: {left:g} clients in {hidden} withheld cells")
    edges = {float(x) for cells in panels.values() for x, _ in cells}
    if edges and not {5.6, 18.4} <= edges and "bond" in {x for x, _ in panels}:
        found.append("figures/scatter.csv: the grid spans what was observed")
    return found


def by_words(folder: Path, fewest: int) -> list[str]:
    """Counts of few, ranges and single therapists in prose, captions and metadata."""
    found = []
    few = "|".join(("one", "two", "three", "four", *map(str, range(1, fewest))))
    patterns = (
        rf"(?<!\bclients of )\b({few}) (?:clients?|rows?|persons?|therapists?) (?:was|were|is|are|has|have|lack|with|who|of)\b",
        rf"\bmissing (?:for|in) ({few}) clients?\b",
        rf"\b({few}) incomplete rows\b",
        r"known from one therapist",
        r"ranges? from [\d.−-]+ to [\d.−-]+ (?:years|sessions)",
        r"(?:lowest|highest|youngest|oldest) client",
    )
    for path in leaving(folder):
        if path.suffix in (".html", ".docx", ".svg", ".json", ".yaml", ".csv"):
            if path.name in ("published.csv", "manifest.json"):
                continue
            text = words_of(path)
            for pattern in patterns:
                found += [
                    f"{path.relative_to(folder)}: {m.group()!r}" for m in re.finditer(pattern, text, re.I)
                ]
        elif path.suffix == ".pdf":
            for author in re.findall(rb"/Author\s*\(([^)]*)\)", path.read_bytes()):
                found.append(f"{path.name}: author {author!r}")
    return found


def by_hashes(folder: Path, fewest: int) -> list[str]:
    """Private files by the checksums that the manifest tells: a flow of a few counts is soon tried out."""
    try:
        files = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
    except OSError:
        return []
    told = {name: entry["sha256"] for name, entry in files.items() if name.startswith("data/")}
    for digest in [v for k, v in told.items() if k.endswith("flow.csv")]:
        for received, out, therapists in itertools.product(range(50, 130), range(0, 12), range(3, 40)):
            text = (
                "step,detail,clients,therapists,clients_per_therapist\n"
                f"received,rows of the file,{received},{therapists},{received / therapists:.10g}\n"
                f"excluded,sessions: at least 5,{out},0,\n"
            )
            if hashlib.sha256(text.encode()).hexdigest() == digest:
                return [f"{out} of {received} clients were excluded"]
    return [f"the checksum of {name} can be tried out" for name in told]


def by_settings(folder: Path, fewest: int) -> list[str]:
    """Numbers of the search that differ from those of the analysis."""
    found = []
    told = (
        json.loads((folder / "disclosure.json").read_text(encoding="utf-8"))
        if (folder / "disclosure.json").exists()
        else {}
    )
    if re.search(r'": *\d', json.dumps(told)):
        found.append("disclosure.json counts clients of the export")
    return found


def inside_pages(folder: Path) -> dict[str, list[dict[str, str]]]:
    """Tables that pages carry with them, as data of their scripts."""
    tables = {}
    for path in leaving(folder):
        if path.suffix != ".html":
            continue
        text = path.read_text(encoding="utf-8")
        for script in re.findall(r"<script[^>]*json[^>]*>(.*?)</script>", text, re.S):
            for name, content in strings_of(json.loads(script)):
                if content.count("\n") > 1 and "," in content.partition("\n")[0]:
                    tables[f"{path.name}#{name}"] = list(csv.DictReader(content.splitlines()))
    return tables


def strings_of(value: object, name: str = "") -> list[tuple[str, str]]:
    """Texts of a nested value, with the name under which each stands."""
    if isinstance(value, dict):
        return [pair for key, part in value.items() for pair in strings_of(part, str(key))]
    if isinstance(value, list):
        return [pair for part in value for pair in strings_of(part, name)]
    return [(name, value)] if isinstance(value, str) else []


def by_printed_numbers(tables: dict[str, list[dict[str, str]]], fewest: int) -> list[str]:
    """The list of printed numbers: more digits than the text has, counts of few, single clients' rows."""
    found = []
    for row in tables.get("manuscript/numbers.csv", []):
        where = f"numbers.csv, {row['file']} {row['column']}"
        if row["file"].startswith("design/") or row["file"] in ("published.csv", "config.yaml", "software"):
            continue
        if row["column"] in ("n", "n_clients", "clients", "missing") and small(number(row["value"]), fewest):
            found.append(f"{where} = {row['value']}")
        if row["column"] in ("min", "max", "lowest", "highest", "q05", "q95", "largest_shift"):
            found.append(f"{where} = {row['value']}")
        if len(row["value"].partition(".")[2].partition("e")[0]) > 4 and row["file"].startswith("tables/"):
            found.append(f"{where} has many digits: {row['value']}")
        if re.search(r"\b(?:client|therapist)=", row["key"]):
            found.append(f"{where} is of {row['key']}")
    return found


def by_records(folder: Path, fewest: int) -> list[str]:
    """Private files in what lists or describes files: their names, sizes and checksums, wherever these stand."""
    found = []
    private = [p for p in (folder / "data").rglob("*") if p.is_file()]
    digests = {hashlib.sha256(p.read_bytes()).hexdigest(): p.name for p in private}
    told = {hashlib.sha256(p.read_bytes()).hexdigest() for p in leaving(folder)}
    for path in leaving(folder):
        if path.suffix in (".json", ".yaml", ".csv", ".html"):
            text = path.read_text(encoding="utf-8")
            for digest in set(re.findall(r"\b[0-9a-f]{64}\b", text)) & set(digests) - told:
                found.append(f"{path.name} tells the checksum of {digests[digest]}")
    crate = folder / "ro-crate-metadata.json"
    if crate.is_file():
        for entity in json.loads(crate.read_text(encoding="utf-8"))["@graph"]:
            if str(entity["@id"]).startswith("data/"):
                found.append(f"the crate lists {entity['@id']}")
    gate = folder / "gate.json"
    if gate.is_file():
        for check in json.loads(gate.read_text(encoding="utf-8"))["checks"]:
            found += [f"gate.json: {one}" for one in check["found"]]
    return found


def by_categories_named(tables: dict[str, list[dict[str, str]]], fewest: int) -> list[str]:
    """Categories at which effects are told, though the table of categories counts few or none there."""
    counted = {
        row["category"]: number(row["n"])
        for row in tables.get("tables/descriptives.csv", [])
        if row.get("category")
    }
    return [
        f"{name}: effects of {row['at']}, {counted[row['at']]:g} clients"
        for name, rows in tables.items()
        for row in rows
        if row.get("at") in counted and not counted[row["at"]] >= fewest
    ]


def attack(folder: Path, fewest: int = FEWEST) -> list[str]:
    """Return all that can be worked out of what leaves a run."""
    tables = {p.relative_to(folder).as_posix(): rows_of(p) for p in leaving(folder) if p.suffix == ".csv"}
    carried = inside_pages(folder)
    return [
        *by_counts(tables | carried, fewest),
        *by_extremes(carried),
        *by_printed_numbers(tables, fewest),
        *by_records(folder, fewest),
        *by_categories_named(tables, fewest),
        *by_categories(tables, fewest),
        *by_extremes(tables),
        *by_sums(tables),
        *by_cells(tables, fewest),
        *by_words(folder, fewest),
        *by_hashes(folder, fewest),
        *by_settings(folder, fewest),
    ]


if __name__ == "__main__":
    hits = attack(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else FEWEST)
    print("\n".join(hits) or "nobody")
    sys.exit(bool(hits))
