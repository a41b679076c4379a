"""05: the checked commentary, what is sent back and what is left out, and the report around it."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pandas as pd
import pytest

from benchkit import report
from benchkit.agent import Reply
from benchkit.decision.saying import finding
from benchkit.domain import CATEGORIES
from benchkit.errors import RunError
from benchkit.export import export_report, page_text
from benchkit.plots import plot_differences
from benchkit.report.markdown import cell
from benchkit.signature import parts, small_print

from .measured import HASTY, STEADY, TERSE, drawn, report_of, responses_of

GOOD = {"title": "Basis", "text": "The tables hold all that was measured."}
WRONG = {"title": "Gain", "text": f"{STEADY} roughly doubled the score of {HASTY}."}
MENDED = {"title": "Gain", "text": "More cases would narrow the intervals."}


class Writer:
    """A report agent that hands in what it is given, try by try; None is a reply that cannot be used."""

    name = "offline"

    def __init__(self, *tries: list[dict[str, str]] | None) -> None:
        self.tries, self.messages = list(tries), []

    async def __aenter__(self) -> Writer:
        return self

    async def __aexit__(self, *error: object) -> None:
        return None

    async def map(self, agent: Any, items: Any, label: str = "") -> list[Reply]:
        self.messages.append(json.loads(items[0].content))
        said = self.tries.pop(0)
        if said is None:
            return [Reply("k", "malformed", error="called no tool")]
        return [Reply("k", "answered", {"passages": said})]


@pytest.fixture(scope="module")
def computed() -> dict[str, Any]:
    return report_of(drawn(3))


def commented(computed, *tries) -> tuple[report.Commentary, Writer]:
    writer = Writer(*tries)
    return asyncio.run(report.comment(computed, writer)), writer


class TestComment:
    def test_what_holds_is_kept(self, computed):
        """One try, nothing sent back, the model on record."""
        said, writer = commented(computed, [GOOD])
        assert (said.passages, said.left_out, said.sent_back) == ([GOOD], [], 0)
        assert said.model == "offline/analyst"
        assert "sent_back" not in writer.messages[0]

    def test_what_does_not_is_sent_back_with_the_reason(self, computed):
        """The passage and a line per problem go back; what is mended is published."""
        said, writer = commented(computed, [GOOD, WRONG], [MENDED])
        assert said.passages == [GOOD, MENDED]
        assert said.sent_back == 1
        (back,) = writer.messages[1]["sent_back"]
        assert back["passage"] == WRONG
        assert "roughly doubled" in WRONG["text"]
        assert "ratio" in back["problems"][0]

    def test_after_two_returns_it_is_left_out(self, computed):
        """Sent back at most twice, then left out, with its text and reasons on record."""
        said, writer = commented(computed, [GOOD, WRONG], [WRONG], [WRONG])
        assert len(writer.messages) == report.commenting.TRIES == 3
        assert said.passages == [GOOD]
        (left,) = said.left_out
        assert (left.title, left.text, said.sent_back) == ("Gain", WRONG["text"], 2)
        shown = report.commentary(said)
        assert "> 1 passage was left out" in shown
        assert "roughly doubled" not in shown.split(">")[0]
        record = said.record()
        assert (record["published"], record["withheld"]) == (1, 1)
        assert report.Commentary.read(json.loads(json.dumps(record))) == said

    @pytest.mark.parametrize(
        "damage", [{"passages": [{"title": "x"}]}, {"left_out": [{"title": "x"}]}, {"left_out": [7]}]
    )
    def test_a_damaged_record_is_said(self, damage):
        """What cannot be a commentary is an error that names the file and the remedy."""
        with pytest.raises(RunError, match=r"commentary\.json is damaged .* Run 05_report"):
            report.Commentary.read(report.Commentary().record() | damage)

    def test_a_passage_that_was_kept_is_not_kept_twice(self, computed):
        """Asked to mend one passage, a model may hand in all of them again."""
        said, _ = commented(computed, [GOOD, WRONG], [GOOD, MENDED])
        assert said.passages == [GOOD, MENDED]

    def test_a_reply_that_cannot_be_used_ends_it(self, computed):
        """What is left by then stays left out, and the note says what happened."""
        said, _ = commented(computed, [GOOD, WRONG], None)
        assert said.passages == [GOOD]
        assert [one.title for one in said.left_out] == ["Gain"]
        assert "called no tool" in report.commentary(said)
        assert "No commentary" not in report.commentary(said)
        nothing, _ = commented(computed, None)
        assert report.commentary(nothing).startswith("> No commentary. The report agent gave no usable")

    def test_a_title_claims_as_much_as_a_text(self, computed):
        """A falsehood in the title is no less published than one in the text."""
        said, _ = commented(computed, *[[GOOD | {"title": f"{STEADY} is twice as good"}]] * 3)
        assert not said.passages

    def test_nobody_is_asked_about_an_imported_run(self, computed):
        """Responses that were made elsewhere get no commentary unless a model is named."""
        writer = Writer()
        writer.name = "imported"
        said = asyncio.run(report.comment(computed, writer))
        assert said.note
        assert not writer.messages


@pytest.fixture(scope="module", params=[2, 4])
def made(request) -> tuple[dict[str, Any], str]:
    """A computed report of so many models, and its text."""
    scores = drawn(5, (STEADY, HASTY, TERSE, "org/" + "long-" * 12 + "id")[: request.param], n=10)
    computed = report_of(scores, costs={STEADY: 0.001})
    figures = report.figures(computed, scores, responses_of(scores))
    return computed, report.write(computed, report.Commentary(passages=[GOOD]), pd.DataFrame(), figures)


class TestWritten:
    def test_every_table_and_figure_is_signed(self, made):
        """Small print under every table, the whole line once, and every figure with caption and alt text."""
        computed, text = made
        tables = len(re.findall(r"^\| .*\n\|(?: --- \|)+", text, re.M))
        assert text.count(f"<small>{small_print(computed['signature'])}</small>") == tables == 4
        assert text.count(f"`{computed['signature']}`") == 1
        names = re.findall(r"^!\[(.+)\]\(figures/(\w+)\.png\)\n\n\*(.+)\*$", text, re.M)
        assert [name.partition("_")[0] for _, name, _ in names] == [
            "differences", "pairs", "pairs", "scores", "categories", "categories", "rounds", "latency",
            "tradeoff", "tradeoff",
        ]  # fmt: skip
        assert "USUSD" not in text

    def test_the_signature_holds_how_it_was_made(self, made):
        """Metrics and version, n, K, alpha, clusters, seed, package version, each under its name."""
        computed, _ = made
        found = parts(computed["signature"])
        assert {"benchkit", "metrics", "n", "rounds", "alpha", "clusters", "seed", "scipy"} <= set(found)
        assert found["n"] == "20"
        assert found["clusters"] == f"category({len(CATEGORIES)})+cr2"
        assert found["measured"].count("+") == 7


ADDRESSES = (
    "See http://far.example/a_b, HTTPS://far.example, ftp://far.example, www.far.example or <me@far.example>."
)


class TestText:
    @pytest.mark.parametrize("place", ["commentary", "answers", "decision", "table"])
    def test_an_address_in_a_text_is_no_link(self, computed, tmp_path, place):
        """What a model wrote stays text in the page and leaves no bare address to a renderer."""
        made = computed["decision"] | {"details": [ADDRESSES], "warnings": [ADDRESSES]}
        columns = ("prompt", "golden_response", "answer")
        answers = {"id": "c", "model": STEADY, "mean": 0.5, **dict.fromkeys(columns, ADDRESSES)}
        text = {
            "commentary": report.commentary(report.Commentary(passages=[{"title": "T", "text": ADDRESSES}])),
            "answers": report.side_by_side(pd.DataFrame([answers])),
            "decision": report.decision(computed | {"decision": made}),
            "table": report.denominators({"denominators": [{"a": ADDRESSES[:-20]}], "signature": ""}),
        }[place]
        assert not re.search(r"://|www\.", text, re.IGNORECASE)
        source = tmp_path / "analysis_report.md"
        source.write_text(f"# Title\n\n{text}\n", encoding="utf-8")
        page = export_report(source, tmp_path / "page.html")
        assert "<a " not in page.read_text("utf-8")
        assert ADDRESSES[:60] in page_text(page)

    @pytest.mark.parametrize(
        ("value", "text"),
        [(-0.0, "0.000"), (-0.0004, "-0.0004"), (0.0, "0.000"), (-0.1234, "-0.123"), (None, "unknown")],
    )
    def test_zero_has_no_sign(self, value, text):
        """A negative zero is a zero, and so is the end of an interval that rounds to it."""
        assert cell(value) == text

    def test_an_interval_has_no_negative_zero(self):
        """The tables, the decision's sentence and the figure's words agree on it."""
        scores = drawn(3).assign(value=lambda rows: rows["value"].round(1))
        made = report_of(scores)
        for row in made["comparisons"]:
            row |= {"difference": -0.0002, "ci_low": -0.0003, "ci_high": 0.002}
        chart = plot_differences(pd.DataFrame(made["comparisons"]))
        said = finding(STEADY, [row | {"other": HASTY} for row in made["comparisons"][:1]], 0.05, 0.05)
        for text in (report.comparisons(made), chart.alt, said):
            assert "0.000 to 0.002" in text
            assert not re.search(r"-0\.000(?!\d)", text)
