"""The report finds the study's models by what they relate; a run without them is never told as theirs."""

import pytest
from fortems.presentation.choice import own_models
from fortems.report.page import nodes
from fortems.report.page.table import Section
from fortems.report.tables import models as model_tables
from fortems.report.text import SENTENCES, mediation, robustness, study
from fortems.report.text.method import estimation
from fortems.study.models import models_of
from fortems.study.roles import key_models
from made_up_run import MODELS
from test_sentences import OF_A_MODEL, words
from wording import says

FILES = (
    "mediation/effects.csv",
    "mediation/verdicts.csv",
    "mediation/fit.csv",
    "mediation/derived.csv",
    "robustness/leave_one_out.csv",
    "robustness/confounding.csv",
    "robustness/robustness_values.csv",
    "robustness/common_factor.csv",
    "robustness/survivors.csv",
    "robustness/distribution.csv",
    "robustness/bayes.csv",
    "robustness/specifications.csv",
    "robustness/multiverse.csv",
    "robustness/choices.csv",
    "robustness/joint.csv",
)
NEW = {name: f"m{number}" for number, name in enumerate(MODELS)}
SWAPPED = {"predictor": "task", "mediator": "search", "outcome": "social_role"}


def renamed(report, names):
    """Give the models of a run other names, in the models file and in every result."""
    report.models = {names[name]: entry for name, entry in report.models.items()}
    for file in FILES:
        table = report.results.table(file)
        if table is not None:
            report.results._tables[file] = table.assign(model=table["model"].replace(names))
    report.results._read.clear()
    return report


def only(report, models):
    """Leave these models only; what they relate is taken from them."""
    report.models = models_of(models)
    for file in FILES:
        table = report.results.table(file)
        if table is None:
            continue
        table = table[table["model"].isin(list(models))].copy()
        for model, entry in models.items():
            for key in ("predictor", "mediator", "outcome"):
                if key in table:
                    rows = (table["model"] == model) & table[key].notna()
                    table.loc[rows, key] = entry[key]
        report.results._tables[file] = table
    report.results._read.clear()
    return report


def texts(report):
    told = {
        name: [words(function(report, role)) for role in ("alliance", "bond")]
        if name in OF_A_MODEL
        else words(function(report))
        for name, function in SENTENCES.items()
        if name not in ("path_figure", "influence", "sensitivity_method")
    }
    told["influence"] = words(robustness.influence(report))
    for model, new in NEW.items():
        told = {
            name: str(text).replace(f"fig-path_{new}", f"fig-path_{model}") for name, text in told.items()
        }
    return told


def cells(table):
    return [
        line.text
        if isinstance(line, Section)
        else [nodes.text_of(cell.inlines()) if hasattr(cell, "inlines") else cell for cell in line]
        for line in table.body
    ]


@pytest.mark.parametrize("kind", ["items", "matrix"])
def test_names_of_models_change_no_sentence_and_no_table(report_of, kind):
    before, after = report_of(kind), renamed(report_of(kind), NEW)
    assert texts(before) == texts(after)
    for build in (model_tables.mediation, model_tables.verdicts, model_tables.reordered):
        assert cells(build(before)) == cells(build(after))
    assert mediation.mediation(after, "alliance") != "This model is not among those that were run."


def test_a_model_that_is_only_called_bond_is_not_told_as_the_bond(report_of):
    report = only(report_of("items"), {"bond": SWAPPED})
    for name in ("abstract_results", "discussion", "own"):
        text = words(SENTENCES[name](report))
        assert "are not among this run's" in text and "in the one model" in text, name
        assert "for the bond" not in text and "relation of bond" not in text
    assert "nothing follows for its account" in words(SENTENCES["abstract_conclusion"](report))
    plain = words(SENTENCES["plain_results"](report))
    assert "own models were not among those" in plain and "the bond" not in plain
    says(plain, "Of one link", "third variable", "looked at instead", "one is shown")
    assert "models are not among" in words(SENTENCES["plain_meaning"](report))
    assert "models are not among" in words(SENTENCES["implications"](report))
    assert mediation.mediation(report, "bond") == "This model is not among those that were run."
    assert SENTENCES["path_figures"](report) == ""
    assert "Task → Search for meaning → Social role" in words(SENTENCES["own"](report))
    assert cells(model_tables.mediation(report))[0] == "Task → Search for meaning → Social role"


def test_own_variables_are_told_beside_the_studys_model(report_of):
    own = {"predictor": "bond", "mediator": "meaning", "outcome": "phq9", "covariates": ["education", "age"]}
    report = only(report_of("items"), {"bond": own, "alliance": MODELS["alliance"]})
    assert key_models(report.models) == {"alliance": "alliance"}
    assert own_models(report.results, report.models) == ["bond"]
    conclusion = words(SENTENCES["abstract_conclusion"](report))
    assert "relation of alliance with distress" in conclusion and "bond" not in conclusion
    text = words(SENTENCES["own"](report))
    says(text, "Bond → Presence of meaning → Phq9", "with education and age as covariates")
    report.items = {**report.items, "fig-path_bond": None}
    assert "fig-path_bond" in words(SENTENCES["own"](report))  # what is placed is called out
    assert "fig-path_bond" in SENTENCES["own_figures"](report)
    assert "the model bond" in words(SENTENCES["full_mediation"](report))
    says(SENTENCES["model_roles"](report), "a predictor $x$", "a mediator $m$", "an outcome $y$")
    assert "the alliance or an aspect" in SENTENCES["model_roles"](report_of("items"))
    assert SENTENCES["covariates_title"](report) == "Covariates and Moderators"
    assert "with education and age as covariates" in words(estimation.models(report))


def test_where_no_interval_is_shown_none_is_told(report_of):
    report = only(report_of("items", paths=(0.05, -0.1, 0.1)), {"bond": SWAPPED})
    assert "includes zero in the one model" in words(study.others(report))
    assert "none is shown" in words(SENTENCES["plain_results"](report))
    report.models = {}
    assert words(study.others(report)) == f"{study.absent()}."
    assert words(SENTENCES["plain_results"](report)).startswith("The article's own models were not among")


def test_one_model_is_not_counted_as_several(report_of):
    report = only(report_of("items"), {"bond": MODELS["bond"]})
    assert words(estimation.models(report)).startswith("In all, one model was fitted; it is")


def test_latent_models_of_other_variables_are_named_by_all(report_of):
    report = report_of()
    table = report.results.table("mediation/measurement.csv")
    report.results._tables["mediation/measurement.csv"] = table.assign(outcome="phq9")
    report.results._read.clear()
    text = words(robustness.measurement(report))
    says(text, "total alliance", "presence of meaning", "phq9", "as latent variables")
    sections = [line.text for line in model_tables.measurement(report).body if isinstance(line, Section)]
    assert sections == [f"{x} → presence of meaning → phq9" for x in ("Alliance (total)", "Bond")]
