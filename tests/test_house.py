"""The house of the design: who imports whom, what a notebook may be, one list of dependencies."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "benchkit"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TAGS = {"parameters", "remove-cell", "skip-execution"}

# A room may import from the rooms below its own, and within itself.
GROUND = {"domain", "errors", "jsontext", "log", "signature", "values", "wording"}
STAGES = {"generate", "validate", "execute", "measure", "report"}
STAGE = GROUND | {"agent", "llm", "metrics", "stats", "plots", "run"}
MAY_IMPORT = {
    "domain": set(),
    "values": {"errors"},
    "errors": set(),
    "jsontext": set(),
    "log": {"errors"},
    "signature": set(),
    "wording": set(),
    "agent": GROUND,
    "stats": {"domain", "errors", "wording"},
    "metrics": {"domain", "errors", "jsontext"},
    "plots": {"domain", "errors", "signature", "metrics", "stats", "wording"},
    "run": GROUND | {"llm", "plots"},
    "offline": GROUND | {"metrics"},
    "llm": GROUND | {"agent", "offline"},
    "judge": GROUND | {"agent", "llm", "metrics"},
    "decide": STAGE,
    "widgets": GROUND | STAGES | {"decide", "metrics", "plots", "run", "stats"},
    "runner": GROUND | STAGES | {"decide", "judge", "llm", "offline", "run", "stats"},
} | dict.fromkeys(STAGES, STAGE | {"decide", "judge"})


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports(path: Path) -> set[str]:
    """The top-level modules of benchkit that a file imports at run time."""
    nodes = nodes_of(path)
    typing_only = {
        child
        for node in nodes
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    found = set()
    for node in nodes:
        if node in typing_only or not isinstance(node, ast.ImportFrom | ast.Import):
            continue
        found |= {target for target in targets(node, parts) if target}
    return found


def targets(node: ast.ImportFrom | ast.Import, parts: tuple[str, ...]) -> set[str]:
    if isinstance(node, ast.Import):
        return {name.name.split(".")[1] for name in node.names if name.name.startswith("benchkit.")}
    if node.level:
        base = list(parts[: len(parts) - node.level])
        path = base + (node.module.split(".") if node.module else [])
        return {path[0]} if path else {name.name for name in node.names}
    module = (node.module or "").split(".")
    if module[0] != "benchkit":
        return set()
    return {module[1]} if len(module) > 1 else {name.name for name in node.names}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    """A module imports only from the floors below it."""
    floor = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if floor == "__init__":
        return
    assert floor in MAY_IMPORT, f"{floor} has no place in the house yet: give it one in MAY_IMPORT"
    assert imports(path) - {floor} <= MAY_IMPORT[floor]


@pytest.mark.parametrize(
    ("library", "home"),
    [("groq", "llm/groq.py"), ("langchain_groq", "llm/groq.py"), ("sqlite3", "llm/journal.py")],
)
def test_one_file_knows(library, home):
    """Groq's clients and their exceptions are known to one file, and so is the journal's SQL."""
    knows = rf"^ *(import|from) {library}\b"
    typing_only = re.compile(r"^if TYPE_CHECKING:\n(?:    .*\n|\n)+", re.MULTILINE)
    texts = {path: typing_only.sub("", path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}
    found = {path for path, text in texts.items() if re.search(knows, text, re.MULTILINE)}
    assert found == {PACKAGE / home}


def test_import_is_light():
    """`import benchkit` loads nothing heavy, which keeps it far below 0.3 s."""
    heavy = {
        "pandas",
        "numpy",
        "matplotlib",
        "scipy",
        "langchain_groq",
        "groq",
        "nltk",
        "anywidget",
        "ipywidgets",
        "aiohttp",
    }
    code = f"import sys, benchkit; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert loaded.stdout.strip() == "[]"


def test_every_public_name_loads():
    """What `dir(benchkit)` offers can be imported."""
    import benchkit

    assert len(benchkit.__all__) <= 15
    for name in benchkit.__all__:
        assert getattr(benchkit, name).__module__.startswith("benchkit")


def code_cells(path: Path) -> list[dict]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def test_there_are_five_notebooks():
    """The series is 01 to 05."""
    names = ["01_generate", "02_validate", "03_execute", "04_measure", "05_report"]
    assert [path.stem for path in NOTEBOOKS] == names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
class TestNotebooks:
    def test_sources_are_clean(self, path):
        """No outputs, no execution counts, the kernel every machine has, and only the three tags."""
        notebook = json.loads(path.read_text())
        assert notebook["metadata"]["kernelspec"]["name"] == "python3"
        assert not any(cell["outputs"] or cell["execution_count"] for cell in code_cells(path))
        ids = [cell["id"] for cell in notebook["cells"]]
        assert len(ids) == len(set(ids))
        used = {tag for cell in notebook["cells"] for tag in cell["metadata"].get("tags", [])}
        assert {"parameters", "remove-cell"} <= used <= TAGS

    def test_tells_rather_than_programs(self, path):
        """8 to 16 code cells, none long, and no def, class, try or nested loop in any."""
        cells = code_cells(path)
        plain = [cell for cell in cells if not cell["metadata"].get("tags")]
        assert 8 <= len(plain) <= 16
        assert max(source(cell).count("\n") + 1 for cell in plain) <= 11
        nodes = [node for cell in cells for node in ast.walk(parsed(source(cell)))]
        forbidden = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Try)
        assert not any(isinstance(node, forbidden) for node in nodes)
        loops = [node for node in nodes if isinstance(node, ast.For | ast.While)]
        assert not any(
            isinstance(inner, ast.For | ast.While) for loop in loops for inner in list(ast.walk(loop))[1:]
        )

    def test_opens_with_a_title_and_a_table(self, path):
        """One title, what it needs and what it gives, then the parameters."""
        cells = json.loads(path.read_text())["cells"]
        first = source(cells[0])
        assert first.startswith("# ")
        assert "| needs | gives |" in first
        assert cells[1]["metadata"]["tags"] == ["parameters"]
        assert sum(source(cell).startswith("# ") for cell in cells if cell["cell_type"] == "markdown") == 1

    def test_parameters_are_readable_by_papermill(self, path):
        """Typed, one a line, a comment after it, no second equals sign, no union type, no key."""
        for line in source(code_cells(path)[0]).splitlines():
            assert re.fullmatch(r"\w+: (str|int|float|bool|list|dict) = [^=#]+  # [^=]+", line), line
            assert "key" not in line.split(":")[0]

    def test_links_to_the_next(self, path):
        """Each notebook but the last ends by naming the one to open next."""
        following = f"{int(path.stem[:2]) + 1:02d}_"
        text = path.read_text()
        assert (f"]({following}" in text) == (path.stem != "05_report")


def parsed(code: str) -> ast.Module:
    return compile(code, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_conda_and_pip_agree():
    """environment.yml and pyproject.toml name the same dependencies with the same bounds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {*project["dependencies"], *chain(*project["optional-dependencies"].values())}
    listed = set(
        re.findall(r"^  - ([a-z][\w.-]*(?:[<>=][^ #\n]*)?)", (ROOT / "environment.yml").read_text(), re.M)
    )
    assert not {re.split("[<>=]", one)[0] for one in listed} & set(CONDA.values())
    listed = {CONDA.get(name := re.split("[<>=]", one)[0], name) + one[len(name) :] for one in listed}
    assert listed - {"conda-forge", "pip", f"python{project['requires-python']}"} == wanted


def test_the_lab_serves_the_runs_too():
    """From the repository's root, where runs/ is; as root, a container's only user, it has to be told so."""
    told = subprocess.run(
        ["make", "--no-print-directory", "-n", "lab"], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout
    line = told.splitlines()[-1]
    assert f'--ServerApp.root_dir="{ROOT}"' in line
    assert ("--allow-root" in line) is (os.geteuid() == 0)


def test_every_dependency_says_why():
    """Each dependency has its reason on its line."""
    text = (ROOT / "pyproject.toml").read_text()
    lines = [line for line in text.splitlines() if re.match(r'    "[a-z]', line)]
    assert len(lines) > 20
    assert not [line for line in lines if "# " not in line]


# conda-forge's names where they are others than PyPI's; its `playwright` is the one for Node.js.
CONDA = {"jupyter_client": "jupyter-client", "playwright-python": "playwright"}

# Modules under another name than their distribution's, or that a declared one cannot do without.
COMPANIONS = {
    "IPython": "ipykernel",
    "PIL": "matplotlib",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "dask": "distributed",
    "langchain_core": "langchain_groq",
    "pygments": "nbconvert",
    "traitlets": "ipykernel",
    "zmq": "jupyter_client",
}


def test_every_third_party_import_is_declared():
    """What the package imports is named in pyproject.toml, not just present by luck."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = (lines for name, lines in project["optional-dependencies"].items() if name != "test")
    lines = chain(project["dependencies"], *extras)
    named = {re.split(r"[<>=\[]", line)[0].replace("-", "_") for line in lines}
    named |= {module for module, home in COMPANIONS.items() if home in named}
    own = {"benchkit", *sys.stdlib_module_names}
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in nodes_of(path):
            if isinstance(node, ast.Import):
                found |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").split(".")[0])
    assert found - own - named == set()
