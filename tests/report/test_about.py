"""The page's last section says how to rebuild a run, and to compare it only where there is something to compare."""

import pytest
from fortems.package import ROOT
from fortems.report.about import about
from fortems.report.page import nodes


@pytest.mark.parametrize(
    ("run", "own", "compared"),
    [("main", False, True), ("ci", False, True), ("example_items", False, False), ("main", True, False)],
)
def test_a_run_is_compared_only_with_what_the_release_ships(tmp_path, run, own, compared):
    blocks = about(run, tmp_path, ROOT, own)
    told = " ".join(nodes.text_of(block) for block in blocks) + str(blocks)
    assert (f"make verify RUN={run}" in told) == compared
    assert ("the release ships" in told) == compared
    assert f"config-of-{run}.yaml" in told
