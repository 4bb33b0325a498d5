"""Discussion: what the verdicts add up to, what the pattern can tell, limits, implications."""

from __future__ import annotations

from fortems.presentation.choice import levels, path, with_verdict
from fortems.presentation.words import ESTIMAND_WORDS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.claims import estimands, failures, tallies
from fortems.report.text.method.instruments import assumed_keys
from fortems.report.text.offset import offset_reminder
from fortems.report.text.story import between
from fortems.report.text.study import model_at, others
from fortems.report.text.words import bare_name, chain_names, clear, joined, sentence
from fortems.study.definition import lower, study
from fortems.study.roles import key_models
from fortems.study.variables import short_label, with_article

DIAGNOSTICITY = "design/diagnosticity.csv"


def shown(report: Report, role: str) -> dict[str, str]:
    """Estimand → whether a key model's indirect effect is shown with the expected sign, or against it."""
    states: dict[str, str] = {}
    model = key_models(report.models).get(role)
    if model is None:
        return states
    sign = study().expected(role, study().outcome)
    for level in levels(report.results):
        row = path(report.results, model, level, "indirect")
        if row is not None and clear(row) is not None:
            states[level] = "no" if not clear(row) else "yes" if row["estimate"] * sign > 0 else "against"
    return states


def support(report: Report, role: str) -> str:
    """At how many estimands the expected indirect effect is shown.

    ``both`` (or the only one), ``one``, ``none``, ``against`` (an effect of the other sign is shown), ``unknown``.
    """
    found = list(shown(report, role).values())
    if not found:
        return "unknown"
    if "against" in found:
        return "against"
    return "both" if set(found) == {"yes"} else "one" if "yes" in found else "none"


def _statements(report: Report) -> list[str]:
    """What the data say of the key predictors, models of the same verdict together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for role in key_models(report.models):
        found = shown(report, role)
        key = (support(report, role), *(level for level, state in found.items() if state == "yes"))
        groups.setdefault(key, []).append(role)
    clauses = []
    for (state, *where), roles in groups.items():
        relation = f"{bare_name(study().mediator)} stands {between(roles)}"
        estimands_ = listed(ESTIMAND_WORDS[level] for level in where)
        clauses.append(
            {
                "both": f"the data agree with the account that {relation}"
                + (", under both estimands" if len(where) == 2 else ""),
                "one": f"the data agree with the account that {relation} {estimands_} only",
                "none": f"the data do not show that {relation}",
                "against": f"the data speak against the account that {relation}: an indirect effect of the opposite sign is shown",
                "unknown": f"whether {relation} could not be estimated",
            }[state]
        )
    return clauses


def discussion(report: Report) -> str:
    """The main finding, by variant."""
    statements = _statements(report)
    opening = {
        "simulated": "In these simulated clients, whose data were made so that the scenario holds, ",
        "items": "In these clients ",
        "scores": "In these clients ",
        "matrix": "By the correlations of an invented article "
        if report.variant.invented
        else "By the printed correlations ",
    }[report.variant.kind]
    parts = [f"{opening}{'; '.join(statements)}."] if statements else []
    parts += [offset_reminder(report), others(report)]
    if estimands(report):
        # the results have the counts of verdicts
        told = failures(report).rstrip(".") or tallies(report)
        parts.append(sentence(f"{told}{report.see('tbl-claims')}"))
    parts.append(_full(report))
    if report.variant.simulated:
        design = ", and the design, whose results vary as much as the simulated studies show"
        parts.append(
            "None of this bears on the hypothesis: the scenario put in what the analysis found or missed. What it bears on is the "
            f"method, which runs from answers to verdicts without a hand{design if report.has(DIAGNOSTICITY) else ''}."
        )
    return joined(parts)


def _full(report: Report) -> str:
    rows = with_verdict(report.results, key_models(report.models).values(), "equivalence")
    if not rows:
        return ""
    shown_ = [row for row in rows if row["equivalence"] == "equivalent"]
    barred = [row for row in rows if row["equivalence"] == "not attainable with data as noisy as these"]
    if len(barred) == len(rows):
        return (
            "Full mediation, in the sense of a direct path too small to matter, could not have been shown with data as noisy "
            "as these; a direct path that is not significant does not show it."
        )
    if shown_:
        which = listed(model_at(report, row) for row in shown_)
        return f"A direct path too small to matter is shown for {which}, which full mediation requires."
    return "That the direct path is too small to matter is not shown, so that full mediation is not shown either."


def _brief(variable: str) -> str:
    return escape(lower(short_label(variable)))


def limits(report: Report) -> str:
    """Limits of this kind of run."""
    assumed = assumed_keys(report)
    key = (
        f" The item key of the {listed(escape(one.title) for one in assumed)} is an assumption that the user should check."
        if assumed
        else ""
    )
    own = {
        "simulated": "*Simulation.* The scenario's values are assumptions, graded by how well they are known; another scenario gives other "
        "results. Real answers have features that the simulator lacks.",
        "items": f"*This sample.* Whether these clients resemble the {study().work}'s cannot be told from the data.{key}",
        "scores": f"*This sample.* Whether these clients resemble the {study().work}'s cannot be told from the data. Scale scores were taken as "
        "given; scoring and missing items could not be checked.",
        "matrix": "*A matrix only.* Clustering in therapists, missing data, skew and single influential clients cannot be seen; the "
        "intervals take clients as independent.",
    }[report.variant.kind]
    size = ""
    row = report.results.first("data/flow.csv", step="analysed")
    if row is not None and row.has("clients_per_therapist") and row["clients_per_therapist"] < 10:
        size = (
            f"*Few clients per therapist.* With {report.bind.of(row, 'clients_per_therapist', 'm1')} clients per therapist the differences between "
            "therapists are poorly known; effects between therapists are withheld where their variance is at the boundary."
        )
    return "\n\n".join(part for part in (own, size) if part)


def implications(report: Report) -> str:
    """For research and practice, from the verdicts."""
    next_study = (
        f"A study that could tell would measure {listed(chain_names())} several times, from the start of therapy, in more "
        "therapists"
    )
    if study().aspects:
        aspects = listed(_brief(x) for x in study().aspects)
        next_study += f", and would test the difference between {aspects} instead of comparing verdicts."
    else:
        next_study += ", with its verdicts fixed beforehand."
    if report.variant.simulated:
        return f"{next_study} For practice nothing follows from simulated clients."
    if report.variant.invented:
        return f"{next_study} For practice nothing follows from an invented article."
    state = {support(report, role) for role in key_models(report.models)}
    if not state:
        return f"{next_study} For practice nothing follows as to the {study().work}'s account, since its models are not among this run's."
    if state == {"both"} and len(levels(report.results)) > 1:
        practice = (
            f"For practice the association is a reason to ask how much {bare_name(study().mediator)} clients have when "
            f"{escape(with_article(study().predictors[0]))} is discussed; it is no evidence that working on either changes the other."
        )
    else:
        practice = f"For practice these data give no new reason for action; they do not show that {bare_name(study().mediator)} plays no part."
    return f"{next_study} {practice}"


SENTENCES = (discussion, limits, implications)
