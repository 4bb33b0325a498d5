"""What the tables make of sentences on other analyses and what would overturn an effect, by rules written a second time (:mod:`verdict_rules`)."""

from __future__ import annotations

import re

from statsmodels.stats.multitest import multipletests
from verdict_page import LEVELS, Run, Sentence, beyond


def _whole_per_cent(run: Run, number: str, share: float) -> bool:
    """Whether a bound number in per cent is this share, to its last digit."""
    text = str(run.ledger.loc[int(number), "text"])
    printed = float(re.sub(r"[^\d.]", "", text))
    return 100 * share < printed if text.startswith("<") else abs(printed - 100 * share) <= 0.5 + 1e-9


def analyses(run: Run, found: re.Match[str], _: Sentence) -> bool:
    rows = run.table("robustness/specifications.csv")
    rows = rows[rows["model"].isin(run.predictor_of(found["whose"])) & rows["estimate"].notna()]
    own = rows[rows["estimate"] < 0] if found["sign"] == "negative" else rows[rows["estimate"] > 0]
    shown = own[(own["ci_low"] > 0) | (own["ci_high"] < 0)]
    return (
        run.value(found["all"]) == len(rows)
        and _whole_per_cent(run, found["side"], len(own) / len(rows))
        and _whole_per_cent(run, found["shown"], len(shown) / len(rows))
        and len(own) >= len(rows) / 2
    )


def decides(run: Run, found: re.Match[str], _: Sentence) -> bool:
    """The choice named splits the analyses most, by half of them at least, and each option's share is that of its analyses."""
    rows, options = run.table("robustness/specifications.csv"), run.table("robustness/choices.csv")
    rows = rows[rows["model"].isin(run.predictor_of(found["whose"])) & rows["estimate"].notna()]
    options = options[options["model"].isin(set(rows["model"]))]
    shown = (rows["ci_low"] > 0) | (rows["ci_high"] < 0)
    shares = {choice: shown.groupby(rows[choice]).mean() for choice in options["choice"].unique()}
    spread = {choice: share.max() - share.min() for choice, share in shares.items()}
    choice = options.loc[options["option"].isna() & (options["label"] == found["label"]), "choice"].item()
    said = re.findall(
        rf"«(\d+)»(?: of the analyses)? (?:with “([^”]+)”|({'|'.join(LEVELS)}))", found["options"]
    )
    own = options[(options["choice"] == choice) & options["option"].notna()].set_index("option")["label"]
    labels = {label.replace("'", "’"): option for option, label in own.items()}
    return (
        max(spread.values()) >= 0.5
        and spread[choice] == max(spread.values())
        and len(said) == shares[choice].size
        and all(
            _whole_per_cent(run, number, shares[choice][labels[label] if label else LEVELS[level]])
            for number, label, level in said
        )
    )


def families(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    rows = run.table("robustness/multiplicity.csv")
    count = r"(«\d+»|\w+)"
    said = re.findall(
        rf"(?:tests, |; )([^:;]+): {count} of {count} with p below \.05, {count} after Holm, {count} after Benjamini",
        sentence.text,
    )
    for family, *numbers in said:
        kind, *level = re.split(" (?=within therapists|at the single level)", family)
        name = ", ".join([{"findings": "claims"}.get(kind, kind), *(LEVELS[words] for words in level)])
        p = rows.loc[(rows["family"] == name) & rows["p"].notna(), "p"].to_numpy()
        after = [int(multipletests(p, 0.05, method)[0].sum()) for method in ("holm", "fdr_bh")]
        if [run.value(number) for number in numbers] != [int((p < 0.05).sum()), len(p), *after]:
            return False
    return len(said) == rows["family"].nunique()


def unmeasured(run: Run, found: re.Match[str], _: Sentence) -> bool:
    """The interval touches zero at the one correlation, the effect is zero at the other, which is no nearer to none."""
    lost = run.row(found["lost"])
    own = run.predictor_of(found["whose"]), LEVELS[found["where"]]
    if ([lost["model"]], lost["level"]) != own or abs(lost["indirect"]) > 1e-6:
        return False
    if found["reach"] is None:
        row = run.effect(lost["model"], lost["level"], "indirect")
        return row is None or not beyond(row)
    reach = run.row(found["reach"])
    near = min(abs(reach["ci_low"]), abs(reach["ci_high"]))
    return (
        ([reach["model"]], reach["level"]) == own
        and near < 1e-6 * abs(reach["indirect"])
        and abs(reach["rho"]) <= abs(lost["rho"])
    )


def dropout(run: Run, found: re.Match[str], _: Sentence) -> bool:
    rows = run.table("robustness/survivors.csv")
    rows = rows[
        rows["model"].isin(run.predictor_of(found["whose"])) & (rows["level"] == LEVELS[found["where"]])
    ]
    rows = rows[rows["ci_low"].notna()]
    shown = (rows["ci_low"] > 0) | (rows["ci_high"] < 0)
    return (run.value(found["shown"]), run.value(found["all"])) == (int(shown.sum()), len(rows))
