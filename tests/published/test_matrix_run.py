"""A run on a published matrix, as a reader of the article starts it."""

from __future__ import annotations

import pandas as pd
import yaml

OVERLAY = """
run: reader
data: {source: matrix, path: reader.yaml}
published: tests/data/article_published.yaml
design: null
"""


def start(repository, *targets, change=None):
    article = yaml.safe_load((repository.root / "tests/data/article.yaml").read_text(encoding="utf-8"))
    if change is not None:
        change(article)
    repository.write("reader.yaml", yaml.safe_dump(article, allow_unicode=True))
    repository.write("overlay.yaml", OVERLAY)
    targets = [f"results/reader/{name}" for name in targets]
    return repository.snakemake(*targets, "--quiet", "all", "--configfile", "overlay.yaml")


def test_from_the_article_to_claims_and_ledger(repository):
    done = start(repository, "claims.csv", "published.csv", "mediation/verdicts.csv")
    assert done.returncode == 0, done.stdout
    results = repository.root / "results/reader"
    effects = pd.read_csv(results / "mediation/effects.csv")
    assert set(effects["level"]) == {"single"}
    assert set(effects["engine"]) == {"regression", "semopy"}
    ledger = pd.read_csv(results / "published.csv")
    assert set(ledger["verdict"]) <= {"equal", "rounding"}  # the article reports its own raw data
    claims = pd.read_csv(results / "claims.csv")
    within = claims[claims["judged"] & (claims["estimand"] == "within") & (claims["statistic"] != "all_of")]
    assert set(within["verdict"]) == {"not testable"}
    assert not (results / "data").exists()


def test_impossible_cells_end_the_run_before_any_result(repository):
    def wrong(article):
        article["variables"]["meaning"]["sd"] = "26.26"
        article["correlations"]["rows"][4][2] = "-.16*"
        article["correlations"]["rows"][4][4] = ".56***"

    done = start(repository, "claims.csv", change=wrong)
    assert done.returncode != 0
    last = done.stdout.rsplit("The configuration cannot be used", 1)[1]
    for cell in ("reader.yaml: sd meaning", "reader.yaml: distress~goal", "reader.yaml: distress~meaning"):
        assert cell in last
    assert "Traceback" not in done.stdout
    assert not list((repository.root / "results").rglob("*.csv"))


def test_a_ledger_entry_that_points_nowhere_is_named(repository):
    text = (repository.root / "tests/data/article_published.yaml").read_text(encoding="utf-8")
    repository.write("mine.yaml", text.replace("bond~a~wald", "bnod~a~wald"))
    overlay = OVERLAY.replace("tests/data/article_published.yaml", "mine.yaml")
    article = (repository.root / "tests/data/article.yaml").read_text(encoding="utf-8")
    repository.write("reader.yaml", article)
    repository.write("overlay.yaml", overlay)
    done = repository.snakemake(
        "results/reader/published.csv", "--quiet", "all", "--configfile", "overlay.yaml"
    )
    assert done.returncode != 0
    assert "mine.yaml: paths/bnod~a~wald/estimate" in done.stdout
    assert "Did you mean bond?" in done.stdout
