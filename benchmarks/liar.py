"""How many falsehoods get through the check of the commentary, and how many true sentences it costs.

    python -m benchmarks.liar [REPORTS]

By kind, with 95 % Wilson intervals: what the simulated report agents can say of many different reports, held
against `claims.problems`; the same two agents through `report.comment` over HTTP; and sentences in the words
of real models (tests/paraphrases.py), of which the unseen ones were never mended for.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import random
import re
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from statsmodels.stats.proportion import proportion_confint

from benchkit import report as reporting
from benchkit.claims import GAP, problems
from benchkit.llm.client import connect
from benchkit.measure import METRICS
from benchkit.offline.chance import chance
from benchkit.offline.commentary import truths
from benchkit.offline.falsehoods import falsehoods
from benchkit.run import start_run
from benchkit.run.json_io import json_text
from tests import paraphrases
from tests.measured import HASTY, STEADY, TERSE, drawn, report_of
from tests.test_claims import FACTS

MODELS = (STEADY, HASTY, TERSE, "openai/gpt-oss-120b")
END = re.compile(r"(?<=[.])\s+(?=[A-Z]|offline/|openai/)")
Facts = Mapping[str, Any]


def reports(count: int) -> list[dict[str, Any]]:
    """Computed reports of 2 to 4 models: one kind or both, few cases or many, equal or not."""
    made = []
    for at in range(count):
        draw = random.Random(at)
        some = MODELS[: draw.choice((2, 2, 3, 4))]
        scores = drawn(at, some, n=draw.choice((8, 20, 60)), spread=draw.choice((0.01, 0.05, 0.12, 0.3)))
        kinds = draw.choice(
            (("json",), ("conversation",), ("json", "conversation"), ("json", "conversation"))
        )
        scores = scores[scores["metric"].map(lambda name, kinds=kinds: METRICS[name].kind in kinds)]
        costs = {model: draw.random() / 500 for model in some if draw.random() < 0.8}
        how = {"simulated": draw.random() < 0.7, "margin": draw.choice((0.0, 0.05, 0.1)), "costs": costs}
        made.append(json.loads(json_text(report_of(scores.reset_index(drop=True), **how))))
    return made


def row(name: str, hits: int, n: int) -> str:
    low, high = proportion_confint(hits, n, method="wilson") if n else (0.0, 1.0)
    share = f"{100 * hits / n:6.1f} %" if n else "      - "
    return f"{name:34} {hits:6,} of {n:6,}  {share}  {100 * low:5.1f} to {100 * high:5.1f} %"


def by_template(made: Iterable[Facts]) -> None:
    """Every falsehood and truth that the simulated agents know, one by one."""
    planted: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    true = kept = 0
    for at, one in enumerate(made):
        facts = reporting.facts_of(one)
        for claim in falsehoods(facts, chance("liar", at)):
            planted[claim.lie] += 1
            passed[claim.lie] += not problems(claim.text, facts)
        said = truths(facts)
        true += len(said)
        kept += sum(not problems(claim.text, facts) for claim in said)
    print("\nsentence by sentence, claims.problems: falsehoods that pass, by kind")
    for kind in sorted(planted):
        print(row(kind, passed[kind], planted[kind]))
    print(row(f"all {len(planted)} kinds", passed.total(), planted.total()))
    print(row("true sentences that stay", kept, true))


async def over_http(made: Iterable[Facts], model: str, folder: Path) -> list[tuple[Facts, Any, Path]]:
    """Each report with its published commentary, and the journal of what was handed in."""
    runs = [
        (one, start_run(folder / f"{model[8:]}-{at}", provider="offline", seed=at))
        for at, one in enumerate(made)
    ]
    said = await asyncio.gather(*(reporting.comment(one, connect(run), model) for one, run in runs))
    return [(one, text, run.path / "calls.sqlite") for (one, run), text in zip(runs, said, strict=True)]


def handed_in(journal: Path) -> list[dict[str, str]]:
    """Every passage of every try, in their order."""
    query = "SELECT reply FROM calls WHERE agent = 'report' ORDER BY attempt"
    with closing(sqlite3.connect(journal)) as db:
        replies = [json.loads(reply) for (reply,) in db.execute(query)]
    return [passage for reply in replies for passage in (reply["arguments"] or {}).get("passages", ())]


def last_of(passages: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Each passage as it was handed in last."""
    return list({passage["title"]: passage for passage in passages}.values())


def apart(passages: Iterable[Mapping[str, str]], facts: Facts) -> tuple[int, int]:
    """(true sentences, others) in some passages."""
    known = sorted(
        {claim.text for claim in truths(facts)} | {"The tables hold all that was measured."}, key=len
    )
    true = false = 0
    for passage in passages:
        text = passage["text"].replace(GAP, " ")
        for one in reversed(known):
            true += text.count(one)
            text = text.replace(one, " ")
        false += sum(bool(part.strip()) for part in END.split(text.strip()))
    return true, false


def end_to_end(made: list[dict[str, Any]]) -> None:
    """What the liar and the analyst hand in, and what of it is published."""
    print("\nend to end, report.comment over HTTP: up to three tries, then sentence by sentence")
    for model in ("offline/liar", "offline/analyst"):
        with tempfile.TemporaryDirectory() as folder:
            done = asyncio.run(over_http(made, model, Path(folder)))
            given = [(handed_in(journal), reporting.facts_of(one)) for one, _, journal in done]
            out = [apart(said.passages, reporting.facts_of(one)) for one, said, _ in done]
        false = sum(apart(passages, facts)[1] for passages, facts in given)
        true = sum(apart(last_of(passages), facts)[0] for passages, facts in given)
        kept, slipped = map(sum, zip(*out, strict=True))
        left = sum((Counter(said.counts) for _, said, _ in done), Counter())
        back = sum(said.sent_back for _, said, _ in done)
        print(row(f"{model}: falsehoods published", slipped, false))
        print(row(f"{model}: true ones published", kept, true))
        whole, parts = left["withheld"], left["sentences_left_out"]
        print(f"{'':34} {len(done):,} reports, {back:,} passages sent back;")
        print(f"{'':34} left out: {whole:,} passages whole, {parts:,} sentences of others")


def in_other_words() -> None:
    print("\nin the words of real models, claims.problems")
    for name, some in (("", (paraphrases.TRUE, paraphrases.FALSE)),
                       (", unseen", (paraphrases.TRUE_UNSEEN, paraphrases.FALSE_UNSEEN))):  # fmt: skip
        kept = sum(not problems(sentence, FACTS) for sentence in some[0])
        passed = sum(not problems(sentence, FACTS) for sentence in some[1])
        print(row(f"falsehoods that pass{name}", passed, len(some[1])))
        print(row(f"true sentences that stay{name}", kept, len(some[0])))


def main(count: str = "40") -> None:
    made = reports(int(count))
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, Python {platform.python_version()}; {len(made)} reports of 2 to 4 models")
    by_template(made)
    end_to_end(made[: len(made) // 2])
    in_other_words()


if __name__ == "__main__":
    main(*sys.argv[1:])
