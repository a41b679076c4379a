"""Why a request brought no completion, and what that means for whoever waits for it."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..agent import sendable
from ..log import redact

REFUSED_KEY = (401, 403)
RETRIED = frozenset({408, 429, 498})  # and every 5xx; anything else is an answer or a mistake of ours
MODEL_GONE = ("model_not_found", "model_decommissioned")
TIMED_OUT, NO_CONNECTION = "timed out", "no connection"
_MODELS_OWN = ("tool_use_failed", "json_validate_failed")
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_NETWORK = ("SSL_CERT_FILE", *_PROXIES, *map(str.lower, _PROXIES))  # what may stand before it


@dataclass(eq=False)
class CallError(Exception):
    """Why a request brought no completion."""

    kind: str  # the SDK's name of it, or one of ours
    message: str  # one line, without a key
    status: int | None = None  # None: no HTTP response
    code: str = ""
    wait_s: float | None = None  # that the provider asks for
    generated: str | None = None  # what the model made and the API turned down
    sent: bool = True  # whether it may have reached the provider

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"

    @property
    def retried(self) -> bool:
        """Whether asking again as it stands can help: 408, 429, 498, 5xx, timeouts, dropped connections."""
        return self.status is None or self.status in RETRIED or self.status >= 500

    @property
    def announced(self) -> bool:
        """A 429 that says how long to wait: waiting it out is no lost progress, so it spends no retry."""
        return self.status == 429 and self.wait_s is not None

    @property
    def said(self) -> str:
        """The message as a part of a longer sentence."""
        return self.message.rstrip(".")


def status_error(
    kind: str, status: int, body: object, otherwise: str = "no message", wait_s: float | None = None
) -> CallError:
    """The error in the body of a response or of a batch's line; `otherwise` is what it says without one."""
    about = body.get("error", body) if isinstance(body, dict) else {}
    about = about if isinstance(about, dict) else {}
    own = about.get("code") in _MODELS_OWN or "failed_generation" in about
    made = about.get("failed_generation") or ""
    text = made if isinstance(made, str) else json.dumps(made, ensure_ascii=False)
    said = one_line(str(about.get("message") or otherwise))
    return CallError(
        kind, said, status, str(about.get("code") or ""), wait_s, sendable(text) if own else None
    )


def one_line(text: str) -> str:
    """`text` in one line of at most 500 characters, without a key."""
    return sendable(redact(" ".join(text.split())[:500]))


def explain(error: CallError, url: str) -> str:
    """What a request that can never succeed means, and what to do about it."""
    if error.status in REFUSED_KEY:
        return (
            f"the provider refused the key ({error.status}: {error.said}). "
            "Set GROQ_API_KEY to a valid key and run again; what is paid for is kept."
        )
    reached = (
        f"answered {error.status}: {error.said}" if error.status else f"cannot be reached ({error.said})"
    )
    hint = "" if error.status or is_loopback(url) else environment()
    return redact(
        f"{url} {reached}. {hint}Check the network and GROQ_BASE_URL, then run again; what is paid for "
        "is kept."
    )


def is_loopback(url: str) -> bool:
    """Whether `url` is of this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def environment() -> str:
    """The variables that stand between us and the network, and what to do about them; "" for none."""
    there = {name: os.environ[name] for name in _NETWORK if os.environ.get(name)}
    return "".join(f"{name} is {value}: check that, or unset {name}. " for name, value in there.items())
