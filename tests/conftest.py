"""The files that take longest are begun first, so that the workers end together."""

from __future__ import annotations

from pathlib import Path

import pytest

SLOWEST = (
    "test_walk.py",
    "test_jupyter.py",
    "test_papermill.py",
    "test_verify.py",
    "test_pipeline.py",
    "test_cli.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the order within a file, which shares what is slow to set up."""
    items.sort(key=lambda item: _place(item.path))


def _place(path: Path) -> int:
    return SLOWEST.index(path.name) if path.name in SLOWEST else len(SLOWEST)
