"""What decides, and what it decides: rules, one quantity, outcomes, and how they are said."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pandas as pd
import pytest

from benchkit.decide import Rules, check_primary, compare, compare_serving, decide, rules_of
from benchkit.decide.controls import control_table, disqualified
from benchkit.decide.deciding import conclude, floors
from benchkit.decide.decision import Beside
from benchkit.decide.evidence import gather
from benchkit.decide.needed import needed
from benchkit.decide.prices import Prices
from benchkit.decide.sensitivity import sensitivity
from benchkit.decide.table import complete
from benchkit.errors import InputError, UsageError
from benchkit.measure.report import first_named, looked_before, named_late
from benchkit.metrics import METRICS
from benchkit.report.facts import facts
from benchkit.report.otherwise import next_steps
from benchkit.stats import sequence_alpha, stratified

from .measured import HASTY, STEADY, TERSE, drawn, report_of, responses_of, score_table

JSON, TALK, MET = "field_accuracy", "task_completion", "requirements_met"


def normal(gain: dict[str, tuple[float, float]], n: int = 60, spread: float = 0.1, seed: int = 0):
    """Scores of models with such (json, conversation) gains over cases of differing difficulty, one round."""
    random = np.random.default_rng(seed)
    base = {JSON: random.normal(0.5, 0.05, n), TALK: random.normal(0.5, 0.05, n)}
    return score_table(
        {
            model: {
                metric: np.clip(base[metric] + gains[at] + random.normal(0, spread, n), 0, 1)
                for at, metric in enumerate(base)
            }
            for model, gains in gain.items()
        }
    )


class TestRules:
    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({"alpha": 0}, "alpha = 0 is not usable"),
            ({"alpha": True}, "alpha = True"),
            ({"alpha": 0.4}, "alpha = 0.4 is not usable. Use a number above 0 and below 0.4"),
            ({"margin": 1.0}, "margin = 1.0 is not usable"),
            ({"detect": "a"}, "detect = 'a'"),
            ({"kind_weights": {"json": -1}}, "kind_weights = "),
            ({"kind_weights": {"json": 0}}, "one above 0"),
            ({"category_weights": ["json"]}, "category_weights = "),
        ],
    )
    def test_a_value_that_cannot_be_is_refused(self, given, says):
        """Each value outside its range is named with what to use."""
        with pytest.raises(UsageError, match=says):
            Rules(**given)

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            (
                {"kind_weights": {"json": 1, "chat": 1}},
                "kind_weights names chat; the cases have conversation and json",
            ),
            ({"kind_weights": {"json": 1}}, "kind_weights leaves out conversation"),
            ({"category_weights": {"vip": 1}}, "category_weights names vip"),
            ({"category_weights": {"technical_support": 1}}, "leaves out billing_inquiry"),
            ({"primary_metric": "rouge"}, "'rouge' is not known"),
            ({"primary_metric": "bleu_score,clarity"}, "names bleu_score and clarity for conversations"),
        ],
    )
    def test_names_that_the_cases_do_not_have(self, given, says):
        """Unknown or missing names are refused, whatever is compared or decided with them."""
        scores = drawn(1)
        with pytest.raises(UsageError, match=says):
            Rules(**given).check_fit(scores[["id", "test_case", "category"]].drop_duplicates())
        with pytest.raises(UsageError, match=says):
            decide(scores, Rules(**given))

    @pytest.mark.parametrize(
        ("named", "chosen"),
        [
            ("", {"json": JSON, "conversation": TALK}),
            (" bleu_score ", {"json": JSON, "conversation": "bleu_score"}),
            (
                "wer_score,structural_consistency",
                {"json": "structural_consistency", "conversation": "wer_score"},
            ),
        ],
    )
    def test_what_decides(self, named, chosen):
        """The metric that is named, else the kind's default."""
        check_primary(named)
        assert Rules(primary_metric=named).primary(drawn(1)) == chosen

    def test_foreign_metrics(self):
        """A single metric decides; of several one has to be named, for any kind of case."""
        rows = {"id": list("abab"), "model": list("xxyy"), "round": 1, "value": [1.0, 0, 0, 1]}
        one = complete(pd.DataFrame(rows | {"metric": "accuracy"}))
        assert Rules().primary(one) == {"all": "accuracy"}
        two = complete(pd.concat([one, one.assign(metric="style")]))
        with pytest.raises(UsageError, match="names none of accuracy or style of cases"):
            Rules().primary(two)
        assert Rules(primary_metric="style").primary(two) == {"all": "style"}
        assert decide(two, Rules(primary_metric="style"))["kinds"][0]["metric"] == "style"

    def test_weights_are_shares(self):
        """Equal kinds where none are named; named ones are normalised."""
        assert Rules().weights(["json", "conversation"]) == {"json": 0.5, "conversation": 0.5}
        heavy = Rules(kind_weights={"json": 3, "conversation": 1})
        assert heavy.weights(["json", "conversation"]) == {"json": 0.75, "conversation": 0.25}

    def test_they_are_read_from_what_03_recorded(self):
        """What 03 was run with decides in 04: alpha 0.2 is not forgotten for a default."""

        class Recorded:
            def parameter(self, notebook, name, default=None):
                return {("03_execute", "alpha"): 0.2, ("03_execute", "kind_weights"): {"json": 1}}.get(
                    (notebook, name), default
                )

        rules = rules_of(Recorded(), reference=HASTY)
        assert (rules.alpha, rules.margin, rules.kind_weights) == (0.2, 0.05, {"json": 1})
        assert rules.reference == HASTY


class TestQuantity:
    def test_u_by_hand(self):
        """U = Σ v_k Δ_k, SE² = Σ v_k² SE_k², each kind stratified by category."""
        scores = normal({STEADY: (0.1, 0.0), HASTY: (0, 0)})
        evidence = gather(complete(scores), Rules(kind_weights={"json": 3, "conversation": 1}))
        wide = scores.pivot(index=["metric", "id", "category"], columns="model", values="value")
        parts = []
        for metric in (JSON, TALK):
            some = wide.loc[metric]
            labels = some.index.get_level_values("category")
            parts.append(stratified((some[STEADY] - some[HASTY]).to_numpy(), list(labels)))
        found = evidence.pairs[0][1]
        assert found.estimate == pytest.approx(0.75 * parts[0].estimate + 0.25 * parts[1].estimate)
        assert found.se**2 == pytest.approx(0.75**2 * parts[0].se ** 2 + 0.25**2 * parts[1].se ** 2)

    def test_lower_is_better_is_turned(self):
        """On a metric of which less is better, U is positive for the model with less."""
        random = np.random.default_rng(1)
        scores = score_table(
            {m: {"wer_score": random.normal(at, 0.1, 60)} for m, at in ((STEADY, 1), (HASTY, 2))}
        )
        found = decide(scores, Rules(primary_metric="wer_score"))
        assert (found["outcome"], found["model"]) == ("deploy", STEADY)
        assert found["utility"][0]["difference"] == pytest.approx(1, abs=0.1)

    def test_undefined_cases_are_left_out_and_unscored_ones_counted(self):
        """A case that leaves the metric nothing is no case of it; one that we lost is unscored."""
        scores = normal({STEADY: (0.1, 0.1), HASTY: (0, 0)}, n=30)
        gone = (scores["metric"] == TALK) & (scores["id"] == "conversation-003")
        scores.loc[gone, ["value", "reason"]] = [math.nan, "undefined: the golden has no keyword"]
        lost = (scores["metric"] == JSON) & (scores["id"] == "json-001") & (scores["model"] == STEADY)
        scores.loc[lost, ["value", "reason"]] = [math.nan, "failed: timeout"]
        found = decide(scores)
        rows = {row["kind"]: row for row in found["kinds"]}
        assert (rows["conversation"]["n"], rows["conversation"]["undefined"]) == (29, 1)
        assert (rows["json"]["n"], rows["json"]["planned"], rows["json"]["undefined"]) == (29, 30, 0)
        assert found["sensitivity"]["unscored"]["n_unscored"] == 1
        why = f"On conversations: {TALK} is undefined for 1 of 30 cases: {METRICS[TALK].undefined}."
        assert any(line.startswith(why) for line in found["warnings"])
        assert "draft_requirements" not in " ".join(found["warnings"])

    def test_a_category_of_weight_0_is_as_if_it_were_not_there(self):
        """Whatever its cases say, unscored and unusable ones, too: what the others alone decide, and said."""
        scores = normal({STEADY: (0.1, 0.1), HASTY: (0, 0)}, n=40)
        first, *others = sorted(scores["category"].unique())
        out, rest = scores["category"] == first, dict.fromkeys(others, 1.0)
        rules, left = Rules(category_weights={first: 0.0, **rest}), Rules(category_weights=rest)
        for value, reason in ((1.0, ""), (math.nan, "failed: timeout"), (0.0, "refused: it declined")):
            some = scores.copy()
            some.loc[out & (some["model"] == HASTY), ["value", "reason"]] = [value, reason]
            found, alone = decide(some, rules), decide(some[~out], left)
            told = [line for line in found["warnings"] if "weight 0" in line]
            assert told[0] == "On JSON cases: 8 of 40 cases have a category of weight 0, and count nowhere."
            found["warnings"] = [line for line in found["warnings"] if line not in told]
            assert found == alone
            pd.testing.assert_frame_equal(compare(some, rules), compare(some[~out], left))

    def test_cases_without_a_must_are_told_with_the_remedy(self):
        scores = normal({STEADY: (0.1, 0.1), HASTY: (0, 0)}, n=30).replace({"metric": {TALK: MET}})
        gone = (scores["metric"] == MET) & scores["id"].isin(["conversation-003", "conversation-004"])
        scores.loc[gone, ["value", "reason"]] = [math.nan, "undefined: " + METRICS[MET].undefined]
        (told,) = [line for line in decide(scores)["warnings"] if "undefined" in line]
        assert told.startswith(f"On conversations: {MET} is undefined for 2 of 30 cases: the case does not")
        assert "draft_requirements" in told

    def test_scores_that_cannot_be_compared(self):
        """One model, two values of one response or a missing column: said, with the place."""
        scores = drawn(1)
        with pytest.raises(InputError, match="of offline/steady alone"):
            decide(scores[scores["model"] == STEADY])
        with pytest.raises(InputError, match="has two scores on"):
            decide(pd.concat([scores, scores.iloc[:1]]))
        with pytest.raises(InputError, match="no column value"):
            decide(scores.drop(columns="value"))


class TestOutcomes:
    @pytest.mark.parametrize(
        ("gain", "n", "outcome"),
        [
            ({STEADY: (0.1, 0.1), HASTY: (0, 0)}, 60, ("deploy", STEADY)),
            ({STEADY: (0.1, 0.1), HASTY: (0, 0), TERSE: (0.02, 0)}, 60, ("deploy", STEADY)),
            ({STEADY: (0.1, 0.1), HASTY: (0, 0)}, 9, ("inconclusive", "")),  # 18 cases
            ({STEADY: (0, 0), HASTY: (0, 0)}, 150, ("equivalent", "")),
            ({STEADY: (0, 0), HASTY: (0, 0), TERSE: (-0.2, -0.2)}, 150, ("equivalent", "")),
            ({STEADY: (0.2, 0), HASTY: (0, 0.2)}, 60, ("split", "")),
            ({STEADY: (0, 0), HASTY: (0, 0)}, 15, ("inconclusive", "")),
            # Better in all, and worse on conversations by more than the margin: never deployed.
            ({STEADY: (0.3, -0.1), HASTY: (0, 0)}, 150, ("split", "")),
        ],
    )
    def test_outcome(self, gain, n, outcome):
        """What the planted gains of (json, conversation) allow to say."""
        found = decide(normal(gain, n))
        named = found["model"] if outcome[0] == "deploy" else outcome[1]
        assert (found["outcome"], named) == outcome
        assert (found["outcome"] == "deploy") == (found["sentence"].startswith("Deploy"))
        assert len(found["because"]) <= 3
        assert "ahead" not in " ".join([found["sentence"], *found["because"], found["caveat"]])

    def test_a_floor_keeps_a_better_model_from_being_deployed(self):
        """Better in all, but on one kind it may be worse by more than the margin: said, with the cases."""
        scores = normal({STEADY: (0.3, -0.02), HASTY: (0, 0)}, 60, seed=1)
        found = decide(scores)
        top = next(row for row in found["utility"] if row["model"] == STEADY)
        floor = next(
            row for row in found["floors"] if (row["kind"], row["model"]) == ("conversation", STEADY)
        )
        assert top["low"] > 0
        assert floor["low"] < -0.05 < floor["high"]
        assert (floor["held"], floor["shown_worse"], found["outcome"]) == (False, False, "inconclusive")
        assert (
            f"on conversations {STEADY} may be up to {-floor['low']:.3f} behind {HASTY}" in found["sentence"]
        )
        assert found["needed"]["kinds"] == ["conversation"]
        assert "conversations have an 80 % chance to show" in found["because"][-1]

    def test_the_cheapest_of_equals_is_taken(self):
        """Equivalent models: the cheaper one is named, with what 1,000 answers cost less."""
        scores = normal({STEADY: (0, 0), HASTY: (0, 0)}, 150)
        found = report_of(scores, costs={STEADY: 0.0004, HASTY: 0.0001})["decision"]
        assert (found["outcome"], found["model"]) == ("equivalent", HASTY)
        assert found["sentence"].startswith(f"Take {HASTY}, which is cheaper: it is equivalent to")
        assert found["because"][-1].startswith(f"{HASTY} takes USD 0.30 less for 1,000 answers and ")
        dear = report_of(scores, costs={STEADY: 0.0001, HASTY: 0.0004})["decision"]
        assert dear["model"] == STEADY

    def test_of_equals_none_is_named_where_nothing_tells_their_price_or_time(self):
        """No name by the alphabet; an unknown price of a model that is far behind hides nothing."""
        gain = {STEADY: (0, 0), HASTY: (0, 0), TERSE: (-0.3, -0.3)}
        found = decide(normal(gain, 150))
        assert (found["outcome"], found["model"]) == ("equivalent", "")
        assert found["sentence"].endswith(
            "are equivalent within 0.05: any may be taken, "
            "since none of them is known to be cheaper or faster."
        )
        assert {STEADY, HASTY} == set(found["contenders"])
        steps = next_steps({"decision": found})
        assert steps["take"] == "Take whichever of the equivalent models suits better."
        priced = report_of(normal(gain, 150), costs={STEADY: 0.0004, HASTY: 0.0001})["decision"]
        assert priced["model"] == HASTY

    @pytest.mark.parametrize(
        ("costs", "seconds", "said"),
        [
            ((1, 2, 2), (9, 1, 1), f"Take {STEADY}, which is cheaper: it"),
            ((1, 1, 1), (9, 1, 2), f"Take {HASTY}, which is faster: it"),
            ((1, 1, 2), (2, 1, 1), f"Take {HASTY}, which is cheaper or faster: it"),
            ((None, 1, 2), (1, 2, 2), f"Take {STEADY}, which is faster: it"),
            ((None, None, None), (3, 2, 1), f"Take {TERSE}, which is faster: it"),
            ((1, 1, 1), (2, 2, 2), "any may be taken"),
            ((1, 1, 1), (None, None, None), "any may be taken"),
            ((1, 1, 2), (5, 5, 1), f"{STEADY} or {HASTY} may be taken"),
        ],
    )
    def test_cheaper_or_faster_is_said_only_where_it_is(self, costs, seconds, said):
        """A tie in cost goes on to the time, and one in both to any; the order of the models is none."""
        names, values = (STEADY, HASTY, TERSE), np.tile([0.7, 0.8, 0.9], 40)
        taken = [
            {
                "id": f"{JSON}{at}",
                "model": name,
                "round": 1,
                "latency_s": took,
                "queue_s": 0,
                "cost_usd": cost,
            }
            for name, cost, took in zip(names, costs, seconds, strict=True)
            for at in range(120)
        ]
        for order in (slice(None), slice(None, None, -1)):
            scores = score_table({name: {JSON: values} for name in names[order]})
            beside = Beside(compare_serving(pd.DataFrame(taken[order])))
            found = decide(scores, beside=beside)
            assert found["outcome"] == "equivalent"
            ordered = (
                said if order == slice(None) else said.replace(f"{STEADY} or {HASTY}", f"{HASTY} or {STEADY}")
            )
            assert ordered in found["sentence"]
            assert found["model"] == (said.split(",")[0][5:] if said.startswith("Take") else "")
            assert " 0.00 " not in " ".join(found["because"])

    def test_the_only_safe_one_of_equals_is_not_called_cheaper(self):
        """By hand: equal in all, and .03 ± .03 apart on conversations: one may be past the margin."""
        apart = np.tile([0.33, -0.27], 200)
        values = {STEADY: {JSON: np.full(400, 0.5), TALK: 0.5 + apart}}
        values[HASTY] = {JSON: np.full(400, 0.53) + apart / 100, TALK: np.full(400, 0.5)}
        scores = score_table(values)
        for costs in ({STEADY: 2, HASTY: 1}, {STEADY: 1, HASTY: 2}):
            serving = compare_serving(responses_of(scores, costs).assign(latency_s=1.0))
            found = decide(scores, beside=Beside(serving))
            assert (found["outcome"], found["model"]) == ("equivalent", STEADY)
            why = f", which is cheaper: it is equivalent to {HASTY} within 0.05."
            if costs[STEADY] > costs[HASTY]:
                why = f": it is equivalent to {HASTY} within 0.05, and unlike {HASTY} shown to be no further "
                why += "behind on any kind."
            assert found["sentence"] == f"Take {STEADY}{why}"

    @pytest.mark.parametrize(("gap", "n"), [(1.0, 4), (1.0, 40), (0.0, 40), (0.25, 40)])
    def test_equal_differences_have_no_interval(self, gap, n):
        """All differences the same: none in the utility, the floors, the comparisons or any sentence."""
        values = {STEADY: {JSON: np.full(n, gap)}, HASTY: {JSON: np.zeros(n)}}
        report = report_of(score_table(values, ["one"]))
        found = report["decision"]
        rows = [*found["utility"], *found["floors"]]
        assert [(row["low"], row["high"]) for row in rows] == [(None, None)] * 4
        assert (report["comparisons"][0]["ci_low"], report["comparisons"][0]["ci_high"]) == (None, None)
        words = " ".join([found["sentence"], *found["because"], *(one.text for one in facts(report))])
        for same in (f"{gap:.3f} to {gap:.3f}", "unknown", "nan"):
            assert same not in words
        assert "interval can be given" in words
        assert (found["outcome"] == "deploy") == (n >= 20 and gap > 0)

    def test_few_cases_exclude_no_rare_failure(self):
        """Twenty equal cases a kind are no equivalence; ln(1/alpha)/margin cases in all are."""
        for n, outcome in ((20, "inconclusive"), (30, "equivalent")):
            values = {m: {JSON: np.full(n, 0.9), TALK: np.full(n, 0.9)} for m in (STEADY, HASTY)}
            assert decide(score_table(values))["outcome"] == outcome

    @pytest.mark.parametrize("shared", [2, 19])
    def test_nothing_is_deployed_on_few_shared_cases(self, shared):
        """Of three models the best one was scored on few cases: those are what the decision rests on."""
        best = np.full(60, math.nan)
        best[:shared] = np.linspace(0.8, 0.82, shared)
        values = {STEADY: np.linspace(0.4, 0.6, 60), HASTY: np.linspace(0.41, 0.59, 60), TERSE: best}
        scores = score_table({model: {JSON: one} for model, one in values.items()}, ["one"])
        found = decide(scores)
        assert found["outcome"] == "inconclusive"
        assert f"{shared} cases that {TERSE} and " in found["sentence"]
        assert found["sentence"].count("are too few, 20 the least") == 1
        assert found["needed"]["what"] == "least" or found["needed"]["more"] >= 20 - shared
        assert decide(scores[scores["model"] != TERSE])["cases"] == 60

    def test_few_shared_cases_of_a_kind_are_the_caveat(self):
        """60 conversations were planned and 2 have a score of both models: two it rests on."""
        scores = normal({STEADY: (0.3, 0.3), HASTY: (0, 0)}, 60).assign(category="one")
        lost = (scores["model"] == HASTY) & (scores["metric"] == TALK) & (scores["id"] > "conversation-001")
        found = decide(scores[~lost], Rules(margin=0.9, kind_weights={"json": 19, "conversation": 1}))
        assert (found["outcome"], found["caveat"]) == ("deploy", "It rests on few cases: 2 conversations.")

    def test_a_family_counts_once_in_every_rule_of_few(self):
        """Three families of 20 cases are three units: nothing is deployed, equivalent or surer than p .25."""
        values = {STEADY: {JSON: np.full(60, 0.9)}, HASTY: {JSON: np.full(60, 0.9)}}
        scores = score_table(values, ["one"])
        scores["family"] = scores["id"].str[-1].map(lambda at: f"f{int(at) % 3}")
        found = decide(scores)
        assert (found["outcome"], found["cases"]) == ("inconclusive", 60)
        assert found["needed"]["more"] >= 17
        assert "3 families of cases are too few, 20 the least" in found["sentence"]
        better = scores.assign(value=scores["value"].where(scores["model"] == STEADY, 0.5))
        found = decide(better)
        assert found["outcome"] == "inconclusive"
        assert found["because"][-1] == "17 more scored families of cases would make the 20 of a decision."
        assert compare(better, Rules())["p_value"].iloc[0] == 0.25

    @pytest.mark.parametrize(("n", "outcome"), [(10, "inconclusive"), (59, "inconclusive"), (60, "deploy")])
    def test_equal_differences_of_few_cases_exclude_no_loss(self, n, outcome):
        """A kind on which two models never differ holds the floor from ln(1/alpha)/margin cases on."""
        scores = normal({STEADY: (0.3, 0), HASTY: (0, 0)}, 60)
        talk = scores["metric"] == TALK
        scores = scores.assign(value=scores["value"].mask(talk, 1.0))[
            ~talk | (scores["id"].str[-3:] < f"{n:03d}")
        ]
        found = decide(scores)
        assert found["outcome"] == outcome
        floor = next(
            row for row in found["floors"] if (row["kind"], row["model"]) == ("conversation", STEADY)
        )
        assert (floor["held"], floor["low"]) == (n == 60, None)
        if n < 60:
            assert (found["needed"]["what"], found["needed"]["cases"]) == ("floor", 60)
            assert f"{60 - n} more conversation" in found["because"][-1]

    @pytest.mark.parametrize(("n", "said"), [(25, "50 cases miss one in 6 % of all cases"), (30, "")])
    def test_a_deploy_on_few_cases_says_which_failures_they_miss(self, n, said):
        """(1 − .058)^50 is .05; from ln(1/alpha)/margin cases on a failure that weighs the margin is seen."""
        found = decide(normal({STEADY: (0.3, 0.3), HASTY: (0, 0)}, n))
        assert found["outcome"] == "deploy"
        assert said in found["caveat"]
        assert ("miss one" in found["caveat"]) == bool(said)

    def test_routing_gains_over_the_best_single_model(self):
        """Half of .2 on the kind that the single model is worse on: about .1."""
        found = decide(normal({STEADY: (0.2, 0), HASTY: (0, 0.2)}, 100))["split"]
        assert found["routing"] == {"json": STEADY, "conversation": HASTY}
        assert found["low"] < found["gain"] < found["high"]
        assert found["gain"] == pytest.approx(0.1, abs=0.02)

    def test_controls_disqualify(self):
        """A metric that the copied prompt does as well on decides nothing; the other kind decides alone."""
        scores = normal({STEADY: (0.1, 0.1), HASTY: (0, 0)}, 40)
        copied = scores[(scores["model"] == STEADY) & (scores["metric"] == TALK)].assign(
            model="control: prompt copied"
        )
        scores = pd.concat([scores, copied])
        table = control_table(scores, Rules())
        (row,) = table.to_dict("records")
        assert (row["metric"], row["gap"], row["disqualifies"]) == (TALK, 0, True)
        assert set(disqualified(table)) == {("conversation", TALK)}
        found = report_of(scores)
        assert found["decision"]["outcome"] == "deploy"
        assert "for JSON cases alone" in found["decision"]["sentence"]
        assert found["decision"]["because"][0].startswith(
            "Conversations decide nothing here: on task_completion the prompt copied back scores 0.6"
        )
        assert found["controls"][0]["disqualifies"]
        assert [(k["kind"], k["weight"]) for k in found["decision"]["kinds"]] == [
            ("json", 1.0),
            ("conversation", 0),
        ]
        only_talk = scores[scores["test_case"] == "conversation"]
        nothing = decide(only_talk, controls=table)
        assert nothing["outcome"] == "inconclusive"
        assert nothing["sentence"] == "No decision: nothing that was measured here can decide."

    def test_what_could_not_be_used_is_the_reason_and_not_the_metric(self):
        """Answers cut off at max_tokens: said first, with the remedy, whatever a control scored."""
        scores = normal({STEADY: (0.1, 0.1), HASTY: (0, 0)}, 30)
        reasons = ["malformed: cut off at max_tokens = 50"] * 40 + ["malformed: it holds no JSON"] * 20
        scores = scores[scores["test_case"] == "json"].assign(value=0.0, reason=reasons)
        control = scores[scores["model"] == STEADY].assign(
            value=0.16, reason="", model="control: another golden"
        )
        found = report_of(pd.concat([scores, control]))
        decision, why = (
            found["decision"],
            "60 of 60 answers were unusable, most often: cut off at max_tokens = 50",
        )
        assert decision["sentence"] == f"No decision: on JSON cases {why}; raise it."
        assert decision["because"] == []
        steps = next_steps(found)
        assert "metric" not in steps
        assert why in steps["usable_json"]
        assert not any("the metric decides nothing" in one.text for one in facts(found))
        # Without controls, equal zeros of answers that did not come are no equivalence.
        assert decide(scores)["outcome"] == "inconclusive"

    def test_a_model_with_few_usable_answers_is_the_caveat(self):
        """Nine of ten answers of one model refused: said first of all that weakens the decision."""
        scores = normal({STEADY: (0.1, 0.1), HASTY: (0, 0)}, 40)
        some = scores.index[(scores["model"] == HASTY) & (scores["test_case"] == "json")][4:]
        scores.loc[some, ["value", "reason"]] = [0.0, "refused: it declined"]
        assert decide(scores)["caveat"] == (
            "Of offline/hasty on JSON cases, 36 of 40 answers were unusable, most often: it declined."
        )

    def test_a_control_within_the_margin_of_a_lower_is_better_metric(self):
        """The direction of the metric is that of its descriptor."""
        values = {STEADY: 0.5, "control: boilerplate": 2.0, HASTY: 0.9}
        rows = [
            {
                "id": "a",
                "test_case": "conversation",
                "model": m,
                "metric": "wer_score",
                "value": v,
                "round": 1,
            }
            for m, v in values.items()
        ]
        (row,) = control_table(pd.DataFrame(rows), Rules()).to_dict("records")
        assert (row["best_model"], row["gap"], row["disqualifies"]) == (STEADY, 1.5, False)

    def test_a_model_without_measurement(self):
        """Nothing is deployed where a model has no score on a kind that decides; it is said loudly."""
        scores = normal({STEADY: (0.1, 0.1), HASTY: (0, 0)}, 40)
        lost = (scores["model"] == HASTY) & (scores["metric"] == JSON)
        third = scores[scores["model"] == STEADY].assign(model=TERSE)
        scores.loc[lost, ["value", "reason"]] = [math.nan, "failed: down"]
        found = report_of(pd.concat([scores, third]))["decision"]
        assert found["outcome"] == "inconclusive"
        assert "offline/hasty has no usable measurement" in " ".join([found["caveat"], *found["warnings"]])


class TestLooks:
    def test_a_later_look_is_wider_and_says_so(self):
        """Cases that came after a report: intervals that hold at all looks, and the decision says so."""
        scores = normal({STEADY: (0.06, 0.06), HASTY: (0, 0)}, 40)
        once = report_of(scores)["decision"]
        seen = {"cases": 40, "rounds": 1}
        again = report_of(scores, before=seen)["decision"]
        assert again["looks"] == {"cases": 80, "rounds": 1, "first_cases": 40, "first_rounds": 1}
        assert again["utility"][0]["low"] < once["utility"][0]["low"]
        assert gather(complete(scores), Rules(), look=2.0).alpha() == sequence_alpha(2.0, 0.05)
        said = " ".join([again["caveat"], *again["warnings"]])
        assert "Results were seen before, of 40 cases in 1 round:" in said
        same = report_of(scores, before={"cases": 80, "rounds": 1})["decision"]
        assert same["looks"] is None

    @pytest.mark.parametrize("alpha", [0.001, 0.05, 0.399])
    def test_every_alpha_that_is_allowed_can_be_read_at_a_later_look(self, alpha):
        """Also that of equivalence, which is twice as large."""
        evidence = gather(complete(normal({STEADY: (0, 0), HASTY: (0, 0)}, 20)), Rules(alpha=alpha), look=1.5)
        assert 0 < evidence.alpha() < alpha
        assert evidence.alpha() < evidence.alpha(2) < 2 * alpha

    def test_what_was_changed_late(self):
        """A term that is another than when results were first seen is a warning, now and ever after."""
        scores = drawn(3)
        first = report_of(scores)["configuration"]
        late = report_of(scores, Rules(margin=0.1), before=first)
        assert late["decision"]["caveat"].startswith(
            "Margin was changed after results were seen, from 0.05 to 0.1"
        )
        third = report_of(scores, Rules(margin=0.1), before=late["configuration"])
        assert third["decision"]["caveat"] == late["decision"]["caveat"]
        metric = report_of(scores, Rules("structural_consistency"), before=first)["decision"]["caveat"]
        assert metric.startswith("What decides on JSON cases was changed")

    def test_nothing_was_seen(self):
        """The first report is no later look and names nothing late."""
        now = report_of(drawn(3))["configuration"]
        assert list(named_late(now, first_named(now, {}))) == []
        assert looked_before(now, first_named(now, {})) is None


class TestSensitivity:
    def test_unscored_bounds_by_hand(self):
        """Every unscored response at the one end of 0..1 for the best model and the other for the rest."""
        steady, hasty = np.full(40, 0.8), np.full(40, 0.5)
        steady[:4] = math.nan
        scores = score_table({STEADY: {JSON: steady}, HASTY: {JSON: hasty}}, ["one"])
        found = decide(scores)["sensitivity"]["unscored"]
        assert found["n_unscored"] == 4
        assert found["worst"] == pytest.approx((36 * 0.3 + 4 * -0.5) / 40)
        assert found["best"] == pytest.approx((36 * 0.3 + 4 * 0.5) / 40)

    def test_what_was_never_asked_is_not_unscored(self):
        """One model has one round of two, and one value is lost: 1 is unscored, and the rounds are said."""
        random = np.random.default_rng(4)
        scores = score_table({m: {JSON: random.random((24, 2))} for m in (STEADY, HASTY)}, ["one"])
        scores = scores[(scores["model"] == STEADY) | (scores["round"] == 1)]
        whole = decide(scores)
        said = f"On JSON cases: {HASTY} was never asked for 24 of 48 answers; it is compared by the others."
        assert whole["sensitivity"]["unscored"] is None
        assert said in whole["warnings"]
        scores.iloc[0, scores.columns.get_loc("value")] = math.nan
        assert decide(scores)["sensitivity"]["unscored"]["n_unscored"] == 1

    def test_weights_that_turn_the_answer(self):
        """The better model on either kind: the answer holds around equal weights alone."""
        scores = complete(normal({STEADY: (0.3, -0.02), HASTY: (0, 0)}, 200))
        evidence = gather(scores, Rules())
        base = conclude(evidence)
        found = sensitivity(evidence, conclude)
        assert base == ("deploy", STEADY)
        (holds,) = found["holds"]
        assert holds["low"] == pytest.approx(0.25, abs=0.2)
        assert holds["high"] == 1.0
        ends = {row["weight"]: (row["outcome"], row["model"]) for row in found["weights"]}
        assert ends[1.0] == ("deploy", STEADY)
        assert ends[0.0] != ("deploy", STEADY)

    def test_categories_that_differ_are_told(self):
        """F is large where one category's difference is another, and small where all are alike."""
        scores = normal({STEADY: (0, 0), HASTY: (0, 0)}, 100)
        same = decide(scores)["sensitivity"]["heterogeneity"][0]
        apart = (scores["category"] == "billing_inquiry") & (scores["model"] == STEADY)
        scores.loc[apart, "value"] += 0.3
        other = decide(scores)["sensitivity"]["heterogeneity"][0]
        assert same["p_value"] > 0.01 > other["p_value"]
        assert len(other["categories"]) == 5
        texts = [one.text for one in facts(report_of(scores, Rules(alpha=0.2)))]
        assert any(
            "differs between categories (F(" in text and "at a level of 0.2)" in text for text in texts
        )

    def test_a_difference_in_other_categories_needs_them_to_agree(self):
        """A gain in one category alone is shown in these five, not in others; a gain in all in both."""
        scores = normal({STEADY: (0, 0), HASTY: (0, 0)}, 100)
        one = scores["model"] == STEADY
        everywhere, here = scores.copy(), scores.copy()
        everywhere.loc[one, "value"] += 0.1
        here.loc[one & (scores["category"] == "billing_inquiry"), "value"] += 0.5
        for table, low in ((everywhere, True), (here, False)):
            found = decide(table)
            assert found["utility"][0]["low"] > 0
            assert (found["sensitivity"]["elsewhere"]["low"] > 0) is low
            assert found["sensitivity"]["elsewhere"]["categories"] == 5
            (text,) = [one.text for one in facts(report_of(table)) if "categories other than" in one.text]
            verdict = f"{STEADY} is shown better there." if low else "no difference is shown there."
            assert text.endswith(verdict)

    def test_resampling_agrees_with_t_on_normal_scores(self):
        """BCa over all cases with kinds and categories fixed; all signs alike are rare by chance."""
        found = decide(normal({STEADY: (0.1, 0.1), HASTY: (0, 0)}, 60))
        best, again = found["utility"][0], found["sensitivity"]["resampled"]
        assert again["low"] == pytest.approx(best["low"], abs=0.006)
        assert again["high"] == pytest.approx(best["high"], abs=0.006)
        assert again["p_sign_flip"] < 0.01

    def test_resampling_is_told(self):
        """Its p and its interval; where all differences are equal that no interval can be given."""
        report = report_of(normal({STEADY: (0.1, 0.1), HASTY: (0, 0)}, 60))
        found = report["decision"]["sensitivity"]["resampled"]
        (text,) = [one.text for one in facts(report) if "sign flips" in one.text]
        assert f"{STEADY} against {HASTY} has p < 0.001 by sign flips (BCa 95 % interval" in text
        assert f"{found['low']:.3f} to {found['high']:.3f}" in text
        equal = score_table({STEADY: {JSON: np.full(30, 0.9)}, HASTY: {JSON: np.full(30, 0.8)}})
        assert any(
            "sign flips (no 95 % interval can be given)" in one.text for one in facts(report_of(equal))
        )

    def test_too_few_cases_without_a_category_change_nothing(self):
        """60 equal cases exclude a rare failure, 48 cannot: that is no finding of a category."""
        values = {m: {JSON: np.full(60, 0.9)} for m in (STEADY, HASTY)}
        report = report_of(score_table(values))
        assert report["decision"]["outcome"] == "equivalent"
        rows = report["decision"]["sensitivity"]["categories"]
        assert [(row["too_few"], row["changes"]) for row in rows] == [(True, False)] * 5
        texts = [one.text for one in facts(report) if one.topic == "sensitivity"]
        assert any("too few cases are left to tell" in text for text in texts)
        assert not any("the outcome would be" in text or "stays the same without" in text for text in texts)

    def test_seen_changes_stand_beside_the_expected_ones(self):
        """One category carries the difference: without it the outcome is another, in words and numbers."""
        scores = normal({STEADY: (0.02, 0.02), HASTY: (0, 0)}, 60)
        one = (scores["category"] == "billing_inquiry") & (scores["model"] == STEADY)
        scores.loc[one, "value"] += 0.3
        report = report_of(scores)
        found = report["decision"]["sensitivity"]
        seen = sum(row["changes"] for row in found["categories"])
        assert seen > 0
        (text,) = [one.text for one in facts(report) if "lost cases alone are expected" in one.text]
        assert f"in {seen} of 5" in text
        assert f"change {found['expected_changes']:.1f}" in text


class TestNeeded:
    def test_cases_and_dollars(self):
        """Cases that show `detect` with 80 %, at the price of an answer, for the contenders alone."""
        scores = normal({STEADY: (0.03, 0), HASTY: (0, 0), TERSE: (-0.3, -0.3)}, 25)
        evidence = gather(complete(scores), Rules(detect=0.02))
        costs = responses_of(scores, {STEADY: 0.001, HASTY: 0.002, TERSE: 1.0})
        prices = costs.groupby(["model", "test_case"])["cost_usd"].mean().reset_index()
        found = needed(evidence, None, Prices(prices), rounds=2)
        assert set(found["models"]) == {STEADY, HASTY}
        assert found["cases"] == 50 + found["more"]
        assert found["cost_usd"] == pytest.approx(found["more"] * 2 * 0.003)
        assert needed(evidence, None, Prices(), 2)["cost_usd"] is None

    def test_where_only_the_least_number_of_cases_is_missing_that_is_said(self):
        """19 cases that show a difference: one more, without a chance of what is shown already."""
        scores = normal({STEADY: (0.3, 0.3), HASTY: (0, 0)}, 10)
        found = report_of(scores[scores["id"] != "json-009"])
        need = found["decision"]["needed"]
        assert (need["what"], need["cases"], need["more"], need["power"]) == ("least", 20, 1, None)
        assert found["decision"]["because"][-1] == "1 more scored case would make the 20 of a decision."
        assert any("are the least that anything is decided on" in one.text for one in facts(found))

    def test_the_range_of_the_needed_cases_is_said(self):
        """A variance of few cases is an estimate: the further cases have an interval, in the sentence."""
        found = decide(normal({STEADY: (0.03, 0), HASTY: (0, 0)}, 12), Rules(detect=0.02))
        need = found["needed"]
        low, high = (need[end] - 24 for end in ("low", "high"))
        assert low < need["more"] < high
        assert f"About {need['more']} more ({low} to {high:,}) cases have" in found["because"][-1]

    @pytest.mark.parametrize("n", [11, 12, 20, 29])
    @pytest.mark.parametrize("spread", [0.0, 0.01])
    def test_models_alike_need_as_many_cases_as_exclude_a_rare_failure(self, n, spread):
        """However little two models differ, `equivalent` takes 60 cases: so many are named, not 1 more."""
        found = decide(normal({STEADY: (0, 0), HASTY: (0, 0)}, n, spread))
        need = found["needed"]
        assert (found["outcome"], need["what"], need["cases"]) == ("inconclusive", "equivalence", 60)
        assert f"About {60 - 2 * n} more cases have an 80 % chance" in found["because"][-1]
        assert decide(normal({STEADY: (0, 0), HASTY: (0, 0)}, 30, spread))["outcome"] == "equivalent"

    @pytest.mark.parametrize(("behind", "cases"), [(0.0, 60), (0.1, None)])
    def test_equal_differences_on_a_kind_need_as_many_cases(self, behind, cases):
        """A floor of 25 conversations that are all equal: 60 exclude a rare failure, none a shown loss."""
        scores = normal({STEADY: (0.3, 0), HASTY: (0, 0)}, 25)
        talks = scores["test_case"] == "conversation"
        scores.loc[talks, "value"] = np.where(scores.loc[talks, "model"] == STEADY, 0.8 - behind, 0.8)
        evidence = gather(complete(scores), Rules())
        rows = floors(evidence)
        row = next(one for one in rows if (one["kind"], one["model"]) == ("conversation", STEADY))
        found = needed(evidence, row, Prices(), 1)
        assert (found and found["cases"]) == cases

    @pytest.mark.parametrize("gain", np.linspace(0, 0.06, 13))
    def test_what_would_settle_it_is_always_more_than_there_is(self, gain):
        """Where the run is large enough to see `detect` and to show models alike, the difference found is
        what is looked for: never "1 more", which has no chance.
        """
        for n in (10, 35, 90):
            found = decide(normal({STEADY: (gain, gain), HASTY: (0, 0)}, n, 0.1), Rules(detect=0.08))
            if found["outcome"] == "inconclusive":
                need = found["needed"]
                assert need["cases"] > found["cases"]
                assert need["what"] == "difference" or need["cases"] >= 60
                looked_for = found["utility"][0]["difference"] if need["difference"] < 0.08 else 0.08
                assert need["what"] != "difference" or need["difference"] == pytest.approx(abs(looked_for))

    def test_floors_name_the_worst_rival(self):
        """Each model and kind stands against the other that it is most behind."""
        evidence = gather(complete(normal({STEADY: (0.3, 0), HASTY: (0, 0), TERSE: (0.1, 0)}, 60)), Rules())
        row = next(f for f in floors(evidence) if (f["kind"], f["model"]) == ("json", HASTY))
        assert row["against"] == STEADY
        assert row["shown_worse"]


def odd_table(random: np.random.Generator) -> pd.DataFrame:
    """Few or many cases, ties, lost, malformed and undefined scores, families, unequal rounds, two kinds."""
    rows = []
    for kind, metric in (("json", JSON), ("conversation", str(random.choice([TALK, "wer_score"])))):
        same, digits = random.random() < 0.3, int(random.choice([0, 1, 8]))
        for model in range(3):
            for case in range(int(random.choice([1, 2, 3, 10, 30]))):
                for round in range(1, random.integers(2, 4)):
                    value, reason = (1.0 if same else float(np.round(random.random(), digits))), ""
                    if (luck := random.random()) < 0.08:
                        value, reason = (math.nan, "failed: x") if luck < 0.05 else (0.0, "malformed: y")
                    if case == 2:
                        value, reason = math.nan, "undefined: nothing"
                    where = (f"{kind}{case}", kind, "abcd"[case % 4], "f" * (luck > 0.8), f"m{model}", round)
                    rows.append((*where, metric, value, reason))
    names = "id test_case category family model round metric value reason"
    return pd.DataFrame(rows, columns=names.split())


@pytest.mark.parametrize("seed", range(8))
def test_any_table_is_decided_on_without_a_fault(seed):
    """Every edge at once: a plain decision, a sentence with numbers alone, and weights of 0 among others."""
    random = np.random.default_rng(seed)
    scores = odd_table(random)
    weights = {name: float(random.choice([0, 1, 3])) for name in scores["category"].unique()}
    given = weights if sum(weights.values()) and seed % 2 else {}
    metrics = scores["metric"].unique()
    alone = {"json": 0, "conversation": 1} if "wer_score" in metrics else {}  # its range is open
    found = decide(scores, Rules(",".join(metrics), kind_weights=alone, category_weights=given))
    assert json.loads(json.dumps(found, allow_nan=False))["outcome"] == found["outcome"]
    words = " ".join([found["sentence"], *found["because"], found["caveat"]])
    assert not {"nan", "None", "unknown", "inf"} & set(words.replace(",", " ").split())


def test_the_report_is_plain_json():
    """What metrics_report.json holds can be written, whatever came."""
    report = report_of(drawn(0, (STEADY, HASTY, TERSE)), costs={STEADY: 0.0003, HASTY: 0.0002})
    assert json.loads(json.dumps(report, allow_nan=False)) is not None
    assert set(report["rounds"]) == {"agreement", "variance"}


def test_no_interval_goes_past_what_the_metrics_can_differ_by():
    """Few cases give wide ones: of U, of a kind, of a category, of other categories, of every metric."""
    values = {STEADY: [0, 1, 1, 1, 1, 1], HASTY: [1, 0, 1, 0, 1, 0]}
    both = ("schema_compliance", "bleu_score", "wer_score")
    scores = score_table({name: dict.fromkeys(both, np.array(v)) for name, v in values.items()})
    scores["category"] = scores["id"].str[-1].map(lambda at: f"c{int(at) % 2}")
    report = report_of(scores, Rules("schema_compliance,bleu_score"))
    decision = report["decision"]
    apart = [each for one in decision["sensitivity"]["heterogeneity"] for each in one["categories"]]
    rows = [*decision["utility"], *decision["floors"], *apart, decision["sensitivity"]["elsewhere"]]
    assert len(rows) == 2 + 4 + 4 + 1
    assert all(-1 <= row["low"] < row["high"] <= 1 for row in rows)
    some = scores[scores["id"].str[-1].isin(["0", "1", "2"])]
    compared = compare(some, Rules("schema_compliance,bleu_score")).set_index("metric")
    limited = compared.loc[["schema_compliance", "bleu_score"]]
    assert (set(limited["ci_low"]), set(limited["ci_high"])) == ({-1}, {1})
    assert compared.loc["wer_score", "ci_high"] > 1  # its range is open
    ends = re.findall(r"−?\d+\.\d+ to −?\d+\.\d+", " ".join([decision["sentence"], *decision["because"]]))
    assert ends
    assert all(abs(float(end.replace("−", "-"))) <= 1 for pair in ends for end in pair.split(" to "))
