"""The search of what may leave a run as its description says it: each thing held against each place, one by one.

Slow and without an index. The search itself must find the same (test_search.py).
"""

import itertools
import re
from collections import Counter

import numpy as np
from fortems.data.privacy.reading import normalised
from fortems.tidy import number

NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")
SIZES = "therapists' numbers of clients"


def found(secret, part):
    """Return the set of all that is found in a part of a file."""
    told = set()
    for way in (1, -1):
        told |= in_text(secret, part.text[::way], backwards=way == -1)
    for name, cells in (column for table in part.tables for column in table):
        told |= in_column(secret, name, cells)
    sequences = [*([c for c in row if NUMBER.fullmatch(c)] for row in part.rows), *part.sequences]
    told |= rows(secret, part.rows, sequences)
    for sequence in part.sequences:
        told |= {
            f"holds {label(name)} one by one" for name in secret.columns if running(secret, name, sequence)
        }
    return told


def label(name):
    return name if name.startswith("therapists'") else f"clients' {name}"


def in_text(secret, text, backwards):
    told = {normalised(word) for word in secret.words}
    hits = {word for word in told if stands(word, text)}
    what = set()
    if any(len(w) >= 8 for w in hits) or len(hits) >= max(5, len(told) / 20) or (hits and not backwards):
        what.add(
            f"names {len(hits)} client{'s' if len(hits) > 1 else ''} or therapists, or words of few clients"
        )
    words = re.findall(r"\w+", text)
    for phrase in secret.texts:
        own = re.findall(r"\w+", phrase)
        size = min(len(own), 6)
        parts = [own[i : i + size] for i in range(len(own) - size + 1)]
        if any(words[i : i + size] in parts for i in range(len(words) - size + 1)):
            what.add("quotes a free text of the export")
    if any(place in text for place in secret.places):
        what.add("tells where the export is kept")
    return what


def stands(word, text):
    if not re.fullmatch(r"[\w.\-@+]+", word):
        return word in text
    return re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", text) is not None


def in_column(secret, name, cells):
    what, values = set(), [cell for cell in cells if cell]
    if (whose := secret.categories.get(tuple(normalised(cell) for cell in cells))) is not None:
        what.add(f"the column {name!r} holds clients' {whose} one by one")
    distinct = set(values)
    words = len(distinct) >= secret.several and not all(NUMBER.fullmatch(v) for v in distinct)
    if distinct and distinct <= secret.identifiers and (words or name in secret.names):
        what.add(f"the column {name!r} holds identifiers")
    if whose := same(secret, values):
        what.add(f"the column {name!r} holds {whose} one by one")
    return what


def same(secret, cells):
    plain = [cell.strip().replace("\N{MINUS SIGN}", "-") for cell in cells]
    plain = [c.replace(",", ".") if re.fullmatch(r"-?[0-9]+,[0-9]+", c) else c for c in plain]
    if len(plain) < 4 or not all(NUMBER.fullmatch(c) for c in plain) or len(set(map(float, plain))) == 1:
        return ""
    decimals = max(len(f"{c}.".split(".")[1].partition("e")[0]) for c in plain)
    values = np.array(plain, dtype=float)
    return next((label(n) for n, own in secret.columns.items() if is_column(values, own, decimals, n)), "")


def is_column(values, own, decimals, name):
    distinct = len(set(values.tolist()))
    if name == SIZES and len(own) >= 4:
        return len(set(own.tolist())) >= 3 and sorted(values) == sorted(own)
    if not 2 / 3 * len(own) <= len(values) <= len(own) or len(values) < 8:
        return False
    if len(values) == len(own):
        if moves_with(values, own):
            return True
        close = min(max(1e-6, 2 * 10.0**-decimals / values.std()), 0.02) if decimals else 1e-6
        theirs, ours = ((v - v.mean()) / v.std() for v in (values, own))
        arranged = list if distinct < 8 else sorted
        return any(np.allclose(arranged(theirs), arranged(sign * ours), atol=close) for sign in (1, -1))
    if distinct < 8:
        return False
    close = 0.51 * 10.0**-decimals
    if contained(values, own, close if decimals else min(close, 1e-9)):
        return decimals == 0 or np.ptp(values) > 4 * close * len(own)
    return decimals >= 2 and any(
        contained(values, (own - own.mean()) / own.std(ddof=ddof), max(close, 1e-6)) for ddof in (0, 1)
    )


def moves_with(values, own):
    steps = np.diff(values)
    if len(values) < 20 or len(set(values.tolist())) < 3 or (steps >= 0).all() or (steps <= 0).all():
        return False
    pairs = sorted(zip(own.tolist(), range(len(own)), values.tolist(), strict=True))
    for sign in (1, -1):
        if all(
            a[2] == b[2] if a[0] == b[0] else sign * a[2] <= sign * b[2] for a, b in itertools.pairwise(pairs)
        ):
            return True
    return False


def contained(some, others, close):
    left = sorted(others.tolist())
    for value in sorted(some.tolist()):
        while left and left[0] < value - close:
            left.pop(0)
        if not left or left.pop(0) > value + close:
            return False
    return True


def running(secret, name, sequence):
    own = Counter(number(value) for value in secret.columns[name].tolist())
    many = sum(own.values())
    length, enough = (many, 3) if name == SIZES else (int(np.ceil(2 / 3 * many)), 8)
    cells = [number(float(cell)) for cell in sequence]
    if length < 4 or len(own) < enough:
        return False
    for stride in range(1, 25):
        for offset in range(stride):
            every = cells[offset::stride]
            for start in range(len(every) - length + 1):
                if every[start] not in own:
                    continue
                window = Counter(every[start : start + length])
                if len(window) >= enough and window <= own:
                    return True
    return False


def rows(secret, table, sequences):
    clients = {"scores.csv": set(), "items.csv": set(), "scores.csv, standardized,": set()}
    own = {kind: grams(cells, length) for kind, length, cells in own_grams(secret)}
    for sequence in sequences:
        plain = [number(float(cell)) for cell in sequence]
        for kind, length in (("scores", 5), ("items", 12)):
            for start in range(len(plain) - length + 1):
                gram = tuple(plain[start : start + length])
                if gram in own.get(kind, {}):
                    clients[f"{kind}.csv"].add(own[kind][gram])
        if sum("." in cell for cell in sequence) >= 5:
            for gram in hundredths([float(cell) for cell in plain]):
                for place, row in enumerate(secret.standardized):
                    if gram in hundredths(row):
                        clients["scores.csv, standardized,"].add(place % (len(secret.standardized) // 2))
    for row in table:
        numbers = [number(float(cell)) for cell in row if NUMBER.fullmatch(cell)]
        if 8 <= len(numbers) <= 24 and not even(numbers):
            for client, cells in enumerate(secret.rows["scores"]):
                mine = {cell for cell in cells if cell}
                if len(mine & set(numbers)) >= max(8, len(mine) - 1):
                    clients["scores.csv"].add(client)
    return {
        f"holds neighbouring cells of data/{kind} of {len(who)} client{'s' if len(who) > 1 else ''}"
        for kind, who in clients.items()
        if who
    }


def own_grams(secret):
    lengths = {"scores": 5, "items": 12}
    return [(kind, lengths[kind], cells) for kind, cells in secret.rows.items()]


def grams(clients, length):
    return {
        gram: client
        for client, cells in enumerate(clients)
        for gram in (tuple(cells[i : i + length]) for i in range(len(cells) - length + 1))
        if "" not in gram and len(set(gram)) >= 4 and not even(gram)
    }


def hundredths(values):
    windows = [values[i : i + 5] for i in range(len(values) - 4)]
    near = [tuple(np.round(w, 2).tolist()) for w in windows if all(abs(v) < 6 for v in w)]
    return [gram for gram in near if len(set(gram)) >= 4]


def even(cells):
    return np.ptp(np.diff([float(cell) for cell in cells])) == 0
