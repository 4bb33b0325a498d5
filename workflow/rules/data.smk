# Who is studied: an export of one's own or simulated clients, checked, scored, each exclusion counted.
#
# needs  data.path (or a scenario), the instrument files, the models file (what it names must be there)
# makes  data/{items,scores,flow,codebook,warnings,missing_patterns,missing_related}.csv, data/calibration.csv,
#        disclosure.json; logs/<run>/problems.csv where the data are refused

from fortems.simulate.scenario import scenario_files

INSTRUMENTS = config["data"]["instruments"]
SIMULATED = config["data"]["source"] == "simulated"
DATA_PARTS = {
    "scores": "scores",
    "flow": "flow",
    "codebook": "codebook",
    "warnings": "warnings",
    "missing_patterns": "missing_patterns",
    "missing_related": "missing_related",
}
if config["data"]["source"] == "file" and config["data"]["format"] == "items":
    DATA_PARTS["answers"] = "items"
if PRIVATE:
    DATA_PARTS |= {
        "analysed": "protected/analysed",
        "common": "protected/common",
        "told_flow": "protected/flow",
        "told_codebook": "protected/codebook",
        "told_patterns": "protected/missing_patterns",
    }
    if config["data"]["format"] == "items":
        DATA_PARTS["common_answers"] = "protected/answers"
OWN_DATA = {"format": "items"}
if not SIMULATED:
    OWN_DATA = {
        key: config["data"][key]
        for key in (
            "format",
            "columns",
            "items",
            "values",
            "missing_codes",
            "already_reversed",
            "sheet",
            "occasion",
            "fill_down",
        )
    }


if SIMULATED:

    rule simulate:
        input:
            scenario=scenario_files(config["data"]["scenario"]),
            instruments=list(INSTRUMENTS.values()),
            code=code("simulate"),
        output:
            answers=f"{RESULTS}/data/items.csv",
            calibration=shown("data/calibration.csv"),
        log:
            f"{LOGS}/simulate.log",
        priority: FIRST
        conda:
            ENVIRONMENT
        params:
            seed=config["seed"],
            scenario=config["data"]["scenario"],
            instruments=INSTRUMENTS,
            software=software("simulate"),
        message:
            "Simulate clients, answer by answer"
        script:
            "../scripts/simulate.py"


if config["data"]["source"] != "matrix":

    rule prepare:
        input:
            data=f"{RESULTS}/data/items.csv" if SIMULATED else config["data"]["path"],
            instruments=list(INSTRUMENTS.values()),
            models=config["models"],
            code=code("prepare"),
        output:
            **{part: f"{RESULTS}/data/{file}.csv" for part, file in DATA_PARTS.items()},
            **(dict(kept_models=MODELS, withheld=shown(WITHHELD)) if PRIVATE else {}),
            types=TYPES,
        log:
            f"{LOGS}/prepare.log",
            problems=f"{LOGS}/problems.csv",
        priority: FIRST
        conda:
            ENVIRONMENT
        params:
            data=OWN_DATA,
            instruments=INSTRUMENTS,
            inclusion=config["inclusion"],
            two_level="twolevel" in config["engines"],
            min_cell=config["privacy"]["min_cell"] if PRIVATE else 0,
            software=software("prepare"),
        message:
            "Check the data and score them"
        script:
            "../scripts/prepare.py"

    rule disclosure:
        input:
            # Simulated clients have nothing to hide: the step then waits for none.
            leaving=[] if SIMULATED else all_but("disclosure.json", "manifest.json"),
            scores=f"{RESULTS}/data/scores.csv",
            types=TYPES,
            answers=within_reach("data/items.csv"),
            data=[] if SIMULATED else config["data"]["path"],
            known=[] if SIMULATED else own_texts(),
            code=code("disclosure"),
        output:
            f"{RESULTS}/disclosure.json",
        log:
            f"{LOGS}/disclosure.log",
        conda:
            ENVIRONMENT
        params:
            results=lambda wildcards: RESULTS,
            simulated=SIMULATED,
            min_cell=config["privacy"]["min_cell"] if PRIVATE else 0,
            data=OWN_DATA,
            software=software("disclosure"),
        message:
            "Look through what may leave this machine"
        script:
            "../scripts/disclosure.py"
