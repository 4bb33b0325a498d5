"""What the tables make of each kind of verdict in the report, by rules written a second time.

Each takes a run, what its pattern found in a sentence, and the sentence; it says whether the tables agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats
from verdict_page import ENGINE, LEVELS, Run, Sentence, beyond

OF_CLAIMS = {
    "reproduced": r"(?:is|are) reproduced",
    "matches the article's rule": r"match(?:es)? the article.s rule",
    "consistent (weak)": r"(?:is|are) weakly consistent",
    "cannot tell": r"(?:is|are) neither shown nor excluded",
    "not reproduced": r"(?:is|are) not reproduced",
    "not testable": r"cannot be tested",
}


def signed(run: Run, found: re.Match[str], _: Sentence) -> bool:
    row = run.row(found["k"])
    sign = found.groupdict().get("sign")
    if sign is None:
        return not beyond(row)
    return beyond(row) and (row["estimate"] > 0) == (sign in ("positive", "more"))


def direct(run: Run, found: re.Match[str], _: Sentence) -> bool:
    return beyond(run.row(found["k"])) == (found["state"] == "shown alongside")


def _offset(run: Run, direct: Any) -> bool:
    """Whether a direct path's total effect is less than half of an indirect effect of the other sign that is shown."""
    ab, whole = (run.effect(direct["model"], direct["level"], effect) for effect in ("indirect", "total"))
    other = (ab["estimate"] > 0) != (direct["estimate"] > 0)
    return beyond(ab) and other and 2 * abs(whole["estimate"]) < abs(ab["estimate"])


def offset(run: Run, found: re.Match[str], _: Sentence) -> bool:
    return _offset(run, run.row(found["k"]))


def offsets(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    rows = [run.row(k) for k in re.findall(r"c′ = «(\d+)»", sentence.text)]
    return bool(rows) and all(_offset(run, row) for row in rows)


def offsets_named(run: Run, found: re.Match[str], _: Sentence) -> bool:
    """Whether the key models and estimands named are those whose indirect effect is offset, and no other is."""
    named = {
        (model, LEVELS[where])
        for phrase, where in re.findall(rf"for ([\w ]+?) ({'|'.join(LEVELS)})", found["whose"])
        for model in run.predictor_of(phrase)
    }
    direct = {
        (x, level): run.effect(x, level, "direct") for x in ("alliance", "bond") for level in LEVELS.values()
    }
    return named == {key for key, row in direct.items() if row is not None and _offset(run, row)}


def correlation(run: Run, found: re.Match[str], _: Sentence) -> bool:
    row, sign = run.row(found["k"]), found["sign"]
    return (
        bool(row["p"] >= 0.05)
        if sign is None
        else bool(row["p"] < 0.05 and (row["r"] > 0) == (sign == "positively"))
    )


def listed(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    rows = [run.row(k) for k in re.findall(r"r = «(\d+)»", sentence.text)]
    return bool(rows) and all((row["p"] < 0.05) == (found["no"] is None) for row in rows)


def contrast(run: Run, found: re.Match[str], _: Sentence) -> bool:
    return beyond(run.row(found["k"])) == (found["state"] == "differ")


def interval(run: Run, found: re.Match[str], _: Sentence) -> bool:
    return beyond(run.row(found["k"])) == (found["state"] == "leaves out zero")


def rejected(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    no, yes = (
        re.search(rf"{words} for (.*?)(?=, and is not|, which does|$)", sentence.text)
        for words in ("is not rejected", "is rejected")
    )
    fine = True
    for part, small in ((yes, True), (no, False)):
        for k in re.findall(r"χ²\(«\d+»\) = «(\d+)»", part[1]) if part else ():
            row = run.row(k)
            fine &= (stats.chi2.sf(row["chi2"], row["df"]) < 0.05) == small
    return fine


def two(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    rows = [run.row(k) for k in re.findall(r"ab = «(\d+)»", sentence.before)][-2:]
    shown = {row["level"]: beyond(row) for row in rows}
    if found["only"]:
        return shown[LEVELS[found["only"]]] and sum(shown.values()) == 1
    return all(shown.values()) if found[0].startswith("Both") else not any(shown.values())


def tally(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    named = [level for words, level in LEVELS.items() if f"with effects {words}" in sentence.text]
    parts = (
        re.split(r"with effects (?:within therapists|at the single level)", sentence.text)[1:]
        or [sentence.text] * 2
    )
    for level, part in zip(named or list(LEVELS.values()), parts, strict=False):
        rows = run.findings(level)
        for verdict, words in OF_CLAIMS.items():
            said = re.search(rf"(«\d+»|\w+) {words}", part)
            if (run.value(said[1]) if said else 0) != int((rows["verdict"] == verdict).sum()):
                return False
    return True


def plain(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    rows = run.findings("within")
    weak = re.search(r"in («\d+»|\w+) more nothing was found", sentence.text)
    said = (run.value(found["good"]), run.value(weak[1]) if weak else 0)
    return said == tuple(
        int((rows["verdict"] == verdict).sum()) for verdict in ("reproduced", "consistent (weak)")
    )


def open_findings(run: Run, found: re.Match[str], _: Sentence) -> bool:
    verdicts = run.findings("within")["verdict"]
    return run.value(found["open"]) == int(
        (~verdicts.isin(["reproduced", "consistent (weak)", "not reproduced"])).sum()
    )


def failures(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    claims = run.table("claims.csv")
    own = claims[claims["judged"].astype(bool) & (claims["role"] == "finding")]
    said = sentence.text.lower().replace("’", "'")
    for text, rows in own.groupby("text"):
        failed = (rows["verdict"] == "not reproduced").any()
        if (text.rstrip(".").lower() in said) != failed:
            return False
    return True


def pattern(run: Run, found: re.Match[str], _: Sentence) -> bool:
    claims = run.table("claims.csv")
    name = "whole_pattern" if found["which"] == "the whole pattern" else "bond_alone"
    rows = claims[(claims["claim"] == name) & claims["judged"].astype(bool)]
    return bool(rows["verdict"].map(lambda v: bool(re.match(OF_CLAIMS[v], found["verdict"]))).all())


def conclusion(run: Run, found: re.Match[str], _: Sentence) -> bool:
    for model in run.predictor_of(found["whose"]):
        for level in LEVELS.values():
            indirect, direct = (run.effect(model, level, effect) for effect in ("indirect", "direct"))
            if found["what"].startswith("an indirect effect") != beyond(indirect):
                return False
            excluded = beyond(indirect) and beyond(direct)
            if ("full mediation incompatible" in found["what"]) != excluded:
                return False
    return True


def attainable(run: Run, found: re.Match[str], _: Sentence) -> bool:
    rows = run.table("mediation/verdicts.csv")
    rows = rows[rows["model"].isin(run.predictor_of(found["whose"]))]
    least = [
        row["direct_standardized_se"] * stats.t.ppf(0.95, row["direct_df"]) for _, row in rows.iterrows()
    ]
    return bool((np.array(least) >= rows["equivalence_bound"]).all()) and len(rows) > 0


def rule(run: Run, found: re.Match[str], _: Sentence) -> bool:
    for model in run.predictor_of(found["whose"]):
        for level in LEVELS.values():
            indirect, direct = (run.effect(model, level, effect) for effect in ("indirect", "direct"))
            rule = ("partial" if direct["p"] < 0.05 else "full") if beyond(indirect) else "no"
            if rule != found["rule"]:
                return False
    return True


def _group(run: Run, sentence: Sentence) -> list[str]:
    """Models that the beginning of a sentence speaks of."""
    aspects, base = {"bond", "goal", "task", "alliance"}, {"meaning", "distress"}

    def of(name: str) -> tuple[list[str], list[str], str, dict[str, Any]]:
        entry = run.models[name]
        x, m = entry["predictor"], entry["mediator"]
        return (
            (x if isinstance(x, list) else [x]),
            (m if isinstance(m, list) else [m]),
            entry["outcome"],
            entry,
        )

    groups: dict[str, Callable[[list[str], list[str], str, dict[str, Any]], bool]] = {
        "as (?:a )?covariate": lambda x, m, y, e: covariates(sentence.text, e) and not e.get("moderator"),
        "parts of distress": lambda x, m, y, e: (
            y in ("symptom_distress", "interpersonal_relations", "social_role")
        ),
        "in the place of": lambda x, m, y, e: m == ["search"],
        "directions turned around": lambda x, m, y, e: (
            {*x, *m, y} <= aspects | base and not (x[0] in aspects and m == ["meaning"])
        ),
        " alone the interval": lambda x, m, y, e: (
            x in (["goal"], ["task"]) and m == ["meaning"] and y == "distress"
        ),
    }
    chosen = next((rule for words, rule in groups.items() if re.search(words, sentence.text)), None)
    plain = [name for name in run.models if run.models[name].get("measurement", "observed") == "observed"]
    plain = [name for name in plain if not ({"moderator", "between"} & set(run.models[name]))]
    return [name for name in plain if chosen is not None and chosen(*of(name))]


def covariates(text: str, entry: dict[str, Any]) -> bool:
    """Whether a model has just the covariates that a sentence speaks of."""
    said = re.search(
        r"with ([\w ,]+?)(?: alone)? as (?:a )?covariates?( \(in two-level models within)?", text, re.I
    )
    named = {word.strip().replace(" ", "_") for word in re.split(r", | and ", said[1])}
    return named == set(entry.get("covariates", ())) and bool(said[2]) == (
        entry.get("covariate_level") == "within"
    )


def how_many(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    models = _group(run, sentence)
    if not models:
        return False
    two = {"both models": "in two of two models", "neither model": "in none of two models"}
    text = re.sub("in (both models|neither model)", lambda found: two[found[1]], sentence.text)
    clauses = re.findall(
        r"in (?:all|(«\d+»|\w+) of) («\d+»|\w+) models(?: (within therapists|at the single level))?", text
    )
    for number, known, where in clauses:
        shown = known if number == "" else number
        for level in [LEVELS[where]] if where else list(LEVELS.values()):
            rows = [row for model in models if (row := run.effect(model, level, "indirect")) is not None]
            if (run.value(shown), run.value(known)) != (sum(map(beyond, rows)), len(rows)):
                return False
    if "in the one model" in sentence.text.lower():
        said = re.findall(
            r"(leaves out zero|includes zero)(?: in the one model)?(?: (within therapists|at the single level))?",
            sentence.text,
        )
        told = {LEVELS[where]: verb for verb, where in said if where} or dict.fromkeys(
            LEVELS.values(), said[0][0]
        )
        rows = {level: run.effect(models[0], level, "indirect") for level in told}
        return len(models) == 1 and all(
            beyond(row) == (told[level] == "leaves out zero")
            for level, row in rows.items()
            if row is not None
        )
    return bool(clauses)


def agreement(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    rows = run.table("mediation/agreement.csv")
    rows = rows[
        (rows["level"] == ("within" if found[0].startswith("Within") else "single"))
        & rows["difference"].notna()
    ]
    close = int((rows["difference"].abs() < 0.1).sum())
    if "all differ by less" in sentence.text:
        return close == len(rows)
    largest = run.row(re.search(r"largest difference is «(\d+)»", sentence.text)[1])["difference"]
    near = re.search(r"; («\d+»|none) differ", sentence.text)[1]
    return run.value(near) == close and abs(largest) == rows["difference"].abs().max()


def side_by_side(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    models = [
        name
        for name, entry in run.models.items()
        if entry["mediator"] == ["meaning", "search"] and not entry.get("moderator")
    ]
    said = re.findall(
        r"(within therapists|at the single level) its interval (leaves out|includes) zero", sentence.text
    )
    rows = [
        (run.effect(models[0], LEVELS[where], "indirect", mediator="meaning"), state) for where, state in said
    ]
    return (
        len(models) == 1 and bool(rows) and all(beyond(row) == (state == "leaves out") for row, state in rows)
    )


def same_verdicts(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    claims = run.table("claims.csv")
    both = claims[claims["judged"].astype(bool)].pivot(index="claim", columns="estimand", values="verdict")
    differ = both["within"].notna() & both["single"].notna() & (both["within"] != both["single"])
    return bool(differ.any()) != ("every verdict is the same" in sentence.text)


def moderated(run: Run, found: re.Match[str], _: Sentence) -> bool:
    rows = run.table("mediation/derived.csv")
    rows = rows[(rows["quantity"] == "moderated_mediation") & rows["ci_low"].notna()]
    counts = int(rows.apply(beyond, axis=1).sum()), len(rows)
    return (run.value(found["shown"]), run.value(found["all"])) == counts


def one_contrast(run: Run, found: re.Match[str], _: Sentence) -> bool:
    rows = run.table("mediation/derived.csv")
    rows = rows[(rows["quantity"] == "moderated_mediation") & rows["ci_low"].notna()]
    return len(rows) == 1 and beyond(rows.iloc[0]) == (found["state"] == "leaves out zero")


def background(run: Run, found: re.Match[str], _: Sentence) -> bool:
    rows = run.table("tables/covariates.csv")
    rows = rows[(rows["outcome"] == "distress") & (rows["term"] != "joint")]
    return bool((rows["p"] >= 0.05).all()) == found[0].startswith("Neither")


def influence(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    rows = run.table("robustness/leave_one_out.csv")
    mine = rows["model"].isin(["alliance", "bond"]) & (rows["effect"] == "indirect") & rows["at"].isna()
    primary = rows["level"].map(ENGINE) == rows["engine"]
    return bool((rows[mine & primary]["sign_changes"] == 0).all()) == ("never" in found[0])


def support(run: Run, found: re.Match[str], _: Sentence) -> bool:
    whose = run.predictor_of(found["whose"])
    rows = {(m, level): run.effect(m, level, "indirect") for m in whose for level in LEVELS.values()}
    shown = {key: beyond(row) and row["estimate"] < 0 for key, row in rows.items() if row is not None}
    if found["state"] in ("is not shown", "leave the question open", "do not show"):
        return bool(shown) and not any(shown.values())
    only = re.search(r"(within therapists|at the single level) only", found[0])
    if only:
        return all(value == (level == LEVELS[only[1]]) for (_, level), value in shown.items())
    return bool(shown) and all(shown.values())


def rivals(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    ratios, titles = run.table("design/likelihood_ratios.csv"), run.table("design/diagnosticity.csv")
    named = {row["scenario"]: str(row["title"]).lower() for _, row in titles.iterrows()}
    mine = ratios[(ratios["claim"] == "whole_pattern") & (ratios["scenario"] == "as_reported")]
    mine = mine[
        mine["gap"].isna() & mine["against_gap"].isna() & (mine["ci_low"].notna() | mine["ci_high"].notna())
    ]
    text = sentence.text.split("pattern is ")[-1]
    spans = {
        "more": re.search(
            r"more probable.*?under (.*?)(?=,? (?:and )?(?:less probable|not told)|$|\.)", text
        ),
        "less": re.search(r"less probable.*?under (.*?)(?=,? (?:and )?not told|$|\.)", text),
        "unclear": re.search(r"not told apart, in probability, from (.*)", text),
    }
    for rival, rows in mine.groupby("against"):
        sides = {
            "more" if row["ci_low"] > 1 else "less" if row["ci_high"] < 1 else "unclear"
            for _, row in rows.iterrows()
        }
        side = sides.pop() if len(sides) == 1 else "unclear"
        if not (spans[side] and named[rival] in spans[side][1]):
            return False
    return True


def none_apart(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    ratios = run.table("design/likelihood_ratios.csv")
    mine = ratios[(ratios["claim"] == "whole_pattern") & (ratios["scenario"] == "as_reported")]
    mine = mine[
        mine["gap"].isna() & mine["against_gap"].isna() & (mine["ci_low"].notna() | mine["ci_high"].notna())
    ]
    apart = [
        rival
        for rival, rows in mine.groupby("against")
        if (rows["ci_low"] > 1).all() or (rows["ci_high"] < 1).all()
    ]
    return not apart


def speaks(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    rows = [run.row(k) for k in re.findall(r"«(\d+)» after", sentence.text)]
    if found[0].startswith("It says"):
        return bool(rows) and all(abs(row["posterior"] - row["prior_mean"]) < 0.05 for row in rows)
    odds = [
        row["posterior"] / (1 - row["posterior"]) / (row["prior_mean"] / (1 - row["prior_mean"]))
        for row in rows
    ]
    return bool(rows) and min(odds) >= 2


def reversed_order(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    ratios = run.table("design/likelihood_ratios.csv")
    mine = ratios[
        (ratios["scenario"] == "as_reported")
        & (ratios["against"] == "reversed")
        & (ratios["role"] == "pattern")
    ]
    mine = mine[mine["gap"].isna() & (mine["relation"] == "=") & mine["ci_low"].notna()]
    return bool(((mine["ci_low"] <= 1) & (mine["ci_high"] >= 1)).all()) == (
        "compatible with one" in sentence.text
    )


def icc(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    rows = [run.row(k) for k in re.findall(r"«(\d+)» for", sentence.before)]
    return bool(rows) and not any(row["ci_low"] > 0 for row in rows)


def full(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    rows = run.table("mediation/verdicts.csv")
    rows = rows[rows["model"].isin(["alliance", "bond"]) & rows["direct_df"].notna()]
    least = rows["direct_standardized_se"] * stats.t.ppf(0.95, rows["direct_df"])
    return bool((least >= rows["equivalence_bound"]).all()) == ("could not have been shown" in sentence.text)


def largest(run: Run, found: re.Match[str], _: Sentence) -> bool:
    row = run.row(found["k"])
    frame = run.table("mediation/effects.csv")
    rows = frame[
        (frame["model"] == row["model"]) & (frame["effect"] == "direct") & (frame["interval"] == "robust")
    ]
    rows = rows[rows["level"].map(ENGINE) == rows["engine"]]
    return row["standardized"] == rows.loc[rows["standardized"].abs().idxmax(), "standardized"] and beyond(
        row
    ) == (found["state"] == "is shown")
