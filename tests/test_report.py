"""05: the report around the decision, its tables and its text."""

from __future__ import annotations

import json
import random
import re
from html import unescape
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchkit import plots, report
from benchkit.decide import Rules
from benchkit.domain import CATEGORIES, Requirement
from benchkit.measure import costs
from benchkit.metrics import JUDGED, METRICS
from benchkit.metrics.fields import Field
from benchkit.report.export import export_report, page_text
from benchkit.report.markdown import cell, escaped, in_html
from benchkit.report.otherwise import next_steps
from benchkit.signature import parts, small_print

from .browser import chromium_page
from .measured import (
    HASTY,
    STEADY,
    TERSE,
    case,
    cases,
    drawn,
    report_of,
    response,
    responses,
    responses_of,
    score_table,
)

SAID = report.Commentary("m", [{"topic": "decision", "facts": ["decision-1"]}], "read")


@pytest.fixture(scope="module")
def computed() -> dict[str, Any]:
    return report_of(drawn(3))


def drawn_figures(computed: dict[str, Any], scores: pd.DataFrame) -> dict[str, plots.Chart]:
    """What 04 and 05 draw."""
    how = computed["configuration"]
    primary = how["primary_metrics"].values()
    charts = [
        plots.plot_differences(pd.DataFrame(computed["comparisons"]), margin=how["margin"]),
        *(plots.plot_case_pairs(scores, name, *how["models"][:2]) for name in primary),
        plots.plot_scores(scores),
        *(plots.plot_heatmap(scores, name) for name in primary),
        plots.plot_round_agreement(scores),
        plots.plot_latency(responses_of(scores)),
        *(plots.plot_tradeoff(scores, responses_of(scores), name) for name in primary),
    ]
    return {one.name: one.stamped(computed["signature"]) for one in charts}


@pytest.fixture(scope="module")
def made() -> tuple[dict[str, Any], str]:
    """A computed report of four models, and its text."""
    scores = drawn(5, (STEADY, HASTY, TERSE, "org/" + "long-" * 12 + "id"), n=10)
    computed = report_of(scores, costs={STEADY: 0.001})
    figures = drawn_figures(computed, scores)
    return computed, report.write(computed, SAID, pd.DataFrame(), figures)


class TestWritten:
    def test_every_table_and_figure_is_signed(self, made):
        """Small print under every table, the whole line once, and every figure with caption and alt text."""
        computed, text = made
        tables = len(re.findall(r"^\| .*\n\|(?: --- \|)+", text, re.M))
        assert text.count(f"<small>{small_print(computed['signature'])}</small>") == tables == 8
        assert text.count(f"`{computed['signature']}`") == 1
        names = re.findall(r"^!\[(.+)\]\(figures/([\w.-]+)\.png\)\n\n\*(.+)\*$", text, re.M)
        assert [name.partition("_")[0] for _, name, _ in names] == [
            "differences", "pairs", "pairs", "scores", "categories", "categories", "rounds", "latency",
            "tradeoff", "tradeoff",
        ]  # fmt: skip
        assert "USUSD" not in text

    def test_the_signature_holds_how_it_was_made(self, made):
        """Metrics and version, n, K, alpha, clusters, seed, package version, each under its name."""
        computed, _ = made
        found = parts(computed["signature"])
        assert {"benchkit", "metrics", "n", "rounds", "alpha", "strata", "seed", "scipy"} <= set(found)
        assert found["n"] == "20"
        assert found["strata"] == f"category({len(CATEGORIES)})"
        assert found["measured"].count("+") == len(METRICS) - len(JUDGED) - 1


_SIGNS = r"""
a_b _x_ *y* ** <b> &lt; &amp; & &#60; $5 $ http://a.b/c www.x.y 3. 4) [x](y) ![z](w) ~~q~~ # `c` a|b \ \(x\)
\[x\] - + = <!--c--> < > wer_score __ don't "q" <a *** ! \begin{a}
"""
BITS = _SIGNS.split()
ADDRESSES = (
    "See http://far.example/a_b, HTTPS://far.example, ftp://far.example, www.far.example or <me@far.example>."
)


class TestText:
    @pytest.mark.parametrize("place", ["answers", "decision", "table"])
    def test_an_address_in_a_text_is_no_link(self, computed, tmp_path, place):
        """What a model wrote stays text in the page and leaves no bare address to a renderer."""
        made = computed["decision"] | {"because": [ADDRESSES], "warnings": [ADDRESSES], "caveat": ADDRESSES}
        required = Requirement("r1", ADDRESSES).record() | {
            "met": True,
            "quote": ADDRESSES,
            "status": ADDRESSES,
        }
        field = Field(f"$.{ADDRESSES}", ADDRESSES, ADDRESSES + "x", 0.5, 1.0)
        answers = {
            "id": "c",
            "model": STEADY,
            "scores": "0.500",
            "round": 1,
            "fields": [field],
            "requirements": [required],
            **dict.fromkeys(("prompt", "golden_response", "answer"), ADDRESSES),
        }
        text = {
            "answers": report.side_by_side(pd.DataFrame([answers])),
            "decision": report.reasons(computed | {"decision": made})
            + report.standing(computed | {"decision": made}),
            "table": report.denominators({"denominators": [{"a": ADDRESSES[:-20]}], "signature": ""}),
        }[place]
        assert not re.search(r"://|www\.", text, re.IGNORECASE)
        source = tmp_path / "analysis_report.md"
        source.write_text(f"# Title\n\n{text}\n", encoding="utf-8")
        page = export_report(source, tmp_path / "page.html")
        assert "<a " not in page.read_text("utf-8")
        assert ADDRESSES[:60] in page_text(page)

    def test_any_text_reads_as_it_was_written(self, tmp_path):
        """In a paragraph, a list, bold and a table cell: nothing is markup, no sign is lost."""
        draw = random.Random(5)
        texts = [*BITS, *(draw.choice(("", " ")).join(draw.sample(BITS, 5)) for _ in range(150))]
        parts = [
            f"MARK{at}Z {escaped(one)}\n\n- {escaped(one)}\n\n{escaped(one)}\n\n**{escaped(one)}**\n\n"
            f"<table><tr><td>{in_html(one)}</td></tr></table>"
            for at, one in enumerate(texts)
        ]
        source = tmp_path / "text.md"
        source.write_text("# Title\n\n" + "\n\n".join(parts), encoding="utf-8")
        page = export_report(source, tmp_path / "page.html")
        for at, shown in enumerate(re.split(r"MARK\d+Z", page_text(page))[1:]):
            assert "".join(shown.split()) == "".join(texts[at].split()) * 5
        assert not re.search(r"<(a|code|em|del|h2|blockquote)[ >]", page.read_text("utf-8").split("<body")[1])

    def test_the_file_itself_is_text(self):
        """What Markdown leaves alone has no sign before it."""
        plain = 'p < 0.05 & task_completion > 3.5: it\'s "quoted", 5 * 3 # 2 - 1; R&D!'
        assert escaped(plain) == plain.replace("*", "\\*")


def as_reported(models: tuple[str, ...] = (STEADY, HASTY), **changed: Any) -> dict[str, Any]:
    return report_of(drawn(3, models, n=6), costs={STEADY: 0.001}) | changed


class TestDecision:
    def test_the_first_screen(self):
        """The sentence, one figure, at most three reasons and the caveat, in this order; then the rest."""
        made = as_reported()
        made["decision"] |= {"caveat": "Margin was changed.", "warnings": ["a wrote the test cases."]}
        contenders = plots.plot_contenders(made)
        figures = {contenders.name: contenders}
        text = report.write(made, SAID, pd.DataFrame(), figures)
        parts = text.split("\n\n")
        assert parts[0] == f"# Which model to deploy: {STEADY} or {HASTY}"
        assert parts[2] == f"**{escaped(made['decision']['sentence'])}**"
        assert parts[3].endswith("(figures/contenders.png)")
        assert parts[5].startswith("- ")
        assert parts[5].count("\n") <= 2
        assert parts[6] == "> **Note.** Margin was changed."
        headings = re.findall(r"^## (.+)$", text, re.M)
        assert headings[:2] == ["Would it stand otherwise?", "Comparisons"]
        assert headings[-1] == "Method"
        assert "> a wrote the test cases." in text.split("## Comparisons")[0]

    def test_names_are_no_markup(self):
        """A model named with stars and brackets is shown as it is named, in title, tables and sentences."""
        made = as_reported(("llama*3*", "m[1](x)"))
        text = report.write(made, SAID, pd.DataFrame(), {})
        assert r"llama\*3\*" in text.split("\n")[0]
        assert not re.search(r"(?<!\\)\*3(?<!\\)\*", text)
        assert r"m\[1\](x)" in text
        assert "m[1](x)" not in text

    def test_every_kind_of_fact_is_worded(self):
        """Decision, warning, contenders, comparisons, sensitivity, cost, delivery, coverage and rounds."""
        made = as_reported()
        row = {"test_case": "conversation", "metric": "task_completion", "mean": 0.92, "n": 10}
        row |= {"control": "prompt copied", "best_model": STEADY, "best_mean": 0.905, "gap": -0.015}
        row["disqualifies"] = True
        other = row | {"control": "boilerplate", "mean": 0.05, "gap": 0.855, "disqualifies": False}
        said = report.facts(made | {"controls": [other, row]})
        topics = {one.topic for one in said}
        assert topics >= {"decision", "warning", "contender", "comparison", "control", "cost"}
        assert topics >= {"sensitivity", "delivery", "coverage", "rounds"}
        (control,) = [one.text for one in said if one.topic == "control"]
        assert control == (
            "On task_completion the best answer that knows nothing (prompt copied) scores 0.920, the best "
            "model 0.905: the metric decides nothing."
        )
        assert [one["id"] for one in report.with_facts(made)["facts"]] == [
            one.id for one in report.facts(made)
        ]
        assert json.loads(json.dumps(report.with_facts(made), allow_nan=False))

    def test_what_became_of_brought_rows_is_said(self):
        """In the facts and in the report: how many rows were used, and why the others were not."""
        rows = "9 of 13 rows used: 2 unusable, 1 duplicate, 1 refused by the validator"
        made = report.with_facts(as_reported(), rows)
        assert any(rows in one["text"] for one in made["facts"])
        assert f"Of the cases that were brought: {rows}." in report.write(made, SAID, pd.DataFrame(), {})

    def test_controls_are_shown(self):
        """Every control beside the best model, and which metric decides nothing for it."""
        row = {"test_case": "conversation", "metric": "task_completion", "mean": 0.92, "n": 10}
        row |= {"control": "prompt copied", "best_model": STEADY, "best_mean": 0.905, "gap": -0.015}
        row["disqualifies"] = True
        shown = report.controls(as_reported(controls=[row]))
        assert (
            f"| task_completion | prompt copied | 0.920 | {STEADY} | 0.905 | 10 | decides nothing |" in shown
        )
        assert report.controls(as_reported()) == ""


class TestMethod:
    def test_what_was_planned_is_not_said_to_be_answered(self):
        """Where responses were lost, the method says how many were scored; else that all were."""
        row = {"model": STEADY, "test_case": "json", "planned": 30}
        whole = report.method(as_reported(denominators=[row | {"scored": 30}]))
        assert "put to every model in 3 rounds; 30 of 30 responses were scored." in whole
        lost = report.method(as_reported(denominators=[row | {"scored": 21}]))
        assert "21 of 30 responses were scored, the others failed or are missing." in lost
        fewer = [row | {"scored": 30}, row | {"model": HASTY, "planned": 20, "scored": 20}]
        never = report.method(as_reported(denominators=fewer))
        assert "up to 3 rounds, and 10 responses were never asked for; 50 of 50 responses" in never

    def test_what_decides_on_brought_scores_is_not_said_to_be_named_early(self):
        """The scores were there before anything was named here."""
        made = as_reported()
        how = made["configuration"]
        assert how["brought"] is False
        text = report.method(made | {"configuration": how | {"brought": True}})
        assert "before the results were seen" not in text
        assert "The scores were brought: whether they had been seen before that is not known here." in text

    def test_a_late_metric_is_not_said_to_be_named_early(self):
        """What was named first is on record; a metric or a margin that came later is said to."""
        made = as_reported()
        assert "was named before the results were seen (field_accuracy, task_completion)" in report.method(
            made
        )
        how = made["configuration"]
        first = how["first_named"] | {
            "primary_metrics": {"conversation": "clarity", "json": "field_accuracy"}
        }
        late = report.method(made | {"configuration": how | {"first_named": first}})
        assert "After results were seen it was changed from clarity." in late
        assert "named before" not in late
        first = how["first_named"] | {"margin": 0.2}
        assert "Margin changed after that." in report.method(
            made | {"configuration": how | {"first_named": first}}
        )


class TestTables:
    def test_what_is_shown(self):
        """The table says which column decides and how p-values were adjusted, in the report's own alpha."""
        two, three = (
            report.comparisons(as_reported()),
            report.comparisons(as_reported((STEADY, HASTY, TERSE))),
        )
        assert "A difference is shown where p (Holm) is at most 0.05" in two
        assert "named metric stands alone; all others" in two
        assert "stands alone, its pairs of models adjusted together; all others" in three
        made = as_reported()
        made["comparisons"][0] |= {"p_value": 6.8e-14, "p_adjusted": 6.8e-14}
        assert "| < 0.001 | < 0.001 |" in report.comparisons(made)

    def test_each_caution_stands_once_with_its_metrics(self):
        """Two metrics with the same caution share a line; one of a single metric names it."""
        made = as_reported()
        for row in made["comparisons"]:
            row["warnings"] = "One case: rough." + " More." * (row["metric"] == "field_accuracy")
        shown = report.comparisons(made)
        assert shown.count("one case: rough.") == 1
        assert "> On field_accuracy: more." in shown

    def test_a_total_that_leaves_answers_out_is_a_lower_bound(self):
        """Answers without usage are counted beside those that have a price."""
        made = as_reported()
        shown = report.cost(made)
        assert "lower bound" not in shown
        made["results_summary"]["cost"][0] |= {"priced": 28, "unpriced": 2}
        shown = report.cost(made)
        assert "| 28 of 30 |" in shown
        assert f"without their usage for {STEADY} (2): cost and tokens are a lower bound" in shown

    def test_costs_count_what_is_priced(self):
        """A failed call has no price to know; an answer without usage has none either, and is counted."""
        scores = drawn(3, n=4)
        table = responses_of(scores, {STEADY: 0.001, HASTY: 0.002})
        table.loc[table["model"] == STEADY, "status"] = "answered"
        table.loc[table.index[0], "cost_usd"] = float("nan")
        row = costs(table).set_index("model").loc[STEADY]
        assert (row["priced"], row["unpriced"]) == ((table["model"] == STEADY).sum() - 1, 1)
        table.loc[table.index[0], "status"] = "failed"
        assert costs(table).set_index("model").loc[STEADY, "unpriced"] == 0

    def test_nothing_known_of_what_answers_took_is_one_sentence(self):
        """Imported responses have no times, tokens and prices: no table of unknowns."""
        made = as_reported(serving=[])
        for row in made["results_summary"]["cost"]:
            row |= dict.fromkeys(("cost_usd", "latency_s_median", "prompt_tokens", "completion_tokens"))
        assert report.cost(made).startswith("No times, tokens and prices came")
        assert "|" not in report.cost(made)
        assert report.serving(made) == ""

    def test_serving_is_shown_per_pair(self):
        """Every pair's seconds and dollars as they were computed, dollars per 1,000 answers."""
        made = as_reported((STEADY, HASTY, TERSE))
        shown = report.serving(made)
        (row,) = [r for r in made["serving"] if r["measure"] == "latency_s" and r["model_b"] == TERSE
                  and r["model_a"] == STEADY]  # fmt: skip
        gap, ends = f"{row['difference']:.3f}", f"{row['ci_low']:.3f} to {row['ci_high']:.3f}"
        assert f"| {gap} | {ends} | {row['n']} |".replace("-", "−") in shown
        assert "USD" not in shown  # only one model of a pair has a price
        paid = report_of(drawn(3, n=6), costs={STEADY: 0.001, HASTY: 0.0004})
        assert f"A is {STEADY}, B is {HASTY}." in report.serving(paid)
        assert "| USD per 1,000 answers | 1.000 | 0.400 | 0.600 |" in report.serving(paid)

    def test_agreement_and_variance_are_shown(self):
        """The deciding metrics and the binary ones, with what more rounds would do."""
        made = as_reported()
        agreed, split = report.agreement(made), report.variance(made)
        assert agreed.count(f"| {STEADY} |") == 3
        (row,) = [r for r in made["rounds"]["agreement"] if r["model"] == HASTY and r["k"]]
        assert f"| {row['alike']:.3f} | {row['intraclass']:.3f} | {row['pass_hat_k']:.3f} |" in agreed
        (row,) = [r for r in made["rounds"]["variance"] if r["metric"] == "field_accuracy"]
        assert f"| {row['omega2']:.3f} ({cell(row['omega2_low'])} to {cell(row['omega2_high'])}) | " in split
        assert report.agreement(made | {"rounds": {}}) == report.variance(made | {"rounds": {}}) == ""


def page_words(markdown: str) -> str:
    """The words of HTML tables, cells apart."""
    plain = re.sub("<[^>]+>", "", re.sub("<(?=br|t[rdh])", " <", re.sub("</t[dh]>", " | ", markdown)))
    return " ".join(unescape(plain).split())


class TestWorst:
    def worst(self, metric: str = "field_accuracy") -> pd.DataFrame:
        """One case: the first model differs between its rounds, the second was lost once."""
        values = {STEADY: {metric: [[1.0, 0.0, 1.0]]}, HASTY: {metric: [[np.nan, 0.5, 0.25]]}}
        scores = score_table(values)
        id, kind = scores["id"].iloc[0], scores["test_case"].iloc[0]
        said = [
            response(id, model, f'{{"a": {round}}}', round, test_case=kind, status="answered")
            for model in (STEADY, HASTY)
            for round in (1, 2, 3)
        ]
        said[1] |= {"status": "malformed", "error": "called no tool", "model_response": "Oh."}
        return report.worst_cases(responses(*said), scores, cases(case(id, "json", {"a": 1})), {kind: metric})

    def test_the_worst_round_is_shown_with_all_scores(self):
        """Above an answer stands what each round scored and which one it is; a malformed one says why."""
        worst = self.worst()
        assert worst["scores"].tolist() == ["1.000, 0.000, 1.000", "unscored, 0.500, 0.250"]
        assert worst["round"].tolist() == [2, 3]
        assert worst["answer"].tolist() == ["[malformed: called no tool] Oh.", '{"a": 3}']
        shown = report.side_by_side(worst)
        assert "1.000, 0.000, 1.000; round 2 below" in shown
        assert "(0.667)" not in shown

    def test_a_record_is_shown_field_by_field(self):
        """Only what some model has wrong, the wrong value beside the golden one; nothing runs or hides."""
        golden = {"id": "C-1", "name": "a b", "paid": True, "due": "2026-05-03"}
        said = {STEADY: golden | {"id": "<b>C-2</b>", "name": "a c"}, HASTY: golden | {"id": "C-1"}}
        del said[HASTY]["paid"]
        text = report.side_by_side(self.read(case("c", "json", golden), said))
        words = page_words(text)
        assert 'id weight 3 | "C-1" | "<b>C-2</b>" | right' in words
        assert 'name | "a b" | "a c" 0.50 of 1 | right' in words
        assert "paid | true | right | missing" in words
        assert "due |" not in words

    def test_a_requirement_stands_with_its_verdicts_and_quotes(self):
        """Each with its verdict per model and the words that do it, marked in the answer; all stays text."""
        wanted = (Requirement("r1", "give back $5", True, 2, "$5"), Requirement("r2", "blame <them>", False))
        row = case("c", requirements=json.dumps([one.record() for one in wanted]))
        said = {STEADY: "We   refund $5 today.", HASTY: "It is <your> fault."}
        judged = [
            ("c", STEADY, 1, "r1", 1.0, "refund $5 TODAY", ""),
            ("c", STEADY, 1, "r2", 1.0, "", ""),
            ("c", HASTY, 1, "r1", 0.0, "We pay", "the quote is not in the answer"),
            ("c", HASTY, 1, "r2", 0.0, "<your> fault", ""),
            ("c", HASTY, 2, "r1", 1.0, "fault", ""),
        ]
        names = ["id", "model", "round", "requirement", "met", "quote", "status"]
        text = report.side_by_side(self.read(row, said, pd.DataFrame(judged, columns=names)))
        marks = ["refund <span>&#36;</span>5 today", "&lt;your&gt; fault"]
        assert re.findall("<mark>(.*?)</mark>", text) == marks
        words = page_words(text)
        assert (
            "must: give back $5 weight 2 | met: “refund $5 TODAY” | not met: “We pay” (the quote is not"
            in words
        )
        assert "must not: blame <them> | kept | violated: “<your> fault”" in words

    def test_without_a_judge_there_are_answers_to_read(self):
        """Nobody judged, or the judge's call failed: no verdict is made up."""
        row = case("c", requirements='["Refund it."]')
        said = {STEADY: "Refunded.", HASTY: "No."}
        assert "Refund it." not in report.side_by_side(self.read(row, said))
        names = ["id", "model", "round", "requirement", "met", "quote", "status"]
        lost = pd.DataFrame([("c", STEADY, 1, "r1", np.nan, np.nan, "failed: late")], columns=names)
        words = page_words(report.side_by_side(self.read(row, said, lost)))
        assert "must: Refund it. weight 1 | not judged (failed: late) | not judged" in words

    def test_it_is_readable_on_any_screen(self, tmp_path):
        """The page is as wide as the screen, and every table on it."""
        row = case("c", "json", {"identification_of_the_interaction_id": "C" * 80, "b": 1})
        said = {STEADY: {"identification_of_the_interaction_id": "D" * 80}, HASTY: {"b": 1}}
        source = tmp_path / "analysis_report.md"
        source.write_text("# Title\n\n" + report.side_by_side(self.read(row, said)), encoding="utf-8")
        address = export_report(source, tmp_path / "page.html").as_uri()
        with chromium_page() as page:
            for width in (1300, 390):
                page.set_viewport_size({"width": width, "height": 800})
                page.goto(address)
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                boxes = [one.bounding_box() for one in page.locator("td").all()]
                assert boxes
                assert all(box["x"] + box["width"] <= width for box in boxes)

    def read(
        self, row: dict[str, Any], said: dict[str, Any], judgements: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """One case, one round: what each model said."""
        kind = row["test_case"]
        metric = {"json": "field_accuracy", "conversation": "task_completion"}[kind]
        scores = score_table({model: {metric: [[at]]} for at, model in enumerate(said)}).assign(id="c")
        texts = {model: one if isinstance(one, str) else json.dumps(one) for model, one in said.items()}
        answers = [
            response("c", model, text, test_case=kind, status="answered") for model, text in texts.items()
        ]
        return report.worst_cases(
            responses(*answers), scores, cases(row), {kind: metric}, judgements=judgements
        )

    def test_where_lower_is_better_the_highest_is_worst(self):
        """The word error rate counts errors."""
        assert self.worst("wer_score")["round"].tolist() == [1, 2]


class TestOneKindDecides:
    """Where one kind decides it is named everywhere, and the same quantity is drawn once."""

    @pytest.fixture
    def alone(self) -> dict[str, Any]:
        return report_of(drawn(3), Rules(kind_weights={"json": 1, "conversation": 0}))

    def test_figure_and_facts_name_it(self, alone):
        chart = plots.plot_contenders(alone)
        (axes,) = chart.figure.axes
        assert axes.get_title(loc="left") == "JSON cases alone: field_accuracy, n = 20"
        assert axes.get_xlabel() == "difference from the best other model (better ▶)"
        assert "JSON cases alone, difference from the best other model" in chart.note
        told = " ".join(one.text for one in report.facts(alone) if one.topic == "contender")
        assert f"On JSON cases alone {STEADY} stands" in told
        for words in (told, chart.caption, chart.alt):
            assert "ll kinds" not in words

    def test_two_kinds_are_weighed_together(self, computed):
        chart = plots.plot_contenders(computed)
        titles = [axes.get_title(loc="left") for axes in chart.figure.axes]
        assert titles == ["all kinds together", "JSON cases", "conversations"]

    def test_an_empty_figure_gives_the_decisions_own_reason(self, computed):
        sentence = "No decision: nothing that was measured here can decide."
        decision = computed["decision"] | {"utility": [], "sentence": sentence, "caveat": "Nobody looked."}
        chart = plots.plot_contenders(computed | {"decision": decision})
        assert chart.reading == sentence
        assert "Nobody looked" not in chart.caption


def test_a_contenders_label_is_never_cut(computed):
    """Differences stand under the names, whole and outside the axes, wherever the marks are."""
    rows = [row | {"difference": -0.9, "contender": False} for row in computed["decision"]["utility"]]
    chart = plots.plot_contenders(computed | {"decision": computed["decision"] | {"utility": rows}})
    figure = chart.figure
    figure.draw_without_rendering()
    axes = figure.axes[0]
    for label in axes.get_yticklabels():
        box = label.get_window_extent()
        assert "no contender" in label.get_text()
        assert 0 <= box.x0 < box.x1 <= axes.get_window_extent().x0
    assert not axes.texts


class TestFailedControl:
    """A metric that an answer without knowledge passes is nowhere shown as deciding."""

    @pytest.fixture
    def failed(self) -> dict[str, Any]:
        made = report_of(drawn(3))
        for row in made["comparisons"]:
            row["outcome"] = "better_a"
        for kind in made["decision"]["kinds"]:
            if kind["metric"] == "task_completion":
                kind |= {"decides": False, "why_not": "the prompt copied back scores 0.92"}
        control = {"test_case": "conversation", "metric": "task_completion", "control": "prompt copied"}
        control |= {"mean": 0.92, "best_model": STEADY, "best_mean": 0.9, "gap": -0.02, "disqualifies": True}
        return made | {"controls": [control | {"n": 20}]}

    def test_table_and_method(self, failed):
        text = report.comparisons(failed)
        assert "| **field_accuracy** |" in text
        assert "**task_completion**" not in text
        assert text.count(f"{STEADY} better (control failed)") == 1
        method = report.method(failed)
        assert "Of these task_completion decides nothing: the prompt copied back scores 0.92." in method
        for kind in failed["decision"]["kinds"]:
            kind["decides"] = False
        assert "No metric decides here." in report.comparisons(failed)

    def test_the_commentary_says_so_beside_the_difference(self, failed):
        said = [one.text for one in report.facts(failed) if one.topic == "comparison"]
        assert said[0].startswith("On field_accuracy")
        (told,) = (text for text in said if text.startswith("On task_completion"))
        assert told.endswith("tells nothing: prompt copied, which knows nothing, scores 0.920 there.")
        assert sum("tells nothing" in text for text in said) == 1

    def test_the_figure(self, failed):
        table = pd.DataFrame(failed["comparisons"])
        chart = plots.plot_differences(table, kinds=failed["decision"]["kinds"])
        labels = chart.figure.axes[0].get_yticklabels()
        assert [one.get_text() for one in labels if one.get_fontweight() == "bold"] == ["field_accuracy"]
        assert "in bold the metrics that decide" in chart.note
        assert "bold" not in plots.plot_differences(table).note


def test_the_winner_is_named_among_many_models():
    """No row says "A better": who A is stands elsewhere in it."""
    made = report_of(drawn(5, (STEADY, HASTY, TERSE), n=6))
    for row in made["comparisons"]:
        row["outcome"] = "better_b"
    text = report.comparisons(made)
    assert not re.search(r"\| [AB] better", text)
    assert f"| {HASTY} better |" in text


def test_no_axis_label_runs_into_the_next_panel(computed):
    chart = plots.plot_contenders(computed)
    chart.figure.draw_without_rendering()
    boxes = [axes.xaxis.label.get_window_extent() for axes in chart.figure.axes]
    panels = [axes.get_window_extent() for axes in chart.figure.axes]
    assert all(box.x1 <= panel.x1 for box, panel in zip(boxes, panels, strict=True))


@pytest.mark.parametrize(
    ("kinds", "name"), [(["json"], "JSON cases"), (["json", "conversation"], "JSON cases and conversations")]
)
def test_kinds_have_the_same_names_in_every_sentence(computed, kinds, name):
    need = {"cases": 91, "more": 81, "power": 0.8, "difference": 0.05, "cost_usd": None, "what": "difference"}
    decision = computed["decision"] | {"needed": need | {"kinds": kinds, "models": [STEADY, HASTY]}}
    made = computed | {"decision": decision}
    assert next_steps(made)["more_cases"] == f"Add 81 {name} before deciding."
    assert any(one.text.startswith(f"91 {name} in all") for one in report.facts(made))


@pytest.mark.parametrize(
    ("what", "aim"),
    [
        ("difference", "to show a difference of 0.05."),
        ("equivalence", "to show that the models are within 0.05, if they are equal."),
        ("floor", f"to show that {STEADY} is at most 0.05 behind {HASTY} there, if they are equal."),
    ],
)
def test_what_more_cases_are_for(computed, what, aim):
    """The fact says of a margin what the headline says: it called it a difference to be settled."""
    need = {"cases": 91, "more": 81, "power": 0.8, "difference": 0.05, "cost_usd": None, "what": what}
    need |= {"kinds": ["json"], "models": [STEADY, HASTY]}
    made = computed | {"decision": computed["decision"] | {"needed": need}}
    assert any(f"have a chance of 80 % {aim}" in one.text for one in report.facts(made))


@pytest.mark.parametrize("judged", [True, False])
def test_a_report_without_a_judge_says_so(judged):
    """Conversations are then scored by words alone; nobody is told so by the numbers."""
    config = {"parameters": {"04_measure": {"enable_judge": judged}}}
    found = report_of(drawn(3), config=config)["decision"]
    said = [found["caveat"], *found["warnings"]]
    assert any("enable_judge is False" in line for line in said) is not judged


@pytest.mark.parametrize(
    ("metric", "right", "said"),
    [("requirements_met", 0.62, True), ("requirements_met", 0.8, False), ("task_completion", 0.62, False)],
)
def test_a_judge_that_is_often_wrong_is_said_first(metric, right, said):
    """Where its verdicts decide, and answers whose truth is known show it right in too few."""
    gain = np.random.default_rng(3).uniform(0.2, 0.6, (30, 1))
    scores = score_table({STEADY: {metric: gain + 0.2}, HASTY: {metric: gain}})
    judge = {"alpha": 0.05, "all": {"right": right, "low": 0.5, "high": 0.73, "verdicts": 85}}
    found = report_of(scores, Rules(primary_metric=metric), judge=judge)["decision"]
    words = (
        "The judge, whose verdicts decide, is right in 62 % of 85 verdicts on answers whose truth is known"
    )
    assert found["outcome"] == "deploy"
    assert found["caveat"].startswith(f"{words} (95 % interval 50 % to 73 %)") is said
    assert "person has looked" in " ".join([found["caveat"], *found["warnings"]])


def judged_report(judge: str, before: dict | None = None, tested: bool = True, **more) -> dict:
    """A report on answers of which STEADY's are better by the verdicts of this judge."""
    gain = np.random.default_rng(3).uniform(0.2, 0.6, (30, 1))
    metric = more.pop("metric", "requirements_met")
    scores = score_table({STEADY: {metric: gain + 0.2}, HASTY: {metric: gain}} | more.pop("controls", {}))
    found = {"judged": {"model": judge, "answers": 60}}
    found |= {"alpha": 0.05, "all": {"right": 0.9, "verdicts": 85}} if tested else {}
    rules = more.pop("rules", None) or Rules(primary_metric=metric)
    return report_of(scores, rules, judge=found, before=before or {}, **more)


def test_a_judge_that_was_changed_late_is_said():
    """As another metric is, now and ever after, where its verdicts decide."""
    words = "The judge was changed after results were seen, from offline/judge to offline/critic"
    first = judged_report("offline/judge")
    late = judged_report("offline/critic", first["configuration"])
    third = judged_report("offline/critic", late["configuration"])
    for found in (late, third):
        assert found["decision"]["caveat"].startswith(words)
        assert "Judge changed after that." in report.method(as_reported() | found)
    for found in (first, judged_report("offline/judge", late["configuration"])):
        assert "The judge was changed" not in str(found["decision"])
    of_words = judged_report("offline/judge", metric="task_completion")
    again = judged_report("offline/critic", of_words["configuration"], metric="task_completion")
    assert "The judge was changed" not in str(again["decision"])


class TestWhatTheJudgesVerdictsAreWorth:
    """In the decision's note, where they decide: on the first page, not among the warnings below."""

    KIN = "offline/steady judged the answers and is itself under test"
    CONFIG = {  # noqa: RUF012
        "provider": "offline",
        "parameters": {"04_measure": {"enable_judge": True, "judge_model": STEADY}},
    }

    def test_a_judge_that_is_a_candidate(self):
        before = judged_report("offline/judge")["configuration"]
        found = judged_report(STEADY, before, config=self.CONFIG)
        assert found["decision"]["caveat"].startswith(self.KIN)
        assert "The judge was changed after results were seen" in found["decision"]["caveat"]
        assert self.KIN in report.reasons(found)
        assert str(found["decision"]).count(self.KIN) == 1

    def test_one_that_was_not_tested(self):
        words = "The judge was not tested on answers whose truth is known, and its verdicts decide"
        found = judged_report("offline/judge", tested=False)
        assert found["decision"]["caveat"].startswith(words)
        assert words not in str(judged_report("offline/judge")["decision"])
        both = judged_report(STEADY, tested=False, config=self.CONFIG)["decision"]["caveat"]
        assert both.index(self.KIN) < both.index(words)

    @pytest.mark.parametrize(
        "how",
        [
            {"metric": "task_completion"},
            {"controls": {"control: boilerplate": {"requirements_met": np.full((30, 1), 0.9)}}},
        ],
    )
    def test_where_no_verdict_decides(self, how):
        """Words decide, or a control disqualifies the metric: kinship is a warning among others."""
        found = judged_report(STEADY, tested=False, config=self.CONFIG, **how)["decision"]
        assert "was not tested" not in str(found)
        assert str(found).count(self.KIN) == 1
