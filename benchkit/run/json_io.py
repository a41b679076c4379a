"""JSON artifacts: text that any reader takes, and files read with the remedy at hand."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import RunError

_CONFIG: dict[str, type] = {"provider": str, "seed": int, "parameters": dict}
# What a file cannot do without, and its type.
NEEDED: dict[str, dict[str, type]] = {
    "config.json": _CONFIG,
    ".config.json": _CONFIG,
    "metrics_report.json": {"comparisons": list, "configuration": dict, "decision": dict},
}

CONFIG_COPY = ".config.json"  # beside config.json, written with it, read where that is damaged or gone
PLANNED = ".planned.json"  # what the notebooks of a stopped run have not been run with yet
INPUTS = "inputs"  # in metrics_report.json: a digest of each file that it was computed from
MADE_WITH = "made_with"  # there too: provider, seed and parameters as config.json held them then


def without_iri_grammar() -> None:
    """Keep jsonschema, which nbformat imports, from building its grammar of IRIs: no notebook holds one.

    It takes a second and a half of every start where Jupyter's extra formats are installed.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def json_text(value: Any) -> str:
    """`value` as JSON, for a file. Raises TypeError for what JSON cannot hold."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False, default=_known)
    return text + "\n"


def read_json(path: Path, maker: str) -> dict[str, Any]:
    """A JSON artifact. Raises RunError that names the file, what is wrong and the notebook that makes it."""
    if not path.exists():
        raise RunError(f"{path.parent} has no {path.name}. Run {maker}.ipynb on it first.")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise RunError(f"{path} cannot be read ({error}). {_remedy(path, maker)}") from error
    if not isinstance(value, dict):
        raise RunError(f"{path} does not hold a JSON object. {_remedy(path, maker)}")
    lacking = [key for key, kind in NEEDED.get(path.name, {}).items() if not isinstance(value.get(key), kind)]
    if lacking:
        raise RunError(f"{path} has no usable {', '.join(lacking)}. {_remedy(path, maker)}")
    return value


def is_config(path: Path) -> bool:
    """Whether a file is a run's config.json: others call theirs so too."""
    try:
        read_json(path, maker="01_generate")
    except RunError:
        return False
    return True


def read_config(path: Path) -> dict[str, Any]:
    """The config.json of the run folder `path`, or its copy where that one is damaged or gone.

    Raises RunError where there is neither, or none that can be read.
    """
    config, copy = path / "config.json", path / CONFIG_COPY
    if not config.exists() and not copy.exists() and (path / "calls.sqlite").exists():
        raise RunError(
            f"{path} has lost its config.json, and what it was made with is known nowhere else. Put it "
            "back, or name another run_dir."
        )
    return read_json(copy if copy.exists() and not is_config(config) else config, maker="01_generate")


def _remedy(path: Path, maker: str) -> str:
    """How a damaged artifact comes back. What a run was started with is in config.json and nowhere else."""
    if path.name != "config.json":
        return f"Mend it, or delete it and run {maker}.ipynb again."
    if (path.parent / CONFIG_COPY).exists():
        return (
            f"Its copy {CONFIG_COPY} is there: benchkit run, or opening the run in a notebook, puts it back."
        )
    return (
        "Mend it, or restore it from a copy of yours: the run's numbers are not touched. Without one, name "
        "another run_dir. What the run was measured with is in metrics_report.json, if 04 has run."
    )


def plain(value: Any) -> Any:
    """NumPy scalars to Python's, and what is no finite number to null: JSON has neither."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _known(value: Any) -> None:
    """pandas' NA is null. Raises TypeError for anything else that JSON cannot hold."""
    if type(value).__name__ != "NAType":
        raise TypeError(f"{type(value).__name__} has no place in a JSON artifact")
