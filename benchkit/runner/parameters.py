"""The parameters that the notebooks declare, as papermill finds them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..errors import RunError, UsageError
from ..values import from_text, refused

NOTEBOOKS = ("01_generate", "02_validate", "03_execute", "04_measure", "05_report")
FLAGS = {"true": True, "1": True, "false": False, "0": False}
# What a parameter's type takes, in words, and how it is read from text.
TYPES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "bool": ("true or false", lambda text: FLAGS[text.lower()]),
    "int": ("a whole number", int),
    "float": ("a number", float),
    "list": ("a list, such as a,b or [1, 2]", lambda text: from_text(text, list)),
    "dict": ("names with values, such as {a: 1, b: 2}", lambda text: from_text(text, dict)),
    "str": ("text", str),
}


@dataclass(frozen=True)
class Parameter:
    """One line of a notebook's parameters cell; `type` is a key of TYPES."""

    name: str
    default: Any
    help: str
    type: str


def notebook_folder() -> Path:
    """Where the notebooks are: inside an installed package, or beside it in a checkout.

    Raises RunError when they are in neither place.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / f"{NOTEBOOKS[0]}.ipynb").exists():
            return folder
    raise RunError(f"{package.parent} has no notebooks/{NOTEBOOKS[0]}.ipynb. Install benchkit again.")


def declared_parameters(folder: Path) -> dict[str, dict[str, Parameter]]:
    """Each notebook's parameters by name, in their order; a notebook that is not there is left out.

    Raises RunError for one that cannot be read.
    """
    return {
        name: _inspect(folder / f"{name}.ipynb") for name in NOTEBOOKS if (folder / f"{name}.ipynb").exists()
    }


def parse(text: str, parameter: Parameter) -> Any:
    """The value that `text` stands for, of the type that `parameter` has. Raises UsageError."""
    takes, read = TYPES[parameter.type]
    try:
        return read(text.strip() if parameter.type != "str" else text)
    except (ValueError, KeyError):
        raise refused(parameter.name, text, f"It takes {takes}.") from None


def find(declared: Mapping[str, Mapping[str, Parameter]], name: str) -> Parameter:
    """The parameter called `name`. Raises UsageError, with all that there are, for an unknown one."""
    for parameters in declared.values():
        if name in parameters:
            return parameters[name]
    known = list(dict.fromkeys(name for parameters in declared.values() for name in parameters))
    close = get_close_matches(name, known, n=1)
    guess = f" Did you mean {close[0]}?" if close else ""
    raise UsageError(f"No notebook has a parameter {name!r}.{guess} There are:\n{describe(declared)}")


def describe(declared: Mapping[str, Mapping[str, Parameter]]) -> str:
    """All parameters as text: name, default and help under the notebook that declares them."""
    lines = []
    for notebook, parameters in declared.items():
        lines.append(f"  {notebook}")
        for one in parameters.values():
            lines.append(f"    {f'{one.name} = {one.default!r}':<40} {one.help}".rstrip())
    return "\n".join(lines)


def _inspect(path: Path) -> dict[str, Parameter]:
    from papermill import inspect_notebook

    try:
        found = inspect_notebook(literal(path))
    except ValueError as error:
        raise RunError(f"{path} cannot be read as a notebook ({error}). Restore it.") from error
    return {name: _parameter(one) for name, one in found.items()}


def literal(path: Path) -> str:
    """`path` for papermill, which takes braces in it for fields of its own."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _parameter(found: Mapping[str, str]) -> Parameter:
    try:
        default = ast.literal_eval(found["default"])
    except (ValueError, SyntaxError):
        default = found["default"]  # an expression: shown as it is written
    declared = found["inferred_type_name"].partition("[")[0]
    kind = declared if declared in TYPES else type(default).__name__
    return Parameter(found["name"], default, found["help"], kind if kind in TYPES else "str")
