"""The parameters that the notebooks declare, as papermill finds them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..errors import RunError, UsageError

NOTEBOOKS = ("01_generate", "02_validate", "03_execute", "04_measure", "05_report")
FLAGS = {"true": True, "1": True, "false": False, "0": False}
READ: dict[str, Callable[[str], Any]] = {  # texts stay, and lists and dicts are read where they are checked
    "bool": lambda text: FLAGS[text.lower()],
    "int": int,
    "float": float,
}


@dataclass(frozen=True)
class Parameter:
    """One line of a notebook's parameters cell."""

    name: str
    default: Any
    help: str
    type: str  # its annotation, without what stands in brackets, else its default's


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
    """The value that `text` stands for, of the type that `parameter` has; as it is where it stands for none.

    What is no value of the parameter is refused where all values are, by `values.check`.
    """
    try:
        return READ.get(parameter.type, str)(text)
    except (ValueError, KeyError):
        return text


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
    kind = found["inferred_type_name"].partition("[")[0]
    return Parameter(
        found["name"], default, found["help"], type(default).__name__ if kind == "None" else kind
    )
