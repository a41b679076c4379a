"""How many calls may be in flight, and how long a reply is waited for: both follow what replies take."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

LARGEST_WINDOW = 256.0
FIRST_WINDOW = 8.0  # goes at once where limits are guessed at; slow replies shrink it no further
FEW = 4.0  # goes at once where nothing is known: a server may well serve one at a time
MANY = 64.0  # goes at once to our own server, which has no limits
# Where the user says how many may go, a few go at once, and more one after the other once a refusal of those
# would have been heard, so that the next refusal is heard before many more are on their way.
HEARD_S, GAP_S, FLIGHT_S = 0.03, 0.003, 0.15
LONGEST_GAP_S = 0.01  # where replies come: half of what they take goes into finding out how many may
# A queue that makes replies this much slower than they were is longer than it needs to be. Our own loop is
# such a queue: what waits there is enough to keep it busy.
SLOWER = 2.5
RECENT = 31  # replies whose median shows a queue: long answers and short ones are none
LATEST = 8  # replies whose median keeps it from growing, and the first of which it is measured against
FIRST_TIMEOUT_S, LEAST_TIMEOUT_S, LONGEST_TIMEOUT_S = 120.0, 30.0, 600.0
TIMES_LONGEST = 6  # the time-out in terms of the longest recent reply


class Window:
    """Room for calls in flight, at most `largest`; it grows while replies stay quick, and shrinks when not.

    `first` go before there is any reply. `given` says that `largest` is the user's word on how many may.
    `timeout_s` is for the next call, at most `longest_s`.
    """

    def __init__(
        self,
        largest: float,
        first: float,
        clock: Callable[[], float],
        given: bool = False,
        longest_s: float = LONGEST_TIMEOUT_S,
    ) -> None:
        self.size = min(first, largest)
        self.in_flight = 0
        self.crowded = False  # whether the next call waits for nothing but room
        self._largest, self._clock, self._given, self._longest_s = largest, clock, given, longest_s
        self._answered = False  # whether there is a reply yet
        self._next_start = clock()
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._entered = 0  # calls so far
        self._first: list[float] = []  # what replies to the first calls took
        self._quick = float("inf")  # the median of replies with few in flight
        self._seeking = True  # how many may be in flight, until a reply was slow or all of them are
        self._shrunk_at = -float("inf")
        self._late = self._in_vain = 0  # flights and calls that timed out since the last reply

    def delay(self) -> float:
        """Seconds until there is room, infinity where a call has to end for that."""
        if self.in_flight >= int(self.size):
            return float("inf")
        return max(0.0, self._next_start - self._clock())

    def enter(self, spaced: bool) -> int:
        """One more call goes, the how manyth; `spaced` are those that a limit keeps apart already."""
        self.in_flight += 1
        self._entered += 1
        # From when this call was due: it starts late when the loop is busy, and so would all after it.
        due = max(self._next_start, self._clock() - GAP_S)
        self._next_start = due + (0.0 if spaced else self._gap())
        return self._entered

    def leave(self, number: int, latency_s: float | None) -> None:
        """A call is over, answered after `latency_s` or (None) not at all."""
        self.in_flight -= 1
        if latency_s is not None:
            self._answered, self._late, self._in_vain = True, 0, 0
            self._adapt(number, latency_s)

    def timed_out(self, sent_at: float) -> None:
        """A reply that did not come in time: too many at once, unless it is one among quick ones."""
        self._in_vain += 1
        waited_s = self._clock() - sent_at
        if self._in_vain > 1 or not self._recent or self._usual(RECENT) > waited_s / 3:
            self._late += self.shrink(sent_at)

    def start_over(self) -> None:
        """No more at once than at first: nobody answers, and what goes is to find out when that ends."""
        self.size = min(self.size, FIRST_WINDOW)

    @property
    def timeout_s(self) -> float:
        """Seconds to wait for a reply: some times what replies take, longer after flights that timed out."""
        usual = max(LEAST_TIMEOUT_S, TIMES_LONGEST * max(self._recent)) if self._recent else FIRST_TIMEOUT_S
        return min(self._longest_s, usual * 2.0**self._late)

    def shrink(self, sent_at: float) -> bool:
        """Too many at once, as a refusal that names no limit says. A flight is told once, whatever comes."""
        if sent_at < self._shrunk_at:
            return False
        if self.in_flight > 1:
            self.size = max(1.0, self.size * 0.7)
        self._shrunk_at, self._seeking = self._clock(), False
        return True

    def _gap(self) -> float:
        """Seconds between two calls while it is being found out how many may be in flight."""
        if not self._seeking or self.in_flight < (FEW if self._answered else FIRST_WINDOW):
            return 0.0
        if self._answered:
            return min(LONGEST_GAP_S, self._quick / (2 * self.size))
        return HEARD_S if self.in_flight == FIRST_WINDOW else min(GAP_S, FLIGHT_S / self.size)

    def _usual(self, count: int) -> float:
        some = sorted(list(self._recent)[-count:])
        return some[len(some) // 2]

    def _adapt(self, number: int, latency_s: float) -> None:
        self._recent.append(latency_s)
        usual = self._usual(RECENT)
        # Of the first calls and not of the first replies: these are the quick ones.
        if number <= (RECENT if self._given else LATEST):
            self._first = sorted([*self._first, latency_s])
            self._quick = self._first[len(self._first) // 2]
        elif len(self._recent) == RECENT:  # slower ones are the usual ones only where few are in flight
            slower = 1.01 if self.size <= FIRST_WINDOW else 1.0
            self._quick = min(max(usual, self._quick * 0.99), self._quick * slower)
        most = min(SLOWER * self._quick + 0.05, self._longest_s / 3)
        if usual > most:
            # Not below what goes at first, unless refusals have shrunk it there.
            self.size = min(self.size, max(min(FIRST_WINDOW, self._largest), self.size - 0.5))
            self._seeking = False  # gaps between calls would now cost more than bursts do
        elif self.crowded and self._usual(LATEST) <= most:
            self.size = min(self._largest, self.size + 1)
        self._seeking = self._seeking and self.size < self._largest
