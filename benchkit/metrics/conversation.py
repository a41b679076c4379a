"""Metrics of a conversation: the response's text against the prompt or the golden response."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress, count, pairwise
from typing import Any

from rapidfuzz.distance import Levenshtein

from .keywords import KEPT, keywords, normalise, spaced, word_count, words
from .sentences import resolves, sentences

RESOLUTION_BONUS = 1.2
_LONGEST, _EPSILON = 4, 0.1
Gram = Any  # a word, or a tuple of two to four


def response_relevance(response: str, prompt: str) -> float | None:
    """Jaccard index |R ∩ P| / |R ∪ P| of the keyword sets of response and prompt.

    0 to 1, higher is better. A response without keywords is 0; a prompt without keywords gives None.
    """
    asked, answered = keywords(prompt), keywords(response)
    shared = len(asked & answered)
    return shared / (len(asked) + len(answered) - shared) if asked else None


@lru_cache(maxsize=KEPT)
def clarity(response: str) -> float:
    """Mean over the sentences of a score for their length in words: under 3: 0.3; 3 to 50: 1; over 50: 0.5.

    0 to 1, higher is better. A response without a sentence is 0; it is never None.
    """
    lengths = map(word_count, sentences(response))
    shares = [0.3 if n < 3 else 1.0 if n <= 50 else 0.5 for n in lengths]
    return math.fsum(shares) / len(shares) if shares else 0.0


def task_completion(response: str, golden: str) -> float | None:
    """Share |R ∩ G| / |G| of the golden keywords in the response, times 1.2 if it `shows_resolution`, to 1.

    0 to 1, higher is better. An empty response is 0; a golden response without keywords gives None.
    """
    expected = keywords(golden)
    if not expected:
        return None
    share = len(expected & keywords(response)) / len(expected)
    is_open = 0 < share < 1  # else a resolution changes nothing
    return min(1.0, share * RESOLUTION_BONUS) if is_open and shows_resolution(response) else share


@lru_cache(maxsize=KEPT)
def shows_resolution(response: str) -> bool:
    """Whether the text names a date or deadline, an amount, a reference, or a concrete step.

    The patterns stand in `sentences`. A step is an instruction at the start of a clause ("Open
    Settings", "please restart"), a numbered item, a way ("by clicking"), or something done or promised ("we
    have refunded"). Steps and units are English; digits, signs and ids are not. `{{placeholders}}` name
    nothing.
    """
    return resolves(normalise(response))


def bleu_score(response: str, golden: str) -> float | None:
    """NLTK's `sentence_bleu` of the lower-cased `words`: up to 4-grams, equal weights, smoothing method 1.

    min(1, exp(1 − |G|/|R|)) · (p_1 p_2 p_3 p_4)^¼, where p_n is the share of the response's n-grams that the
    golden response has, each counted as often as it stands there at most; where none is, 0.1 of one counts.

    0 to 1, higher is better; method 1 leaves the identity of fewer than four words under 1. An empty response
    is 0; a golden response without words gives None. Papineni et al. 2002; Chen and Cherry 2014.
    """
    reference, hypothesis = words(golden), words(response)
    if not reference:
        return None
    counts = _shared(hypothesis, _grams(golden))
    if not counts[0]:
        return 0.0
    totals = (max(1, len(hypothesis) - n) for n in range(len(counts)))
    shares = [(count or _EPSILON) / total for count, total in zip(counts, totals, strict=True)]
    brevity = min(1.0, math.exp(1 - len(reference) / len(hypothesis)))
    return brevity * math.prod(shares) ** (1 / len(shares))


@lru_cache(maxsize=KEPT)
def _grams(text: str) -> list[dict[Gram, int]]:
    """How often every n-gram of the words of `text` occurs, for each order n; one word stands for itself."""
    found = words(text)
    longer = (zip(*(found[i:] for i in range(n)), strict=False) for n in range(2, _LONGEST + 1))
    return [dict(Counter(grams)) for grams in (found, *longer)]


def _shared(hypothesis: tuple[str, ...], grams: Sequence[dict[Gram, int]]) -> list[int]:
    """For every order how many n-grams of the hypothesis are among `grams`, each as often as there at most.

    One of three or four words can only be there where the one before it, shorter by its last word, is.
    """
    counts = []
    starts = list(compress(count(), map(grams[1].__contains__, pairwise(hypothesis))))
    for n, theirs in enumerate(grams, 1):
        found: list[Gram]
        if n == 1:
            found = list(filter(theirs.__contains__, hypothesis))
        else:
            starts = [i for i in starts if hypothesis[i : i + n] in theirs]
            found = [hypothesis[i : i + n] for i in starts]
        often = Counter(found).items() if len(set(found)) < len(found) else ()
        too_often = [times - theirs[gram] for gram, times in often if times > 1 and times > theirs[gram]]
        counts.append(len(found) - sum(too_often))
    return counts


def wer_score(response: str, golden: str) -> float | None:
    """Word error rate (S + D + I) / N, lower-cased and without punctuation; N is the golden's words.

    0 and up, lower is better, and above 1 for a response that is much longer than the golden response. An
    empty response is 1 (every word deleted); a golden response without words gives None.
    """
    reference, hypothesis = _wer_words(golden), _wer_words(response)
    return Levenshtein.distance(reference, hypothesis) / len(reference) if reference else None


@lru_cache(maxsize=KEPT)
def _wer_words(text: str) -> tuple[str, ...]:
    return tuple(spaced(normalise(text).translate(_WITHOUT_PUNCTUATION)).split())


class _Kept(dict[int, int | None]):
    """For `str.translate`: a character stays, save for punctuation (Unicode's categories P), which goes."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if unicodedata.category(chr(code)).startswith("P") else code
        return self[code]


_WITHOUT_PUNCTUATION = _Kept()
