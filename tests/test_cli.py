from __future__ import annotations

import argparse
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchkit.errors import BudgetStop, Interrupted, ProviderError, RunError, UsageError, WaitingForBatch
from benchkit.runner import cli, pipeline, run_command
from benchkit.runner.pipeline import NOTEBOOKS

from .kernels import InProcess
from .test_pipeline import write_notebook

PARAMETERS = {
    "01_generate": 'provider: str = "offline"  # whose models\ncases_file: str = ""  # your own',
    "03_execute": "rounds: int = 3  # answers per case",
}
SAY_READY = "print('x - WARNING - ready', os.getpid(), file=sys.stderr, flush=True)"
DECISION = {"sentence": "offline/steady is better than offline/hasty.", "because": [], "caveat": ""}
MEASURED = {"comparisons": [], "configuration": {}, "decision": DECISION}


def write_notebooks(folder: Path, last: str = "1") -> Path:
    """Five notebooks of which only the last does something: the code in `last`."""
    folder.mkdir(exist_ok=True)
    for name in NOTEBOOKS:
        lines = 'run_dir: str = ""  # run folder\n' + PARAMETERS.get(name, "")
        write_notebook(folder, name, lines, *([last] if name == NOTEBOOKS[-1] else []))
    return folder


@pytest.fixture
def run_dir(tmp_path, monkeypatch):
    """A run whose responses are measured, in the working directory; its small notebooks need no kernel."""
    path = tmp_path / "runs" / "run one"
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"provider": "offline", "seed": 7, "parameters": {}}))
    (path / "metrics_report.json").write_text(json.dumps(MEASURED))
    folder = write_notebooks(tmp_path / "notebooks")
    monkeypatch.setattr(pipeline, "notebook_folder", lambda: folder)
    monkeypatch.setattr(pipeline, "Kernel", InProcess)
    monkeypatch.chdir(tmp_path)
    return path


def test_run_ends_on_the_decision(run_dir, capsys):
    """Exit code 0; SIMULATED, the decision and the pages are the last lines."""
    assert cli.main(["run", str(run_dir), "--from", "05"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "SIMULATED: no real model answered.",
        "offline/steady is better than offline/hasty.",
        "Notebook: runs/run one/html/05_report.html",
        "Run:      runs/run one",
    ]


def test_run_that_ends_before_measuring_states_no_decision(run_dir, capsys):
    """A decision of an earlier time is not repeated as if it were of this one."""
    assert cli.main(["run", str(run_dir), "--from", "02", "--to", "02"]) == 0
    assert "better" not in capsys.readouterr().out


STOPS = [
    ("BudgetStop", "The ceiling of 3 calls is reached.", 3),
    ("Interrupted", "Stopped by hand.", 4),
    ("ProviderError", "GROQ_API_KEY is not set.", 1),
    ("UsageError", "rounds = 0 is not usable.", 2),
]


@pytest.mark.parametrize(("kind", "sentence", "code"), STOPS)
def test_exit_codes_of_a_notebook_that_stops(run_dir, tmp_path, capsys, kind, sentence, code):
    """The error's own code and sentence, where the notebook is, and how to resume if one can."""
    write_notebooks(tmp_path / "notebooks", f"from benchkit.errors import {kind}; raise {kind}({sentence!r})")
    assert cli.main(["run", str(run_dir), "--from", "05"]) == code
    told = capsys.readouterr().err
    assert f"benchkit: {sentence} The notebook up to there: {run_dir}/notebooks/05_report.ipynb" in told
    assert ("Resume with: benchkit run 'runs/run one'" in told) is (code in (3, 4))
    assert "Traceback" not in told


def test_a_ceiling_that_stopped_is_named_to_be_raised(run_dir, tmp_path, capsys):
    """The bare command would stop at the same ceiling again."""
    stop = "raise BudgetStop('stopped at max_calls = 5: 5 calls are sent.')"
    write_notebooks(tmp_path / "notebooks", f"from benchkit.errors import BudgetStop; {stop}")
    assert cli.main(["run", str(run_dir), "--from", "05"]) == 3
    assert capsys.readouterr().err.endswith("benchkit run 'runs/run one' -p max_calls MORE\n")


def test_the_resume_hint_is_the_command_as_given(run_dir, tmp_path, capsys):
    """With its flags: a span that ended early does not go on to the end, nor fail for want of a file."""
    write_notebooks(tmp_path / "notebooks", "from benchkit.errors import LimitStop; raise LimitStop('Full.')")
    given = ["--from", "03", "--to", "05", "-p", "rounds", "4"]
    assert cli.main(["run", str(run_dir), *given]) == 3
    resume = "Resume with: benchkit run 'runs/run one' --from 03 -p rounds 4\n"
    assert capsys.readouterr().err.endswith(resume)
    pipe, args = argparse.Namespace(run_dir=Path("r")), cli._parser()
    line = ["run", "--offline", "--cases", "my cases.csv", "--to", "02", "-p", "rounds", "3"]
    assert run_command._how_to_resume(pipe, args.parse_args(line)) == (
        "Resume with: benchkit run r --offline --cases 'my cases.csv' --to 02 -p rounds 3"
    )


def test_any_console_shows_the_end_of_a_run(run_dir, monkeypatch):
    """What a console cannot show is replaced: a run that is paid for does not end on a traceback."""
    said = MEASURED | {"decision": DECISION | {"sentence": "物流问题: steady is better — by 0.1."}}
    (run_dir / "metrics_report.json").write_text(json.dumps(said))
    console = io.TextIOWrapper(io.BytesIO(), "cp1252", write_through=True)
    monkeypatch.setattr("sys.stdout", console)
    assert cli.main(["run", str(run_dir), "--from", "05"]) == 0
    assert said["decision"]["sentence"].encode("cp1252", "replace") in console.buffer.getvalue()


def test_a_reader_that_has_left_ends_no_run(run_dir):
    """`benchkit run … | head -0`: the pipe is closed, the run goes to its end and says nothing more."""
    read, write = os.pipe()
    os.close(read)
    done = command_on(run_dir, stdout=write, stderr=write)
    os.close(write)
    assert done.returncode == 0
    assert (run_dir / "html" / "05_report.html").exists()


def command_of(run_dir: Path, more: str = "") -> list[str]:
    """`benchkit run RUN --from 05` in a process of its own, with the small notebooks and real kernels."""
    code = f"""import sys
from pathlib import Path
from benchkit.runner import cli, pipeline
{more}
pipeline.notebook_folder = lambda: Path({str(run_dir.parents[1] / "notebooks")!r})
code = cli.main(["run", {str(run_dir)!r}, "--from", "05"])
for grammar in ("rfc3987_syntax", "rfc3986_validator"):
    assert not sys.modules.get(grammar), "jsonschema has built its grammar of IRIs, which takes seconds"
sys.exit(code)"""
    return [sys.executable, "-c", code]


def command_on(run_dir: Path, **streams: int) -> subprocess.CompletedProcess:
    """The command in a process of its own, without a kernel."""
    environment = dict(os.environ) | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = command_of(run_dir, "from tests.kernels import InProcess; pipeline.Kernel = InProcess")
    return subprocess.run(command, env=environment, timeout=240, check=False, **streams)


def test_warnings_stand_under_the_decision(run_dir, capsys):
    """Whoever reads only the terminal is warned too."""
    warned = DECISION | {"caveat": "row 6 is left out.", "warnings": ["margin was named late."]}
    late = MEASURED | {"decision": warned}
    (run_dir / "metrics_report.json").write_text(json.dumps(late))
    assert cli.main(["run", str(run_dir), "--from", "05"]) == 0
    assert "Warning: row 6 is left out.\nWarning: margin was named late.\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rows", "unscored", "said"),
    [
        ("24 of 24 rows used", [5, 0], "24 of 24 rows used; 5 answers unscored."),
        ("", [1, 0], "1 answer unscored."),
    ],
)
def test_unscored_answers_stand_beside_the_rows_used(run_dir, capsys, rows, unscored, said):
    """That every row is used says nothing of the answers to them."""
    counted = [{"unscored": number} for number in unscored]
    report = MEASURED | {"rows_used": rows, "denominators": counted}
    (run_dir / "metrics_report.json").write_text(json.dumps(report))
    assert cli.main(["run", str(run_dir), "--from", "05"]) == 0
    assert said in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["-p", "roundz", "3"], 2, "Did you mean rounds?"),
        (["-p", "rounds", "three"], 2, "rounds = 'three' is not usable. Use a whole number from 1"),
        (["--offline", "-p", "provider", "groq"], 2, "--offline and -p provider groq contradict each other"),
        (["--cases", "a.csv", "-p", "cases_file", "b.csv"], 2, "--cases and -p cases_file b.csv contradict"),
        (["-p", "run_dir", "elsewhere"], 2, "benchkit run RUN_DIR"),
        (["--from", "03", "--to", "02"], 2, "02 comes before 03"),
        (["no/where"], 2, "there is no folder"),
        (["."], 2, "and is no run of benchkit, so nothing is written into it"),
        (["--cases", "none.csv"], 2, "none.csv is not a file"),
        (["nowhere", "--from", "04"], 2, "nowhere is not a folder"),
        (["new", "--offline", "--from", "04"], 2, "new is not a folder"),
        (["-p", "provider", "groq"], 2, "GROQ_API_KEY is not set"),
    ],
)
def test_bad_usage_is_one_sentence(run_dir, capsys, arguments, code, sentence):
    """Nothing runs, nothing is made, no traceback is shown."""
    assert cli.main(["run", *arguments]) == code
    told = capsys.readouterr().err
    assert told.startswith("benchkit: ")
    assert sentence in told
    assert "Traceback" not in told
    assert "New run" not in told
    assert [path.name for path in run_dir.parent.iterdir()] == [run_dir.name]


def test_a_refused_command_writes_nothing_into_a_foreign_folder(tmp_path, capsys):
    """Arguments are checked before answers from elsewhere are taken over."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    for name, text in {
        "validated_tests.csv": "id,prompt,test_case,golden_response\na,Hi,conversation,Ho\n",
        "m_all_responses.csv": "id,round,model_response\na,1,Ho\n",
        "scores.csv": "id,model,round,metric,value\na,m,1,x,1\n",
    }.items():
        (folder / name).write_text(text)
        before = sorted(path.name for path in folder.iterdir())
        for given, said in {
            ("--offline",): "provider is a parameter of 01_generate, which would not run",
            ("--cases", str(folder / name)): "cases_file is a parameter of 01_generate",
            ("-p", "rounds", "3"): "rounds is a parameter of 03_execute",
        }.items():
            assert cli.main(["run", *given, "--from", "04", "--to", "04", str(folder)]) == 2
            assert said in capsys.readouterr().err
            assert sorted(path.name for path in folder.iterdir()) == before


def test_verbose_shows_the_traceback(run_dir, capsys):
    """For whoever looks for the cause: the frames, and the sentence last."""
    assert cli.main(["run", "--verbose", "-p", "roundz", "3"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("Traceback")
    assert "\nbenchkit: No notebook has a parameter 'roundz'" in told


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["run", "--from", "06"],
        ["run", "-p", "rounds"],
        ["offline", "--error-rate", "1.5"],
        ["offline", "--port", "x"],
    ],
)
def test_arguments_that_cannot_be(arguments, capsys):
    """argparse refuses with exit code 2 and the usage."""
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: benchkit" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_help_names_every_exit_code(command, capsys):
    """What a script has to tell apart: a batch that is waited for, too."""
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    told = " ".join(capsys.readouterr().out.split())
    codes = {kind.exit_code for kind in (RunError, UsageError, BudgetStop, Interrupted, WaitingForBatch)}
    assert all(re.search(rf"[:;] {code} \w", told) for code in codes)


@pytest.mark.parametrize("word", [["rounds=5"], ["rounds", "5"]])
def test_parameters_from_a_file(run_dir, word):
    """`-f FILE.yaml`, as papermill has it; what -p says takes precedence, written either way."""
    Path("one.yaml").write_text("rounds: 3\nprovider: offline\n")
    made = run_command._pipeline(
        cli._parser().parse_args(list(cli._words(["run", "-f", "one.yaml", "-p", *word])))
    )
    assert made.parameters == {"provider": "offline", "rounds": 5}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 5", "holds no parameters"),
        ("a: [", "cannot be read as YAML"),
        ("roundz: 3", "Did you mean rounds?"),
    ],
)
def test_a_file_of_parameters_that_cannot_be_used(run_dir, capsys, text, said):
    """One sentence, exit code 2."""
    Path("one.yaml").write_text(text)
    assert cli.main(["run", "-f", "one.yaml"]) == 2
    assert said in capsys.readouterr().err


def test_flags_become_parameters(run_dir, monkeypatch):
    """--offline and --cases are short for -p; values arrive typed."""
    Path("mine.csv").write_text("")
    line = ["run", "--offline", "--cases", "mine.csv", "-p", "rounds", "5", "-p", "rounds", "6"]
    made = run_command._pipeline(cli._parser().parse_args(line))
    cases = str(Path("mine.csv").resolve())
    assert made.parameters == {"provider": "offline", "cases_file": cases, "rounds": 6}


def test_offline_passes_on_what_is_given(monkeypatch):
    """Options reach the server typed; the others keep its defaults."""
    given = {}
    monkeypatch.setattr("benchkit.offline.server.serve", lambda **options: given.update(options))
    assert cli.main(["offline", "--port", "8080", "--error-rate", "0.3", "--latency-ms", "200"]) == 0
    assert given == {"port": 8080, "error_rate": 0.3, "latency_ms": 200.0}


def test_models_of_the_offline_provider(monkeypatch, capsys):
    """A table with a row a model, marked as simulated; an unknown price is a dash, not a zero."""

    async def served(name: str) -> list[dict]:
        prices = [("offline/a", 0.15), ("offline/longer", None)]
        return [{"model": name, "status": "served", "usd_in": price} for name, price in prices]

    monkeypatch.setattr("benchkit.llm.provider.served_models", served)
    assert cli.main(["models", "--provider", "offline"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("SIMULATED")
    assert lines[-3:] == [
        "model           status  usd_in",
        "offline/a       served  0.15",
        "offline/longer  served  -",
    ]


def test_models_without_a_provider_that_works(monkeypatch, capsys):
    """The provider's sentence and exit code 1."""

    async def refuse(name: str) -> list[dict]:
        raise ProviderError("GROQ_API_KEY is not set.")

    monkeypatch.setattr("benchkit.llm.provider.served_models", refuse)
    assert cli.main(["models", "--provider", "groq"]) == 1
    assert capsys.readouterr().err == "benchkit: GROQ_API_KEY is not set.\n"


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_the_run_and_its_kernel(run_dir, tmp_path, number):
    """Ctrl-C and a request to terminate: exit code 4, how to resume, no kernel left."""
    write_notebooks(tmp_path / "notebooks", f"import os, sys, asyncio\n{SAY_READY}\nawait asyncio.sleep(600)")
    with subprocess.Popen(
        command_of(run_dir),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # a suite in the background ignores SIGINT
    ) as process:
        ready = next(line for line in process.stderr if "ready" in line)
        kernel = psutil.Process(int(ready.split()[-1]))
        process.send_signal(number)
        told = process.stderr.read()
        assert process.wait(timeout=30) == 4
    assert told.rstrip().endswith("what is paid for is kept. Resume with: benchkit run 'runs/run one'")
    assert "Traceback" not in told
    assert not kernel.is_running()


def test_killing_the_command_ends_its_kernel(run_dir, tmp_path):
    """Even kill -9 leaves no orphan: a kernel without its parent ends by itself, and the run is free."""
    write_notebooks(tmp_path / "notebooks", f"import os, sys, time\n{SAY_READY}\ntime.sleep(600)")
    with subprocess.Popen(command_of(run_dir), stderr=subprocess.PIPE, text=True) as process:
        ready = next(line for line in process.stderr if "ready" in line)
        kernel = psutil.Process(int(ready.split()[-1]))
        process.kill()
    psutil.wait_procs([kernel], timeout=15)
    assert not kernel.is_running()


def test_version(capsys):
    """--version names the package's version."""
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == "benchkit 0.1.0\n"
