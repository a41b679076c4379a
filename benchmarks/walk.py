"""How long the whole chain takes, beside what an empty version of it would.

    python benchmarks/walk.py [CASES_FILE]

Prints wall-clock seconds: `import benchkit` beside an empty interpreter; a demo run and the same run again
beside their floor, five kernels that import what they import and stop; with CASES_FILE, that file as it is.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOOR = "import nbclient, nbformat as f; nb = f.v4.new_notebook(cells=[f.v4.new_code_cell({0!r})]); "
FLOOR += "nbclient.NotebookClient(nb, kernel_name='python3').execute()"


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - began


def spread(times: list[float]) -> str:
    return f"{statistics.median(times):8.2f}   {min(times):.2f} to {max(times):.2f} ({len(times)})"


def setup_cells() -> list[str]:
    """Each notebook's imports, which no run can do without."""
    books = [json.loads(path.read_text()) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    cells = ["".join(book["cells"][2]["source"]) for book in books]
    return [cell[: cell.index("\nrun = ")] for cell in cells]


def floor() -> float:
    return sum(seconds([sys.executable, "-c", FLOOR.format(cell)]) for cell in setup_cells())


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
    print(f"{'floor: five kernels and their imports':44}", spread([floor() for _ in range(3)]))
    with tempfile.TemporaryDirectory() as folder:
        for name in (*"012", "own"):
            (Path(folder) / name).mkdir()
        fresh = [seconds([*run, f"{folder}/{i}"]) for i in range(3)]
        print(f"{'demo: 20 cases, 2 models, 3 rounds':44}", spread(fresh))
        sent = requests(Path(folder) / "0")
        again = [seconds([*run, f"{folder}/0"]) for _ in range(3)]
        more = requests(Path(folder) / "0") - sent
        print(f"{f'the same run again ({more} requests)':44}", spread(again))
        if cases_file:
            command = [*run, f"{folder}/own", "--cases", cases_file, "-p", "enable_validation", "False"]
            own = seconds(command)
            answers = sum(1 for _ in (Path(folder) / "own").glob("*_all_responses.csv"))
            print(f"{f'own cases, {answers} models, 3 rounds':44}", spread([own]))


if __name__ == "__main__":
    main(*sys.argv[1:])
