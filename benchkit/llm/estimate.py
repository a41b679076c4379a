"""What a run has yet to ask: tokens, dollars, and minutes at the known limits; and where its time went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from ..agent import Agent, Item, Reply
from . import catalog
from .pacing import tier_of

if TYPE_CHECKING:
    import pandas as pd

ANSWER_TOKENS, LATENCY_S = 200.0, 1.0  # of a call, until one is on record
IN_FLIGHT = 50  # what a provider without limits is taken to keep up with
DAY_MINUTES = 1440.0
BY_BATCH = "batches, a day at most"


@dataclass(frozen=True)
class Estimate:
    """Of one agent's missing calls; None is not known. `bound` says what sets the pace, and who said so."""

    planned: int
    recorded: int
    tokens: int
    cost_usd: float | None
    minutes: float
    bound: str

    @property
    def missing(self) -> int:
        return self.planned - self.recorded

    def by_batch(self) -> Estimate:
        """The same by batches, which are over within a day."""
        cost = None if self.cost_usd is None else self.cost_usd * catalog.BATCH_PRICE
        minutes = DAY_MINUTES if self.missing else 0.0
        return replace(self, cost_usd=cost, minutes=minutes, bound=BY_BATCH)


def estimate(
    agent: Agent,
    items: Sequence[Item],
    done: Mapping[str, Reply],
    learnt: Mapping[str, int],
    at_once: float = 0,
) -> Estimate:
    """What `agent` has yet to ask of `items`; `done` is on record, `learnt` are limits from earlier calls.

    `at_once` is how many of its calls the user lets be in flight; 0: as many as the provider keeps up with.
    Minutes are at full use of the limits by nobody else, and at least what the calls themselves take.
    """
    missing = len(items) - len(done)
    prompt = (
        sum(len(item.content) + len(agent.system_prompt) for item in items) / max(1, len(items)) / 4 + 150
    )
    answer = _mean([reply.completion_tokens for reply in done.values()], ANSWER_TOKENS)
    cost = catalog.known(agent.model).cost_usd(int(prompt * missing), int(answer * missing))
    minutes, bound = _minutes(agent.model, missing, (prompt + answer) * missing, done, learnt, at_once)
    return Estimate(len(items), len(done), round((prompt + answer) * missing), cost, minutes, bound)


def _minutes(
    model: str,
    calls: int,
    tokens: float,
    done: Mapping[str, Reply],
    learnt: Mapping[str, int],
    at_once: float,
) -> tuple[float, str]:
    """(minutes, what sets them): the slowest of the limits and of the calls' own time."""
    latency_s = _mean([reply.latency_s for reply in done.values()], LATENCY_S)
    bound = f"the calls themselves, {at_once:g} at once" if at_once else "the calls themselves"
    times = [(latency_s * ceil(calls / (at_once or IN_FLIGHT)) / 60, bound)]
    tiers = catalog.tiers(model)
    likely = (learnt and tier_of(tiers, learnt)) or next(iter(tiers), {})
    limits: dict[str, int] = {**likely, **learnt}
    for name, taken in limit_minutes(limits, calls, tokens).items():
        tier = "lowest tier" if likely is next(iter(tiers), {}) else "tier of the learnt ones"
        said = "learnt" if name in learnt else f"{tier}, {catalog.AS_OF}"
        times.append((taken, f"{limits[name]:,} {name} ({said})"))
    return max(times, key=lambda time: time[0])


def limit_minutes(limits: Mapping[str, int], calls: float, tokens: float) -> dict[str, float]:
    """The least minutes for that many calls and tokens by each limit that there is, all of it being unused.

    `limits` are by name: RPM, RPD, TPM, TPD; 0 is none.
    """
    shares = {
        name: (calls if name.startswith("R") else tokens) / size for name, size in limits.items() if size
    }
    # A day's worth is there at once; what goes beyond it comes back over the day.
    return {
        name: share if name.endswith("M") else max(0.0, share - 1) * DAY_MINUTES
        for name, share in shares.items()
    }


def _mean(values: Sequence[float | int | None], otherwise: float) -> float:
    known = [value for value in values if value]
    return sum(known) / len(known) if known else otherwise


def time_table(replies: Iterable[tuple[str, Reply]]) -> pd.DataFrame:
    """Mean seconds of a call by model: held by limits, at the server, in retries, in benchkit itself.

    `replies` are (model, reply). What is on record counts, whichever session asked for it.
    """
    import pandas as pd

    seconds = ["waiting for limit (s)", "server (s)", "retry (s)", "us (s)"]
    rows = [
        (model, 1, one.attempts, one.limit_s, one.latency_s or 0.0, one.retry_s, one.ours_s)
        for model, one in replies
    ]
    table = pd.DataFrame(rows, columns=["model", "calls", "requests", *seconds])
    by_model = table.groupby("model", sort=False)
    return pd.concat(
        [by_model[["calls", "requests"]].sum(), by_model[seconds].mean().round(4)], axis=1
    ).reset_index()
