"""How claims are called, and which patterns figures and report speak of: by what claims hold, never by their names."""

from pathlib import Path

import yaml
from fortems.claims.claimfile import load_claims
from fortems.presentation.claims import aspects_pattern, claim_label, patterns, whole_pattern

SHIPPED = Path(__file__).resolve().parents[2] / "config/claims.yaml"


def renamed(folder: Path) -> Path:
    """The shipped claims in another order, each under a name that says nothing."""
    raw = yaml.safe_load(SHIPPED.read_text())
    names = {name: f"f{i}" for i, name in enumerate(raw["claims"])}
    for entry in raw["claims"].values():
        for key in {"claims", "contrasts"} & set(entry):
            entry[key] = [names[name] for name in entry[key]]
    raw["claims"] = {names[name]: entry for name, entry in reversed(raw["claims"].items())}
    path = folder / "claims.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    return path


def test_patterns_are_found_whatever_their_names(tmp_path):
    own, other = load_claims(SHIPPED), load_claims(renamed(tmp_path))
    assert (
        [whole_pattern(own), aspects_pattern(own)] == ["whole_pattern", "bond_alone"] == list(patterns(own))
    )
    assert other[whole_pattern(other)].text == own["whole_pattern"].text
    assert other[aspects_pattern(other)].text == own["bond_alone"].text


def test_labels_come_from_the_file():
    own = load_claims(SHIPPED)
    assert claim_label(own, "bond_meaning") == "Bond – meaning, positive"
    assert claim_label(own, "bond_indirect", "within") == "Bond, indirect effect (within)"
    assert claim_label(own, "no_such") == "No such" and claim_label({}, "bond_meaning") == "Bond meaning"
    assert own["bond_alone"].called == "the finding that bond alone survives"


def test_without_patterns_there_is_none():
    only = {name: claim for name, claim in load_claims(SHIPPED).items() if claim.role != "pattern"}
    assert whole_pattern(only) == aspects_pattern(only) == "" and patterns(only) == {}


def test_a_pattern_of_parts_alone_is_not_the_whole_one():
    own = load_claims(SHIPPED)
    del own["whole_pattern"]
    assert whole_pattern(own) == ""
