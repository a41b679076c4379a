"""Tables and text as Markdown in which nothing that a model wrote is markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..signature import small_print

# What HTML, Markdown or a formula could be made of.
_CHARACTERS = {c: f"&#{ord(c)};" for c in "<>&\"'*_`[]\\|#!~"}
# JupyterLab sets what stands between two dollar signs as a formula, unless each is an element of its own.
_CHARACTERS["$"] = "<span>&#36;</span>"
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
        return f"{value:.3f}" if abs(value) >= 0.001 or value == 0 else f"{value:.2g}"
    return str(value).replace("|", "\\|")


def digits(value: float | None, places: int) -> str:
    return "unknown" if value is None else f"{value:,.{places}f}"


def safe(text: Any) -> str:
    """Text on one line, escaped, and cut where it is longer than anybody reads."""
    short = str(text) if len(str(text)) <= LONGEST else str(text)[:LONGEST] + " […]"
    one_line = " ".join("".join(c if c.isprintable() else " " for c in short).split())
    return "".join(_CHARACTERS.get(c, c) for c in one_line)
