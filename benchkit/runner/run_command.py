"""`benchkit run`: start or continue a run, and end on its decision, or on how to go on."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BenchkitError, Interrupted, UsageError
from ..llm.budget import STOPPED_AT
from ..wording import count
from .parameters import NOTEBOOKS
from .terminal import Add, say

if TYPE_CHECKING:
    from .pipeline import BenchmarkPipeline

STEPS = [name[:2] for name in NOTEBOOKS]


def add_run(add: Add) -> None:
    add("run_dir", nargs="?", default="", metavar="RUN_DIR", help="the run to continue (default: a new one)")
    offline = "use the embedded simulated provider"
    add("--offline", dest="provider", action="store_const", const="offline", help=offline)
    add("--cases", metavar="FILE", help="CSV or JSONL of your own cases instead of generated ones")
    add("--from", dest="first", choices=STEPS, default="01", help="notebook to begin with")
    add("--to", dest="last", choices=STEPS, default="05", help="notebook to end with")
    pair, any_one = ("NAME", "VALUE"), "any parameter; also as NAME=VALUE"
    add("-p", dest="parameters", action="append", default=[], nargs=2, metavar=pair, help=any_one)
    yaml = "parameters as YAML, one a line; -p takes precedence"
    add("-f", dest="files", action="append", default=[], metavar="FILE.yaml", help=yaml)


def run(args: argparse.Namespace) -> int:
    """`benchkit run`: start or continue a run, and end on its decision."""
    pipeline = _pipeline(args)
    try:
        asyncio.run(_until_stopped(pipeline))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise Interrupted(
            f"Interrupted; what is paid for is kept. {_how_to_resume(pipeline, args)}"
        ) from None
    except BenchkitError as error:
        if error.exit_code in (3, 4, 6):
            said = str(error).rstrip(".")
            raise type(error)(f"{said}. {_how_to_resume(pipeline, args, said)}") from error
        raise
    assert pipeline.run_dir is not None
    say("\n".join(_ending(pipeline.run_dir, args.last)))
    return 0


def _pipeline(args: argparse.Namespace) -> BenchmarkPipeline:
    from .parameters import declared_parameters, find, parse
    from .pipeline import BenchmarkPipeline, notebook_folder

    folder = notebook_folder()
    declared = declared_parameters(folder)
    given = from_files(args.files)
    given |= {name: parse(text, find(declared, name)) for name, text in args.parameters}
    flags = (("--offline", "provider", args.provider), ("--cases", "cases_file", args.cases))
    for flag, name, value in flags:
        if value and given.setdefault(name, value) != value:
            raise UsageError(f"{flag} and -p {name} {given[name]} contradict each other. Leave one out.")
    if given.pop("run_dir", args.run_dir) != args.run_dir:
        raise UsageError("run_dir is the command's argument: benchkit run RUN_DIR.")
    span = {"first": args.first, "last": args.last}
    return BenchmarkPipeline(args.run_dir, **span, notebooks=folder, verbose=args.verbose, **given)


def from_files(files: Sequence[str]) -> dict[str, Any]:
    """The parameters that YAML files give; a later file's take the place of an earlier one's."""
    import yaml

    given: dict[str, Any] = {}
    for file in files:
        try:
            found = yaml.safe_load(Path(file).expanduser().read_text("utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise UsageError(f"{file} cannot be read as YAML ({' '.join(str(error).split())}).") from error
        if not isinstance(found, dict):
            raise UsageError(f"{file} holds no parameters. Write one a line, such as: rounds: 5")
        given |= {str(name): value for name, value in found.items()}
    return given


async def _until_stopped(pipeline: BenchmarkPipeline) -> None:
    """Run it; a request to terminate, or a closed terminal, stops it as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    for name in ("SIGTERM", "SIGHUP"):
        with suppress(AttributeError, NotImplementedError, RuntimeError):  # not on every system or thread
            asyncio.get_running_loop().add_signal_handler(getattr(signal, name), task.cancel)
    await pipeline.run()


def _how_to_resume(pipeline: BenchmarkPipeline, args: argparse.Namespace, stopped: str = "") -> str:
    """The command as it was given, on the run that it made; a ceiling that was reached has to be raised."""
    if pipeline.run_dir is None:
        return "Nothing had begun."
    ceiling = STOPPED_AT.match(stopped)
    given = dict(args.parameters) | ({ceiling.group(1): "MORE"} if ceiling else {})
    flags = {"--cases": args.cases, "--from": args.first, "--to": args.last}
    usual = {None, "", "01", "05"}
    words = ["benchkit", "run", _short(pipeline.run_dir)]
    words += ["--offline"] if args.provider else []
    words += [word for flag, value in flags.items() if value not in usual for word in (flag, value)]
    words += [word for file in args.files for word in ("-f", file)]
    words += [word for name, value in given.items() for word in ("-p", name, value)]
    return f"Resume with: {shlex.join(words)}"


def _ending(run_dir: Path, last: str) -> list[str]:
    """The last lines of a run: SIMULATED where it is, and what it made: the decision, the report."""
    from ..run import Run

    run = Run(run_dir)
    lines = ["SIMULATED: no real model answered."] if run.simulated else []
    report = run.metrics_report() if last >= "04" else {}
    unscored = sum(row["unscored"] for row in report.get("denominators", ()))
    seen = [
        report.get("rows_used") or run.rows_used(),
        count(unscored, "answer") + " unscored" if unscored else "",
    ]
    if any(seen):
        lines.append(f"{'; '.join(filter(None, seen))}.")
    if report:
        decision = report["decision"]
        warnings = filter(None, (decision.get("caveat"), *decision.get("warnings", ())))
        lines += [decision["sentence"], *(f"Warning: {one}" for one in warnings)]
    for label, name in (("Report:  ", "analysis_report"), ("Notebook:", "05_report")):
        page = run_dir / "html" / f"{name}.html"
        if page.exists() and last == "05":
            lines.append(f"{label} {_short(page)}")
    return [*lines, f"Run:      {_short(run_dir)}"]


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
