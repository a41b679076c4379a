"""Responses whoever made them: what their files say of them, whose prompt they answer, what was left out."""

from __future__ import annotations

import pytest

from benchkit.agent import Item, Reply
from benchkit.domain import TestCase
from benchkit.errors import InputError
from benchkit.execute import executor
from benchkit.execute.candidates import Candidate
from benchkit.execute.responses import response_from
from benchkit.measure import align, score, undelivered
from benchkit.measure.aligning import outcome

from .measured import HASTY, STEADY, case, cases, response, responses

TWO = (STEADY, HASTY)


def statuses(table, *rows):
    """(status, error) of STEADY's first response beside a plain one of HASTY's."""
    aligned = align(responses(*rows, response("a", HASTY, "Done.")), table)
    return tuple(aligned[aligned["model"] == STEADY].iloc[0][["status", "error"]])


@pytest.mark.parametrize(
    ("said", "error", "text", "found"),
    [
        ("error", "Error code: 429", "Error code: 429", ("failed", "Error code: 429")),
        ("", "timed out", "Please wait.", ("failed", "timed out")),
        ("success", "HTTP 500", "Internal error", ("failed", "HTTP 500")),
        ("Timed Out", "", "", ("failed", "its status says so")),
        ("success", "nan", "Please wait.", ("answered", "")),
        ("completed", "[]", '{"text": "Hi"}', ("malformed", "no response_text in the tool's arguments")),
        ("refusal", "", "No.", ("refused", "the model declined")),
        ("content_filter", "", "", ("refused", "the model declined")),
        ("success", "", "I'm sorry, but I can't assist with that.", ("refused", "the model declined")),
        ("malformed", "called no tool", "Please wait.", ("malformed", "called no tool")),
        ("truncated", "", "Please wai", ("malformed", "its status says so")),
    ],
)
def test_what_a_file_says_of_a_response(said, error, text, found):
    """A status or an error that says there is no answer is heard; a success is read for what it is."""
    row = response("a", STEADY, text, status=said, error=error)
    assert statuses(cases(case("a")), row) == found


def test_a_status_that_nobody_knows_is_named():
    """A grader's column is no status: it is named with its counts, and nothing is scored by guessing."""
    rows = [response("a", STEADY, "Done.", status="passed"), response("a", HASTY, "Done.", status="failed")]
    with pytest.raises(InputError, match=r"'passed' \(1 answers\).*another name if it grades the answers"):
        align(responses(*rows), cases(case("a")))


def test_a_failed_answer_with_a_text_is_doubted():
    """Where every answer is "failed", yet has a text and no error, that is said."""
    rows = [response("a", model, "Done.", status="failed") for model in TWO]
    (said,) = align(responses(*rows), cases(case("a"))).attrs["warnings"]
    assert said.startswith("2 responses hold a text while their status says that there is none")


@pytest.mark.parametrize("ended", ["length", "MAX_TOKENS"])
def test_an_answer_that_was_cut_off(ended):
    """Ending on the token limit is malformed, said so; ending as usual says nothing."""
    row = response("a", STEADY, "Please wai", finish_reason=ended)
    assert statuses(cases(case("a")), row) == ("malformed", "cut off at max_tokens")
    assert statuses(cases(case("a")), row | {"finish_reason": "stop"}) == ("answered", "")


def test_content_of_what_was_not_delivered():
    """A malformed answer has its worst value, and beside it what its content scores; a refusal has none."""
    table = cases(case("a"), case("b", kind="json", golden={"x": 1, "y": 2}))
    golden = table["golden_response"][0]
    rows = [
        response("a", STEADY, golden, status="malformed", error="called no tool"),
        response("b", STEADY, '```json\n{"x": 1, "y": 3}\n```', status="malformed", error="called no tool"),
        response("a", HASTY, golden),
        response("b", HASTY, "I can't assist with that.", status="refused"),
    ]
    scores = score(align(responses(*rows), table), table)
    lost = undelivered(scores).set_index(["metric", "model"])
    assert tuple(lost.loc[("field_accuracy", STEADY)][1:]) == (1, 1, 0.5)
    assert tuple(lost.loc[("field_accuracy", HASTY)][1:3]) == (1, 0)
    assert ("bleu_score", HASTY) not in lost.index
    found = scores.set_index(["metric", "model"])
    assert tuple(found.loc[("bleu_score", STEADY), ["value", "content"]]) == (0.0, 1.0)
    assert tuple(found.loc[("bleu_score", HASTY), ["value", "content"]]) == (1.0, 1.0)
    assert tuple(found.loc[("field_accuracy", STEADY), ["value", "content"]]) == (0.0, 0.5)
    assert found.loc[("field_accuracy", HASTY), ["value", "content"]].isna().tolist() == [False, True]


def test_answers_to_other_prompts_are_not_scored():
    """A prompt that is not the case's makes the answer another question's; white space and absence do not."""
    table = cases(*(case(id, prompt=f"What about  order {id}?\n") for id in "abc"))
    rows = [
        response("a", STEADY, "Done.", prompt="What about order a?"),
        response("b", STEADY, "Done.", prompt="What about order c?"),
        response("c", STEADY, "Done.", prompt="nan"),
        *(response(id, HASTY, "Done.", prompt=f"\tWhat about order  {id}? ") for id in "abc"),
    ]
    aligned = align(responses(*rows), table)
    assert list(aligned["status"]) == ["answered", "failed", "answered", *["answered"] * 3]
    assert aligned["error"][1] == "answers another prompt than the case's"
    (said,) = aligned.attrs["warnings"]
    assert said.startswith(f"1 responses of {STEADY} answer another prompt than their case's")


def test_shuffled_answers_are_refused():
    """A model all of whose answers are to other prompts is named, with what to mend."""
    table = cases(case("a"), case("b"))
    other = {"a": "What about order b?", "b": "What about order a?"}
    rows = [response(id, STEADY, "Done.", prompt=other[id]) for id in "ab"]
    rows += [response(id, HASTY, "Done.") for id in "ab"]
    with pytest.raises(InputError, match=r"no prompt in the responses of offline/steady .*Mend the ids"):
        align(responses(*rows), table)


def test_blanks_around_ids():
    """Ids are compared without the blanks around them, in cases and answers alike."""
    table = cases(case("a"), case("b"))
    rows = [response(id, model, "Done.") for model in TWO for id in ("a ", "\tb")]
    aligned = align(responses(*rows), table)
    assert (set(aligned["status"]), aligned.attrs["warnings"]) == ({"answered"}, [])
    with pytest.raises(InputError, match="answers case a in round 1 twice"):
        align(responses(*rows, response("a", STEADY, "Done.")), table)


def test_a_live_answer_and_an_imported_one():
    """The same text has the same status, live and imported, where a call was made; without one, malformed."""
    reply = '{"response_text": "Please wait."}'
    agent = executor("conversation", Candidate(name=STEADY, model=STEADY), 0.0)
    test = TestCase("a", "conversation", "", "p", "g")

    def live(message):
        call = agent.call(Item("a", "p"), seed=1)
        arguments, text, error = agent.read(call, message)
        status = "malformed" if arguments is None else "answered"
        made = response_from(test, STEADY, 1, Reply(call.key, status, arguments, text, error))
        return made.status, made.error, outcome(vars_of(made), "conversation").value

    def called(name, text):
        return {"tool_calls": [{"function": {"name": name, "arguments": text}}]}

    own = "process_customer_response"
    for name in (own, f"{own}<|channel|>commentary", f"functions.{own}", f"{own}:0"):
        for text in (reply, f"```json\n{reply}\n```", "{'response_text': 'Please wait.'}"):
            assert live(called(name, text)) == ("answered", "", "Please wait.")
            assert outcome({"model_response": text}, "conversation").status == "answered"
    assert live({"content": reply}) == ("malformed", "called no tool", "Please wait.")
    assert live({"content": "Please wait."}) == ("malformed", "called no tool", "Please wait.")
    assert live(called("look_up", reply))[:2] == ("malformed", f"called 'look_up', not {own!r}")
    assert live(called(own, '{"response_text": "Please'))[::2] == ("malformed", None)
    assert live({"content": "I can't assist with that."})[0] == "refused"


def vars_of(one):
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def test_an_empty_answer():
    """Nobody knows whose it is: unscored. A status decides, where there is one."""
    empty = {"model_response": ""}
    assert (outcome(empty, "json").status, outcome(empty, "json").error) == ("failed", "the answer is empty")
    assert outcome(empty | {"status": "refused"}, "json").status == "refused"
    assert outcome(empty | {"finish_reason": "length"}, "json").status == "malformed"
    assert outcome(empty | {"error": "timeout"}, "json").error == "timeout"


def test_one_model_is_no_comparison():
    """Responses of a single model are refused before anything is scored."""
    alone = responses(response("a", STEADY, "Done."), response("b", STEADY, "Done."))
    with pytest.raises(InputError, match=r"only offline/steady has responses.*two or more models"):
        align(alone, cases(case("a"), case("b")))


def test_unusable_cases_are_named():
    """What adopting left out is said with its row, not as a case that the file does not hold."""
    table = cases(case("a"))
    table.attrs["unusable"] = {"b": "row 3: test_case 'x' is neither of: json, conversation"}
    both = responses(*(response(id, model, "Done.") for id in "ab" for model in (STEADY, HASTY)))
    (said,) = align(both, table).attrs["warnings"]
    assert said.startswith("validated_tests.csv, row 3: test_case 'x' is neither")
    assert said.endswith("; the case and the answers to it are left out.")


def test_a_row_that_is_there_twice_counts_once():
    """The first row of an id counts, and its answers do; the second is left out and said."""
    table = cases(case("a"))
    table.attrs["unusable"] = {"a": "row 3: id a stands in row 2 already"}
    settled = align(responses(*(response("a", model, "Done.") for model in (STEADY, HASTY))), table)
    assert settled.attrs["warnings"] == [
        "validated_tests.csv, row 3: id a stands in row 2 already; the row is left out."
    ]
    assert set(settled["status"]) == {"answered"}


def test_answers_to_other_ids_are_named():
    """A model whose file answers none of the cases is named, with what to mend."""
    both = responses(response("a", STEADY, "Done."), response("z", HASTY, "Done."))
    with pytest.raises(InputError, match=r"those of offline/hasty have none of the ids.*Mend the ids"):
        align(both, cases(case("a")))
