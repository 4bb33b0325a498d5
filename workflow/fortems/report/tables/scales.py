"""Tables of the scales: reliability, descriptives with correlations, correlations by level, therapist shares."""

from __future__ import annotations

from fortems.presentation.numbers import ABSENT
from fortems.presentation.results import Row
from fortems.report.page.table import Body, Cell, Section, Table
from fortems.report.template import Report
from fortems.report.text.method.instruments import instrument_label
from fortems.report.text.relations import CORRELATIONS, at_level, total
from fortems.study.definition import study
from fortems.study.variables import label, short_label

RELIABILITY = "tables/reliability.csv"
DESCRIPTIVES = "tables/descriptives.csv"
ICC = "tables/icc.csv"
RATERS = "tables/raters.csv"


def reliability(report: Report) -> Table | None:
    """Alpha and omega over all clients, alpha within therapists."""
    rows = report.results.rows(RELIABILITY, level="total")
    if not rows:
        return None
    bind = report.bind
    body: list[Section | tuple[Cell | str, ...]] = []
    for key in dict.fromkeys(row["instrument"] for row in rows):
        body.append(Section(instrument_label(report, str(key))))
        for row in rows:
            if row["instrument"] != key:
                continue
            within = report.results.first(RELIABILITY, level="within", scale=row["scale"])
            body.append(
                (
                    label(str(row["scale"])),
                    bind.cell(row, "n_items", "n"),
                    bind.cell(row, "alpha", "r"),
                    bind.interval(row, "alpha_low", "alpha_high", "rend"),
                    bind.cell(row, "omega", "r"),
                    bind.interval(row, "omega_low", "omega_high", "rend"),
                    bind.cell(within, "alpha", "r"),
                )
            )
    return Table(
        "tbl-reliability",
        "Reliability of the Scales",
        ("Scale", "Items", "α", _ci(report), "ω", _ci(report), "α within"),
        "lrrcrcr",
        tuple(body),
        (
            "α = Cronbach's alpha; ω = omega total; α within = alpha of answers centred at their therapist's mean. Intervals by leaving "
            "out one therapist at a time.",
        ),
    )


def _ci(report: Report) -> Cell:
    """The head of a column of intervals: ``95% CI``."""
    return Cell.of(report.bind.setting_cell("confidence", style="%"), " CI")


def _scale_names(report: Report) -> list[str]:
    rows = report.results.rows(CORRELATIONS)
    have = {row["x"] for row in rows} | {row["y"] for row in rows}
    return [name for name in study().scales if name in have]


def correlations(report: Report) -> Table | None:
    """Means, SDs and correlations in one matrix: total below the diagonal, within therapists above."""
    names = _scale_names(report)
    if len(names) < 2:
        return None
    bind = report.bind
    body: list[tuple[Cell | str, ...]] = []
    above = not report.variant.matrix
    for i, row_name in enumerate(names):
        described = report.results.first(DESCRIPTIVES, variable=row_name)
        cells: list[Cell | str] = [
            f"{i + 1}. {label(row_name)}",
            bind.cell(described, "mean", report.variant.mean_style),
            bind.cell(described, "sd", report.variant.mean_style),
        ]
        for j, column_name in enumerate(names):
            if i == j:
                cells.append(ABSENT)
            elif j < i:
                cells.append(_starred(report, total(report, row_name, column_name)))
            else:
                cells.append(
                    _starred(report, at_level(report, row_name, column_name, "within")) if above else ""
                )
        body.append(tuple(cells))
    where = "below the diagonal over all clients, above it within therapists" if above else "as printed"
    test = (
        "Tests over all clients are cluster-robust (jackknife of Fisher's *z*), those within therapists have the number of clients minus the "
        "number of therapists minus one degrees of freedom."
        if above
        else "Tests take clients as independent."
    )
    return Table(
        "tbl-correlations",
        "Means, Standard Deviations and Correlations",
        ("Variable", "*M*", "*SD*", *(str(i + 1) for i in range(len(names)))),
        "lrr" + "r" * len(names),
        tuple(body),
        (
            f"Correlations: {where}. {test}",
            "Stars: one for *p* < .05, two for *p* < .01, not adjusted for the number of tests.",
        ),
        widths=(0.22, 0.07, 0.065, *((0.645 / len(names),) * len(names))),
        small=True,
    )


def _starred(report: Report, row: Row | None) -> Cell:
    number = report.bind.cell(row, "r", "r")
    if row is None or not row.has("r", "p"):
        return number
    stars = "**" if row["p"] < 0.01 else "*" if row["p"] < 0.05 else ""
    return Cell.of(number, stars) if stars else number


def levels(report: Report) -> Table | None:
    """The paper's family of correlations at three levels, with adjusted p."""
    if report.variant.matrix or not report.results.has(CORRELATIONS):
        return None
    bind = report.bind
    body: list[tuple[Cell | str, ...]] = []
    for x, y in study().family:
        whole = total(report, x, y)
        if whole is None:
            continue
        within, between = at_level(report, x, y, "within"), at_level(report, x, y, "between")
        body.append(
            (
                f"{short_label(x)} – {short_label(y).lower()}",
                bind.cell(whole, "r", "r"),
                bind.interval(whole, style="rend"),
                bind.cell(whole, "p", "p"),
                bind.cell(whole, "p_holm", "p"),
                bind.cell(within, "r", "r"),
                bind.interval(within, style="rend"),
                bind.cell(within, "p", "p"),
                bind.cell(between if between is not None and between.has("ci_low") else None, "r", "r"),
            )
        )
    if not body:
        return None
    ci = _ci(report)
    return Table(
        "tbl-levels",
        f"Correlations of the {study().work.capitalize()}'s Findings at Three Levels",
        ("Pair", "*r*", ci, "*p*", "*p*~Holm~", "*r*", ci, "*p*", "*r*"),
        "lrcrrrcrr",
        tuple(body),
        (
            "Total: over all clients, cluster-robust test (jackknife of Fisher's *z*). Within: scores centred at their "
            "therapist's mean. Between: latent therapist parts; an em dash where not both variances are surely above zero.",
        ),
        spanners=(("", 1), ("Total", 4), ("Within therapists", 3), ("Between", 1)),
        widths=(0.23, 0.07, 0.14, 0.09, 0.09, 0.07, 0.14, 0.08, 0.09),
        small=True,
    )


def icc(report: Report) -> Table | None:
    """Share of variance between therapists."""
    rows = [row for row in report.results.rows(ICC) if row["variable"] in study().scales]
    if not rows:
        return None
    bind = report.bind
    body: Body = tuple(
        (
            label(str(row["variable"])),
            bind.cell(row, "n_clients", "n"),
            bind.cell(row, "n_therapists", "n"),
            bind.cell(row, "icc", "r"),
            bind.interval(row, style="rend"),
            bind.cell(row, "icc_ml", "r"),
            bind.cell(row, "p", "p"),
        )
        for row in rows
    )
    return Table(
        "tbl-icc",
        "Share of Variance Between Therapists",
        ("Scale", "Clients", "Therapists", "ICC(1)", _ci(report), "ICC(1), ML", "*p*"),
        "lrrrcrr",
        body,
        (
            "ICC(1) from the one-way analysis of variance, which can be negative; ML = maximum likelihood, not below zero. *p*: two-sided *F* "
            "test of no differences between therapists, which agrees with the interval; that ends at the least that clients of one therapist can share.",
        ),
    )


def raters(report: Report) -> Table | None:
    """Two ratings of one construct: how they go together, and by how much they differ."""
    rows = report.results.rows(RATERS)
    if not rows:
        return None
    bind = report.bind
    body: Body = tuple(
        (
            f"{short_label(str(row['first']))} – {short_label(str(row['second']))}",
            bind.cell(row, "r_within", "r"),
            bind.interval(row, "r_within_low", "r_within_high", "rend"),
            bind.cell(row, "r_total", "r"),
            bind.cell(row, "mean_difference", "end"),
            bind.interval(row),
            bind.cell(row, "p", "p"),
            bind.cell(row, "sd_within", "end"),
        )
        for row in rows
    )
    shares = " Ratings of different ranges: in shares of the possible range." * any(
        row["unit"] != "score" for row in rows
    )
    return Table(
        "tbl-raters",
        "Two Ratings of One Construct",
        ("Pair", "*r* within", _ci(report), "*r* total", "Difference", _ci(report), "*p*", "SD within"),
        "lrrrrrrr",
        body,
        (
            "*r*: within therapists and over all clients. Difference: the second rating less the first, on average, with its "
            f"cluster-jackknife interval and test; SD within: of single clients' differences within therapists.{shares}",
        ),
    )
