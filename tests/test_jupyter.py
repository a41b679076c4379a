"""The same notebooks in JupyterLab, in a browser."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from .browser import chromium_page

ROOT = Path(__file__).parents[1]
NAMES = ("01_generate", "02_validate", "03_execute", "04_measure", "05_report")
NO_TOKEN = "--IdentityProvider.token="  # the server listens on loopback, for one test


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
