"""Tables and text as Markdown in which nothing that a model wrote is markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from ..signature import small_print
from ..wording import number

if TYPE_CHECKING:
    from IPython.display import Markdown

    from ..plots import Chart

# What could begin markup anywhere in a line of Markdown, and what only where a line begins.
_MARKUP = re.compile(r"[\\`*\[\]|$~]|<(?=[A-Za-z/!?])|(?<!\w)_|_(?!\w)|&(?=#?\w{1,32};)")
_BULLET, _NUMBERED = re.compile(r"^[#>+=-]"), re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
_FORMULA = re.compile(r"\\\\(?=\(|\\\[)")  # a backslash that nbconvert would take for a formula's begin
# Renderers make links of bare addresses; with these two escaped they read as they did and are none.
_ADDRESS = re.compile(r"(?<=:)//|(?<=www)\.", re.IGNORECASE)
# JupyterLab sets what stands between two of these as a formula, unless each is an element of its own.
_DOLLAR, _BACKSLASH = "<span>&#36;</span>", "<span>&#92;</span>"
_SHOWN = {"\\$": _DOLLAR, "\\\\": _BACKSLASH, "&#92;": _BACKSLASH}
_FORMULA_SIGN = re.compile("|".join(map(re.escape, _SHOWN)))
LONGEST = 1200  # characters of a model's text


class Markup(str):
    """Text of a cell that is Markdown already."""


def bold(text: str) -> Markup:
    return Markup(f"**{inline(text)}**")


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
    """A number to three places or as many as it takes, `unknown` for none, a name as it was written."""
    if value is None or isinstance(value, float):
        return number(value)
    return value if isinstance(value, Markup) else inline(str(value))


def section(report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], text: str = "") -> str:
    """`text`, and the rows as a table with how they were made in small print; "" where there are none."""
    shown = signed(table(rows), report["signature"])
    return "\n\n".join(filter(None, (text, shown))) if rows else ""


def shown(figures: Mapping[str, Chart], about: str) -> list[Chart]:
    """The figures whose names begin with `about`."""
    return [chart for name, chart in figures.items() if name.startswith(about)]


def linked(figures: Mapping[str, Chart], about: str) -> list[str]:
    """The same in Markdown, each with its caption below."""
    parts = []
    for one in shown(figures, about):
        # A dollar sign would be an element in a notebook, which no attribute can hold.
        alt = one.alt_text.replace("US$", "USD").replace("$", "USD ")
        parts += [f"![{safe(alt)}](figures/{one.name}.png)", f"*{safe(one.caption)}*"]
    return parts


def pairs_of(rows: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {(row["model_a"], row["model_b"]) for row in rows}


def only_pair(rows: Iterable[Mapping[str, Any]]) -> str:
    """Who A and B are, said once where there is one pair; else `sides` says it in every row."""
    pairs = pairs_of(rows)
    return "".join(f"A is {inline(a)}, B is {inline(b)}. " for a, b in pairs) if len(pairs) == 1 else ""


def sides(row: Mapping[str, Any], pairs: set[tuple[str, str]]) -> dict[str, str]:
    return {"A": row["model_a"], "B": row["model_b"]} if len(pairs) > 1 else {}


def safe(text: Any) -> str:
    """Text on one line for Markdown, escaped, and cut where it is longer than anybody reads."""
    return escaped(shortened(text))


def shortened(text: Any) -> str:
    return str(text) if len(str(text)) <= LONGEST else str(text)[:LONGEST] + " […]"


def escaped(text: str) -> str:
    """Text on one line, of any length, in which nothing is markup, a link or a formula.

    Only what Markdown would take for markup has a backslash before it: the file itself reads as text.
    """
    return _NUMBERED.sub(r"\1\\\2", _BULLET.sub(r"\\\g<0>", inline(text)))


def inline(text: str) -> str:
    """`escaped` for text that begins no line."""
    return unlinked(_FORMULA.sub("&#92;", _MARKUP.sub(r"\\\g<0>", _one_line(text))))


def in_html(text: Any) -> str:
    """Text on one line for an HTML element inside Markdown, cut like `safe`; a backslash is one there."""
    return _element(_one_line(shortened(text)))


def marked(text: Any, quotes: Iterable[str]) -> str:
    """`in_html` with each of `quotes` marked that stands in it, white space and case aside."""
    line = _one_line(shortened(text))
    words = [r"\s+".join(map(re.escape, quote.split())) for quote in quotes if quote.strip()]
    inside = bytearray(len(line))
    for found in (found for one in words for found in re.finditer(one, line, re.IGNORECASE)):
        inside[found.start() : found.end()] = b"\1" * (found.end() - found.start())
    parts = (
        (is_quoted, "".join(c for _, c in some))
        for is_quoted, some in groupby(zip(inside, line, strict=True), itemgetter(0))
    )
    return "".join(
        f"<mark>{_element(part)}</mark>" if is_quoted else _element(part) for is_quoted, part in parts
    )


def _element(line: str) -> str:
    line = escape(line, quote=False).replace("\\", _BACKSLASH).replace("$", _DOLLAR)
    return _ADDRESS.sub(lambda found: "".join(f"&#{ord(c)};" for c in found.group()), line)


def unlinked(text: str) -> str:
    """Markdown in which no address becomes a link; the rest stays as it is."""
    return _ADDRESS.sub(lambda found: "".join(f"\\{c}" for c in found.group()), text)


def displayed(text: str) -> Markdown:
    """A section for a notebook's output, where an escaped dollar sign would still begin a formula."""
    from IPython.display import Markdown

    return Markdown(_FORMULA_SIGN.sub(lambda found: _SHOWN[found.group()], text))


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
