"""Participants, measures, descriptive statistics, differences between therapists."""

from __future__ import annotations

from fortems.data.privacy.flow import told_detail
from fortems.presentation.results import Row
from fortems.presentation.words import listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import IS, interval, joined, name
from fortems.study.definition import study

FLOW = "data/flow.csv"
DESCRIPTIVES = "tables/descriptives.csv"
ICC = "tables/icc.csv"
RELIABILITY = "tables/reliability.csv"
FIGURES = "figures/index.csv"


def participants(report: Report) -> str:
    """Who was received, excluded, analysed; background."""
    if report.variant.matrix:
        row = report.results.first("tables/correlations.csv")
        if row is None:
            return ""
        return f"The printed correlations rest on {report.bind.of(row, 'n', 'n')} clients. There is no flow of participants to report."
    flow = report.results.rows(FLOW)
    parts = [_flow(report, flow), _background(report)]
    return joined(parts)


def _flow(report: Report, flow: list[Row]) -> str:
    by = {row["step"]: row for row in flow}
    last = by.get("analysed")
    if last is None:
        return ""
    bind = report.bind
    who = "simulated clients" if report.variant.simulated else "clients"
    text = f"The analyses use {bind.of(last, 'clients', 'n')} {who} of {bind.of(last, 'therapists', 'n')} therapists"
    if last.has("clients_per_therapist"):
        text += f" ({bind.of(last, 'clients_per_therapist', 'm1')} clients per therapist on average)"
    excluded = [
        row for row in flow if row["step"] == "excluded" and row.has("clients") and row["clients"] > 0
    ]
    received = by.get("received")
    limit = 0 if report.variant.simulated else report.results.setting("privacy", "min_cell", default=5)
    if received is not None and any(row["clients"] < limit for row in excluded):
        text += f". How many were excluded is not shown, since counts below {bind.setting('privacy', 'min_cell', style='w')} are suppressed"
    elif received is not None and excluded:
        reasons = [f"{bind.of(row, 'clients', 'n')} ({bind.of(row, 'detail', 'text')})" for row in excluded]
        text += f". Of {bind.of(received, 'clients', 'n')} clients received, {listed(reasons)} were excluded"
    elif received is not None:
        text += f"; none of the {bind.of(received, 'clients', 'n')} clients received was excluded"
    if received is not None and not any(row["clients"] < limit for row in excluded):
        # What else the file has is told where its counts tell of nobody.
        detail = str(received["detail"])
        if ";" in detail and told_detail(detail, False, limit) == detail:
            text += f". What was read: {bind.of(received, 'detail', 'text')}"
    if report.results.setting("inclusion", "sessions", "min") is not None:
        text += f". Clients had to have had at least {bind.setting('inclusion', 'sessions', 'min', style='w')} sessions"
    return f"{text}."


def participants_more(report: Report) -> str:
    """Where the way from the clients received to those analysed is drawn."""
    if "fig-flow" not in report.items:
        row = next((row for row in report.results.rows(FIGURES) if row["name"] == "flow"), None)
        if row is None or not row.has("withheld"):
            return "There is no flow of participants to show."
        reason = str(row["withheld"]).removeprefix("Not drawn: ")
        return f"The way from the clients received to those analysed is not drawn: {escape(reason)}"
    return f"{report.ref('fig-flow')} shows the way from the clients received to those analysed."


def _background(report: Report) -> str:
    bind = report.bind
    parts, style = [], report.variant.mean_style
    for variable, unit in (("age", "years"), ("sessions", "sessions")):
        row = report.results.first(DESCRIPTIVES, variable=variable)
        if row is not None and row.has("mean", "sd"):
            what = "Mean age was" if variable == "age" else "Clients had had"
            average = "" if variable == "age" else " on average"
            parts.append(
                f"{what} {bind.of(row, 'mean', style)} {unit}{average} (*SD*{IS}{bind.of(row, 'sd', style)})."
            )
    genders = report.results.rows(DESCRIPTIVES, "share", "category", variable="gender")
    if genders:
        shares = [f"{bind.of(row, 'share', '%1')} {escape(row['category'])}" for row in genders]
        parts.append(f"Gender: {', '.join(shares)}.")
    return joined(parts)


def measures(report: Report) -> str:
    """Reliability of the scales."""
    rows = report.results.rows(RELIABILITY, "alpha", level="total")
    if not rows:
        return ""
    low, high = min(rows, key=lambda row: row["alpha"]), max(rows, key=lambda row: row["alpha"])
    text = (
        f"Cronbach's alpha [@cronbach1951] ranges from {report.bind.of(low, 'alpha', 'r')} ({name(low['scale'])}) to "
        f"{report.bind.of(high, 'alpha', 'r')} ({name(high['scale'])}){report.see('tbl-reliability')}; omega total [@mcdonald1999] is given "
        "alongside."
    )
    if report.variant.simulated:
        text += " In a simulated run reliabilities are what the scenario set."
    return text


def descriptives(report: Report) -> str:
    """Means, skew, ceiling shares, in words."""
    if report.variant.matrix:
        return f"Means, standard deviations and correlations are those of the printed table{report.see('tbl-correlations')}."
    rows = [row for row in report.results.rows(DESCRIPTIVES) if row["variable"] in study().scales]
    parts = []
    if "tbl-correlations" in report.items:
        where = report.ref("tbl-correlations")
        parts.append(f"Means, standard deviations and correlations of all scales are in {where}.")
    skewed = [row for row in rows if row.has("skew") and abs(row["skew"]) >= 1]
    if len(skewed) == 1:
        shown = report.bind.of(skewed[0], "skew", "b")
        parts.append(f"Only {name(skewed[0]['variable'])} is markedly skewed (skew {shown}).")
    elif skewed:
        most = max(skewed, key=lambda row: abs(row["skew"]))
        parts.append(
            f"Markedly skewed are {listed(name(row['variable']) for row in skewed)}, most of all "
            f"{name(most['variable'])} (skew {report.bind.of(most, 'skew', 'b')})."
        )
    elif any(row.has("skew") for row in rows):
        widest = max((row for row in rows if row.has("skew")), key=lambda row: abs(row["skew"]))
        parts.append(
            f"No scale is markedly skewed; the largest skew is {report.bind.of(widest, 'skew', 'b')} ({name(widest['variable'])})."
        )
    top = [row for row in rows if row.has("ceiling") and row["ceiling"] >= 0.15]
    if top:
        shares = [f"{name(row['variable'])} ({report.bind.of(row, 'ceiling', '%')})" for row in top]
        parts.append(
            f"A ceiling effect shows: many clients gave the highest possible score for {listed(shares)}."
        )
    return joined(parts)


def icc(report: Report) -> str:
    """How much of each scale lies between therapists."""
    rows = report.results.rows(ICC, "icc")
    chain = (*study().predictors, study().mediator, study().outcome)
    main = [row for row in rows if row["variable"] in chain]
    if not main:
        return "Differences between therapists could not be estimated."
    shown = [
        f"{report.bind.of(row, 'icc', 'r')} for {name(row['variable'])}, {interval(report, row, style='rend')}"
        for row in main
    ]
    text = f"The share of variance between therapists, ICC(1) [@shrout1979], is {'; '.join(shown)}{report.see('tbl-icc', 'fig-therapists')}. "
    surely = [row for row in rows if row.has("ci_low") and row["ci_low"] > 0]
    if surely:
        text += (
            f"The interval lies above zero for {listed(name(row['variable']) for row in surely)}, and for no other scale. "
            if len(surely) < len(rows)
            else "All intervals lie above zero. "
        )
    else:
        text += (
            "No interval lies above zero: with so few clients per therapist the data neither show therapist differences nor rule them "
            "out. "
        )
    below = [
        row
        for row in rows
        if row.has("ci_low", "ci_high") and not row["ci_low"] <= row["icc"] <= row["ci_high"]
    ]
    if below:
        text += (
            f"The estimate for {listed(name(row['variable']) for row in below)} is smaller than clients of one therapist can share, which is where its "
            "interval ends, so that it stands outside. "
        )
    literature = (
        f"Reviews find a therapist share in outcome of {report.fact('therapist_icc')} on average, from "
        f"{report.fact('therapist_icc_low')} to {report.fact('therapist_icc_high')} [@johns2019]."
    )
    return text + literature


SENTENCES = (participants, participants_more, measures, descriptives, icc)
