"""What of a passage may stand where some of its sentences may not: the others, if they stand by themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .reading import names_of, split

GAP = "[…]"  # stands where sentences were left out
Check = Callable[[str], list[str]]
# Words that begin a sentence which goes on from the one before.
_GOES_ON = re.compile(
    r"\W*(?:its?|this|that|these|those|they|their|them|he|she|such|so|thus|hence|therefore|however|but|and|also|too|"
    r"moreover|furthermore|still|yet|instead|otherwise|conversely|likewise|similarly|accordingly|consequently|"
    r"nevertheless|nonetheless|meanwhile|besides|additionally|then|there|here|both|neither|nor|or|which|either|again|"
    r"indeed|even|rather|overall|only|in (?:contrast|turn|addition|that|this|other|short|sum)|by contrast|"
    r"as (?:a result|such|well)|on (?:the other hand|top)|for (?:this|that|the same)|even so|not so|at the same|"
    r"the (?:same|former|latter|others?|opposite|reverse|rest|reason|result|difference|gap|lead|advantage|interval|"
    r"effect|second|third|first|remaining))\b",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"\b(?:the former|the latter|as well|also|too|the same|likewise|they|them|their|these|those|the other|"
    r"respectively|as (?:above|before|mentioned|noted|said))\b",
    re.IGNORECASE,
)
# An "it" that nothing before is meant by.
_STANDS = re.compile(
    r"\W*it (?:would|will|may|might|takes?|took|remains|seems|appears|follows|is (?:not )?(?:clear|unclear|worth|"
    r"possible|impossible|important|too (?:early|soon)))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sifted:
    """The text that may be published, "" for none, and how many sentences were left out of it."""

    text: str
    left_out: int


def sift(text: str, check: Check, facts: Mapping[str, Any]) -> Sifted:
    """`text` without the sentences that `check` finds wrong and those that lean on them, a mark in their place.

    `check` says what is wrong about a text. What is kept was found right both where it stood and as it stands now.
    """
    kept: list[str] = []
    before, dropped, open_gap = "", 0, False
    for sentence in split(text, names_of(facts)):
        wrong = _adds(check, before, sentence) or _adds(check, " ".join(kept), sentence)
        before = f"{before} {sentence}".strip()
        if wrong or (open_gap and leans(sentence)):
            if kept and kept[-1].endswith(":"):  # it announced what is not there now
                kept.pop()
                dropped += 1
            dropped, open_gap = dropped + 1, True
            continue
        kept += [GAP, sentence] if open_gap else [sentence]
        open_gap = False
    said = any(one != GAP for one in kept)
    return Sifted(" ".join([*kept, GAP] if open_gap else kept) if said else "", dropped)


def leans(sentence: str) -> bool:
    """Whether a sentence cannot be understood without the one before it."""
    if _STANDS.match(sentence):
        return False
    return bool(_GOES_ON.match(sentence) or _POINTS_BACK.search(sentence))


def _adds(check: Check, before: str, sentence: str) -> bool:
    """Whether `sentence` says something wrong after `before` that `before` does not."""
    return bool(set(check(f"{before} {sentence}")) - set(check(before)))
