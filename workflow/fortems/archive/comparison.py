"""Two or more runs side by side on one HTML page: ``python -m fortems.archive.comparison main other``.

What differs comes first: settings, verdicts, effects, then figures next to each other, then the files. The page holds all
that it shows and can be moved or mailed; of own data it shows what a run's report shows and nothing of ``data/``.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from fortems.presentation.numbers import coefficient, end
from fortems.run.manifest import NAME, listed, read_manifest
from fortems.schema import load_schema, plain_yaml, schema_problems
from fortems.study.definition import study
from fortems.study.estimands import counting

RESULTS = Path("results")
SETTINGS = "config.yaml"
#: Of a configuration, what is no setting: the name says which run it is.
UNTOLD = ("run",)
EFFECT = ("model", "level", "effect", "predictor", "mediator", "outcome", "at")
SHOWN_EFFECTS = ("a", "b", "direct", "indirect", "total")
ABSENT = "–"


@dataclass(frozen=True)
class Row:
    """A line of a table: what it is of, a text for each run, and whether they differ."""

    subject: tuple[str, ...]
    cells: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether not all runs say the same."""
        return len(set(self.cells)) > 1


@dataclass
class Comparison:
    """Runs side by side.

    Attributes
    ----------
    runs : tuple of str
        Their names.
    sources : tuple of str
        What the data of each are, in words.
    settings, verdicts, effects : list of Row
        Settings that differ; every judged finding; every effect by the interval that counts.
    figures : dict
        Name → the PNG of each run, None where it has none.
    files : list of Row
        Result files that are not the same bytes in all runs.
    equal : int
        How many files are.
    """

    runs: tuple[str, ...]
    sources: tuple[str, ...] = ()
    settings: list[Row] = field(default_factory=list)
    verdicts: list[Row] = field(default_factory=list)
    effects: list[Row] = field(default_factory=list)
    figures: dict[str, tuple[bytes | None, ...]] = field(default_factory=dict)
    files: list[Row] = field(default_factory=list)
    equal: int = 0


def compare(folders: Sequence[Path]) -> Comparison:
    """Put runs side by side.

    Parameters
    ----------
    folders : sequence of Path
        ``results/<run>`` of two or more finished runs.

    Returns
    -------
    Comparison
    """
    configs = [plain_yaml(str(folder / SETTINGS)) for folder in folders]
    found = Comparison(tuple(folder.name for folder in folders), tuple(_source(config) for config in configs))
    flat = [{k: v for k, v in _flat(config).items() if k not in UNTOLD} for config in configs]
    found.settings = [
        row for row in _rows([{(k,): v for k, v in one.items()} for one in flat]) if row.differs
    ]
    found.verdicts = _rows([_verdicts(folder) for folder in folders])
    found.effects = _rows([_effects(folder) for folder in folders])
    for name in dict.fromkeys(p.name for folder in folders for p in sorted(folder.glob("figures/*.png"))):
        paths = [folder / "figures" / name for folder in folders]
        found.figures[name.removesuffix(".png")] = tuple(
            p.read_bytes() if p.is_file() else None for p in paths
        )
    sums: list[dict[tuple[str, ...], str]] = [
        {(name,): str(digest)[:12] for name, digest in listed(read_manifest(str(folder))).items()}
        for folder in folders
    ]
    files = _rows(sums)
    found.files = [row for row in files if row.differs and not row.subject[0].startswith("data/")]
    found.equal = sum(not row.differs for row in files)
    return found


def _source(config: Mapping[str, Any]) -> str:
    data = config["data"]
    words = {
        "simulated": f"simulated, scenario {data.get('scenario')}",
        "file": "own data",
        "matrix": "a printed matrix",
    }
    return words[data["source"]]


def _flat(value: Any, place: str = "") -> dict[str, str]:
    """Dotted key → value as text."""
    if isinstance(value, Mapping) and value:
        found: dict[str, str] = {}
        for key, item in value.items():
            found |= _flat(item, f"{place}.{key}" if place else str(key))
        return found
    return {place: "null" if value is None else str(value)}


def _rows(columns: Sequence[Mapping[tuple[str, ...], str]]) -> list[Row]:
    """Line up what each run says, in the order of their first mention."""
    subjects = dict.fromkeys(subject for column in columns for subject in column)
    return [Row(subject, tuple(column.get(subject, ABSENT) for column in columns)) for subject in subjects]


def _verdicts(folder: Path) -> dict[tuple[str, ...], str]:
    if not (folder / "claims.csv").is_file():
        return {}
    claims = pd.read_csv(folder / "claims.csv", keep_default_na=False)
    judged = claims[claims["judged"].astype(str).str.lower() == "true"]
    keys = zip(judged["text"], judged["estimand"], strict=True)
    return dict(zip(keys, judged["verdict"].astype(str), strict=True))


def _effects(folder: Path) -> dict[tuple[str, ...], str]:
    if not (folder / "mediation/effects.csv").is_file():
        return {}
    table = pd.read_csv(folder / "mediation/effects.csv")
    table = counting(table[table["effect"].isin(SHOWN_EFFECTS)])
    found = {}
    for row in table.to_dict("records"):
        subject = tuple("" if pd.isna(row[key]) else str(row[key]) for key in EFFECT)
        found[subject] = _interval(row)
    return found


def _interval(row: Mapping[Any, Any]) -> str:
    if pd.isna(row["estimate"]):
        return "not estimated"
    if pd.isna(row["ci_low"]) or pd.isna(row["ci_high"]):
        return coefficient(row["estimate"])
    return f"{coefficient(row['estimate'])} [{end(row['ci_low'])}, {end(row['ci_high'])}]"


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ c.runs | join(" and ") }} side by side</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem } table { border-collapse: collapse; width: 100%; font-size: .92rem }
caption { text-align: left; padding: .4rem 0; color: #444 }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #ccc; overflow-wrap: break-word }
td.n { font-variant-numeric: tabular-nums; white-space: nowrap } tr.differs td { background: #fdf3d8 }
tr.differs td:first-child { box-shadow: inset 4px 0 #8a5a00 } .wide { overflow-x: auto }
.pair { display: grid; grid-template-columns: repeat({{ c.runs | length }}, minmax(0, 1fr)); gap: 1rem; margin: 0 0 2rem }
figure { margin: 0 } img { max-width: 100%; height: auto; border: 1px solid #ddd } figcaption { font-size: .9rem; color: #444 }
.note { border-left: 4px solid #555; padding: .2rem .8rem; background: #f4f4f4 }
</style></head><body><main>
<h1>{{ c.runs | join(" and ") }} side by side</h1>
<ul>{% for run, source in heads %}<li><strong>{{ run }}</strong>: {{ source }}</li>{% endfor %}</ul>
{% if simulated %}<p class="note">Results of simulated data test the method and the design, never the hypothesis.</p>{% endif %}
<p>{{ told }}</p>
{% for title, words, heads, rows, numeric in tables %}
<h2>{{ title }}</h2>
{% if rows %}<div class="wide"><table><caption>{{ words }}</caption>
<thead><tr>{% for head in heads %}<th scope="col">{{ head }}</th>{% endfor %}{% for run in c.runs %}<th scope="col">{{ run }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in rows %}<tr{% if row.differs %} class="differs"{% endif %}>
{%- for part in row.subject %}<td>{{ part }}</td>{% endfor %}{% for cell in row.cells %}<td{% if numeric %} class="n"{% endif %}>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>{% else %}<p>None.</p>{% endif %}
{% endfor %}
<h2>Figures</h2>
{% for name, pictures in figures %}<h3>{{ name }}</h3><div class="pair">{% for run, picture in pictures %}<figure>
{%- if picture %}<img alt="Figure {{ name }} of the run {{ run }}" src="data:image/png;base64,{{ picture }}">{% else %}<p>not drawn</p>{% endif %}<figcaption>{{ run }}</figcaption></figure>{% endfor %}</div>
{% endfor %}
</main></body></html>
"""


def page(c: Comparison) -> str:
    """Return the page as HTML; every text is escaped."""
    import jinja2

    verdicts = sum(row.differs for row in c.verdicts)
    told = (
        f"{len(c.settings)} settings differ, {verdicts} of {len(c.verdicts)} verdicts, and "
        f"{sum(row.differs for row in c.effects)} of {len(c.effects)} effects as printed. Rows that differ are marked."
    )
    tables = [
        ("Settings that differ", "From each run's config.yaml.", ["key"], c.settings, False),
        (
            "Verdicts",
            f"Each finding of the {study().work} that is judged, by estimand.",
            ["finding", "estimand"],
            c.verdicts,
            False,
        ),
        (
            "Effects",
            "Estimates with the interval that counts, in units of the scores.",
            EFFECT,
            c.effects,
            True,
        ),
        (
            "Files that differ",
            f"Beginnings of their checksums; {c.equal} files are the same bytes. Files of data/ are not listed.",
            ["file"],
            c.files,
            True,
        ),
    ]
    figures = [
        (
            name,
            [
                (run, base64.b64encode(p).decode() if p else "")
                for run, p in zip(c.runs, pictures, strict=True)
            ],
        )
        for name, pictures in c.figures.items()
    ]
    template = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(PAGE)
    return template.render(
        c=c,
        heads=list(zip(c.runs, c.sources, strict=True)),
        simulated=any(source.startswith("simulated") for source in c.sources),
        told=told,
        tables=tables,
        figures=figures,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare runs from the command line; 0 when the page is written, 2 when a run is not there."""
    runs = list(dict.fromkeys(sys.argv[1:] if arguments is None else arguments))
    if len(runs) < 2:
        print("Name two or more runs: make compare A=main B=other", file=sys.stderr)
        return 2
    for run in runs:
        problems = schema_problems(run, load_schema("config")["properties"]["run"], "run")
        if problems or not (RESULTS / run / NAME).is_file():
            built = sorted(path.parent.name for path in RESULTS.glob(f"*/{NAME}"))
            there = f" Finished runs: {', '.join(built)}." if built else " No run is finished."
            print(f"There is no finished run {run!r} in {RESULTS}/.{there}", file=sys.stderr)
            return 2
    target = RESULTS / f"compare-{'-'.join(runs)}.html"
    target.write_text(page(compare([RESULTS / run for run in runs])), encoding="utf-8")
    print(f"{target}: {' and '.join(runs)} side by side; open it in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
