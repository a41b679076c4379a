"""Calls and their keys, and what is made of a completion's message."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.agent import Agent, Item, Tool, sendable, system_prompt

from .talking import SCORED, critic, executor

ITEM = Item("case-1", "Where is my order?")
CALL = critic().call(ITEM, seed=7)
GOOD = {"id": "a", "prompt_quality_score": 4, "response_quality_score": 5.0, "message": "fine"}


def message(arguments, name="validate_test_case"):
    """A completion's message with one tool call."""
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"role": "assistant", "tool_calls": [{"function": {"name": name, "arguments": raw}}]}


def test_a_call_is_what_the_agent_and_the_item_say():
    """System prompt, then the item's text; the seed differs with the round; the item's tool wins."""
    own = Tool("process", "x", {"type": "object"})
    call = executor(temperature=0.2).call(Item("c", "hello", round=3, attempt=2, tool=own), seed=7)
    assert call.messages == (("system", "You help."), ("user", "hello"))
    assert (call.seed, call.round, call.attempt, call.tool, call.temperature) == (10, 3, 2, own, 0.2)


@pytest.mark.parametrize(
    "changed",
    [
        {"agent": "other"},
        {"model": "other"},
        {"messages": (("system", "x"),)},
        {"tool": Tool("validate_test_case", "Hand in the verdict.", {"type": "object"})},
        {"tool": replace(SCORED, description="y")},
        {"temperature": 0.1},
        {"max_tokens": 1},
        {"seed": 1},
        {"case": "other"},
        {"round": 2},
        {"attempt": 2},
        {"reasoning_effort": "low"},
        {"repair": True},
    ],
)
def test_key_depends_on_the_call(changed):
    """Everything that an answer depends on, or that tells answers apart, changes the key."""
    assert replace(CALL, **changed).key != CALL.key


def test_key_is_stable():
    """The same call has the same key for ever: with another one, all that was paid for is paid for again."""
    again = critic().call(Item("case-1", "Where is my order?"), seed=7)
    assert (again.tokens, again.key) == (CALL.tokens, CALL.key)
    assert CALL.key == "8295629519f819b124ae5e28685bde6b23527291b07eea13bf0c56d280055509"


def test_key_of_a_whole_temperature():
    """0 asks for the same as 0.0: a parameter may come as either."""
    assert critic(temperature=0).call(ITEM, 7).key == critic(temperature=0.0).call(ITEM, 7).key


def test_tokens_cover_what_is_reserved():
    """The whole limit is counted, and never fewer bytes than a prompt can have tokens."""
    long = executor(max_tokens=500).call(Item("c", "ü" * 4000), 7)
    assert 1500 <= long.tokens <= 1800
    assert long.most_prompt_tokens >= 8000


def test_repair_shows_what_was_wrong():
    """The bad reply and the error follow the conversation; the new call has a key of its own."""
    again = CALL.repaired('{"id": 1}', "id: 1 is not of type 'string'")
    assert again.messages[:2] == CALL.messages
    assert again.messages[2] == ("assistant", '{"id": 1}')
    role, text = again.messages[3]
    assert (role, text.startswith("Your last reply could not be used: id: 1 is not")) == ("user", True)
    assert again.repair
    assert again.key != CALL.key
    assert CALL.repaired("", "x").messages[2] == ("assistant", "(nothing)")


READ = [
    (message(GOOD), GOOD, ""),
    (message(GOOD | {"extra": 1}), GOOD | {"extra": 1}, ""),
    (message({"id": "a"}), None, '"prompt_quality_score" is a required property'),
    (message(GOOD | {"prompt_quality_score": 6}), None, "6 is greater than the maximum"),
    (message(GOOD, name="json"), None, "called 'json', not 'validate_test_case'"),
    (message("{"), None, "arguments are not JSON"),
    (message('{"id": NaN}'), None, "NaN is no JSON number"),
    (message("[1]"), None, "arguments are list, not an object"),
    (message("[" * 100_000), None, "arguments are not JSON"),
    (message('{"a":' * 80 + "1" + "}" * 80), None, "nested more than 60 levels"),
    ({"content": "I would rather talk."}, None, "called no tool"),
    ({"content": None, "tool_calls": None}, None, "called no tool"),
    ({"tool_calls": "x"}, None, "called no tool"),
    ({"tool_calls": [5]}, None, "called no tool"),
    ({"tool_calls": [{"function": {}}]}, None, "called 'None'"),
    (
        {"tool_calls": [{"function": {"name": "validate_test_case", "arguments": {"id": 1}}}]},
        None,
        "is a required property",
    ),
]


@pytest.mark.parametrize(("said", "arguments", "error"), READ)
def test_read(said, arguments, error):
    """Arguments where they can be used, else why not; whatever comes is text that can be stored."""
    got, text, wrong = critic().read(CALL, said)
    assert got == arguments
    assert error in wrong
    assert bool(wrong) == bool(error)
    assert text == sendable(text)


def test_models_under_test_are_not_held_to_the_schema():
    """What a model under test sends as an object is its answer, right or wrong."""
    agent = replace(critic(), strict=False)
    assert agent.read(CALL, message({"id": 1})) == ({"id": 1}, '{"id": 1}', "")


def test_raw_text_is_kept():
    """The arguments as they came, or the text that came instead."""
    assert critic().read(CALL, message('{ "id" : 1 }'))[1] == '{ "id" : 1 }'
    assert critic().read(CALL, {"content": "I would rather talk."})[1] == "I would rather talk."


def test_half_characters():
    """Half a character, as JSON escapes can hold, never gets further; a whole one does."""
    agent = replace(critic(), strict=False)
    arguments, _, _ = agent.read(CALL, message('{"a": "\\ud83d!", "b": "\\ud83d\\ude00", "\\udc00": 1}'))
    assert arguments == {"a": "?!", "b": "😀", "?": 1}
    assert agent.read(CALL, {"content": "x\ud83d"})[1] == "x?"
    call = executor().call(Item("c", "\ud83d and \x00"), 7)
    assert call.messages[1] == ("user", "? and \x00")
    bad, asked = call.repaired("\ud83d", "\udc00").messages[2:]
    assert bad == ("assistant", "?")
    assert asked[1].startswith("Your last reply could not be used: ?. Call")
    tool = Tool("t", "\ud83d", {"type": "object", "properties": {"\ud83d": {"enum": ["\udc00"]}}})
    assert tool.definition["function"]["parameters"]["properties"] == {"?": {"enum": ["?"]}}


@given(st.text(st.characters(codec="utf-8"), max_size=50))
def test_sendable_changes_nothing_else(text):
    """Text that can be stored stays as it is."""
    assert sendable(text) == text


@pytest.mark.parametrize("name", ["generate_json", "execute_conversation"])
def test_system_prompts_are_there(name):
    """The prompts that agents are given are files with text."""
    assert len(system_prompt(name)) > 100


def test_definition():
    """The API's form of a tool."""
    assert SCORED.definition == {
        "type": "function",
        "function": {
            "name": "validate_test_case",
            "description": "Hand in the verdict.",
            "parameters": SCORED.parameters,
        },
    }
    assert Agent("a", "m", "s", SCORED).call(ITEM, 1).tool is SCORED
