"""The invented study, the two-rater run and a fresh skeleton from end to end: to a report that tells of nothing else."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fortems.study import new
from fortems.tidy import read_csv
from wording import says

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


class Words(HTMLParser):
    """The text of a page, scripts and styles left out."""

    def __init__(self):
        super().__init__()
        self.found, self.hidden = [], 0

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in ("script", "style")

    def handle_endtag(self, tag):
        self.hidden -= tag in ("script", "style")

    def handle_data(self, data):
        if not self.hidden:
            self.found.append(data)


def built(folder, config):
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE")}
    small = ROOT / "config/studies/reduced.yaml"
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "-s", str(ROOT / "Snakefile")]
    done = subprocess.run(
        [*command, "--configfile", str(config), str(small)],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    (results,) = (folder / "results").iterdir()
    text = ""
    for part in ("manuscript", "supplement"):
        words = Words()
        words.feed((results / f"manuscript/{part}.html").read_text(encoding="utf-8"))
        text += " ".join(words.found)
    return results, re.sub(r"\s+", " ", text)


def test_the_invented_study_tells_of_itself_alone(tmp_path):
    results, text = built(tmp_path, ROOT / "config/studies/hope/config.yaml")
    says(text, "Hope", "Therapeutic Alliance", "Depression")
    assert "60 clients of 15 therapists" in text
    for word in ("meaning", "OQ-45", "Fortems", "distress", "MLQ", "article.s"):
        assert not re.search(rf"\b{word}\b", text, re.IGNORECASE), word
    for name in ("surface", "posterior", "power", "coverage"):
        assert (results / f"figures/{name}.svg").is_file()
    for name in ("surface", "posterior", "forecast", "attempts"):
        assert len(read_csv(results / f"design/{name}.csv"))
    effects = read_csv(results / "mediation/effects.csv")
    assert {"hope", "goal -> hope"} <= set(effects["mediator"].dropna()) and "depression" in set(
        effects["outcome"]
    )


def test_two_raters_stand_side_by_side(tmp_path):
    results, text = built(tmp_path, ROOT / "config/studies/two_raters/config.yaml")
    raters = read_csv(results / "tables/raters.csv")
    assert list(raters["second"]) == [f"wai_therapist_{x}" for x in ("bond", "task", "goal", "alliance")]
    assert (
        "Two Ratings of One Construct" in text
        and "the therapist's rating of the alliance" in text.replace("’", "'")
    )


def test_a_skeleton_runs_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    target = new.new_study("mine")
    _, text = built(tmp_path, target / "config.yaml")
    assert "A Study Named mine" in text and "skeleton" not in text
