"""JSON artifacts: text that any reader takes, and files read with the remedy at hand."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import RunError


def without_grammars() -> None:
    """Keep jsonschema, which nbformat imports, from grammars of addresses and durations: no notebook has one.

    They take two seconds of every start where Jupyter's extra formats are installed.
    """
    for name in ("rfc3987_syntax", "rfc3986_validator", "isoduration"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


def json_text(value: Any) -> str:
    """`value` as JSON, for a file. Raises TypeError for what JSON cannot hold."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    return text + "\n"


def read_json(
    path: Path, maker: str, needed: Mapping[str, type] | None = None, remedy: str = ""
) -> dict[str, Any]:
    """A JSON artifact. Raises RunError that names the file, what is wrong and how it comes back.

    `maker` is the notebook that makes it, `needed` the type of each key that it cannot do without.
    """
    if not path.exists():
        raise RunError(f"{path.parent} has no {path.name}. Run {maker}.ipynb on it first.")
    try:
        value, wrong = json.loads(path.read_text(encoding="utf-8")), ""
    except (ValueError, OSError, RecursionError) as error:
        value, wrong = None, f"cannot be read ({error})"
    if not wrong and not isinstance(value, dict):
        wrong = "does not hold a JSON object"
    elif not wrong:
        lacking = [key for key, kind in (needed or {}).items() if not isinstance(value.get(key), kind)]
        wrong = f"has no usable {', '.join(lacking)}" if lacking else ""
    if wrong:
        raise RunError(f"{path} {wrong}. {remedy or f'Mend it, or delete it and run {maker}.ipynb again.'}")
    return value


def plain(value: Any) -> Any:
    """NumPy scalars to Python's; NA and what is no finite number to null: JSON has neither."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    nothing = type(value).__name__ == "NAType" or (isinstance(value, float) and not math.isfinite(value))
    return None if nothing else value
