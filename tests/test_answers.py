"""What other harnesses leave of an answer: tables of what it is read as, and hostile texts."""

from __future__ import annotations

import json
import time

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchkit.domain import STATUSES, TestCase
from benchkit.errors import InputError
from benchkit.jsontext import MAX_DEPTH
from benchkit.measure import align, score
from benchkit.metrics.answers import Answer, own_keys, read_answer, read_golden

CALL = {"name": "process_customer_response", "arguments": {"response_text": "Hi", "response_type": "answer"}}
LOST = Answer("failed", None, "the answer is empty")


@pytest.mark.parametrize("text", ["", "  \n", "None", "NaN", "<NA>", None, float("nan")])
@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_lost(text: object, kind: str) -> None:
    """An answer that is not there was lost, which is no answer of the model's."""
    assert read_answer(text, kind) == LOST


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Your refund is on its way.", "Your refund is on its way."),
        ('<think>hm {"a": 1}</think>\nHi', "Hi"),
        ("first thoughts</think> Hi", "Hi"),
        ("A<think>1</think> B<think>2</think> C", "A B C"),
        ("Hi <think>and then it was cut", "Hi"),
        ('<think>never closed {"a": 1} ... {"response_text": "Hi"}', "Hi"),
        ("```\nHi\n```", "Hi"),
        ("Run this:\n```sh\nreset\n```\nDone", "Run this:\n```sh\nreset\n```\nDone"),
        ('{"response_text": "Hi", "response_type": "answer", "next_steps": []}', "Hi"),
        ('{"response_text": "Press </think> {now}"}', "Press </think> {now}"),
        ('Sure!\n```json\n{"response_text": "Hi"}\n```\nBye', "Hi"),
        (json.dumps(CALL), "Hi"),
        (json.dumps(CALL | {"arguments": json.dumps(CALL["arguments"])}), "Hi"),
        ('"Hi"', "Hi"),
        ("{{Name}}, hello", "{{Name}}, hello"),
        ('Use {curly} braces, {"or not', 'Use {curly} braces, {"or not'),
    ],
)
def test_conversation(text: str, value: str) -> None:
    """The response text is found in whatever it is wrapped in, and plain text is itself."""
    assert read_answer(text, "conversation") == Answer("answered", value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("<think>only thoughts</think>", "no answer after it"),
        ('<think>maybe {"response_text": "Hi"} or not', "no answer after it"),
        ('{"response_text": "cut of', "cut off"),
        ('{"text": "Hi"}', "no response_text"),
        ('{"response_text": ""}', "no response_text"),
        ('{"name": "f", "arguments": "{broken"}', "arguments"),
        ("process_customer_response(response_text='Hi", "broken tool-call markup"),
        ("process_customer_response(1)", "no response_text"),
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
        ('{"a": {"b": 1}, "c": ', "cut off"),
        ('{"a": tru, "b": {"c": 1}}', "not JSON"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1e999}', "1e999"),
        ("{'a': 1j}", "not JSON"),
        ("{'a': __import__('os').getcwd()}", "not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON"),
        ('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), "levels deep"),
    ],
)
def test_malformed_json(text: str, error: str) -> None:
    """A broken answer is malformed, and no piece of it passes for the whole."""
    answer = read_answer(text, "json")
    assert (answer.status, answer.value) == ("malformed", None)
    assert error in answer.error


TOOL_NAME = CALL["name"]
RECORD = {"order": "A-7", "amount": 10.5}
AS_TEXT = json.dumps(RECORD)


def shapes(name: str, arguments: dict) -> dict[str, object]:
    """One tool call as the providers and libraries in use write it."""
    text = json.dumps(arguments)
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": text}}
    item = {"type": "function_call", "call_id": "c", "status": "completed", "name": name, "arguments": text}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": arguments}
    used = {"toolUse": {"toolUseId": "1", "name": name, "input": arguments}}
    part = {"functionCall": {"name": name, "args": arguments}}
    own = {"name": name, "args": arguments, "id": "1", "type": "tool_call"}
    return {
        "bare": {"name": name, "arguments": arguments},
        "parameters": {"name": name, "parameters": text},
        "item": call,
        "items": [call],
        "message": message,
        "completion": {"object": "chat.completion", "choices": [{"index": 0, "message": message}]},
        "responses item": item,
        "responses": {"output": [{"type": "reasoning", "summary": []}, item]},
        "block": block,
        "blocks": {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, block]},
        "part": {"function_call": {"name": name, "args": arguments}},
        "parts": {"candidates": [{"content": {"parts": [part]}}]},
        "converse": {"output": {"message": {"role": "assistant", "content": [used]}}},
        "langchain": {"content": "", "tool_calls": [own]},
        "cohere": {"tool_calls": [{"name": name, "parameters": arguments}]},
    }


MARKUP = {
    "hermes": "<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {text}}}\n</tool_call>",
    "llama": "<function={name}>{text}</function>",
    "llama without its end": "<function={name}{text}",
    "mistral": "[TOOL_CALLS] [{{\"name\": \"{name}\", \"arguments\": {text}}}]",
    "mistral, newer": "[TOOL_CALLS]{name}{text}",
    "python tag": "<|python_tag|>{{\"name\": \"{name}\", \"parameters\": {text}}}",
    "sections": "<|tool_calls_section_begin|><|tool_call_begin|>functions.{name}:0"
    "<|tool_call_argument_begin|>{text}<|tool_call_end|>",
    "deepseek": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n"
    "```json\n{text}\n```<｜tool▁call▁end｜>",
    "harmony": "<|channel|>analysis<|message|>so<|end|><|start|>assistant<|channel|>commentary "
    "to=functions.{name} <|constrain|>json<|message|>{text}<|call|>",
    "harmony, role": "<|start|>assistant to=functions.{name}<|channel|>commentary json"
    "<|message|>{text}<|call|>",
    "harmony, stripped": "analysisThe order is here.assistantcommentary to=functions.{name} json{text}",
    "invoke": "<function_calls><invoke name=\"{name}\">{text}</invoke></function_calls>",
    "end only": "{{\"name\": \"{name}\", \"arguments\": {text}}}\n</tool_call>",
}  # fmt: skip


@pytest.mark.parametrize("shape", shapes("", {}))
def test_tool_calls_of_other_providers(shape: str) -> None:
    """The arguments are the answer in every provider's shape; another tool's call is malformed, said so."""
    written = json.dumps(shapes(TOOL_NAME, RECORD)[shape])
    assert read_answer(written, "json", RECORD) == Answer("answered", RECORD)
    reply = json.dumps(shapes(TOOL_NAME, CALL["arguments"])[shape])
    assert read_answer(reply, "conversation") == Answer("answered", "Hi")
    for kind in ("json", "conversation"):
        other = read_answer(json.dumps(shapes("look_up", RECORD)[shape]), kind, RECORD)
        assert (other.status, other.error) == ("malformed", f"called 'look_up', not {TOOL_NAME!r}")


@pytest.mark.parametrize("form", MARKUP)
def test_tool_calls_in_markup(form: str) -> None:
    """A call that a server left in the text is read; broken markup is malformed, and never prose."""
    written = MARKUP[form].format(name=TOOL_NAME, text=AS_TEXT)
    assert read_answer(written, "json", RECORD) == Answer("answered", RECORD)
    reply = MARKUP[form].format(name=TOOL_NAME, text=json.dumps(CALL["arguments"]))
    assert read_answer(reply, "conversation") == Answer("answered", "Hi")
    cut = reply[: reply.index("Hi") + 1]
    for kind in ("json", "conversation"):
        assert read_answer(cut, kind).status == "malformed"
        other = MARKUP[form].format(name="look_up", text=AS_TEXT)
        assert read_answer(other, kind, RECORD).status == "malformed"


@pytest.mark.parametrize(
    "text",
    [
        "<function={0}><parameter=order>A-7</parameter><parameter=amount>10.5</parameter></function>",
        "<tool_call>{0}\n<arg_key>order</arg_key>\n<arg_value>A-7</arg_value>\n<arg_key>amount</arg_key>"
        "\n<arg_value>10.5</arg_value>\n</tool_call>",
        "{0}(order='A-7', amount=10.5)",
        "[functions.{0}(order='A-7', amount=10.5), look_up()]",
        "```tool_code\nprint({0}(order='A-7', amount=10.5))\n```",
        '<invoke name="{0}"><parameter name="order">A-7</parameter>'
        '<parameter name="amount">10.5</parameter></invoke>',
    ],
)
def test_arguments_in_tags(text: str) -> None:
    """Arguments that stand one by one in tags are read, each as JSON or as text."""
    assert read_answer(text.format(TOOL_NAME), "json", RECORD) == Answer("answered", RECORD)


@pytest.mark.parametrize(
    "record",
    [
        {"name": "Anna", "id": "C-17"},
        {"name": "Anna", "parameters": {"size": "M"}},
        {"id": "1", "type": "refund", "index": 3, "function": "billing"},
        {"tool_calls": [{"name": "a", "arguments": {}}], "type": "log"},
        {"output": {"message": {"role": "user", "content": "x"}}},
        {"type": "text", "text": "Hello"},
        {"response_text": "Hello", "response_type": "answer"},
        {"response_text": '{"a": 1}'},
        {"name": "process_customer_response", "arguments": {"a": 1}},
    ],
)
def test_a_record_is_no_wrapper(record: dict) -> None:
    """What has the keys of the case's record is the record, whatever else these keys mean elsewhere.

    A call of our tool around it is one all the same.
    """
    own = own_keys(TestCase("a", "json", "", "p", record))
    assert read_answer(json.dumps(record), "json", own) == Answer("answered", record)
    for shape in ("message", "item", "block", "parts"):
        written = json.dumps(shapes(TOOL_NAME, record)[shape])
        if not own & {"tool_calls", "output", "message", "content", "type", "function"}:
            assert read_answer(written, "json", own) == Answer("answered", record)


def test_the_schema_has_keys_of_its_own() -> None:
    """A key that only the schema has is the record's, too: the golden may leave it out."""
    schema = {"properties": {"name": {}, "arguments": {}}}
    own = own_keys(TestCase("a", "json", "", "p", {"other": 1}, schema))
    assert own == {"name", "arguments", "other"}
    record = {"name": "x", "arguments": {"other": 1}}
    assert read_answer(json.dumps(record), "json", own).value == record


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"role": "assistant", "content": "Hi"}, "Hi"),
        ({"choices": [{"message": {"role": "assistant", "content": "Hi", "reasoning_content": "No"}}]}, "Hi"),
        ({"choices": [{"text": "Hi", "index": 0}]}, "Hi"),
        ({"content": [{"type": "thinking", "thinking": "No"}, {"type": "text", "text": "Hi"}]}, "Hi"),
        ([{"type": "text", "text": "Hi"}, {"type": "text", "text": "you"}], "Hi\nyou"),
        ({"candidates": [{"content": {"parts": [{"text": "No", "thought": True}, {"text": "Hi"}]}}]}, "Hi"),
        ({"output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}]}, "Hi"),
        ([{"role": "user", "content": "No"}, {"role": "assistant", "content": "Hi"}], "Hi"),
        ({"role": "assistant", "content": "<think>No</think>Hi"}, "Hi"),
        ({"role": "assistant", "content": '```json\n{"response_text": "Hi"}\n```'}, "Hi"),
    ],
)
def test_messages_without_a_call(message: object, said: str) -> None:
    """A message's text is its answer, in every provider's shape and without its reasoning."""
    assert read_answer(json.dumps(message), "conversation") == Answer("answered", said)


@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_messages_without_an_answer(kind: str) -> None:
    """A refusal has a field of its own, and an empty message says nothing."""
    refused = {"role": "assistant", "content": None, "refusal": "I'm sorry, I can't assist with that."}
    assert read_answer(json.dumps(refused), kind, ["a"]).status == "refused"
    empty = read_answer(json.dumps({"role": "assistant", "content": None}), kind, ["a"])
    assert (empty.status, empty.error) == ("malformed", "a message without an answer")


def test_the_first_of_two_calls_counts() -> None:
    """Of several calls in one message the first is the answer, as with a live one; the rest is not read."""
    first, second = ({"function": {"name": TOOL_NAME, "arguments": json.dumps({"a": n})}} for n in (1, 2))
    assert read_answer(json.dumps({"tool_calls": [first, second]}), "json", ["a"]).value == {"a": 1}
    other = {"function": {"name": "look_up", "arguments": "{}"}}
    assert read_answer(json.dumps({"tool_calls": [first, other]}), "json", ["a"]).value == {"a": 1}
    assert read_answer(json.dumps({"tool_calls": [other, first]}), "json", ["a"]).status == "malformed"
    two = "".join(MARKUP["hermes"].format(name=TOOL_NAME, text=json.dumps({"a": n})) for n in (1, 2))
    assert read_answer(two, "json", ["a"]).value == {"a": 1}


REASONED = {
    "think": "<think>{0}</think>{1}",
    "thought": "<thought>{0}</thought>\n{1}",
    "thinking": "<thinking>{0}</thinking>\n\n{1}",
    "reasoning": "<reasoning>{0}</reasoning>{1}",
    "reflection": "<reflection>{0}</reflection>{1}",
    "square": "[THINK]{0}[/THINK]{1}",
    "lozenge": "◁think▷{0}◁/think▷{1}",
    "seed": "<seed:think>{0}</seed:think>{1}",
    "thought tokens": "<|begin_of_thought|>{0}<|end_of_thought|><|begin_of_solution|>{1}<|end_of_solution|>",
    "thinking tokens": "<|START_THINKING|>{0}<|END_THINKING|><|START_RESPONSE|>{1}<|END_RESPONSE|>",
    "end only": "{0}</think>\n{1}",
    "harmony": "<|channel|>analysis<|message|>{0}<|end|>"
    "<|start|>assistant<|channel|>final<|message|>{1}<|return|>",
    "harmony, two": "<|channel|>analysis<|message|>{0}<|end|>"
    "<|start|>assistant<|channel|>commentary<|message|>{0}<|end|><|start|>assistant<|channel|>final<|message|>{1}",
    "harmony, stripped": "analysisWe see: {0}assistantfinal{1}",
    "harmony, begun by the template": "We see: {0}<|end|>"
    "<|start|>assistant<|channel|>final<|message|>{1}<|return|>",
    "harmony, begun and stripped": "We see: {0}assistantfinal{1}",
    "folded": '<details type="reasoning" done="true"><summary>Thought</summary>{0}</details>\n{1}',
    "titled": "Here is my thought process:\n{0}\n\nHere is my response:\n{1}",
    "answer tags": "<think>{0}</think><answer>{1}</answer>",
    "turn end": "<think>{0}</think>{1}<|im_end|>\n<|im_start|>user\nThanks",
}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "<|im_start|>assistant\nHi<|im_end|>",
        "<|start_header_id|>assistant<|end_header_id|>\n\nHi<|eot_id|>",
        "<s> Hi</s>",
        "<|end|>Hi<|end|><|user|>And now?",
        "<answer>Hi</answer>",
        "<bos><start_of_turn>model\nHi<end_of_turn>",
    ],
)
def test_a_turns_frame_is_no_answer(text: str) -> None:
    """What a chat template writes around a turn is taken off, and so is what the model made of the next."""
    assert read_answer(text, "conversation") == Answer("answered", "Hi")


@pytest.mark.parametrize("mark", REASONED)
def test_reasoning_is_no_answer(mark: str) -> None:
    """Reasoning counts in none of the marks in use, and what follows it is the answer."""
    thought = 'Maybe "We refunded $20 to A-7." No. {"a": 9}.'
    assert read_answer(REASONED[mark].format(thought, "Please wait."), "conversation").value == "Please wait."
    assert read_answer(REASONED[mark].format(thought, '{"a": 1}'), "json").value == {"a": 1}
    refusal = REASONED[mark].format(thought, "I can't assist with this request.")
    assert read_answer(refusal, "conversation").status == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "<thought>Only thoughts",
        "[THINK]Only thoughts[/THINK]",
        "<|channel|>analysis<|message|>The customer wants a refund",
        "<|channel|>analysis<|message|>The customer wants a refund.<|end|>",
        "analysisThe customer wants a refund of $20 for order A-7.",
        "<|START_THINKING|>The customer",
    ],
)
@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_reasoning_alone_is_malformed(text: str, kind: str) -> None:
    """Who reasons and says nothing has not answered, whatever stands in the reasoning."""
    assert read_answer(text, kind) == Answer("malformed", None, "reasoning and no answer after it")


@pytest.mark.parametrize(
    "text",
    [
        "Analysis of your meter shows 5 kWh.",
        "analysis shows that the fuse is blown",
        "The analysis and the final bill are attached. Our assistant finally found it.",
        "I think the <b>thought</b> counts.",
        "Channel 5 is final.",
    ],
)
def test_prose_about_reasoning_is_prose(text: str) -> None:
    """Words that marks are made of mean nothing in a sentence."""
    assert read_answer(text, "conversation") == Answer("answered", text)


@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_refusals_without_a_status(kind: str) -> None:
    """A text that only declines is a refusal of either kind, as it is live."""
    assert read_answer("I'm sorry, but I can't assist with that.", kind).status == "refused"
    reply = json.dumps({"response_text": "I'm sorry, but I can't assist with that.", "next_steps": []})
    assert read_answer(reply, kind).status == "refused"
    assert read_answer('{"refusal": "I can\'t help with that."}', kind, ["a"]).status == "refused"
    assert read_answer('{"refusal": "I can\'t help with that."}', "json", ["refusal"]).status == "answered"


def test_an_imported_refusal_is_worth_nothing() -> None:
    """Without a status, too: it is refused, and scores worst on every metric, the clear sentence with it."""
    cases = pd.DataFrame([TestCase("c", "conversation", "x", "Refund me.", "Refunded on 3 May.").row()])
    said = {"A": "REFUSED", "B": "Refunded."}
    rows = [
        {"id": "c", "model": model, "round": 1, "model_response": told, "status": "", "error": ""}
        for model, told in said.items()
    ]
    answers = align(pd.DataFrame(rows), cases)
    assert dict(zip(answers["model"], answers["status"], strict=True)) == {"A": "refused", "B": "answered"}
    scores = score(answers, cases).set_index(["model", "metric"])
    assert scores["value"]["A", "clarity"] == 0.0
    assert scores["reason"]["A", "clarity"] == "refused: the model declined"


@pytest.mark.parametrize("text", ["Error code: 429 - {'error': {'message': 'Rate limit'}}", "$ERROR$"])
def test_a_clients_error_is_no_answer(text: str) -> None:
    """What a client library raises is not what the model said."""
    assert read_answer(text, "conversation") == Answer("failed", None, text)


HOSTILE = {
    "braces": "{" * 100_000,
    "objects": '{"a":1}' * 14_000,
    "depth": '{"a":' * 20_000,
    "literal depth": "{'a':" * 14_000 + "1" + "}" * 14_000,
    "operators": "[" + "1+" * 50_000 + "1]",
    "subscripts": "[[1]" + "[0]" * 33_000 + "]",
    "quotes": "{'\\'" * 25_000,
    "escapes": '"' + '\\"' * 50_000,
    "opened thoughts": "<think>" * 14_000,
    "thoughts and braces": '<think>x</think>{"' * 5_000,
    "fences": "```\n" * 25_000,
    "channels": "<|channel|>analysis<|message|>" * 3_000,
    "stripped channels": "analysisWassistantfinal" * 4_500,
    "titles": "here is my thought process: " * 3_500,
    "folded": '<details type="reasoning">' * 4_000,
    "answers": "<answer>" * 12_000,
    "turns": "<s> " * 25_000,
    "calls": "[TOOL_CALLS]" * 8_000,
    "parameters": "<function=f><parameter=a>" * 4_000,
    "keys": "<tool_call>f<arg_key>" + "<arg_key>a</arg_key>" * 5_000,
    "pythonic": "process_customer_response(" * 4_000,
    "messages in messages": '{"role": "assistant", "content": [' * 3_000,
    "spaces": '{"a": 1' + " " * 100_000 + "x",
    "control characters": "\x00\x1b\ud800" * 33_000,
}


@pytest.mark.parametrize("kind", ["json", "conversation"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile(text: str, kind: str) -> None:
    """100 KB of malice ends in a status, soon."""
    started = time.process_time()  # of this process: how busy the machine is does not count
    assert read_answer(text, kind).status in ("answered", "malformed")
    assert time.process_time() - started < 3


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


@pytest.mark.parametrize("text", ["", "[1]", "prose", '{"a": 1} and more', "{" * 100_000])
def test_unusable_golden(text: str) -> None:
    """Anything else says what it is, shortly, and what to write."""
    with pytest.raises(InputError, match=r"Write it as a JSON object\.") as raised:
        read_golden(text)
    assert len(str(raised.value)) < 300
