"""Metrics of a conversation: the response's text against the prompt or the golden response."""

from __future__ import annotations

from statistics import fmean

import jiwer
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from .keywords import keywords, normalise, spaced, words
from .sentences import resolves, sentences

RESOLUTION_BONUS = 1.2
_SMOOTHING = SmoothingFunction().method1
_REMOVE_PUNCTUATION = jiwer.RemovePunctuation()


def response_relevance(response: str, prompt: str) -> float | None:
    """Jaccard index |R ∩ P| / |R ∪ P| of the keyword sets of response and prompt.

    0 to 1, higher is better. A response without keywords is 0; a prompt without keywords gives None.
    """
    asked, answered = keywords(prompt), keywords(response)
    return len(asked & answered) / len(asked | answered) if asked else None


def clarity(response: str) -> float:
    """Mean over the sentences of a score for their length in words: under 3: 0.3; 3 to 50: 1; over 50: 0.5.

    0 to 1, higher is better. A response without a sentence is 0; it is never None.
    """
    lengths = [len(words(sentence)) for sentence in sentences(response)]
    return fmean(0.3 if n < 3 else 1.0 if n <= 50 else 0.5 for n in lengths) if lengths else 0.0


def task_completion(response: str, golden: str) -> float | None:
    """Share |R ∩ G| / |G| of the golden keywords in the response, times 1.2 if it `shows_resolution`, to 1.

    0 to 1, higher is better. An empty response is 0; a golden response without keywords gives None.
    """
    expected = keywords(golden)
    if not expected:
        return None
    share = len(expected & keywords(response)) / len(expected)
    return min(1.0, share * RESOLUTION_BONUS) if shows_resolution(response) else share


def shows_resolution(response: str) -> bool:
    """Whether the text names a date or deadline, an amount, a reference, or a concrete step.

    The four patterns are `sentences.RESOLUTION`. A step is an instruction at the start of a clause ("Open
    Settings", "please restart"), a numbered item, a way ("by clicking"), or something done or promised ("we
    have refunded"). Steps and units are English; digits, signs and ids are not. `{{placeholders}}` name
    nothing.
    """
    return resolves(normalise(response))


def bleu_score(response: str, golden: str) -> float | None:
    """NLTK's `sentence_bleu` of the lower-cased `words`: up to 4-grams, equal weights, smoothing method 1.

    0 to 1, higher is better; method 1 leaves the identity of fewer than four words under 1. An empty response
    is 0; a golden response without words gives None. Papineni et al. 2002; Chen and Cherry 2014.
    """
    reference, hypothesis = words(golden), words(response)
    if not reference:
        return None
    return float(sentence_bleu([reference], hypothesis, smoothing_function=_SMOOTHING)) if hypothesis else 0.0


def wer_score(response: str, golden: str) -> float | None:
    """Word error rate (S + D + I) / N by jiwer, lower-cased and without punctuation; N is the golden's words.

    0 and up, lower is better, and above 1 for a response that is much longer than the golden response. An
    empty response is 1 (every word deleted); a golden response without words gives None.
    """
    reference, hypothesis = _wer_words(golden), _wer_words(response)
    return float(jiwer.wer(reference, hypothesis)) if reference else None


def _wer_words(text: str) -> str:
    return " ".join(spaced(_REMOVE_PUNCTUATION(normalise(text))).split())
