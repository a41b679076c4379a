"""The same notebooks in JupyterLab, in a browser, with what people do there: review, stop, label."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from papermill.__main__ import papermill

from benchkit.run import Run

from .browser import chromium_page
from .staging import run_again

ROOT = Path(__file__).parents[1]
NO_TOKEN = "--IdentityProvider.token="  # the server listens on loopback, for one test
NAMES = ("01_generate", "02_validate", "03_execute", "04_measure", "05_report")
WELL = {"errors": [], "ran": True}
LABELS = 10
SIDES = ("ArrowLeft", "ArrowRight", "ArrowUp")


@contextmanager
def jupyterlab(folder: Path):
    """A JupyterLab on `folder`, in a browser."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = f"--no-browser --allow-root --ServerApp.port={port} --ServerApp.port_retries=0"
    flags += " --LabApp.expose_app_in_browser=True"
    command = [sys.executable, "-m", "jupyterlab", *flags.split(), NO_TOKEN]
    environment = dict(os.environ) | {"JUPYTER_CONFIG_DIR": str(folder / "config")}
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    for line in server.stderr or ():
        if f":{port}/lab" in line:
            break
    drain = subprocess.Popen(["cat"], stdin=server.stderr, stdout=subprocess.DEVNULL)
    try:
        with chromium_page(viewport={"width": 1400, "height": 1000}) as page:
            page.set_default_timeout(120_000)
            page.goto(f"http://127.0.0.1:{port}/lab?reset")
            page.wait_for_function("() => window.jupyterapp")
            yield Lab(page, folder)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=90)
        drain.wait(timeout=20)


OPEN = """async path => {
    const app = window.jupyterapp;
    await app.restored;
    const panel = await app.commands.execute('docmanager:open', {path});
    await panel.context.ready;
    await panel.sessionContext.ready;
    app.shell.activateById(panel.id);
}"""
# `from` and `to` are beginnings of cells' sources; all cells are run where they are empty.
RUN = """async ([from, to]) => {
    const app = window.jupyterapp, panel = app.shell.currentWidget, notebook = panel.content;
    const sources = notebook.widgets.map(w => w.model.sharedModel.getSource());
    const at = start => {
        const index = sources.findIndex(source => source.startsWith(start));
        if (index < 0) throw new Error('no cell begins with ' + start);
        return index;
    };
    if (from || to) {
        notebook.deselectAll();
        notebook.activeCellIndex = from ? at(from) : 0;
        notebook.extendContiguousSelectionTo(at(to));
        await app.commands.execute('notebook:run-cell');
    } else await app.commands.execute('notebook:run-all-cells');
    await panel.context.save();
    const cells = notebook.widgets.map(w => w.model.toJSON());
    const outputs = cells.flatMap(cell => cell.outputs || []);
    return {
        errors: outputs.filter(o => o.output_type === 'error').map(o => o.evalue),
        ran: cells.filter(c => c.cell_type === 'code').every(c => c.execution_count > 0),
    };
}"""
EXECUTE = """async code => {
    const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
    await kernel.requestExecute({ code }).done;
}"""
# A cell that is far from the view is drawn only when it comes to it.
SHOW = """start => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    const at = notebook.widgets.findIndex(w => w.model.sharedModel.getSource().includes(start));
    notebook.activeCellIndex = at;
    return notebook.scrollToItem(at, 'start');
}"""


class Lab:
    """A page of JupyterLab, as a person uses it."""

    def __init__(self, page, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def open(self, path: str) -> None:
        self.page.evaluate(OPEN, path)

    def run(self, first: str = "", last: str = "") -> dict:
        return self.page.evaluate(RUN, [first, last])

    def shot(self, name: str) -> None:
        if shots := os.environ.get("BENCHKIT_SCREENSHOTS"):
            self.page.screenshot(path=f"{shots}/{name}.png")

    def pager(self, cell: str):
        """The widget of the cell that holds `cell`, with the keys on it."""
        self.page.evaluate(SHOW, cell)
        found = self.panel.locator(".bk-pager").first
        found.focus()
        return found

    def press(self, pager, key: str) -> str:
        """Press a key; what the widget says then."""
        step = pager.get_attribute("data-step")
        self.page.keyboard.press(key)
        self.page.wait_for_function(
            "([root, step]) => root.dataset.step !== step", arg=[pager.element_handle(), step]
        )
        return pager.locator(".bk-said").inner_text()

    def write(self, pager, field: str, text: str) -> None:
        """Fill a text field, and go back to where keys work."""
        pager.get_by_label(field, exact=True).fill(text)
        self.page.keyboard.press("Escape")

    @property
    def run_dir(self) -> Path:
        (found,) = (self.folder / "runs").glob("run_*")
        return found


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """One walk through a copy of the five notebooks; what was seen on the way."""
    folder, seen = tmp_path_factory.mktemp("lab"), SimpleNamespace(ends={})
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (folder / "runs").mkdir()
    with jupyterlab(folder) as here:
        for name in NAMES:
            here.open(f"notebooks/{name}.ipynb")
            BEFORE.get(name, lambda *_: None)(here, seen)
            seen.ends[name] = here.run()
            here.shot(name)
            AFTER.get(name, lambda *_: None)(here, seen)
        seen.run_dir = here.run_dir
    return seen


def review(here: Lab, seen: SimpleNamespace) -> None:
    """Edit a case, reject the next, reject the one after it and undo that: with keys alone."""
    pager = here.pager("review_cases(run)")
    seen.said, seen.cases = [], []
    for keys in ("s", "r", "ru"):
        seen.cases.append(pager.locator(".bk-page b").first.inner_text())
        if keys == "s":
            seen.prompt = pager.get_by_label("Prompt", exact=True).input_value() + " Thank you."
            here.write(pager, "Prompt", seen.prompt)
        here.write(pager, "Reason", "seen")
        seen.said += [here.press(pager, key) for key in keys]
        here.shot(f"review_{keys}")
        here.press(pager, "ArrowRight")
    seen.changes = pd.read_csv(here.run_dir / "review.csv")


def stop_midway(here: Lab, seen: SimpleNamespace) -> None:
    """Stop while answers come, and run the cell again."""
    page = here.page
    here.run("", "power.table")
    page.evaluate(EXECUTE, "client = connect(run, max_concurrency=2)")  # else all are under way at once
    page.evaluate(f"run => {{ window.ended = ({RUN})(run) }}", ["from benchkit.widgets", "responses = await"])
    here.panel.locator("td", has_text=re.compile(r"^[1-9]\d* of \d+")).first.wait_for()
    here.panel.locator("[data-command='notebook:interrupt-kernel']").click()
    seen.stopped = page.evaluate("() => window.ended")["errors"]
    seen.table = here.panel.get_by_text(re.compile("^Stopped with")).inner_text()
    here.shot("stopped")
    with closing(sqlite3.connect(here.run_dir / "calls.sqlite")) as journal:
        seen.kept = journal.execute(ANSWERED).fetchone()
    page.evaluate(EXECUTE, "client = connect(run, settings.max_concurrency)")
    seen.again = here.run("responses = await", "responses = await")["errors"]
    here.shot("again")


ANSWERED = "select count(*), sum(sent) from calls where agent like '%executor'"


def label(here: Lab, seen: SimpleNamespace) -> None:
    """Ten labels by keyboard, then the cells below."""
    pager = here.pager("label_answers(run")
    here.write(pager, "Your name", "Ann")
    seen.labelled = [here.press(pager, SIDES[i % 3]) for i in range(LABELS)]
    here.shot("labelled")
    seen.below = here.run("pairs = measure.draw_pairs", 'how = {"margin"')["errors"]


BEFORE = {"03_execute": stop_midway}
AFTER = {"02_validate": review, "04_measure": label}


def test_jupyterlab_runs_all(walk):
    """Run All in each notebook, in order, without an edit, ends without an error and with a report."""
    assert walk.ends == dict.fromkeys(NAMES, WELL)
    assert (walk.run_dir / "html" / "analysis_report.html").exists()


def test_a_case_is_edited_another_rejected_and_one_undone_before_it_is_asked(walk):
    """The keys' changes are in review.csv at once, and 03 asks the cases as they are then."""
    edited, rejected, restored = walk.cases
    assert walk.said == [
        f"{edited} edited prompt.",
        f"{rejected} rejected.",
        f"{restored} rejected.",
        f"Undone: {restored} rejected.",
    ]
    assert list(walk.changes["case"]) == [edited, rejected]
    responses = Run(walk.run_dir).responses()
    assert set(responses["prompt"][responses["id"] == edited]) == {walk.prompt}
    assert {rejected, restored} & set(responses["id"]) == {restored}


def test_stopped_midway_03_goes_on_and_pays_nothing_twice(walk):
    """The stop says how to go on; the cell run again asks only what is left."""
    (said,) = walk.stopped
    assert "run this cell again" in said
    assert "Run the cell below again: it asks only the rest." in walk.table
    responses = Run(walk.run_dir).responses()
    assert 0 < walk.kept[0] < len(responses)
    assert walk.again == []
    assert set(responses["status"]) & {"failed"} == set()
    with closing(sqlite3.connect(walk.run_dir / "calls.sqlite")) as journal:
        assert journal.execute(ANSWERED).fetchone() == (len(responses), len(responses))


def test_ten_labels_given_by_keyboard_are_in_the_agreement_table(walk):
    """Each key is a label on disk; every preference among them is a pair that a metric may order alike."""
    assert [said.split(" of ")[0] for said in walk.labelled] == [f"Kept. {i + 1}" for i in range(LABELS)]
    assert walk.below == []
    people = json.loads((walk.run_dir / "metrics_report.json").read_text())["people"]
    assert (people["labelled"], people["labellers"]) == (LABELS, 1)
    length = people["agreement"][-1]
    assert length["pairs"] + length["tied"] == 7  # three of ten are ties
    page = (walk.run_dir / "html" / "analysis_report.html").read_text()
    assert f"<td>{length['alike']} of {length['pairs']}</td>" in page


async def test_what_makes_a_run_elsewhere_makes_the_same(walk, tmp_path):
    """papermill's command, and the other notebooks' cells without a kernel, on the same answers, review and
    labels: nothing is asked, and the artifacts are those that JupyterLab made, to the byte, but for when
    they were made."""
    again = tmp_path / "run"
    again.mkdir()
    for name in ("config.json", "calls.sqlite", "review.csv", "labels.csv"):
        shutil.copy(walk.run_dir / name, again)
    given = ["-p", "run_dir", str(again), "-p", "json_cases", "10", "--no-progress-bar"]
    # In this process, which has papermill imported. Its four other kernels would test nothing more: the
    # finished run has all five notebooks from papermill.
    files = [str(ROOT / "notebooks" / "01_generate.ipynb"), str(tmp_path / "01.ipynb")]
    await asyncio.to_thread(papermill, [*files, *given], standalone_mode=False)
    await run_again(Run(again), 1)
    assert sent(again) == sent(walk.run_dir) > 0
    assert artifacts(again) == artifacts(walk.run_dir)
    assert "# Which model to deploy: " in (again / "analysis_report.md").read_text()


def sent(run_dir: Path) -> int:
    with closing(sqlite3.connect(run_dir / "calls.sqlite")) as journal:
        return journal.execute("select total(sent) from calls").fetchone()[0]


# When, from which state of the code, and the digests of files that hold such.
MADE = re.compile(r'"(run_timestamp|git_commit)": "[^"]*"|"made": \{[^}]*\}')
APART = {"calls.sqlite", "debug.log", ".owner.json"}  # the journal counts what it was asked


def artifacts(run_dir: Path) -> dict[str, str]:
    """What a run folder holds but pages, by name; pictures by their bytes' digest."""
    files = [path for path in run_dir.rglob("*") if path.is_file() and path.name not in APART]
    return {
        str(path.relative_to(run_dir)): sha256(path.read_bytes()).hexdigest()
        if path.suffix == ".png"
        else MADE.sub("", path.read_text())
        for path in files
        if "html" not in path.parts
    }
