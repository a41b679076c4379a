"""What the value of a parameter may be: one model for each notebook's parameters cell.

A cell declares a parameter with its type, default and help; here stand the rules. Cells, the command and the
pipeline read them, so that a value is refused in the same words wherever it was given, before anything is
paid for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from .errors import UsageError

MOST_CASES = 10_000
MOST_ROUNDS = 1_000
DAY_S = 86_400
SHOWN = 100  # characters of a value that is refused


def from_text(text: str, kind: type) -> Any:
    """A list or dict as YAML, JSON or Python writes it, or short: `a,b` and `json: 2, conversation: 1`.

    Raises ValueError for a text that is neither.
    """
    import yaml

    text = text.strip()
    if kind is list and not text.startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    whole = text if text.startswith(("[", "{")) else f"{{{text.replace('=', ': ')}}}"
    try:
        value = yaml.safe_load(whole)
    except yaml.YAMLError as error:
        raise ValueError(text) from error
    if not isinstance(value, kind):
        raise ValueError(text)
    return value


def _listed(value: Any) -> Any:
    """papermill passes `-p models a,b` as text."""
    if isinstance(value, str):
        return from_text(value, list)
    return list(value) if isinstance(value, tuple) else value


def _mapped(value: Any) -> Any:
    return from_text(value, dict) if isinstance(value, str) else value


def _two_or_more(models: list[str]) -> list[str]:
    named = [model.strip() for model in models]
    if len(named) == 1:
        raise ValueError("A comparison needs two or more models.")
    if twice := sorted({model for model in named if named.count(model) > 1}):
        raise ValueError(f"It names {', '.join(twice)} twice. Name each model once.")
    return named


def _one_above_0(weights: dict[str, float]) -> dict[str, float]:
    if weights and not sum(weights.values()):
        raise ValueError("Every weight is 0. Give one above 0.")
    return weights


_RATIO = "Use a number between 0 and 1, such as 0.05."
_WEIGHTS = 'Give a weight of 0 or more to each name, such as {"json": 2, "conversation": 1}.'
Text = Annotated[
    str, BeforeValidator(lambda v: str(v) if isinstance(v, Path) else v), Field(description="Use text.")
]
Flag = Annotated[bool, Field(description="Use True or False.")]
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, description="Use a whole number, 0 or more.")]
Cases = Annotated[int, Field(ge=0, le=MOST_CASES, description=f"Use a whole number, 0 to {MOST_CASES}.")]
Ceiling = Annotated[Number, Field(ge=0, description="Use 0 for no ceiling, or a number above 0.")]
Calls = Annotated[int, Field(ge=0, description="Use 0 for no ceiling, or a whole number above 0.")]
Flight = Annotated[int, Field(ge=0, description="Use 0 to adapt, or a whole number.")]
Wait = Annotated[Number, Field(ge=0, le=DAY_S, description="Use 0 to adapt, or seconds up to a day.")]
Threshold = Annotated[Number, Field(ge=0, le=5, description="Scores run from 0 to 5.")]
Repeats = Annotated[int, Field(ge=0, le=20, description="Use a whole number, 0 to 20.")]
Rounds = Annotated[
    int, Field(ge=1, le=MOST_ROUNDS, description=f"Use a whole number from 1 to {MOST_ROUNDS}.")
]
Temperature = Annotated[Number, Field(ge=0, le=2, description="Use 0 to 2.")]
Tokens = Annotated[int, Field(ge=0, le=1_000_000, description="Use a whole number of tokens, 0 for 2,048.")]
Ratio = Annotated[float, Field(gt=0, lt=1, description=_RATIO)]
Alpha = Annotated[  # a later look is read at 2·alpha, too, and has no interval from .87 on
    float, Field(gt=0, lt=0.4, description="Use a number above 0 and below 0.4, such as 0.05.")
]
Name = Annotated[str, Field(pattern=r"\S")]
Names = Annotated[list[Name], BeforeValidator(_listed), Field(description="Use a list of names, or [].")]
Models = Annotated[
    list[Name],
    BeforeValidator(_listed),
    AfterValidator(_two_or_more),
    Field(description="Give a list of two or more model ids, or []."),
]
Execution = Annotated[Literal["now", "batch"], Field(description="Use now or batch.")]
Weight = Annotated[Number, Field(ge=0)]
Weights = Annotated[
    dict[str, Weight], BeforeValidator(_mapped), AfterValidator(_one_above_0), Field(description=_WEIGHTS)
]
UNKNOWN: Any = None  # of a parameter that was not asked about


class Values(BaseModel):
    """A notebook's parameters; those that were not given are None and stand under no rule."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)
    run_dir: Text = UNKNOWN

    def given(self) -> dict[str, Any]:
        """Those that were given but for the run itself, as config.json keeps them."""
        return self.model_dump(exclude_unset=True, exclude={"run_dir"})


class Generate(Values):
    provider: Annotated[Literal["offline", "groq"], Field(description="Use offline or groq.")] = UNKNOWN
    seed: Count = UNKNOWN
    cases_file: Text = UNKNOWN
    draft_requirements: Flag = UNKNOWN
    enable_json_tests: Flag = UNKNOWN
    enable_conversation_tests: Flag = UNKNOWN
    json_cases: Cases = UNKNOWN
    conversation_cases: Cases = UNKNOWN
    categories: Names = UNKNOWN
    generator_model: Text = UNKNOWN
    max_cost_usd: Ceiling = UNKNOWN
    max_calls: Calls = UNKNOWN
    max_minutes: Ceiling = UNKNOWN
    max_concurrency: Flight = UNKNOWN
    timeout_s: Wait = UNKNOWN

    @model_validator(mode="after")
    def _asks_for_something(self) -> Generate:
        asked = (self.json_cases, self.enable_json_tests, self.conversation_cases, self.cases_file)
        if UNKNOWN in asked or self.cases_file:
            return self
        if not (self.enable_json_tests and self.json_cases) and not (
            self.enable_conversation_tests and self.conversation_cases
        ):
            raise ValueError(
                "no test cases are asked for. Enable one kind, set its count above 0, or give cases_file."
            )
        return self


class Validate(Values):
    enable_validation: Flag = UNKNOWN
    validator_model: Text = UNKNOWN
    quality_threshold: Threshold = UNKNOWN
    max_regenerations: Repeats = UNKNOWN
    reject_brought: Flag = UNKNOWN
    planted_cases: Cases = UNKNOWN
    enable_judge: Flag = UNKNOWN
    judge_model: Text = UNKNOWN


class Execute(Values):
    models: Models = UNKNOWN
    candidates_file: Text = UNKNOWN
    rounds: Rounds = UNKNOWN
    temperature: Temperature = UNKNOWN
    max_tokens: Tokens = UNKNOWN
    max_concurrency: Flight = UNKNOWN
    timeout_s: Wait = UNKNOWN
    execution: Execution = UNKNOWN
    primary_metric: Text = UNKNOWN
    alpha: Alpha = UNKNOWN
    margin: Ratio = UNKNOWN
    detect: Ratio = UNKNOWN
    kind_weights: Weights = UNKNOWN
    category_weights: Weights = UNKNOWN
    pilot_run: Text = UNKNOWN

    @model_validator(mode="after")
    def _compares_one_of_both(self) -> Execute:
        if self.models and self.candidates_file:
            raise ValueError("models and candidates_file are both given. Leave one of them empty.")
        return self

    @model_validator(mode="after")
    def _people_compare_two(self) -> Execute:
        named = "" if self.primary_metric is UNKNOWN else self.primary_metric
        if "preference" not in [part.strip() for part in named.split(",")]:
            return self
        if self.models is not UNKNOWN and len(self.models) > 2:
            raise ValueError(
                "primary_metric = 'preference' lets people decide between two models, and models names "
                f"{len(self.models)}. Name two."
            )
        if any(weights not in (UNKNOWN, {}) for weights in (self.kind_weights, self.category_weights)):
            raise ValueError(
                "primary_metric = 'preference' counts every case alike. Leave kind_weights and "
                "category_weights empty."
            )
        return self


class Measure(Values):
    enable_judge: Flag = UNKNOWN
    judge_model: Text = UNKNOWN
    labels_file: Text = UNKNOWN
    lower_is_better: Names = UNKNOWN
    label_sample: Count = UNKNOWN
    scheduler: Text = UNKNOWN
    planted_answers: Cases = UNKNOWN
    execution: Execution = UNKNOWN
    reference: Text = UNKNOWN


class Report(Values):
    report_model: Text = UNKNOWN
    baseline_run: Text = UNKNOWN


MODELS: dict[str, type[Values]] = {
    "01_generate": Generate,
    "02_validate": Validate,
    "03_execute": Execute,
    "04_measure": Measure,
    "05_report": Report,
}


def checked(notebook: str, names: Mapping[str, Any]) -> Any:
    """The values of `notebook`'s parameters that are among `names`, such as a cell's `globals()`.

    Lists and dicts may be text. Raises UsageError that names the value and what would be usable.
    """
    model = MODELS[notebook]
    given = {name: names[name] for name in model.model_fields if name in names}
    try:
        return model(**given)
    except ValidationError as error:
        raise _refusal(model, given, error.errors()[0]) from None


def check(**values: Any) -> dict[str, Any]:
    """Those of `values` that any notebook has a parameter for, as it gets them.

    Raises UsageError where one cannot be that of the parameter of its name.
    """
    found: dict[str, Any] = {}
    for notebook in MODELS:
        found |= checked(notebook, values).model_dump(exclude_unset=True)
    return found


def _refusal(model: type[Values], given: Mapping[str, Any], error: Any) -> UsageError:
    said = str(error["ctx"]["error"]) if error["type"] == "value_error" else ""
    if not error["loc"]:  # a rule on several of them
        return UsageError(said)
    name = str(error["loc"][0])
    usual = not said or isinstance(given[name], str)  # from_text says only the text again
    return refused(name, given[name], model.model_fields[name].description if usual else said)


def refused(name: str, value: Any, remedy: str | None) -> UsageError:
    """The error for a value that cannot be a parameter's."""
    text = repr(value)
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return UsageError(f"{name} = {shown} is not usable. {remedy}")
