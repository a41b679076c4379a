"""Figures that hide in words: numbers spelled out, ratios, models that took no part."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .reading import Names

_SPELT = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
)
_ONES, _TENS = _SPELT.split()[:20], _SPELT.split()[20:]
_VALUES = {word: n for n, word in enumerate(_ONES)} | {word: 20 + 10 * n for n, word in enumerate(_TENS)}
_SPELLED = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[- ]({'|'.join(_ONES[1:10])}))?|({'|'.join(_ONES[2:])}))\b", re.IGNORECASE
)
_RATIO = re.compile(
    r"\b(?:twice|thrice|doubl\w+(?! down)|tripl\w+|quadrupl\w+|halv\w+|half|quarters?|two[- ]thirds|\w+fold|"
    r"(?:a|one|two) (?:thirds?|fifths?|tenths?)|thirds? of|one (?:in|out of) \w+|dozens?|"
    r"hundreds?|thousands?|millions?|(?:fold|times) (?:as|more|better|higher|lower|less|faster|cheaper|the)|"
    r"relative (?:improvement|gain|increase|reduction|difference|advantage|terms)|proportionally|"
    r"factors? of|order of magnitude)\b|\d\s?(?:x|×|-?fold)(?!\w)|\d\s+times\b",
    re.IGNORECASE,
)
_WITHIN = re.compile(
    r"\b95\s?(?:%|percent) (?=of [^,;.]{0,40}?\b(?:answers?|responses?|repl(?:y|ies)|calls?|requests?|customers?)\b[^,;.]{0,40}?"
    r"\b(?:within|in|under|below|after|at most|less than|no more than) (?:at most |less than |under )?\d[\d.]* ?(?:s|ms|sec\w*)\b)",
    re.IGNORECASE,
)
_PROVIDERS = {
    "offline",
    "openai",
    "meta-llama",
    "qwen",
    "moonshotai",
    "google",
    "anthropic",
    "mistralai",
    "groq",
}
_WITH_SLASH = re.compile(r"(?<![\w/.])[A-Za-z][\w-]*/[\w.:-]*\w")
_FAMILY = re.compile(
    r"(?<![\w/])(?:gpt|llama|claude|gemini|gemma|mixtral|mistral|qwen|kimi|deepseek|grok|phi|command-r|o[134])"
    r"[-\w.]*\b",
    re.IGNORECASE,
)


def in_digits(text: str) -> str:
    """`text` with spelled-out numbers from two to ninety-nine as digits."""
    return _SPELLED.sub(_digits, text)


def _digits(found: re.Match[str]) -> str:
    tens, ones, alone = (_VALUES.get((part or "").lower(), 0) for part in found.groups())
    return str(tens + ones + alone)


def percentiles(text: str) -> str:
    """`text` with "95 % of the answers came within" as the percentile that it is."""
    return _WITHIN.sub("the 95th percentile ", text)


def ratios(text: str) -> Iterator[str]:
    """A line for every ratio in words: only what was computed may be said, and ratios were not."""
    for found in _RATIO.finditer(text):
        yield f"{found.group(0)!r} is a ratio, and none was computed: use the computed digits"


def strangers(text: str, names: Names) -> Iterator[str]:
    """A line for every model that a marked text names and that took no part."""
    providers = _PROVIDERS | {model.partition("/")[0].lower() for model in names.models if "/" in model}
    found = [
        one.group(0) for one in _FAMILY.finditer(text) if any(c.isdigit() or c == "-" for c in one.group(0))
    ]
    for one in _WITH_SLASH.finditer(text):
        provider, _, rest = one.group(0).partition("/")
        if provider.lower() in providers or re.search(r"\d|-", rest):
            found.append(one.group(0))
    for name in dict.fromkeys(found):
        yield f"{name} took no part in this run"
