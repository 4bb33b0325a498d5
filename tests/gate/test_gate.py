"""The gate bites: each mutation of the results is found by the check that is there for it, in words."""

from __future__ import annotations

import os
from dataclasses import replace

import pandas as pd
import pytest
from fortems.gate import gate as gates
from fortems.gate.checks import CHECKS
from fortems.gate.snapshot import Snapshot
from fortems.gate.verdicts import RULE, _pattern, check_claims, check_verdicts
from wording import says

TINY = ("--configfile", "config/tiny.yaml")


@pytest.fixture(scope="module")
def evidence(built) -> Snapshot:
    """What the gate of the built run looks at."""
    results = "results/tiny"
    old = os.getcwd()
    os.chdir(built.root)
    try:
        later = ("figures/", "manuscript/", "config.yaml", "gate.json", "manifest.json")
        names = [n for n in built.bytes_of("tiny") if not n.startswith(later)]
        return gates.collect(
            [f"{results}/{name}" for name in names],
            results,
            "logs/tiny",
            "config/tiny_models.yaml",
            ["twolevel", "regression", "semopy", "mixedlm"],
            "config/claims.yaml",
        )
    finally:
        os.chdir(old)


def mutated(evidence: Snapshot, name: str, change) -> dict[str, list[str]]:
    """Checks that fail when a table is changed, with what they found."""
    table = change(evidence.tables[name].copy())
    other = Snapshot(
        {}, {**evidence.tables, name: table}, {}, evidence.models, evidence.engines, evidence.claims
    )
    return {c["check"]: c["found"] for c in gates.gate(other)["checks"] if c["passed"] is False}


def row(table: pd.DataFrame, **conditions) -> int:
    """Label of the first row that meets the conditions."""
    for column, value in conditions.items():
        table = table[table[column] == value]
    return table.index[0]


def put(column: str, value, **conditions):
    """A change of one cell; a function is applied to what stands there."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        label = row(table, **conditions)
        new = value(table.loc[label, column]) if callable(value) else value
        table[column] = table[column].astype(object)
        table.loc[label, column] = new
        table[column] = table[column].infer_objects()
        return table

    return change


def exchange_therapists(scores: pd.DataFrame) -> pd.DataFrame:
    """Two clients of different therapists change places."""
    first = scores.index[0]
    other = scores.index[scores["therapist"] != scores.loc[first, "therapist"]][0]
    scores.loc[[first, other], "therapist"] = scores.loc[[other, first], "therapist"].to_numpy()
    return scores


REGRESSION = {"model": "bond", "engine": "regression", "level": "single"}
EFFECTS, SCORES, CLAIMS = "mediation/effects.csv", "data/scores.csv", "claims.csv"
CORRELATIONS = "tables/correlations.csv"
PEARSON = {"x": "bond", "y": "distress", "level": "total", "kind": "pearson"}

MUTATIONS = {
    "an estimate": (
        EFFECTS,
        put("estimate", lambda x: x + 0.01, **REGRESSION, effect="a", interval="robust"),
        {"paths", "products"},
        "bond: a",
    ),
    "an indirect effect": (
        EFFECTS,
        put("estimate", lambda x: x * 1.01, **REGRESSION, effect="indirect", interval="robust"),
        {"products", "claims", "verdicts", "confounding"},
        "a times b",
    ),
    "a curve of confounding": (
        "robustness/confounding.csv",
        put("ci_high", lambda x: x + 0.01, model="bond", level="single", kind="curve", rho=0.0),
        {"confounding"},
        "without a confounder",
    ),
    "a sign that is not lost": (
        "robustness/confounding.csv",
        put("indirect", 0.01, model="bond", level="single", kind="sign"),
        {"confounding"},
        "where the sign is lost",
    ),
    "a direct effect": (
        EFFECTS,
        put("estimate", lambda x: x + 0.01, **REGRESSION, effect="direct", interval="robust"),
        {"paths", "claims", "verdicts"},
        "direct",
    ),
    "an interval": (
        EFFECTS,
        put("ci_low", 99.0, **REGRESSION, effect="a"),
        {"intervals"},
        "interval from 99",
    ),
    "a p-value": (EFFECTS, put("p", 1.5, **REGRESSION, effect="a"), {"intervals"}, "p is 1.5"),
    "a count": (EFFECTS, put("n_clients", 500, **REGRESSION, effect="b"), {"counts"}, "500"),
    "a model's name": (
        EFFECTS,
        lambda t: t.assign(model=t["model"].replace("bond", "bnod")),
        {"models", "claims", "verdicts"},
        "the model bnod, which is not configured",
    ),
    "exchanged therapists": (SCORES, exchange_therapists, {"correlations"}, "within"),
    "a repeated client": (
        SCORES,
        lambda t: pd.concat([t, t.tail(1)], ignore_index=True),
        {"clients", "descriptives", "correlations", "counts"},
        "1 clients stand twice",
    ),
    "a client without therapist": (
        SCORES,
        lambda t: t.assign(therapist=t["therapist"].where(t.index != 3)),
        {"clients", "correlations"},
        "1 clients have no therapist",
    ),
    "a score": (SCORES, put("bond", lambda x: x - 1), {"descriptives", "correlations", "paths"}, "bond"),
    "a dropped column": (
        EFFECTS,
        lambda t: t.drop(columns="ci_low"),
        {"complete", "intervals", "claims", "verdicts", "confounding"},
        "no column ci_low",
    ),
    "an emptied table": (CORRELATIONS, lambda t: t.head(0), {"complete", "claims"}, "has no rows"),
    "a mean": (
        "tables/descriptives.csv",
        put("mean", lambda x: x + 0.1, variable="meaning"),
        {"descriptives"},
        "mean of meaning",
    ),
    "a correlation": (
        CORRELATIONS,
        put("r", lambda x: x + 0.001, **PEARSON),
        {"correlations"},
        "bond and distress, total",
    ),
    "a claim's estimate": (
        CLAIMS,
        put("estimate", 0.123, claim="bond_distress", judged=True),
        {"claims"},
        "0.123",
    ),
    "a difference between aspects": (
        CLAIMS,
        put("estimate", 0.123, claim="bond_over_goal", estimand="within"),
        {"claims"},
        "stands in no row of robustness/aspects.csv",
    ),
    "a dropped claim": (CLAIMS, lambda t: t[t["claim"] != "bond_distress"], {"claims"}, "has no verdict"),
    "a claim of nobody": (
        CLAIMS,
        lambda t: t.assign(claim=t["claim"].replace("bond_distress", "bond_joy")),
        {"claims"},
        "bond_joy",
    ),
    "a verdict": (
        CLAIMS,
        put(
            "verdict",
            lambda v: "not reproduced" if v == "reproduced" else "reproduced",
            claim="bond_distress",
            judged=True,
        ),
        {"claims"},
        "bond_distress",
    ),
}


def test_the_gate_of_the_built_run_is_open(evidence, built, monkeypatch):
    monkeypatch.chdir(built.root)
    result = gates.gate(evidence)
    assert result["passed"]
    assert [c["check"] for c in result["checks"] if c["passed"] is None] == []
    gates.require(result)


@pytest.mark.parametrize("what", MUTATIONS)
def test_a_mutation_is_found_by_its_check(evidence, what):
    name, change, checks, words = MUTATIONS[what]
    failed = mutated(evidence, name, change)
    assert set(failed) - {"ledger"} == checks, failed  # the ledger compares with the same tables
    assert any(words in found for found in [f for many in failed.values() for f in many]), failed


def test_every_flipped_verdict_on_a_claim_is_found(evidence):
    """Of correlations, effects, full mediation, covariates and patterns alike."""
    table = evidence.tables[CLAIMS]
    judged = table[table["judged"] & (table["verdict"] != "not testable")]
    assert set(judged["statistic"]) >= {"r", "indirect", "joint", "all_of"}
    for label in judged.index:
        for verdict in {"reproduced", "matches the article's rule", "cannot tell", "not reproduced"} - {
            table.loc[label, "verdict"]
        }:
            flipped = table.copy()
            flipped.loc[label, "verdict"] = verdict
            found = list(check_claims(replace(evidence, tables={**evidence.tables, CLAIMS: flipped})))
            named = f"{table.loc[label, 'claim']} ({table.loc[label, 'estimand']}): {verdict}"
            assert any(named in one for one in found), (named, found)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("indirect_excludes_zero", lambda x: not x),
        ("direct_excludes_zero", lambda x: not x),
        ("paper_rule", lambda x: "none" if x != "none" else "full"),
        ("equivalence", lambda x: "equivalent" if x != "equivalent" else "inconclusive"),
        ("conclusion", lambda x: f"an indirect effect; full mediation incompatible, {x}"),
        ("indirect_low", lambda x: x - 0.01),
        ("direct_high", lambda x: x + 0.01),
        ("lr_chi2", lambda x: x + 0.01),
        ("bic_prefers", lambda x: "partial" if x == "full" else "full"),
    ],
)
@pytest.mark.parametrize("level", ["within", "single"])
def test_every_changed_verdict_on_mediation_is_found(evidence, column, value, level):
    name = "mediation/verdicts.csv"
    table = put(column, value, model="bond", level=level)(evidence.tables[name].copy())
    found = list(check_verdicts(replace(evidence, tables={**evidence.tables, name: table})))
    assert found and all(one.startswith(f"bond, {level}") for one in found), found


@pytest.mark.parametrize(("written", "verdict"), [(True, "reproduced"), (False, RULE), (None, RULE)])
def test_a_pattern_of_one_aspect_against_others_asks_for_the_difference(evidence, written, verdict):
    """The article's answer on the parts is given; the contrast's decides between the two verdicts."""
    pattern = evidence.claims["bond_alone"]
    answers = {(name, "within"): (True, "") for name in (*pattern.parts, *pattern.contrasts)}
    answers[pattern.contrasts[0], "within"] = (written, "")
    assert _pattern(pattern, "within", answers, evidence.claims) == verdict
    assert len(pattern.contrasts) == 2


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ((False, "cannot tell"), (True, "reproduced"), "cannot tell"),
        ((True, "cannot tell"), (True, "reproduced"), "cannot tell"),
        ((False, "cannot tell"), (False, "not reproduced"), "not reproduced"),
        ((False, "cannot tell"), (None, "not testable"), "not testable"),
    ],
)
def test_a_pattern_with_an_undecided_part_is_undecided_unless_another_fails(evidence, first, second, verdict):
    pattern = evidence.claims["bond_alone"]
    answers = {(name, "within"): (True, "reproduced") for name in (*pattern.parts, *pattern.contrasts)}
    answers |= {(name, "within"): one for name, one in zip(pattern.parts, (first, second), strict=False)}
    assert _pattern(pattern, "within", answers, evidence.claims) == verdict


def test_a_claim_called_untestable_beside_its_p_is_found(evidence):
    change = put("verdict", "not testable", claim="bond_distress", judged=True)
    assert "bond_distress (total): not testable, with p" in mutated(evidence, CLAIMS, change)["claims"][0]


def test_the_ledger_is_compared_with_the_tables(evidence):
    known = evidence.tables["published.csv"].dropna(subset="computed")
    name = known["id"].iloc[0]
    failed = mutated(evidence, "published.csv", put("computed", 12345.0, id=name))
    assert set(failed) == {"ledger"}
    assert name in failed["ledger"][0]


def test_every_check_bites_in_some_test(evidence):
    bitten = {check for _, _, checks, _ in MUTATIONS.values() for check in checks}
    assert set(CHECKS) - bitten == {"untouched", "fresh", "ledger"}  # these in tests of their own


def closed(repository, meanwhile: str) -> str:
    """What a run says whose gate is closed by what happens after the earlier steps have ended."""
    script = repository.root / "workflow/scripts/gate.py"
    repository.write(str(script), f"from pathlib import Path\n{meanwhile}\n{script.read_text()}")
    done = repository.snakemake("results/tiny/gate.json", *TINY)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert not (repository.root / "results/tiny/gate.json").exists()
    return done.stdout[done.stdout.rindex("The gate is closed") :]


def test_a_result_edited_by_hand_closes_the_gate(clone):
    text = closed(clone, "Path('results/tiny/claims.csv').open('a').write('forged')")
    says(text, "results/tiny/claims.csv", "changed after", "step claims")


def test_a_module_gone_stale_closes_the_gate(clone):
    text = closed(clone, "Path('workflow/fortems/tables/correlations.py').open('a').write('# edited')")
    says(text, "workflow/fortems/tables/correlations.py", "changed since", "step tables")
    assert "--forcerun" in text
