"""How many comparisons came to an outcome: "three of the six metrics are significant", "A wins on two"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .ranking import RANKING
from .reading import Names, Sentence
from .scope import NEGATED, OPEN, Row, is_significant, pair_of, winner
from .wording import in_digits

_COUNTED = r"(?:metrics?|measures?|comparisons?|differences?)\b"
TALLY = re.compile(
    r"\bof (?:the |its |all )?(?P<all>\d+) (?:metrics|measures|comparisons|differences),? (?P<some>\d+|(?:only |just )?one)\b|"
    r"\b(?P<n>\d+|one|a single)(?: (?:out )?of(?: the| its| all)?(?: (?P<of>\d+))?)?(?: (?!of\b|is\b|are\b)[a-z]\w*){0,2}? "
    + _COUNTED,
    re.IGNORECASE,
)
_OUTCOMES: dict[str, Callable[[Row, float], bool]] = {
    r"\bsignifican\w*": is_significant,
    r"\bequivalent": lambda row, alpha: row["outcome"] == "equivalent",
    r"\binconclusive|\bundecided|\bunresolved|\bno winner|\bopen\b|\bunsettled": (
        lambda row, alpha: row["outcome"] == "inconclusive"
    ),
    r"\bwinners?\b|\bdecided\b|\bsettled\b|\bresolved\b": lambda row, alpha: bool(winner(row)),
}


def without_tallies(sentence: Sentence) -> str:
    """A sentence's text in digits, without the numbers that `wrong_tallies` reads."""
    text = in_digits(sentence.text)
    return "".join(
        TALLY.sub(" ", clause) if _of_what(clause) else clause
        for clause in re.split(r"((?:[;:]|, (?:but|while|and))\s)", text)
    )


def wrong_tallies(sentence: Sentence, names: Names, facts: Mapping[str, Any]) -> Iterator[str]:
    """A line for every count of comparisons with an outcome that is another number."""
    for clause in sentence.clauses():
        text = in_digits(clause)
        found, what = TALLY.search(text), _of_what(text)
        if not found or not what or OPEN.search(text[: found.start()]):
            continue
        rows = _rows(text, sentence, names, facts)
        hits = [row for row in rows if _counts(what, row, text, names, facts)]
        told, of = found["n"] or found["some"], found["of"] or found["all"]
        said = int(told) if told.isdigit() else 1
        counts = {len(hits), len({row["metric"] for row in hits})}
        if said not in counts:
            yield f"counts {told} of the comparisons so, and there are {len(hits)}"
        if of and int(of) not in {len(rows), len({row["metric"] for row in rows})}:
            yield f"speaks of {of} comparisons, and there are {len(rows)}"


def _of_what(clause: str) -> str:
    """The pattern of the outcome that a clause counts, "rank" for wins of a model, or "" for none."""
    if not TALLY.search(clause):
        return ""
    told = next((one for one in _OUTCOMES if re.search(one, clause, re.IGNORECASE)), "")
    ranks = RANKING.search(TALLY.sub(" ", clause))
    return told or ("rank" if ranks and str(ranks.lastgroup).startswith(("quality", "order")) else "")


def _counts(what: str, row: Row, clause: str, names: Names, facts: Mapping[str, Any]) -> bool:
    if what == "rank":
        found = RANKING.search(clause)
        subject = next(iter(names.models_in(clause)), "")
        scale, _, end = str(found.lastgroup if found else "").partition("_")
        ahead = _ahead(row, facts.get("lower_is_better", ())) if scale == "order" else winner(row)
        return bool(ahead) and (ahead == subject) == (end == "more")
    holds = _OUTCOMES[what](row, facts["alpha"])
    found = re.search(what, clause, re.IGNORECASE)
    before = clause[: found.start()] if found else ""
    return holds != bool(NEGATED.search(before[-40:]) or re.search(r"(?:in|non-?)$", before))


def _ahead(row: Row, lower: Sequence[str]) -> str:
    gap = row["difference"] or 0.0
    gap = -gap if row["metric"] in lower else gap
    return row["model_a"] if gap > 0 else row["model_b"] if gap < 0 else ""


def _rows(clause: str, sentence: Sentence, names: Names, facts: Mapping[str, Any]) -> Sequence[Row]:
    """The comparisons that are counted: of the kind that is named, and between the models that are."""
    models = set(names.models_in(clause))
    return [
        row
        for row in facts["comparisons"]
        if (not sentence.kinds or row["test_case"] in sentence.kinds)
        and (len(models) < 2 or pair_of(row) <= models)
        and (len(models) != 1 or pair_of(row) & models)
    ]
