"""Ceilings on a whole run, held before a call is sent."""

from __future__ import annotations

import asyncio
import traceback

import pytest

from benchkit.errors import BudgetStop, UsageError
from benchkit.llm.budget import Budget, Stops

from .talking import Ticks


def begun(spent=(0, 0.0, 0.0), ticks: Ticks | None = None, **ceilings) -> Budget:
    budget = Budget(**ceilings, clock=(ticks or Ticks()).now)
    budget.begin(spent)
    return budget


@pytest.mark.parametrize("name", ["max_cost_usd", "max_calls", "max_minutes"])
@pytest.mark.parametrize("value", [-1, "5", float("nan")])
def test_unusable_ceilings(name, value):
    """A ceiling that is no number from 0 up is refused by name."""
    with pytest.raises(UsageError, match=rf"{name} = .* is not usable"):
        Budget(**{name: value})


async def test_no_ceiling():
    """Without a ceiling everything is admitted, and counted."""
    budget = begun()
    for _ in range(100):
        await budget.admit(1e6)
        budget.settle(1e6, 2.0)
    assert (budget.calls, budget.cost_usd, budget.limited) == (100, 200.0, False)


async def test_calls():
    """Calls of earlier sessions count, those that were admitted and then not sent do not."""
    budget = begun((1, 0.0, 0.0), max_calls=2)
    await budget.admit(0.5)
    budget.settle(0.5, 0.0, sent=False)
    await budget.admit(0.5)
    assert budget.noted() == (1, 0.5, 0.0)
    for _ in range(2):
        with pytest.raises(
            BudgetStop, match=r"stopped at max_calls = 2 calls: 2 calls are sent\. .*run again"
        ):
            await budget.admit(0.0)
    assert BudgetStop.exit_code == 3


@pytest.mark.parametrize(("paid", "goes"), [(0.1, True), (0.6, False)])
async def test_dollars_in_flight_count(paid, goes):
    """What is in flight counts at its most; one that could pass the ceiling waits for it."""
    budget = begun((0, 0.3, 0.0), max_cost_usd=1.0)
    await budget.admit(0.6)
    waiting = asyncio.ensure_future(budget.admit(0.5))
    await asyncio.sleep(0)
    assert not waiting.done()
    budget.settle(0.6, paid)
    if goes:
        await asyncio.wait_for(waiting, 5)
        assert (budget.cost_usd, budget.calls) == (pytest.approx(0.4), 2)
    else:
        with pytest.raises(BudgetStop, match=r"max_cost_usd = \$1: \$0\.9 is spent and the next call"):
            await waiting


@pytest.mark.parametrize(("before", "in_flight"), [((0, 0.0, 0.0), 0.6), ((10, 0.02, 0.0), 0.006)])
async def test_a_crash_costs_what_calls_cost(before, in_flight):
    """What was in flight at `kill -9` counts for good: at its most only where no call tells what is usual."""
    budget = begun(before, max_cost_usd=1.0)
    for _ in range(3):
        await budget.admit(0.2)
    assert budget.noted() == (3, pytest.approx(in_flight), 0.0)
    waiting = asyncio.ensure_future(budget.admit(0.5))  # the ceiling itself holds for the most
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


async def test_what_can_never_fit():
    """A call whose own price passes the ceiling is refused at once; a little that is spent is not nothing."""
    budget = begun(max_cost_usd=0.99)
    await budget.admit(0.6)
    budget.settle(0.6, 0.00005)
    with pytest.raises(BudgetStop, match=r"\$5e-05 is spent and the next call may cost \$1\."):
        await asyncio.wait_for(budget.admit(1.0), 5)


async def test_minutes():
    """Time at work in earlier sessions counts, and a wait that would use up the rest is not begun."""
    ticks = Ticks()
    budget = begun((0, 0.0, 60.0), ticks, max_minutes=2)
    await budget.admit(0.0)
    budget.check_wait(59)
    with pytest.raises(BudgetStop, match=r"1 minutes are used and the next wait is 61 s"):
        budget.check_wait(61)
    ticks.at = 60.0
    with pytest.raises(BudgetStop, match=r"max_minutes = 2 minutes: 2 minutes are used"):
        await budget.admit(0.0)
    assert budget.noted() == (1, 0.0, 60.0)


async def test_the_ceiling_holds_for_many_at_once():
    """Fifty workers and a ceiling for about ten calls: it is never passed, and most of it is used."""
    budget = begun(max_cost_usd=1.0)

    async def work():
        while True:
            await budget.admit(0.2)
            await asyncio.sleep(0)
            budget.settle(0.2, 0.1)
            assert budget.cost_usd <= 1.0

    outcomes = await asyncio.gather(*(work() for _ in range(50)), return_exceptions=True)
    assert all(isinstance(outcome, BudgetStop) for outcome in outcomes)
    assert 0.8 <= budget.cost_usd <= 1.0


def test_a_reason_that_stops_many_is_told_once():
    """Every worker raises the same error; its traceback is that of one of them."""
    stops = Stops()
    stops.halt(ValueError("it is over"))
    for _ in range(100):
        with pytest.raises(ValueError, match="it is over") as error:
            stops.go_on("any")
    assert len(traceback.extract_tb(error.value.__traceback__)) < 5
