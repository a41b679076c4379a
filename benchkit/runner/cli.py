"""The `benchkit` command: run the notebooks, verify a run, serve the simulated provider, list models."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import benchkit

from ..errors import BenchkitError, Interrupted, RunError, UsageError
from .labels_command import add_labels, write_sheet
from .list_command import list_runs
from .plan_command import add_plan, plan
from .run_command import add_run, run
from .sweep_command import add_sweep, sweep
from .terminal import Add, say, table_of

if TYPE_CHECKING:
    from ..run import Run

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


def offline(args: argparse.Namespace) -> int:
    """`benchkit offline`: the simulated provider in the foreground."""
    from ..llm.catalog import DEFAULTS
    from ..offline.server import serve

    its = {name if name == "models" else f"{name}_model": of for name, of in DEFAULTS["offline"].items()}
    words = " ".join(f"-p {name} {of if isinstance(of, str) else ','.join(of)}" for name, of in its.items())
    say(f"Its models, once it is exported as below: benchkit run -p provider groq {words}")
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

    add_run(command("run", run, "start a run, or continue one", CODES))
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
