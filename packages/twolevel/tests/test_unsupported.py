"""What 1.0 does not do is refused by name, with the nearest thing that works."""

import pytest
import twolevel
from twolevel.errors import ModelError, UnsupportedError
from twolevel_samples import TEXTS, draw

FRAME = draw(1)


@pytest.mark.parametrize(
    ("options", "instead"),
    [
        ({"group": "sex"}, "each group by itself"),
        ({"ordered": ["y"]}, "as continuous"),
        ({"estimator": "MLR"}, "se='robust'"),
        ({"estimator": "WLSMV"}, "as continuous"),
        ({"test": "satorra.bentler"}, "likelihood_ratio"),
        ({"std_lv": True}, r"f ~~ 1\*f"),
        ({"sample_cov": None}, "SummaryData"),
    ],
)
def test_arguments_of_other_programs(options, instead):
    with pytest.raises(UnsupportedError, match=instead) as caught:
        twolevel.fit(TEXTS["partial"], FRAME, "cluster", **options)
    assert next(iter(options)) in str(caught.value)
    with pytest.raises(UnsupportedError):
        twolevel.Model(TEXTS["partial"]).fit(FRAME, "cluster", **options)


def test_a_mistyped_argument_is_told_the_nearest():
    with pytest.raises(ModelError, match="did you mean 'bounds'"):
        twolevel.fit(TEXTS["partial"], FRAME, "cluster", bound="psd")
    assert twolevel.fit(TEXTS["partial"], FRAME, "cluster", estimator="ML").converged


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("group: a\nlevel: 1\n y ~ x\nlevel: 2\n y ~~ y", "each group"),
        ("level: 1\n y ~ x\nlevel: 2\n y ~~ y\nlevel: 3\n y ~~ y", "cluster by the highest level"),
        ("level: 1\n y ~ x\n y | t1\nlevel: 2\n y ~~ y", "as continuous"),
        ('level: 1\n f =~ x + m + y\n age ~ rv("s")*f\nlevel: 2\n y ~~ y', "mean of its indicators"),
        ('level: 1\n f =~ x + m + y\n f ~ rv("s")*age\nlevel: 2\n y ~~ y', "mean of its indicators"),
        ('level: 1\n f =~ x + rv("s")*m + y\nlevel: 2\n y ~~ y', "leave them fixed"),
        ('level: 1\n y ~ rv("s")*x + rv("s")*m\nlevel: 2\n y ~~ y', "a name of its own"),
    ],
)
def test_statements(text, instead):
    with pytest.raises(UnsupportedError, match=instead):
        twolevel.Model(text)


@pytest.mark.parametrize("name", ["modification_indices", "factor_scores", "predict", "scaled_test"])
def test_what_is_asked_of_a_fit(name):
    fit = twolevel.fit(TEXTS["partial"], FRAME, "cluster")
    with pytest.raises(UnsupportedError, match="not supported"):
        getattr(fit, name)()
