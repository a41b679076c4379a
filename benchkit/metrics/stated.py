"""Exact values in texts: references, dates, times, amounts and numbers, in whatever way they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from random import Random
from typing import Any

from ..domain import UNSPACED
from ..jsontext import changed, leaves

_MONTHS = """
January Jan. February Feb. March Mar. April Apr. May May. June Jun. July Jul. August Aug. September Sep.
October Oct. November Nov. December Dec.
"""
MONTHS = {name.rstrip("."): at // 2 + 1 for at, name in enumerate(_MONTHS.split())} | {"Sept": 9}
_WORDS = "zero one two three four five six seven eight nine ten eleven twelve"
_UNSPACED = re.compile(f"[{UNSPACED}]")
_LETTER = re.compile(rf"[^\W_{UNSPACED}]")
_MONTH = rf"(?:{'|'.join(MONTHS)})\b\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
_FACT = re.compile(
    r"(?<![^\W_])(?:"  # not in the middle of a word
    r"(?P<email>[^\W_][\w.+-]{0,63}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4})"
    rf"|(?P<iso>\d{{4}}-\d\d-\d\d(?:[T ]{_CLOCK})?)"
    rf"|(?P<time>{_CLOCK}(?:\s?[apAP]\.?[mM]\b)?|\d{{1,2}}\s?[apAP]\.?[mM]\b)"
    rf"|(?P<date>{_MONTH}\s{_DAY}\b(?:,?\s\d{{4}}\b)?|{_DAY}(?:\sof)?\s{_MONTH}(?:,?\s\d{{4}}\b)?)"
    r"|(?P<slashed>\d{1,4}[/.]\d{1,2}[/.]\d{1,4})(?![/.]?\d)"
    r"|(?P<id>[^\W\d_][\w-]{0,40}\d[\w-]{0,40}\d(?:[\w-]{0,40}\w)?"
    r"|(?=(?:[\w-]{0,12}\d){4})\d[\w-]{0,40}[A-Z](?:[\w-]{0,40}\w)?)"
    r"|(?P<number>\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?![^\W_])"
    r")"
)
_CURRENCY = r"[$€£¥]|\b(?:USD|EUR|GBP)\b"
_BEFORE = re.compile(rf"(?:{_CURRENCY})\s?$")
_AFTER = re.compile(rf"\s?(?:{_CURRENCY}|(?:dollars?|euros?|pounds?)\b)")


@dataclass(frozen=True)
class Fact:
    """An exact value as it is `written`; any of its `keys` says the same."""

    written: str
    kind: str  # email, date, time, id, amount or number
    keys: frozenset[str]
    start: int = 0  # where in the text


def facts(text: str) -> Iterator[Fact]:
    """Every exact value in `text`, in order."""
    for found in _FACT.finditer(_UNSPACED.sub("。", text)):  # of the same length, and no part of a word
        kind, written, start = str(found.lastgroup), found.group(), found.start()
        if kind == "iso":
            yield Fact(written[:10], "date", frozenset(_slashed(written[:10])), start)
            kind, written, start = "time", written[11:], start + 11
        if kind == "number" and _is_amount(text, found):
            kind = "amount"
        if written:
            kind = "date" if kind == "slashed" else kind
            read = _READERS[str(found.lastgroup)]
            yield Fact(written, kind, frozenset(read(written)), start)


def number(value: float) -> Fact:
    """The fact that a number of a record is: 46.0 and 46 are the same, and a sign is left to the words."""
    written = f"{abs(Decimal(str(value))).normalize():f}"
    return Fact(written, "number", frozenset(_number(written)))


class Told:
    """A text in which facts are looked up."""

    def __init__(self, text: str) -> None:
        self._text = text.casefold()
        self._source = text

    def has(self, fact: Fact) -> bool:
        """Whether the text states `fact`, in this or in another way of writing it."""
        if not fact.keys.isdisjoint(self._known):
            return True
        return fact.kind not in ("amount", "number", "time") and self.says(fact.written)

    def says(self, words: str) -> bool:
        """Whether `words` stand in the text, upper or lower case, and not inside longer ones."""
        sought, at = words.casefold(), -1
        while (at := self._text.find(sought, at + 1)) >= 0:
            end = at + len(sought)
            if not _LETTER.match(self._text[at - 1 : at]) and not _LETTER.match(self._text[end : end + 1]):
                return True
        return False

    @cached_property
    def _known(self) -> set[str]:
        known = {key for fact in facts(self._source) for key in fact.keys}
        # Generous here: a number inside a date, and one that is spelt out, count as stated too.
        runs = re.findall(r"(?<![\d.,])\d+(?!\d|[.,]\d)", self._source)
        known |= {key for run in runs for key in _number(run)}
        known |= {f"n:{n}" for n, word in enumerate(_WORDS.split()) if re.search(rf"\b{word}\b", self._text)}
        years = {run for run in runs if len(run) == 4}
        known |= {f"{year}-{key[3:]}" for key in known if key.startswith("md:") for year in years}
        return known | {f"md:{key[5:]}" for key in known if re.match(r"\d{4}-", key)}


def with_fact_changed(text: str, told: Told, random: Random) -> str | None:
    """`text` with another value for one fact that `told` states; None where it has no such fact.

    It is changed wherever the text states it, and nothing else that its digits stand in.
    """
    found = list(facts(text))
    stated = [fact for fact in found if told.has(fact) and any(map(str.isdigit, fact.written))]
    for fact in random.sample(stated, len(stated)):
        other = other_value(fact.written, random)
        if not told.says(other):
            for same in (one for one in reversed(found) if one.kind == fact.kind and one.keys & fact.keys):
                text = text[: same.start] + other + text[same.start + len(same.written) :]
            return text
    return None


def facts_changed(golden: Any, told: Told, random: Random) -> Iterator[Any]:
    """`golden`, a text or a record, with one fact changed that `told` states: once, or each leaf in turn.

    The leaves of a record are in random order. Whether its schema still holds is for others to look at.
    """
    if isinstance(golden, str):
        text = with_fact_changed(golden, told, random)
        yield from () if text is None else (text,)
        return
    stated = [leaf for leaf in leaves(golden) if _is_stated(leaf[1], told)]
    for path, value in random.sample(stated, len(stated)):
        other = with_fact_changed(value, told, random) if " " in str(value) else other_value(value, random)
        if other is not None:
            yield changed(golden, path, to=other)


def _is_stated(value: Any, told: Told) -> bool:
    """Whether a leaf is a number, or a text with digits, that `told` states."""
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int | float):
        return told.has(number(value))
    return any(map(str.isdigit, value)) and (told.says(value) or any(map(told.has, facts(value))))


def other_value(value: Any, random: Random) -> Any:
    """A near value of the same type: another number, or the same text with one digit changed."""
    if isinstance(value, int | float):
        return value + random.choice((-1, 1))
    at = random.choice([i for i, char in enumerate(value) if char.isdigit()])
    digit = random.choice([d for d in "123456789" if d != value[at]])
    return f"{value[:at]}{digit}{value[at + 1 :]}"


def _is_amount(text: str, found: re.Match[str]) -> bool:
    before = text[max(0, found.start() - 5) : found.start()]
    return bool(_BEFORE.search(before) or _AFTER.match(text, found.end()))


def _verbatim(text: str) -> Iterator[str]:
    yield f"is:{text.casefold()}"


def _number(text: str) -> Iterator[str]:
    """Leading zeros count: such a number is a reference."""
    if re.fullmatch(r"0\d+", text):
        yield f"is:{text}"
    else:
        yield f"n:{Decimal(text.replace(',', '')).normalize():f}"


def _day(year: int | None, month: int, day: int) -> Iterator[str]:
    if 1 <= month <= 12 and 1 <= day <= 31:
        yield f"{year:04d}-{month}-{day}" if year else f"md:{month}-{day}"


def _date(text: str) -> Iterator[str]:
    month = next(MONTHS[word] for word in re.findall(r"[A-Z][a-z]+", text) if word in MONTHS)
    day, *year = (int(digits) for digits in re.findall(r"\d+", text))
    yield from _day(year[0] if year else None, month, day)


def _slashed(text: str) -> Iterator[str]:
    """With the year last it may be the day or the month that is first: both are meant, nobody can tell."""
    first, second, third = (int(digits) for digits in re.findall(r"\d+", text))
    if first > 31:
        yield from _day(first, second, third)
    else:
        year = third if third > 99 else 2000 + third
        yield from (*_day(year, first, second), *_day(year, second, first))


def _time(text: str) -> Iterator[str]:
    hour, *rest = (int(digits) for digits in re.findall(r"\d+", text.partition(".")[0]))
    minutes = ":".join(str(n) for n in (rest or [0])[: 2 if rest[1:] != [0] else 1])
    half = re.search(r"[apAP]", text)
    if half:
        yield f"{hour % 12 + (12 if half.group() in 'pP' else 0)}:{minutes}"
    else:
        yield from (f"{hour}:{minutes}", *([f"{hour + 12}:{minutes}"] if 1 <= hour < 12 else []))


_READERS = {"email": _verbatim, "id": _verbatim, "iso": _time, "time": _time} | {
    "number": _number,
    "date": _date,
    "slashed": _slashed,
}
