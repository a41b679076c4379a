"""Words, and the keywords among them. No corpus is downloaded: the stop words are the ones below.

Any language works. Only the stop words and the stemmer are English; scripts that are written without
spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) count each character as a word.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

# Combining marks are no letters to `re`, but without them Hindi or Arabic words fall apart.
_MARKS = (
    "".join(c for c in map(chr, range(0x300, 0x1F000)) if unicodedata.category(c)[0] == "M") + "\u200c\u200d"
)
_UNSPACED = (
    "\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u1000-\u102a\u1780-\u17b3"
    "\u3041-\u3096\u30a1-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}][{_MARKS}]*")
# Canonical ordering takes quadratic time over a run of marks; no script stacks more than a few.
_STACKED_MARKS = re.compile(f"([{_MARKS}]{{8}})[{_MARKS}]+")
_PART = rf"[^\W_](?:[^\W_]|[{_MARKS}])*"
_WORD = re.compile(rf"{_PART}(?:'{_PART}|(?<=\d)[.,:/](?=\d){_PART}|[-_]{_PART})*")
_CLITIC = re.compile(r"'(?:s|m|re|ve|ll|d)$")
_LONGEST_STEMMED = 64  # letters; the stemmer is quadratic, and longer "words" are data

# Function words. Negations stay keywords: "we can refund" and "we cannot refund" are different answers.
_FUNCTION_WORDS = """
a about above after again all along also am among an and any are around as at be because been before being
below between both but by can could did do does doing down during each either else etc few for from
further had has have having he her here hers herself him himself his how however i if in into is it its
itself just let may me might more most much must my myself of off on once only onto or other ought our
ours ourselves out over own per quite rather same shall she should so some such than that the their theirs
them themselves then there therefore these they this those through thus to too toward towards under until
up upon us very was we were what whatever when where whether which while who whom whose why will with
within would you your yours yourself yourselves
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())


def normalise(text: str) -> str:
    """Lower case, NFKC, straight apostrophes."""
    text = _STACKED_MARKS.sub(r"\1", text)
    return unicodedata.normalize("NFKC", text).lower().replace("’", "'")


def spaced(text: str) -> str:
    """`text` with spaces around each character of the scripts that are written without."""
    return _UNSPACED_CHARACTER.sub(r" \g<0> ", text)


def words(text: str) -> list[str]:
    """Lower-cased words in order, without punctuation.

    Ids, dates, times and numbers stay whole (`int-2026-04`, `10:30`, `1,299.00`; `$49.99` gives `49.99`), and
    so do contractions (`don't`). Other compounds fall into their parts (`step-by-step`, `and/or`).
    """
    found = _WORD.findall(spaced(normalise(text)))
    return [part for word in found for part in _parts(word)]


def keywords(text: str) -> frozenset[str]:
    """The stems (Snowball, English) of the words of `text` that are no stop words."""
    return frozenset(_stem(bare) for bare in map(_bare, words(text)) if bare not in STOP_WORDS)


def _parts(word: str) -> list[str]:
    is_compound = ("-" in word or "_" in word) and not any(c.isdigit() for c in word)
    return re.split("[-_]", word) if is_compound else [word]


def _bare(word: str) -> str:
    """`it's` is `it`, and `don't` says `not`."""
    return "not" if word.endswith("n't") else _CLITIC.sub("", word)


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    is_natural = len(word) <= _LONGEST_STEMMED and not any(c.isdigit() for c in word)
    return _stemmer().stem(word) if is_natural else word


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    from nltk.stem.snowball import SnowballStemmer  # with half of SciPy behind it: where it is first needed

    return SnowballStemmer("english")
