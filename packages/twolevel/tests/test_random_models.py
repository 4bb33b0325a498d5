"""Models and data drawn at random: a fit, or an error of the library's own; never another exception."""

import warnings

import numpy as np
import pandas as pd
import pytest
import twolevel

NUMBER = 1500


def data(rng: np.random.Generator) -> pd.DataFrame:
    """Few, small and odd clusters; constants, copies and huge units now and then."""
    clusters = int(rng.integers(2, 25))
    sizes = rng.integers(1, 9, clusters)
    code = np.repeat(np.arange(clusters), sizes)
    mix = rng.standard_normal((5, 5)) / 2 + np.eye(5)
    icc = rng.choice([0.0, 0.1, 0.5, 0.95])
    values = np.sqrt(1 - icc) * rng.standard_normal((len(code), 5)) @ mix
    values += (np.sqrt(icc) * rng.standard_normal((clusters, 5)) @ mix)[code]
    frame = pd.DataFrame(values, columns=list("abcde"))
    for name in ("v", "w"):
        frame[name] = rng.standard_normal(clusters)[code]
    odd = rng.random()
    if odd < 0.04:
        frame["a"] = 1.0
    elif odd < 0.08:
        frame["b"] = 2 * frame["a"] + 1
    elif odd < 0.12:
        frame["c"] -= frame.groupby(code)["c"].transform("mean")
    elif odd < 0.16:
        frame["d"] *= 10.0 ** rng.integers(-9, 10)
    elif odd < 0.2:
        frame["e"] = frame.groupby(code)["e"].transform("mean")
    elif odd < 0.24:
        frame["a"] = (frame["a"] > 0).astype(float)
    if rng.random() < 0.4:
        for name in "abcde":
            frame.loc[rng.random(len(frame)) < 0.15, name] = np.nan
    if rng.random() < 0.1:
        frame.loc[rng.random(len(frame)) < 0.2, "w"] = np.nan
    return frame.assign(cluster=code)


def level(rng: np.random.Generator, names: list[str], depth: int, labels: list[str]) -> list[str]:
    lines = []
    rng.shuffle(names)
    if depth == 1 and len(names) >= 4 and rng.random() < 0.25:
        items = names[:3]
        lines.append(f" f =~ {' + '.join(items)}")
        if rng.random() < 0.5:
            lines.append(f" {names[3]} ~ f")
        return lines
    for k, outcome in enumerate(names[1:], 1):
        for predictor in names[:k]:
            draw = rng.random()
            if draw < 0.35:
                label = f"p{len(labels)}"
                labels.append(label)
                lines.append(f" {outcome} ~ {label}*{predictor}")
            elif draw < 0.42:
                lines.append(f" {outcome} ~ {rng.normal():.2f}*{predictor}")
            elif draw < 0.6:
                lines.append(f" {outcome} ~~ {predictor}")
            elif draw < 0.63:
                lines.append(f" {outcome} ~ start({rng.normal() * 3:.2f})*{predictor}")
    if rng.random() < 0.15:
        lines.append(f" {names[0]} ~~ {rng.choice(['0', '1', '-1', '0.2'])}*{names[0]}")
    lines += [f" {name} ~~ {name}" for name in names if not any(name in line for line in lines)]
    return lines


def model(rng: np.random.Generator) -> str:
    labels: list[str] = []
    own = [str(n) for n in rng.choice(list("abcde"), int(rng.integers(2, 5)), replace=False)]
    within = level(rng, list(own), 1, labels)
    between = [n for n in own if rng.random() < 0.8] + [n for n in ("v", "w") if rng.random() < 0.3]
    above = level(rng, between, 2, labels) if between else [f" {own[0]} ~~ {own[0]}"]
    lines = []
    if rng.random() < 0.2:
        for k, line in enumerate(within):
            if "~ p" in line and rng.random() < 0.6:
                head, tail = line.split("~ ")
                within[k] = f'{head}~ rv("s{k}", "observed")*{tail.split("*")[1]}'
                labels.remove(tail.split("*")[0])
    if len(labels) > 1 and rng.random() < 0.3:
        one, two = rng.choice(labels, 2, replace=False)
        lines.append(
            str(
                rng.choice(
                    [
                        f"{one} == {two}",
                        f"{one} == 2*{two}",
                        f"{one} + {two} == 1",
                        f"{one} == 0",
                        f"{one}*{two} == 1",
                    ]
                )
            )
        )
    if labels and rng.random() < 0.4:
        lines.append(f"d := {labels[0]}/{labels[-1]}")
    return "\n".join(["level: 1", *within, "level: 2", *above, *lines])


def one(seed: int) -> bool:
    """Whether there was a fit."""
    rng = np.random.default_rng(seed)
    frame, text = data(rng), model(rng)
    options = {
        "bounds": str(rng.choice(["psd", "none"])),
        "missing": str(rng.choice(["listwise", "ml"])),
        "se": str(rng.choice(["information", "information", "robust", "expected"])),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fit = twolevel.fit(text, frame, "cluster", **options)
            assert repr(fit) and fit.parameters is not None and isinstance(fit.message, str)
            if seed % 10 == 0:
                fit.summary(fit_measures=True)
                fit.diagram()
                if fit.converged and fit.n_clusters > 4:
                    fit.profile(fit.model.names[0], 0.1)
        except twolevel.TwoLevelError as error:
            assert str(error)
            return False
        except Exception as error:
            raise AssertionError(
                f"seed {seed}, {options}:\n{text}\n{type(error).__name__}: {error}"
            ) from error
    if fit.converged:
        assert np.isfinite(fit.loglik)
        assert options["bounds"] == "none" or fit.admissible
    return True


def test_forty_random_models_end_in_a_fit_or_an_error_of_ours():
    assert sum(one(seed) for seed in range(40)) > 10


@pytest.mark.slow
def test_random_models_end_in_a_fit_or_an_error_of_ours():
    assert sum(one(seed) for seed in range(NUMBER)) > NUMBER / 3
