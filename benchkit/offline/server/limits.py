"""Groq's limits: token buckets that refill continuously, their headers, and the bodies of 429 and 413."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

WHOSE = "in organization `org_offline` service tier `on_demand`"
UPGRADE = "Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing"
DAY, MINUTE = 86_400.0, 60.0
NAMES = {
    "rpd": ("requests per day (RPD)", "requests"),
    "rpm": ("requests per minute (RPM)", "requests"),
    "tpd": ("tokens per day (TPD)", "tokens"),
    "tpm": ("tokens per minute (TPM)", "tokens"),
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
    level: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.capacity

    def fill(self, now: float) -> None:
        self.level = min(self.capacity, self.level + (now - self.at) * self.limit / self.period)
        self.at = now

    def wait(self, amount: float) -> float:
        """Seconds until `amount` is there; what exceeds the capacity is due when the bucket is full."""
        return max(0.0, (min(amount, self.capacity) - self.level) * self.period / self.limit)

    def reset(self) -> float:
        """Seconds until the used part is there again."""
        return max(0.0, (self.capacity - self.level) * self.period / self.limit)


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
        planned = {
            "rpd": (rpd, DAY, rpd),
            "rpm": (rpm, MINUTE, burst or rpm),
            "tpd": (tpd, DAY, tpd),
            "tpm": (tpm, MINUTE, burst_tokens or tpm),
        }
        self.buckets = {name: Bucket(*of) for name, of in planned.items() if of[0]}
        for bucket in self.buckets.values():
            bucket.at = clock()

    def admit(self, tokens: int) -> Refusal | None:
        """Reserve one request of `tokens`, or say which limit is in the way; a refusal takes nothing."""
        if not self.buckets:
            return None
        now = self.clock()
        costs = {name: 1 if name.startswith("r") else tokens for name in self.buckets}
        if "tpm" in costs and tokens > self.buckets["tpm"].limit:
            return self._too_large(tokens)
        for bucket in self.buckets.values():
            bucket.fill(now)
        for name, bucket in self.buckets.items():
            # Rounding must not refuse for a wait of nothing.
            if (wait := bucket.wait(costs[name])) > 1e-9:
                return self._refuse(name, bucket, costs[name], wait)
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
                said[f"x-ratelimit-reset-{word}"] = go_duration(bucket.reset())
        return said

    def _refuse(self, name: str, bucket: Bucket, cost: int, wait: float) -> Refusal:
        named, kind = NAMES[name]
        used = max(0, math.ceil(bucket.limit - bucket.level))
        message = (
            f"Rate limit reached for model `{self.model}` {WHOSE} on {named}: Limit {bucket.limit:.0f}, "
            f"Used {used}, Requested {cost}. Please try again in {go_duration(wait)}. {UPGRADE}"
        )
        return Refusal(429, error(message, kind, "rate_limit_exceeded"), wait)

    def _too_large(self, tokens: int) -> Refusal:
        bucket = self.buckets["tpm"]
        message = (
            f"Request too large for model `{self.model}` {WHOSE} on tokens per minute (TPM): "
            f"Limit {bucket.limit:.0f}, Requested {tokens}, please reduce your message size and try again. "
            + UPGRADE
        )
        wait = bucket.wait(bucket.capacity) or 1.0
        return Refusal(413, error(message, "tokens", "rate_limit_exceeded"), wait)


def error(message: str, type: str = "invalid_request_error", code: str = "", **more: Any) -> dict[str, Any]:
    """Groq's error body."""
    inner = {"message": message, "type": type} | ({"code": code} if code else {}) | more
    return {"error": inner}
