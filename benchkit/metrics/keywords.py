"""Words, and the keywords among them. No corpus is downloaded: the stop words are the ones below.

Any language works that sets spaces between words; of Chinese and Japanese each character counts as a word.
Only the stop words and the stemmer are English. What a text is made of is kept for the last few hundred
texts: every metric of a response asks for it, and so does every response to the same golden. No word holds
white space, so that what stands between is looked at by itself, and once however many texts have it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any

# Combining marks are no letters to `re`, but without them Hindi or Arabic words fall apart.
_MARKS = (
    "".join(c for c in map(chr, range(0x300, 0x1F000)) if unicodedata.category(c)[0] == "M") + "\u200c\u200d"
)
_UNSPACED = "\u3041-\u3096\u30a1-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}][{_MARKS}]*")
# Canonical ordering takes quadratic time over a run of marks; no script stacks more than a few.
_STACKED_MARKS = re.compile(f"([{_MARKS}]{{8}})[{_MARKS}]+")
_PART = rf"[^\W_](?:[^\W_]|[{_MARKS}])*"
_WORD = re.compile(rf"{_PART}(?:'{_PART}|(?<=\d)[.,:/](?=\d){_PART}|[-_]{_PART})*")
_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+|(?<=\d)[.,:/](?=\d)[a-z0-9]+|[-_][a-z0-9]+)*")  # the same
_COMPOUND = re.compile("[-_]")
_CLITIC = re.compile(r"'(?:s|m|re|ve|ll|d)$")
KEPT = 512  # texts; more than a case's answers, and few enough to stay small
_LONGEST_STEMMED = 64  # letters; the stemmer is quadratic, and longer "words" are data


class _Kept(dict[str, Any]):
    """What `function` makes of a piece of a text, for as many short ones: a third of lru_cache's time."""

    most, longest = 1 << 15, 64  # pieces; characters, for what is longer is data and seldom comes again

    def __init__(self, function: Callable[[str], Any]) -> None:
        self.function = function

    def __missing__(self, piece: str) -> Any:
        made = self.function(piece)
        if len(piece) <= self.longest:
            if len(self) >= self.most:
                self.clear()
            self[piece] = made
        return made


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
    if text.isascii():
        return text.lower()
    text = _STACKED_MARKS.sub(r"\1", text)
    return unicodedata.normalize("NFKC", text).lower().replace("’", "'")


def spaced(text: str) -> str:
    """`text` with spaces around each character of the scripts that are written without."""
    return text if text.isascii() else _UNSPACED_CHARACTER.sub(r" \g<0> ", text)


@lru_cache(maxsize=KEPT)
def words(text: str) -> tuple[str, ...]:
    """Lower-cased words in order, without punctuation.

    Ids, dates, times and numbers stay whole (`int-2026-04`, `10:30`, `1,299.00`; `$49.99` gives `49.99`), and
    so do contractions (`don't`). Other compounds fall into their parts (`step-by-step`, `and/or`).
    """
    return tuple(chain.from_iterable(_by_piece(text)))


def word_count(text: str) -> int:
    """How many `words` there are; of a text of which nothing else will be asked."""
    return sum(map(len, _by_piece(text)))


def _by_piece(text: str) -> Iterator[tuple[str, ...]]:
    return map(_WORDS_IN.__getitem__, normalise(text).split())


def _words_in(piece: str) -> tuple[str, ...]:
    piece = spaced(piece)
    found = (_ASCII_WORD if piece.isascii() else _WORD).findall(piece)
    return tuple(part for word in found for part in _parts(word))


@lru_cache(maxsize=KEPT)
def keywords(text: str) -> frozenset[str]:
    """The stems (Snowball, English) of the words of `text` that are no stop words."""
    return frozenset(filter(None, map(_KEYWORDS.__getitem__, set(words(text)))))


def _parts(word: str) -> list[str]:
    is_compound = ("-" in word or "_" in word) and not any(c.isdigit() for c in word)
    return _COMPOUND.split(word) if is_compound else [word]


def _keyword(word: str) -> str:
    """The stem of a word; "" of a stop word. `it's` is `it`, and `don't` says `not`."""
    word = "not" if word.endswith("n't") else _CLITIC.sub("", word)
    if word in STOP_WORDS:
        return ""
    is_natural = len(word) <= _LONGEST_STEMMED and not any(c.isdigit() for c in word)
    return _stemmer().stem(word) if is_natural else word


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    from nltk.stem.snowball import SnowballStemmer  # with half of SciPy behind it: where it is first needed

    return SnowballStemmer("english")


_WORDS_IN, _KEYWORDS = _Kept(_words_in), _Kept(_keyword)
