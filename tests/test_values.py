"""Every rule on a parameter's value, in the words that cell, command and pipeline all use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchkit import values
from benchkit.errors import UsageError
from benchkit.runner.parameters import declared_parameters, notebook_folder
from benchkit.values import MODELS, check, checked, from_text

NAN, INF = float("nan"), float("inf")


def test_every_declared_parameter_has_its_rule():
    """What the cells declare, and their defaults, pass; a name without a rule would be checked by nobody."""
    for notebook, parameters in declared_parameters(notebook_folder()).items():
        assert set(parameters) <= set(MODELS[notebook].model_fields)
        defaults = {name: one.default for name, one in parameters.items()}
        assert checked(notebook, defaults | {"np": object()}).run_dir == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"provider": "gorq"}, "provider = 'gorq' is not usable. Use offline or groq."),
        ({"seed": -1}, "seed = -1 is not usable. Use a whole number, 0 or more."),
        ({"seed": True}, "seed = True is not usable"),
        ({"seed": 1.5}, "seed = 1.5 is not usable"),
        ({"json_cases": 10_001}, "json_cases = 10001 is not usable. Use a whole number, 0 to 10000."),
        ({"enable_json_tests": 1}, "enable_json_tests = 1 is not usable. Use True or False."),
        ({"categories": ["a", 3]}, "categories = ['a', 3] is not usable. Use a list of names"),
        ({"categories": [" "]}, "categories = [' '] is not usable"),
        *(({"max_cost_usd": bad}, f"max_cost_usd = {bad} is not usable") for bad in (-1, NAN, INF, True)),
        ({"max_calls": 1.5}, "max_calls = 1.5 is not usable. Use 0 for no ceiling"),
        ({"quality_threshold": 5.1}, "quality_threshold = 5.1 is not usable. Scores run from 0 to 5."),
        ({"max_regenerations": 21}, "max_regenerations = 21 is not usable"),
        ({"planted_cases": -1}, "planted_cases = -1 is not usable"),
        ({"models": ["a"]}, "models = ['a'] is not usable. A comparison needs two or more models."),
        ({"models": ["a", " a"]}, "models = ['a', ' a'] is not usable. It names a twice."),
        ({"models": ["a", ""]}, "models = ['a', ''] is not usable. Give a list of two or more"),
        ({"models": 5}, "models = 5 is not usable"),
        ({"models": "[a, b"}, "models = '[a, b' is not usable. Give a list"),
        ({"rounds": 0}, "rounds = 0 is not usable. Use a whole number from 1 to 1000."),
        ({"temperature": 2.1}, "temperature = 2.1 is not usable. Use 0 to 2."),
        ({"max_tokens": -1}, "max_tokens = -1 is not usable"),
        ({"timeout_s": 86_401}, "timeout_s = 86401 is not usable. Use 0 to adapt, or seconds"),
        *(
            ({"alpha": bad}, f"alpha = {bad} is not usable. Use a number above 0 and below 0.4")
            for bad in (0, 1, NAN)
        ),
        ({"kind_weights": {"json": -1}}, "kind_weights = {'json': -1} is not usable. Give a weight"),
        ({"kind_weights": {"json": 0}}, "kind_weights = {'json': 0} is not usable. Every weight is 0."),
        ({"category_weights": [1]}, "category_weights = [1] is not usable"),
        ({"cases_file": None}, "cases_file = None is not usable. Use text."),
        ({"max_minutes": 10**400}, "max_minutes = 1000"),
    ],
)
def test_a_value_that_cannot_be_used(given, said):
    """One sentence: the name, the value, and what would be usable."""
    with pytest.raises(UsageError) as error:
        check(**given)
    assert said in str(error.value)
    assert len(str(error.value)) < 300


def test_the_words_stand_once():
    """Whoever refuses a value does it with the same function."""
    package = Path(values.__file__).parent
    files = [path.name for path in package.rglob("*.py") if "is not usable" in path.read_text("utf-8")]
    assert files == ["values.py"]


def test_nothing_to_generate():
    """Only where all that could ask for a case is known."""
    none = {"json_cases": 0, "conversation_cases": 3, "enable_conversation_tests": False}
    none |= {"enable_json_tests": True, "cases_file": ""}
    with pytest.raises(UsageError, match="no test cases are asked for"):
        checked("01_generate", none)
    assert checked("01_generate", none | {"cases_file": "mine.csv"}).given()["json_cases"] == 0
    assert checked("01_generate", {"json_cases": 0}).given() == {"json_cases": 0}


def test_values_as_the_cell_uses_them():
    """Text becomes the list that it writes, paths and tuples what they stand for, whole numbers floats."""
    given = {"models": "a,b", "kind_weights": "{json: 2}", "pilot_run": Path("runs/x"), "temperature": 1}
    settings = checked("03_execute", given | {"another": 3})
    assert (settings.models, settings.kind_weights) == (["a", "b"], {"json": 2.0})
    assert (settings.pilot_run, settings.temperature, settings.rounds) == ("runs/x", 1.0, None)
    assert checked("03_execute", {"models": ("a", "b")}).given() == {"models": ["a", "b"]}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("", list, []),
        ("a", list, ["a"]),
        (" a, b,", list, ["a", "b"]),
        ("[a, b]", list, ["a", "b"]),
        ('["a,b", 2]', list, ["a,b", 2]),
        ("['a', 'b']", list, ["a", "b"]),
        ("[\n  openai/gpt-oss-20b,\n  x:y]", list, ["openai/gpt-oss-20b", "x:y"]),
        ("", dict, {}),
        ("{}", dict, {}),
        ("{json: 2, conversation: 1}", dict, {"json": 2, "conversation": 1}),
        ('{"json": 2}', dict, {"json": 2}),
        ("{'json': 0.5}", dict, {"json": 0.5}),
        ("json: 2, conversation: 1", dict, {"json": 2, "conversation": 1}),
        ("json=2,conversation=1", dict, {"json": 2, "conversation": 1}),
    ],
)
def test_lists_and_dicts_as_text(text, kind, value):
    """As YAML, JSON or Python writes them."""
    assert from_text(text, kind) == value


@pytest.mark.parametrize(("text", "kind"), [("[a", list), ("[a]", dict), ("{a", dict)])
def test_text_that_is_no_list_or_dict(text, kind):
    """An error, not a part of it."""
    with pytest.raises(ValueError, match=re.escape(text)):
        from_text(text, kind)
