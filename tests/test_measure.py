"""Responses to statuses, scores to means."""

from __future__ import annotations

import math

import pytest

from benchkit.measure import summarise

from .measured import HASTY, STEADY, response, responses, score_table


def test_one_model_is_no_comparison():
    """Responses of a single model are refused before anything is scored."""
    from benchkit.errors import InputError
    from benchkit.measure import align

    from .measured import case, cases

    alone = responses(response("a", STEADY, "Done."), response("b", STEADY, "Done."))
    with pytest.raises(InputError, match=r"only offline/steady has responses.*two or more models"):
        align(alone, cases(case("a"), case("b")))


def test_unusable_cases_are_named():
    """What adopting left out is said with its row, not as a case that the file does not hold."""
    from benchkit.measure import align

    from .measured import case, cases

    table = cases(case("a"))
    table.attrs["unusable"] = {"b": "row 3: test_case 'x' is neither of: json, conversation"}
    both = responses(*(response(id, model, "Done.") for id in "ab" for model in (STEADY, HASTY)))
    (said,) = align(both, table).attrs["warnings"]
    assert said.startswith("validated_tests.csv, row 3: test_case 'x' is neither")
    assert said.endswith("; the case and the answers to it are left out.")


def test_a_row_that_is_there_twice_counts_once():
    """The first row of an id counts, and its answers do; the second is left out and said."""
    from benchkit.measure import align

    from .measured import case, cases

    table = cases(case("a"))
    table.attrs["unusable"] = {"a": "row 3: id a stands in row 2 already"}
    settled = align(responses(*(response("a", model, "Done.") for model in (STEADY, HASTY))), table)
    assert settled.attrs["warnings"] == [
        "validated_tests.csv, row 3: id a stands in row 2 already; the row is left out."
    ]
    assert set(settled["status"]) == {"answered"}


def test_answers_to_other_ids_are_named():
    """A model whose file answers none of the cases is named, with what to mend."""
    from benchkit.errors import InputError
    from benchkit.measure import align

    from .measured import case, cases

    both = responses(response("a", STEADY, "Done."), response("z", HASTY, "Done."))
    with pytest.raises(InputError, match=r"those of offline/hasty have none of the ids.*Mend the ids"):
        align(both, cases(case("a")))


def test_a_mean_over_nothing_is_unknown():
    """Planned, scored and unscored stand beside every mean; nothing scored is NaN, not 0."""
    table = summarise(score_table({STEADY: {"field_accuracy": [[math.nan, math.nan]]}})).iloc[0]
    assert (table["planned"], table["scored"], table["unscored"]) == (2, 0, 2)
    assert math.isnan(table["mean"])
