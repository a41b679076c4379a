"""The free text of a golden answer: what is said in words, and not right or wrong as a whole."""

from __future__ import annotations

import json

from ..domain import TestCase
from ..jsontext import leaves
from .fields import looks_exact
from .schemas import places

Path = tuple[str | int, ...]
LONG = 10  # words from which one "not" more costs a field less than .05 of its token F1: 1/(2·10 + 1)


def free_texts(case: TestCase) -> dict[Path, str]:
    """The case's golden texts by where they are: of a conversation the whole at (), of a record its leaves.

    Of a record those that `compare_fields` compares by their words. Raises RecursionError for one too deep.
    """
    golden = case.golden_response
    if isinstance(golden, str):
        return {(): golden}
    exact = places(json.dumps(golden), json.dumps(case.response_schema or {})).exact
    return {
        path: value
        for path, value in leaves(golden)
        if isinstance(value, str) and value.strip() and _pointer(path) not in exact and not looks_exact(value)
    }


def long_texts(case: TestCase) -> dict[str, str]:
    """The texts of a record that can carry a requirement, by dotted path: those of LONG words or more."""
    texts = free_texts(case).items()
    return {".".join(map(str, path)): text for path, text in texts if path and len(text.split()) >= LONG}


def _pointer(path: Path) -> str:
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in path)
