"""What became of a response, from what its file says of it and from its text."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..domain import STATUSES
from ..metrics.answers import ABSENT, DECLINED, Answer, read_answer

if TYPE_CHECKING:
    import pandas as pd

CUT_OFF = "cut off at max_tokens"
UNTOLD = "empty, no status given"
# How harnesses and providers word it. A word that is not here is asked about, never guessed.
_WORDS = {
    "answered": "answered ok success succeeded successful complete completed done finished stop end_turn "
    "tool_calls tool_use 200",
    "failed": "failed failure error errored exception timeout timed_out rate_limited cancelled canceled "
    "aborted skipped missing",
    "refused": "refused refusal declined content_filter safety blocked",
    "malformed": "malformed invalid length max_tokens max_output_tokens truncated incomplete parse_error",
}
_READ = ("id", "model", "round", "test_case", "status", "error", "finish_reason", "model_response")
_NO_ERROR = frozenset(("", "0", "false", "no", "no_error", "ok", "success", "[]", "{}"))
KNOWN = {word: status for status, words in _WORDS.items() for word in words.split()} | {"": ""}


@lru_cache(maxsize=1024)
def word_of(cell: object) -> str:
    """A cell of a status column as a word of `KNOWN` would be written; "" where it is absent."""
    word = "" if cell is None else str(cell).strip().lower().replace(" ", "_").replace("-", "_")
    return "" if word in ABSENT else word


def is_absent(text: object) -> bool:
    """Whether a text is one of ABSENT, white space and case aside."""
    return text is None or str(text).strip()[:8].lower() in ABSENT


def outcome(row: Mapping[str, Any], kind: str, own: Collection[str] = ()) -> Answer:
    """What became of a response: its status, the answer as far as one can be read, and the reason.

    A `failed` status, or a filled `error` beside an answered one or none, says that there is no answer. What
    a `malformed` or `refused` one holds is read all the same, for its content is reported apart. An answer
    that ended on its token limit (`finish_reason`) is malformed. An empty one of which
    nothing is said is `failed`. All else is what its text is read as.
    """
    said = KNOWN.get(word_of(row.get("status")), "")
    error = "" if word_of(row.get("error")) in _NO_ERROR else str(row["error"]).strip()
    if said == "failed" or (error and said in ("", "answered")):
        return Answer("failed", error=error or "its status says so")
    ended = KNOWN.get(word_of(row.get("finish_reason")), "")
    text = row.get("model_response")
    if not said and not ended and is_absent(text):
        return Answer("failed", error=UNTOLD)
    if "malformed" in (said, ended):
        reason = error or (CUT_OFF if ended == "malformed" else "its status says so")
        return Answer("malformed", read_answer(text, kind, own).value, reason)
    if "refused" in (said, ended):
        return Answer("refused", error=error or DECLINED)
    return read_answer(text, kind, own)


def rows_of(responses: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows with what `outcome` and `score` read of them, id, model and round first, one at a time."""
    names = [name for name in _READ if name in responses]
    for values in zip(*(responses[name].tolist() for name in names), strict=True):
        yield dict(zip(names, values, strict=True))


def unknown_statuses(responses: pd.DataFrame) -> dict[str, int]:
    """{status: responses that have it}, of the statuses that nobody knows."""
    words = responses["status"].map(word_of) if "status" in responses else responses["id"].map(lambda _: "")
    return dict(words[~words.isin(list(KNOWN))].value_counts())


assert set(_WORDS) == set(STATUSES)
