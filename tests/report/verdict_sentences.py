"""Each sentence of a report that states a verdict beside the rows behind it, judged anew from their numbers.

``problems`` reads the pages of a run as a reader does. A sentence of results, discussion, abstract or opening that has one
of ``VERDICT`` in it must be known to a pair of ``PAIRS``, which says what the tables make of it by rules written here a second
time; a sentence that no pair knows is a problem too. Notes under tables and figures speak of their own rows, which the
ledger holds, and are left out; so are sections that tell how verdicts are made.

    python tests/report/verdict_sentences.py results/main
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import verdict_rules as rules
import verdict_rules_design as design
import verdict_rules_robustness as robustness
from verdict_page import LEVELS, Run, Sentence, read

PARTS = ("manuscript", "supplement")
HOW = {
    "introduction", "why", "hypotheses", "method", "s-method", "m-design", "m-participants", "m-measures", "m-models", "m-causal",
    "m-intervals", "m-claims", "m-sensitivity", "m-missing", "s-participants", "s-measures", "s-models", "s-estimation", "s-intervals",
    "s-claims", "s-sensitivity", "s-missing", "references", "statements", "finding-cards",
}  # fmt: skip
VERDICT = re.compile(
    r"shown|\bshows?\b|leaves? out zero|includes? zero|significant|reproduced|equivalent|\bdiffer\b|rejected|agrees? with|agree only|"
    r"verdict is|fit the idea|speaks? (?:for|against)|more probable|less probable|told apart|never changes|sign changes|mediation for|correlates?\b"
)
#: Sentences with such words that state no verdict on this run's numbers.
RULES = tuple(
    re.compile(text)
    for text in (
        r"^All (?:numbers|paths) stand together|^Figure S?\d+ shows|^Every number|^Table S?\d+ |^Each |is no proof of a difference",
        r"^That mediation is full because|^That aspects differ because|^That \w+ comes first",
        r"^These are verdicts on one simulated study|they show what a cross-sectional study|^Made-up clients show|^Simulated clients",
        r"^Three variables measured at once|^The rule takes a direct path|^The joint test|^It covers the choices",
        r"^How few clients can turn|^Leaving out a single client can turn|it would take .* clients to show it|^Where power is low|the power to detect|^A study that could tell",
        r"^A cross-sectional product of slopes is not|^Filter by any choice|^It needs scripts|^Move the sliders|^How often a study of the simulated size",
        r"^By the package.s own tests|^Given the pattern, a replication|^Over all correlations|^Much of this rests|^What keeps it|^The one number",
        r"^Where the article.s account is made true|^Averaged over the grid|In this scenario the whole pattern shows|^There the finding",
        r"^Of the single findings|observing the whole pattern speaks for|^Even if the aspects",
        r"^In simulated studies some|^A confounder as strong|^To move a direct path|^A factor that runs",
        r"^Local fit, the single|^Of these (?:«\d+»|\w+) correlations|^Within therapists the verdict changes",
        r"^The supplement tells|^Where residual variances rise|^No interval is given between",
        r"^In simulation-based calibration|^Where the truth is zero, it leaves out zero in|^What it bears on is the method",
    )
)

Pair = tuple[str, str, Callable[[Run, re.Match[str], Sentence], bool]]
NAME = r"[\w ()]+?"
PAIRS: tuple[Pair, ...] = (
    ("an indirect effect that is not shown", rf"an indirect effect through {NAME} is not shown, ab = «(?P<k>\d+)»", rules.signed),
    ("an indirect effect", rf"the indirect effect through {NAME} is (?P<sign>positive|negative), ab = «(?P<k>\d+)»", rules.signed),
    ("a path that is not shown", rf"a path from {NAME} to {NAME} is not shown, [abc′]+ = «(?P<k>\d+)»", rules.signed),
    ("a path", rf"more {NAME} goes with (?P<sign>more|less) {NAME}, [ab] = «(?P<k>\d+)»", rules.signed),
    ("a direct path", r"A direct path is (?P<state>shown alongside|not shown), c′ = «(?P<k>\d+)»", rules.direct),
    ("an offset", r"the estimated direct path points the other way, c′ = «(?P<k>\d+)»", rules.offset),
    ("offsets", r"; yet the estimated direct path points the other way and offsets", rules.offsets),
    (
        "offsets in the discussion",
        r"^Yet the estimated direct path points the other way and offsets the indirect effect (?P<whose>[^()]*), so that",
        rules.offsets_named,
    ),
    ("the largest direct path", r"the largest direct path is that of [^(]+ \(«(?P<k>\d+)».*?; it (?P<state>is shown|is not shown to differ)", rules.largest),
    (
        "a correlation",
        rf"(?:correlates (?P<sign>positively|negatively) with {NAME}|correlation of {NAME} is not shown), r = «(?P<k>\d+)»",
        rules.correlation,
    ),
    ("correlations", r"^(?:A correlation is|Correlations are) (?P<no>not )?shown of", rules.listed),
    ("a contrast", r"(?P<state>are not shown to differ|differ) in the [^(]+ \(«(?P<k>\d+)»", rules.contrast),
    ("a latent effect", r"the indirect effect is «(?P<k>\d+)» in standard deviations[^;]*; its interval (?P<state>leaves out zero|includes zero)", rules.interval),
    ("likelihood ratios", r"^By the likelihood ratio", rules.rejected),
    (
        "both estimands",
        r"^(?:Both estimands show|Neither estimand shows an?|The indirect effect is shown (?P<only>within therapists|at the single level) only)",
        rules.two,
    ),
    ("the plain tally", r"^Of (?:«\d+»|\w+) findings of the article (?P<good>«\d+»|\w+) came out the same way", rules.plain),
    ("what stays open", r"^The other (?P<open>«\d+»|\w+) cannot be decided with these data", rules.open_findings),
    ("the tally", r"^Of (?:«\d+»|\w+) findings of the article(?!.*came out)", rules.tally),
    ("what failed", r"^Not reproduced is that|^This one did not: that|^These did not: that", rules.failures),
    ("a pattern", r"(?:^Taken together, |; )(?P<which>the whole pattern|the finding that bond alone survives) (?P<verdict>[^;.]+)(?=; the finding|\.)", rules.pattern),
    ("the verdict", r"^For (?P<whose>.*?) the verdict is: (?P<what>.*)", rules.conclusion),
    ("equivalence", r"no estimate could have shown the direct path to be smaller than «\d+» standard deviations for (?P<whose>.*)", rules.attainable),
    ("the article's rule", r"would call this (?P<rule>full|partial|no) mediation for (?P<whose>.*)", rules.rule),
    (
        "in how many models",
        r"(?:the interval of the indirect effect|in the place of [\w ]+ it) (?:leaves out zero (?:in|for)|includes zero in the one|in the one)|"
        r"^In the one model with",
        rules.how_many,
    ),
    (
        "a moderated contrast",
        r"^The interval of the difference of the indirect effect across [\w ]+ (?P<state>leaves out zero|includes zero)",
        rules.one_contrast,
    ),
    ("engines", r"^(?:Within therapists|At the single level) [\w ]+ (?:was|were) compared with", rules.agreement),
    ("two mediators", r"^With both mediators side by side", rules.side_by_side),
    ("the second estimand", r"(?:every verdict is the same|verdicts are the same, save)", rules.same_verdicts),
    ("moderated contrasts", r"^Of (?P<all>«\d+»|\w+) comparisons? .*? (?P<shown>«\d+»|\w+) (?:has|have) an interval that leaves out zero", rules.moderated),
    ("age and gender", r"^Neither age nor gender|^That age and gender do not influence", rules.background),
    ("single therapists", r"Its sign never changes|Its sign changes", rules.influence),
    ("the opening", rf"an indirect effect through {NAME} from (?P<whose>.*?) to distress (?P<state>is shown|is not shown)[^,(]*", rules.support),
    ("the discussion", r"the data (?P<state>agree with the account|do not show) that meaning stands (?P<whose>between [\w ]+? and distress(?:, and between [\w ]+? and distress)*)[^;.]*", rules.support),
    ("in plain words", r"For (?P<whose>.*?) the numbers (?P<state>fit the idea|leave the question open)", rules.support),
    ("rivals", r"the (?:whole )?pattern is (?:more|less) probable", rules.rivals),
    ("no rival", r"is not shown to be more probable", rules.none_apart),
    ("what the pattern speaks for", r"the pattern alone speaks for this|^It says next to nothing", rules.speaks),
    ("the reversed order", r"^Against the reversed scenario", rules.reversed_order),
    ("coverage", r"^The [\w -]+ interval covers the true", design.coverage),
    ("coverage at zero", r"^Where one of the two paths is zero", design.coverage_at_zero),
    ("coverage of paths", r"^The primary interval contains the truth in", design.coverage_of_paths),
    (
        "defensible analyses",
        r"^Of the indirect effects in (?P<all>«\d+») defensible analyses of (?P<whose>[\w ]+),.*?«(?P<side>\d+)» are (?P<sign>negative|positive), and "
        r"«(?P<shown>\d+)» are",
        robustness.analyses,
    ),
    (
        "a choice that decides",
        r"defensible analyses of (?P<whose>[\w ]+),[^;]*; whether it does depends above all on the choice on (?P<label>[\w ]+): it does in (?P<options>[^.]*)",
        robustness.decides,
    ),
    ("families of tests", r"^By family of tests", robustness.families),
    (
        "an unmeasured cause",
        rf"for (?P<whose>[\w ]+?) (?P<where>{'|'.join(LEVELS)}) its interval (?:reaches zero at a residual correlation of «(?P<reach>\d+)»|"
        r"includes zero without any), and its sign is lost at «(?P<lost>\d+)»",
        robustness.unmeasured,
    ),
    (
        "dropout",
        rf"for (?P<whose>[\w ]+?) (?P<where>{'|'.join(LEVELS)}) it is (?:«\d+» to )?«\d+», and its interval leaves out zero in "
        r"(?P<shown>«\d+»|\w+) of (?P<all>«\d+»|\w+) cases",
        robustness.dropout,
    ),
    ("bias", r"No bias of an indirect effect exceeds", design.bias),
    ("therapists' shares", r"^No interval lies above zero", rules.icc),
    ("full mediation", r"too small to matter, could not have been shown|^That the direct path is too small|^It could not have been shown", rules.full),
)  # fmt: skip


def judged(run: Run, pages: list[str]) -> Iterator[tuple[str, bool, str]]:
    """Each pair that a sentence is of, whether the tables agree, and the sentence; the pair is empty where none knows it."""
    for page in pages:
        for sentence in read(page):
            if sentence.section in HOW:
                continue
            known = False
            for name, pattern, agrees in PAIRS:
                for found in re.finditer(pattern, sentence.text):
                    known = True
                    yield name, agrees(run, found, sentence), sentence.text
            if (
                not known
                and VERDICT.search(sentence.text)
                and not any(r.search(sentence.text) for r in RULES)
            ):
                yield "", False, sentence.text


def pages(folder: Path) -> list[str]:
    """The pages of a run."""
    return [(folder / f"manuscript/{part}.html").read_text(encoding="utf-8") for part in PARTS]


def problems(run: Run, texts: list[str]) -> list[str]:
    """Sentences that the tables contradict, and verdicts that no pair knows."""
    return [f"{name or 'no pair knows'}: {text}" for name, fine, text in judged(run, texts) if not fine]


if __name__ == "__main__":
    where = Path(sys.argv[1])
    run, texts = Run(where), pages(where)
    print("\n".join(problems(run, texts)) or "every verdict has its rows")
    print({name: sum(n == name for n, _, _ in judged(run, texts)) for name, _, _ in PAIRS})
