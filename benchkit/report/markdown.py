"""Tables and text as Markdown in which nothing that a model wrote is markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..signature import small_print

# What HTML, Markdown, a mail address or a formula could be made of.
_CHARACTERS = {c: f"&#{ord(c)};" for c in "<>&\"'*_`[]\\|#!~@"}
# JupyterLab sets what stands between two dollar signs as a formula, unless each is an element of its own.
_CHARACTERS["$"] = "<span>&#36;</span>"
# Renderers make links of bare addresses: an entity for their colon or dot shows the same and is none.
_ADDRESS = re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE)
ROUNDING = 1e-12  # of sums and differences of scores
LONGEST = 1200  # characters of a model's text


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table with the keys of the first row as its head."""
    if not rows:
        return "Nothing to show."
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell(row[name]) for name in head) + " |" for row in rows]
    return "\n".join(lines)


def signed(text: str, signature: str) -> str:
    """`text` with how it was made in small print below."""
    return f"{text}\n\n<small>{small_print(signature)}</small>" if signature else text


def cell(value: Any) -> str:
    """A number to three places, or two digits where it is smaller; what is not known says so."""
    if value is None or (isinstance(value, float) and value != value):
        return "unknown"
    if isinstance(value, float):
        return f"{value:z.3f}" if abs(value) >= 0.001 or abs(value) < ROUNDING else f"{value:.2g}"
    return unlinked(str(value)).replace("|", "\\|")


def digits(value: float | None, places: int) -> str:
    return "unknown" if value is None else f"{value:z,.{places}f}"


def interval(low: float | None, high: float | None, places: int = 3) -> str:
    return "unknown" if low is None or high is None else f"{low:z,.{places}f} to {high:z,.{places}f}"


def pairs_of(rows: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {(row["model_a"], row["model_b"]) for row in rows}


def only_pair(rows: Iterable[Mapping[str, Any]]) -> str:
    """Who A and B are, said once where there is one pair; else `sides` says it in every row."""
    pairs = pairs_of(rows)
    return "".join(f"A is {a}, B is {b}. " for a, b in pairs) if len(pairs) == 1 else ""


def sides(row: Mapping[str, Any], pairs: set[tuple[str, str]]) -> dict[str, str]:
    return {"A": row["model_a"], "B": row["model_b"]} if len(pairs) > 1 else {}


def listed(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def safe(text: Any) -> str:
    """Text on one line, escaped, and cut where it is longer than anybody reads."""
    short = str(text) if len(str(text)) <= LONGEST else str(text)[:LONGEST] + " […]"
    return escaped(short)


def escaped(text: str) -> str:
    """Text on one line, of any length, in which nothing is markup, a link or a formula."""
    one_line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return unlinked("".join(_CHARACTERS.get(c, c) for c in one_line))


def unlinked(text: str) -> str:
    """Text in which no address becomes a link; the rest stays as it is."""
    return _ADDRESS.sub(lambda found: f"&#{ord(found.group())};", text)
