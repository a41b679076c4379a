"""JSON objects in texts that should have been nothing but JSON. Nothing is ever evaluated as code.

Every text ends in a value or a JsonProblem, in time that grows with its length.
"""

from __future__ import annotations

import ast
import copy
import json
import math
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import getitem
from typing import Any

# "{" and then a quote or the other brace: an object, and not a brace in prose or a {{placeholder}}.
OPENING = re.compile(r"\{\s*+[\"'}]")
# Braces outside of strings; a string that never ends reaches to the end of the text.
_TOKEN = re.compile(r"""[{}]|'[^'\\]*+(?:\\.[^'\\]*+)*+'?|"[^"\\]*+(?:\\.[^"\\]*+)*+"?""", re.DOTALL)

_FENCE = re.compile(r"\s*```[\w+-]*[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)

MAX_DEPTH = 60  # levels; real records have fewer than ten, and what is deeper stops whoever walks it

_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"


class JsonProblem(ValueError):
    """Why a text is not the JSON that it should be."""


def parse(text: str) -> Any:
    """The value of `text` read as JSON, else as a Python literal (single quotes, True, None, tuples).

    As in json.loads, the last of two equal keys counts. Raises JsonProblem, also for NaN, for numbers that
    are no finite float, for keys that are not text and for nesting beyond MAX_DEPTH.
    """
    try:
        return _walkable(_json(text))
    except RecursionError as error:
        raise JsonProblem(_TOO_DEEP) from error
    except JsonProblem:
        raise
    except ValueError as error:
        problem = error
    try:
        return _walkable(_literal(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise JsonProblem(f"not JSON ({str(problem)[:120]})") from error


def unfenced(text: str) -> str:
    """What stands in the code fence that `text` consists of, or `text`."""
    fenced = _FENCE.fullmatch(text)
    return fenced.group(1).strip() if fenced else text


def tool_name(name: str) -> str:
    """A tool's name without what templates leave around it: `functions.`, `<|channel|>…`, `:0`."""
    return re.sub(r"<\|.*|:\d+$", "", name.strip().removeprefix("functions."), flags=re.DOTALL).strip()


def json_path(keys: Iterable[str | int]) -> str:
    """Where keys and indices lead to, as JSONPath: `$.items[0].name`."""
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """(keys and indices that lead there, value) of everything in `value` that is no object or array."""
    if not isinstance(value, dict | list):
        yield path, value
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from leaves(item, (*path, key))


def changed(value: Any, path: Sequence[str | int], **new: Any) -> Any:
    """A copy with another value at `path` (`to`), or without what is there; of the path () it is `to`."""
    if not path:
        return new["to"]
    made = copy.deepcopy(value)
    parent = reduce(getitem, path[:-1], made)
    if new:
        parent[path[-1]] = new["to"]
    else:
        del parent[path[-1]]
    return made


def objects(text: str) -> Iterator[tuple[dict[str, Any], int, int]]:
    """(object, start, end) of every object in `text` that is in no other object, in order.

    Raises JsonProblem when an object begins that never ends, or when one cannot be read and nothing after it
    can: a piece of a broken answer is no answer.
    """
    problem, position = None, 0
    while opening := OPENING.search(text, position):
        start, position = opening.start(), _closing(text, opening.start())
        if not position:
            raise JsonProblem("its JSON object is cut off")
        try:
            value = parse(text[start:position])
        except JsonProblem as error:
            problem = error
            continue
        if isinstance(value, dict):
            problem = None
            yield value, start, position
    if problem:
        raise problem


def _closing(text: str, start: int) -> int:
    """The index after the brace that closes the one at `start`; 0 when none does."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(token.group(), 0)
        if not depth:
            return token.end()
    return 0


def _walkable(value: Any) -> Any:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        nested = [one for one in level if isinstance(one, dict | list)]
        level = [inner for one in nested for inner in (one.values() if isinstance(one, dict) else one)]
        if not level:
            return value
    raise JsonProblem(_TOO_DEEP)


def _json(text: str) -> Any:
    return json.loads(text, parse_constant=_finite, parse_float=_finite)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no JSON number")
    return number


def _literal(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes such as "\d", which Python means to forbid
        return plain(ast.literal_eval(text.strip()))


def plain(value: Any) -> Any:
    """A literal's value with tuples as lists; ValueError for what JSON has not."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(f"{type(value).__name__} is no JSON value")
