"""What other harnesses leave of an answer: tables of what it is read as, and hostile texts."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchkit.domain import STATUSES
from benchkit.errors import InputError
from benchkit.jsontext import MAX_DEPTH
from benchkit.metrics.answers import Answer, read_answer, read_golden

CALL = {"name": "process_customer_response", "arguments": {"response_text": "Hi", "response_type": "answer"}}
LOST = Answer("failed", None, "lost by the harness")


@pytest.mark.parametrize("text", ["", "  \n", "None", "nan", "NaN", "null", "<NA>", None, float("nan")])
@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_lost(text: object, kind: str) -> None:
    """An answer that is not there was lost, which is no answer of the model's."""
    assert read_answer(text, kind) == LOST


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Your refund is on its way.", "Your refund is on its way."),
        ('<think>hm {"a": 1}</think>\nHi', "Hi"),
        ("<THINK>a <think> b</think>Hi", "Hi"),
        ("first thoughts</think> Hi", "Hi"),
        ("A<think>1</think> B<think>2</think> C", "A B C"),
        ("Hi <think>and then it was cut", "Hi"),
        ('<think>never closed {"a": 1} ... {"response_text": "Hi"}', "Hi"),
        ("```\nHi\n```", "Hi"),
        ("Run this:\n```sh\nreset\n```\nDone", "Run this:\n```sh\nreset\n```\nDone"),
        ('{"response_text": "Hi", "response_type": "answer", "next_steps": []}', "Hi"),
        ("{'response_text': 'Hi', 'next_steps': None}", "Hi"),
        ('{"response_text": "Press </think> {now}"}', "Press </think> {now}"),
        ('Sure!\n```json\n{"response_text": "Hi"}\n```\nBye', "Hi"),
        (json.dumps(CALL), "Hi"),
        (str(CALL), "Hi"),
        (json.dumps(CALL | {"arguments": json.dumps(CALL["arguments"])}), "Hi"),
        (json.dumps([{"id": "1", "type": "function", "function": CALL}]), "Hi"),
        (json.dumps({"tool_calls": [{"function": CALL}]}), "Hi"),
        ('"Hi"', "Hi"),
        ("{{Name}}, hello", "{{Name}}, hello"),
        ('Use {curly} braces, {"or not', 'Use {curly} braces, {"or not'),
        ("None of this works", "None of this works"),
    ],
)
def test_conversation(text: str, value: str) -> None:
    """The response text is found in whatever it is wrapped in, and plain text is itself."""
    assert read_answer(text, "conversation") == Answer("answered", value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("<think>only thoughts</think>", "no answer after it"),
        ("<think>only thoughts", "no answer after it"),
        ('<think>maybe {"response_text": "Hi"} or not', "no answer after it"),
        ('{"response_text": "cut of', "cut off"),
        ('{"text": "Hi"}', "no response_text"),
        ('{"response_text": ""}', "no response_text"),
        ('{"response_text": null}', "no response_text"),
        ('{"name": "f", "arguments": "{broken"}', "arguments"),
    ],
)
def test_malformed_conversation(text: str, error: str) -> None:
    """What the model failed to deliver is malformed, with the reason."""
    answer = read_answer(text, "conversation")
    assert (answer.status, answer.value) == ("malformed", None)
    assert error in answer.error


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("{}", {}),
        ("{'a': True, 'b': None, 'c': (1, 2)}", {"a": True, "b": None, "c": [1, 2]}),
        ('{"a": "it\'s", }', {"a": "it's"}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"a": "\\ud800"}', {"a": "\ud800"}),
        ('<think>{"a": 9}</think>{"a": 1}', {"a": 1}),
        ('<think>{"a": 9} so\n```json\n{"a": 1}\n```', {"a": 1}),
        ('Like {"a": 1}, but: {"a": 1, "b": 2}. {x}', {"a": 1, "b": 2}),
        ("{'a': {1, 2}} is wrong, {\"a\": 1} is right", {"a": 1}),
        ('```json\n{"a": "```"}\n```', {"a": "```"}),
        ('[{"a": 1}]', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('{"name": "Ann", "age": 5, "arguments": {}}', {"name": "Ann", "age": 5, "arguments": {}}),
        ('{"response_text": "Here: {\\"a\\": 1}", "response_type": "answer"}', {"a": 1}),
        ('{"response_text": {"a": 1}}', {"a": 1}),
        ('{"response_text": "prose"}', {"response_text": "prose"}),
        (
            '{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH,
            json.loads('{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH),
        ),
    ],
)
def test_json(text: str, value: dict) -> None:
    """The object is found in whatever it is wrapped in; of several the largest counts."""
    assert read_answer(text, "json") == Answer("answered", value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("I have refunded it.", "no JSON object"),
        ("[1, 2]", "array"),
        ('[{"a": 1}, {"a": 2}]', "array"),
        ("5", "no JSON object"),
        ('{"a": {"b": 1}, "c": ', "cut off"),
        ('{"a": tru, "b": {"c": 1}}', "not JSON"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1e999}', "1e999"),
        ("{'a': -inf}", "not JSON"),
        ("{'a': 1j}", "not JSON"),
        ("{'a': __import__('os').getcwd()}", "not JSON"),
        ('{"a": "\x00"}', "not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON"),
        ('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), "deeper"),
    ],
)
def test_malformed_json(text: str, error: str) -> None:
    """A broken answer is malformed, and no piece of it passes for the whole."""
    answer = read_answer(text, "json")
    assert (answer.status, answer.value) == ("malformed", None)
    assert error in answer.error


HOSTILE = {
    "braces": "{" * 100_000,
    "pairs": "{}" * 50_000,
    "objects": '{"a":1}' * 14_000,
    "literals": "{'a':1,}" * 12_000,
    "depth": '{"a":' * 20_000,
    "balanced depth": '{"a":' * 14_000 + "1" + "}" * 14_000,
    "literal depth": "{'a':" * 14_000 + "1" + "}" * 14_000,
    "brackets": "[" * 100_000,
    "operators": "[" + "1+" * 50_000 + "1]",
    "signs": "[" + "-" * 100_000 + "1]",
    "subscripts": "[[1]" + "[0]" * 33_000 + "]",
    "quotes": "{'\\'" * 25_000,
    "escapes": '"' + '\\"' * 50_000,
    "opened thoughts": "<think>" * 14_000,
    "closed thoughts": "</think>" * 12_000,
    "thoughts and braces": '<think>x</think>{"' * 5_000,
    "fences": "```\n" * 25_000,
    "spaces": '{"a": 1' + " " * 100_000 + "x",
    "control characters": "\x00\x1b\ud800" * 33_000,
}


@pytest.mark.parametrize("kind", ["json", "conversation"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile(text: str, kind: str) -> None:
    """100 KB of malice ends in a status, soon."""
    started = time.perf_counter()
    assert read_answer(text, kind).status in ("answered", "malformed")
    assert time.perf_counter() - started < 3


FRAGMENTS = """
{ } [ ] " ' \\ : , <think> </think> ``` ```json a 1 None "response_text" "name" "arguments" {"a":1} {'b':True}
"""
fragments = st.sampled_from([*FRAGMENTS.split(), "\n", " ", "\x00", "\ud800"])


@settings(deadline=None)
@given(st.lists(fragments, max_size=25).map("".join), st.sampled_from(["json", "conversation"]))
def test_never_raises(text: str, kind: str) -> None:
    """Any text has a status, and a value exactly where it is answered."""
    answer = read_answer(text, kind)
    assert answer.status in STATUSES
    assert isinstance(answer.value, dict if kind == "json" else str) is (answer.status == "answered")
    assert bool(answer.error) is (answer.status != "answered")


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
)
records = st.dictionaries(
    st.sampled_from(["id", "summary", "items"]),
    leaves | st.text() | st.lists(st.text(), max_size=3),
    min_size=1,
)


@settings(deadline=None)
@given(records, st.sampled_from(["{}", "```json\n{}\n```", "<think>so</think>\n{}", "Here it is: {} Done."]))
def test_json_round_trip(record: dict, frame: str) -> None:
    """A record survives being written as JSON or as a Python literal, in any wrapping."""
    for written in (json.dumps(record), json.dumps(record, indent=2, ensure_ascii=False), repr(record)):
        assert read_answer(frame.replace("{}", written), "json") == Answer("answered", record)


@settings(deadline=None)
@given(st.text().filter(lambda text: text.strip()))
def test_conversation_round_trip(text: str) -> None:
    """A response text comes back from the tool's JSON as it was, whatever stands in it."""
    assert read_answer(json.dumps({"response_text": text, "next_steps": []}), "conversation").value == text


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"a": 1}', {"a": 1}), ("{'a': None, 'b': ('x',)}", {"a": None, "b": ["x"]}), ({"a": 1}, {"a": 1})],
)
def test_read_golden(text: object, value: dict) -> None:
    """A golden may be JSON, a Python literal, or read already."""
    assert read_golden(text) == value


@pytest.mark.parametrize(
    "text", ["", "None", "[1]", "prose", "{'a': nan}", '{"a": 1} and more', "{" * 100_000, "open('x')"]
)
def test_unusable_golden(text: str) -> None:
    """Anything else says what it is, shortly, and what to write."""
    with pytest.raises(InputError, match=r"Write it as a JSON object\.") as raised:
        read_golden(text)
    assert len(str(raised.value)) < 300
