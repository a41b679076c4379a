"""Responses, whoever made them -> responses with a status each; what is missing is `failed`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..domain import Response, TestCase
from ..errors import InputError
from ..log import setup_logging
from ..metrics.answers import ABSENT, DECLINED, Answer, own_keys, read_answer

if TYPE_CHECKING:
    import pandas as pd

logger = setup_logging(__name__)
KEY = ["model", "id", "round"]
READ = ("read_status", "read_error")  # columns: what `outcome` made of a text that is not here
OTHER_PROMPT = "answers another prompt than the case's"
CUT_OFF = "cut off at max_tokens"
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


def outcome(row: Mapping[str, Any], kind: str, own: Collection[str] = ()) -> Answer:
    """What became of a response: its status, the answer as far as one can be read, and the reason.

    A `failed` status, or a filled `error` beside an answered one or none, says that there is no answer. What
    a `malformed` one holds is read all the same, for its content is reported apart. An answer that ended on
    its token limit (`finish_reason`) is malformed. All else is what its text is read as.
    """
    said = KNOWN.get(word_of(row.get("status")), "")
    error = "" if word_of(row.get("error")) in _NO_ERROR else str(row["error"]).strip()
    if said == "failed" or (error and said in ("", "answered")):
        return Answer("failed", error=error or "its status says so")
    ended = KNOWN.get(word_of(row.get("finish_reason")), "")
    if "refused" in (said, ended) and "malformed" not in (said, ended):
        return Answer("refused", error=error or DECLINED)
    answer = read_answer(row.get("model_response"), kind, own)
    if "malformed" in (said, ended):
        reason = error or (CUT_OFF if ended == "malformed" else "its status says so")
        return Answer("malformed", answer.value, reason)
    return answer


def rows_of(responses: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows with what `outcome` and `score` read of them, id, model and round first, one at a time."""
    names = [name for name in _READ if name in responses]
    for values in zip(*(responses[name].tolist() for name in names), strict=True):
        yield dict(zip(names, values, strict=True))


def align(responses: pd.DataFrame, cases: pd.DataFrame, *, warn: bool = True) -> pd.DataFrame:
    """A row for every model, case and round, with a status; a response that is not on file is `failed`.

    Answers of another harness may come without a status: they are read as what they are, and what was lost is
    said to be lost. An answer whose `prompt` is not the case's (white space aside) belongs to another
    question: it is `failed`, too. What cannot be scored is named in `attrs["warnings"]`, which the decision
    repeats, and logged where `warn` says so.

    Raises InputError for an answer that stands there twice, a status that nobody knows, when no answer is to
    our cases, when a model's are all to other prompts, or when they are all one model's.
    """
    if responses.attrs.get("scores_only"):
        return responses  # nobody kept the answers
    responses = responses.assign(id=responses["id"].astype(str).str.strip())
    full = _on_grid(_ours(responses, cases), cases)
    full["status"], full["error"] = _outcomes(full, cases)
    aligned = full[[*dict.fromkeys((*Response.__dataclass_fields__, "category"))]]
    aligned.attrs["warnings"] = [
        *_left_out(responses, cases),
        *_doubtful(responses, full),
        *responses.attrs.get("noted", ()),
    ]
    aligned.attrs["simulated"] = responses.attrs.get("simulated", False)
    for line in aligned.attrs["warnings"] if warn else ():
        logger.warning("%s", line)
    return aligned


def _outcomes(full: pd.DataFrame, cases: pd.DataFrame) -> tuple[Sequence[str], Sequence[str]]:
    """(statuses, errors) of the rows, from their texts or, where READ has been made of those, from that."""
    if READ[0] in full:
        ours = full[READ[0]].isna() | (full["error"] == OTHER_PROMPT)
        return full[READ[0]].mask(ours, "failed"), full[READ[1]].mask(ours, full["error"])
    tests = {row["id"]: TestCase.from_row(row) for row in cases.to_dict("records")}
    own = {id: own_keys(test) for id, test in tests.items()}
    read = [outcome(row, row["test_case"], own[row["id"]]) for row in rows_of(full)]
    return [one.status for one in read], [one.error for one in read]


def _ours(responses: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """The responses to our cases, each once and with a round."""
    ours = responses[responses["id"].isin(cases["id"]) & responses["round"].notna()]
    if not len(ours):
        raise InputError(
            "no response belongs to a case of validated_tests.csv and has a round. "
            "Check that the ids agree and the rounds are numbered."
        )
    names = list(ours["model"].unique())
    if len(names) < 2:
        others = [name for name in responses["model"].unique() if name not in names]
        lost = f"; those of {', '.join(others)} have none of the ids of validated_tests.csv" if others else ""
        raise InputError(
            f"only {names[0]} has responses to these cases{lost}, and a comparison needs two or more models. "
            + ("Mend the ids." if others else "Add another model's responses.")
        )
    twice = ours[ours.duplicated(KEY)]
    if len(twice):
        row = twice.iloc[0]
        raise InputError(
            f"{row['model']} answers case {row['id']} in round {row['round']} twice. "
            "Number the rounds, or keep one."
        )
    words = ours["status"].map(word_of) if "status" in ours else ours["id"].map(lambda _: "")
    unknown = words[~words.isin(list(KNOWN))].value_counts()
    if len(unknown):
        some = ", ".join(f"{word!r} ({count} answers)" for word, count in unknown.head(5).items())
        raise InputError(
            f"the column status holds what nobody here knows: {some}. Use answered, malformed, refused or "
            "failed, or leave it empty; give the column another name if it grades the answers."
        )
    return ours


def _on_grid(ours: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """A row for every model, case and round that any model has."""
    import pandas as pd

    axes = [ours["model"].unique(), cases["id"], sorted(ours["round"].unique())]
    grid = pd.MultiIndex.from_product(axes, names=KEY).to_frame(index=False)
    known = ours.drop(columns=["test_case", "category"], errors="ignore").rename(columns={"prompt": "asked"})
    fields = [name for name in Response.__dataclass_fields__ if name not in ("prompt", "test_case")]
    known = known.reindex(columns=[*dict.fromkeys((*fields, "asked", *known.columns))])
    about = cases[["id", "prompt", "test_case", "category"]]
    full = grid.merge(about, on="id").merge(known, on=KEY, how="left", indicator=True)
    absent = full.pop("_merge") == "left_only"
    full["status"] = full["status"].where(~absent, "failed").fillna("")
    full["error"] = full["error"].where(~absent, "no response on file").fillna("")
    full["model_response"] = full["model_response"].fillna("")
    other = _other_prompt(full)
    full.loc[other, "status"], full.loc[other, "error"] = "failed", OTHER_PROMPT
    return full


def _other_prompt(full: pd.DataFrame) -> pd.Series:
    """Whether a response was asked something else than the case; an absent prompt says nothing.

    Raises InputError when all answers of a model were.
    """
    asked, prompts = (
        column.map({text: _spaced(text) for text in column.unique()})
        for column in (full["asked"], full["prompt"])
    )
    other = (asked != "") & (asked != prompts)
    stated = asked[asked != ""].groupby(full["model"]).size()
    wrong = other.groupby(full["model"]).sum()
    if len(all_wrong := [model for model in stated.index if wrong[model] == stated[model]]):
        raise InputError(
            f"no prompt in the responses of {all_wrong[0]} is that of its case, white space aside, so they "
            "answer other questions. Mend the ids, or empty the column prompt if it holds something else."
        )
    return other


def _spaced(text: object) -> str:
    """Words with one space between them; "" for what pandas or a harness wrote in the place of a text."""
    return " ".join(str(text).split()) if word_of(text) else ""


def _left_out(responses: pd.DataFrame, cases: pd.DataFrame) -> Iterator[str]:
    """A sentence for what nobody can score: unusable cases, answers to none of the rest, or of no round."""
    unusable = cases.attrs.get("unusable", {})
    for id, problem in unusable.items():
        lost = "the row is" if id in set(cases["id"]) else "the case and the answers to it are"
        yield f"validated_tests.csv, {problem.rstrip('.')}; {lost} left out."
    responses = responses[~responses["id"].isin(set(unusable) - set(cases["id"]))]
    known = responses["id"].isin(cases["id"])
    unknown, roundless = responses.loc[~known, "id"], int((known & responses["round"].isna()).sum())
    if len(unknown):
        some = ", ".join(dict.fromkeys(unknown.astype(str).head(50)))[:120]
        yield (
            f"{len(unknown)} responses answer {unknown.nunique()} cases that validated_tests.csv does not "
            f"hold, so they are not scored: {some}."
        )
    if roundless:
        yield f"{roundless} responses have no round, so they are not scored. Number them from 1."


def _doubtful(responses: pd.DataFrame, full: pd.DataFrame) -> Iterator[str]:
    """A sentence for answers that are there and yet were not scored."""
    for model, rows in full[full["error"] == OTHER_PROMPT].groupby("model", sort=False):
        some = ", ".join(dict.fromkeys(rows["id"].head(50)))[:120]
        yield (
            f"{len(rows)} responses of {model} answer another prompt than their case's, so they are not "
            f"scored: {some}. Mend the ids, or empty the column prompt."
        )
    if "status" in responses:
        said = responses["status"].map(word_of).map(KNOWN)
        text, error = responses["model_response"].map(word_of), responses.get("error", said).map(word_of)
        unexplained = int(((said == "failed") & (text != "") & (error == "")).sum())
        if unexplained:
            yield (
                f"{unexplained} responses hold a text while their status says that there is none, so they "
                "are not scored. Give the column status another name if it grades the answers."
            )
