"""One real walk: five notebooks on the offline provider, run three ways, read as a reader would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path

import pandas as pd
import pytest

from .browser import chromium_page

ROOT = Path(__file__).parents[1]
NAMES = ("01_generate", "02_validate", "03_execute", "04_measure", "05_report")
BIN = Path(sys.executable).parent
NO_TOKEN = "--IdentityProvider.token="  # the server listens on loopback, for one test
SMALL = ["-p", "json_cases", "3", "-p", "conversation_cases", "3", "-p", "rounds", "2"]


def benchkit(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "benchkit.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=240)


def requests_sent(run_dir: Path) -> int:
    with sqlite3.connect(run_dir / "calls.sqlite") as db:
        return db.execute("SELECT total(sent) FROM calls").fetchone()[0]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory) -> Path:
    """A finished small run, made by the command line."""
    path = tmp_path_factory.mktemp("walk") / "run"
    done = benchkit("run", path, "--offline", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stdout
    return path


class TestTheCommand:
    def test_leaves_every_artifact(self, run_dir):
        """The run folder holds what the design promises."""
        names = """config.json initial_tests.csv validated_tests.csv rejected_tests.csv metrics.json
            scores.csv combined_model_responses.csv offline__steady_all_responses.csv offline__hasty_all_responses.csv
            metrics_report.json analysis_report.md calls.sqlite debug.log"""
        assert not [name for name in names.split() if not (run_dir / name).stat().st_size]
        assert {p.stem for p in (run_dir / "notebooks").iterdir()} == set(NAMES)
        assert {p.stem for p in (run_dir / "html").iterdir()} == {*NAMES, "analysis_report"}

    def test_counts_agree(self, run_dir):
        """Every model answered every accepted case in every round, and every response is accounted for."""
        cases = pd.read_csv(run_dir / "validated_tests.csv")
        responses = [pd.read_csv(path) for path in run_dir.glob("*_all_responses.csv")]
        assert [len(table) for table in responses] == [len(cases) * 2] * 2
        report = json.loads((run_dir / "metrics_report.json").read_text())
        assert sum(row["planned"] for row in report["denominators"]) == 2 * 2 * len(cases)
        assert set(json.loads((run_dir / "metrics.json").read_text())) == set(
            report["configuration"]["models"]
        )

    def test_says_that_it_is_simulated(self, run_dir):
        """Report, HTML and metrics files say so."""
        assert "SIMULATED" in (run_dir / "analysis_report.md").read_text()
        assert all("SIMULATED" in page.read_text() for page in (run_dir / "html").iterdir())
        assert json.loads((run_dir / "metrics_report.json").read_text())["simulated"] is True

    def test_run_again_asks_for_nothing(self, run_dir):
        """A finished run costs nothing to run again, and ends on the same decision."""
        before = requests_sent(run_dir)
        decision = json.loads((run_dir / "metrics_report.json").read_text())["decision"]
        again = benchkit("run", run_dir)
        assert again.returncode == 0, again.stderr
        assert requests_sent(run_dir) == before > 0
        assert json.loads((run_dir / "metrics_report.json").read_text())["decision"] == decision

    def test_pages_stand_alone(self, run_dir):
        """Opened in a browser, no page asks for anything, runs a script or misses a figure."""
        with chromium_page() as page:
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            for name in (*NAMES, "analysis_report"):
                asked.clear()
                page.goto((run_dir / "html" / f"{name}.html").as_uri())
                assert not [url for url in asked if not url.startswith(("file:", "data:"))]
                assert len([url for url in asked if url.startswith("file:")]) == 1
                widths = page.eval_on_selector_all("img", "images => images.map(i => i.naturalWidth)")
                assert all(width > 0 for width in widths)
                assert len(widths) >= {"01_generate": 0, "05_report": 4, "analysis_report": 4}.get(name, 1)
                assert page.eval_on_selector_all("script", "scripts => scripts.length") == 0


def test_somebody_elses_responses(tmp_path):
    """A folder with cases and two response files alone is scored, and what was lost is said, not scored."""
    golden = "{'order': 17, 'paid': True}"
    cases = [
        {"id": f"j{i}", "prompt": "order 17", "test_case": "json", "golden_response": golden}
        for i in range(3)
    ]
    cases += [
        {
            "id": f"c{i}",
            "prompt": "hello there",
            "test_case": "customer, agent",
            "golden_response": "Restart it.",
        }
        for i in range(3)
    ]
    pd.DataFrame(cases).to_csv(tmp_path / "validated_tests.csv", index=False)
    for model, answer in (("alpha", "None"), ("beta", '```json\n{"order": 17, "paid": true}\n```')):
        rows = [
            {**{k: case[k] for k in ("id", "prompt", "test_case")}, "round": 1, "timestamp": "2026-01-01"}
            | {"model_response": answer if case["test_case"] == "json" else "<think>hm</think>Restart it."}
            for case in cases
        ]
        pd.DataFrame(rows).to_csv(tmp_path / f"{model}_all_responses.csv", index=False)
    done = benchkit("run", tmp_path, "--from", "04")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["alpha"]["json_metrics"]["field_accuracy"] is None
    assert metrics["beta"]["json_metrics"]["field_accuracy"] == 1.0
    report = (tmp_path / "analysis_report.md").read_text()
    assert "alpha has no usable measurement for JSON cases" in report
    assert "SIMULATED" not in report


def test_papermill_alone(tmp_path):
    """papermill runs the notebooks one by one, in order, with nothing but parameters."""
    run_dir = tmp_path / "run"
    parameters = {
        "01_generate": ["json_cases", "2", "conversation_cases", "2"],
        "03_execute": ["rounds", "1"],
    }
    for name in NAMES:
        given = ["run_dir", str(run_dir), *parameters.get(name, [])]
        flags = [flag for pair in zip(given[::2], given[1::2], strict=True) for flag in ("-p", *pair)]
        command = [
            str(BIN / "papermill"),
            str(ROOT / "notebooks" / f"{name}.ipynb"),
            str(tmp_path / "out.ipynb"),
        ]
        done = subprocess.run(
            [*command, *flags, "--no-progress-bar"], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr[-2000:]
    assert "## Decision" in (run_dir / "analysis_report.md").read_text()


@pytest.fixture
def lab(tmp_path):
    """A JupyterLab on a copy of the notebooks; gives its address and the folder it serves."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (tmp_path / "runs").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = f"--no-browser --allow-root --ServerApp.port={port} --ServerApp.port_retries=0"
    environment = dict(os.environ) | {"JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        *flags.split(),
        "--LabApp.expose_app_in_browser=True",
        NO_TOKEN,
    ]
    server = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    for line in server.stderr or ():
        if f":{port}/lab" in line:
            break
    drain = subprocess.Popen(["cat"], stdin=server.stderr, stdout=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}", tmp_path
    server.send_signal(signal.SIGTERM)
    server.wait(timeout=20)
    drain.wait(timeout=20)


RUN_ALL = """async () => {
    const app = window.jupyterapp;
    const panel = app.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
    await app.commands.execute('notebook:run-all-cells');
    await panel.context.save();
    const cells = panel.content.widgets.map(w => w.model.toJSON());
    const outputs = cells.flatMap(cell => cell.outputs || []);
    return {
        errors: outputs.filter(o => o.output_type === 'error').map(o => o.evalue),
        ran: cells.filter(c => c.cell_type === 'code').every(c => c.execution_count > 0),
    };
}"""


def test_jupyterlab_runs_all(lab):
    """Run All in each notebook, in order, without an edit, ends without an error and with a report."""
    url, folder = lab
    with chromium_page(viewport={"width": 1400, "height": 1000}) as page:
        page.set_default_timeout(120_000)
        for name in NAMES:
            page.goto(f"{url}/lab/tree/notebooks/{name}.ipynb?reset")
            page.wait_for_selector(".jp-Notebook .jp-Cell")
            page.wait_for_function(
                "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
            )
            assert page.evaluate(RUN_ALL) == {"errors": [], "ran": True}
            if shots := os.environ.get("BENCHKIT_SCREENSHOTS"):
                page.screenshot(path=f"{shots}/{name}.png")
            kernels = json.load(urllib.request.urlopen(f"{url}/api/kernels"))
            assert len(kernels) >= 1
    (run_dir,) = (folder / "runs").glob("run_*")
    assert (run_dir / "html" / "analysis_report.html").exists()


@pytest.fixture(scope="module")
def server():
    """The offline server, standing in for Groq."""
    from benchkit.offline.server import OfflineServer

    with OfflineServer(stand_in=True, key="gsk_right", latency_ms=0, record=True) as server:
        yield server


class TestGroq:
    """The path to Groq itself, with GROQ_BASE_URL."""

    @pytest.mark.parametrize(
        ("key", "models", "sentence"),
        [
            ("", "a,b", "GROQ_API_KEY is not set"),
            ("gsk_wrong", "a,b", "the provider refused the key"),
            ("gsk_right", "openai/gpt-oss-20b,nobody/none", "does not serve a model 'nobody/none'"),
            ("gsk_right", "mixtral-8x7b-32768,gemma2-9b-it", "use openai/gpt-oss-120b instead"),
            ("gsk_right", "openai/gpt-oss-20b,gemma2-9b-it", "use openai/gpt-oss-20b instead"),
        ],
    )
    def test_says_what_to_do_before_anything_is_paid(
        self, server, tmp_path, monkeypatch, key, models, sentence
    ):
        """No key, a wrong one, an unknown or a retired model: one sentence, and no call is made."""
        monkeypatch.setenv("GROQ_BASE_URL", server.url)
        monkeypatch.setenv("GROQ_API_KEY", key)
        sent = len(server.requests)
        done = benchkit("run", tmp_path / "run", "-p", "provider", "groq", "-p", "models", models)
        assert done.returncode == 1
        assert sentence in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert len(server.requests) == sent

    def test_generates_there(self, server, tmp_path, monkeypatch):
        """One changed parameter, and the same calls go to Groq's address; a stand-in is told from Groq."""
        monkeypatch.setenv("GROQ_BASE_URL", f"{server.url}/openai/v1")
        monkeypatch.setenv("GROQ_API_KEY", "gsk_right")
        done = benchkit("run", tmp_path / "run", "-p", "provider", "groq", "--to", "01", *SMALL[:6])
        assert done.returncode == 0, done.stderr
        assert len(pd.read_csv(tmp_path / "run" / "initial_tests.csv")) == 6
        assert "SIMULATED" in done.stdout
        kept = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
        assert not [path for path in kept if b"gsk_right" in path.read_bytes()]
