"""The next case and a filter in JupyterLab, in a browser, with 2,000 cases x 2 models x 3 rounds.

    python benchmarks/widgets.py

From the key to the frame that shows what it did, over a real kernel. Targets: next 150 ms, filter 500 ms.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from engine import machine  # noqa: E402

from benchkit.validate import VERDICT  # noqa: E402
from tests.staging import cases, run_in  # noqa: E402
from tests.test_jupyter import jupyterlab  # noqa: E402

CASES, MODELS, ROUNDS, TIMES = 2000, ("m/a", "m/b"), 3, 40
WIDGETS = {
    "02, review": "review_cases(run)",
    "04, answers": "read_answers(cases, responses, scores, {'json': 'field_f1'}, judgements)",
    "04, labels": "label_answers(run, responses, 2000)",
}
PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # else JupyterLab asks for one
SET_UP = """
import sys; sys.path[:0] = [%r, %r]
from benchkit.widgets.labelling import label_answers
from benchkit.widgets.reading import read_answers
from benchkit.widgets.reviewing import review_cases
from widgets import tables
run, cases, responses, scores, judgements = tables(%r)
"""
# Seconds from what is done to the frame after the one that holds its result.
TIMED = """async ([root, key, option]) => {
    const drawn = new Promise(resolve => {
        const watcher = new MutationObserver(() => { watcher.disconnect(); resolve(); });
        watcher.observe(root, { attributes: true, attributeFilter: ['data-step'] });
    });
    const began = performance.now();
    if (key) root.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    else {
        const select = root.querySelector('select');
        select.value = select.options[option % select.options.length].value;
        select.dispatchEvent(new Event('change'));
    }
    await drawn;
    await new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)));
    return performance.now() - began;
}"""


def tables(folder):
    """A run with cases, and the tables that 04 makes of its answers."""
    run = run_in(Path(folder) / "run")
    made = cases(CASES // 2).assign(**dict.fromkeys(VERDICT, ""))
    run.save("validated_tests.csv", made)
    run.save("rejected_tests.csv", made.iloc[:0].assign(reason=""))
    each = [(model, round + 1) for model in MODELS for round in range(ROUNDS)]
    rows = made.loc[made.index.repeat(len(each))].reset_index(drop=True)
    rows["model"], rows["round"] = zip(*each * CASES, strict=True)
    responses = rows[["id", "test_case", "category", "prompt", "model", "round"]].assign(
        status="answered", error="", model_response=rows["golden_response"]
    )
    names = {"conversation": ("bleu", "wer", "task_completion"), "json": ("field_f1", "exact_match", "valid")}
    drawn = np.random.default_rng(0)
    scores = responses.assign(metric=responses["test_case"].map(names)).explode("metric", ignore_index=True)
    scores["value"] = drawn.random(len(scores))
    asked = responses[responses["test_case"] == "conversation"]
    asked = asked.assign(requirement=[["r1", "r2", "r3"]] * len(asked)).explode(
        "requirement", ignore_index=True
    )
    judgements = asked[["id", "model", "round", "requirement"]].assign(met=1.0, quote="thank you", status="")
    return run, run.validated_tests(), responses, scores, judgements


def measure(here, cell: str) -> dict[str, np.ndarray]:
    here.pager(cell)
    root = here.panel.locator(".jp-mod-active .bk-pager").element_handle()
    forth = "n" if cell.startswith("label") else "ArrowRight"

    def timed(key: str, option: int = 0) -> float:
        return here.page.evaluate(TIMED, [root, key, option])

    return {
        "next": np.array([timed(forth) for _ in range(TIMES)]),
        "filter": np.array([timed("", option) for option in range(TIMES)]),
    }


def main() -> None:
    print(machine())
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source = SET_UP % (str(ROOT), str(ROOT / "benchmarks"), folder)
        cells = [new_code_cell(text) for text in (source, *WIDGETS.values())]
        nbformat.write(new_notebook(cells=cells, metadata=PYTHON), Path(folder) / "widgets.ipynb")
        with jupyterlab(Path(folder)) as here:
            here.open("widgets.ipynb")
            ended = here.run()
            assert ended == {"errors": [], "ran": True}, ended
            for name, cell in WIDGETS.items():
                for what, ms in measure(here, cell).items():
                    row = {"widget": name, "what": what, "median ms": np.median(ms)}
                    rows.append(row | {"95th ms": np.quantile(ms, 0.95), "largest ms": ms.max()})
    print(pd.DataFrame(rows).round(0).to_string(index=False))


if __name__ == "__main__":
    main()
