"""The plan in words: what so many cases can show, and what it would take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..stats import MOST_CASES
from .pilot import size

if TYPE_CHECKING:
    from .planning import Aim


def sentence(row: Mapping[str, Any], aim: Aim) -> str:
    """What so many cases and rounds show, what the wanted difference takes, and what to be wary of."""
    planned, power = size(row["n"], aim.rounds), f"{100 * aim.power:.0f} % power{_adjusted(aim)}"
    chance = "an unknown chance" if row["power"] != row["power"] else f"{100 * row['power']:.0f} %"
    found = (
        f"find a difference of {row['detectable']:.3f} with {power}, and one of {aim.detect:g} with {chance}"
    )
    if row["detectable"] > row["most"]:
        found = (
            f"cannot show even the largest possible difference, {row['most']:g}, with {power}; one of "
            f"{aim.detect:g} is found with {chance}"
        )
    said = f"{row['metric']} ({row['basis']}): {planned} {found}. {_needed(row, aim)} {row['note']}"
    return said.rstrip()


def _adjusted(aim: Aim) -> str:
    """At which alpha, where several comparisons share it."""
    if aim.comparisons == 1:
        return ""
    return f" (at alpha {aim.alpha:g}/{aim.comparisons}, Holm's first step of {aim.comparisons} comparisons)"


def _needed(row: Mapping[str, Any], aim: Aim) -> str:
    """The cases that the wanted difference takes in all, how surely, and the rounds that would do instead."""
    if row["cases_needed"] != row["cases_needed"]:
        return f"For that more than {MOST_CASES:,} cases are needed: no run has so many."
    unsure = ""
    if row["needed_low"] == row["needed_low"]:
        low, high = f"{row['needed_low']:,.0f}", f"{row['needed_high']:,.0f}"
        unsure = f", 95 % interval {low} to {high}: the pilot knows it no better"
    rounds = row["rounds_needed"]
    instead = ""
    if rounds is not None and rounds == rounds and rounds > aim.rounds:
        instead = f", or {int(rounds):,} rounds of these {row['n']:,} instead of {aim.rounds}"
    return f"For that about {row['cases_needed']:,.0f} cases are needed (in all{unsure}){instead}."
