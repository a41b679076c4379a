"""Why calls are asked although their place in the run has a reply: what of them is not as it was."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from ..agent import Agent, Call, Item, sendable

Place = tuple[str, int, int]  # case, round, attempt
_PARAMETERS = ("temperature", "max_tokens", "seed", "reasoning_effort")
_QUERY = """SELECT "case", round, attempt, key, model, parameters, body FROM calls
    JOIN inputs ON inputs.digest = calls.input WHERE agent = ? AND status != 'failed'"""


def changes_in(
    db: sqlite3.Connection, agent: Agent, seed: int, items: Mapping[str, Item], models: Collection[str]
) -> Counter[str]:
    """How many of an agent's calls, `items` by key, are asked again, by what has changed of them.

    Another model is a change only where it takes the place of one that is not among `models` any more.
    """
    stale = _stale(db, agent, items, models)
    found: Counter[str] = Counter()
    for key, item in items.items() if stale else ():
        if before := stale.get((sendable(item.case), item.round, item.attempt)):
            call = agent.call(item, seed, key)
            least: list[str] = min((_differences(call, row) for row in before), key=len)
            found[", ".join(least)] += 1
    return found


def _stale(
    db: sqlite3.Connection, agent: Agent, items: Mapping[str, Item], models: Collection[str]
) -> dict[Place, list[tuple[Any, ...]]]:
    """Replies on record at the agent's places under other keys; (model, parameters, body) each."""
    found: dict[Place, list[tuple[Any, ...]]] = {}
    kept: set[Place] = set()
    for case, round, attempt, key, model, parameters, body in db.execute(_QUERY, [sendable(agent.role)]):
        place = (case, round, attempt)
        if key in items:
            kept.add(place)
        elif (model == agent.model or model not in models) and len(_messages(body)) == 2:
            found.setdefault(place, []).append((model, parameters, body))
    return {place: rows for place, rows in found.items() if place not in kept}


def _messages(body: str) -> list[Any]:
    """What was asked; of a damaged record nothing, so that nothing is said of it."""
    try:
        return json.loads(body)[0]
    except ValueError:
        return []


def _differences(call: Call, before: tuple[Any, ...]) -> list[str]:
    model, parameters, body = before
    asked, now = json.loads(parameters), vars(call)
    (system, user), tool = json.loads(body)
    changed = ["model"] if model != call.model else []
    changed += [name for name in _PARAMETERS if (asked.get(name) or 0) != (now[name] or 0)]
    changed += ["system prompt"] if system != list(call.messages[0]) else []
    changed += ["prompt"] if user != list(call.messages[1]) else []
    # As text: a model sees the order of the keys, too.
    return changed + (["tool or schema"] if json.dumps(tool) != json.dumps(call.tool.definition) else [])
