"""Which model plays which part in the study: found by what a model relates, never by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fortems.study.definition import study
from fortems.study.models import MediationModel

#: The part of the model that holds all aspects; every other main model bears its predictor's name.
TOGETHER = "aspects"


def parts() -> dict[str, tuple[str, ...]]:
    """Return the parts of the study in force → their predictors; all have the study's mediator and outcome."""
    ours = study()
    alone = {name: (name,) for name in dict.fromkeys((*ours.predictors, *ours.aspects))}
    return alone | {TOGETHER: ours.aspects}


def outcome_parts() -> tuple[str, ...]:
    """Return the parts that the outcome is the total of."""
    return study().totals.get(study().outcome, ())


def is_plain(model: MediationModel) -> bool:
    """Return whether a model has observed scores, no covariates, no moderator, and therapists' parts that covary freely."""
    return (
        model.measurement == "observed"
        and model.between == "saturated"
        and not model.covariates
        and not model.moderator
        and not model.serial
    )


def is_simple(model: MediationModel) -> bool:
    """Return whether a model has one predictor and one mediator, thus one indirect effect."""
    return len(model.predictors) == len(model.mediators) == 1


def relates(model: MediationModel) -> MediationModel:
    """Return a model without its name, and without the order of what stands side by side in it."""
    return replace(
        model,
        name="",
        predictors=tuple(sorted(model.predictors)),
        mediators=model.mediators if model.serial else tuple(sorted(model.mediators)),
        covariates=tuple(sorted(model.covariates)),
    )


def counterpart(model: MediationModel, models: Mapping[str, MediationModel]) -> str | None:
    """Return the name of the first model that relates the same as another; the same name first."""
    same = [name for name, other in models.items() if relates(other) == relates(model)]
    return model.name if model.name in same else next(iter(same), None)


def main_models(models: Mapping[str, MediationModel]) -> dict[str, str]:
    """Return the parts that a run's models play → the model's name, in the order of ``parts``."""
    found: dict[str, str] = {}
    for part, predictors in parts().items():
        for name, model in models.items():
            if (
                is_plain(model)
                and sorted(model.predictors) == sorted(predictors)
                and (model.mediators, model.outcome) == ((study().mediator,), study().outcome)
            ):
                found[part] = name
                break
    return found


def key_models(models: Mapping[str, MediationModel]) -> dict[str, str]:
    """Return the two main models that the article's account is about, those that are there: part → name."""
    return {part: name for part, name in main_models(models).items() if part in study().predictors}


def reordered_models(models: Mapping[str, MediationModel]) -> dict[str, str]:
    """Return the models of a main model's variables in another causal order: name → the main model's part."""
    found = {}
    for name, model in models.items():
        if not (is_plain(model) and is_simple(model)):
            continue
        for part, predictors in parts().items():
            assumed = (*predictors, study().mediator, study().outcome)
            if model.chain != assumed and sorted(model.chain) == sorted(assumed):
                found[name] = part
    return found
