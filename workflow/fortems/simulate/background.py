"""What is known about the clients besides their scores: age, gender, sessions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fortems.simulate.stated import Scenario


def background(scenario: Scenario, n_clients: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw age, gender and sessions, unrelated to each other and to the scores (as the paper found).

    Age is a beta variable between minimum and maximum, in whole years; sessions are the minimum plus a negative
    binomial count.

    Returns
    -------
    dict of str to ndarray, shape (n_clients,)
        ``age`` (years), ``gender`` (category), ``sessions`` (count).
    """
    age, sessions = scenario.age, scenario.sessions
    years = age["min"] + (age["max"] - age["min"]) * rng.beta(*_beta(age), n_clients)
    more = sessions["mean"] - sessions["min"]
    size = more**2 / (sessions["sd"] ** 2 - more)
    return {
        "age": np.rint(years).astype(int),
        "gender": rng.choice(list(scenario.gender), n_clients, p=list(scenario.gender.values())),
        "sessions": int(sessions["min"]) + rng.negative_binomial(size, size / (size + more), n_clients),
    }


def background_moments(scenario: Scenario) -> dict[tuple[str, str], float]:
    """Return what ``background`` draws on average: means, SDs and shares, keyed by quantity and variable."""
    from scipy.special import betainc

    age, sessions = scenario.age, scenario.sessions
    years = np.arange(age["min"], age["max"] + 1)
    below = betainc(*_beta(age), (years[1:] - 0.5 - age["min"]) / (age["max"] - age["min"]))
    share = np.diff(np.concatenate([[0.0], below, [1.0]]))
    mean = float(share @ years)
    return {
        ("mean", "age"): mean,
        ("sd", "age"): float(np.sqrt(share @ (years - mean) ** 2)),
        ("mean", "sessions"): sessions["mean"],
        ("sd", "sessions"): sessions["sd"],
        **{("share", f"gender {category}"): value for category, value in scenario.gender.items()},
    }


def _beta(age: Mapping[str, float]) -> tuple[float, float]:
    """Shape parameters that give the share of the age range its mean and SD (method of moments)."""
    width = age["max"] - age["min"]
    mean, variance = (age["mean"] - age["min"]) / width, (age["sd"] / width) ** 2
    size = mean * (1 - mean) / variance - 1
    return mean * size, (1 - mean) * size
