"""What the checker cannot read: a statement about models in which it recognises no claim is not published."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .figures import NUMBER
from .ranking import NO_CLAIM, RANKING
from .reading import Names, Sentence
from .scope import OPEN
from .standing import STANDINGS
from .verdicts import VERDICTS
from .wording import in_digits

# What says how the run was made, or what a reader may do, and not how a model did.
_PROCEDURE = re.compile(
    r"\b(?:(?:was|were|is|are|be) compared|tested|measured|asked|answered (?:the|each|every|all)|ran|run|evaluated|benchmarked|differ|more (?:\w+ )?cases|"
    r"side by side|simulated|consider|read|look at|before|weigh|depends?|question|if|when|one|a single)\b|^should\b",
    re.IGNORECASE,
)
_TOGETHER = re.compile(
    r"\b(?:(?:both|all|either|these|the(?: two| three)?) models|the pair)\b", re.IGNORECASE
)


def unread(sentence: Sentence, names: Names) -> Iterator[str]:
    """A line for a sentence on how models did, in none of whose words there is a claim to check."""
    text = sentence.text
    spoken_of = [*names.models_in(text), *_TOGETHER.findall(text), *names.metrics_in(text)]
    if not spoken_of:
        return
    known = (RANKING, NO_CLAIM, OPEN, _PROCEDURE, *STANDINGS, *VERDICTS)
    if NUMBER.search(in_digits(text)) or any(pattern.search(text) for pattern in known):
        return
    yield f"says of {' and '.join(dict.fromkeys(spoken_of))} what cannot be checked: give the computed figure or the outcome"
