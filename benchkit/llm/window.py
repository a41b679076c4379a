"""How many calls may be in flight: found out at first, then as many as replies stay quick with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

FIRST_WINDOW, LARGEST_WINDOW = 8.0, 256.0
# Until it is known how many calls may go, a few go at once, and more one after the other once a refusal of
# those would have been heard, so that the next refusal is heard before many more are on their way.
HEARD_S, GAP_S = 0.03, 0.003
FIRST_FLIGHT = 64  # most that go so before there is any reply
# A queue that makes replies this much slower than they were is longer than it needs to be. Our own loop is
# such a queue: what waits there is enough to keep it busy.
SLOWER = 2.5
RECENT = 31  # replies whose median is compared: long answers and short ones are no sign of a queue


class Window:
    """Room for calls in flight, at most `largest`; it grows while replies stay quick, and shrinks when not.

    `known` says that limits are guessed at, so that no more than the first few go before a reply is there.
    """

    def __init__(self, largest: float, known: bool, clock: Callable[[], float]) -> None:
        self.size = min(FIRST_WINDOW, largest)
        self.in_flight = 0
        self.crowded = False  # whether the next call waits for nothing but room
        self._largest, self._clock = largest, clock
        self._flight = min(FIRST_WINDOW if known else FIRST_FLIGHT, largest)  # until there is a reply
        self._next_start = clock()
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._quick = float("inf")  # the least median of recent replies
        self._seeking = True  # how many may be in flight, until a reply was slow or all of them are

    def delay(self) -> float:
        """Seconds until there is room, infinity where a call has to end for that."""
        if self.in_flight >= int(self._flight or self.size):
            return float("inf")
        return max(0.0, self._next_start - self._clock())

    def enter(self, spaced: bool) -> None:
        """One more call goes; `spaced` are those that a limit keeps apart already."""
        self.in_flight += 1
        # From when this call was due: it starts late when the loop is busy, and so would all after it.
        due = max(self._next_start, self._clock() - GAP_S)
        self._next_start = due + (0.0 if spaced else self._gap())

    def leave(self, latency_s: float | None) -> None:
        """A call is over, answered after `latency_s` or (None) not at all."""
        if latency_s is not None:
            self.landed()
        self.in_flight -= 1
        if latency_s is not None:
            self._adapt(latency_s)

    def landed(self) -> None:
        """The first reply is there: from now on replies decide how many are in flight."""
        if self._flight:
            self.size = min(self._largest, max(self.size, float(self.in_flight)))
            self._flight = 0

    def shrink(self) -> None:
        """A refusal that names no limit: too many at once is all that it can mean."""
        if self.in_flight > 1:
            self.size = max(1.0, self.size * 0.7)

    def start_over(self) -> None:
        """No more at once than at first: nobody answers, and what goes is to find out when that ends."""
        self.size = min(self.size, FIRST_WINDOW)
        self._flight = min(self._flight, FIRST_WINDOW)

    def _gap(self) -> float:
        """Seconds between two calls while it is being found out how many may be in flight."""
        if not self._seeking or self.in_flight < FIRST_WINDOW:
            return 0.0
        if self._flight and self.in_flight == FIRST_WINDOW:
            return HEARD_S
        return min(GAP_S, self._quick / (2 * self.size))

    def _adapt(self, latency_s: float) -> None:
        self._recent.append(latency_s)
        usual = sorted(self._recent)[len(self._recent) // 2]
        if len(self._recent) < RECENT:  # the first replies to come are the quick ones
            self._quick = usual
        # It is forgotten slowly, so that a provider that got slower is not held against it.
        self._quick = min(usual, self._quick * 1.01)
        if usual > SLOWER * self._quick + 0.05:
            # Not below what goes at first, unless refusals have shrunk it there.
            self.size = min(self.size, max(min(FIRST_WINDOW, self._largest), self.size - 0.5))
            self._seeking = False  # gaps between calls would now cost more than bursts do
        elif self.crowded:
            self.size = min(self._largest, self.size + 1)
        self._seeking = self._seeking and self.size < self._largest
