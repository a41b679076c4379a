"""What came back, as responses: a row a call, and whose fault it is where it cannot be used."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import shorten

import pandas as pd

from ..agent import Reply
from ..domain import Response, TestCase
from ..errors import ProviderError
from ..log import redact, setup_logging
from ..metrics.answers import own_keys, read_answer

logger = setup_logging(__name__)


def table_of(answers: Iterable[tuple[TestCase, str, int, Reply]]) -> pd.DataFrame:
    """A row a (case, model, round, reply), with the case's category; what is not known is absent, never 0."""
    rows, categories = [], []
    for test, model, round, reply in answers:
        rows.append(response_from(test, model, round, reply))
        categories.append(test.category)
    table = pd.DataFrame(rows, columns=list(Response.__dataclass_fields__)).assign(category=categories)
    numbers = {"prompt_tokens": "Int64", "completion_tokens": "Int64", "latency_s": float, "queue_s": float}
    return table.astype(numbers | {"cost_usd": float})


def response_from(test: TestCase, model: str, round: int, reply: Reply) -> Response:
    """A reply as a response: what was answered, in the model's own words where it cannot be used."""
    status, error = status_of(test, reply)
    taken = ("timestamp", "latency_s", "queue_s", "prompt_tokens", "completion_tokens", "cost_usd")
    return Response(
        test.id, test.prompt, test.test_case, model, round, reply.text, status, error,
        **{name: getattr(reply, name) for name in taken},
    )  # fmt: skip


def status_of(test: TestCase, reply: Reply) -> tuple[str, str]:
    """As an imported answer is read, save that a tool call was demanded: without one it is not delivered."""
    if reply.status == "failed":
        return "failed", reply.error
    answer = read_answer(reply.text, test.test_case, own_keys(test))
    if reply.arguments is None:
        return ("refused" if answer.status == "refused" else "malformed"), reply.error
    return answer.status, answer.error


def check_answered(responses: pd.DataFrame) -> None:
    """Warn of the calls that failed, a line a model. Raises ProviderError where no call was answered."""
    failed = responses[responses["status"] == "failed"]
    if len(failed) and len(failed) == len(responses):
        raise ProviderError(
            f"none of {len(failed)} calls was answered, most often: {_most_often(failed['error'])}. Once the "
            "provider is well, or what it objects to is mended, run again: they are asked again."
        )
    planned = responses["model"].value_counts()
    for model, rows in failed.groupby("model", sort=False):
        logger.warning(
            "%d of %d calls of %s failed, most often: %s. They stay unscored; run again to ask them again.",
            len(rows), planned[model], model, _most_often(rows["error"]),
        )  # fmt: skip


def _most_often(errors: Iterable[str]) -> str:
    """The most frequent reason, short; numbers, such as how long to wait, make no other reason of it."""
    texts = pd.Series([shorten(redact(error), 200, placeholder="…").rstrip(".") for error in errors])
    alike = texts.str.replace(r"\d+", "#", regex=True)
    return str(texts[alike == alike.value_counts(sort=False).idxmax()].iloc[0]) or "no reason given"
