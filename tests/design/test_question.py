"""A power question and its answer in words."""

import re

import pytest
from fortems.design import power, question
from fortems.design.tasks import Settings, gather, run
from fortems.errors import ConfigError
from fortems.study.estimands import PRIMARY_INTERVAL


def test_the_answer_holds_the_numbers_of_the_design_stage():
    design = {
        "power": {"therapists": [20], "clients": [4], "indirect": [0.09], "icc": [0.05], "studies": 200}
    }
    settings = Settings(question.SEED, 0.95, design, None, "", {})
    sums = gather([run(power.tasks(settings), {power.PART: power.Runner(settings)}, lambda line: None)])
    table = power.table(sums, settings)
    table = table[table["interval"] == PRIMARY_INTERVAL]
    assert len(table) == 2
    text = question.answer(20, 4, -0.09, studies=200)
    for row in table.to_dict("records"):
        assert f"power {row['power']:.0%}" in text
        assert f"{row['width']:.2f} wide" in text
    assert "80 clients" in text and "two paths of 0.30" in text


@pytest.mark.parametrize(
    ("indirect", "verdict"), [(0.01, "falls short of the usual 80%"), (0.3, "reaches the usual 80%")]
)
def test_the_verdict_follows_the_power(indirect, verdict):
    assert verdict in question.answer(40, 5, indirect, studies=100)


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ((1, 5, 0.05), "THERAPISTS: 1 "),
        ((40, 1, 0.05), "CLIENTS: 1 "),
        ((40, 5, 0.0), "INDIRECT: 0 "),
        ((40, 5, 1.5), "INDIRECT: 1.5 "),
        ((40, 5, float("nan")), "INDIRECT: nan "),
        ((4000, 900, 0.1), "THERAPISTS x CLIENTS: "),
    ],
)
def test_what_no_study_can_have_is_refused(numbers, named):
    with pytest.raises(ConfigError, match=re.escape(named)):
        question.answer(*numbers)


def test_the_command_answers_or_says_why_not(capsys):
    assert (
        question.main(["--therapists", "20", "--clients", "4", "--indirect", ".1", "--studies", "100"]) == 0
    )
    assert "20 therapists" in capsys.readouterr().out
    assert question.main(["--therapists", "2", "--clients", "4", "--indirect", ".1"]) == 1
    assert "Allowed: a whole number from 3" in capsys.readouterr().err
