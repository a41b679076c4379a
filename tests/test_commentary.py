"""The commentary: facts in our words, chosen by id, and nothing else published."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from benchkit import report
from benchkit.agent import Reply
from benchkit.offline.world import simulated_report_agent as simulated
from benchkit.report.commentary import MOST_CHARACTERS, TOPICS, Commentary, beside, fitting, message, tool
from benchkit.report.facts import facts
from benchkit.report.otherwise import next_steps

from .measured import HASTY, STEADY, TERSE, drawn, report_of


class Writer:
    """A report agent that hands in what it is given; None is a reply that cannot be used."""

    name = "offline"

    def __init__(self, arguments: dict[str, Any] | None) -> None:
        self.arguments, self.asked = arguments, []

    async def __aenter__(self) -> Writer:
        return self

    async def __aexit__(self, *error: object) -> None:
        return None

    async def map(self, agent: Any, items: Any, label: str = "") -> list[Reply]:
        self.asked.append((agent, items[0]))
        if self.arguments is None:
            return [Reply("k", "malformed", error="called no tool")]
        return [Reply("k", "answered", self.arguments)]


@pytest.fixture(scope="module")
def computed() -> dict[str, Any]:
    return report_of(drawn(3), costs={STEADY: 0.001, HASTY: 0.0004})


def commented(computed: dict[str, Any], arguments: dict[str, Any] | None) -> tuple[Commentary, Writer]:
    writer = Writer(arguments)
    return asyncio.run(report.comment(computed, writer)), writer


class TestFacts:
    def test_the_judge(self, computed):
        """What it judged, how it did when tested, and where it did worst; nothing where nobody judged."""
        rate = {"verdicts": 8, "right": 0.5, "low": 0.2, "high": 0.8, "alone": 0.5}
        counts = dict.fromkeys(("answers", "verdicts", "faulty", "undecided", "lost"), 3)
        judge = {"judged": {"in_words": "It judged 3.", **counts}}
        judge |= {"alpha": 0.05, "all": rate, "by_fault": {"none": rate | {"right": 1}, "padded": rate}}
        said = [
            one for one in facts(computed | {"judge": judge | {"in_words": "Half."}}) if one.topic == "judge"
        ]
        assert [one.text for one in said] == [
            "It judged 3.",
            "Half.",
            "The judge did worst on planted answers of the kind “padded”: 50 % of 8 verdicts right (95 % "
            "interval 0.200 to 0.800).",
        ]
        assert said[0].values == counts
        assert not [one for one in facts(computed) if one.topic == "judge"]

    def test_ids_are_unique_and_topics_known(self, computed):
        """Every fact has its own id under a topic that has a heading, and the decision comes first."""
        said = facts(computed)
        assert len({one.id for one in said}) == len(said)
        assert {one.topic for one in said} <= set(TOPICS)
        assert said[0].id == "decision-1"

    def test_a_comparison_carries_its_numbers(self, computed):
        """Each comparison is one fact with the numbers of its row, at the run's own alpha."""
        how = computed["configuration"] | {"alpha": 0.2}
        said = [one for one in facts(computed | {"configuration": how}) if one.topic == "comparison"]
        rows = {row["metric"]: row for row in computed["comparisons"]}
        assert len(said) == len(rows)
        for one in said:
            row = rows[one.text.split()[1].rstrip(",")]
            assert one.values["difference"] == row["difference"]
            text = f"{row['difference']:+.3f} (80 % interval {row['ci_low']:.3f} to"
            assert text.replace("-", "−") in one.text

    def test_every_denominator_is_a_fact(self, computed):
        """Planned, scored and unscored of each model and kind."""
        said = report.facts(computed)
        for row in computed["denominators"]:
            text = f"Of {row['planned']} planned {row['test_case']} answers of {row['model']} {row['scored']}"
            assert any(one.text.startswith(text) for one in said)

    def test_queue_and_service_are_told_apart(self, computed):
        """Where the provider states its queue, the latency says how much of it was waiting."""
        cost = [dict(row) for row in computed["results_summary"]["cost"]]
        cost[0] |= {"latency_s_median": 9.9, "queue_s_median": 8.7}
        cost[1] |= {"latency_s_median": 1.2, "queue_s_median": None}
        made = computed | {"results_summary": computed["results_summary"] | {"cost": cost}}
        said = [one.text for one in facts(made) if "came within" in one.text]
        assert "9.90 s, of which 8.70 s is the queue's median" in said[0]
        assert "queue" not in said[1]


class TestComment:
    def test_the_schema_lets_nothing_else_through(self, computed):
        """An id that is no fact, a word of its own, another topic or step: an error of the schema."""
        offered, steps = beside(computed), next_steps(computed)
        made = tool(offered, steps)
        right = {"passages": [{"topic": "comparison", "facts": ["comparison-1"]}], "next_step": "read"}
        assert made.problem(right) == ""
        for wrong in (
            {"passages": [{"topic": "comparison", "facts": ["comparison-99"]}]},
            {"passages": [{"topic": "comparison", "facts": [f"{STEADY} is the one to bet on."]}]},
            {"passages": [{"topic": "Go live with it", "facts": ["comparison-1"]}]},
            {"passages": [{"topic": "comparison", "facts": ["comparison-1"], "text": "Go live."}]},
            {"passages": []},
            {"next_step": "Deploy it now."},
        ):
            assert made.problem(right | wrong)

    def test_what_is_published_is_computed(self, computed):
        """Only sentences of the facts stand in the commentary, each once, in the order that was chosen."""
        chosen = {
            "passages": [
                {"topic": "comparison", "facts": ["comparison-2", "decision-1", "comparison-2"]},
                {"topic": "cost", "facts": ["decision-1"]},
            ],
            "next_step": "read",
        }
        said, _ = commented(computed, chosen)
        assert said.model == "offline/analyst"
        shown = report.published(said, computed)
        texts = {one.id: report.markdown.escaped(one.text) for one in facts(computed)}
        first = f"**{TOPICS['comparison']}.** {texts['comparison-2']} {texts['decision-1']}"
        assert shown.startswith(f"{first}\n\n**Next.** {next_steps(computed)['read']}\n\n<small>")
        assert "chose 2 of" in shown
        assert json.loads(json.dumps(said.record()))["passages"] == chosen["passages"]

    def test_a_useless_agent_leaves_a_note(self, computed):
        """Nothing usable came: a visible note with the reason."""
        said, _ = commented(computed, None)
        shown = report.published(said, computed)
        assert shown == "> No commentary. The report agent chose nothing usable (called no tool)."

    def test_nobody_is_asked_about_an_imported_run(self, computed):
        """Responses that were made elsewhere get no commentary unless a model is named."""
        writer = Writer({})
        writer.name = "imported"
        said = asyncio.run(report.comment(computed, writer))
        assert said.note
        assert not writer.asked

    def test_the_prompt_is_bounded(self, computed):
        """However many facts, prompt and reply stay below 8,000 tokens; what is left out is said."""
        row = computed["comparisons"][0]
        rows = [row | {"model_a": f"org/model-{i}", "metric": f"metric_{i}"} for i in range(2000)]
        many = computed | {"comparisons": rows}
        chosen = {"passages": [{"topic": "decision", "facts": ["decision-1"]}], "next_step": "read"}
        said, writer = commented(many, chosen)
        ((agent, item),) = writer.asked
        assert agent.call(item, 7).tokens < 8000
        assert len(item.content) < MOST_CHARACTERS + 2000
        assert said.left_out == len(beside(many)) - said.offered > 1900
        assert f"{said.left_out:,} facts did not fit into its prompt" in report.published(said, many)
        assert f'"facts_left_out": {said.left_out}' in item.content
        kept = {one.topic for one in fitting(beside(many))}
        assert {"contender", "comparison", "coverage", "cost"} <= kept

    def test_the_simulated_agent_fits_the_schema(self):
        """What the offline provider's analyst chooses is valid, with three models and with warnings."""
        made = report_of(drawn(4, (STEADY, HASTY, TERSE)))
        offered, steps = beside(made), next_steps(made)
        said = simulated.write(json.loads(message(offered, steps, 0)))
        assert tool(offered, steps).problem(said) == ""
        assert said["passages"][0]["facts"][0] == offered[0].id
