"""`benchkit sweep`: the runs of a grid of parameters on Dask, and one table, figure and page over them."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BudgetStop, Interrupted, RunError, UsageError, WaitingForBatch
from ..llm.budget import CEILINGS
from ..run.config import is_begun
from ..run.paths import located, made_folder
from ..values import check
from ..wording import count
from .run_command import STEPS, from_files
from .sweep_part import STOPPED, Ended, is_done, run_part
from .terminal import Add, say

if TYPE_CHECKING:
    from distributed import Client

    from .sweep_grid import Part, Point

ASKING = "provider"  # the resource of the one worker that asks
ENDS = {
    0: "done",
    BudgetStop.exit_code: "stopped by its budget",
    Interrupted.exit_code: "interrupted",
    WaitingForBatch.exit_code: "waiting for a batch",
}
WORKER = (
    "Its workers need this package, this folder at the same path and the key in their environment; one of "
    'them alone is started with --resources "provider=1": dask worker tcp://… --nthreads 1.'
)


def add_sweep(add: Add) -> None:
    add("grid", metavar="GRID.yaml", help="lists of values under grid:, others under parameters:")
    add("folder", nargs="?", default="", metavar="FOLDER", help="of its runs (default: runs/GRID)")
    add("--scheduler", metavar="tcp://…", help=f"a Dask scheduler instead of this machine. {WORKER}")
    add("--workers", type=int, default=2, metavar="N", help="processes on this machine (default: 2)")
    add("--to", dest="last", choices=STEPS, default="05", help="notebook to end with")


def sweep(args: argparse.Namespace) -> int:
    """Run what is still to run, then write the table, the figure and the page of all runs.

    Raises as `benchkit run` does where a run was stopped; all of it resumes with the same command.
    """
    from .sweep_grid import points

    told = from_files([args.grid])
    runs = points(told, args.last)
    ceilings = {name: told[name] for name in CEILINGS if told.get(name)}
    check(**ceilings)
    folder = made_folder(located(args.folder or Path(args.grid).stem)).resolve()
    (folder / STOPPED).unlink(missing_ok=True)
    say(f"{count(len(runs), 'run')} in {folder}")
    ended: dict[str, Ended] = {}
    try:
        with _dask(args.scheduler, args.workers) as client:
            for name, end in _run_all(client, runs, folder, ceilings):
                ended[name] = end
                say(f"{len(ended)} of {len(runs)}  {name}  {end.said or 'done'}")
    except KeyboardInterrupt:
        raise Interrupted(f"Interrupted; what is paid for is kept. {_resume(args)}") from None
    finally:
        (folder / STOPPED).unlink(missing_ok=True)
        if args.last >= "04":
            _write(folder, runs, ended, args.last)
    _raise_for(ended, args)
    return 0


def _run_all(
    client: Client, runs: Sequence[Point], folder: Path, ceilings: Mapping[str, float]
) -> Iterator[tuple[str, Ended]]:
    """(run, how it ended), each as it ends.

    A part that does not ask goes to any worker, beside the next run's asking.
    """
    from distributed import KilledWorker, as_completed

    def submit(point: Point, part: Part) -> Any:
        # What asks goes first on its worker, and only there.
        how = {"resources": {ASKING: 1}, "priority": 1} if part.asks else {}
        words = ["--from", part.first, "--to", part.last, *point.words(part)]
        asked = ceilings if part.asks else None
        run_dir = str(folder / point.name)
        return client.submit(run_part, run_dir, words, part.last, asked, pure=False, **how)

    left = {submit(point, point.parts[0]): (point, 0) for point in runs}
    queue = as_completed(list(left))
    for future in queue:
        point, at = left.pop(future)
        try:
            end = future.result()
        except KilledWorker:
            end = Ended(1, "its worker died again and again; see the worker's log")
        if end.code == 0 and at + 1 < len(point.parts):
            left[more := submit(point, point.parts[at + 1])] = point, at + 1
            queue.add(more)
            continue
        yield point.name, end


@contextmanager
def _dask(scheduler: str | None, workers: int) -> Iterator[Client]:
    """A client of the scheduler, or of `workers` processes here, of which one asks."""
    try:
        import dask
        from distributed import Client, Nanny, Scheduler, SpecCluster
    except ImportError as error:
        raise UsageError(
            f"A sweep needs dask ({error}). Install it: pip install 'benchkit[dask]'."
        ) from error
    if scheduler:
        with Client(scheduler) as client:
            known = client.scheduler_info(n_workers=-1)["workers"].values()
            if sum(one["resources"].get(ASKING, 0) for one in known) < 1:
                raise UsageError(f"{scheduler} has no worker that may ask. {WORKER}")
            yield client
        return
    if workers < 1:
        raise UsageError("--workers takes a whole number from 1.")
    here: dict[str, Any] = {"host": "127.0.0.1", "dashboard": False}
    usual = here | {"nthreads": 1, "silence_logs": logging.ERROR}
    asking = usual | {"resources": {ASKING: 1}}
    spec = {at: {"cls": Nanny, "options": usual if at else asking} for at in range(workers)}
    center = {"cls": Scheduler, "options": here | {"port": 0, "dashboard_address": "127.0.0.1:0"}}
    # A worker that died has 15 s to be there again, else the cluster gives it up: too few on a busy machine.
    patient = dask.config.set({"distributed.deploy.lost-worker-timeout": "10 minutes"})
    with patient, SpecCluster(spec, center, silence_logs=logging.ERROR) as cluster, Client(cluster) as client:
        yield client


def _write(folder: Path, runs: Sequence[Point], ended: Mapping[str, Ended], last: str) -> None:
    from ..report.sweep import write_sweep

    how = {point.name: _how(folder / point.name, ended.get(point.name), last) for point in runs}
    page = write_sweep(folder, {point.name: point.varied for point in runs}, how)
    say(f"Table: {folder / 'sweep.csv'}\nPage:  {page}")


def _how(run_dir: Path, end: Ended | None, last: str) -> str:
    """How a run ended, in words; without an `end` the sweep was interrupted before."""
    if end is None:
        end = Ended(0 if is_done(run_dir, last) else Interrupted.exit_code)
    if end.code not in ENDS:
        return f"failed: {end.said}"
    return ENDS[end.code] if end.code == 0 or is_begun(run_dir) else "not started"


def _raise_for(ended: Mapping[str, Ended], args: argparse.Namespace) -> None:
    """What the worst end of a run makes of the sweep."""
    codes = {end.code: end.said for end in ended.values() if end.code}
    for kind in (BudgetStop, Interrupted, WaitingForBatch):
        if kind.exit_code in codes:
            said = codes[kind.exit_code].partition(" Resume with")[0].rstrip(".")
            said += f"; raise it in {args.grid}" if kind is BudgetStop else ""
            raise kind(f"{said}. {_resume(args)}")
    if codes:
        failed = [f"{name}: {end.said}" for name, end in ended.items() if end.code]
        raise RunError(f"{count(len(failed), 'run')} of {len(ended)} failed. " + "\n".join(failed))


def _resume(args: argparse.Namespace) -> str:
    return f"Resume with: benchkit sweep {args.grid} {args.folder}".rstrip()
