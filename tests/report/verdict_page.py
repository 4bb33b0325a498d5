"""A run as its report's reader has it: sentences of running text with their bound numbers, and the tables behind them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from fortems.tidy import read_csv

NUMBER = {
    w: i
    for i, w in enumerate(["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
} | {"no": 0}
LEVELS = {"within therapists": "within", "at the single level": "single"}
ENGINE = {"within": "twolevel", "single": "regression"}
WORDS = {
    "alliance": r"total alliance|alliance as a whole",
    "bond": r"\bbond\b",
    "goal": r"goal agreement",
    "task": r"task collaboration",
}


@dataclass
class Sentence:
    """A sentence with its bound numbers as ``«number»``, and the sentences before it in its paragraph."""

    text: str
    section: str
    before: str


@dataclass
class Run:
    """A run's tables, read afresh; ``changed`` holds those that a test has changed."""

    folder: Path
    changed: dict[str, pd.DataFrame] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame:
        if name not in self.changed:
            self.changed[name] = read_csv(self.folder / name)
        return self.changed[name]

    @cached_property
    def ledger(self) -> pd.DataFrame:
        return read_csv(self.folder / "manuscript/numbers.csv").set_index("number")

    @cached_property
    def models(self) -> dict[str, Any]:
        config = yaml.safe_load((self.folder / "config.yaml").read_text())
        found = yaml.safe_load(Path(config["models"]).read_text())
        fitted = set(self.table("mediation/effects.csv")["model"])
        return {name: entry for name, entry in found.items() if name in fitted}

    def row(self, number: str) -> Any:
        """The row that a bound number is of."""
        entry = self.ledger.loc[int(number)]
        return self.table(entry["file"]).iloc[int(entry["line"])]

    def value(self, token: str) -> int:
        """A count as printed: a word, digits, or a bound number."""
        bound = re.fullmatch(r"«(\d+)»", token)
        text = str(self.ledger.loc[int(bound[1])]["text"]) if bound else token
        return NUMBER[text.lower()] if text.lower() in NUMBER else int(text.replace(",", ""))

    def effect(self, model: str, level: str, effect: str, **keys: str) -> Any:
        """The primary row of an effect; None where there is none."""
        frame = self.table("mediation/effects.csv").fillna({"predictor": "", "mediator": "", "at": ""})
        wanted = {
            "model": model,
            "level": level,
            "effect": effect,
            "engine": ENGINE[level],
            "interval": "robust",
            **keys,
        }
        for column, value in wanted.items():
            frame = frame[frame[column] == value]
        return frame.iloc[0] if len(frame) else None

    def predictor_of(self, phrase: str) -> list[str]:
        """Key models that a phrase names by their predictors, in the study's words."""
        return [
            x
            for x in ("alliance", "bond", "goal", "task")
            if re.search(WORDS[x], phrase) and x in self.models
        ]

    def findings(self, estimand: str) -> pd.DataFrame:
        claims = self.table("claims.csv")
        own = claims["judged"].astype(bool) & (claims["role"] == "finding")
        return claims[own & claims["estimand"].isin([estimand, "total"])]


def beyond(row: Any, low: str = "ci_low", high: str = "ci_high") -> bool:
    """Whether an interval leaves out zero."""
    return bool(row[low] > 0 or row[high] < 0)


def read(page: str) -> Iterator[Sentence]:
    """Sentences of a page's running text."""
    body = re.sub(
        r"<(script|style|svg|table|figure|nav)\b.*?</\1>", "", page[page.index("<body") :], flags=re.S
    )
    section = ""
    for tag, attributes, inner in re.findall(r"<(h[1-6]|p|li)\b([^>]*)>(.*?)</\1>", body, flags=re.S):
        if tag[0] == "h":
            section = (re.search(r'id="([^"]+)"', attributes) or [None, section])[1]
            continue
        inner = re.sub(r'<span class="n" data-n="(\d+)">.*?</span>', r"«\1»", inner, flags=re.S)
        text = (
            re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", inner)))
            .strip()
            .replace("\N{NO-BREAK SPACE}", " ")
        )
        before = ""
        if text.startswith(("Note.", "Figure ")):  # captions
            continue
        for part in re.split(r"(?<=[.?!])\s+(?=[A-Z«])", text):
            yield Sentence(part, section, before)
            before += f" {part}"
