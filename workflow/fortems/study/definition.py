"""What the study is: its variables, their parts in the story and its families of tests, read from a YAML file.

One study is in force in a process: that of the configuration, which jobs inherit, or the package's own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from fortems.errors import ConfigError, Problem, did_you_mean
from fortems.package import ROOT, located
from fortems.schema import load_checked, load_yaml

#: Environment variable with the file of the study in force.
IN_FORCE = "FORTEMS_STUDY"
#: Environment variable with a JSON file of labels that a configuration gives in place of the study's.
LABELS = "FORTEMS_LABELS"
OWN = ROOT / "config" / "study.yaml"
IDENTIFIERS = ("client", "therapist")
#: Between mediators one behind the other, in the column that names the mediator of an effect.
BEHIND = " -> "


@dataclass(frozen=True)
class Variable:
    """A canonical variable.

    Attributes
    ----------
    name : str
        The column in ``data/scores.csv``.
    label : str
        How tables and figures call it.
    short : str
        How it is called where there is little room.
    sentence : str
        How sentences call it.
    bare : str
        How it is called after "more" and "less".
    plural : str
        Several values of it.
    plain : str
        How a summary for clinicians calls it.
    category : bool
        Whether its values are words.
    instrument : str
        The instrument that scores it, or empty for background variables.
    part_of : str
        The total that contains it, or empty.
    worse : bool
        Whether more of it is worse: as the study says, else as its instrument does.
    """

    name: str
    label: str
    short: str = ""
    sentence: str = ""
    bare: str = ""
    plural: str = ""
    plain: str = ""
    category: bool = False
    instrument: str = ""
    part_of: str = ""
    worse: bool = False


@dataclass(frozen=True)
class Unmeasured:
    """What was not measured and may lie behind several parts of the story.

    Attributes
    ----------
    name : str
    behind : tuple of str
        The parts that it reaches: ``predictor``, ``mediator``, ``outcome``.
    """

    name: str
    behind: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """A study of the shape: predictors with aspects → mediator → outcome, beside background variables.

    Attributes
    ----------
    title, running_head, citation : str
    instruments : dict of str to str
        Name to file.
    variables : dict of str to Variable
        In the order of the scores table.
    theory : tuple of str
        The order in which the two variables of a pair are taken.
    predictors, aspects, background : tuple of str
    mediator, outcome : str
    rival : str
        Another scale that might carry the effect, or empty.
    family : tuple of (str, str)
        The correlations over which Holm adjusts.
    confounders : tuple of Unmeasured
        As the assumed causal diagram names them.
    account, reordered : str
        The scenario in which what the study reports is true, and one of the same moments in another causal order; or
        empty.
    labels : dict of str to str
        What a configuration calls columns, also such as the study does not know.
    texts : str
        A folder with passages of the report that are the study's own, or empty.
    package : str
        What the report calls the package, or empty.
    """

    title: str
    running_head: str
    citation: str
    instruments: Mapping[str, str]
    variables: Mapping[str, Variable]
    theory: tuple[str, ...]
    predictors: tuple[str, ...]
    aspects: tuple[str, ...]
    background: tuple[str, ...]
    mediator: str
    outcome: str
    rival: str
    family: tuple[tuple[str, str], ...]
    confounders: tuple[Unmeasured, ...] = ()
    account: str = ""
    reordered: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    texts: str = ""
    package: str = ""

    @property
    def work(self) -> str:
        """What sentences call that which reports the findings: an ``article``, or where none is cited the ``study``."""
        return "article" if self.citation else "study"

    @property
    def scales(self) -> tuple[str, ...]:
        """The variables that instruments score."""
        return tuple(name for name, variable in self.variables.items() if variable.instrument)

    @property
    def subscales(self) -> tuple[str, ...]:
        """The scales that are no totals of others."""
        return tuple(name for name in self.scales if name not in self.totals)

    @property
    def totals(self) -> dict[str, tuple[str, ...]]:
        """Each total to its parts."""
        found: dict[str, list[str]] = {}
        for name, variable in self.variables.items():
            if variable.part_of:
                found.setdefault(variable.part_of, []).append(name)
        return {total: tuple(parts) for total, parts in found.items()}

    @property
    def focus(self) -> str:
        """The predictor that is set against others: the first aspect, or the first predictor."""
        return (self.aspects or self.predictors)[0]

    @property
    def categories(self) -> tuple[str, ...]:
        """The variables whose values are words; other text columns of a file are found in the data."""
        return tuple(name for name, variable in self.variables.items() if variable.category)

    @property
    def score_columns(self) -> tuple[str, ...]:
        """The columns of the scores table that the study knows."""
        return (*IDENTIFIERS, *self.variables)

    def variable(self, name: str) -> Variable:
        """Return a variable; one that the study does not know has its name made readable."""
        if name in self.variables:
            return self.variables[name]
        if BEHIND in name:  # mediators one behind the other
            return _joined([self.variable(part) for part in name.split(BEHIND)], name)
        return _variable(name, {"label": self.labels.get(name, name.replace("_", " ").capitalize())})

    def expected(self, x: str, y: str) -> int:
        """Return the sign with which two variables go together where what is better goes with what is better.

        Parameters
        ----------
        x, y : str
            Variables; of one that the study does not know, more is taken to be better.

        Returns
        -------
        int
            1, or -1 where more of one of them alone is worse.
        """
        return -1 if self.variable(x).worse != self.variable(y).worse else 1

    def called(self, labels: Mapping[str, str]) -> Study:
        """Return the study with other labels for some of its variables, and labels for columns that it does not know."""
        known = {name: self._relabelled(name, labels[name]) for name in self.variables if name in labels}
        return replace(self, variables={**self.variables, **known}, labels=labels)

    def _relabelled(self, name: str, label: str) -> Variable:
        old = self.variables[name]
        kept = {"category": old.category, "instrument": old.instrument, "part_of": old.part_of}
        return replace(_variable(name, {"label": label, **kept}), worse=old.worse)


def load_study(path: str | os.PathLike[str]) -> Study:
    """Read a study file.

    Parameters
    ----------
    path : path
        As ``config/study.yaml``.

    Raises
    ------
    ConfigError
        With every problem: keys and values against the schema, a part in the story, a pair or a total that names no
        variable (the nearest one named), an instrument that is not among the study's.
    """
    if not os.path.isfile(path):
        return _load(os.fspath(path), "", 0)
    file = Path(path).resolve()
    return _load(os.fspath(path), str(file), file.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _load(path: str, file: str, stamp: int) -> Study:
    raw = load_checked(path, "study")
    if problems := _inconsistencies(raw, path):
        raise ConfigError(problems)
    directions = {name: _direction(located(file)) for name, file in raw["instruments"].items()}
    return Study(
        title=raw["title"],
        running_head=raw.get("running_head", raw["title"]),
        citation=raw.get("citation", ""),
        instruments=raw["instruments"],
        variables={
            name: _variable(name, {"higher": directions.get(entry.get("instrument", "")), **entry})
            for name, entry in raw["variables"].items()
        },
        theory=tuple(raw["theory"]),
        predictors=tuple(raw["predictors"]),
        aspects=tuple(raw["aspects"]),
        background=tuple(raw["background"]),
        mediator=raw["mediator"],
        outcome=raw["outcome"],
        rival=raw.get("rival", ""),
        family=tuple((x, y) for x, y in raw["families"]["correlations"]),
        confounders=tuple(Unmeasured(one["name"], tuple(one["behind"])) for one in raw["confounders"]),
        account=raw["scenarios"].get("account", ""),
        reordered=raw["scenarios"].get("reordered", ""),
        texts=raw.get("texts", ""),
        package=raw.get("package", ""),
    )


def _direction(file: str) -> str:
    """Return what higher scores of an instrument are, ``better`` or ``worse``; empty where its file does not say.

    A file that cannot be used is refused by ``load_instruments``.
    """
    try:
        return str(load_yaml(file).get("direction", "")).removeprefix("higher is ")
    except (ConfigError, OSError):
        return ""


def use_study(path: str | os.PathLike[str]) -> None:
    """Put a study in force, in this process and in those that it starts."""
    os.environ[IN_FORCE] = os.path.abspath(path)


def use_labels(labels: Mapping[str, str], run: str) -> str:
    """Put labels in force, in this process and in those that it starts.

    Parameters
    ----------
    labels : mapping of str to str
        Column → label.
    run : str
        The run's name.

    Returns
    -------
    str
        The file that steps read them from, written only where it says something else; empty without labels.
    """
    os.environ.pop(LABELS, None)
    if not labels:
        return ""
    path, text = Path(".snakemake/labels") / f"{run}.json", json.dumps(dict(labels), sort_keys=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    os.environ[LABELS] = os.path.abspath(path)
    return str(path)


def study_folder() -> Path:
    """Return the folder of the study in force, in which files of its own lie, such as ``scenarios/``."""
    return Path(os.environ.get(IN_FORCE, OWN)).resolve().parent


def file_of(kind: str, name: str) -> Path:
    """Return the file of a ``scenario`` or a ``prior``.

    Parameters
    ----------
    kind : str
    name : str
        Of a file in the kind's folder beside the study file or in ``config/``, its suffix left out or not, or a path.

    Raises
    ------
    ConfigError
        When there is none (the nearest named).
    """
    folders = [study_folder() / f"{kind}s", Path("config", f"{kind}s"), ROOT / "config" / f"{kind}s"]
    for candidate in [folder / f"{name}{end}" for folder in (*folders, Path()) for end in ("", ".yaml")]:
        if os.path.isfile(candidate):
            return candidate
    known = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")} - {"base"})
    hint = did_you_mean(Path(name).stem, known)
    raise ConfigError(Problem(f"{kind} {name}", "there is no such file", ", ".join(known), hint))


def study() -> Study:
    """Return the study in force.

    Raises
    ------
    ConfigError
        As ``load_study``.
    """
    found = load_study(os.environ.get(IN_FORCE, OWN))
    labels = os.environ.get(LABELS)
    return _called(found, labels, os.stat(labels).st_mtime_ns) if labels else found


_CALLED: dict[tuple[int, str, int], tuple[Study, Study]] = {}


def _called(found: Study, labels: str, stamp: int) -> Study:
    """Return a study with the labels of a file; each is read once."""
    key = (id(found), labels, stamp)
    if key not in _CALLED:  # the study itself is kept beside, so that its id stays its own
        _CALLED[key] = (found, found.called(json.loads(Path(labels).read_text(encoding="utf-8"))))
    return _CALLED[key][1]


def lower(label: str) -> str:
    """Return a label as within a sentence: its first letter small, unless it is an abbreviation."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def definite(words: str) -> str:
    """Return words with the article that they may already have."""
    return words if words.startswith("the ") else f"the {words}"


def _variable(name: str, entry: Mapping[str, Any]) -> Variable:
    label = str(entry["label"])
    sentence = entry.get("name", lower(label))
    return Variable(
        name=name,
        label=label,
        short=entry.get("short", label),
        sentence=sentence,
        bare=entry.get("bare", sentence),
        plain=entry.get("plain", definite(sentence)),
        plural=entry.get("plural", f"values of {sentence}"),
        category=entry.get("category", False),
        instrument=entry.get("instrument", ""),
        part_of=entry.get("part_of", ""),
        worse=entry.get("higher") == "worse",
    )


def _joined(variables: list[Variable], name: str) -> Variable:
    """Return what to call several variables one behind the other."""
    first, *others = variables
    label = " → ".join([first.label, *(lower(other.label) for other in others)])
    short = " → ".join(variable.short for variable in variables)
    words = " and then ".join(variable.sentence for variable in variables)
    return _variable(name, {"label": label, "short": short, "name": words})


def _inconsistencies(raw: Mapping[str, Any], where: str) -> list[Problem]:
    """List what a schema cannot say about a study file."""
    known = list(raw["variables"])
    texts = raw.get("texts", "")
    if texts and not os.path.isdir(located(texts)):
        return [
            Problem(
                f"{where}: texts", f"there is no folder {texts!r}", "a folder such as manuscript/fortems2022"
            )
        ]
    named = {key: raw[key] for key in ("theory", "predictors", "aspects", "background")}
    named |= {key: [raw[key]] for key in ("mediator", "rival", "outcome") if key in raw}
    pairs = raw["families"].get("correlations", [])
    named["families.correlations"] = [name for pair in pairs for name in pair]
    problems = [
        problem
        for key, names in named.items()
        for name in dict.fromkeys(names)
        for problem in _unknown(f"{where}: {key}", "variable", name, known)
    ]
    for name, entry in raw["variables"].items():
        place = f"{where}: variables.{name}"
        if name in IDENTIFIERS:
            problems.append(Problem(place, f"{name!r} is an identifier", "a name of a variable"))
        if "part_of" in entry:
            problems += _unknown(f"{place}.part_of", "variable", entry["part_of"], known)
        if "instrument" in entry:
            problems += _unknown(f"{place}.instrument", "instrument", entry["instrument"], raw["instruments"])
    for x, y in pairs:
        if x == y:
            problems.append(Problem(f"{where}: families.correlations", f"{x!r} with itself", "two variables"))
    return problems


def _unknown(place: str, what: str, name: str, known: Collection[str]) -> list[Problem]:
    if name in known:
        return []
    return [Problem(place, f"there is no {what} {name!r}", ", ".join(known), did_you_mean(name, known))]
