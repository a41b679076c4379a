"""Where calls go: Groq with the key from the environment, or the embedded offline server."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ProviderError
from . import catalog
from .call_error import CallError, explain
from .groq import Transport
from .retry import groq_rate_limit
from .window import LONGEST_TIMEOUT_S

if TYPE_CHECKING:
    from ..offline.server import OfflineServer

GROQ_URL = "https://api.groq.com"
# Nothing is seen while the models are listed: a request's time, and that of a wait between requests.
LIST_TIMEOUT_S, LONGEST_LIST_S = 20.0, 60.0
EVERY_S = 1.0  # between two looks at who shares the limits
GONE_S = 30.0  # a process that has not touched its file for so long asks no more
KEYS_PAGE = "https://console.groq.com/keys"


class Sharers:
    """The processes of this machine that ask one model of one provider under one key, and share its limits.

    Each has a file, whose name holds a digest of all three, never the key. It lies in the machine's temporary
    folder and is touched while its process asks. Where none can be written, a process counts itself alone.
    """

    def __init__(
        self, url: str, key: str, model: str, folder: Path | None = None, owner: int | None = None
    ) -> None:
        digest = sha256("\n".join((url, key, model)).encode()).hexdigest()[:16]
        self._folder = folder or Path(tempfile.gettempdir())
        self._pattern = f"benchkit-{digest}-*"
        self._file = self._folder / f"benchkit-{digest}-{os.getpid() if owner is None else owner}"
        self._looked_at, self._found = float("-inf"), 1

    def __call__(self, clock: Callable[[], float] = time.monotonic) -> int:
        """How many there are, this one included."""
        if clock() - self._looked_at >= EVERY_S:
            self._looked_at = clock()
            with suppress(OSError):  # another one may leave at this moment
                self._file.touch()
                now = self._file.stat().st_mtime
                ages = [now - file.stat().st_mtime for file in self._folder.glob(self._pattern)]
                self._found = max(1, sum(age < GONE_S for age in ages))
        return self._found

    def leave(self) -> None:
        """This process asks no more: the others may have its share."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)


@dataclass
class Provider:
    """`groq` or `offline`. Nothing is started, asked or needed before the first call has to be sent."""

    name: str
    seed: int = 7
    timeout_s: float = LONGEST_TIMEOUT_S  # that a reply is ever waited for
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    models: dict[str, catalog.Model] = field(default_factory=dict)  # as listed, filled by `check`
    _server: OfflineServer | None = None
    _transport: Transport | None = None
    _sharers: dict[str, Sharers] = field(default_factory=dict)

    @property
    def transport(self) -> Transport:
        """The connection, made on first use. Raises ProviderError without a key or for an imported run."""
        if self._transport is None:
            self._transport = Transport(*self._address(), timeout_s=self.timeout_s)
        return self._transport

    async def check(self, wanted: list[str]) -> None:
        """Before anything is paid: the key works and every wanted model is served.

        Raises ProviderError with one sentence that says what to do.
        """
        missing = [model for model in dict.fromkeys(wanted) if model not in self.models]
        if not missing:
            return
        self.models = {str(row["id"]): catalog.listed(row) for row in await self.listed()}
        for model in missing:
            if model not in self.models:
                raise ProviderError(self._absent(model))

    def model(self, id: str) -> catalog.Model:
        """The model as the provider lists it, else as the catalog knows it."""
        return self.models.get(id) or catalog.known(id)

    def sharers(self, model: str) -> int:
        """How many processes of this machine share the model's limits; before anything is sent, 1."""
        if self._transport and model not in self._sharers:
            self._sharers[model] = Sharers(self._transport.url, self._transport.key, model)
        return self._sharers[model]() if self._transport else 1

    async def listed(self) -> list[dict[str, Any]]:
        """The provider's own rows on its models. Raises ProviderError for a bad key or one out of reach."""
        transport = self.transport

        async def sleep(wait_s: float) -> None:
            if wait_s > LONGEST_LIST_S:
                raise ProviderError(
                    f"{transport.url} does not list its models: it asks to wait for {wait_s:.0f} s. "
                    "Run again later; what is paid for is kept."
                )
            await self.sleep(wait_s)

        ask = groq_rate_limit(max_retries=2, base_delay=0.5, sleep=sleep)(transport.models)
        try:
            return await ask(min(LIST_TIMEOUT_S, self.timeout_s))
        except CallError as error:
            raise ProviderError(explain(error, transport.url)) from error

    async def close(self) -> None:
        for one in self._sharers.values():
            one.leave()
        self._sharers = {}
        if self._transport:
            await self._transport.close()
        if self._server:
            self._server.close()
        self._transport = self._server = None
        self.models = {}  # whoever opens it again looks again

    def _address(self) -> tuple[str, str]:
        if self.name == "offline":
            from ..offline.server import OfflineServer

            self._server = OfflineServer(seed=self.seed)
            self._server.start()
            return self._server.url, "offline"
        if self.name != "groq":
            raise ProviderError("this run was imported and has no provider, so nothing can be asked in it.")
        key = os.environ.get("GROQ_API_KEY", "").strip()
        if not key:
            raise ProviderError(
                f"GROQ_API_KEY is not set. Get a key at {KEYS_PAGE} and set it in the environment "
                "before starting Jupyter or benchkit; or use provider = 'offline'."
            )
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ProviderError(
                f"GROQ_API_KEY has characters that no key has. Copy the key again from {KEYS_PAGE}."
            )
        return base_url(os.environ.get("GROQ_BASE_URL", "")), key

    def _absent(self, model: str) -> str:
        served = ", ".join(sorted(self.models)) or "none"
        return (catalog.replacement(model) or f"{self.name} does not serve a model {model!r}.") + (
            f" Models served now: {served}."
        )


def base_url(url: str) -> str:
    """The SDK adds /openai/v1 itself; a URL that has it already would get it twice."""
    return (url.strip().rstrip("/") or GROQ_URL).removesuffix("/openai/v1")


async def served_models(name: str) -> list[dict[str, Any]]:
    """What the provider serves with price and status, and the retired models that the catalog knows."""
    provider = Provider(name)
    try:
        rows = await provider.listed()
    finally:
        await provider.close()
    live = [catalog.listed(row) for row in rows]
    served = [
        {"model": m.id, "status": "served", "usd_in": m.input_usd, "usd_out": m.output_usd} for m in live
    ]
    gone = catalog.RETIRED.items() if name == "groq" else ()
    return sorted(served, key=lambda row: str(row["model"])) + [
        {"model": id, "status": f"retired {date}, use {instead}", "usd_in": None, "usd_out": None}
        for id, (date, instead) in gone
        if id not in {m.id for m in live}
    ]
