from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import json
import logging
import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from papermill.iorw import LocalHandler

from benchkit import errors
from benchkit.run import config, open_run, start_run
from benchkit.runner import kernel, pipeline
from benchkit.runner.parameters import Parameter, parse
from benchkit.runner.pipeline import NOTEBOOKS, BenchmarkPipeline, declared_parameters, notebook_folder
from benchkit.runner.terminal import Terminal

from .kernels import InProcess

ANY_RUN = 'run_dir: str = ""  # run folder'
SEED = ANY_RUN + "\nseed: int = 7  # repeats a run\ncases_file: str = ''  # your own"
ROUNDS = ANY_RUN + "\nrounds: int = 3  # answers per case\nmodels: list = []  # two or more"
CONFIG = {"provider": "offline", "seed": 7, "parameters": {"03_execute": {"rounds": 4, "models": ["a", "b"]}}}
MADE = f"import json, os, sys; from pathlib import Path; made = Path(run_dir); config = {CONFIG!r}"
PROGRESS = """from IPython.display import display
about = {"benchkit": {"progress": True}}
shown = display({"text/plain": "calls 1/2"}, raw=True, metadata=about, display_id=True)
shown.update({"text/plain": "calls 2/2"}, raw=True, metadata=about)"""
CELLS = {
    "01_generate": (SEED, MADE, "(made / 'config.json').write_text(json.dumps(config))", PROGRESS),
    "02_validate": (ANY_RUN, "import os, sys", "print(sys.executable, os.getcwd())"),
    "03_execute": (ROUNDS, "print('got', rounds, models, *{'made', 'config', 'shown'} & set(dir()))"),
    "04_measure": (ANY_RUN, MADE, "(made / 'metrics.json').write_text(json.dumps({'a': 1}))"),
    "05_report": (ANY_RUN, "print('Done')"),
}


def write_notebook(folder: Path, name: str, parameters: str, *sources: str) -> None:
    cells = [new_markdown_cell(f"# {name}"), new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    node = new_notebook(cells=cells + [new_code_cell(source) for source in sources], metadata=about)
    nbformat.write(node, folder / f"{name}.ipynb")


def write_notebooks(folder: Path, **other: tuple[str, ...]) -> Path:
    """Five small notebooks; `other` replaces the cells of some by their number, such as n03."""
    folder.mkdir(exist_ok=True)
    for name, cells in CELLS.items():
        write_notebook(folder, name, *other.get(f"n{name[:2]}", cells))
    return folder


def ready_run(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


def shown_on(stream: io.StringIO, run_dir: Path, **how) -> BenchmarkPipeline:
    made = BenchmarkPipeline(run_dir, **how)
    made.terminal = Terminal(stream)
    return made


def text_of(run: Path, name: str) -> str:
    """All that a notebook of the run printed."""
    node = nbformat.read(run / "notebooks" / f"{name}.ipynb", as_version=4)
    return "".join(one.get("text", "") for cell in node.cells for one in cell.get("outputs", []))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def no_kernels(monkeypatch):
    monkeypatch.setattr(pipeline, "Kernel", InProcess)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One run of all five, with a broken kernelspec called python3 in front of every other."""
    root = tmp_path_factory.mktemp("pipeline{braces}")
    foreign = root / "jupyter" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    (foreign / "kernel.json").write_text(
        '{"argv": ["/bin/false"], "display_name": "x", "language": "python"}'
    )
    shown, ticks = io.StringIO(), 0

    async def run() -> dict:
        nonlocal ticks
        made = BenchmarkPipeline(root / "run", notebooks=write_notebooks(root / "notebooks"), rounds=5)
        made.terminal = Terminal(shown)
        task = asyncio.create_task(made.run())
        while not task.done():
            ticks += 1
            await asyncio.wait([task], timeout=0.05)
        return await task

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(root / "jupyter"))
        metrics = asyncio.run(run())
    return {"run": root / "run", "root": root, "metrics": metrics, "shown": shown.getvalue(), "ticks": ticks}


def test_run_returns_the_metrics(finished):
    """What metrics.json holds comes back."""
    assert finished["metrics"] == {"a": 1}


def test_every_notebook_is_kept_with_its_page(finished):
    """The executed notebooks and their HTML lie in the run, in a folder with braces in its name too."""
    for kind, suffix, more in (("notebooks", "ipynb", []), ("html", "html", ["index.html"])):
        assert sorted(p.name for p in (finished["run"] / kind).iterdir()) == [
            *(f"{n}.{suffix}" for n in NOTEBOOKS),
            *more,
        ]
    report = (finished["run"] / "html" / "05_report.html").read_text("utf-8")
    assert '<details class="code">' in report
    assert "<strong>SIMULATED</strong>" in report


def test_kernel_is_this_interpreter_in_this_folder(finished):
    """A foreign python3 kernelspec does not matter, and relative paths mean what they mean to the user."""
    assert text_of(finished["run"], "02_validate").split() == [sys.executable, os.getcwd()]


def test_parameters_reach_the_notebooks_that_declare_them(finished):
    """rounds goes to 03; what only the defaults say stays as it is."""
    assert text_of(finished["run"], "03_execute") == "got 5 []\n"


def test_every_notebook_begins_afresh(finished):
    """The names of the notebook before are gone (03 would print them), and cells are counted from 1."""
    for name in NOTEBOOKS:
        node = nbformat.read(finished["run"] / "notebooks" / f"{name}.ipynb", as_version=4)
        counts = [cell.execution_count for cell in node.cells if cell.cell_type == "code"]
        assert counts == list(range(1, len(counts) + 1))


def test_the_loop_of_the_caller_lives(finished):
    """Other tasks go on while notebooks run."""
    assert finished["ticks"] > 20


def test_terminal_shows_a_line_a_notebook(finished):
    """The new run's full path, then five lines, each with its count of cells, where none can be redrawn."""
    said, *lines = finished["shown"].splitlines()
    assert said == f"New run: {finished['run'].resolve()}"
    assert [line.split()[0] for line in lines] == list(NOTEBOOKS)
    assert "6/6" in lines[0].replace(" ", "")


async def test_continuing_uses_what_is_recorded_and_what_is_given_wins(finished, no_kernels):
    """The run's own values are the defaults of its notebooks."""
    made = shown_on(
        io.StringIO(),
        finished["run"],
        first="03",
        last="03",
        notebooks=finished["root"] / "notebooks",
        models=("c", "d"),
    )
    await made.run()
    assert text_of(finished["run"], "03_execute") == "got 4 ['c', 'd']\n"


FAILURES = [
    ("1 / 0", errors.RunError, "05_report failed with ZeroDivisionError: division by zero. See"),
    (
        "from benchkit.errors import LimitStop; raise LimitStop('Full until 9.')",
        errors.LimitStop,
        "Full until 9.",
    ),
    ("raise KeyboardInterrupt", errors.Interrupted, "05_report was interrupted"),
    ("import os; os._exit(1)", errors.RunError, "The kernel of 05_report stopped"),
]


@pytest.mark.parametrize(("source", "kind", "sentence"), FAILURES)
async def test_a_failure_is_one_sentence_and_a_kept_notebook(tmp_path, monkeypatch, source, kind, sentence):
    """The notebook's own error rises as itself, another as RunError; notebook and page are kept."""
    if kind is errors.LimitStop:  # only the others do something to a kernel, or are what it makes of an error
        monkeypatch.setattr(pipeline, "Kernel", InProcess)
    folder = write_notebooks(tmp_path / "n", n05=(ANY_RUN, "print('before')", source))
    made = shown_on(io.StringIO(), ready_run(tmp_path / "r"), first="05", notebooks=folder)
    with pytest.raises(kind) as caught:
        await made.run()
    assert type(caught.value) is kind
    assert sentence in str(caught.value)
    assert str(tmp_path / "r" / "notebooks" / "05_report.ipynb") in str(caught.value)
    assert "before" in text_of(tmp_path / "r", "05_report")
    assert "before" in (tmp_path / "r" / "html" / "05_report.html").read_text("utf-8")
    ended = "stopped" if kind is errors.LimitStop else "failed"
    assert made.terminal.stream.getvalue().rstrip().endswith(ended)


def disk_that(fills_up_with: OSError, at: str):
    """papermill's save between two cells, on a disk that is full once a text holds `at`."""

    def write(self, text: str, path: str) -> None:
        full = at in text
        Path(path).write_text(text[: len(text) // 2] if full else text, encoding="utf-8")
        if full:
            raise fills_up_with

    return write


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "notebooks is full (No space left on device). Make room on it and run again"),
        (errno.EROFS, "notebooks is read-only (Read-only file system). Make it writable and run again"),
    ],
)
async def test_a_notebook_that_cannot_be_saved(tmp_path, monkeypatch, number, sentence):
    """The disk is named, not the half notebook that it left behind."""
    folder = write_notebooks(tmp_path / "n", n05=(ANY_RUN, "print('a' + 'b')", "never = 1"))
    made = shown_on(io.StringIO(), ready_run(tmp_path / "r"), first="05", notebooks=folder)
    full = OSError(number, os.strerror(number))
    monkeypatch.setattr(LocalHandler, "write", disk_that(full, at='"ab\\n"'))
    with pytest.raises(errors.RunError, match=re.escape(sentence)) as caught:
        await made.run()
    assert str(tmp_path / "r" / "notebooks" / "05_report.ipynb") in str(caught.value)
    assert not (tmp_path / "r" / "html").exists()


@pytest.mark.parametrize(("name", "transport"), [("short", "ipc"), ("l" * 100, "tcp")])
def test_a_temporary_folder_too_long_for_a_socket(name, transport, monkeypatch, tmp_path):
    """Clusters have such folders; a path beyond the system's limit ended the run with a traceback."""
    monkeypatch.setattr(kernel.tempfile, "mkdtemp", lambda prefix: f"/tmp/{name}")
    assert kernel.Kernel(tmp_path, {}).manager.transport == transport


async def test_a_page_that_cannot_be_made_hides_no_failure(tmp_path, caplog, no_kernels):
    """The notebook's own error rises; that its page could not be written is a warning."""
    folder = write_notebooks(tmp_path / "n", n05=(ANY_RUN, "1 / 0"))
    made = shown_on(io.StringIO(), ready_run(tmp_path / "r"), first="05", notebooks=folder)
    (tmp_path / "r" / "html").write_text("in the way")
    logging.getLogger("benchkit").addHandler(caplog.handler)
    try:
        with pytest.raises(errors.RunError, match="ZeroDivisionError"):
            await made.run()
    finally:
        logging.getLogger("benchkit").removeHandler(caplog.handler)
    (record,) = [one for one in caplog.records if one.name == "benchkit.runner.pipeline"]
    assert record.getMessage().startswith("the page was not made: ")


class Watch(io.StringIO):
    """A stream that calls `then` with the kernel's id when the notebook says that it is ready."""

    def write(self, text: str) -> int:
        if "ready" in text and self.then:
            then, self.then = self.then, None
            then(int(text.split()[-1]))
        return super().write(text)


SAY_READY = "import os, sys, time; print('x - WARNING - ready', os.getpid(), file=sys.stderr, flush=True)"
WAITS = {
    "that waits": "import asyncio; await asyncio.sleep(600)",
    "that computes": "time.sleep(600)",
    "that ignores interrupts": "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)",
}


@pytest.mark.parametrize("cell", WAITS.values(), ids=WAITS.keys())
async def test_cancelling_leaves_no_kernel_behind(tmp_path, monkeypatch, cell):
    """A cancelled run interrupts its cell, or kills it in the end; the run can be claimed again."""
    folder = write_notebooks(tmp_path / "n", n05=(ANY_RUN, f"{SAY_READY}; {cell}", "never = 1"))
    run_dir = ready_run(tmp_path / "r")
    made = shown_on(Watch(), run_dir, first="05", notebooks=folder)
    loop, kernels = asyncio.get_running_loop(), []
    task = asyncio.create_task(made.run())

    def stop(pid: int) -> None:
        kernels.append(pid)
        loop.call_soon_threadsafe(task.cancel)

    made.terminal.stream.then = stop
    monkeypatch.setattr(kernel, "GRACE_S", 0.3 if "SIG_IGN" in cell else 60.0)  # a kill is no pass
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    await asyncio.to_thread(wait_for_end, kernels[0])
    assert not is_alive(kernels[0])
    assert not (run_dir / ".owner.json").exists()


def kernels_of_ours() -> list[int]:
    """Every kernel that this process has started and that still runs."""
    import psutil

    children = psutil.Process().children(recursive=True)
    return [one.pid for one in children if "ipykernel_launcher" in " ".join(one.cmdline())]


async def test_one_kernel_runs_all_notebooks_and_ends_with_the_run(tmp_path):
    """One kernel for both notebooks, none once one of them has failed; no socket is left either."""
    fails = (ANY_RUN, "import os; print(os.getpid())", "1 / 0")
    folder = write_notebooks(tmp_path / "n", n04=(ANY_RUN, f"{SAY_READY}; print(os.getpid())"), n05=fails)
    made = shown_on(Watch(), run_dir := ready_run(tmp_path / "r"), first="04", notebooks=folder)
    seen: list[int] = []
    made.terminal.stream.then = lambda _: seen.extend(kernels_of_ours())
    with pytest.raises(errors.RunError, match="ZeroDivisionError"):
        await made.run()
    assert len(seen) == 1
    assert [int(text_of(run_dir, name).split()[-1]) for name in NOTEBOOKS[3:]] == seen * 2
    assert kernels_of_ours() == []
    assert not made._kernel.sockets.exists()


async def test_a_page_that_cannot_be_made_ends_the_run_with_its_reason(tmp_path, no_kernels):
    """Pages are made beside the notebooks that follow; what went wrong with one is said all the same."""
    run_dir = ready_run(tmp_path / "r")
    (run_dir / "html").write_text("in the way")
    made = shown_on(io.StringIO(), run_dir, first="04", notebooks=write_notebooks(tmp_path / "n"))
    with pytest.raises(errors.RunError, match=r"html.* cannot be written"):
        await made.run()
    assert text_of(run_dir, "05_report") == "Done\n"


def wait_for_end(pid: int) -> None:
    """Until the process is gone or ten seconds passed; it is a child of ours that others reap."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
        psutil.Process(pid).wait(timeout=10)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"first": "04", "last": "02"}, ["02 comes before 04"]),
        ({"first": "06"}, ["'06' is no notebook"]),
        ({"roundz": 3}, ["'roundz'", "Did you mean rounds?", "01_generate", "answers per case"]),
    ],
)
def test_bad_usage_is_said_before_anything_runs(tmp_path, given, words):
    """Unknown names, wrong types and empty spans raise UsageError and make no folder."""
    with pytest.raises(errors.UsageError) as caught:
        BenchmarkPipeline(tmp_path / "run", notebooks=write_notebooks(tmp_path / "n"), **given)
    assert all(word in str(caught.value) for word in words)
    assert not (tmp_path / "run").exists()


async def test_a_parameter_of_a_notebook_that_does_not_run(tmp_path):
    """Another value than the recorded one would be ignored silently, so it is refused."""
    folder = write_notebooks(tmp_path / "n")
    made = BenchmarkPipeline(ready_run(tmp_path / "r"), first="04", notebooks=folder, rounds=9)
    with pytest.raises(errors.UsageError, match="rounds is a parameter of 03_execute, which would not run"):
        await made.run()


async def test_folders_and_files_that_are_not_there(tmp_path):
    """A notebook that does not exist and a folder that is none are each named."""
    folder = write_notebooks(tmp_path / "n")
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.RunError, match="cannot be made a run folder"):
        await BenchmarkPipeline(tmp_path / "file", last="01", notebooks=folder).run()
    (folder / "02_validate.ipynb").unlink()
    with pytest.raises(errors.RunError, match=r"no 02_validate\.ipynb"):
        await BenchmarkPipeline(tmp_path / "new", notebooks=folder).run()


@pytest.mark.parametrize("where", [".", "notebooks", "benchkit"])
async def test_folders_that_are_no_runs_are_left_alone(monkeypatch, where):
    """`benchkit run .` in a checkout, or the name of a folder that is in it: nothing is written there."""
    root = notebook_folder().parent
    monkeypatch.chdir(root)
    before = {path: path.stat().st_mtime_ns for path in (root / where).iterdir()}
    with pytest.raises(errors.UsageError, match="is no run of benchkit, so nothing is written into it"):
        await BenchmarkPipeline(where).run()
    assert {path: path.stat().st_mtime_ns for path in (root / where).iterdir()} == before


PAIR = ["offline/terse", "offline/twin"]
STOPS_ONCE = """from pathlib import Path
from benchkit.errors import BudgetStop
stopped = Path(run_dir, "stopped")
if not stopped.exists():
    stopped.write_text("")
    raise BudgetStop("stopped at max_calls.")"""


async def test_a_resume_needs_no_reminding(tmp_path, no_kernels):
    """What was given for a notebook that the stopped run had not reached holds when it goes on."""
    begun = CELLS["01_generate"][:-1]  # without the progress that only a kernel shows
    folder = write_notebooks(tmp_path / "n", n01=begun, n02=(ANY_RUN, STOPS_ONCE))
    with pytest.raises(errors.BudgetStop):
        await BenchmarkPipeline(tmp_path / "r", notebooks=folder, rounds=5, models=PAIR).run()
    await BenchmarkPipeline(tmp_path / "r", last="02", notebooks=folder).run()
    await BenchmarkPipeline(tmp_path / "r", notebooks=folder).run()
    assert f"got 5 {PAIR}" in text_of(tmp_path / "r", "03_execute")
    assert not (tmp_path / "r" / config.PLANNED).exists()


def test_a_ceiling_is_raised_where_the_run_stopped(tmp_path):
    """It holds over the whole run, which is not begun anew for it; 01's other values stay 01's."""
    run = start_run(tmp_path / "r", provider="offline", seed=7, max_calls=5, json_cases=3)
    raised = BenchmarkPipeline(run.path, first="03", max_calls=9)
    raised._check_arguments()
    assert "01_generate" not in raised._plan(run.path)
    assert (run.parameter("01_generate", "max_calls"), run.parameter("01_generate", "json_cases")) == (9, 3)
    with pytest.raises(errors.UsageError, match="json_cases is a parameter of 01_generate"):
        BenchmarkPipeline(run.path, first="03", json_cases=4)._check_arguments()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"reference": "nobody"}, "reference = 'nobody'"),
        ({"models": ["offline/steady", "no/such"]}, "models: offline does not serve a model 'no/such'"),
        ({"pilot_run": "nowhere"}, "pilot_run: .*nowhere is not a folder"),
    ],
)
async def test_a_run_that_cannot_begin_leaves_no_folder(tmp_path, capsys, given, said):
    """Values of our own notebooks are checked first: nothing runs, is announced or is left behind."""
    made = BenchmarkPipeline(tmp_path / "r", **given)
    with pytest.raises(errors.UsageError, match=said):
        await made.run()
    assert not (tmp_path / "r").exists()
    assert "New run" not in capsys.readouterr().err


def test_cases_file_is_absolute(tmp_path, monkeypatch):
    """A relative path means the same wherever the run is continued."""
    (tmp_path / "mine.csv").write_text("")
    monkeypatch.chdir(tmp_path)
    made = BenchmarkPipeline(notebooks=write_notebooks(tmp_path / "n"), cases_file="mine.csv")
    assert made.parameters == {"cases_file": str(tmp_path / "mine.csv")}


def test_our_notebooks_declare_what_the_design_says():
    """Every parameter has a help text and a type that -p can parse."""
    declared = declared_parameters(notebook_folder())
    assert tuple(declared) == NOTEBOOKS
    assert {name for one in declared.values() for name in one} >= {
        "provider",
        "rounds",
        "alpha",
        "cases_file",
    }
    for parameters in declared.values():
        assert "run_dir" in parameters
        assert all(
            one.help and type(one.default).__name__ in (one.type, "int") for one in parameters.values()
        )


def test_what_decides_is_a_parameter_of_03_alone(tmp_path):
    """All that a decision rests on is named before an answer is seen: 04 reads what 03 recorded."""
    plan = BenchmarkPipeline(primary_metric="bleu_score")._plan(tmp_path)
    given = {name for name, values in plan.items() if values.get("primary_metric") == "bleu_score"}
    assert given == {"03_execute"}


def test_declared_parameters_of_a_cell(tmp_path):
    """Type from the annotation, else from the default; help from the comment."""
    source = "a: list[str] = []  # some\nb = 2.5\nc: float = 0  # zero\nd = str(1)"
    write_notebook(tmp_path, "03_execute", source)
    found = declared_parameters(tmp_path)["03_execute"]
    assert found["a"] == Parameter("a", [], "some", "list")
    assert found["b"] == Parameter("b", 2.5, "", "float")
    assert found["c"] == Parameter("c", 0, "zero", "float")
    assert found["d"].type == "str"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("true", "bool", True),
        ("False", "bool", False),
        ("1", "bool", True),
        ("0", "bool", False),
        (" 12 ", "int", 12),
        ("1e-3", "float", 0.001),
        ("2", "float", 2.0),
        ("1.5", "int", "1.5"),
        ("yes", "bool", "yes"),
        ("a, b", "list", "a, b"),
        ("", "str", ""),
    ],
)
def test_values_from_text(text, kind, value):
    """-p NAME VALUE becomes the declared type, or stays the text that the rules on values refuse or read."""
    parsed = parse(text, Parameter("x", None, "", kind))
    assert parsed == value
    assert type(parsed) is type(value)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def progress(text: str) -> dict:
    about = {"benchkit": {"progress": True}}
    return {"msg_type": "update_display_data", "content": {"data": {"text/plain": text}, "metadata": about}}


def test_terminal_redraws_one_line(monkeypatch):
    """On a terminal progress inside a cell replaces the bar, cut to the width, without control codes."""
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal(Screen(), clock=lambda: 0.0)
    terminal.notebook("03_execute")
    terminal.cell(4, 8)
    terminal.message(progress("\x1b[2Jsteady\x07 10/60 " + "x" * 90))
    terminal.end()
    draws = terminal.stream.getvalue().split("\r")
    assert draws[2].startswith("03_execute     4/8  ██████████░░░░░░░░")
    assert draws[3] == "03_execute     4/8  steady 10/60 xxxxxxx"[:39] + "\x1b[K"
    assert draws[-1] == "03_execute     8/8  " + "█" * 20 + "    0.0 s\x1b[K\n"


def test_terminal_is_sparse_in_a_file():
    """Elsewhere a line of progress every ten seconds, and one at the end."""
    now = 0.0
    terminal = Terminal(io.StringIO(), clock=lambda: now)
    terminal.notebook("03_execute")
    terminal.cell(1, 2)
    for second in range(25):
        now = float(second)
        terminal.message(progress(f"{second}/25"))
    terminal.end("failed")
    lines = terminal.stream.getvalue().splitlines()
    assert [line.split()[2] for line in lines[:-1]] == ["10/25", "20/25"]
    assert lines[-1].endswith("24.0 s  failed")


def test_terminal_says_what_is_going_to_be_paid():
    """A line that stays, above the progress: the plan and its price, before the first call is asked."""
    terminal = Terminal(io.StringIO())
    about = {"benchkit": {"say": True}}
    content = {"data": {"text/plain": "120 calls, about $0.01"}, "metadata": about}
    terminal.message({"msg_type": "display_data", "content": content})
    assert terminal.stream.getvalue() == "120 calls, about $0.01\n"


@pytest.mark.parametrize(
    ("verbose", "name", "text", "told"),
    [
        (False, "stdout", "a table", False),
        (False, "stderr", "t - benchkit.llm - WARNING - waiting", True),
        (False, "stderr", "t - benchkit.llm - INFO - call", False),
        (True, "stderr", "t - benchkit.llm - INFO - call", True),
        (True, "stdout", "  \n", False),
    ],
)
def test_terminal_tells_warnings(verbose, name, text, told):
    """Warnings always reach the terminal, the rest of a notebook's text only when asked for."""
    terminal = Terminal(io.StringIO(), verbose=verbose)
    terminal.message({"msg_type": "stream", "content": {"name": name, "text": text}})
    assert (terminal.stream.getvalue() != "") is told


def test_what_decides_on_brought_answers_can_be_named(tmp_path):
    """They never see 03: its rules are recorded in its name, kept, and no other parameter of 03 is taken."""
    (tmp_path / "scores.csv").write_text("id,model,round,metric,value\nt1,a,1,mine,0.5\nt1,b,1,mine,1\n")
    named = BenchmarkPipeline(tmp_path, first="04", alpha=0.2, primary_metric="mine")
    named._check_arguments()  # before the folder is a run
    run = open_run(tmp_path)
    named._check_arguments()
    named._plan(run.path)
    BenchmarkPipeline(first="04", margin=0.1)._plan(run.path)
    recorded = run.config["parameters"]["03_execute"]
    assert recorded == {"alpha": 0.2, "primary_metric": "mine", "margin": 0.1}
    with pytest.raises(errors.UsageError, match="rounds is a parameter of 03_execute, which would not run"):
        BenchmarkPipeline(first="04", rounds=2)._plan(run.path)
