"""A commentary as sentences and clauses in which every model and metric is one character."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Characters of private use stand for the names, so that no pattern trips over a name's dots and digits.
_FIRST_MODEL, _FIRST_METRIC = 0xE000, 0xE400
MODEL, METRIC = "[\ue000-\ue3ff]", "[\ue400-\ue7ff]"
_AFTER_A_STOP = r"""(?<=[.!?])(?<!\bvs\.)(?<!\be\.g\.)(?<!\bi\.e\.)[)"'”]*"""
_SENTENCE = re.compile(rf"{_AFTER_A_STOP}\s+(?=[A-Z0-9(\"'“]|{MODEL}|{METRIC})|\n+")
_CLAUSE = re.compile(
    rf"[;:—]\s+|,?\s+\b(?:but|while|whereas|although|though|yet|however)\b,?\s+|,\s+(?:and\s+)?(?={MODEL}\s+\w)|"
    rf"(?<!{MODEL})\s+and\s+(?={MODEL}\s+\w)"
)
_MARKUP = re.compile(r"[*`\ue000-\ue7ff\u200b-\u200f\u2060\ufeff\u00ad]")
_DASH_AS_MINUS = re.compile(r"(?<![^\s\[(,;])[\u2012-\u2014](?=\.?\d)")
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])([-+]?0),(?=\d{2,}(?!\d|[.,]\d))")
_PLAIN = str.maketrans({"\u2212": "-", "\u2019": "'", "\u2018": "'"})
_OTHER_NAMES = {"wer_score": ("word error rate",), "response_relevance": ("relevance",)}
# "It" that opens a sentence stands for the model before, unless nothing is meant by it.
_PRONOUN = re.compile(
    r"^It(?= (?!(?:would|will|may|might|could|should|must|takes?|took|remains|seems|appears|follows)\b|"
    r"(?:is|was) (?:not )?(?:also )?(?:clear|unclear|worth|possible|impossible|likely|unlikely|important|therefore|"
    r"inconclusive|unresolved|open|too|the|a|an)\b))"
)
_KINDS = {"json": r"\bjson\b|\brecords?\b", "conversation": r"\bconversation\w*|\bchats?\b"}

# "on conversations, not on JSON cases": the sentence is about the first.
_NOT_THESE = re.compile(
    r",\s(?:and |but )?not (?:on |for |in |with )?(?:the |its )?(?:json|conversation|chat)\w*(?: cases?| records?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Names:
    """The models and metrics of a run, in an order that their marks keep."""

    models: tuple[str, ...]
    metrics: tuple[str, ...]

    def marked(self, text: str) -> str:
        """`text` in plain characters, every name of a model or metric replaced by its mark."""
        text = _MARKUP.sub("", unicodedata.normalize("NFKC", text)).translate(_PLAIN)
        text = _DECIMAL_COMMA.sub(r"\1.", _DASH_AS_MINUS.sub("-", text))
        for alias, mark in self.aliases():
            text = re.sub(rf"(?<![\w/.-]){re.escape(alias)}(?![\w/]|[.-]\w)", mark, text, flags=re.IGNORECASE)
        return text

    def aliases(self) -> list[tuple[str, str]]:
        """Every way to write a name, the longest first, with its mark."""
        aliases = [
            *((alias, chr(_FIRST_MODEL + i)) for i, m in enumerate(self.models) for alias in self._short(m)),
            *((alias, chr(_FIRST_METRIC + i)) for i, m in enumerate(self.metrics) for alias in _metric(m)),
        ]
        return sorted(aliases, key=lambda one: -len(one[0]))

    def plain(self, text: str) -> str:
        """Marked text with the names back in it."""
        return "".join(self._name(character) for character in text)

    def models_in(self, text: str) -> list[str]:
        """The models that a marked text names, in the order of their first mention."""
        return list(dict.fromkeys(self._name(mark) for mark in re.findall(MODEL, text)))

    def metrics_in(self, text: str) -> list[str]:
        return list(dict.fromkeys(self._name(mark) for mark in re.findall(METRIC, text)))

    def mark_of(self, model: str) -> str:
        return chr(_FIRST_MODEL + self.models.index(model))

    def _name(self, mark: str) -> str:
        at = ord(mark)
        if _FIRST_MODEL <= at < _FIRST_MODEL + len(self.models):
            return self.models[at - _FIRST_MODEL]
        if _FIRST_METRIC <= at < _FIRST_METRIC + len(self.metrics):
            return self.metrics[at - _FIRST_METRIC]
        return mark

    def _short(self, model: str) -> Iterator[str]:
        """A model's id, and what follows its provider's name where no other model is called that."""
        yield model
        last = model.rpartition("/")[2]
        if last != model and sum(other.rpartition("/")[2] == last for other in self.models) == 1:
            yield last


def _metric(name: str) -> Iterator[str]:
    """A metric's name as code and as people write it."""
    words = name.replace("_", " ")
    yield from (name, words, *_OTHER_NAMES.get(name, ()))
    if words.endswith(" score"):
        yield words.removesuffix(" score")
    else:
        yield from (f"{name}_rate", f"{words} rate")


@dataclass(frozen=True)
class Sentence:
    """One sentence, marked; what it is about is carried over where it does not say."""

    text: str
    models: tuple[str, ...]  # named here, in order
    metrics: tuple[str, ...]  # named here, else the one metric of the sentence before
    kinds: tuple[str, ...]

    def clauses(self) -> list[str]:
        return [part for part in _CLAUSE.split(self.text) if part.strip()]


def names_of(facts: Mapping[str, Any]) -> Names:
    rows: Sequence[Mapping[str, Any]] = facts["comparisons"]
    means = (facts.get("models_summary") or {}).values()
    metrics = [row["metric"] for row in rows] + [metric for some in means for metric in some]
    return Names(tuple(facts["models"]), tuple(dict.fromkeys(metrics)))


def sentences(text: str, names: Names) -> Iterator[Sentence]:
    """The sentences of a passage, each with what it is about."""
    models: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    for part in filter(str.strip, _SENTENCE.split(names.marked(text))):
        part = _NOT_THESE.sub("", _with_names(part, models, names))
        own_models, own_metrics = tuple(names.models_in(part)), tuple(names.metrics_in(part))
        kinds = tuple(kind for kind, pattern in _KINDS.items() if re.search(pattern, part, re.IGNORECASE))
        carried = metrics if len(metrics) == 1 and not (kinds or _is_general(part)) else ()
        models, metrics = own_models or models, own_metrics or carried
        yield Sentence(part.strip(), models, metrics, kinds)


def split(text: str, names: Names) -> list[str]:
    """The sentences of a text as they are written; a name may begin one in lower case."""
    begins = "|".join(re.escape(alias) for alias, _ in names.aliases()) or "(?!)"
    ends = re.compile(rf"{_AFTER_A_STOP}\s+(?=[A-Z0-9(\"'“\[]|[*`_]*(?:{begins})\b)|\n+")
    return [part.strip() for part in ends.split(text) if part.strip()]


def _with_names(text: str, before: Sequence[str], names: Names) -> str:
    """`text` with the marks of the models that "it", "the former" and "the latter" stand for."""
    own = names.models_in(text)
    both = list(before) if len(before) == 2 and len(own) < 2 else own
    if len(both) == 2:
        for which, model in zip(("former", "latter"), both, strict=True):
            text = re.sub(rf"\bthe {which}\b", names.mark_of(model), text, flags=re.IGNORECASE)
    if len(before) == 1:
        text = _PRONOUN.sub(names.mark_of(before[0]), text)
    return text


def _is_general(text: str) -> bool:
    """Whether a sentence speaks of more than the metric before it."""
    return bool(re.search(r"\b(?:overall|across|in all|metrics|every|everything|all)\b", text, re.IGNORECASE))
