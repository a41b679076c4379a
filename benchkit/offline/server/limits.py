"""Groq's limits: token buckets that refill continuously, their headers, and the bodies of 429 and 413."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

WHOSE = "in organization `org_offline` service tier `on_demand`"
UPGRADE = "Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing"
LIMITS = {  # seconds that it is for, and its name
    "rpd": (86_400.0, "requests per day (RPD)"),
    "rpm": (60.0, "requests per minute (RPM)"),
    "tpd": (86_400.0, "tokens per day (TPD)"),
    "tpm": (60.0, "tokens per minute (TPM)"),
}


def go_duration(seconds: float) -> str:
    """A duration as Go prints it: 370ms, 7.66s, 2m59.56s, 1h23m31s."""
    if seconds < 1.0:
        return f"{max(seconds, 0.0) * 1000:.9g}ms" if seconds > 0 else "0s"
    hours, rest = divmod(round(seconds, 6), 3600.0)
    minutes, rest = divmod(rest, 60.0)
    text = f"{hours:.0f}h" if hours else ""
    text += f"{minutes:.0f}m" if hours or minutes else ""
    return f"{text}{round(rest, 6):.9g}s"


@dataclass
class Bucket:
    """`limit` per `period` seconds, refilled continuously, holding at most `capacity`."""

    limit: float
    period: float
    capacity: float
    at: float  # when it was last filled
    level: float = field(init=False)

    def __post_init__(self) -> None:
        self.level = self.capacity

    def fill(self, now: float) -> None:
        self.level = min(self.capacity, self.level + (now - self.at) * self.limit / self.period)
        self.at = now

    def wait(self, amount: float) -> float:
        """Seconds until `amount` is there; what exceeds the capacity is due when the bucket is full."""
        return max(0.0, (min(amount, self.capacity) - self.level) * self.period / self.limit)


@dataclass(frozen=True)
class Refusal:
    """A 429 or 413: what to say and the seconds to wait."""

    status: int
    body: dict[str, Any]
    retry_after: float


class Limiter:
    """The limits of one model for the one organisation there is. A limit of 0 is none.

    `burst` and `burst_tokens` are what the minute buckets hold when full (default: the whole minute's), so
    that a limit of many requests a minute can still refuse many at once. A request reserves its prompt and
    its token limit; what it did not use is returned when it ends.
    """

    def __init__(
        self,
        model: str,
        clock: Callable[[], float],
        *,
        rpm: int = 0,
        tpm: int = 0,
        rpd: int = 0,
        tpd: int = 0,
        burst: int | None = None,
        burst_tokens: int | None = None,
    ) -> None:
        self.model, self.clock = model, clock
        limits = {"rpd": rpd, "rpm": rpm, "tpd": tpd, "tpm": tpm}
        full = {"rpm": burst, "tpm": burst_tokens}
        self.buckets = {
            name: Bucket(limit, LIMITS[name][0], full.get(name) or limit, clock())
            for name, limit in limits.items()
            if limit
        }

    def admit(self, tokens: int) -> Refusal | None:
        """Reserve one request of `tokens`, or say which limit is in the way; a refusal takes nothing."""
        if not self.buckets:
            return None
        now = self.clock()
        costs = {name: 1 if name.startswith("r") else tokens for name in self.buckets}
        for bucket in self.buckets.values():
            bucket.fill(now)
        if "tpm" in costs and tokens > self.buckets["tpm"].limit:
            return self._refuse("tpm", tokens, self.buckets["tpm"].wait(tokens) or 1.0, too_large=True)
        for name, bucket in self.buckets.items():
            # Rounding must not refuse for a wait of nothing.
            if (wait := bucket.wait(costs[name])) > 1e-9:
                return self._refuse(name, costs[name], wait)
        for name, bucket in self.buckets.items():
            bucket.level -= costs[name]
        return None

    def give_back(self, tokens: int) -> None:
        """Return tokens that were reserved and not used."""
        for name in ("tpm", "tpd"):
            if name in self.buckets:
                bucket = self.buckets[name]
                bucket.level = min(bucket.capacity, bucket.level + tokens)

    def headers(self) -> dict[str, str]:
        """Groq's: requests are per day, tokens per minute; no header knows the other two limits."""
        now, said = self.clock(), {}
        for name, word in (("rpd", "requests"), ("tpm", "tokens")):
            if name in self.buckets:
                bucket = self.buckets[name]
                bucket.fill(now)
                said[f"x-ratelimit-limit-{word}"] = f"{bucket.limit:.0f}"
                said[f"x-ratelimit-remaining-{word}"] = f"{max(0, math.floor(bucket.level + 1e-9))}"
                said[f"x-ratelimit-reset-{word}"] = go_duration(bucket.wait(bucket.capacity))
        return said

    def _refuse(self, name: str, cost: int, wait: float, *, too_large: bool = False) -> Refusal:
        bucket, named = self.buckets[name], LIMITS[name][1]
        about = f"for model `{self.model}` {WHOSE} on {named}: Limit {bucket.limit:.0f}"
        used = max(0, math.ceil(bucket.limit - bucket.level))
        message = (
            f"Request too large {about}, Requested {cost}, please reduce your message size and try again."
            if too_large
            else f"Rate limit reached {about}, Used {used}, Requested {cost}. "
            f"Please try again in {go_duration(wait)}."
        )
        body = error(f"{message} {UPGRADE}", named.split()[0], "rate_limit_exceeded")
        return Refusal(413 if too_large else 429, body, wait)


def error(message: str, type: str = "invalid_request_error", code: str = "", **more: Any) -> dict[str, Any]:
    """Groq's error body."""
    inner = {"message": message, "type": type} | ({"code": code} if code else {}) | more
    return {"error": inner}
