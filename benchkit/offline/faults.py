"""The ways in which a provider fails, each with its own probability per attempt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from benchkit.errors import UsageError
from benchkit.offline.chance import chance
from benchkit.offline.limits import error

# Answers of their own: status, body (a dict is JSON), content type.
REFUSED = {
    "498": (498, error("Flex Tier Capacity Exceeded", "capacity_exceeded", "capacity_exceeded")),
    "500": (500, error("Internal server error", "internal_server_error")),
    "502": (502, error("Bad gateway", "internal_server_error")),
    "503": (
        503,
        error("Service unavailable: over capacity. Please wait and try again.", "internal_server_error"),
    ),
}
ENVOY = "upstream connect error or disconnect/reset before headers. reset reason: overflow"
PAGE = "<!DOCTYPE html><html><title>Just a moment...</title><body>Checking your browser</body></html>"
# Damage to the good answer on its way.
DAMAGED = ("hang", "drip", "reset", "truncated", "garbled", "content_type", "no_choices", "null_message")
NAMES = (*REFUSED, "503_text", *DAMAGED, "tool_use_failed")
SPREAD = ("500", "502", "503", "reset")  # what `error_rate` is made of


class Faults:
    """Which fault, if any, befalls an attempt. The n-th attempt of the same request always meets the same."""

    def __init__(self, seed: int, error_rate: float, faults: Mapping[str, float]) -> None:
        unknown = sorted(set(faults) - set(NAMES))
        if unknown:
            raise UsageError(f"No fault is named {unknown[0]!r}. The faults are {', '.join(NAMES)}.")
        self.seed = seed
        self.rates = {name: float(faults.get(name, 0.0)) for name in NAMES}
        for name in SPREAD:
            self.rates[name] += error_rate / len(SPREAD)
        if min(self.rates.values()) < 0 or sum(self.rates.values()) > 1:
            raise UsageError(
                f"Fault rates must lie in 0..1 and sum to at most 1, not {sum(self.rates.values())}."
            )
        self.attempts: Counter[int] = Counter()

    def draw(self, request: int) -> tuple[str, int]:
        """(the fault or "", the attempt's number from 1) for one more attempt of this request."""
        if not any(self.rates.values()):
            return "", 1
        self.attempts[request] += 1
        attempt = self.attempts[request]
        left = chance("fault", self.seed, request, attempt).random()
        for name, rate in self.rates.items():
            left -= rate
            if rate and left < 0:
                return name, attempt
        return "", attempt
