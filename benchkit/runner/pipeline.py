"""Runs the notebooks with papermill, one after the other in one run folder, and exports their HTML."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from .. import errors
from ..decide import RULES
from ..errors import BenchkitError, BudgetStop, Interrupted, RunError, UsageError, WaitingForBatch, unwritable
from ..llm.budget import CEILINGS
from ..log import setup_logging
from ..report.export import export_html
from ..report.index import write_index
from ..run import Run, begun_folder, intend, intended, open_run, read_run, recorded_parameters
from ..run.config import is_run
from ..run.json_io import read_json
from ..run.lock import claim
from ..run.paths import forget_empty, located
from ..values import check
from .kernel import Kernel, PapermillExecutionError, stoppable
from .parameters import NOTEBOOKS, declared_parameters, find, notebook_folder
from .preflight import check_models, check_values
from .terminal import Terminal

Plan = dict[str, dict[str, Any]]  # each notebook's values by name
logger = setup_logging(__name__)
FILES = {
    "cases_file": "the CSV or JSONL file that holds your cases",
    "candidates_file": "the YAML file that lists your candidates",
}


class BenchmarkPipeline:
    """The five notebooks as one call: `metrics = await BenchmarkPipeline(rounds=5).run()`.

    - `run_dir`: the run to start or continue; empty: a new one, or the newest when `first` is not 01.
    - `first`, `last`: the notebooks to begin and end with, "01" to "05".
    - `notebooks`: the folder that holds them; None: benchkit's own.
    - `parameters`: any name of any notebook's parameters cell; each goes to every notebook that declares it.
      What a run was last run with is its default.

    Raises UsageError for a parameter that no notebook has, one whose type is another, and cases that are
    not there, before anything runs.
    """

    def __init__(
        self,
        run_dir: str | Path = "",
        *,
        first: str = "01",
        last: str = "05",
        notebooks: str | Path | None = None,
        verbose: bool = False,
        **parameters: Any,
    ) -> None:
        self.given = str(run_dir)
        self.run_dir: Path | None = None  # the full path, once there is one
        self.folder = Path(notebooks) if notebooks else notebook_folder()
        self.names = _between(first, last)
        self.declared = declared_parameters(self.folder)
        for name in parameters:
            find(self.declared, name)
        self.parameters = parameters | check(**parameters)
        for name, what in FILES.items():
            if self.parameters.get(name):  # from the root on: it may be resumed from another folder
                path = Path(self.parameters[name]).expanduser().resolve()
                if not path.is_file():
                    raise UsageError(f"{path} is not a file. Give {what}.")
                self.parameters[name] = str(path)
        for name, other in (("models", "candidates_file"), ("candidates_file", "models")):
            # Given now, it takes the place of what the run was made with.
            if self.parameters.get(name) and other in self.declared["03_execute"]:
                self.parameters.setdefault(other, type(self.declared["03_execute"][other].default)())
        self.verbose = verbose
        self.terminal = Terminal(verbose=verbose)

    async def run(self) -> dict[str, Any]:
        """Run the notebooks; returns what `metrics.json` holds, {} when 04 has not made it yet.

        The notebooks run in a thread, so that the caller's loop lives. When cancelled, the cell is
        interrupted and its kernel ended first. Raises the notebook's own BenchkitError, RunError for any
        other failure, Interrupted when a kernel was.
        """
        self._check_arguments()
        run_dir, is_new = self._open()
        self.run_dir = run_dir
        try:
            async with AsyncExitStack() as stack:
                stack.enter_context(claim(run_dir))
                plan = self._plan(run_dir)
                await stack.enter_async_context(self._workers())
                await self._check(plan, run_dir)
                left = intended(run_dir) | plan  # a shorter span than the stopped run's forgets nothing
                intend(run_dir, left)
                if is_new:
                    self.terminal.say(f"New run: {run_dir}")
                for name, values in plan.items():
                    await self._run_one(name, values)
                    del left[name]
                    intend(run_dir, left)
                await asyncio.gather(*map(asyncio.wrap_future, self._pages))
                await asyncio.to_thread(write_index, Run(run_dir))
        finally:
            if is_new:
                forget_empty(run_dir)
        metrics = run_dir / "metrics.json"
        return read_json(metrics, "04_measure") if metrics.exists() else {}

    @asynccontextmanager
    async def _workers(self) -> AsyncIterator[None]:
        """What runs the notebooks, and what makes the pages of those that are done beside it."""
        environment = dict(os.environ) | ({"BENCHKIT_VERBOSE": "1"} if self.verbose else {})
        self._kernel = Kernel(Path.cwd(), environment)
        self._pages: list[Future[None]] = []
        self._exporter = ThreadPoolExecutor(1, "pages")
        self._exporter.submit(import_module, "benchkit.plots")  # the index reads figures: not at the end
        try:
            yield
        finally:
            await asyncio.to_thread(self._exporter.shutdown, cancel_futures=True)
            await asyncio.to_thread(self._kernel.close)

    def _open(self) -> tuple[Path, bool]:
        """The run's folder, and whether it was made just now."""
        if self.names[0] != NOTEBOOKS[0]:
            return open_run(self.given).path, False
        is_new = not self.given or not located(self.given).exists()
        return begun_folder(self.given), is_new

    def _check_arguments(self) -> None:
        """Before anything is written: whether what was given can be used on what is there."""
        for name in self.names:
            if name not in self.declared:
                raise RunError(f"{self.folder} has no {name}.ipynb. Restore it or end before it.")
        path = located(self.given) if self.given else None
        found = None  # a new run, or a folder of somebody else's
        if self.names[0] == NOTEBOOKS[0]:
            found = Run(path) if path and is_run(path) else None
        elif path and not path.is_dir():
            raise UsageError(f"{path} is not a folder. Give the path of a run folder, such as runs/run_….")
        else:
            with suppress(RunError):  # opening it says what is wrong
                found = read_run(self.given)
        recorded = recorded_parameters(found.path) if found else {}
        for name, values in self._held(found).items():
            recorded[name] = recorded.get(name, {}) | values
        check_values(self._whole(self._values(recorded)), found)

    def _plan(self, run_dir: Path) -> Plan:
        """Each notebook's values: what the run was last run with, and over it what was given now."""
        run = Run(run_dir)
        for name, values in self._held(run).items():
            run.amend(name, **values)
        return self._values(recorded_parameters(run_dir), run_dir=str(run_dir))

    def _held(self, run: Run | None) -> Plan:
        """What holds though the notebook of its name does not run: what decides on answers and scores from
        elsewhere, which never see 03, and the ceilings of the whole of a run that 01 began."""
        brought = self.names[0] == "04_measure" and (run is None or run.provider == "imported")
        begun = NOTEBOOKS[0] not in self.names and run and NOTEBOOKS[0] in run.config["parameters"]
        names = {"03_execute": RULES if brought else (), NOTEBOOKS[0]: CEILINGS if begun else ()}
        held = {at: {k: v for k, v in self.parameters.items() if k in some} for at, some in names.items()}
        return {at: values for at, values in held.items() if values}

    def _values(self, recorded: Mapping[str, Mapping[str, Any]], **where: str) -> Plan:
        self._refuse_unused(recorded)
        given = self.parameters | where
        known = {name: {**recorded.get(name, {}), **given} for name in self.names}
        return {
            name: {key: values[key] for key in self.declared[name] if key in values}
            for name, values in known.items()
        }

    def _whole(self, plan: Plan) -> Plan:
        return {
            name: {one.name: one.default for one in self.declared[name].values()} | values
            for name, values in plan.items()
        }

    async def _check(self, plan: Plan, run_dir: Path) -> None:
        """Before anything is paid for: the models of every notebook are served."""
        whole = self._whole(plan)
        if not (run_dir / "metrics.json").exists():  # a finished run asks nothing
            first = whole.get(NOTEBOOKS[0])
            provider = Run(run_dir).provider if first is None else first.get("provider", "offline")
            await check_models(whole, provider)

    def _refuse_unused(self, recorded: Mapping[str, Mapping[str, Any]]) -> None:
        for key, value in self.parameters.items():
            homes = [name for name, declared in self.declared.items() if key in declared]
            known = any(recorded.get(name, {}).get(key) == value for name in homes)
            if not known and not set(homes) & set(self.names):
                raise UsageError(
                    f"{key} is a parameter of {' and '.join(homes)}, which would not run: this goes from "
                    f"{self.names[0]} to {self.names[-1]}. Start with {homes[0][:2]}, or leave it out."
                )

    async def _run_one(self, name: str, values: dict[str, Any]) -> None:
        kernel, kept = self._kernel, self._kept(name)
        self.terminal.notebook(name)
        outcome = "failed"
        try:
            await stoppable(kernel, lambda: self._execute(name, values, kernel))
            outcome = ""
        except PapermillExecutionError as error:
            failure = _failure(name, error, kept)
            outcome = "stopped" if isinstance(failure, BudgetStop | WaitingForBatch) else outcome
            raise failure from None
        except RuntimeError as error:  # nbclient's for a kernel that died or never answered
            raise RunError(
                f"The kernel of {name} stopped ({error}). If memory ran out, give it more; then run it "
                f"again: what is paid for is kept. The notebook up to there: {kept}"
            ) from error
        finally:
            self.terminal.end("interrupted" if kernel.stopping else outcome)

    def _execute(self, name: str, values: dict[str, Any], kernel: Kernel) -> None:
        """In the thread: run the notebook; its page is made while the next one runs, of a failed one now."""
        kept = self._kept(name)
        try:
            kept.parent.mkdir(exist_ok=True)
            kernel.run(self.folder / f"{name}.ipynb", kept, values, self.terminal)
        except OSError as error:  # what there is of the file is cut short
            raise unwritable(Path(error.filename or kept), error) from error
        except Exception:
            try:
                self._export(name, kernel)
            except BenchkitError as error:
                logger.warning("the page was not made: %s", error)
            raise
        self._pages.append(self._exporter.submit(self._export, name, kernel))

    def _export(self, name: str, kernel: Kernel) -> None:
        kept = self._kept(name)
        if kept.exists() and not kernel.stopping:
            run = Run(kept.parents[1])
            simulated = (run.path / "config.json").exists() and run.simulated
            page = run.path / "html" / f"{name}.html"
            export_html(kept, page, hide_code=name == NOTEBOOKS[-1], simulated=simulated, home=True)

    def _kept(self, name: str) -> Path:
        assert self.run_dir is not None
        return self.run_dir / "notebooks" / f"{name}.ipynb"


def _failure(name: str, error: PapermillExecutionError, kept: Path) -> BenchkitError:
    """What stopped the notebook: our own error as it was raised, another one in a sentence."""
    kind = getattr(errors, error.ename, None)
    if isinstance(kind, type) and issubclass(kind, BenchkitError):
        return kind(f"{error.evalue} The notebook up to there: {kept}")
    if error.ename in ("KeyboardInterrupt", "CancelledError"):
        return Interrupted(f"{name} was interrupted; what is paid for is kept. The notebook: {kept}")
    first = (error.evalue or "").strip().partition("\n")[0][:300]
    return RunError(
        f"{name} failed with {error.ename}: {first.rstrip('.')}. "
        f"See {' and '.join(map(str, (kept, *kept.parent.parent.glob('debug.log'))))}."
    )


def _between(first: str, last: str) -> tuple[str, ...]:
    steps = [name[:2] for name in NOTEBOOKS]
    for step in (first, last):
        if step not in steps:
            raise UsageError(f"{step!r} is no notebook. Use 01 to 05.")
    if first > last:
        raise UsageError(
            f"{last} comes before {first}. Begin with an earlier notebook or end with a later one."
        )
    return NOTEBOOKS[steps.index(first) : steps.index(last) + 1]
