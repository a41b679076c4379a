"""`benchkit verify`: the notebooks' own cells once more, on a copy of a run, and what comes out otherwise."""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..errors import BenchkitError, RunError
from ..llm.journal import keep_failed
from ..report.verify import Difference, Verification, compared
from ..run import Run
from ..run.config import is_begun, save_config
from ..run.lock import check_free
from ..run.reviewed import MADE
from .parameters import NOTEBOOKS, notebook_folder

LEFT_OUT = shutil.ignore_patterns(".lock", ".owner.json", "debug.log", "notebooks")
SKIPPED = {"parameters", "skip-execution"}
NEVER = (
    "Not recomputed: what 01 was given or wrote, what the provider said (its replies on record are taken as "
    "they are), times of writing, the pixels of figures, and the notebooks and their pages."
)


def verify(path: Path) -> Verification:
    """Compute a finished run again in a temporary folder and compare; reads only, and asks nothing.

    Raises RunError for files that cannot be read, and for a run that another process is at.
    """
    check_free(path)
    recorded = Run(path).config["parameters"]
    first = 3 if Run(path).provider == "imported" else 1  # what 04 was given of 03's is recorded in its name
    names = [name for name in NOTEBOOKS[first:] if name in recorded]
    with TemporaryDirectory(prefix="benchkit-", ignore_cleanup_errors=True) as folder:
        # The folder above too: it names the run where the results stand beside what was brought.
        copy = Path(
            shutil.copytree(path, Path(folder).resolve() / path.parent.name / path.name, ignore=LEFT_OUT)
        )
        try:
            if (copy / "calls.sqlite").exists():
                keep_failed(copy / "calls.sqlite")
        except RunError as error:
            raise RunError(_said_of(path, copy, error)) from error
        if is_begun(copy):  # of the copy nobody needs what is written over
            save_config(copy, {name: value for name, value in Run(copy).config.items() if name != MADE})
        begun = time.time()
        stopped = asyncio.run(_replayed(path, copy, names, recorded))
        for sidecar in (copy / "figures").glob("*.json"):
            if sidecar.stat().st_mtime < begun:  # the copy has the time of the run's: no notebook draws it
                sidecar.unlink()
        found = compared(path, copy)
    found.differences = stopped + found.differences
    found.notes[:0] = Run(path).edits()
    if not (path / "calls.sqlite").exists():
        found.notes.append("Responses are taken as they stand: no calls.sqlite holds what came back.")
    found.notes.append(NEVER)
    return found


def _said_of(path: Path, copy: Path, error: BenchkitError) -> str:
    """What is wrong with the copy, said of the run that it is of: nobody finds the copy any more."""
    return str(error).replace(str(copy), str(path))


async def _replayed(
    path: Path, copy: Path, names: list[str], recorded: Mapping[str, Any]
) -> list[Difference]:
    """Run the notebooks on the copy; a line for each that cannot be computed from what is on record."""
    stopped = []
    with _nothing_asked():
        for name in names:
            try:
                await replay(notebook_folder() / f"{name}.ipynb", recorded[name] | {"run_dir": str(copy)})
            except BenchkitError as error:
                stopped.append(
                    Difference(name, "the notebook", "a finished run", _said_of(path, copy, error))
                )
    return stopped


async def replay(notebook: Path, parameters: Mapping[str, Any]) -> None:
    """Run a notebook's cells in this process, without a kernel; nothing is shown and no file of it is kept.

    Raises whatever a cell raises; RunError for a notebook that cannot be read.
    """
    import nbformat

    try:
        cells = [c for c in nbformat.read(notebook, as_version=4).cells if c.cell_type == "code"]
    except (OSError, ValueError) as error:
        raise RunError(f"{notebook} cannot be read ({error}). Install benchkit again.") from error
    space: dict[str, Any] = {"__name__": "__main__", "display": lambda *shown, **how: None}
    exec("\n".join(c.source for c in cells if "parameters" in c.metadata.get("tags", ())), space)
    space |= parameters
    source = "\n".join(c.source for c in cells if not SKIPPED & set(c.metadata.get("tags", ())))
    code = compile(source, str(notebook), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        made = eval(code, space)
        if inspect.isawaitable(made):
            await made


@contextmanager
def _nothing_asked() -> Iterator[None]:
    """Without a key nothing can be paid for: what is not on record stops the notebook that needs it."""
    key = os.environ.pop("GROQ_API_KEY", None)
    try:
        yield
    finally:
        if key is not None:
            os.environ["GROQ_API_KEY"] = key
