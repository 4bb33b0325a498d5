"""Runs side by side: what differs is found, what is equal is not, and a page of own data has nothing of data/."""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from fortems.archive import comparison
from fortems.archive.comparison import compare, main, page
from fortems.run.manifest import sha256


def sealed(folder: Path) -> Path:
    """Give a folder that a test changed a manifest of what it holds."""
    path = folder / "manifest.json"
    told = json.loads(path.read_text())
    told["run"] = folder.name
    for name, entry in told["files"].items():
        if (folder / name).is_file():
            entry["sha256"] = sha256(folder / name)
    path.write_text(json.dumps(told))
    return folder


@pytest.fixture
def two(built, tmp_path):
    """The tiny run, and a copy with another seed, one other verdict, one other effect and a figure less."""
    (tmp_path / "results").mkdir()
    first = shutil.copytree(built.root / "results/tiny", tmp_path / "results/one")
    second = shutil.copytree(first, tmp_path / "results/two")
    text = (second / "config.yaml").read_text()
    (second / "config.yaml").write_text(re.sub(r"^seed: .*", "seed: 7", text, flags=re.MULTILINE))
    claims = pd.read_csv(second / "claims.csv", dtype=str, keep_default_na=False)
    judged = claims.index[claims["judged"] == "true"][0]
    claims.loc[judged, "verdict"] = "<b>not reproduced</b>"
    claims.to_csv(second / "claims.csv", index=False)
    effects = pd.read_csv(second / "mediation/effects.csv")
    line = effects.index[(effects["interval"] == "robust") & (effects["effect"] == "indirect")][0]
    effects.loc[line, "estimate"] += 1
    effects.to_csv(second / "mediation/effects.csv", index=False)
    (second / "figures/flow.png").unlink()
    return sealed(first), sealed(second), effects.loc[line]


def test_what_was_changed_is_what_differs(two):
    first, second, effect = two
    found = compare([first, second])
    assert [row.subject for row in found.settings] == [("seed",)]
    assert [row.cells[1] for row in found.verdicts if row.differs] == ["<b>not reproduced</b>"]
    different = [row for row in found.effects if row.differs]
    assert [row.subject[:3] for row in different] == [(effect["model"], effect["level"], "indirect")]
    ours, theirs = (float(cell.split()[0].replace("−", "-")) for cell in different[0].cells)
    assert theirs - ours == pytest.approx(1, abs=0.011)
    assert len(found.effects) > 10 and len(found.verdicts) > 10
    assert found.figures["flow"][0] and found.figures["flow"][1] is None
    names = {row.subject[0] for row in found.files}
    assert {"claims.csv", "mediation/effects.csv", "config.yaml"} <= names
    assert not any(name.startswith("data/") for name in names)
    assert found.equal > 50


def test_equal_runs_do_not_differ(two):
    first, _, _ = two
    found = compare([first, sealed(shutil.copytree(first, first.parent / "again"))])
    rows = [*found.settings, *found.verdicts, *found.effects, *found.files]
    assert rows and not any(row.differs for row in rows)


def test_the_page_holds_all_runs_and_escapes_what_they_say(two, monkeypatch, capsys):
    first, second, _ = two
    monkeypatch.chdir(first.parents[1])
    assert main(["one", "two", "one"]) == 0
    text = Path("results/compare-one-two.html").read_text(encoding="utf-8")
    assert html.escape("<b>not reproduced</b>") in text and "<b>not" not in text
    assert text.count('<img alt="Figure') == 2 * len(compare([first, second]).figures) - 1
    assert not re.search(r'(?:src|href)="(?!data:)', text)  # whole in itself
    assert "never the hypothesis" in text
    three = page(compare([first, second, first]))
    assert "repeat(3," in three


@pytest.mark.parametrize("runs", [["one"], ["one", "absent"], ["one", "../one"]])
def test_what_cannot_be_compared_is_said(two, monkeypatch, capsys, runs):
    monkeypatch.chdir(two[0].parents[1])
    assert comparison.main(runs) == 2
    told = capsys.readouterr().err
    assert "make compare" in told if len(runs) == 1 else "Finished runs: one, two" in told
    assert not list(Path("results").glob("compare-*"))
