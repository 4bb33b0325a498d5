"""The study file: what it says, what it may not say, and another study in its place."""

from pathlib import Path

import pytest
import yaml
from fortems.errors import ConfigError
from fortems.study.definition import IN_FORCE, load_study, study, use_study
from fortems.study.instruments import load_instrument, load_instruments
from fortems.study.variables import in_sentence, label
from fortems.tables.correlations import in_theory
from wording import says

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "config/study.yaml"
OTHER = {
    "title": "Hope Between Trust and Mood",
    "instruments": {},
    "variables": {
        "trust": {"label": "Trust in the therapist"},
        "hope": {"label": "Hope"},
        "mood": {"label": "PHQ-9", "higher": "worse"},
    },
    "theory": ["trust", "hope", "mood"],
    "predictors": ["trust"],
    "mediator": "hope",
    "outcome": "mood",
}


def written(folder: Path, **changes: object) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(OTHER | changes))
    return path


def test_the_shipped_study_scores_what_its_instruments_make():
    own = load_study(SHIPPED)
    instruments = load_instruments()
    for name, instrument in instruments.items():
        assert {v.name for v in own.variables.values() if v.instrument == name} == set(instrument.scales)
        if instrument.total:
            assert set(own.totals[instrument.total]) == set(instrument.subscales)
    assert set(own.theory) | set(own.categories) == set(own.variables)


def test_another_study_is_in_force_where_it_is_put(tmp_path, monkeypatch):
    assert study() == load_study(SHIPPED) and in_theory(["hope", "mood"]) == ["hope", "mood"]
    monkeypatch.setenv(IN_FORCE, "")
    use_study(written(tmp_path))
    assert study().outcome == "mood" and label("mood") == "PHQ-9" and in_sentence("mood") == "PHQ-9"
    assert in_sentence("trust") == "trust in the therapist" and label("bond") == "Bond"
    assert in_theory(["bond", "mood", "hope"]) == ["hope", "mood", "bond"]
    assert study().scales == () and load_instruments() == {}


def test_a_changed_file_is_read_anew(tmp_path):
    path = written(tmp_path)
    assert load_study(path).rival == ""
    written(tmp_path, rival="trust")
    import os

    os.utime(path, ns=(1, 1))
    assert load_study(path).rival == "trust"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outcome": "moood"}, ["outcome", "no variable 'moood'", "Did you mean mood?"]),
        ({"aspects": ["trust", "warmth"]}, ["aspects", "no variable 'warmth'"]),
        ({"families": {"correlations": [["hope", "hope"]]}}, ["families.correlations", "with itself"]),
        ({"families": {"correlations": [["hope", "hop"]]}}, ["no variable 'hop'", "Did you mean hope?"]),
        ({"variables": OTHER["variables"] | {"client": {"label": "Client"}}}, ["'client' is an identifier"]),
        (
            {"variables": OTHER["variables"] | {"fear": {"label": "Fear", "instrument": "gad"}}},
            ["variables.fear.instrument", "no instrument 'gad'"],
        ),
        ({"variables": OTHER["variables"] | {"fear": {"labl": "Fear"}}}, ["unknown key 'labl'", "label?"]),
        ({"mediators": "hope"}, ["unknown key 'mediators'", "Did you mean mediator?"]),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, changes, words):
    with pytest.raises(ConfigError) as caught:
        load_study(written(tmp_path, **changes))
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("braces", ["{itms}", "{items hope}", "{low bond}", "{}"])
def test_a_description_holds_numbers_of_its_own_instrument_only(tmp_path, braces):
    raw = yaml.safe_load((ROOT / "config/instruments/wai_sr.yaml").read_text())
    path = tmp_path / "wai.yaml"
    path.write_text(yaml.safe_dump(raw | {"description": f"It has {braces} items."}))
    with pytest.raises(ConfigError, match="is no number of it"):
        load_instrument(path, "wai")


def test_another_studys_sentences_name_its_own_variables(tmp_path, monkeypatch):
    monkeypatch.setenv(IN_FORCE, "")
    use_study(written(tmp_path))
    from fortems.report.text import relations, summary
    from fortems.report.text import study as models
    from fortems.report.text.words import chain_names, more_or_less

    says(models.absent(), "models", "trust in the therapist", "not", "this run")
    assert chain_names() == ["trust in the therapist", "hope", "PHQ\\-9"]
    assert summary._found("clients", ["trust"]) == "clients who rated it higher had more hope"
    assert more_or_less("hope", "mood") == "less"
    assert relations.study().aspects == ()
