"""Where the time of a call went, and that of all calls together."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..agent import Reply
from .retry import is_announced_limit
from .transport import Exchange

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Timing:
    """One call on its way: the requests sent for it, and the seconds it waited."""

    sent: list[Exchange] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)  # between attempts
    limit_s: float = 0.0
    retry_s: float = 0.0

    def waited(self, wait_s: float, error: BaseException) -> None:
        self.waits.append(wait_s)
        if is_announced_limit(error):
            self.limit_s += wait_s
        else:
            self.retry_s += wait_s

    def fields(self) -> dict[str, Any]:
        """What a reply keeps of it."""
        last = self.sent[-1]
        lost = self.sent[:-1] if last.received else self.sent
        ours = last.sent - last.began + time.perf_counter() - last.received if last.received else 0.0
        retry_s = self.retry_s + sum(exchange.ended - exchange.began for exchange in lost)
        seconds = {"waited_s": sum(self.waits), "limit_s": self.limit_s, "retry_s": retry_s, "ours_s": ours}
        return {"attempts": len(self.sent)} | {name: round(value, 4) for name, value in seconds.items()}


def time_table(replies: Iterable[tuple[str, Reply]]) -> pd.DataFrame:
    """Mean seconds of a call by model: held by limits, at the server, in retries, in our own hands.

    `replies` are (model, reply). What is on record counts, whichever session asked for it.
    """
    import pandas as pd

    by_model: dict[str, list[Reply]] = {}
    for model, reply in replies:
        by_model.setdefault(model, []).append(reply)
    return pd.DataFrame([_row(model, some) for model, some in by_model.items()], columns=_COLUMNS)


_COLUMNS = ["model", "calls", "requests", "waiting for limit (s)", "server (s)", "retry (s)", "us (s)"]


def _row(model: str, replies: Sequence[Reply]) -> list[Any]:
    spent = [(r.limit_s, r.latency_s or 0.0, r.retry_s, r.ours_s) for r in replies]
    means = [round(sum(column) / len(replies), 4) for column in zip(*spent, strict=True)]
    return [model, len(replies), sum(reply.attempts for reply in replies), *means]
