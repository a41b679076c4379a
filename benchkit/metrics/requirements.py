"""What an answer must do: which verdicts on it count, and what they add up to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from ..domain import Requirement, as_text
from ..jsontext import leaves
from .stated import Told, facts


def answer_text(answer: Any) -> str:
    """What a judge reads: a text as it is, of a record a line a field, `steps.0: Restart the lamp.`."""
    if isinstance(answer, str):
        return answer
    return "\n".join(f"{'.'.join(map(str, path))}: {as_text(value)}" for path, value in leaves(answer))


def without_paths(text: str) -> str:
    """A record's text, or words quoted from it, without its lines' paths: a field's name says nothing."""
    return _PATH.sub("", text)


_PATH = re.compile(r"^[^:\n]{1,200}: ", re.MULTILINE)


def is_quoted(quote: str, answer: str) -> bool:
    """Whether `quote` stands in the answer word for word.

    White space, case, Markdown's marks, quotation marks around it and the shapes of dashes and apostrophes
    aside. It begins and ends with whole words and has two letters or digits at least: "e" stands anywhere.
    """
    sought, text = _plain(quote).strip("\"' ."), _plain(answer)
    if sum(map(str.isalnum, sought)) < 2:
        return False
    begins, ends = (r"\b" if end.isascii() and end.isalnum() else "" for end in (sought[0], sought[-1]))
    return re.search(f"{begins}{re.escape(sought)}{ends}", text) is not None


def has_value(requirement: Requirement, answer: str) -> bool:
    """Whether the answer states the exact value that the requirement names, in whatever way it is written."""
    told, found = _told(answer), list(facts(requirement.value))
    return all(map(told.has, found)) if found else told.says(requirement.value)


def requirements_met(requirements: Iterable[Requirement], met: Mapping[str, bool]) -> float | None:
    """Σ weight·met / Σ weight over the musts; 0 if a must_not is not met. `met` is by requirement id.

    0 to 1, higher is better; None without a must. Raises KeyError for a requirement that `met` leaves out.
    """
    requirements = list(requirements)
    weights = {one.id: one.weight for one in requirements if one.must}
    if not weights:
        return None
    if not all(met[one.id] for one in requirements if not one.must):
        return 0.0
    return sum(weight * met[id] for id, weight in weights.items()) / sum(weights.values())


_told = lru_cache(maxsize=64)(Told)  # the requirements of an answer come one after the other


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).translate(_FOLDED).split()).casefold()


_DASHES, _APOSTROPHES, _QUOTES, _MARKS = "‐‑‒–—−", "‘’", "“”„«»", "*_`#"
_FOLDED = str.maketrans(
    _DASHES + _APOSTROPHES + _QUOTES,
    "-" * len(_DASHES) + "'" * len(_APOSTROPHES) + '"' * len(_QUOTES),
    _MARKS,
)
