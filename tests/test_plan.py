"""What a run can show, before it is paid for, and what that costs."""

from __future__ import annotations

import argparse
import asyncio
import math
import shutil

import numpy as np
import pandas as pd
import pytest

from benchkit.decide import Rules, control_table
from benchkit.decide.prices import Prices, answer_prices, case_prices, in_dollars
from benchkit.errors import UsageError
from benchkit.execute import execute, plan_execution
from benchkit.execute.plan import plan_power
from benchkit.execute.price import TIERS, least_minutes, price
from benchkit.llm.journal import Record
from benchkit.measure import align, score
from benchkit.offline import OfflineServer
from benchkit.runner import cli
from benchkit.runner.plan_command import add_plan, plan
from benchkit.stats import pair_alpha
from benchkit.stats.estimates import t_quantile

from .measured import HASTY, STEADY, TERSE, responses_of, score_table
from .staging import cases, client_on, run_in

BOTH = {"json": 50, "conversation": 50}


def pilot(n: int = 40, rounds: int = 3, models=(STEADY, HASTY), between: float = 0.1, noise: float = 0.2):
    random = np.random.default_rng(2)
    return score_table(
        {
            m: {
                metric: random.normal(0.5, between, (n, 1)) + random.normal(0, noise, (n, rounds))
                for metric in ("field_accuracy", "task_completion")
            }
            for m in models
        }
    )


class TestPower:
    def test_textbook_cases(self):
        """Miller's 969 cases for .03 at ω² = 1/9 (normal quantiles) come out near: 971 with t."""
        random = np.random.default_rng(1)
        gap = random.normal(0, 1, 20_000)
        gap = (gap - gap.mean()) / gap.std(ddof=1) / 3
        scores = score_table({STEADY: {"field_accuracy": gap}, HASTY: {"field_accuracy": 0 * gap}}, ["one"])
        found = plan_power({"json": 100}, Rules(detect=0.03), [STEADY, HASTY], 1, pilot=scores)
        assert found.needed.cases == pytest.approx(971, abs=2)

    def test_kinds_are_mixed_as_the_decision_mixes_them(self):
        """Four times the cases: half the error; all weight on one kind: its error alone."""
        seen = pilot()
        few, many = (
            plan_power(dict.fromkeys(BOTH, n), Rules(), [STEADY, HASTY], 3, pilot=seen).table.iloc[0]
            for n in (200, 800)
        )
        assert few["smallest difference"] / many["smallest difference"] == pytest.approx(2, rel=0.02)
        whole = plan_power(BOTH, Rules(), [STEADY, HASTY], 3, pilot=seen)
        one = plan_power(
            BOTH, Rules(kind_weights={"json": 1, "conversation": 0}), [STEADY, HASTY], 3, pilot=seen
        )
        assert (whole.n, one.n) == (100, 50)
        assert one.table.iloc[0]["smallest difference"] > whole.table.iloc[0]["smallest difference"]

    def test_n_against_k(self):
        """At the same number of answers more cases in fewer rounds never show less, for noise or none."""
        table = plan_power(BOTH, Rules(), [STEADY, HASTY], 3, pilot=pilot()).table
        same = table[table["design"] != "to find 0.05"].sort_values("rounds")
        assert list(same["rounds"]) == [1, 2, 3, 5, 10]
        assert same["smallest difference"].is_monotonic_increasing
        assert set(same["answers"] // 2) <= {299, 300}

    def test_an_assumption_is_called_so(self):
        """Without a pilot, and for a kind that it does not measure; two rounds would replace it."""
        nothing = plan_power(BOTH, Rules(), ["a", "b"], 3)
        assert nothing.assumed
        assert nothing.sentences[0].startswith("Assumed, not measured: how JSON cases and conversations vary")
        json_only = pilot()[lambda t: t["test_case"] == "json"]
        half = plan_power(BOTH, Rules(), ["a", "b"], 3, pilot=json_only)
        assert half.sentences[0].startswith(
            "Measured on a pilot of 40 cases in 3 rounds: how JSON cases vary."
        )
        assert "Assumed, not measured: how conversations vary" in half.sentences[0]
        assert not plan_power(BOTH, Rules(), ["a", "b"], 3, pilot=pilot()).assumed

    def test_alpha_and_the_number_of_models_count(self):
        """Dunnett's two-sided 2.54 at k = 3 and 20 df; a laxer alpha finds more; more models find less."""
        assert t_quantile(pair_alpha(4, 20, 0.05) / 2, 20) == pytest.approx(2.54, abs=0.01)
        assert pair_alpha(2, 20, 0.05) == 0.05
        smallest = [
            plan_power(
                BOTH, Rules(alpha=alpha), [STEADY, HASTY, TERSE][:models], 3, pilot=pilot(models=models_of)
            ).table.iloc[0]["smallest difference"]
            for alpha, models, models_of in (
                (0.2, 2, (STEADY, HASTY)),
                (0.05, 2, (STEADY, HASTY)),
                (0.05, 3, (STEADY, HASTY)),
            )
        ]
        assert smallest == sorted(smallest)

    def test_contenders_expected(self):
        """One model better than two others by `detect`: 1 + 2 · (1 − power) stay."""
        found = plan_power(BOTH, Rules(), [STEADY, HASTY, TERSE], 3, pilot=pilot())
        row = found.table.iloc[0]
        assert row["contenders"] == pytest.approx(1 + 2 * (1 - row["power at 0.05"]))
        assert any("expected to remain contenders" in one for one in found.sentences)

    def test_the_curve_passes_through_what_is_said(self):
        """The planned n and the needed one are points of the figure's data."""
        found = plan_power(BOTH, Rules(), [STEADY, HASTY], 3, pilot=pilot())
        at = found.curve[found.curve["rounds"] == 3].set_index("n")["power"]
        assert at[100] == pytest.approx(found.table.iloc[0]["power at 0.05"])
        assert at[found.needed.cases] == pytest.approx(0.8, abs=0.005)

    def test_what_decided_nothing_in_the_pilot_is_not_planned_for(self):
        """A kind that a control disqualified: left out, said, and the cases are those the report names."""
        from benchkit.decide import decide

        scores = pilot(noise=0.2)
        json = scores["test_case"] == "json"
        spoilt = scores[json & (scores["model"] == STEADY)].assign(model="control: prompt copied")
        both = pd.concat([scores, spoilt])
        found = plan_power(BOTH, Rules(detect=0.02), [STEADY, HASTY], 3, pilot=both, named="runs/one")
        table = control_table(both, Rules())
        report = decide(scores, Rules(detect=0.02), controls=table)
        assert found.n == BOTH["conversation"]
        assert "(runs/one): how conversations vary." in found.sentences[0]
        assert "JSON cases decided nothing there: on field_accuracy the prompt copied" in found.sentences[0]
        assert found.needed.cases == report["needed"]["cases"]

    def test_the_plan_and_the_report_name_the_same_cases(self):
        """Three models, two kinds whose variances differ: one function, the same pair, the same level."""
        from benchkit.decide import decide

        names = (STEADY, HASTY, TERSE)
        scores = pilot(models=names)
        wide = scores["test_case"] == "json"
        scores.loc[wide, "value"] = 0.5 + 2 * (scores.loc[wide, "value"] - 0.5)
        rules = Rules(detect=0.03, kind_weights={"json": 1, "conversation": 3})
        found = plan_power(dict.fromkeys(BOTH, 40), rules, names, 3, pilot=scores)
        assert found.needed.cases == decide(scores, rules)["needed"]["cases"]

    @pytest.mark.parametrize("weights", [{"x": 0.5, "y": 0.5}, {"x": 0.1, "y": 0.9}, {"x": 1, "y": 0}])
    def test_category_weights_count_as_in_the_decision(self, weights):
        """36 cases of x and 12 of y: the plan names the cases that the run then names, whatever the pilot's
        shares of categories, and without any pilot the error is Σ w²/n, not 1/n.
        """
        from benchkit.decide import decide

        scores = pilot(n=48, rounds=1)
        scores["category"] = np.where(scores["id"].str[-3:].astype(int) % 4, "x", "y")
        scores = scores[scores["test_case"] == "json"]
        cases = scores.drop_duplicates("id")
        rules, pair = Rules(detect=0.02, category_weights=weights), [STEADY, HASTY]
        found = plan_power({"json": 48}, rules, pair, 1, cases=cases, pilot=scores)
        weighs = scores[scores["category"].map(weights) > 0]  # y's cases are no cases where y weighs nothing
        assert found.n == weighs["id"].nunique()
        assert found.needed.cases == decide(scores, rules)["needed"]["cases"]

        alike = pd.concat([cases[cases["category"] == name].head(12) for name in ("x", "y")])
        assumption = plan_power({"json": 48}, rules, pair, 1, cases=cases)
        even = plan_power({"json": 48}, rules, pair, 1, cases=alike)
        usual = plan_power({"json": assumption.n}, Rules(), pair, 1)
        shares = {
            name: n / assumption.n
            for name, n in weighs.drop_duplicates("id").groupby("category").size().items()
        }
        larger = sum(weights[name] ** 2 / share for name, share in shares.items())
        assert assumption.known.at() == pytest.approx(larger * usual.known.at())
        twice = plan_power({"json": 48}, rules, pair, 1, cases=alike, pilot=scores)
        ratio = even.known.at() / assumption.known.at()
        assert twice.known.at() == pytest.approx(ratio * found.known.at())

    def test_a_pilot_of_other_categories_is_one_for_cases_that_weigh_the_same(self):
        """Weights that name none of its categories: its variance, as the planned cases' shares make of it."""
        scores, cases = pilot(), pd.DataFrame({"test_case": "json", "category": ["x"] * 30 + ["y"] * 10})
        rules = Rules(category_weights={"x": 0.5, "y": 0.5})
        usual = plan_power({"json": 40}, Rules(), [STEADY, HASTY], 3, pilot=scores)
        found = plan_power({"json": 40}, rules, [STEADY, HASTY], 3, cases=cases, pilot=scores)
        assert found.known.at() == pytest.approx(usual.known.at() * 40 * (0.25 / 30 + 0.25 / 10))

    def test_no_difference_above_the_range_is_said_to_be_shown(self):
        """Two cases: the smallest difference would be more than a score's whole range of 1."""
        few = plan_power({"json": 2}, Rules(), ["a", "b"], 1)
        assert "find no difference: it would have to be more than 1" in few.sentences[1]
        assert few.table["smallest difference"][0] == math.inf

    def test_a_pilot_without_variance_says_nothing(self):
        """All differences equal: no number is made up of it, the kind is assumed."""
        flat = score_table({m: {"field_accuracy": np.full((9, 2), 0.5)} for m in (STEADY, HASTY)})
        assert plan_power({"json": 9}, Rules(), [STEADY, HASTY], 2, pilot=flat).assumed

    @pytest.mark.parametrize(
        ("sizes", "rounds", "power", "says"),
        [
            ({"json": 0}, 1, 0.8, "no cases to plan"),
            ({"json": 5}, 0, 0.8, "rounds = 0"),
            ({"json": 5}, 1, 0.3, "power = 0.3"),
        ],
    )
    def test_what_cannot_be_planned(self, sizes, rounds, power, says):
        """Said before anything is computed."""
        with pytest.raises(UsageError, match=says):
            plan_power(sizes, Rules(), ["a", "b"], rounds, power=power)


class TestPrice:
    def test_priced_by_the_answers_that_came(self):
        """Calls × rounds × the mean of an answer; what is not known is NaN, never 0."""
        answers = responses_of(pilot(2, 1), {STEADY: 0.001}).assign(prompt_tokens=100, completion_tokens=20)
        frame = answer_prices(answers)
        prices = Prices(frame)
        found = price(prices, [STEADY], {"json": 10, "conversation": 5}, 3)
        assert (found["tokens"], found["cost_usd"]) == (15 * 3 * 120, pytest.approx(0.045))
        own = frame[frame["model"] == STEADY]
        two = Prices(pd.concat([own.assign(model=name) for name in ("a", "b")]))
        of_one = price(two, {"a": STEADY, "b": STEADY}, {"json": 1000, "conversation": 500}, 3)
        of_two = price(two, ["a", "b"], {"json": 1000, "conversation": 500}, 3)
        assert of_one["minutes, free"] > 1.9 * of_two["minutes, free"]
        assert of_one["cost_usd"] == of_two["cost_usd"]
        assert math.isnan(price(prices, [STEADY, HASTY], {"json": 10}, 3)["cost_usd"])
        assert math.isnan(price(prices, [TERSE], {"json": 10}, 3)["tokens"])
        assert found["minutes, free"] == least_minutes(TIERS["free"], 45, 5400) > found["minutes, developer"]

    def test_priced_by_the_estimate_where_nothing_came(self):
        """03's own estimate stands in for a model that has not answered."""
        work = pd.DataFrame(
            [
                {
                    "model": "m",
                    "agent": "json_executor",
                    "to ask": 4,
                    "tokens (estimate)": 400,
                    "cost_usd (estimate)": 0.04,
                }
            ]
        )
        found = price(Prices(answer_prices(None, work)), ["m"], {"json": 2}, 1)
        assert (found["tokens"], found["cost_usd"]) == (200, pytest.approx(0.02))

    def test_all_that_a_case_takes_is_in_its_price(self, tmp_path, monkeypatch):
        """Known answers: each part at what was paid; its tests are not a case's; an unknown part is named."""
        run, made = run_in(tmp_path), cases(2)
        made["requirements"] = made["requirements"].where(made["test_case"] == "conversation", "")
        run.save("validated_tests.csv", made)
        run.save("rejected_tests.csv", made.iloc[:1].assign(id="json-009", reason="off"))
        paid = [(f"{kind}_generator", "g", f"{kind}-001", 2, 0.4) for kind in BOTH]
        paid += [("json_generator", "g", "json-009", 1, 0.2), ("validator", "v", "json-009", 1, 0.1)]
        paid += [("validator", "v", "planted-none-json-001", 1, 50.0), ("validator", "v", "gone", 1, 50.0)]
        paid += [("requirements_drafter", "g", "conversation-002", 1, 0.06)]
        paid += [("judge", "j", f"conversation-001 {at}", 1, 0.01) for at in range(16)]
        paid += [("judge", "other", "conversation-001 x", 1, 50.0)]
        monkeypatch.setattr(Record, "paid", lambda self, roles: iter(paid))
        answers = pd.DataFrame({"model": ["m"] * 4, "test_case": [*BOTH] * 2, "cost_usd": 1.0})
        answers[["prompt_tokens", "completion_tokens"]] = 5
        found = case_prices(run, answers, "j")
        # Of 16 verdicts 2 are on answers; those on what each of two cases has beside them are 7.
        assert found.cases == pytest.approx({"json": 0.7 / 2, "conversation": 0.46 / 2 + 0.07})
        assert found.dollars(["m"], {"json": 10, "conversation": 10}, 2) == pytest.approx(3.5 + 3 + 40 + 0.2)
        parts = ("generating", "drafting requirements", "validating", "answering", "judging")
        assert (found.counted, found.left_out) == (parts, ())
        paid[:] = [(role, model, case, 0, 0.0) for role, model, case, *_ in paid]
        bare = case_prices(run, answers, "j")
        assert bare.dollars(["m"], {"json": 10, "conversation": 10}, 2) == pytest.approx(40)
        assert in_dollars(40, bare.counted, bare.left_out).startswith(
            "about USD 40.00 for answering, without gen"
        )
        assert "judging (of unknown price)" in bare.left_out
        assert case_prices(run, answers).left_out == tuple(n for n in bare.left_out if "judging" not in n)

    def test_a_plan_stands_in_for_verdicts_that_nobody_paid_for(self, tmp_path):
        """Three controls a case are judged, too; nobody is paid for cases that were brought."""
        run = run_in(tmp_path)
        run.record("01_generate", cases_file="mine.csv")
        run.save("validated_tests.csv", cases(3, ["conversation"]))
        judging = pd.DataFrame({"to ask": [10], "cost_usd (estimate)": [0.1]})
        found = case_prices(run, None, "j", judging=judging)
        assert (found.cases["conversation"], found.verdicts["conversation"]) == pytest.approx((0.03, 0.01))
        assert (found.counted, found.left_out) == (("answering", "judging"), ("writing the cases",))

    def test_minutes_beyond_a_days_share(self):
        """30 calls a minute: 60 take 2 minutes; what goes beyond the day's calls waits for the next."""
        assert least_minutes({"RPM": 30, "RPD": 100}, 60, 0) == 2
        assert least_minutes({"RPM": 30, "RPD": 100}, 200, 0) == 1440


def said(capsys, *given: str) -> str:
    parser = argparse.ArgumentParser()
    add_plan(parser.add_argument)
    assert plan(parser.parse_args(list(given))) == 0
    return capsys.readouterr().out


class TestCommand:
    def test_without_any_run(self, tmp_path, monkeypatch, capsys):
        """Assumptions, called so, for what 01 would write, at the notebooks' own parameters."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "runs").mkdir()
        out = said(capsys, "--cases", "40", "--detect", "0.1")
        assert "Assumed, not measured" in out
        assert "80 cases in 3 rounds have a chance of 80 %" in out
        assert "to find 0.1" in out
        assert not list((tmp_path / "runs").iterdir())

    @pytest.mark.parametrize(
        "wrong",
        [
            *(("--detect", one) for one in ("0", "nan")),
            *(("--cases", one) for one in ("0", "1000001")),
            ("--rounds", "0"),
            *(("--power", one) for one in ("1", "nan")),
        ],
    )
    def test_bad_usage(self, tmp_path, monkeypatch, capsys, wrong):
        """A value that is none: exit code 2 and one sentence."""
        monkeypatch.chdir(tmp_path)
        assert cli.main(["plan", *wrong]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1

    def test_an_interrupted_run_is_only_read(self, tmp_path, monkeypatch, capsys):
        """A journal whose log was left behind, as by `kill -9`: no byte of the run changes, none is added."""
        table, stopped = cases(2), tmp_path / "stopped"

        async def interrupted() -> None:
            async with client:
                await execute(plan_execution(client, table, [STEADY, HASTY], 1), client)
                shutil.copytree(client.run.path, stopped)

        with OfflineServer(latency_ms=0, error_rate=0) as server:
            client = client_on(server, tmp_path / "run", monkeypatch)
            client.run.save("validated_tests.csv", table)
            asyncio.run(interrupted())
        assert (stopped / "calls.sqlite-wal").stat().st_size
        before = {path: path.read_bytes() for path in stopped.rglob("*")}
        assert "4 cases in 3 rounds" in said(capsys, str(stopped))
        assert {path: path.read_bytes() for path in stopped.rglob("*")} == before

    def test_a_measured_run_is_the_pilot(self, tmp_path, monkeypatch, capsys):
        """By the scores that 04 gave its answers; a run of simulated models says SIMULATED."""
        table = cases(10)
        with OfflineServer(latency_ms=0, error_rate=0) as server:
            client = client_on(server, tmp_path / "run", monkeypatch)
            client.run.save("validated_tests.csv", table)
            client.run.record("03_execute", models=[STEADY, HASTY], rounds=2, temperature=0.7)
            work = plan_execution(client, table, [STEADY, HASTY], 2)
            client.run.save_responses(asyncio.run(execute(work, client)))
        assert "Assumed, not measured" in said(capsys, str(tmp_path / "run"))
        client.run.save("scores.csv", score(align(client.run.responses(), table), table))
        client.run.save_report({"comparisons": [], "configuration": {}, "decision": {}})
        out = said(capsys, str(tmp_path / "run"), "--rounds", "5")
        assert out.startswith("SIMULATED")
        assert f"Measured on a pilot of 20 cases in 2 rounds ({tmp_path / 'run'}): how " in out
        assert "20 cases in 5 rounds have a chance of " in out
