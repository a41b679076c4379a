"""What an answer must do in the simulated world, and the plain truth of whether it does.

A requirement is known by its text. Those of a scenario are done where one of a sentence's two wordings stands
in the answer; those drafted for somebody else's case where its sentence does, or advice that says the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from ...domain import Requirement
from ...metrics.requirements import is_quoted
from ...metrics.sentences import resolves, sentences
from ...metrics.stated import Told, facts
from .reading import keywords
from .scenarios import Scenario, Sentence, recognised, vocabulary

MOST = 7  # musts of a draft; with the must_not it has eight requirements
DRAFTED, NAMED, ELSE = "tell the customer: ", "name ", "name a date or an amount other than "
ALIKE = 0.6  # share of the keywords of a step or a requirement that a sentence about the same has


def required(known: Scenario) -> tuple[Requirement, ...]:
    """Of a conversation: a must for each sentence that does something, and two must_nots; () of a record."""
    if known.kind != "conversation":
        return ()
    facts_named = [name for name in ("amount", "event", "due") if name in known.facts]
    never = [ELSE + ", ".join(known.facts[name] for name in facts_named), known.forbidden.requirement]
    musts = [
        Requirement(f"r{at}", sentence.requirement, True, sentence.weight, _value(known, sentence))
        for at, sentence in enumerate((s for s in known.sentences if s.requirement), 1)
    ]
    return (*musts, *(Requirement(f"r{at}", text, False) for at, text in enumerate(never, len(musts) + 1)))


def drafted(prompt: str, golden: str) -> tuple[Requirement, ...]:
    """A must for each sentence of somebody else's golden answer that states a step or a fact, at most 7."""
    told = sentences(golden)
    chosen = [text for text in told if _other_wordings(text) or resolves(text.lower()) or any(facts(text))]
    musts = (chosen or told)[:MOST]
    stated = [fact.written for fact in facts(f"{prompt}\n{golden}") if fact.kind in ("date", "amount")]
    never = ELSE + (", ".join(dict.fromkeys(stated)) or "none")
    return (
        *(Requirement(f"r{at}", DRAFTED + text) for at, text in enumerate(musts, 1)),
        Requirement(f"r{len(musts) + 1}", never, must=False),
    )


def drafted_of_record(texts: Mapping[str, str]) -> tuple[Requirement, ...]:
    """A must for each sentence of a record's long texts, at most 7, and none of them may be denied."""
    told = [text for one in texts.values() for text in sentences(one)][:MOST]
    values = [next((fact.written for fact in facts(text) if fact.kind in _EXACT), "") for text in told]
    return (
        *(
            Requirement(f"r{at}", DRAFTED + text, value=value)
            for at, (text, value) in enumerate(zip(told, values, strict=True), 1)
        ),
        Requirement(f"r{len(told) + 1}", f"{DRAFTED}it is not true that {told[0]}", must=False),
    )


_EXACT = ("date", "amount", "id")


def quote(prompt: str, requirement: str, answer: str) -> str:
    """The words of the answer that do what the requirement's text says, "" where none does: the truth.

    Of a must_not, too, the words that do what it forbids. Texts that people wrote are done where a sentence
    of the answer has most of their keywords and denies as they do: nothing better can be known. What is
    denied ("It is not true that …") is not done; a value is named all the same.
    """
    names = requirement.startswith((ELSE, NAMED))
    found = (words for words in _wordings(prompt, requirement, answer) if is_quoted(words, answer))
    return next((words for words in found if names or not _is_denied(words, answer)), "")


def _is_denied(words: str, answer: str) -> bool:
    """Whether wherever the answer has these words there is a denial before them in the same sentence."""
    text, sought = (" ".join(one.split()).casefold() for one in (answer, words))
    before = text.split(sought)[:-1]
    return bool(before) and all(_DENIED.search(one) for one in before)


_DENIED = re.compile(r"(?:\b(?:not|never|no|cannot|nor|neither|false|untrue|wrong)\b|n['’]t\b)[^.!?:;]*$")


def _value(known: Scenario, sentence: Sentence) -> str:
    return next((known.facts[name] for name in sentence.facts if not name.startswith("step_")), "")


def _wordings(prompt: str, requirement: str, answer: str) -> Iterator[str]:
    """Words that would do what the requirement says, if the answer has them."""
    if sentence := _sentences(prompt).get(requirement):
        yield from (sentence.golden, sentence.otherwise, f"We {requirement}")
    elif requirement.startswith(ELSE):
        told = Told(requirement)
        yield from (f.written for f in facts(answer) if f.kind in ("date", "amount") and not told.has(f))
    elif requirement.startswith(DRAFTED):
        yield requirement.removeprefix(DRAFTED)
        yield from _other_wordings(requirement.removeprefix(DRAFTED))
    elif requirement.startswith(NAMED) and (wanted := list(facts(requirement))):
        yield from (fact.written for fact in facts(answer) if not fact.keys.isdisjoint(wanted[0].keys))
    else:
        about = (text for text in sentences(answer) if _is_about(requirement, text))
        yield from (text for text in about if _denies(text) == _denies(requirement))


def _denies(text: str) -> bool:
    return re.search(r"\b(?:not|never|cannot|nor|neither)\b|n['’]t\b", text, re.IGNORECASE) is not None


@lru_cache(maxsize=8192)
def _sentences(prompt: str) -> dict[str, Sentence]:
    """The sentences of a prompt's scenario, and the one that it forbids, by what they do."""
    known = recognised(prompt)
    every = (*known.sentences, known.forbidden) if known else ()
    return {sentence.requirement: sentence for sentence in every if sentence.requirement}


@lru_cache(maxsize=8192)
def _other_wordings(sentence: str) -> tuple[str, ...]:
    """What the desk usually advises in the place of the sentence: both wordings of each such step."""
    steps = [pair for topic in vocabulary()["advice"].values() for pair in topic]
    return tuple(dict.fromkeys(text for pair in steps if _is_about(pair[0], sentence) for text in pair))


def _is_about(wanted: str, sentence: str) -> bool:
    """Whether the sentence has most of the keywords of `wanted`, endings aside."""
    words, lowered = keywords(wanted), sentence.lower()
    shared = sum(re.search(rf"\b{re.escape(word.lower()[:5])}", lowered) is not None for word in words)
    return bool(words) and shared >= ALIKE * len(words)
