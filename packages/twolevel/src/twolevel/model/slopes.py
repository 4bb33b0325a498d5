"""Random slopes of level 1: `y ~ rv("s")*x` makes the slope of y on x the variable s of level 2.

What a slope acts on decides the likelihood (Rockwood, 2020, Psychometrika 85, 275-300):

observed
    y_ij = v_j + s_j x_ij + ...: the predictor's value as it was measured. Given the clusters' slopes and
    intercepts y is linear in them, so they integrate out in closed form.
within
    y_ij = v_j + s_j (x_ij - u_xj) + ...: the predictor's deviation from its cluster's latent mean. The product
    of the two random variables s_j and u_xj is integrated by quadrature over s_j.

They are different models wherever the predictor has a latent mean of its own. A covariate named at level 1 only has
none, and both are one model.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ModelError, UnsupportedError
from ..likelihood.layout import Random, Slope
from .syntax import BETWEEN, WITHIN, Term


def random_slopes(terms: Sequence[Term], both: set[str], kind: str) -> Random:
    """Find the random slopes of a model text, and the covariates that are then given.

    Parameters
    ----------
    both : set of str
        Observed variables named at both levels.
    kind : {"within", "observed"}
        Of slopes for which the text names none.

    Raises
    ------
    UnsupportedError, ModelError
    """
    drawn = [t for t in terms if t.random]
    if not drawn:
        return Random()
    within = [t for t in terms if t.level == WITHIN]
    between = [t for t in terms if t.level == BETWEEN]
    latent = {t.lhs for t in within if t.op == "=~"}
    named = {n for t in within for n in (t.lhs, t.rhs) if n}
    for t in drawn:
        for name, role in ((t.rhs, "on the latent variable"), (t.lhs, "of the latent variable")):
            if name in latent:
                raise UnsupportedError(
                    f'{t.lhs} ~ rv("{t.random}")*{t.rhs}: random slopes {role} {name!r} are not supported; use the mean '
                    f"of its indicators as an observed variable, or a slope that is the same in all clusters"
                )
        if t.random in named or t.random in {u.lhs for u in between if u.op == "=~"}:
            raise ModelError(
                f"the random slope {t.random!r} has the name of another variable; call it by another name"
            )
    names = [t.random for t in drawn]
    for name in names:
        if names.count(name) > 1:
            raise UnsupportedError(
                f"two slopes are called {name!r}; give each a name of its own (random slopes cannot be set equal "
                "cluster by cluster, their means and variances can: label them at level 2)"
            )
    x = tuple(n for n in _given(within) if n not in both)
    hidden = {*both, *names, *(t.lhs for t in between if t.op == "=~")}
    w = tuple(n for n in _given(between) if n not in hidden)
    slopes = []
    for t in drawn:
        # Without a latent mean of its own a predictor's within part is the predictor.
        own = "observed" if t.rhs not in both else t.kind or kind
        slopes.append(Slope(t.random, t.lhs, t.rhs, own))
    _refuse_loops(within)
    return Random(tuple(slopes), x, w)


def _given(terms: Sequence[Term]) -> list[str]:
    """Variables of a level that only predict."""
    outcomes = {t.lhs for t in terms if t.op == "~"}
    others = {n for t in terms if t.op in ("~~", "~1", "=~") for n in (t.lhs, t.rhs) if n}
    return list(
        dict.fromkeys(t.rhs for t in terms if t.op == "~" and t.rhs not in outcomes and t.rhs not in others)
    )


def _refuse_loops(terms: Sequence[Term]) -> None:
    """A loop would change the determinant of the transformation from residuals to variables cluster by cluster."""
    arrows = {(t.rhs, t.lhs) for t in terms if t.op == "~"}
    left = {n for pair in arrows for n in pair}
    while left:
        free = {n for n in left if not any(end == n and start in left for start, end in arrows)}
        if not free:
            raise UnsupportedError(
                f"paths of level 1 that go in circles ({', '.join(sorted(left))}) cannot be combined with random "
                "slopes; leave one of them out"
            )
        left -= free
