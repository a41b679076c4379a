"""The free text of a golden answer: what is said in words, and not right or wrong as a whole."""

from __future__ import annotations

import json

from ..domain import TestCase
from ..jsontext import leaves
from .fields import looks_exact
from .schemas import places

Path = tuple[str | int, ...]
LONG = 10  # words from which one "not" more costs a field less than .05 of its token F1: 1/(2·10 + 1)


def free_texts(case: TestCase, least: int = 1) -> dict[Path, str]:
    """The case's golden texts of `least` words by where they are: of a conversation the whole at ().

    Of a record those leaves that `compare_fields` compares by their words. Raises RecursionError for one
    too deep.
    """
    golden = case.golden_response
    texts = {
        path: value
        for path, value in leaves(golden)
        if isinstance(value, str) and len(value.split()) >= least and not (path and looks_exact(value))
    }
    if isinstance(golden, str) or not texts:  # a schema takes its time, and most records have no long text
        return texts
    exact = places(json.dumps(golden), json.dumps(case.response_schema or {})).exact
    return {path: text for path, text in texts.items() if _pointer(path) not in exact}


def long_texts(case: TestCase) -> dict[str, str]:
    """The texts of a record that can carry a requirement, by dotted path: those of LONG words or more."""
    return {".".join(map(str, path)): text for path, text in free_texts(case, LONG).items() if path}


def _pointer(path: Path) -> str:
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in path)
