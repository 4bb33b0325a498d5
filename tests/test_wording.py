"""The tests' own measure of a sentence can fail."""

import pytest
from wording import says

TEXT = "The total correlates with age (r = −.30, p = .010). Bond does not, in 15 of 1,200 cases:\n  - none at 0.5"


@pytest.mark.parametrize(
    "parts",
    [
        ("total", "age", "−.30", ".010"),
        ("Bond", "not", "15", "1,200"),
        ("Bond does not", "15"),
        (".010). Bond", "not"),
        ("none at 0.5",),
    ],
)
def test_facts_of_one_sentence_are_found(parts):
    says(TEXT, *parts)


@pytest.mark.parametrize(
    "parts",
    [
        ("age", "total"),  # the other way round
        ("age", "Bond"),  # in two sentences
        ("Bond", "none"),  # on two lines
        ("Bond", "15"),  # a negation between them
        ("otal",),
        ("30",),
        ("5",),
        ("200",),
        ("0",),
        ("1",),
    ],
)
def test_what_no_sentence_carries_fails(parts):
    with pytest.raises(AssertionError):
        says(TEXT, *parts)
