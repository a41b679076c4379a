"""Which of two answers people prefer: the blind sheet, what comes back, and what it says of the models."""

from __future__ import annotations

import json
import math
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchkit.decide import Rules, decide
from benchkit.decide.decision import Beside, plain
from benchkit.decide.people import _needed, people, people_in_words, preferred_to, verdict
from benchkit.errors import InputError, UsageError
from benchkit.measure.labels import (
    draw_pairs,
    of_two,
    said_by_people,
    sheet,
    shown,
    tasks,
)
from benchkit.measure.reading_labels import check_labels, read_labels
from benchkit.measure.report import _SIZES, _TERMS, first_named, named_late
from benchkit.plots import plot_contenders
from benchkit.report import people as report_people
from benchkit.report.otherwise import next_steps
from benchkit.run.tables import table_text
from benchkit.runner.labels_command import write_sheet
from benchkit.values import checked
from benchkit.wording import number

MODELS = ("a/one", "b/two")
LEFT = {"result": [{"type": "pairwise", "value": {"selected": "left"}}]}


def responses(cases: int = 40, models=MODELS, rounds: int = 2, **failed) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": f"c{i}",
            "round": r,
            "model": model,
            "prompt": f"Question {i}?",
            "test_case": "conversation",
            "model_response": json.dumps({"response_text": f"{model} says {i}, round {r}"}),
            "status": "failed" if failed.get(f"c{i}") == model else "answered",
        }
        for i in range(cases)
        for model in models
        for r in range(1, rounds + 1)
    )


@pytest.fixture
def pairs():
    return draw_pairs(responses(), 7)


def written(tmp_path, rows, name="labels.csv"):
    path = tmp_path / name
    if name.endswith(".csv"):
        pd.DataFrame(rows).to_csv(path, index=False)
    else:
        path.write_text(json.dumps(rows) if name.endswith(".json") else "\n".join(map(json.dumps, rows)))
    return str(path)


class TestDrawing:
    def test_one_pair_a_case_sides_and_rounds_drawn(self, pairs):
        assert sorted(pairs["id"]) == sorted(f"c{i}" for i in range(40))
        assert pairs["pair"].is_unique
        assert set(pairs["round"]) == {1, 2}
        assert 8 < (pairs["model_1"] == "a/one").sum() < 32

    def test_the_same_whatever_the_order_and_another_with_another_seed(self, pairs):
        assert draw_pairs(responses(models=MODELS[::-1]).sample(frac=1, random_state=1), 7).equals(pairs)
        assert list(draw_pairs(responses(), 8)["id"]) != list(pairs["id"])

    def test_a_failed_call_is_no_answer_to_prefer(self):
        drawn = draw_pairs(responses(3, c1="a/one"), 7)
        assert sorted(drawn["id"]) == ["c0", "c2"]

    def test_every_two_of_three_models(self):
        drawn = draw_pairs(responses(5, ("a", "b", "c")), 7)
        assert len(drawn) == 15
        assert len(of_two(drawn, ["a", "c"])) == 5

    def test_the_sheet_is_blind(self, pairs):
        filled = sheet(pairs, responses().assign(model_response="the same words"))
        assert not filled.astype(str).apply(lambda column: column.str.contains("a/one|b/two")).any().any()
        assert list(filled["preferred"].unique()) == [""]

    def test_each_answer_stands_on_its_side(self, pairs):
        filled = sheet(pairs, responses())
        for row, pair in zip(filled.to_dict("records"), pairs.to_dict("records"), strict=True):
            assert row["answer_1"].startswith(pair["model_1"])
            assert row["answer_2"].startswith(pair["model_2"])

    @pytest.mark.parametrize(
        ("response", "kind", "text"),
        [
            ('{"response_text": "Yes."}', "conversation", "Yes."),
            ("<think>They are angry.</think>Yes.", "conversation", "Yes."),
            ('```json\n{"a": 1}\n```', "json", '{\n "a": 1\n}'),
            ("No JSON", "json", "No JSON"),
        ],
    )
    def test_what_is_read(self, response, kind, text):
        assert shown(response, kind) == text


@pytest.fixture
def a_run(tmp_path, monkeypatch):
    """A run in which two models have answered 40 cases, as the command reads it."""
    run = SimpleNamespace(path=tmp_path, seed=7, validated_tests=dict, parameter=lambda *_: 40)
    monkeypatch.setattr("benchkit.run.read_run", lambda _: run)
    monkeypatch.setattr("benchkit.generate.cases.adopt_cases", lambda _: None)
    monkeypatch.setattr("benchkit.measure.aligned", lambda *_, **__: responses())
    return run


@pytest.mark.parametrize(("sample", "kept"), [(0, 40), (-1, 40), (None, 0)])
def test_a_sheet_of_no_case_is_not_written(tmp_path, a_run, sample, kept):
    a_run.parameter = lambda *_: kept
    to = tmp_path / "sheet.csv"
    with pytest.raises(UsageError, match="Give --sample a number from 1 on"):
        write_sheet(Namespace(to=str(to), run_dir="here", sample=sample, models=None))
    assert not to.exists()


@pytest.mark.parametrize("name", ["sheet.xlsx", "sheet"])
def test_a_sheet_of_another_kind_is_not_written(tmp_path, a_run, name):
    with pytest.raises(UsageError, match=r"Give a file that ends in \.csv or \.json"):
        write_sheet(Namespace(to=str(tmp_path / name), run_dir="here", sample=3, models=None))
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("name", "advice", "back", "other"),
    [
        ("sheet.CSV", "Write 1, 2 or tie into `preferred`", "sheet.CSV", "Label Studio"),
        ("sheet.JSON", "Import it into Label Studio", "EXPORT.json", "`preferred`"),
    ],
)
def test_each_kind_of_sheet_has_its_own_advice(tmp_path, a_run, capsys, name, advice, back, other):
    write_sheet(Namespace(to=str(tmp_path / name), run_dir="here", sample=3, models=None))
    said = capsys.readouterr()
    told = said.out + said.err
    assert advice in told
    assert told.rstrip().endswith(back)
    assert other not in told
    text = (tmp_path / name).read_text()
    assert (len(json.loads(text)) == 3) if name.lower().endswith("json") else text.startswith("pair,")


class TestReading:
    @pytest.mark.parametrize(
        ("said", "side", "name"),
        [
            ("1", 1, "labels.csv"),
            ("2.0", 2, "labels.jsonl"),
            (" RIGHT ", 2, "labels.json"),
            ("tie", 0, "labels.csv"),
        ],
    )
    def test_the_sheet_filled_in(self, tmp_path, pairs, said, side, name):
        first = pairs.iloc[0]
        file = written(tmp_path, [{"pair": first["pair"], "preferred": said, "labeller": " X "}], name)
        row = read_labels(file, pairs).iloc[0]
        assert row["preferred"] == ("tie", first["model_1"], first["model_2"])[side]
        assert (row["id"], row["round"], row["labeller"]) == (first["id"], first["round"], "x")
        assert (row["model_a"], row["model_b"]) == MODELS

    def test_models_by_name(self, tmp_path, pairs):
        file = written(tmp_path, [{"id": "c3", "preferred": "B/two", "round": 2}])
        assert read_labels(file, pairs).iloc[0][["id", "round", "preferred"]].tolist() == ["c3", 2, "b/two"]

    def test_label_studio(self, tmp_path, pairs):
        """What it exports of our tasks: one annotation a person, the cancelled ones are none."""
        made = tasks(sheet(pairs.head(2), responses()))
        chosen = {"type": "pairwise", "value": {"selected": "left"}}
        made[0]["annotations"] = [
            {"result": [chosen], "completed_by": 4, "created_at": "2026-11-27T10:00:00Z"},
            {"result": [chosen], "completed_by": 5, "was_cancelled": True},
        ]
        made[1]["annotations"] = [{"result": [], "completed_by": 4}]
        read = read_labels(written(tmp_path, made, "export.json"), pairs)
        assert read[["id", "preferred", "labeller"]].to_numpy().tolist() == [
            [pairs["id"][0], pairs["model_1"][0], "4"]
        ]

    @pytest.mark.parametrize(
        ("who", "name"),
        [
            ({"id": 4, "email": "Ann@x.org", "first_name": "Ann"}, "ann@x.org"),
            ({"id": 0, "email": ""}, "0"),
            (4, "4"),
            (None, ""),
        ],
    )
    def test_who_labelled_in_label_studio(self, tmp_path, pairs, who, name):
        """A number, or an object with an email or an id."""
        (task,) = tasks(sheet(pairs.head(1), responses()))
        task["annotations"] = [LEFT | {"completed_by": who}]
        assert read_labels(written(tmp_path, [task], "export.json"), pairs)["labeller"].tolist() == [name]

    def test_the_last_verdict_of_a_labeller_counts(self, tmp_path, pairs):
        one = {"pair": pairs["pair"][0], "labeller": "x"}
        rows = [one | {"preferred": "1"}, one | {"preferred": "2"}, one | {"preferred": "1", "labeller": "y"}]
        read = read_labels(written(tmp_path, rows), pairs)
        assert dict(zip(read["labeller"], read["preferred"], strict=True)) == {
            "x": pairs["model_2"][0],
            "y": pairs["model_1"][0],
        }

    def test_two_opinions_of_one_labeller_are_said(self, tmp_path, pairs, caplog):
        """The same answer twice is no other opinion."""
        said = [(0, 1, "x"), (0, 2, "X"), (2, 1, "x"), (2, 1, "x"), (0, 1, "y")]
        rows = [{"pair": pairs["pair"][i], "preferred": one, "labeller": who} for i, one, who in said]
        assert len(read_labels(written(tmp_path, rows), pairs)) == 3
        assert "1 pair labelled twice; the last answer counts." in caplog.text

    def test_a_file_takes_no_label_from_the_run(self, tmp_path, pairs, caplog):
        """Those given in 04's widget stay where a file is read, too; of the same pair the file's counts."""
        rows = [{"pair": pairs["pair"][i], "preferred": "1", "labeller": "x"} for i in range(3)]
        kept = Path(written(tmp_path, rows[:2]))
        file = written(tmp_path, [rows[1] | {"preferred": "2"}, rows[2]], "file.csv")
        read = read_labels(file, pairs, kept).set_index("id")["preferred"]
        assert read.to_dict() == {
            pairs["id"][0]: pairs["model_1"][0],
            pairs["id"][1]: pairs["model_2"][1],
            pairs["id"][2]: pairs["model_1"][2],
        }
        assert "holds 1 label that" in caplog.text

    @pytest.mark.parametrize(
        ("row", "problem"),
        [
            ({"pair": "nope", "preferred": "1"}, "row 3: pair 'nope' is no pair of answers"),
            ({"pair": "{0}", "preferred": "better"}, "preferred is 'better'. Use 1, 2 or tie"),
            ({"id": "c3", "preferred": "gpt"}, "preferred is 'gpt'. Use"),
            ({"id": "c3", "preferred": "tie", "round": "x"}, "round is 'x'"),
        ],
    )
    def test_a_row_that_cannot_be_used_is_named(self, tmp_path, pairs, caplog, row, problem):
        row = {name: cell.format(pairs["pair"][0]) for name, cell in row.items()}
        good = {"pair": pairs["pair"][1], "preferred": "1", "id": "", "round": ""}
        read = read_labels(written(tmp_path, [good, row]), pairs)
        assert len(read) == 1
        assert problem in caplog.text

    @pytest.mark.parametrize("name", ["labels.csv", "labels.json"])
    def test_a_row_whose_answers_are_not_the_runs_is_named(self, tmp_path, pairs, caplog, name):
        """Swapped or changed; blanks, rows without a text and the order of rows are free."""
        filled = sheet(pairs, responses()).assign(preferred="1").head(5)
        for i, row in filled.iterrows():
            one, two = row["answer_1"], row["answer_2"]
            texts = [
                (two, one),
                (one, f"{two} not"),
                (f" {one}\r\n", two.replace(" ", "  ")),
                ("", ""),
                (one, two),
            ]
            filled.loc[i, ["answer_1", "answer_2"]] = texts[i]
        file = written(tmp_path, filled[::-1].to_dict("records"), name)
        read = read_labels(file, pairs, None, responses())
        assert sorted(read["id"]) == sorted(pairs["id"][2:5])
        first = 2 if name.endswith(".csv") else 1
        for row, side in ((first + 4, 1), (first + 3, 2)):
            assert f"row {row}: answer_{side} is not this run's text. Sort whole rows only" in caplog.text

    def test_the_sheet_that_is_written_is_the_runs(self, tmp_path):
        """Whatever begins like a formula, and in Label Studio's export."""
        odd = ("\n=1+1", "'=x", " 'quoted'", "a\x00b", "")
        rows = responses(5).assign(test_case="json")
        rows["model_response"] = [odd[i % 5] for i in range(len(rows))]
        drawn = draw_pairs(rows, 7)
        filled = sheet(drawn, rows).assign(preferred="1")
        path = tmp_path / "sheet.csv"
        path.write_text(table_text(filled), encoding="utf-8", newline="")
        made = [task | {"annotations": [LEFT]} for task in tasks(filled)]
        for file in (str(path), written(tmp_path, made, "export.json")):
            assert len(read_labels(file, drawn, None, rows)) == 5

    def test_one_labeller_may_compare_three_models_on_a_case(self, tmp_path):
        drawn = draw_pairs(responses(1, ("a", "b", "c"), rounds=1), 7)
        rows = [{"pair": pair, "preferred": "1", "labeller": "x"} for pair in drawn["pair"]]
        assert len(read_labels(written(tmp_path, rows), drawn)) == 3

    def test_which_two_of_three_models(self, tmp_path, caplog):
        drawn = draw_pairs(responses(5, ("a", "b", "c")), 7)
        rows = [
            {"id": "c1", "model_a": "a", "model_b": "c", "preferred": "c"},
            {"id": "c2", "model_a": "", "model_b": "", "preferred": "c"},
        ]
        read = read_labels(written(tmp_path, rows), drawn)
        assert read[["model_a", "model_b"]].to_numpy().tolist() == [["a", "c"]]
        assert "Give model_a and model_b" in caplog.text

    @pytest.mark.parametrize(
        ("name", "text", "problem"),
        [
            ("absent.csv", None, "is not a file"),
            ("a.csv", "x,y\n1,2\n", "has the columns x, y"),
            ("a.csv", "pair,preferred\nabc,\n", "no label that can be used, so nobody"),
            ("a.json", "[1]", "where a label should be an object"),
            ("a.jsonl", "{", "is not readable as JSON"),
        ],
    )
    def test_no_such_table(self, tmp_path, pairs, name, text, problem):
        """Said before a run begins, too, whether its answers are there or not."""
        if text is not None:
            (tmp_path / name).write_text(text)
        for read in (read_labels, check_labels, lambda file, _: check_labels(file)):
            with pytest.raises(InputError, match=problem):
                read(str(tmp_path / name), pairs)


def scored(differences, metric="requirements_met", kind="conversation") -> pd.DataFrame:
    """Model one scores .5 + half of the difference, model two .5 − half."""
    return pd.DataFrame(
        {"id": f"c{i}", "model": model, "round": 1, "metric": metric, "test_case": kind, "value": value}
        for i, d in enumerate(differences)
        for model, value in zip(MODELS, (0.5 + d / 2, 0.5 - d / 2), strict=True)
    )


def labelled(verdicts, labeller="x") -> pd.DataFrame:
    names = {1: "a/one", -1: "b/two", 0: "tie"}
    return pd.DataFrame(
        {"id": f"c{i}", "round": 1, "model_a": "a/one", "model_b": "b/two", "preferred": names[v]}
        for i, v in enumerate(verdicts)
        if v is not None
    ).assign(labeller=labeller)


def lengths(differences) -> pd.DataFrame:
    return pd.DataFrame(
        {"id": f"c{i}", "model": model, "round": 1, "words": value}
        for i, d in enumerate(differences)
        for model, value in zip(MODELS, (50 + d, 50), strict=True)
    )


PRIMARY = {"conversation": "task_completion"}


def asked(verdicts, differences, words=None, drawn=None, **more):
    words = differences if words is None else words
    ids = [f"c{i}" for i in range(len(differences))] if drawn is None else drawn
    given = labelled(verdicts) if not isinstance(verdicts, pd.DataFrame) else verdicts
    return people(given, ids, scored(differences, "task_completion"), lengths(words), PRIMARY, **more)


class TestPeople:
    def test_labels_correct_a_metric_that_favours_one(self):
        """The metric says one, by as much everywhere; people, who see the other half, say two."""
        draw = np.random.default_rng(3)
        truth = draw.choice([-1, -1, 0, 1], 200)
        metric = np.clip(truth * 0.5 + 0.4, -1, 1)
        found = asked([int(v) if i < 60 else None for i, v in enumerate(truth)], metric)
        assert found["metric_alone"]["estimate"] > 0
        assert found["preference"]["high"] < 0
        assert found["preference"]["low"] <= truth.mean() <= found["preference"]["high"]
        assert preferred_to(found, "a/one") == "b/two"
        assert preferred_to(found, "b/two") == preferred_to(found, "another") == ""
        assert "People prefer b/two to a/one" in people_in_words(found)

    def test_labels_outside_the_sample_are_counted_and_not_used(self):
        found = asked([1] * 10, [0.1] * 10, drawn=["c0", "c1", "c2"])
        assert (found["labelled"], found["outside"]) == (3, 7)

    @pytest.mark.parametrize("lost", [{"c0"}, {"c1", "c7", "c39"}, {f"c{i}" for i in range(39)}])
    def test_every_label_of_the_sample_is_used_whatever_the_metric_scores(self, lost):
        """People alone stand as they are, another metric is held against all; the metric predicts a tie."""
        verdicts, differences = [1, 1, -1, 0] * 5, [0.3, 0.2, -0.1, 0.1] * 10
        scores, ids = scored(differences, "task_completion"), [f"c{i}" for i in range(40)]
        scores.loc[scores["id"].isin(lost), "value"] = float("nan")
        both = pd.concat([scores, scored(differences, "clarity")])
        found = people(labelled(verdicts), ids, both, lengths(differences), PRIMARY)
        assert (found["labelled"], found["outside"], found["cases"]) == (20, 0, 40)
        assert found["labels_alone"] == asked(verdicts, differences)["labels_alone"]
        assert found["metric_alone"]["estimate"] == pytest.approx(
            np.mean([d for id, d in zip(ids, differences, strict=True) if id not in lost])
        )
        assert {row["metric"]: row["pairs"] for row in found["agreement"]}["clarity"] == 15

    def test_agreement_beside_length(self):
        """A metric orders as people do; length orders the other way."""
        verdicts = [1, -1] * 15
        found = asked(verdicts, [0.2 * v for v in verdicts], words=[-v for v in verdicts])
        told = {row["metric"]: row for row in found["agreement"]}
        assert (told["task_completion"]["alike"], told["task_completion"]["pairs"]) == (30, 30)
        assert (told["length"]["alike"], told["length"]["pairs"]) == (0, 30)
        assert told["task_completion"]["correlation"] == pytest.approx(1)
        assert list(told)[-1] == "length"

    def test_a_metric_where_less_is_better_counts_the_other_way(self):
        verdicts, errors = [1, -1] * 4, [-0.2, 0.2] * 4
        told = people(
            labelled(verdicts),
            ["c0"],
            scored(errors, "wer_score"),
            lengths(errors),
            {"conversation": "wer_score"},
        )
        assert told["metric_alone"]["estimate"] == pytest.approx(0)
        assert told["agreement"][0]["alike"] == told["agreement"][0]["pairs"] == 1

    def test_two_labellers(self):
        both = pd.concat([labelled([1, 1, -1, 0]), labelled([1, -1, -1, 0], "y")])
        found = asked(both, [0.1] * 4)
        assert found["labellers"] == 2
        assert (found["kappa"]["n"], found["kappa"]["alike"]) == (4, 0.75)
        assert asked([1, 1], [0.1] * 2)["kappa"] is None

    def test_a_label_without_a_name_is_of_no_second_person(self):
        """Counted by itself, and without a kappa."""
        both = pd.concat([labelled([1, 1, -1, 0], "ann"), labelled([1, -1, None, 0], "")])
        found = asked(both, [0.1] * 4)
        assert (found["labels"], found["unnamed"], found["labellers"], found["kappa"]) == (7, 3, 1, None)
        text = report_people({"people": plain(found), "signature": "made so"})
        assert "The labels are of 1 person. 3 labels name no labeller." in text
        stand = people_in_words(found | {"preference": {"estimate": 0.3, "low": 0.1, "high": 0.5}})
        assert "to b/two, on 4 labels of 1 person and 3 labels without a labeller: the share" in stand
        nobody = asked(labelled([1, 1, -1, 0], ""), [0.1] * 4)
        assert (nobody["labellers"], nobody["kappa"]) == (0, None)
        assert "The labels are of" not in report_people({"people": plain(nobody), "signature": "made so"})

    def test_no_share_goes_past_one(self):
        """An interval by t can; what is recorded stays."""
        found = asked([1] * 19 + [0], [0.1] * 20)
        assert found["preference"]["high"] > 1
        for text in (people_in_words(found), report_people({"people": plain(found), "signature": "made so"})):
            assert " to 1.000" in text
            assert number(found["preference"]["high"]) not in text

    def test_nobody(self):
        assert asked([], [0.1] * 3) == {}
        assert preferred_to({}, "a/one") == ""

    def test_too_few_to_say(self):
        said = people_in_words(asked([1], [0.1] * 3))
        assert (
            said
            == "People labelled 1 of 3 cases; that is too little, or too much alike, to say what they prefer."
        )


class TestDecision:
    """One is .2 ahead on every third case more than two is: the metric alone deploys it."""

    DIFFERENCES = tuple([0.4, 0.1, 0.1, 0.2] * 15)

    def decided(self, verdicts) -> dict:
        scores = scored(self.DIFFERENCES, "task_completion")
        found = asked(verdicts, list(self.DIFFERENCES)) if verdicts else {}
        return decide(scores, beside=Beside(people=found))

    def test_nobody_has_looked(self):
        found = self.decided([])
        assert (found["outcome"], found["model"]) == ("deploy", "a/one")
        assert "No person has looked at these answers." in [found["caveat"], *found["warnings"]]

    def test_what_people_contradict_is_not_deployed(self):
        found = self.decided([-1, -1, -1, 0] * 10)
        assert (found["outcome"], found["model"], found["needed"]) == ("inconclusive", "", None)
        assert found["sentence"].startswith("No decision yet: a/one scores")
        assert found["sentence"].endswith("but people prefer b/two.")
        assert any(line.startswith("People prefer b/two to a/one") for line in found["because"])

    def test_what_people_contradict_would_not_be_deployed_otherwise_either(self):
        """Without a category, at any weight of a kind, whatever is unscored: the veto of people holds."""
        records = scored(self.DIFFERENCES, "field_accuracy", "json")
        records["id"] = "json" + records["id"]
        scores = pd.concat([scored(self.DIFFERENCES, "task_completion"), records], ignore_index=True)
        scores["category"] = np.array(["x", "y", "z"])[pd.factorize(scores["id"])[0] % 3]
        scores.loc[0, "value"] = float("nan")
        found = decide(scores, beside=Beside(people=asked([-1, -1, -1, 0] * 10, list(self.DIFFERENCES))))
        otherwise = found["sensitivity"]
        assert decide(scores)["outcome"] == "deploy"
        assert len(otherwise["categories"]) == 3
        assert not any(row["changes"] for row in (otherwise["unscored"], *otherwise["categories"]))
        assert {row["outcome"] for row in otherwise["weights"]} == {"inconclusive"}
        assert [(row["low"], row["high"]) for row in otherwise["holds"]] == [(0, 1)]

    @pytest.mark.parametrize("labels", [6, 20])
    def test_people_of_one_mind_are_not_overruled(self, labels):
        """With all labels on one side, no less than with one of them on the other."""
        one_apart = [[-1] * (labels - 1) + [1]] if labels > 6 else []  # of six, that leaves it open
        for verdicts in ([-1] * labels, *one_apart):
            found = self.decided(verdicts)
            assert (found["outcome"], found["model"]) == ("inconclusive", "")
            assert found["sentence"].endswith("but people prefer b/two.")
            assert any(line.startswith("People prefer b/two to a/one") for line in found["because"])

    def test_more_against_it_never_brings_the_deploy_back(self):
        """From no label to every case; five are too few to tell."""
        outcomes = [self.decided([-1] * labels)["outcome"] for labels in range(0, 61, 5)]
        assert outcomes == ["deploy"] * 2 + ["inconclusive"] * 11

    def test_ties_alone_change_nothing(self):
        found = self.decided([0] * 20)
        assert found["outcome"] == "deploy"
        assert any("not shown to prefer" in line and "(−0.168 to 0.168)" in line for line in found["because"])


class TestReported:
    def test_people_beside_the_metric_and_the_metrics_beside_people(self):
        """From the labels to the section, as 04 and 05 do it."""
        answers = responses()
        drawn = draw_pairs(answers, 7)
        labels = labelled([1, 1, 1, 0] * 10)
        how = {"alpha": 0.05, "sample": 30, "seed": 7}
        scores = scored([0.3, 0.2, 0.1, -0.1] * 10, "task_completion")
        found = plain(said_by_people(labels, answers, scores, PRIMARY, **how))
        assert (found["labelled"], found["outside"]) == (30, 10)
        assert set(drawn["id"].head(30)) <= set(labels["id"])
        text = report_people({"people": found, "signature": "made so"})
        assert "People prefer a/one to b/two" in text
        assert "| the longer answer |" in text
        assert "10 labelled cases outside of the random sample are not used" in text

    def test_nothing_without_labels(self):
        assert report_people({"people": {}}) == ""
        assert people_in_words({}) == "No person has looked at these answers."


class TestPeopleDecide:
    """`primary_metric = "preference"`: the labels decide, and the metric only corrects them."""

    DIFFERENCES = TestDecision.DIFFERENCES

    def decided(self, verdicts) -> dict:
        scores = scored(self.DIFFERENCES, "task_completion")
        found = asked(verdicts, list(self.DIFFERENCES)) if verdicts else {}
        return decide(scores, Rules("preference"), beside=Beside(people=found))

    def test_against_the_metric(self):
        """The metric alone deploys one; people prefer two, and that is what is deployed."""
        found = self.decided([-1, -1, -1, 0] * 10)
        assert (found["outcome"], found["model"]) == ("deploy", "b/two")
        assert found["sentence"] == "Deploy b/two: people prefer it."
        assert found["because"][0].startswith("People prefer b/two to a/one")
        assert [row["decides"] for row in found["kinds"]] == [False]

    @pytest.mark.parametrize(
        ("verdicts", "why"),
        [
            ([], "0 labelled cases are too few, 20 the least."),
            ([1, 0] * 9, "18 labelled cases are too few, 20 the least."),
            ([0] * 30, "prefer a/one or b/two: all labels say the same; label more cases."),
            ([1, -1] * 20, "have an 80 % chance to show a preference of 0.05 (this run has 60)."),
        ],
    )
    def test_how_many_labels_are_needed(self, verdicts, why):
        found = self.decided(verdicts)
        assert (found["outcome"], found["model"], found["contenders"]) == ("inconclusive", "", list(MODELS))
        assert found["sentence"].endswith(why)

    def reported(self, verdicts, by="people") -> dict:
        """As much of metrics_report.json as the steps and the figure read; a control spoils the metric."""
        found = plain(asked(verdicts, list(self.DIFFERENCES))) if verdicts else {}
        how = {"decided_by": by, "models": list(MODELS), "primary_metrics": PRIMARY}
        spoilt = {"test_case": "conversation", "metric": "task_completion", "disqualifies": True}
        made = {"configuration": how, "people": found, "controls": [spoilt], "simulated": False}
        return made | {"decision": self.decided(verdicts)}

    @pytest.mark.parametrize(
        ("verdicts", "step"),
        [
            ([], "Have people label 20 more cases: `benchkit labels` writes the sheet."),
            ([-1] * 19, "Have people label 1 more case: `benchkit labels` writes the sheet."),
            ([0] * 30, "Have people label more cases: `benchkit labels` writes the sheet."),
            ([1, 1, 1, 0] * 10, None),
        ],
    )
    def test_the_next_step_is_to_label(self, verdicts, step):
        """Whatever the controls show of the metric that only corrects."""
        steps = next_steps(self.reported(verdicts))
        assert steps.get("label") == step
        assert "metric" not in steps
        assert next(iter(steps)) == ("label" if step else "deploy")

    def test_how_many_more_are_to_be_labelled(self):
        """Of 20 labels of ±1 the error is √(20/19) · √(20/19)/√20 = .235: 20 (2.80 · .235/.5)² = 34.8."""
        found = asked([1, -1] * 10, [0.0] * 60, detect=0.5)
        assert verdict(found, MODELS)[2].startswith("Have people label 15 more cases:")
        few = asked([1, -1] * 10, [0.0] * 30, detect=0.5)
        said = "Add cases, and have people label all of them: 35 are needed, and this run has 30."
        assert verdict(few, MODELS)[2] == said
        assert verdict(few, [*MODELS, "c"])[2] == "Have people compare a/one, b/two and c."
        assert verdict(asked([1, -1] * 10, [0.0] * 60, detect=0.9), MODELS)[2] == ""

    def test_the_figure_shows_what_people_prefer(self):
        chart = plot_contenders(self.reported([-1] * 20))
        assert chart.reading.startswith("People prefer b/two to a/one")
        assert "people, corrected by the metric −1.000 (−1.000 to −0.663)" in chart.alt
        assert "the metric alone +0.200." in chart.alt
        (axes,) = chart.figure.axes
        assert len(axes.get_yticklabels()) == 3
        assert axes.get_xlabel() == "◀ b/two preferred · a/one preferred ▶"

    @pytest.mark.parametrize(("detect", "expected"), [(0.2, 78), (0.1, 785)])
    def test_labels_of_a_run_with_so_many_cases(self, detect, expected):
        """V = 1, ρ² = .75, 40 labels of 400 cases: .25/m + .75/400 is (.2/2.80)² at 78; for .1 no labels of
        400 are enough, and of more cases all have to be labelled, 1/m.
        """
        alone = math.sqrt(1 / 40)
        se = math.sqrt(0.25 / 40 + 0.75 / 400)
        assert _needed(se, alone, 40, 400, 0.05, detect) == expected
        assert _needed(alone, alone, 400, 400, 0.05, 0.2) == math.ceil(10 * (2.8016 / 0.2) ** 2)

    @pytest.mark.parametrize("labels", [20, 60])
    def test_people_of_one_mind_decide(self, labels):
        found = self.decided([-1] * labels)
        assert (found["outcome"], found["model"]) == ("deploy", "b/two")
        assert found["because"][0].startswith("People prefer b/two to a/one")

    def test_labels_for_a_known_error(self):
        """Labels of ±1, half each: a standard deviation of 1, so (1.96 + .84)² / .5² = 31.4 labels."""
        found = asked([1, -1] * 500, [0.0] * 1000, detect=0.5)
        assert found["needed"] == 32

    @pytest.mark.parametrize(
        ("more", "remedy"),
        [
            ({"models": ["a", "b", "c"]}, "models names 3. Name two"),
            ({"kind_weights": {"json": 1.0}}, "Leave kind_weights and category_weights empty"),
        ],
    )
    def test_is_checked_in_03(self, more, remedy):
        with pytest.raises(UsageError, match=remedy):
            checked("03_execute", {"primary_metric": "preference", "models": ["a", "b"]} | more)
        assert checked("03_execute", {"primary_metric": "preference", "models": ["a", "b"]})

    def test_named_after_results_were_seen(self):
        """Letting people decide once the metrics have spoken is said."""
        now = {"primary_metrics": {}, "decided_by": "people"} | dict.fromkeys(_TERMS + _SIZES, 0)
        before = {name: value for name, value in now.items() if name != "decided_by"}
        (said,) = named_late(now, first_named(now, before))
        assert said.startswith("Who decides was changed after results were seen, from metrics to people")
        assert not list(named_late(now, first_named(now, {})))
