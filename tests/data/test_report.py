"""What the report shows of the flow on own data: no small exclusion, nothing that gives one away."""

import pandas as pd
from fortems.data.privacy.flow import shown_flow

STEPS = pd.DataFrame(
    [
        ["received", "rows of the file", 60, 20, 3.0],
        ["excluded", "sessions: at least 5", 3, 0, None],
        ["scored", "a score of every scale", 55, 20, 2.75],
        ["analysed", "a score of at least one scale", 57, 20, 2.85],
    ],
    columns=["step", "detail", "clients", "therapists", "clients_per_therapist"],
)


def test_a_small_exclusion_and_what_reveals_it_are_taken_out():
    shown = shown_flow(STEPS, 5).set_index("step")
    numbers = ["clients", "therapists", "clients_per_therapist"]
    assert shown.loc[["received", "excluded", "scored"], numbers].isna().all(axis=None)
    assert shown.loc["analysed", numbers].tolist() == [57, 20, 2.85]


def test_simulated_clients_are_all_counted():
    assert shown_flow(STEPS, 0)["clients"].tolist() == [60, 3, 57, 55]
