"""The search finds what a plain one finds that holds each thing against each place: random data, texts and plants."""

from collections import Counter

import numpy as np
import plain_search
from fortems.data.privacy.confidential import Secrets
from fortems.data.privacy.disclosure import _Search
from fortems.data.privacy.reading import Part, normalised
from fortems.data.privacy.sameness import SIZES
from fortems.tidy import number

WORDS = [
    "sea",
    "lost",
    "her",
    "in",
    "the",
    "winter",
    "and",
    "brother",
    "t",
    "a_b",
    "é",
    "mother's",
    "2011",
    "c",
    "0",
    "x-y",
]
EVEN = np.arange(10) * 3.0
SIGNS = [" ", " ", " ", "_", "-", ".", "/", "@", "+", ", ", "<", "=", "–", "'"]


def secret_of(rng):
    """Clients, therapists and their data, small enough for what is alike by chance."""
    n = int(rng.integers(9, 26))
    scores = np.column_stack([
        rng.integers(0, 12, n), rng.integers(0, 40, n), rng.normal(50, 9, n).round(1), rng.integers(0, 3, n),
        rng.normal(0, 1, n), rng.integers(5, 60, n) * 0.25, rng.integers(0, 90, n), rng.normal(5, 2, n).round(2),
        rng.integers(0, 500, n), rng.integers(0, 500, n) / 10,
    ]).astype(float)  # fmt: skip
    scores[0] = rng.permutation(EVEN)
    items = rng.integers(0, 4, (n, 16)).astype(float)
    missing = rng.random(scores.shape) < 0.03
    rows = {
        "scores": [["" if m else number(v) for v, m in zip(r, o, strict=True)] for r, o in zip(scores.tolist(), missing, strict=True)],
        "items": [[number(v) for v in r] for r in items.tolist()],
    }  # fmt: skip
    columns = {f"score {k}": scores[~missing[:, k], k] for k in range(scores.shape[1])}
    columns |= {f"item {k}": items[:, k] for k in range(3)}
    columns |= {"score in other units": columns["score 1"] * 3 - 5}
    columns |= {"therapists' mean": rng.normal(10, 3, 8)}
    columns = {name: v for name, v in columns.items() if len(v) >= 8 and np.ptp(v) > 0}
    columns[SIZES] = rng.integers(1, 6, int(rng.integers(3, 7))).astype(float)
    standardized = [(scores - scores.mean(0)) / scores.std(0, ddof=ddof) for ddof in (0, 1)]
    gender = tuple(rng.choice(["man", "woman"], n))
    return Secrets(
        identifiers=frozenset(["c001", "c002", "T-7", "verhulst3", "12", "45/001"]),
        words=frozenset(
            ["c001", "C002x", "T-7001", "Verhulst3", "anna_b1", "45/001", "j.peeters7", "émile", "+_+"]
        ),
        texts=(
            "lost her brother in the winter and the sea 2011",
            "mother's sea",
            "in the sea the winter lost her t",
        ),
        columns=columns,
        categories={gender: "gender"},
        rows=rows,
        standardized=[row for table in standardized for row in table],
        several=3,
        names=frozenset({"client"}),
        places=("/kept here/",),
    )


def text_of(rng, secret):
    """Words in any order, and what is looked for: whole, in part, reversed, within others."""
    pieces = []
    for _ in range(rng.integers(0, 30)):
        word = str(rng.choice(WORDS))
        if rng.random() < 0.06:
            word = str(rng.choice([*sorted(secret.words), *secret.texts, *secret.places]))
            cut = rng.integers(0, len(word) + 1)
            word = [
                word,
                word,
                word[::-1],
                word[cut:],
                word[:cut],
                f"x{word}",
                f"{word}9",
                f"{word}9 {word}",
            ][rng.integers(8)]
        pieces += [word, str(rng.choice(SIGNS))]
    return normalised("".join(pieces))


def numbers_of(rng, secret):
    """A list of numbers with what is looked for: columns and rows, whole or in part, one by one or with others between."""
    of_therapists = [own for name, own in secret.columns.items() if name.startswith("therapists'")]
    whole = [[number(v) for v in own] for own in [*secret.columns.values(), *3 * of_therapists]]
    whole += [[cell for cell in row if cell] for rows in secret.rows.values() for row in rows[:3]]
    whole += [[f"{v:.{rng.integers(2, 5)}f}" for v in row] for row in secret.standardized[:3]]
    cells = list(whole[rng.integers(len(whole))])
    kind = rng.integers(4)
    if kind == 0:  # all, in another order
        cells = rng.permutation(cells).tolist()
    elif kind == 1:  # more or less than what tells
        cut = int(np.ceil(len(cells) * 2 / 3)) + int(rng.integers(-1, 2))
        start = int(rng.integers(0, len(cells) - cut + 1)) if cut <= len(cells) else 0
        cells = cells[start : start + cut]
    elif kind == 2:  # one instead of another
        cells[rng.integers(len(cells))] = cells[rng.integers(len(cells))]
    many = int(rng.integers(1, 26)) if rng.random() < 0.5 else 1
    spread = [cell for each in cells for cell in [each, *noise(rng, many - 1)]]
    return [*noise(rng, rng.integers(0, 9)), *spread, *noise(rng, rng.integers(0, 9))]


def noise(rng, many):
    return [number(v) for v in rng.choice([0, 1, 2, 3.5, 7, 11, 250, -1.25], int(many))]


def column_of(rng, secret):
    """Cells of a column: another, or one of the data, whole or in part, as it is, in other units, or ranked."""
    own = secret.columns[rng.choice([*secret.columns, "therapists' mean", SIZES])]
    values = own * [1, 1, 7, -2][rng.integers(4)] + [0, 0, 3][rng.integers(3)]
    values = [values, np.argsort(np.argsort(own)), (own - own.mean()) / (own.std() or 1), np.log(own - own.min() + 1)][rng.integers(4)]  # fmt: skip
    if rng.random() < 0.4:
        values = rng.permutation(values)
    if rng.random() < 0.4:
        values = values[: int(len(values) * rng.uniform(0.5, 1))]
    if rng.random() < 0.2 and len(values):
        values = values.copy()
        values[rng.integers(len(values))] += 1
    if rng.random() < 0.15:
        return [str(w) for w in rng.choice(sorted(secret.identifiers), rng.integers(1, 7))]
    if rng.random() < 0.1:
        return list(next(iter(secret.categories)))
    return [f"{v:.{rng.integers(0, 6)}f}" if rng.random() < 0.02 else f"{v:.10g}" for v in values]


def part_of(rng, secret):
    rows = [numbers_of(rng, secret) for _ in range(2)]
    # Of one client in another order, with a cell of the next one; evenly spaced; of one client over two rows.
    rows += [rng.permutation(secret.rows["scores"][rng.integers(3)]).tolist() for _ in range(2)]
    rows[-1][rng.integers(10)] = secret.rows["scores"][3][0]
    cut = int(rng.integers(1, 9))
    rows += [secret.rows["scores"][4][:cut], secret.rows["scores"][4][cut:]]
    rows += [[number(v) for v in EVEN]]
    rows = [rows[place] for place in np.flatnonzero(rng.random(len(rows)) < 0.4)]
    return Part(
        text_of(rng, secret),
        (tuple((name, tuple(column_of(rng, secret))) for name in ("x", "client", "x", "x")),),
        tuple(tuple(row) for row in rows),
        tuple(tuple(numbers_of(rng, secret)) for _ in range(3)),
    )


KINDS = {
    "names ", "quotes ", "tells where", "the column 'x' holds identifiers", "the column 'client' holds identifiers",
    "the column 'x' holds clients'", "the column 'x' holds therapists'", "holds clients'", "holds therapists'",
    "holds neighbouring cells of data/scores.csv of", "holds neighbouring cells of data/scores.csv, standardized",
    "holds neighbouring cells of data/items.csv of",
}  # fmt: skip


def test_a_plain_search_finds_the_same():
    rng = np.random.default_rng(20)
    parts = 0
    found = Counter()
    for _ in range(70):
        secret = secret_of(rng)
        search = _Search(secret)
        for _ in range(4):
            part = part_of(rng, secret)
            told = {*search.part(part), *search.neighbours.told()}
            assert told == plain_search.found(secret, part), part
            found.update(kind for kind in KINDS if any(what.startswith(kind) for what in told))
            parts += 1
    # Each kind is among them several times, and missing in others.
    assert {kind: 4 < found[kind] < parts - 4 for kind in KINDS} == dict.fromkeys(KINDS, True), found
