# Functions that rules call. They stand apart from the rules, as `snakemake --lint` asks.
#
# needs  config, RESULTS, LOGS (common.smk)
# makes  code(), software(), within_reach(), checked_data(), what the Snakefile and its hooks call

import atexit
import glob
import os
import pathlib
import sys
from itertools import islice

from fortems.package import ROOT, from_here, located
from fortems.run import catalogue, imports, terminal
from fortems.run.config import named_files, switched_on, texts_in, told_path
from fortems.errors import LISTED
from fortems.run.job import may_write
from fortems.run.manifest import is_plain_file, kept, orphans, result_files, tidy_up
from fortems.run.receipts import distrusted, keep_copy, read_receipts
from fortems.schema import load_yaml
from fortems.study.definition import study
from snakemake.utils import update_config


def whole(config):
    """The configuration as a user means it: what a workflow hands to this one as a module lies over the default."""
    if not workflow.modifier.skip_configfile:
        return config  # Snakemake has laid it over `configfile:` already
    base = load_yaml(ROOT / "config/config.yaml")
    update_config(base, config)
    return base


# What is printed after all that Snakemake still has to say.
LAST_WORDS = []
# What tells of the run as it goes, where the terminal is calm.
LISTENER = []
TOP_STAGES = {
    "claims.csv": "claims",
    "published.csv": "published",
    "gate.json": "gate",
    **dict.fromkeys(
        ("config.yaml", "disclosure.json", "ro-crate-metadata.json", "manifest.json"), "manifest"
    ),
}
# Results that are no longer what their steps wrote, or no longer made of what lies there now → why.
UNTRUSTED = {}


STUDY_READER = from_here(ROOT / "workflow/fortems/study/definition.py")


def checked(config):
    """The configuration, complete, once all that it says and names has been checked."""
    from fortems.run.preflight import check

    return check(config, workflow.configfiles)


def script_file(script):
    """Path of a rule's script."""
    return from_here(ROOT / "workflow" / "scripts" / f"{script}.py")


def code(script):
    """Library modules that workflow/scripts/<script>.py imports, directly or through others, and the study that they ask
    for (for `input`).

    A function, so that a job reads the modules of its own script only and not of all. Every step calls one while
    the steps are lined up, which is when Snakemake can still be told what to make anew.
    """

    def read(wildcards):
        if workflow.dag is not None:
            workflow.dag.forcefiles.update(UNTRUSTED)
        modules = imports.closure(script_file(script))
        asked = [config["study"], *([LABELS] if LABELS else [])]
        return modules + (asked if STUDY_READER in modules else [])

    return read


def software(script):
    """Lock entries of the packages that the script and its library modules import (for `params`)."""
    return lambda wildcards: imports.locked(script_file(script), str(ROOT / "requirements.lock"))


def within_reach(*names):
    """Result files that the data source can give and the configuration has switched on, as paths."""
    return [f"{RESULTS}/{name}" for name in names if switched_on(name, config)]


def stage(*names):
    """All result files of some stages that the data source can give and the configuration has switched on, as paths."""
    return within_reach(*catalogue.of_stages(*names))


def computed(name):
    """Where the step that computes a result writes it: of own data in full, for its owner."""
    return f"{RESULTS}/{FULL}/{name}" if is_released(name, config) else f"{RESULTS}/{name}"


def computed_folder():
    """The folder that results lie in as computed."""
    return f"{RESULTS}/{FULL}" if PRIVATE else RESULTS


def computed_of(*names):
    """Result files as computed, those that the data source can give and the configuration has switched on."""
    return [computed(name) for name in names if switched_on(name, config)]


def told_data(*names):
    """Files of data/ as figures and report read them: of own data what may be told."""
    if not PRIVATE:
        return []
    told = [pathlib.PurePath(name).name for name in names if name.startswith("data/")]
    made = [str(path) for path in rules.prepare.output]
    return [path for name in told if (path := f"{RESULTS}/{PROTECTED}/{name}") in made]


def checked_data():
    """What exists once the data have passed their check: what may not be written before waits for it."""
    return within_reach("data/scores.csv") or within_reach("tables/correlations.csv")


def all_but(*names):
    """What `rule all` asks for, save some files of the run."""
    left_out = [f"{RESULTS}/{name}" for name in names]
    return [path for path in rules.all.input if path not in left_out]


def own_texts():
    """The package's own texts and the files that the configuration names: words in them name nobody."""
    named = [part[key] for part, keys in named_files(config) for key in keys if part[key]]
    patterns = (
        *(
            "config/**/*.yaml",
            "manuscript/**/*.md",
            "manuscript/**/*.yaml",
            "manuscript/*.bib",
            "Snakefile",
            "CITATION.cff",
        ),
        *("workflow/fortems/**/*.py", "workflow/rules/*.smk", "packages/*/src/**/*.py"),
    )
    own = [from_here(path) for pattern in patterns for path in ROOT.glob(pattern)]
    return sorted({*own, *glob.glob("config/**/*.yaml", recursive=True), *named})


def shown(name, category="", label=""):
    """A result that `snakemake --report` shows, with the caption of its category (workflow/report/).

    Category and label are the catalogue's where none are given.
    """
    category, label = category or catalogue.category(name), label or catalogue.FILES[name].label
    if is_released(name, config):
        RELEASED[name] = (category, label)
        return computed(name)
    return filed(name, category, label)


def unfiled(name):
    """A result that `snakemake --report` does not show."""
    if is_released(name, config):
        RELEASED[name] = None
    return computed(name)


def filed(name, category, label):
    """A result with its caption and labels."""
    caption = f"../report/{category.lower()}.rst"
    return report(f"{RESULTS}/{name}", caption=caption, category=category, labels={"result": label})


def manuscript_sources():
    """Templates, bibliography and style of the manuscript."""
    texts = texts_in(located(study().texts)) if study().texts else []
    own = (config["report"] or {}).get("sections")
    replaced = texts_in(own) if own else []
    shipped = {*(ROOT / "manuscript").rglob("*.*"), *(path.absolute() for path in texts)}
    return sorted([*(from_here(path) for path in shipped), *(str(path) for path in replaced)])


def before_gate():
    """The results that the gate looks at: tables of every stage, nothing typeset."""
    later = (
        "figures/",
        "manuscript/",
        "config.yaml",
        "gate.json",
        "disclosure.json",
        "manifest.json",
        "ro-crate-metadata.json",
        "Snakefile",
    )
    before = [
        path for path in rules.all.input if not path.startswith(tuple(f"{RESULTS}/{name}" for name in later))
    ]
    names = [path.removeprefix(f"{RESULTS}/") for path in before]
    full = [computed(name) for name in names if name in RELEASED]
    return [*before, *full, *([CLIENTS, ANALYSED] if PRIVATE else []), *told_data("data/flow.csv")]


def provenance():
    """Path of each result → the rule that makes it and what that rule reads, paths as results may tell them."""
    own = config["data"]["path"]
    return {
        str(path): {
            "rule": rule.name,
            "inputs": [told_path(read, own) for read in inputs_of(rule)],
        }
        for rule in workflow.rules
        for path in rule.output
        if str(path).startswith(f"{RESULTS}/") and not path.contains_wildcard()
    }


def origins():
    """Result → the rule that makes it and what of data, results and configuration that reads, for the report."""
    plain = (".py", ".smk", ".lock")
    return {
        path.removeprefix(f"{RESULTS}/"): {
            "rule": made["rule"],
            "inputs": [
                read.removeprefix(f"{RESULTS}/") for read in made["inputs"] if not read.endswith(plain)
            ],
        }
        for path, made in provenance().items()
        if path.endswith(".csv") and not path.startswith(f"{RESULTS}/manuscript/")
    }


def inputs_of(rule):
    """Paths of all that a rule reads."""
    listed = [part(None) if callable(part) else [str(part)] for part in rule.input]
    return [path for paths in listed for path in paths]


def is_made(path):
    """Whether a step of this run makes a file."""
    return any(output.match(path) for rule in workflow.rules for output in rule.output)


def start():
    """Before the first job: look at the disk, forget what failed last time, remove what no step makes any more."""
    for folder in (RESULTS, LOGS):
        if not may_write(folder):
            refuse(
                f"{folder}/ cannot be written to: the folder or its disk is read-only, or it is not yours."
            )
    forget_failures(LOGS)
    if UNTRUSTED:
        name_untrusted()
    for name in tidy_up(RESULTS, is_made):
        print(f"Removed {RESULTS}/{name}: made by an earlier run, and no step of this one makes it.")
    for name, why in islice(kept(RESULTS, is_made).items(), LISTED):
        print(f"Left alone: {name!a}, which {RESULTS}/manifest.json lists and no step makes: {why}.")
    if CALM:
        LISTENER.append(terminal.begin(workflow, config["run"], stage_of))


def stage_of(path):
    """The stage that a result belongs to, by its folder; what stands at the top of a run by the step it ends."""
    name = path.removeprefix(f"{RESULTS}/").removeprefix(f"{FULL}/").removeprefix(f"{PROTECTED}/")
    return TOP_STAGES.get(name, name.partition("/")[0])


def finish():
    """After the last job: what the data's own oddities are, and where the report is."""
    whole = any(job.rule.name == terminal.LAST for job in workflow.dag.jobs)
    for listener in LISTENER:
        terminal.end(listener, config["run"], pathlib.Path(RESULTS), pathlib.Path(LOGS))
        if config["data"]["source"] == "file":
            print_last(terminal.warnings_of(f"{RESULTS}/data/warnings.csv"))
        print_last(terminal.closing(RESULTS, whole))


def distrust():
    """Hold every result against its step's receipt; Snakemake by itself goes by times and its own records."""
    if not workflow.is_main_process:
        return
    paths = [f"{RESULTS}/{name}" for name in (*result_files(RESULTS), "manifest.json")]
    made = [path for path in paths if os.path.lexists(path) and is_made(path)]
    if strange := [path for path in made if not is_plain_file(path)]:
        names = "\n".join(f"  - {path}" for path in strange)
        refuse(f"Links, pipes and devices stand where the run writes files. Remove them:\n{names}")
    UNTRUSTED.update(distrusted(made, read_receipts(LOGS)))


def name_untrusted():
    """Say what this run makes anew although it is there, and keep what someone made of it."""
    lines = []
    for path, why in UNTRUSTED.items():
        if path not in why:
            lines.append(f"Results are made anew: {why}.")
        else:
            lines.append(f"{why}: made anew. What was there is kept in {keep_copy(path, RESULTS)}.")
    print(*list(dict.fromkeys(lines))[:LISTED], sep="\n")


def name_orphans():
    """Name files among the results that no step makes, as the last thing on the terminal."""
    found = orphans(RESULTS, is_made) if workflow.is_main_process else []
    if found:
        names = "\n".join(f"  - {RESULTS}/{name}" for name in found)
        print_last(f"These files among the results come from no step of this run:\n{names}")


def print_last(text):
    """Print a text after all that Snakemake still has to say."""
    if text:
        if not LAST_WORDS:
            atexit.register(lambda: print("", *LAST_WORDS, sep="\n", file=sys.stderr, flush=True))
        LAST_WORDS.append(text)


def refuse(text):
    """End the run before any job, with the problems as the last thing on the terminal and no traceback."""
    print_last(text)
    raise SystemExit(1)
