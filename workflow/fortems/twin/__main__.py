"""``make twin CONFIG=clinic.yaml``: a made-up file of the same columns, for those who may not see a client.

The twin is made from what the run tells (``fortems.twin.printed``), laid out as the export is, and looked through as the run's own
results are before it is moved into ``twins/<run>/``: ``twin.csv``, and ``twin.yaml`` that runs it.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from fortems.data.privacy.disclosure import DisclosureError
from fortems.data.settings import DataSettings
from fortems.errors import ConfigError, FortemsError, Problem, problems_text
from fortems.package import ROOT
from fortems.run.config import complete, is_private
from fortems.schema import load_yaml
from fortems.seeds import stream
from fortems.study.definition import use_study
from fortems.study.instruments import Instrument, load_instruments
from fortems.tidy import write_csv, write_text
from fortems.twin.answers import answers_to, with_gaps
from fortems.twin.matching import matched
from fortems.twin.printed import CODEBOOK, RELIABILITY, TABLES, Printed, read_printed

FOLDER = Path("twins")
DATA, CONFIG = "twin.csv", "twin.yaml"
TRIES = 20  # a made-up row may be a client's by chance; then another is drawn
NOTE = "# A synthetic twin: no row is a person. Made from what the run {run} tells of its clients, and nothing else.\n"


def configuration(path: str) -> dict[str, Any]:
    """Return a configuration as a run has it: laid over the package's own, complete, its study in force.

    Raises
    ------
    ConfigError
        For a file that cannot be read, or a run that is not of own data under the privacy limits.
    """
    whole = _laid_over(load_yaml(ROOT / "config" / "config.yaml"), load_yaml(path))
    whole = complete(whole)
    if not is_private(whole):
        raise ConfigError(
            Problem(
                path,
                "a twin is made of own data",
                "data.source: file, and privacy.min_cell above 0",
                "Simulated data and published matrices can be shown as they are",
            )
        )
    use_study(whole["study"])
    return whole


def _laid_over(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {key: _laid_over(below.get(key), value) for key, value in above.items()}
    return above


def needed(config: Mapping[str, Any]) -> list[str]:
    """Return the results that a twin is made from, as targets of the run."""
    items = [RELIABILITY] if config["data"]["format"] == "items" else []
    return [f"results/{config['run']}/{name}" for name in (*TABLES, *items, CODEBOOK)]


def made(
    printed: Printed, settings: DataSettings, instruments: Mapping[str, Instrument], rng: np.random.Generator
) -> pd.DataFrame:
    """Return a twin with the export's own columns and values.

    Parameters
    ----------
    printed : Printed
    settings : DataSettings
        How the export names columns and values.
    instruments : mapping of str to Instrument
    rng : Generator
    """
    values, cluster = matched(printed, rng)
    width = len(str(printed.n))
    order = rng.permutation(printed.n)
    columns: dict[str, Any] = {
        "client": [f"twin-c{place + 1:0{width}d}" for place in range(printed.n)],
        "therapist": [f"twin-t{place + 1:0{width}d}" for place in cluster[order]],
    }
    columns |= {name: values[order, place] for place, name in enumerate(printed.names)}
    for name, shares in printed.categories.items():
        columns[name] = _drawn(shares, printed.n, rng)
    for name in [name for name in printed.missing if name in columns and name not in ("client", "therapist")]:
        gone = rng.permutation(printed.n)[: round(printed.missing[name] * printed.n)]
        kept = pd.Series(columns[name], dtype=object)
        kept.iloc[gone] = None
        columns[name] = kept.to_numpy()
    if settings.format == "items":
        for instrument in instruments.values():
            if set(instrument.subscales) <= set(columns):
                columns |= _answers(instrument, columns, printed, settings, rng)
                for scale in instrument.scales:
                    columns.pop(scale, None)
    frame = pd.DataFrame(columns)
    for name in columns:
        frame[name] = _as_in_file(frame[name], name, settings, instruments)
    return frame.rename(columns={name: settings.columns.get(name, name) for name in columns})


def _drawn(shares: Mapping[str, float], n: int, rng: np.random.Generator) -> np.ndarray:
    """Categories in the told shares, in random order; of merged ones the first."""
    counts = np.floor(np.array(list(shares.values())) * n + 0.5).astype(int)
    texts = np.repeat([value.partition(" or ")[0] for value in shares], counts)
    return rng.permutation(np.resize(texts, n))


def _answers(
    instrument: Instrument,
    columns: Mapping[str, Any],
    printed: Printed,
    settings: DataSettings,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """The answers to an instrument under the export's own names; a score that is missing has none."""
    scores = {name: np.asarray(columns[name], dtype=float) for name in instrument.subscales}
    gone = np.any([np.isnan(score) for score in scores.values()], axis=0)
    filled = {
        name: np.where(gone, len(instrument.subscales[name]) * instrument.low, s)
        for name, s in scores.items()
    }
    shares = {
        item: printed.gaps.get(column, 0.0)
        for item, column in zip(instrument.items, instrument.columns(), strict=True)
    }
    answers = with_gaps(answers_to(instrument, filled, dict(printed.alpha), rng), instrument, shares, rng)
    answers[gone] = np.nan
    turned = settings.already_reversed.get(instrument.name, ())
    for item in instrument.reversed if turned == "all" else turned:
        answers[:, int(item) - 1] = instrument.low + instrument.high - answers[:, int(item) - 1]
    known = [bool(np.isfinite(column).any()) for column in answers.T]
    theirs = enumerate(settings.columns_of(instrument))
    return {column: answers[:, place] for place, column in theirs if known[place]}


def _as_in_file(
    column: pd.Series, name: str, settings: DataSettings, instruments: Mapping[str, Instrument]
) -> pd.Series:
    """Values as the export writes them: a value map turned round."""
    family = next((i.name for i in instruments.values() if name in settings.columns_of(i)), name)
    given = settings.values.get(name, settings.values.get(family))
    if not given:
        return column
    back: dict[str, Any] = {}
    for theirs, ours in given.items():
        back.setdefault(str(ours), theirs)

    def written(value: Any) -> Any:
        text = f"{value:g}" if isinstance(value, float) else str(value)
        return value if value is None or value != value else back.get(text, value)

    return column.map(written)


def twin_configuration(config: Mapping[str, Any], path: str, run: str) -> dict[str, Any]:
    """Return the user's configuration with the twin in the place of the data."""
    own = copy.deepcopy(load_yaml(path))
    own["run"] = run
    data = own["data"]
    for key in ("sheet", "occasion", "fill_down"):
        data.pop(key, None)
    data["path"] = str(FOLDER / config["run"] / DATA)
    return own


def write_twin(config: Mapping[str, Any], path: str) -> Path:
    """Make a run's twin, look through it, and move it into ``twins/<run>/``.

    Raises
    ------
    ConfigError
        Without the run's results.
    DisclosureError
        When every draw would tell of a client.
    """
    run, data = str(config["run"]), config["data"]
    instruments = load_instruments(data["instruments"])
    settings = DataSettings.from_config(data)
    rules = config["inclusion"] or {}
    printed = read_printed(Path("results", run), instruments, config["privacy"]["min_cell"], rules)
    target = FOLDER / run
    secret = _secrets(config, settings)
    own = twin_configuration(config, path, f"{run}_twin"[:41])
    failure: DisclosureError | None = None
    for attempt in range(TRIES):
        frame = made(printed, settings, instruments, stream(config["seed"], "twin", run, attempt))
        with tempfile.TemporaryDirectory() as folder:
            write_csv(frame, Path(folder, DATA))
            text = yaml.safe_dump(own, sort_keys=False, allow_unicode=True)
            write_text(NOTE.format(run=run) + text, Path(folder, CONFIG))
            try:
                _look_through(folder, secret)
            except DisclosureError as found:
                failure = found
                continue
            target.mkdir(parents=True, exist_ok=True)
            for name in (DATA, CONFIG):
                write_text(Path(folder, name).read_text(encoding="utf-8"), target / name)
        return target
    assert failure is not None
    raise failure


def _secrets(config: Mapping[str, Any], settings: DataSettings) -> Any:
    """What must not be found in a twin: the same as in a run's results. The one place that reads the clients."""
    from fortems.data.privacy.confidential import of_export, paths_of, secrets, words_of
    from fortems.data.reading.readers import read_table
    from fortems.run.config import NAMED_FILES
    from fortems.tidy import read_csv

    results = Path("results", str(config["run"]), "data")
    identifiers, texts, names = of_export(
        read_table(config["data"]["path"], settings.sheet), settings, categories=True
    )
    items = results / "items.csv"
    own = [*ROOT.glob("config/**/*.yaml"), *(Path(config[key]) for key in NAMED_FILES if config[key])]
    return secrets(
        read_csv(results / "scores.csv"),
        read_csv(items) if items.is_file() else None,
        identifiers,
        texts,
        words_of(own),
        names,
        paths_of(config["data"]["path"]),
    )


def _look_through(folder: str, secret: Any) -> None:
    from fortems.data.privacy.disclosure import scan

    _, problems = scan(folder, secret)
    if problems:
        raise DisclosureError(problems)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a twin; with ``--needs`` print the results that it is made from. Exit code 1 with the problems."""
    parser = argparse.ArgumentParser(prog="python -m fortems.twin", description=__doc__.split("\n")[0])
    parser.add_argument("config", help="the configuration of a run on own data")
    parser.add_argument("--needs", action="store_true", help="print the results that it is made from")
    asked = parser.parse_args(arguments)
    try:
        config = configuration(asked.config)
        if asked.needs:
            print(*needed(config))
            return 0
        target = write_twin(config, asked.config)
    except FortemsError as error:
        print(problems_text(error), file=sys.stderr)
        return 1
    print(f"The twin is {target / DATA}; to run it: snakemake --cores 4 --configfile {target / CONFIG}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
