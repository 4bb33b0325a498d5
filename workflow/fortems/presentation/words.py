"""Words that figures and report share: lists, labels within a sentence, estimands, intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fortems.study.estimands import PRIMARY_INTERVAL, STAND_IN
from fortems.study.models import MediationModel
from fortems.study.roles import main_models
from fortems.study.variables import label

#: An estimand as a label, and within a sentence.
ESTIMAND_LABELS = {"within": "within therapists", "single": "single level", "between": "between therapists"}
ESTIMAND_WORDS = {"within": "within therapists", "single": "at the single level"}

#: The intervals of the indirect effect, the primary one first.
INTERVAL_WORDS = {
    **{"robust": "cluster-jackknife", "montecarlo": "Monte Carlo", "delta": "delta", "cr2": "CR2"},
    **{"percentile": "percentile", "bca": "BCa"},
}
#: The same for models with measurement error; a range over reliabilities is no confidence interval and has no name.
MEASURED_INTERVALS = {
    PRIMARY_INTERVAL: INTERVAL_WORDS[PRIMARY_INTERVAL],
    STAND_IN: INTERVAL_WORDS[STAND_IN],
    "reliability": "",
    "delta": "delta method",
    "percentile": "percentile",
}
#: How an engine estimates at a level.
METHOD_WORDS = {
    ("twolevel", "within"): "two-level maximum likelihood",
    ("mixedlm", "within"): "linear mixed models of deviations from therapists' means",
    ("regression", "single"): "least squares",
    ("semopy", "single"): "path models that take clients as independent",
    ("mixedlm", "single"): "linear mixed models with random therapist intercepts",
}


def listed(words: Iterable[str]) -> str:
    """Join as prose does: ``a``, ``a and b``, ``a, b, and c``."""
    found = list(words)
    if len(found) < 3:
        return " and ".join(found)
    return f"{', '.join(found[:-1])}, and {found[-1]}"


def labels(names: Iterable[str]) -> str:
    """Labels of variables joined as within a heading: ``X + Z``."""
    return " + ".join(label(name) for name in names)


def model_label(models: Mapping[str, MediationModel], name: str) -> str:
    """A model of one predictor as a label: a main one by its predictor, another by its name."""
    return label(models[name].predictors[0]) if name in main_models(models).values() else name
