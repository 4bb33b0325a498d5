"""Which rows count: one engine a model and level, one interval an effect, whatever else a run has."""

import pandas as pd
import pytest
from fortems.study.engines import ENGINES, RESAMPLING
from fortems.study.estimands import (
    COUNTING,
    ESTIMANDS,
    PRIMARY,
    PRIMARY_INTERVAL,
    STAND_IN,
    computed_intervals,
    counting,
    primary_engine,
)


def table(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    """Rows of model, engine, level, effect, interval."""
    frame = pd.DataFrame(rows, columns=["model", "engine", "level", "effect", "interval"])
    return frame.assign(predictor="x", mediator=["y"] * len(frame), at=float("nan"))


def test_the_engine_of_a_level_is_the_first_that_can_give_it():
    assert PRIMARY["within"][0] == "twolevel" and PRIMARY["single"][0] == "regression"
    for level, names in PRIMARY.items():
        assert [name for name in ENGINES if level in ENGINES[name].levels] == list(names)
    assert primary_engine("single", {"mixedlm", "semopy"}) == "semopy"
    assert primary_engine("within", {"regression"}) is None and primary_engine("nowhere", ENGINES) is None


def test_the_primary_interval_is_computed_by_every_engine_and_always():
    assert all({PRIMARY_INTERVAL, STAND_IN} & set(engine.intervals) for engine in ENGINES.values())
    assert computed_intervals(("delta",), can_leave_out=False) == (STAND_IN, "delta")
    for asked in ((), ("percentile",), ("delta", PRIMARY_INTERVAL)):
        found = computed_intervals(asked)
        assert found.count(PRIMARY_INTERVAL) == 1 and set(asked) <= set(found)
    assert set(RESAMPLING) == {name for name in ENGINES if ENGINES[name].resamples}


@pytest.mark.parametrize("level", ESTIMANDS)
def test_one_row_of_each_effect_counts(level):
    engine, stand_in = PRIMARY[level][:2]
    rows = [
        ("m", name, level, effect, interval)
        for name in (stand_in, engine)
        for effect in ("a", "total", "indirect")
        for interval in ("percentile", "delta", PRIMARY_INTERVAL, *COUNTING[effect])
    ]
    rows = list(dict.fromkeys(rows))
    effects = table(
        *rows, ("m", engine, "nowhere", "a", "wald"), ("n", stand_in, level, "b", COUNTING["b"][0])
    )
    found = counting(effects)
    assert [tuple(row) for row in found[["model", "engine", "effect", "interval"]].values] == [
        *(("m", engine, effect, COUNTING[effect][0]) for effect in ("a", "total", "indirect")),
        ("n", stand_in, "b", COUNTING["b"][0]),
    ]
    assert found.equals(effects.loc[found.index])


def test_the_next_interval_counts_where_an_effect_lacks_the_first():
    sums = table(("m", "regression", "single", "total", COUNTING["total"][-1]))
    assert len(counting(sums)) == 1
    lacking = table(("m", "regression", "single", "indirect", "percentile"))
    assert counting(lacking).empty and counting(lacking.iloc[:0]).empty


def test_moderated_effects_count_at_each_value():
    frame = table(*[("m", "twolevel", "within", "indirect", PRIMARY_INTERVAL)] * 2).assign(at=[23.9, 41.2])
    assert len(counting(frame)) == 2
