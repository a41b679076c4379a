"""Words that rank models (better, ahead, higher, cheaper, faster), and whether the run ranks them so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .known import number
from .reading import METRIC, MODEL, Names, Sentence
from .scope import NEGATED, OPEN, Row, Scope, pair_of, scope, winner

_GOOD = r"(?:accurate|reliable|complete|capable|competent|dependable|faithful|helpful|precise|thorough)\w*"
_WORDS = {
    "quality_more": r"better|best(?! (?:guess|practice))|outperform\w*|outscor\w*|outdo\w*|outclass\w*|comes? out on top|came out on top|tops|(?:top|best|better|strongest) (?:performer|option|bet)|safer bet|front-?runner|fares? better|"
    r"beats?|beating|"
    r"beaten|superior|wins?(?!\s+\d)|winning|winner|stronge(?:r|st)|surpass\w*|dominat\w*|prevails?|excels?|"
    r"improv\w+ (?:on|over|upon)|bests|outpac\w+|outrank\w*|triumphs?|shines?|"
    rf"more {_GOOD}",
    "quality_less": r"worse|worst|weake(?:r|st)|inferior|loses?(?!\s+\d)|loser|underperform\w*|fares? worse|struggl\w+ more|falls? short|poorer|poorest|"
    rf"less {_GOOD}",
    "order_more": r"ahead|leads?|leading|edges? out|edged out|(?:has|had|have|holds?|enjoys?|with) (?:an?|the)(?: \w+)? (?:advantage|edge|lead)|"
    r"in front|fewer (?:errors|mistakes)|(?<='s )(?:\w+ )?(?:advantage|edge|superiority)",
    "order_less": r"more (?:errors|mistakes)|behind|trail(?:s|ed|ing)?|lag(?:s|ged|ging)?",
    "mean_more": rf"exceed(?:s|ed)?|above(?= (?:the )?{MODEL})|highe(?:r|st)|large(?:r|st)|greate(?:r|st)",
    "mean_less": rf"(?:falls?|fell) below|below(?= (?:the )?{MODEL})|lowe(?:r|st)|smalle(?:r|st)",
    "cost_more": r"more expensive|most expensive|pricier|costlie(?:r|st)|more costly|costs? more|charges? more|deare(?:r|st)",
    "cost_less": r"more (?:economical|affordable)|more cost[- ](?:efficient|effective)|cheape(?:r|st)|less expensive|least expensive|less costly|costs? less|charges? less|most economical",
    "latency_more": r"slowe(?:r|st)|more slowly|(?:takes?|took|needs?|needed) longer",
    "latency_less": r"sooner|snappie(?:r|st)|more (?:quickly|responsive)|faste(?:r|st)|quicke(?:r|st)|speedie(?:r|st)",
}
RANKING = re.compile("|".join(rf"(?P<{name}>\b(?:{words})\b)" for name, words in _WORDS.items()), re.I)
NO_CLAIM = re.compile(
    r"\b(?:where |for which |as |since )?(?:a )?(?:higher|lower|more|less|smaller|larger)(?: values?| scores?)? "
    r"(?:is|are|means?) (?:better|worse)\b|\bat (?:best|worst)\b|\b(?:best|worst)[- ]case\b|"
    r"\b(?:larg|small|great|bigg)est (?:gap|differences?|effect|spread)\b|\bno single (?:winner|best model)\b|\btoo early to \w+ (?:a |any |the )?winner\b|"
    r"\b(?:larger|bigger|greater|smaller) (?:samples?|numbers?|runs?|sets?|studies|study)\b|"
    r"\b(?:does|do|did) not (?:make up for|compensate for|offset|outweigh)\b|"
    r"\bbetter (?:understand\w*|estimates?|idea|picture|sense|prompts?|data)\b|\blead(?:s|ing)? to\b|"
    r"\b(?:\d+|no|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen) (?:\w+ )?(?:wins|losses|leads)\b|"
    r"\b(?:lower|higher|upper) (?:end|bound|limit|half)\b|\bscore[sd]? (?:best|worst) for\b",
    re.IGNORECASE,
)
_OF_COST = re.compile(r"^[^,;]{0,25}\b(?:costs?|price|spend)\b", re.IGNORECASE)
_OF_TIME = re.compile(r"^[^,;]{0,25}\b(?:latency|latencies|response times?|delay)\b", re.IGNORECASE)
_OF_MEAN = re.compile(r"\b(?:means?|scores?|averages?|values?|rates?|accuracy|quality)\b", re.IGNORECASE)
_ON_SPEED = re.compile(r"\b(?:on|in) (?:speed|latency|response times?)\b", re.IGNORECASE)
_NOT_SUBJECT = re.compile(
    r"\b(?:than|over|against|to|from|versus|vs\.?|with|by|unlike|beats?|beating|outperform\w*|surpass\w*|"
    r"outscor\w*|trails?|leads|out|behind|ahead of|better|worse)\s+(?:the )?$",
    re.IGNORECASE,
)
_PAIR = re.compile(rf"\b(?:between|of|for) {MODEL} and {MODEL}")
_TOGETHER = re.compile(r"[\s,]*(?:and|or|nor|,)[\s,]*")
_NO_MODEL = re.compile(r"\b(?:no|neither|none|nothing|nobody)\b(?: other)?(?: models?)?", re.IGNORECASE)
_ALL_OTHERS = re.compile(
    r"\b(?:every|all|any|each|both)\b.{0,10}\bothers?\b|\bthe (?:others?|rest|field)\b", re.I
)


@dataclass(frozen=True)
class Ranking:
    """A word that ranks: `sign` is 1 where the subject is said to have more of what `scale` counts."""

    word: str
    scale: str
    sign: int
    negated: bool
    subjects: tuple[str, ...]  # empty: some model, or no model where negated
    other: str  # "": all the others


def wrong_rankings(sentence: Sentence, names: Names, facts: Mapping[str, Any]) -> Iterator[str]:
    """A line for every ranking of models that the run did not come to."""
    inherited: tuple[str, ...] = ()
    for clause in sentence.clauses():
        about = scope(clause, sentence, names, facts)
        for ranking in rankings(clause, inherited, sentence, names):
            inherited = ranking.subjects or inherited
            if not holds(ranking, about, names.models_in(clause) or sentence.models, facts):
                yield _refuted(ranking)
        inherited = inherited or tuple(names.models_in(clause)[:1])


def rankings(clause: str, inherited: Sequence[str], sentence: Sentence, names: Names) -> Iterator[Ranking]:
    """Every ranking in a marked clause; a clause without a subject has that of the clause before."""
    clause = NO_CLAIM.sub(" ", clause)
    start, negated = 0, False
    for found in RANKING.finditer(clause):
        before, after = clause[: found.start()], clause[found.end() :]
        scale, _, end = str(found.lastgroup).partition("_")
        scale = _of_what(scale, clause, after, sentence)
        if scale in ("quality", "order") and _ON_SPEED.search(clause) and not re.search(METRIC, clause):
            scale, end = "latency", {"more": "less", "less": "more"}[end]
        own = clause[start : found.start()]
        negated = (negated and bool(_TOGETHER.fullmatch(own))) or bool(NEGATED.search(own))
        start = found.end()
        if not scale or OPEN.search(before) or OPEN.search(after[:20]):
            continue
        yield _ranking(
            found.group(0), scale, 1 if end == "more" else -1, negated, (before, after), inherited, names
        )


def _of_what(scale: str, clause: str, after: str, sentence: Sentence) -> str:
    """Higher and lower are said of a price, of a time or of a metric; of anything else they rank nothing."""
    if scale != "mean":
        return scale
    if _OF_COST.search(after):
        return "cost"
    if _OF_TIME.search(after):
        return "latency"
    speaks_of_scores = re.search(METRIC, clause) or (sentence.metrics and _OF_MEAN.search(clause))
    return "mean" if speaks_of_scores or _OF_MEAN.search(after[:30]) else ""


def _ranking(
    word: str,
    scale: str,
    sign: int,
    negated: bool,
    sides: tuple[str, str],
    inherited: Sequence[str],
    names: Names,
) -> Ranking:
    before, after = sides
    subjects = _subjects(before, names)
    named = names.models_in(after)
    other = "" if _ALL_OTHERS.search(after) or not named else named[0]
    if not subjects and not (negated and _NO_MODEL.search(before)):
        subjects = tuple(one for one in inherited if one != other)
        if not subjects and other:
            subjects, other = (other,), ""
    if re.match(rf"\s*(?:only )?by (?:the )?{MODEL}", after) and subjects:  # "is beaten by B"
        sign = -sign
    return Ranking(word, scale, sign, negated, subjects, other)


def _subjects(before: str, names: Names) -> tuple[str, ...]:
    """The models that a clause is about: the last ones before the word that are not compared with."""
    before = _PAIR.sub(lambda found: " " * len(found.group(0)), before)
    marks = [one for one in re.finditer(MODEL, before) if not _NOT_SUBJECT.search(before, 0, one.start())]
    together: list[re.Match[str]] = []
    for mark in reversed(marks):
        if together and not _TOGETHER.fullmatch(before, mark.end(), together[-1].start()):
            break
        together.append(mark)
    return tuple(names.models_in("".join(mark.group(0) for mark in reversed(together))))


def holds(ranking: Ranking, about: Scope, named: Sequence[str], facts: Mapping[str, Any]) -> bool:
    """Whether the run ranks the models as `ranking` says, on the comparisons that it is about."""
    if ranking.scale in ("cost", "latency"):
        return _ranks_in_costs(ranking, facts)
    if not ranking.subjects:
        # "no model beats A" leaves room for A to beat others.
        allowed = {"", *named} if len(named) == 1 else {""}
        decided = [winner(row) not in allowed for row in about.of(named)]
        return any(decided) != ranking.negated
    return all(_holds_for(subject, ranking, about, facts) for subject in ranking.subjects)


def _holds_for(subject: str, ranking: Ranking, about: Scope, facts: Mapping[str, Any]) -> bool:
    """Named metrics have to agree, every one; over all, one has to and none may say the opposite."""
    rows = about.of([subject, ranking.other] if ranking.other else [subject])
    rows = tuple(row for row in rows if subject in pair_of(row))
    signs = [_sign(row, subject, ranking.scale, facts) * ranking.sign for row in rows]
    if about.named:
        stands = bool(signs) and all(sign > 0 for sign in signs)
        return (
            not any(sign > 0 for sign in signs)
            if ranking.negated and ranking.other
            else stands != ranking.negated
        )
    return (any(sign > 0 for sign in signs) and not any(sign < 0 for sign in signs)) != ranking.negated


def _sign(row: Row, subject: str, scale: str, facts: Mapping[str, Any]) -> int:
    """1 where the subject has more: quality that was shown, a place in the order, or the plain mean."""
    if scale == "quality":
        return {subject: 1, "": 0}.get(winner(row), -1)
    gap = number(row["difference"]) or 0.0
    gap = gap if row["model_a"] == subject else -gap
    if scale == "order" and row["metric"] in facts.get("lower_is_better", ()):
        gap = -gap
    return (gap > 0) - (gap < 0)


def _ranks_in_costs(ranking: Ranking, facts: Mapping[str, Any]) -> bool:
    name = "cost_usd" if ranking.scale == "cost" else "latency_s_median"
    values = {row["model"]: number(row.get(name)) for row in facts.get("cost") or ()}
    for subject in ranking.subjects:
        others = (
            [ranking.other] if ranking.other else [model for model in facts["models"] if model != subject]
        )
        gaps = [_gap(values.get(subject), values.get(other)) for other in others]
        if any(gap is None or (gap * ranking.sign > 0) == ranking.negated for gap in gaps):
            return False
    return True


def _gap(mine: float | None, theirs: float | None) -> float | None:
    return None if mine is None or theirs is None else mine - theirs


def _refuted(ranking: Ranking) -> str:
    who = " and ".join(ranking.subjects) or "a model"
    what = f"{'not ' if ranking.negated else ''}{ranking.word!r}"
    than = f" than {ranking.other}" if ranking.other else ""
    return f"calls {who} {what}{than}: the computed results do not show that"
