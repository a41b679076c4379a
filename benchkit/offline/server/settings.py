"""All that an offline server can be told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..world import SimulatedModel


@dataclass(frozen=True)
class Settings:
    """What the server answers, how fast, what it limits and how it fails."""

    seed: int = 7  # with the model, the messages and the request's seed, all that an answer depends on
    port: int = 0  # 0: a free one
    models: Iterable[SimulatedModel] = ()  # more of your own
    stand_in: bool = False  # serve Groq's current ids too, as simulated as the others
    key: str | None = ""  # any other gets a 401; empty: every key opens, but one must be sent
    record: bool = False  # keep every request body in `requests`

    latency_ms: float | None = None  # the same for every reply; None: each model's own; 0: at once
    at_once: int = 0  # replies that are worked on at a time, the others queue; 0: all of them

    rpm: int = 0  # limits of each model, requests and tokens a minute and a day; 0: none
    tpm: int = 0
    rpd: int = 0
    tpd: int = 0
    burst: int | None = None  # requests that the minute's bucket holds when full; None: the whole minute's
    burst_tokens: int | None = None
    limits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # a model's own, by these names
    fractional_retry_after: bool = False  # Retry-After of 0.37 instead of 1
    clock: Callable[[], float] = time.monotonic  # seconds, for the limits

    error_rate: float = 0.0  # chance per attempt of a 500, 502, 503 or reset
    faults: Mapping[str, float] = field(default_factory=dict)  # chances by name, one of `faults.NAMES`
    hang_s: float = 300.0  # a `hang` ends after so long at the latest
    drip_s: float = 2.0  # a `drip` takes so long
    key_dies_after: int = 0  # from so many served replies on, every key is invalid; 0: never
    retire_after: Mapping[str, int] = field(default_factory=dict)  # served replies, then decommissioned

    batch_s: float = 0.0  # until a batch is over
    batch_faults: Sequence[str] = ()  # what befalls one batch after the other, of `batches.FAULTS`
    batch_plan: bool = True  # False: the account's plan has no batches
    batch_tools: bool = True  # False: a line with tools gets a 400

    def limits_of(self, model: str) -> dict[str, Any]:
        """The model's own limits where given, the server's for the rest."""
        names = ("rpm", "tpm", "rpd", "tpd", "burst", "burst_tokens")
        return {name: getattr(self, name) for name in names} | dict(self.limits.get(model, {}))
