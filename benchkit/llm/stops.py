"""What has stopped, one model's calls or all of them, and whoever waits is told."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from ..log import setup_logging

logger = setup_logging(__name__)


class Stops:
    """The reasons to send nothing more, by model; "" is for all of them."""

    def __init__(self) -> None:
        self._reasons: dict[str, BaseException] = {}
        self._stopping: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)  # by model

    def halt(self, error: BaseException, model: str = "") -> None:
        """Send nothing more, or nothing of `model`, because of `error`; what is in flight is waited for."""
        if self._why_not(model) is None:
            self._reasons[model] = error
            logger.info("stopping %s: %s", model or "all", error)
        for name, event in self._stopping.items():
            if self._why_not(name):
                event.set()

    def first(self, models: Iterable[str]) -> BaseException | None:
        """Why not all of `models` was asked: what stopped everything, else the first of them."""
        return next((reason for model in ("", *models) if (reason := self._reasons.get(model))), None)

    def go_on(self, model: str) -> None:
        """Raises the reason where `model` has to stop."""
        if reason := self._why_not(model):
            raise reason

    async def wait(self, model: str) -> None:
        """Return once `model` has to stop. One that has already is not waited for: ask `go_on` first."""
        await self._stopping[model].wait()

    def start_over(self) -> None:
        """Forget what stopped: it may be over."""
        self._reasons.clear()
        self._stopping.clear()

    def _why_not(self, model: str) -> BaseException | None:
        return self._reasons.get("") or self._reasons.get(model)
