"""What a sentence must carry, pinned without its phrase: the facts, in their order, and no negation beside them."""

import re

_END = r"""[.?!]["'”’)\]]*\s+["'“‘(\[]*[A-Z\d]|\n"""
_NEGATION = r"\b(?:not|no|none|never|neither|nor|cannot|nothing|nobody|without)\b"
_GAP = rf"(?:(?!{_END}|{_NEGATION}).)*?"


def facts(*parts: object) -> str:
    """The regular expression of a sentence that carries these facts, in this order, whatever else it says.

    Between two facts no sentence ends and nothing is negated: a "not" is a fact, and is to be named as one.
    A fact is a whole word or number: 5 is not found in 15, 0.5 or −5. A fact may itself go over the end of
    a sentence, where what the next one says belongs to it. For ``pytest.raises(..., match=facts(...))``.
    """
    return _GAP.join(_whole(str(part)) for part in parts)


def says(text: object, *parts: object) -> None:
    """Fail unless one sentence of a text carries these facts (:func:`facts`)."""
    if not re.search(facts(*parts), str(text)):
        raise AssertionError(f"no sentence carries {parts}, in this order, in:\n{text}")


def _whole(part: str) -> str:
    before = r"(?<![\w.−-])(?<!\d,)" if part[0].isdigit() else r"(?<!\w)" if _in_a_word(part[0]) else ""
    after = r"(?![\w%]|[.,]\d)" if part[-1].isdigit() else r"(?!\w)" if _in_a_word(part[-1]) else ""
    return before + re.escape(part) + after


def _in_a_word(character: str) -> bool:
    return character.isalnum() or character == "_"
