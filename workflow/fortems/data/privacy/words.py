"""Whether a text names clients or therapists, quotes their texts, or tells where the export is kept.

A text is split once into its runs of letters and digits. What is looked for is held by the runs that it is made of:
where a text lacks one of them it cannot stand, forwards or backwards, and only what is left is looked for in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fortems.data.privacy.confidential import SHINGLE, Secrets, words_in
from fortems.data.privacy.reading import normalised

WORD = re.compile(r"[\w.\-@+]+")
RUN = re.compile(r"[^\W_]+")
LONG, SEVERAL = 8, 5  # characters of one word, and shorter words, that stand in a reversed text by no chance


class Words:
    """Words and phrases that must not be found, prepared once for all files.

    Parameters
    ----------
    secret : Secrets
    """

    def __init__(self, secret: Secrets):
        self.places = secret.places
        told = {normalised(word) for word in secret.words}
        self.several = max(SEVERAL, len(told) / 20)
        whole = {word for word in told if WORD.fullmatch(word)}
        # Parted by other signs, such as a slash, a word may be part of a longer one.
        self.others = _by_context(told - whole)
        phrases = _phrases(secret)
        self.words = {way: Index(word[::way] for word in whole) for way in (1, -1)}
        self.phrases = {way: Index(phrase[::way] for phrase in phrases) for way in (1, -1)}

    def found(self, text: str) -> Iterator[str]:
        """Yield what is found in a normalised text, forwards and backwards."""
        runs = set(RUN.findall(text))
        flat = ""
        for way, told in ((1, bool), (-1, self._told_backwards)):
            hits = self._words(text, runs, way)
            if told(hits):
                yield f"names {len(hits)} client{'s' if len(hits) > 1 else ''} or therapists, or words of few clients"
            if phrases := list(self.phrases[way].made_of(runs)):
                flat = flat or f" {' '.join(words_in(text))} "
                if any(phrase in flat for phrase in phrases):
                    yield "quotes a free text of the export"
            if any(place[::way] in text for place in self.places):
                yield "tells where the export is kept"

    def _words(self, text: str, runs: set[str], way: int) -> set[str]:
        """The words that stand in a text, not within longer ones; backwards with ``way`` -1."""
        hits = {word for word in self.words[way].made_of(runs) if _bounded(word, text)}
        for context, words in self.others.items():
            if context[::way] in text:
                hits |= {word[::way] for word in words if word[::way] in text}
        return hits

    def _told_backwards(self, hits: set[str]) -> bool:
        """Whether words found in a reversed text are there by no chance: a file's codes turned round give short ones."""
        return any(len(word) >= LONG for word in hits) or len(hits) >= self.several


class Index:
    """Texts by the runs of letters and digits that they are made of.

    Parameters
    ----------
    texts : iterable of str
    """

    def __init__(self, texts: Iterable[str]):
        self.without: list[str] = []  # without a run by which to know that a text lacks it
        self.by_run: dict[str, list[tuple[frozenset[str], str]]] = {}
        for text in texts:
            runs = frozenset(RUN.findall(text))
            if runs:
                # The longest is in the fewest texts.
                self.by_run.setdefault(max(runs, key=lambda run: (len(run), run)), []).append((runs, text))
            else:
                self.without.append(text)

    def made_of(self, runs: set[str]) -> Iterator[str]:
        """Yield the texts all of whose runs are among these."""
        yield from self.without
        for run in self.by_run.keys() & runs:
            for needed, text in self.by_run[run]:
                if needed <= runs:
                    yield text


def _bounded(word: str, text: str) -> bool:
    """Return whether a word stands in a text with neither letter nor digit before or behind it."""
    place = text.find(word)
    while place >= 0:
        if not (
            text[max(place - 1, 0) : place].isalnum()
            or text[place + len(word) : place + len(word) + 1].isalnum()
        ):
            return True
        place = text.find(word, place + 1)
    return False


def _phrases(secret: Secrets) -> set[str]:
    """Texts of several words, and each part of longer ones that tells them, as words between single blanks."""
    found = set()
    for text in secret.texts:
        words = words_in(text)
        for start in range(max(len(words) - SHINGLE, 0) + 1):
            found.add(f" {' '.join(words[start : start + SHINGLE])} ")
    return found - {"  "}


def _by_context(words: Iterable[str]) -> dict[str, list[str]]:
    """Words by the characters around the sign that parts them: many have these in common, and most texts lack them."""
    found: dict[str, list[str]] = {}
    for word in sorted(words):
        sign = next((place for place, c in enumerate(word) if not WORD.match(c)), 0)
        found.setdefault(word[max(sign - 1, 0) : sign + 2], []).append(word)
    return found
