"""The simulated report agent: it takes the first facts of the topics that weigh most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_PASSAGES, MOST_FACTS = 4, 3


def write(message: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `write_commentary`: ids of the message's facts, a passage a topic, in their order."""
    by_topic: dict[str, list[str]] = {}
    for fact in message.get("facts") or ():
        by_topic.setdefault(str(fact["topic"]), []).append(str(fact["id"]))
    passages = [{"topic": topic, "facts": ids[:MOST_FACTS]} for topic, ids in by_topic.items()]
    return {
        "passages": passages[:MOST_PASSAGES],
        "next_step": next(iter(message.get("next_steps") or ()), "read"),
    }
