"""Each kind of bad input: a named error or warning with a remedy."""

import numpy as np
import pandas as pd
import pytest
import twolevel
from twolevel import errors
from twolevel_samples import TEXTS, draw

FRAME = draw(1, clusters=30, icc=0.3)
PARTIAL = TEXTS["partial"]


def raises(error, match, text=PARTIAL, frame=FRAME, cluster="cluster", **options):
    with pytest.raises(error, match=match) as caught:
        twolevel.fit(text, frame, cluster, **options)
    assert isinstance(caught.value, errors.TwoLevelError)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "empty"),
        ("y ~ x", "before any 'level:'"),
        ("level: 1\ny ~ x", "no 'level: 2'"),
        ("level: 2\ny ~ x", "no 'level: 1'"),
        ("level: 3\ny ~ x", "level: 1"),
        ("group: 1\ny ~ x", "several groups"),
        ("level: 1\ny ~ x:m\nlevel: 2\ny ~~ y", "columns of their own"),
        ("level: 1\ny ~ \nlevel: 2\ny ~~ y", "no statement|not a name"),
        ("level: 1\ny > x\nlevel: 2\ny ~~ y", "not supported"),
        ("level: 1\ny ~ start(a)*x\nlevel: 2\ny ~~ y", "needs a number"),
        ("level: 1\ny ~ c(1,2)*x\nlevel: 2\ny ~~ y", "modifier"),
        ("level: 1\ny ~ x + x\nlevel: 2\ny ~~ y", "given twice"),
        ("level: 1\ny ~ 5\nlevel: 2\ny ~~ y", "5\\*1"),
        ("level: 1\ny ~ a*x\nlevel: 2\ny ~~ y\nq := a +", "not an expression|no statement"),
        ("level: 1\ny ~ a*x\nlevel: 2\ny ~~ y\nq := a[0]", "not allowed"),
        ("level: 1\ny ~ a*x\nlevel: 2\ny ~~ y\nq := a\nq := 2*a", "defined twice"),
        ("level: 1\ny ~ a*x\nlevel: 2\ny ~~ y\nq := 2*r\nr := a", "line 5 .*uses 'r' before it is defined"),
        ("level: 1\ny ~ a*x\nlevel: 2\ny ~~ y\nq := 2*q", "line 5 .*uses 'q' before"),
        ("level: 1\ny ~ a*x\nlevel: 2\ny ~~ y\na := 2*a", "line 5 .*'a' is the label"),
        ("level: 1\ny ~ a*x\ny ~ d*x\nlevel: 2\ny ~~ y", "line 3 .*labels 'a' and 'd'.*a == d"),
        ("level: 1\ny ~ a*d*x\nlevel: 2\ny ~~ y", "line 2 .*labels 'a' and 'd'"),
        ("level: 1\ny ~ a*x\nlevel: 2\ny ~~ y\nq := max(a)", "line 5 .*max takes two arguments or more"),
        ("level: 1\ny ~ a*x\nlevel: 2\ny ~~ y\nq := sqrt(a, a)", "sqrt takes one argument"),
        ("level: 1\ny ~ a*x\nlevel: 2\ny ~~ y\nq := exp()", "exp takes one argument"),
        ("level: 1\ny ~ a*x\nlevel: 2\ny ~~ y\nq := max(a, 1, key=a)", "not allowed"),
        ("level: 1\ny ~ a*x\nlevel: 2\ny ~~ y\nq := a/(2 - 2)", "line 5 .*divides by zero"),
        ("level: 1\ny ~ (x\nlevel: 2\ny ~~ y", "bracket"),
        ("level: both\ny ~ x", "line 1 .*a block is 'level: 1'"),
        ("level: 1\ny x\nlevel: 2\ny ~~ y", "line 2 .*no statement"),
        ("level: 1\ny ~ a*rv('s')*x\nlevel: 2\ny ~~ y", "line 2 .*stands alone.*s ~ mean"),
        ("level: 1\ny ~ rv('1s')*x\nlevel: 2\ny ~~ y", "line 2 .*with a name of its own"),
        ("level: 1\ny ~ rv('s', 'latent')*x\nlevel: 2\ny ~~ y", "line 2 .*\"within\"., not 'latent'"),
        ("level: 1\ny ~ rv('s')*x\ny ~ a*x\nlevel: 2\ny ~~ y", "slope of y on x is random and given twice"),
    ],
)
def test_syntax_errors_name_the_line_and_the_remedy(text, match):
    with pytest.raises(errors.ModelSyntaxError, match=match):
        twolevel.Model(text)


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("level: 1\ny ~ a*x\nlevel: 2\ny ~~ y\nq := aa*2", errors.UnknownParameterError, "did you mean 'a'"),
        ("level: 1\ny ~ y\nlevel: 2\ny ~~ y", errors.ModelError, "predict itself"),
        ("level: 1\nf =~ x + m\nlevel: 2\nf ~~ y", errors.ModelError, "latent"),
        ("level: 1\nx ~~ 1*x\nx ~ 0*1\nlevel: 2\nx ~~ 1*x\nx ~ 0*1", errors.ModelError, "fixed"),
        ("level: 1\nf =~ x\nlevel: 2\nf ~~ f", errors.ModelError, "latent"),
    ],
)
def test_models_that_describe_nothing(text, error, match):
    with pytest.raises(error, match=match):
        twolevel.Model(text)


def test_expressions_without_a_value():
    fit = twolevel.fit(PARTIAL, FRAME, "cluster")
    for expression in ("a/(b - b)", "a/sqrt(b - b)", "(b - b)^(0-1)", "10^(1000 + a)"):
        with pytest.raises(errors.ExpressionError, match=r"at .*b? = |too large"):
            fit.delta(expression)
    assert np.isnan(fit.delta("(0 - a^2)^0.5")[0])
    assert fit.delta("max(a, b, 7)")[0] == 7 and fit.delta("min(a, b, 0 - 7)")[0] == -7
    zero = twolevel.fit(PARTIAL.replace("b*m", "b*m + 0*m") + "share := a/b\n", FRAME, "cluster")
    with pytest.raises(errors.ExpressionError, match=r"'a/b' divides by zero at a = .*, b = 0"):
        zero.parameters  # noqa: B018
    resampled = zero.bootstrap(2, np.random.default_rng(1))
    assert resampled.n_failed == 0 and resampled.estimates["share"].isna().all()
    assert resampled.estimates["indirect"].eq(0).all()


def test_unknown_names():
    raises(errors.UnknownVariableError, "clustr.*did you mean 'cluster'", cluster="clustr")
    raises(
        errors.UnknownVariableError, "agee.*did you mean 'age'", PARTIAL.replace("m ~ a*x", "m ~ a*x + agee")
    )
    fit = twolevel.fit(PARTIAL, FRAME, "cluster")
    with pytest.raises(errors.UnknownParameterError, match="did you mean 'indirect'"):
        fit.delta("indirct")
    with pytest.raises(errors.UnknownParameterError):
        fit.profile("aa")
    raises(errors.ModelError, "did you mean 'psd'", bounds="psdd")
    raises(errors.ModelError, "name the cluster column", cluster=None)
    raises(errors.ModelError, "complete data", se="expected", missing="ml")
    raises(errors.ModelError, "prepared for", frame=twolevel.ClusterData(FRAME, "cluster"), cluster="w")


@pytest.mark.parametrize("missing", ["listwise", "ml"])
def test_values_that_cannot_be_used(missing):
    def bad(error, match, text=PARTIAL, **columns):
        raises(error, match, text, FRAME.assign(**columns), missing=missing)

    bad(errors.NonNumericError, "not numbers", x="a")
    bad(errors.NonFiniteError, "infinite", x=FRAME["x"].where(FRAME.index != 3, np.inf))
    bad(errors.NonFiniteError, "cluster column", cluster=FRAME["cluster"].where(FRAME.index != 3))
    bad(errors.ConstantVariableError, "constant", x=3.0)
    bad(errors.ConstantVariableError, "level 2 only", x=FRAME["w"])
    bad(errors.OneClusterError, "single-level", cluster=1)
    bad(errors.NoReplicationError, "told apart", cluster=np.arange(len(FRAME)))
    bad(errors.MissingValuesError, "missing|complete", x=np.nan)
    bad(errors.BetweenVariableVariesError, "cluster mean", TEXTS["between_covariate"], w=FRAME["x"])


def test_collinear_variables():
    raises(
        errors.CollinearVariablesError, "combination of", frame=FRAME.assign(y=2 * FRAME["x"] - FRAME["m"])
    )
    text = TEXTS["between_covariate"].replace("m ~ x + w", "m ~ x + w + v")
    raises(errors.CollinearVariablesError, "between clusters", text, FRAME.assign(v=1 - FRAME["w"]))
    few = FRAME[FRAME["cluster"] < 3].assign(v=np.sin(FRAME["w"]), u=np.cos(FRAME["w"]))
    raises(errors.CollinearVariablesError, "clusters, not 3", text.replace("w + v", "w + v + u"), few)


def test_full_information_refuses_what_listwise_deletion_does():
    def bad(error, match, text, **columns):
        for missing in ("listwise", "ml"):
            raises(error, match, text, FRAME.assign(**columns), missing=missing)

    covariate = TEXTS["between_covariate"]
    bad(errors.ConstantVariableError, "'w' is constant", covariate, w=0.1)
    two = covariate.replace("m ~ x + w", "m ~ x + w + v")
    bad(errors.CollinearVariablesError, "between clusters", two, v=1 - FRAME["w"])
    bad(errors.ConstantVariableError, "'v' is constant", two, v=1e6)
    bad(errors.CollinearVariablesError, "within clusters", PARTIAL, y=2 * FRAME["x"] - FRAME["m"])
    bad(errors.CollinearVariablesError, "within clusters", PARTIAL, m=1e9 * FRAME["x"] + FRAME["w"])


def test_collinear_variables_with_holes():
    rng = np.random.default_rng(1)
    frame = FRAME.assign(y=2 * FRAME["x"] - FRAME["m"])
    holes = frame.copy()
    for name in ("x", "m", "y"):
        holes.loc[rng.random(len(holes)) < 0.2, name] = np.nan
    raises(errors.CollinearVariablesError, "within clusters", frame=holes, missing="ml")
    # Of the complete rows only: rows that lack the third variable tell the pair apart.
    pair = FRAME.assign(y=FRAME["x"])
    pair.loc[::2, "y"] = FRAME.loc[::2, "y"]
    pair.loc[::2, "m"] = np.nan
    assert twolevel.fit(PARTIAL, pair, "cluster", missing="ml").n_dropped == 0


@pytest.mark.parametrize("missing", ["listwise", "ml"])
def test_columns_of_one_name(missing):
    twice = pd.concat([FRAME, FRAME[["x"]]], axis=1)
    raises(errors.DuplicateColumnError, "2 columns of the data are called 'x'", frame=twice, missing=missing)
    twice = pd.concat([FRAME, FRAME[["cluster"]]], axis=1)
    raises(errors.DuplicateColumnError, "'cluster'", frame=twice, missing=missing)
    unused = pd.concat([FRAME, FRAME[["w", "w"]]], axis=1)
    assert twolevel.fit(PARTIAL, unused, "cluster", missing=missing).converged


def test_singleton_clusters_are_allowed_and_counted():
    frame = pd.concat([FRAME, FRAME.iloc[:5].assign(cluster=[900, 901, 902, 903, 904])])
    for missing in ("listwise", "ml"):
        fit = twolevel.fit(PARTIAL, frame, "cluster", missing=missing)
        assert fit.converged
        assert fit.n_singletons == (frame.groupby("cluster").size() == 1).sum()


def test_rows_left_out_are_counted():
    frame = FRAME.copy()
    frame.loc[[0, 3, 8], "x"] = np.nan
    frame.loc[3, ["m", "y"]] = np.nan
    assert twolevel.fit(PARTIAL, frame, "cluster").n_dropped == 3
    assert twolevel.fit(PARTIAL, frame, "cluster", missing="ml").n_dropped == 1


@pytest.mark.parametrize("model", [None, ["level: 1"], 3, b"level: 1"])
def test_a_model_that_is_no_text_is_told_so(model):
    with pytest.raises(twolevel.errors.ModelError, match="give its text"):
        twolevel.fit(model, draw(1), "cluster")


def test_a_kind_of_slope_that_is_none_is_told_so():
    with pytest.raises(twolevel.errors.ModelError, match="slopes="):
        twolevel.fit("level: 1\n y ~ x\nlevel: 2\n y ~~ y", draw(1), "cluster", slopes=["observed"])
