"""Sentences of a verdict, each chosen by outcomes alone."""

from __future__ import annotations

INDIRECT = {
    True: "an indirect effect",
    False: "no indirect effect shown",
}
NOTHING_TO_MEDIATE = "neither full nor partial mediation is supported"
DIRECT = {
    (
        True,
        True,
    ): "a direct path too, shown to lie within the bound: full mediation compatible with the data up "
    "to the bound, partial mediation compatible",
    (True, False): "full mediation incompatible with the data, partial mediation compatible",
    (False, True): "full mediation compatible with the data, a direct path beyond the bound excluded",
    (False, False): "full and partial mediation both compatible with the data",
}
DIRECT_ALONE = {True: "a direct path", False: "no direct path shown"}
EQUIVALENCE = {
    "equivalent": "equivalence of the direct path to zero shown",
    "inconclusive": "equivalence of the direct path to zero not shown: inconclusive",
    "not attainable with data as noisy as these": "equivalence not attainable with data as noisy as these",
}
OPPOSITE = "the direct path has the opposite sign"
NOT_ESTIMATED = "not estimated"


def conclusion(
    indirect_excludes_zero: bool | None,
    direct_excludes_zero: bool | None,
    equivalence: str,
    opposite_signs: bool,
) -> str:
    """Word what a model's verdicts say together.

    Parameters
    ----------
    indirect_excludes_zero, direct_excludes_zero : bool or None
        Whether the primary intervals leave 0 out; None where there is no interval.
    equivalence : str
        ``equivalent``, ``inconclusive``, ``not attainable with data as noisy as these``, or empty where not tested.
    opposite_signs : bool
        Whether indirect and direct effect differ in sign.

    Returns
    -------
    str
        Clauses joined by semicolons. "Full" and "partial" are called compatible or incompatible with the data,
        never proven; a direct path that is not significant is never called absent.
    """
    if indirect_excludes_zero is None or direct_excludes_zero is None:
        return NOT_ESTIMATED
    parts = [INDIRECT[indirect_excludes_zero]]
    if indirect_excludes_zero:
        parts.append(DIRECT[direct_excludes_zero, equivalence == "equivalent"])
        if equivalence and equivalence != "equivalent" and not direct_excludes_zero:
            parts.append(EQUIVALENCE[equivalence])
        if opposite_signs and direct_excludes_zero:
            parts.append(OPPOSITE)
    else:
        parts += [NOTHING_TO_MEDIATE, DIRECT_ALONE[direct_excludes_zero]]
        if equivalence and not direct_excludes_zero:
            parts.append(EQUIVALENCE[equivalence])
    return "; ".join(parts)


def paper_rule(indirect_excludes_zero: bool | None, direct_p: float) -> str:
    """Return what the paper's own rule concludes: ``full``, ``partial``, ``none`` or empty.

    Full: the indirect interval excludes 0 and the direct path has p ≥ .05; partial: the same with p < .05.
    """
    if indirect_excludes_zero is None or direct_p != direct_p:
        return ""
    if not indirect_excludes_zero:
        return "none"
    return "full" if direct_p >= 0.05 else "partial"
