"""Notebooks run in this process: for what a run does around its notebooks, where no kernel is needed."""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_output
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook


class InProcess:
    """Stands in for `pipeline.Kernel`; keeps what a cell prints, as papermill does.

    A kernel takes 1.7 s of CPU. Real ones are started where one is interrupted, killed or dies.
    """

    stopping = False

    def __init__(self, *_: object) -> None: ...

    def close(self) -> None: ...

    def run(self, source: Path, target: Path, parameters: dict[str, Any], terminal: object) -> None:
        node = parameterize_notebook(load_notebook_node(str(source)), parameters)
        try:
            _execute(node)
        finally:
            nbformat.write(node, target)


def _execute(node: nbformat.NotebookNode) -> None:
    names: dict[str, Any] = {"display": lambda *shown, **how: None}
    for number, cell in enumerate(node.cells):
        if cell.cell_type == "code" and "skip-execution" not in cell.metadata.get("tags", ()):
            printed = io.StringIO()
            try:
                with redirect_stdout(printed):
                    _run(cell.source, names)
            except Exception as error:
                kind, said = type(error).__name__, str(error)
                raise PapermillExecutionError(number, number, cell.source, kind, said, []) from error
            finally:
                cell.outputs = [new_output("stream", name="stdout", text=printed.getvalue())]


def _run(source: str, names: dict[str, Any]) -> None:
    made = eval(compile(source, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if inspect.isawaitable(made):
        asyncio.run(made)
