"""How long the whole chain takes, beside what an empty version of it would.

    python benchmarks/walk.py [CASES_FILE]

Prints wall-clock seconds: `import benchkit` beside an empty interpreter; a demo run, and the same run again
beside its floor, five empty notebooks through papermill's command; with CASES_FILE, that file as it is.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parents[1]
EMPTY = {"name": "python3", "display_name": "Python 3", "language": "python"}


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - began


def spread(times: list[float]) -> str:
    return f"{statistics.median(times):8.2f}   {min(times):.2f} to {max(times):.2f} ({len(times)})"


def floor(folder: Path) -> float:
    """Five empty notebooks, each by papermill's command and on a kernel of its own."""
    book = new_notebook(cells=[new_code_cell("1")], metadata={"kernelspec": EMPTY})
    nbformat.write(book, folder / "empty.ipynb")
    files = [str(folder / "empty.ipynb"), str(folder / "out.ipynb")]
    return sum(seconds([sys.executable, "-m", "papermill", *files, "--no-progress-bar"]) for _ in range(5))


def requests(run_dir: Path) -> int:
    with sqlite3.connect(run_dir / "calls.sqlite") as db:
        return int(db.execute("SELECT total(sent) FROM calls").fetchone()[0])


def main(cases_file: str = "") -> None:
    run = [sys.executable, "-m", "benchkit.runner.cli", "run"]
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    imports = [seconds([sys.executable, "-c", "import benchkit"]) for _ in range(10)]
    print(f"{machine}, Python {platform.python_version()}")
    print(f"{'':44}  median   range (runs)")
    print(f"{'python -c pass':44}", spread([seconds([sys.executable, "-c", "pass"]) for _ in range(10)]))
    print(f"{'import benchkit':44}", spread(imports))
    with tempfile.TemporaryDirectory() as folder:
        for name in (*"012", "own"):
            (Path(folder) / name).mkdir()
        fresh = [seconds([*run, f"{folder}/{i}"]) for i in range(3)]
        print(f"{'demo: 20 cases, 2 models, 3 rounds':44}", spread(fresh))
        sent = requests(Path(folder) / "0")
        pairs = [(floor(Path(folder)), seconds([*run, f"{folder}/0"])) for _ in range(3)]
        more = requests(Path(folder) / "0") - sent
        print(f"{'floor: five empty notebooks by papermill':44}", spread([least for least, _ in pairs]))
        print(f"{f'the same run again ({more} requests)':44}", spread([again for _, again in pairs]))
        print(f"{'times the floor':44}", spread([again / least for least, again in pairs]))
        if cases_file:
            command = [*run, f"{folder}/own", "--cases", cases_file, "-p", "enable_validation", "False"]
            own = seconds(command)
            answers = sum(1 for _ in (Path(folder) / "own").glob("*_all_responses.csv"))
            print(f"{f'own cases, {answers} models, 3 rounds':44}", spread([own]))


if __name__ == "__main__":
    main(*sys.argv[1:])
