"""What a study of this size can prove: diagnosticity, power, coverage, recovery."""

from __future__ import annotations

from fortems.presentation.claims import aspects_pattern, claim_label, patterns, whole_pattern
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, INTERVAL_WORDS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import IS, joined, plural
from fortems.study.definition import lower, study
from fortems.study.estimands import ESTIMANDS, PRIMARY_INTERVAL
from fortems.study.variables import bare

DIAGNOSTICITY = "design/diagnosticity.csv"
RATIOS = "design/likelihood_ratios.csv"
POWER = "design/power.csv"
COVERAGE = "design/coverage.csv"
RECOVERY = "design/recovery.csv"
MADE_TRUE = (
    "The scenario *as reported* makes the article's account true; what the article does not say of it is assumed, the size of each "
    "correlation included. In this scenario"
)


def scenario_titles(report: Report) -> dict[str, str]:
    """Scenario → its title, escaped."""
    rows = report.results.rows(DIAGNOSTICITY, gap=None)
    return {row["scenario"]: escape(str(row["title"]).lower()) for row in rows}


def share(report: Report, row: Row) -> str:
    """``12.3%, 95% CI [11.4%, 13.2%]`` of simulated studies."""
    return (
        f"{report.bind.of(row, 'probability', '%1')} \\[{report.bind.of(row, 'ci_low', '%1')}, "
        f"{report.bind.of(row, 'ci_high', '%1')}\\]"
    )


def pattern_share(report: Report) -> str:
    """For the abstract: how often the whole pattern shows where the article's account is made true."""
    clauses = [
        f"{report.bind.of(row, 'probability', '%1')} with effects {ESTIMAND_WORDS[level]}"
        for level in ESTIMANDS
        if (row := _reported(report, whole_pattern(report.results.claims), level)) is not None
    ]
    if not clauses:
        return ""
    return (
        "Where the article's account is made true, sizes assumed, the share of studies with the whole pattern is "
        f"{listed(clauses)}."
    )


def _reported(report: Report, claim: str, level: str) -> Row | None:
    return report.results.first(
        DIAGNOSTICITY, claim=claim, estimand=level, scenario=study().account, gap=None
    )


def diagnosticity(report: Report) -> str:
    """How often the patterns show, by scenario, and the likelihood ratios."""
    parts: list[str] = []
    for claim, pattern in patterns(report.results.claims).items():
        words = escape(pattern.called)
        clauses = []
        for level in ESTIMANDS:
            row = _reported(report, claim, level)
            if row is not None:
                clauses.append(f"in {share(report, row)} of studies with effects {ESTIMAND_WORDS[level]}")
        if clauses:
            parts.append(
                f"{MADE_TRUE if not parts else 'There'} {words} shows {' and '.join(clauses)}{report.see('fig-overview') if not parts else ''}."
            )
    single = _least_and_most(report)
    if single:
        parts.append(single)
    parts.append(next((text for level in ESTIMANDS if (text := _ratios(report, level))), ""))
    parts.append(_reversed(report))
    parts.append(_gaps(report))
    parts.append(_lost(report))
    return joined(parts) or "The simulated studies could test no pattern."


def _lost(report: Report) -> str:
    """How many simulated studies could not test a finding, for want of an estimate."""
    rows = [row for row in report.results.rows(DIAGNOSTICITY) if row.has("studies", "testable")]
    lost = [row for row in rows if row["testable"] < row["studies"]]
    if not rows:
        return ""
    if not lost:
        return "No study was lost: each could test every finding."
    worst = min(lost, key=lambda row: row["testable"] / row["studies"])
    return (
        f"In some studies a finding could not be tested, for want of an estimate; the one tested least often, in {report.bind.of(worst, 'testable', 'n')} "
        f"of {report.bind.of(worst, 'studies', 'n')}."
    )


def _least_and_most(report: Report) -> str:
    rows = report.results.rows(DIAGNOSTICITY, scenario=study().account, role="finding", gap=None)
    if len(rows) < 2:
        return ""
    least, most = min(rows, key=lambda row: row["probability"]), max(rows, key=lambda row: row["probability"])

    def named(row: Row) -> str:
        return f"“{escape(claim_label(report.results.claims, row['claim'], row['estimand']))}” ({report.bind.of(row, 'probability', '%1')})"

    return (
        f"Of the single findings the most frequent there is {named(most)}, the least frequent {named(least)}; a study of this size misses "
        "some of them more often than not."
        if least["probability"] < 0.5
        else f"Of the single findings the most frequent there is {named(most)}, the least frequent {named(least)}."
    )


def _ratios(report: Report, level: str) -> str:
    titles, whole = scenario_titles(report), whole_pattern(report.results.claims)
    rows = [
        row
        for row in report.results.rows(
            RATIOS, claim=whole, estimand=level, scenario=study().account, gap=None, against_gap=None
        )
        if row["against"] in titles
    ]
    clauses = [_ratio(report, row, titles[row["against"]]) for row in rows]
    clauses = [clause for clause in clauses if clause]
    if not clauses:
        return ""
    return (
        f"With effects {ESTIMAND_WORDS[level]}, observing the whole pattern speaks for the article's account with a likelihood ratio of "
        f"{listed(clauses)}{report.see('tbl-diagnosticity', 'fig-diagnosticity')}."
    )


def _ratio(report: Report, row: Row, against: str) -> str:
    if not row.has("ratio"):
        return ""
    value = report.bind.of(row, "ratio", "x")
    bound = {"≥": "at least ", "≤": "at most "}.get(row["relation"], "")
    if bound or not row.has("ci_low", "ci_high"):
        return f"{bound}{value} against *{against}*"
    inside = f"\\[{report.bind.of(row, 'ci_low', 'x')}, {report.bind.of(row, 'ci_high', 'x')}\\]"
    return f"{value} {inside} against *{against}*"


def _reversed(report: Report) -> str:
    rows = [
        row
        for row in report.results.rows(
            RATIOS,
            scenario=study().account,
            against=study().reordered,
            gap=None,
            against_gap=None,
            role="pattern",
        )
        if row.has("ci_low", "ci_high") and row["relation"] == "="
    ]
    if not rows:
        return ""
    if all(row["ci_low"] <= 1 <= row["ci_high"] for row in rows):
        return (
            f"Against the *reversed* scenario, in which {escape(bare(study().outcome))} comes first and the covariances are the same, every ratio of the patterns is "
            "compatible with one: they cannot tell the directions apart."
        )
    return (
        "Against the *reversed* scenario, whose covariances are the same, a ratio differs from one by more than its error; since both "
        "scenarios imply the same data, this can only be chance."
    )


def _gaps(report: Report) -> str:
    claim = aspects_pattern(report.results.claims)
    rows = [
        row for row in report.results.rows(DIAGNOSTICITY, claim=claim, estimand="within") if row.has("gap")
    ]
    if len(rows) < 2:
        return ""
    rows = sorted(rows, key=lambda row: row["gap"])
    first, last = rows[0], rows[-1]
    shows = escape(lower(claim_label(report.results.claims, claim)))
    even = (
        f"Even if the aspects do not differ at all, {shows}"
        if first["gap"] == 0
        else f"At the smallest gap looked at, {shows}"
    )
    return (
        f"{even} in {share(report, first)} of studies; with a gap of {report.bind.of(last, 'gap', 'r')} between its correlation with {bare(study().mediator)} and theirs, "
        f"in {share(report, last)} (effects within therapists). All of this is conditional on publication not depending on the result."
    )


MORE, LESS, UNCLEAR = "more", "less", "unclear"


def against_rivals(report: Report) -> dict[str, list[str]]:
    """Titles of the rivals by whether the whole pattern is more or less probable under the account than under them.

    A rival is one or the other where the ratio's interval says so at every estimand that has one, else unclear. Empty
    where no ratio has an end.
    """
    rows = report.results.rows(
        RATIOS,
        scenario=study().account,
        gap=None,
        against_gap=None,
        claim=whole_pattern(report.results.claims),
    )
    titles = scenario_titles(report)
    sides: dict[str, set[str]] = {}
    for row in rows:
        if not (row.has("ci_low") or row.has("ci_high")):  # one end only where a count is zero
            continue
        above, below = row.has("ci_low") and row["ci_low"] > 1, row.has("ci_high") and row["ci_high"] < 1
        sides.setdefault(row["against"], set()).add(MORE if above else LESS if below else UNCLEAR)
    found: dict[str, list[str]] = {}
    for rival, said in sides.items():
        side = next(iter(said)) if len(said) == 1 else UNCLEAR
        found.setdefault(side, []).append(f"*{titles.get(rival, escape(rival))}*")
    return found


def compared_with_rivals(found: dict[str, list[str]], account: str) -> str:
    """``more probable ACCOUNT than under *a*, less probable than under *b*, and not told apart from *c*``."""
    clauses = []
    if MORE in found:
        clauses.append(f"more probable {account} than under {listed(found[MORE])}")
    if LESS in found:
        than = "than" if clauses else f"{account} than"
        clauses.append(f"less probable {than} under {listed(found[LESS])}")
    if UNCLEAR in found:
        clauses.append(f"not told apart, in probability, from {listed(found[UNCLEAR])}")
    return listed(clauses)


def pattern_verdict(report: Report) -> str:
    """For the discussion: what the ratios allow to say."""
    found = against_rivals(report)
    if not found:
        return ""
    if set(found) == {UNCLEAR}:
        return (
            "The simulations bear this out: the whole pattern is not shown to be more probable where the article's account is true than "
            "under any of the rivals looked at."
        )
    compared = compared_with_rivals(found, "where the article's account is true")
    return f"In the simulations the whole pattern is {compared}."


def power(report: Report) -> str:
    """The article's size, and the smallest designs that suffice."""
    parts = []
    near = [
        row
        for row in report.results.rows(POWER, interval=PRIMARY_INTERVAL)
        if row["therapists"] == 23 and row["clients"] == 4
    ]
    several = len({row["icc"] for row in near if row["icc"] > 0}) > 1

    def effect(row: Row) -> str:
        """The indirect effect; with the ICC where the grid has several above zero."""
        text = report.bind.of(row, "indirect", "b")
        return f"{text} (ICC{IS}{report.bind.of(row, 'icc', 'r')})" if several else text

    for level in ESTIMANDS:
        own = sorted(
            (row for row in near if row["estimand"] == level),
            key=lambda row: (abs(row["indirect"]), row["icc"]),
        )
        rows = [row for row in own if row["icc"] > 0] or own
        if rows:
            clauses = [f"{report.bind.of(row, 'power', 'r')} for {effect(row)}" for row in rows]
            parts.append(
                f"With about the article's numbers of therapists and clients, the power to detect a standardized indirect effect "
                f"{ESTIMAND_WORDS[level]} is {listed(clauses)}."
            )
    rows = report.results.rows(POWER, interval=PRIMARY_INTERVAL)
    exaggerated = [row for row in near if row.has("type_m") and row["type_m"] > 1.2]
    if exaggerated:
        worst = max(exaggerated, key=lambda row: row["type_m"])
        parts.append(
            "Where power is low, the effects that come out significant are too large: for a true effect of "
            f"{effect(worst)} they are {report.bind.of(worst, 'type_m', 'b')} times as large on average."
        )
    if rows:
        parts.append(f"The whole grid of designs is in `design/power.csv`{report.see('fig-power')}.")
    return joined(parts) or "Power was not simulated for the primary interval."


def coverage(report: Report) -> str:
    """Which intervals cover as often as they say."""
    rows = [
        row
        for row in report.results.rows(COVERAGE, population="effect")
        if row.has("coverage", "ci_low", "ci_high")
    ]
    if not rows:
        return "Coverage could not be simulated."
    nominal = float(report.results.setting("confidence", default=0.95))
    size = report.bind.setting("confidence", style="%")
    parts = []
    for kind, words in INTERVAL_WORDS.items():
        found = [row for row in rows if row["interval"] == kind]
        if not found:
            continue
        low, high = min(found, key=lambda row: row["coverage"]), max(found, key=lambda row: row["coverage"])
        below = [row for row in found if row["ci_high"] < nominal]
        text = (
            f"The {words} interval covers the true indirect effect in {report.bind.of(low, 'coverage', '%1')} to "
            f"{report.bind.of(high, 'coverage', '%1')} of studies, depending on design and estimand"
        )
        if below:
            text += (
                f"; in {report.bind.rows(below, 'coverage')} of {report.bind.rows(found, 'coverage')} cases the whole interval of this share lies "
                f"below the nominal {size}"
            )
        else:
            text += f"; nowhere is it shown to fall below the nominal {size}"
        parts.append(f"{text}.")
    row = rows[0]
    if row.has("a", "b"):
        truth = f"*a*{IS}{report.bind.of(row, 'a', 'b')} and *b*{IS}{report.bind.of(row, 'b', 'b')}"
        parts.insert(
            0, f"The first numbers are for a population with an indirect effect ({truth}, standardized)."
        )
    parts.append(_beyond_normal(report))
    parts.append(_null(report, nominal))
    return joined([*parts, f"Each design is in `design/coverage.csv`{report.see('fig-coverage')}."])


def _beyond_normal(report: Report) -> str:
    """Coverage where residual variances rise, slopes vary or scores are ordinal, interval by interval."""
    rows = [
        row
        for row in report.results.rows(COVERAGE)
        if row.has("coverage") and str(row["population"]).startswith("effect;")
    ]
    clauses = []
    for kind, words in INTERVAL_WORDS.items():
        found = [row for row in rows if row["interval"] == kind]
        if found:
            low, high = (choose(found, key=lambda row: row["coverage"]) for choose in (min, max))
            ends = (report.bind.of(row, "coverage", "%1") for row in (low, high))
            clauses.append(f"the {words} interval in {' to '.join(ends)}")
    if not clauses:
        return ""
    return (
        "Where residual variances rise with the variable before, slopes vary between therapists, or scores have a ceiling and skew, the true "
        "effect is covered by "
        f"{listed(clauses)} of studies."
    )


def _null(report: Report, nominal: float) -> str:
    """Coverage where the indirect effect is zero because one path is."""
    rows = [
        row
        for row in report.results.rows(COVERAGE)
        if row.has("coverage", "ci_high", "a", "b") and (row["a"] == 0) != (row["b"] == 0)
    ]
    clauses = []
    for kind, words in INTERVAL_WORDS.items():
        found = [row for row in rows if row["interval"] == kind]
        below = [row for row in found if row["ci_high"] < nominal]
        if below:
            least = min(found, key=lambda row: row["coverage"])
            clauses.append(
                f"the {words} interval in {report.bind.rows(below, 'coverage')} of {report.bind.rows(found, 'coverage')} cases (down to "
                f"{report.bind.of(least, 'coverage', '%1')})"
            )
    if not rows:
        return ""
    if not clauses:
        return "Where one of the two paths is zero, no interval is shown to cover less than it says."
    return f"Where one of the two paths is zero, {listed(clauses)} {plural(len(clauses), 'is', 'are')} shown to cover less than the nominal share."


def recovery(report: Report) -> str:
    """Bias of the estimates against the scenarios' true values."""
    rows = [
        row
        for row in report.results.rows(RECOVERY, parameter="indirect")
        if row.has("bias", "bias_se") and row["bias_se"] > 0
    ]
    if not rows:
        return "Parameter recovery could not be judged."
    biased = _biased(rows)
    others = _others(report)
    text = (
        f"Indirect effects were compared with the true ones in {report.bind.rows(rows, 'bias')} combinations of scenario, engine, model and "
        "estimand. "
    )
    if not biased:
        return f"{text}No bias of an indirect effect exceeds three of its Monte Carlo errors. {others}"
    worst = max(biased, key=lambda row: abs(row["bias"] / row["bias_se"]))
    return (
        f"{text}In {report.bind.rows(biased, 'bias')} the bias exceeds three of its Monte Carlo errors, most surely for *{escape(worst['engine'])}* "
        f"in the scenario *{escape(str(worst['scenario']).replace('_', ' '))}* (bias {report.bind.of(worst, 'bias', 'end')}, root mean square "
        f"error {report.bind.of(worst, 'rmse', 'end')}). {others}"
    )


def _biased(rows: list[Row]) -> list[Row]:
    """Rows whose bias exceeds three of its Monte Carlo errors."""
    return [row for row in rows if abs(row["bias"]) > 3 * row["bias_se"]]


def _others(report: Report) -> str:
    """Bias of the parameters other than indirect effects."""
    rows = [
        row
        for row in report.results.rows(RECOVERY)
        if row["parameter"] != "indirect" and row.has("bias", "bias_se") and row["bias_se"] > 0
    ]
    biased = _biased(rows)
    every = "All parameters are in `design/recovery.csv`."
    if not biased:
        return every
    text = f"Of {report.bind.rows(rows, 'bias')} comparisons of other parameters {report.bind.rows(biased, 'bias')} {plural(len(biased), 'exceeds', 'exceed')} three"
    if all("variance" in row["parameter"] for row in biased):
        text += ", all of them variances and covariances"
        within = [row for row in biased if row["parameter"].startswith("residual variance")]
        between = [row for row in biased if row["parameter"].startswith("between variance")]
        if all(row["bias"] < 0 for row in within) and all(row["bias"] > 0 for row in between):
            text += (
                ": with few therapists maximum likelihood makes variances within therapists a little too small and, since none can be "
                "negative, those between them too large"
            )
    return f"{text}. {every}"


SENTENCES = {function.__name__: function for function in (diagnosticity, power, coverage, recovery)}
