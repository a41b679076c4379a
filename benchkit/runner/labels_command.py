"""`benchkit labels`: two answers to each case, without names, for people to say which one they prefer."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..errors import UsageError
from ..wording import count, listed
from .terminal import Add, say

SHEET, TASKS = ".csv", ".json"
FILL_IN = "Write 1, 2 or tie into `preferred` and a name into `labeller`, from the top on; then"
IMPORT = "Import it into Label Studio (Pairwise template), label from the top on, and export as JSON; then"


def add_labels(add: Add) -> None:
    add("run_dir", metavar="RUN_DIR", help="a run whose models have answered")
    file = "a .csv to fill in, or .json for Label Studio"
    add("--to", metavar="FILE", default="labels_to_fill.csv", help=file)
    add("--sample", type=int, metavar="N", help="cases, drawn at random (default: 04's label_sample)")
    add("--models", nargs=2, metavar=("A", "B"), help="whose answers (default: the two that contend)")


def write_sheet(args: argparse.Namespace) -> int:
    """Write the sheet and say what to do with it. Raises UsageError rather than write over a file."""
    from ..generate.cases import adopt_cases
    from ..measure import aligned
    from ..measure.labels import contending, draw_pairs, of_two, sheet, tasks
    from ..run import read_run
    from ..run.tables import table_text, write_atomically

    path = Path(args.to).expanduser()
    if path.suffix.lower() not in (SHEET, TASKS):
        raise UsageError(f"--to names {path}. Give a file that ends in {SHEET} or {TASKS}.")
    if path.exists():
        raise UsageError(f"{path} is there already, and may hold labels. Name another file with --to.")
    run = read_run(args.run_dir)
    responses = aligned(run, adopt_cases(run.validated_tests()), warn=False)
    if responses["model_response"].eq("").all():
        raise UsageError(
            f"{run.path} holds scores and no answers, so there is nothing to read and to prefer."
        )
    models = list(responses["model"].unique())
    if args.models is None:
        two = contending(run, models)
    elif set(args.models) <= set(models) and args.models[0] != args.models[1]:
        two = args.models
    else:
        raise UsageError(f"--models names {listed(args.models)}. Name two of {listed(models)}.")
    size = run.parameter("04_measure", "label_sample", 40) if args.sample is None else args.sample
    if size < 1:
        raise UsageError(f"A sheet of {size} cases asks nothing. Give --sample a number from 1 on.")
    filled = sheet(of_two(draw_pairs(responses, run.seed or 0), two).head(size), responses)
    as_tasks = path.suffix.lower() == TASKS
    text = json.dumps(tasks(filled), ensure_ascii=False, indent=1) if as_tasks else table_text(filled)
    write_atomically(path, text)
    advice, back = (IMPORT, "EXPORT.json") if as_tasks else (FILL_IN, path)
    say(
        f"{path}: {count(len(filled), 'pair')} of answers, in a random order and on random sides.\n"
        f"{advice}\n  benchkit run {args.run_dir} --from 04 -p labels_file {back}"
    )
    return 0
