"""Which texts are nearly the same, and the families that they form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..domain import UNSPACED

# Texts whose sorted words are this alike (rapidfuzz's token sort ratio, 0 to 100) test the same thing. A
# ratio of word sets would take every long text for a copy of a short one that it contains.
NEAR_DUPLICATE = 90
# Only texts that share half of their pieces, or all but a few, are compared letter by letter: of 8 million
# pairs of letters from one desk some 50,000.
SHARED, BUT = 0.5, 3
PIECE = re.compile(rf"[{UNSPACED}]|\w{{1,5}}")
LONGEST = 5000  # characters that are compared: more would take time and tell nothing
BLOCK = 256  # texts that are held against all before them at once, so that memory stays flat


def likenesses(texts: Sequence[str]) -> pd.DataFrame:
    """Of each text the position of the one before it that it is most like, how like, and its family.

    `nearest` is -1 where none is near; `ratio` (90 to 100) then is 0. `family` is the position of the
    family's first text: near-duplicates, of each other or through others, are one family.
    """
    from rapidfuzz import fuzz, process

    words = [_sorted_words(text) for text in texts]
    nearest, ratio, family = np.full(len(words), -1), np.zeros(len(words)), np.arange(len(words))
    for now, before in _candidates(words):
        pairs = [words[at] for at in now], [words[at] for at in before]
        ratios = process.cpdist(*pairs, scorer=fuzz.ratio, score_cutoff=NEAR_DUPLICATE)
        for at in np.unique(now[ratios > 0]):
            chosen = (now == at) & (ratios > 0)
            alike = before[chosen]
            nearest[at], ratio[at] = alike[ratios[chosen].argmax()], ratios[chosen].max()
            joined = family[[at, *alike]]
            family[np.isin(family, joined)] = joined.min()
    return pd.DataFrame({"nearest": nearest, "ratio": ratio, "family": family})


def _candidates(words: Sequence[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs (position, one before it) that share enough pieces of words to be compared."""
    pieces = _pieces(words)
    sizes = np.asarray(pieces.sum(axis=1)).ravel()
    for begin in range(0, len(words), BLOCK):
        end = min(begin + BLOCK, len(words))
        shared = (pieces[begin:end] @ pieces[:end].T).toarray()
        enough = SHARED / 2 * (sizes[begin:end, None] + sizes[:end]) - BUT
        now, before = np.nonzero((shared > 0) & (shared >= enough))
        earlier = before < now + begin
        yield now[earlier] + begin, before[earlier]


def _pieces(words: Sequence[str]) -> Any:
    """A sparse matrix, text by piece: 1 where the text has it. Pieces stem words, as plurals share theirs."""
    from scipy.sparse import csr_array

    known: dict[str, int] = {}
    found = [[known.setdefault(piece, len(known)) for piece in set(PIECE.findall(text))] for text in words]
    ends = np.cumsum([0, *map(len, found)])
    columns = np.array([piece for row in found for piece in row], dtype=np.int64)
    return csr_array((np.ones(len(columns), np.int32), columns, ends), shape=(len(words), len(known) or 1))


def _sorted_words(text: str) -> str:
    """Lower case, without punctuation: `fuzz.ratio` of two such texts is their token sort ratio."""
    from rapidfuzz.utils import default_process

    return " ".join(sorted(default_process(text)[:LONGEST].split()))
