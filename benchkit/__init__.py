"""Which of these language models should we deploy, how sure are we, and what does it cost?"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .domain import Comparison as Comparison
    from .domain import Response as Response
    from .domain import Score as Score
    from .domain import TestCase as TestCase
    from .domain import Validation as Validation
    from .errors import BenchkitError as BenchkitError
    from .llm.client import connect as connect
    from .llm.retry import groq_rate_limit as groq_rate_limit
    from .log import setup_logging as setup_logging
    from .run import open_run as open_run
    from .run import start_run as start_run
    from .runner.pipeline import BenchmarkPipeline as BenchmarkPipeline

# Loaded on first use: a notebook's first cell should not wait for what only a later one needs.
_HOMES = {
    "BenchkitError": "errors",
    "BenchmarkPipeline": "runner.pipeline",
    "Comparison": "domain",
    "Response": "domain",
    "Score": "domain",
    "TestCase": "domain",
    "Validation": "domain",
    "connect": "llm.client",
    "groq_rate_limit": "llm.retry",
    "open_run": "run",
    "setup_logging": "log",
    "start_run": "run",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
