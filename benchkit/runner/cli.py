"""The `benchkit` command: run the notebooks, verify a run, serve the simulated provider, list models."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shlex
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import benchkit

from ..errors import BenchkitError, Interrupted, RunError, UsageError
from ..wording import count
from .labels_command import add_labels, write_sheet
from .list_command import list_runs
from .plan_command import add_plan, plan
from .sweep_command import add_sweep, sweep
from .terminal import Add, say, table_of

if TYPE_CHECKING:
    from ..run import Run
    from .pipeline import BenchmarkPipeline

STEPS = ("01", "02", "03", "04", "05")
CODES = (
    "Exit codes: 0 done; 1 failed; 2 bad usage; 3 stopped by its budget; 4 interrupted; 6 waiting for a "
    "batch. 3, 4 and 6 can resume."
)
COMPARED = "Exit codes: 0 B is not worse past A's margin; 5 it is; 1 it cannot be compared; 2 bad usage."
VERIFIED = "Exit codes: 0 all agree; 1 something differs, each named, or cannot be read; 2 bad usage."


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code. Usage errors that argparse finds raise SystemExit(2)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a character that a console lacks ends no paid run
            stream.reconfigure(errors="replace")
    args = _parser().parse_args(list(_words(sys.argv[1:] if argv is None else argv)))
    try:
        return args.command(args)
    except (BenchkitError, OSError, KeyboardInterrupt) as error:
        if args.verbose:
            say(traceback.format_exc(), sys.stderr)
        if isinstance(error, KeyboardInterrupt):
            error = Interrupted("Interrupted.")
        say(f"benchkit: {error}", sys.stderr)
        return getattr(error, "exit_code", 1)


def _words(argv: Sequence[str]) -> Iterator[str]:
    """The command line with `-p NAME=VALUE` as `-p NAME VALUE`."""
    before = ""
    for word in argv:
        yield from word.split("=", 1) if before == "-p" and re.match(r"\w+=", word) else (word,)
        before = word


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


def offline(args: argparse.Namespace) -> int:
    """`benchkit offline`: the simulated provider in the foreground."""
    from ..offline.server import serve

    names = ("port", "rpm", "tpm", "error_rate", "latency_ms", "seed")
    serve(**{name: getattr(args, name) for name in names if getattr(args, name) is not None})
    return 0


def models(args: argparse.Namespace) -> int:
    """`benchkit models`: what the provider serves."""
    from ..llm.provider import served_models

    rows = asyncio.run(served_models(args.provider))
    if args.provider == "offline":
        say("SIMULATED models of the offline provider; --provider groq lists Groq's, with a key.\n")
    say(table_of(rows) if rows else f"{args.provider} lists no models.")
    return 0


def compare(args: argparse.Namespace) -> int:
    """`benchkit compare`: hold a run against an earlier one; 5 where it is worse past the margin."""
    from ..report.comparing_runs import compare_runs

    pairs = dict(args.models)
    if len(pairs) < len(args.models):
        raise UsageError("--models names a model of A twice. Hold each against one model of B.")
    found = compare_runs(_named(args.run_a), _named(args.run_b), pairs or None)
    say(found.markdown)
    return found.exit_code


def _named(run_dir: str) -> Run:
    """A run to be read; a folder that is none is bad usage."""
    from ..run import read_run

    try:
        return read_run(run_dir)
    except RunError as error:
        raise UsageError(str(error)) from error


def verify(args: argparse.Namespace) -> int:
    """`benchkit verify`: compute a run's numbers again; 1 where one differs."""
    from .replay import verify

    run = _named(args.run_dir)
    if not (run.path / "metrics_report.json").is_file():
        raise UsageError(
            f"{run.path} has no metrics_report.json, so there is nothing to verify. Name the folder of a run "
            "that 04_measure.ipynb has measured."
        )
    found = verify(run.path)
    say("\n".join(found.lines()))
    return 1 if found.differences else 0


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
    ceiling = re.match(r"stopped at (max_\w+) =", stopped)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchkit", description=benchkit.__doc__, epilog=CODES)
    parser.add_argument("--version", action="version", version=f"benchkit {version('benchkit')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    anywhere = argparse.ArgumentParser(add_help=False)
    anywhere.add_argument("--verbose", action="store_true", help="show tracebacks, and the log of a run")

    def command(name: str, what: Callable[..., int], help: str, epilog: str = "") -> Any:
        made = commands.add_parser(name, help=help, epilog=epilog, parents=[anywhere])
        made.set_defaults(command=what)
        return made.add_argument

    _add_run(command("run", run, "start a run, or continue one", CODES))
    add_plan(command("plan", plan, "what a run can detect and costs, before it is paid for"))
    add_labels(command("labels", write_sheet, "a blind sheet: which of two answers do people prefer"))
    add = command("list", list_runs, "the runs of a folder: when, what, decision, cost")
    add("folder", nargs="?", default="", metavar="FOLDER", help="a folder of runs (default: runs)")
    add_sweep(command("sweep", sweep, "the runs of a grid of parameters, on Dask", CODES))
    _add_offline(command("offline", offline, "serve the simulated provider on loopback"))
    add = command("models", models, "what the provider serves, prices, retirements")
    usual = "groq" if os.environ.get("GROQ_API_KEY") else "offline"
    told = "default: groq when it has a key"
    add("--provider", choices=("offline", "groq"), default=usual, help=told)
    add = command("verify", verify, "compute a run's numbers again", VERIFIED)
    add("run_dir", metavar="RUN_DIR", help="a run that was measured, and reported or not")
    _add_compare(command("compare", compare, "hold a run against an earlier one", COMPARED))
    return parser


def _add_run(add: Add) -> None:
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


def _add_compare(add: Add) -> None:
    add("run_a", metavar="RUN_A", help="the earlier run, whose margin, alpha and weights hold")
    add("run_b", metavar="RUN_B", help="the run that may be worse; both were measured by 04")
    pairs = "a model of A and the one of B to hold against it (default: those of one name)"
    add("--models", nargs="+", type=_model_pair, default=[], metavar="A=B", help=pairs)


def _model_pair(text: str) -> tuple[str, str]:
    """`a=b`, or `a` for a model that both runs have."""
    a, _, b = text.partition("=")
    return a, b or a


def _add_offline(add: Add) -> None:
    add("--port", type=_number(int, 65535), metavar="N", help="default: a free one")
    add("--rpm", type=_number(int), metavar="N", help="requests a minute and model; 0: no limit")
    add("--tpm", type=_number(int), metavar="N", help="tokens a minute and model; 0: no limit")
    add("--error-rate", type=_number(float, 1), metavar="P", help="share of requests that fail")
    add("--latency-ms", type=_number(float), metavar="N", help="of every reply; default: each model's own")
    add("--seed", type=_number(int), metavar="N", help="the same seed gives the same answers")


def _number(kind: type, most: float = float("inf")) -> Any:
    """An argparse type: `kind` from 0 to `most`."""

    def number(text: str) -> Any:
        value = kind(text)
        if not 0 <= value <= most:
            raise ValueError(text)
        return value

    return number


if __name__ == "__main__":
    sys.exit(main())
