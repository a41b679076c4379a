"""One run folder; the only module that reads and writes its artifacts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..domain import is_control
from ..errors import RunError
from ..llm.journal import any_simulated
from ..log import setup_logging
from ..wording import of_candidates
from . import figures
from .config import is_begun, read_config, save_config
from .foreign import BESIDE, BROUGHT_SCORES, CASES, imported, is_brought, with_their_cases
from .json_io import json_text, read_json
from .large import GROWING, digest, read_growing, write_growing
from .lock import claim
from .responses import (
    RESPONSES,
    check_current,
    combined,
    file_name,
    response_files,
    responses_behind,
)
from .reviewed import (
    EDITABLE,
    REVIEW,
    changed,
    edited,
    review_in_words,
    reviewed,
    write_anew,
    write_unless_edited,
)
from .rows import FLAGGED, rows_used
from .tables import ARTIFACTS, read_table, write_atomically, write_table

if TYPE_CHECKING:
    import pandas as pd

    from ..plots import Chart

logger = setup_logging(__name__)
REJECTED = "rejected_tests.csv"
ASKED_WITH = ("models", "candidates", "rounds", "temperature", "max_tokens")  # of 03: what makes its answers
REPORTED = {"comparisons": list, "configuration": dict, "decision": dict}  # what any metrics_report.json has


@dataclass
class Run:
    """A run folder. Tables are read by name (`run.validated_tests()`) and saved whole."""

    path: Path
    at_work: str = ""  # the notebook whose figures are the next ones
    _drawn: dict[str, Chart] = field(default_factory=dict, repr=False)  # what it drew when it last ran

    def __repr__(self) -> str:
        return f"Run({self.path.name}, provider={self.provider}{', SIMULATED' if self.simulated else ''})"

    def _repr_markdown_(self) -> str:
        about = f"Run `{self.path}`, provider {self.provider}, seed {self.seed}."
        return f"{about} **SIMULATED: no real model answered.**" if self.simulated else about

    @property
    def config(self) -> dict[str, Any]:
        """config.json; for a folder of somebody's cases and answers that has none, what it would hold."""
        known = is_begun(self.path) or not (self.path / CASES).exists()
        return read_config(self.path) if known else imported()

    @property
    def name(self) -> str:
        """The folder's; of results beside what was brought that of the folder above, as people know it."""
        beside = self.path.name == BESIDE and self.provider == "imported"
        return self.path.parent.name if beside else self.path.name

    @property
    def provider(self) -> str:
        """`offline`, `groq`, or `imported` for responses that were made elsewhere."""
        return self.config["provider"]

    @property
    def seed(self) -> int:
        return self.config["seed"]

    @property
    def simulated(self) -> bool:
        """Whether any answer came from a simulated model, over whatever address or folder it came here."""
        return (
            self.provider == "offline"
            or any(model.startswith("offline/") for model in response_files(self.path))
            or any_simulated(self.path / "calls.sqlite")
        )

    @property
    def brought(self) -> bool:
        """Whether a person brought the cases: nobody but that person may change them."""
        return self.provider == "imported" or bool(self.parameter("01_generate", "cases_file"))

    def parameter(self, notebook: str, name: str, default: Any = None) -> Any:
        """What a notebook was last run with."""
        return self.config["parameters"].get(notebook, {}).get(name, default)

    def claim(self) -> AbstractContextManager[None]:
        return claim(self.path)

    def record(self, notebook: str, **parameters: Any) -> None:
        """Remember what `notebook` runs with, so that a resumed run asks for the same."""
        with self.claim():
            config = self.config
            config["parameters"][notebook] = parameters
            save_config(self.path, config)
            self._drawn = figures.forget(self.path / "figures", notebook)
        self.at_work = notebook

    def amend(self, notebook: str, **values: Any) -> None:
        """Change some of what `notebook` was last run with; it does not run, so that what it made stays."""
        with self.claim():
            config = self.config
            config["parameters"][notebook] = config["parameters"].get(notebook, {}) | values
            save_config(self.path, config)

    def save_json(self, name: str, value: Any) -> None:
        self.save_text(name, json_text(value))

    def save_text(self, name: str, text: str) -> None:
        self._write_anew(self.path / name, lambda: write_atomically(self.path / name, text))

    def _write_anew(self, path: Path, write: Callable[[], None]) -> None:
        with self.claim():
            if kept := write_anew(path, write):
                logger.warning(
                    "%s was changed since benchkit wrote it, and is made anew. What was there is kept as %s.",
                    path, kept.name,
                )  # fmt: skip

    @property
    def signature(self) -> str:
        """How whatever stands in this run was made, as far as that is known before it is measured."""
        alpha = self.parameter("03_execute", "alpha")
        measured = self.at_work >= "04"  # earlier figures are of before it mattered
        known = f"|alpha:{alpha:g}" if alpha and measured else ""
        return f"benchkit:{version('benchkit')}{known}|provider:{self.provider}|seed:{self.seed}"

    def figure(self, chart: Chart) -> Chart:
        """Keep a chart, signed and marked SIMULATED where the run is, and give it back to be shown."""
        if self.parameter("03_execute", "candidates"):
            chart = chart.worded(of_candidates)
        chart = chart.stamped(self.signature, simulated=self.simulated)
        chart = chart.as_drawn(self._drawn.get(chart.name))
        with self.claim():
            figures.keep(self.path / "figures", chart, self.at_work)
        return chart

    def figures(self) -> dict[str, Chart]:
        """The figures that the last run of each notebook drew, by name, in their order."""
        return figures.kept(self.path / "figures")

    def save(self, name: str, frame: pd.DataFrame) -> None:
        """Write a table. Where a person has edited the one that is there, that is kept, and said: one of
        EDITABLE as it is, another beside what is made anew.

        Raises RunError for a file that came from elsewhere.
        """
        path = self.path / name
        if self.provider == "imported" and is_brought(name):
            raise RunError(f"{path} came from elsewhere and is not written over. Name another run_dir.")
        if name not in EDITABLE:
            write = write_growing if name in GROWING else write_table
            self._write_anew(path, lambda: write(path, frame))
            return
        with self.claim():
            if not write_unless_edited(path, frame):
                logger.warning(
                    "%s was edited since benchkit wrote it, and is kept as it is. To have it written anew, "
                    "delete it and run again.", path,
                )  # fmt: skip

    def edits(self) -> list[str]:
        """A sentence for each table of cases or responses that a person changed, and one for the review."""
        review = review_in_words(self.path / REVIEW) if self._has_review else ""
        cases = (edited(self.path / name) for name in EDITABLE)
        return [said for said in (*cases, *map(changed, self.response_files().values()), review) if said]

    def rows_used(self) -> str:
        """Of the rows that somebody brought, how many are cases, and why the others are none.

        "" where nobody brought any, and before 02 has run.
        """
        if not self.brought or not (self.path / REJECTED).exists():
            return ""
        cases, rejected = self.validated_tests(), self.rejected_tests()
        lost = len(self.initial_tests()) - len(cases) - len(rejected)
        flagged = int(cases["validation_message"].str.startswith(FLAGGED).sum())
        return rows_used(len(cases), [*rejected["reason"], *["taken out"] * lost], flagged)

    def initial_tests(self) -> pd.DataFrame:
        return read_table(self.path / "initial_tests.csv")

    def validated_tests(self) -> pd.DataFrame:
        """The cases to ask: what 02 accepted, as people have reviewed it."""
        return self._reviewed()[0] if self._has_review else read_table(self.path / CASES)

    def rejected_tests(self) -> pd.DataFrame:
        """What 02 or a person turned down, with the reason."""
        return self._reviewed()[1] if self._has_review else read_table(self.path / REJECTED)

    @property
    def _has_review(self) -> bool:
        return self.provider != "imported" and (self.path / REVIEW).exists()

    def _reviewed(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        tables = read_table(self.path / CASES), read_table(self.path / REJECTED, or_empty=True)
        return reviewed(self.path / REVIEW, *tables)

    def planted_tests(self) -> pd.DataFrame:
        """What tested the validator; empty where nothing did."""
        return read_table(self.path / "planted_tests.csv", or_empty=True)

    def scores(self) -> pd.DataFrame:
        """Every score of a model; those of controls stand in the file, too, and in the report as a table."""
        scores = read_growing(self.path / "scores.csv")
        scores = scores[~scores["model"].map(is_control).astype(bool)].reset_index(drop=True)
        scores.attrs["simulated"] = self.simulated
        return scores

    def judgements(self) -> pd.DataFrame:
        """What the judge said of each answer and requirement; empty where nobody judged."""
        return read_table(self.path / "judgements.csv", or_empty=True)

    def brought_scores(self) -> pd.DataFrame:
        """Scores that were computed elsewhere, with kind, category and family of their cases; else no rows.

        Columns as in scores.csv; what was brought needs only id, model, round, metric and value. Scores of
        other cases are left out. Raises RunError for two values of one thing.
        """
        scores = read_table(self.path / BROUGHT_SCORES, or_empty=True)
        return with_their_cases(scores, self.validated_tests()) if len(scores) else scores

    def metrics_report(self) -> dict[str, Any]:
        return read_json(self.path / "metrics_report.json", "04_measure", REPORTED)

    def save_report(self, report: Mapping[str, Any]) -> None:
        """Write metrics_report.json, with what it was computed from."""
        made = {name: self.config[name] for name in ("provider", "seed", "parameters")}
        made["parameters"] = {name: given for name, given in made["parameters"].items() if name < "05"}
        told = {"made_with": made, "inputs": self._inputs()}
        self.save_json("metrics_report.json", {**report, **told})

    def current_report(self) -> dict[str, Any]:
        """metrics_report.json, if it was computed from the cases and responses that are there now.

        Raises RunError where 02 or 03 has run again since.
        """
        report = self.metrics_report()
        then, now = report.get("inputs", {}), self._inputs()
        if changed := sorted(name for name in {*then, *now} if then and then.get(name) != now.get(name)):
            raise RunError(
                f"{self.path / 'metrics_report.json'} was computed before {', '.join(changed)} changed. "
                "Run 04_measure.ipynb again."
            )
        return report

    def _inputs(self) -> dict[str, str]:
        """A digest of each file that scores and comparisons are made from."""
        review = [self.path / REVIEW] if self._has_review else []
        files = [self.path / CASES, *review, self.path / BROUGHT_SCORES, *self.response_files().values()]
        return {file.name: digest(file) for file in files if file.exists()}

    def seen_before(self) -> dict[str, Any]:
        """The configuration of this run's last metrics_report.json; {} where none can be read."""
        try:
            report = self.metrics_report()
            judge = report.get("judge", {}).get("judged", {}).get("model", "")
            return {"judge": judge} | report["configuration"]  # older ones do not name the judge
        except (RunError, KeyError, TypeError):
            return {}  # 04 is about to write it anew

    def save_responses(self, responses: pd.DataFrame) -> None:
        """One `{model}_all_responses.csv` a model, and the combined file with every model side by side."""
        for model, rows in responses.groupby("model", sort=False):
            self.save(file_name(str(model)) + RESPONSES, rows[list(ARTIFACTS[RESPONSES].columns)])
        self.save("combined_model_responses.csv", combined(responses, self.validated_tests()))
        with self.claim():
            save_config(self.path, self.config | {"answered": self._asked_with})

    def responses(self) -> pd.DataFrame:
        """Every model's responses below each other, with a `model` column.

        A run that 03 made has the models of its last execution; a folder that came from elsewhere has
        whatever `*_all_responses.csv` lie in it, and where only scores did, a row without an answer for each
        response that was scored (`attrs["scores_only"]`). Raises RunError for responses that are missing,
        damaged, not to the cases that validated_tests.csv holds now, or not with what 03 was last run with.
        """
        files = self.response_files()
        if not files:
            if len(scores := self.brought_scores()):
                return responses_behind(scores, self.validated_tests())
            raise RunError(f"{self.path} has no *{RESPONSES}. Run 03_execute.ipynb on it first.")
        return self.checked({model: read_table(file).assign(model=model) for model, file in files.items()})

    def checked(self, answers: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """Each model's responses below each other, with what is known of them.

        Raises RunError for responses that are not to the cases that validated_tests.csv holds now.
        """
        import pandas as pd

        if self._asked:
            self._check_asked()
            files = self.response_files()
            check_current({files[model]: rows for model, rows in answers.items()}, self.validated_tests())
        responses = pd.concat(answers.values(), ignore_index=True)
        responses.attrs |= {"simulated": self.simulated, "noted": self.edits()}
        return responses

    def response_files(self) -> dict[str, Path]:
        """Each model's file of responses; where 03 made them, of the models that it was last run with."""
        asked = {model: self.path / (file_name(model) + RESPONSES) for model in self._asked}
        return asked or response_files(self.path)

    def _check_asked(self) -> None:
        """03 may have been told to ask otherwise, and stopped before it had asked."""
        answered, told = self.config.get("answered", {}), self._asked_with
        if other := [name for name in answered if answered[name] != told[name]]:
            raise RunError(
                f"the responses in {self.path} were made before 03 was told to ask otherwise (changed: "
                f"{', '.join(other)}). Run 03_execute.ipynb to its end: only what is new is asked."
            )

    @property
    def _asked_with(self) -> dict[str, Any]:
        return {name: self.parameter("03_execute", name) for name in ASKED_WITH}

    @property
    def _asked(self) -> list[str]:
        named = self.parameter("03_execute", "candidates") or self.parameter("03_execute", "models", [])
        return [] if self.provider == "imported" else list(named)
