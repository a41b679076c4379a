"""How many responses are scored a second, beside a plain loop over the same pairs in the same process.

The loop takes `nltk.sentence_bleu`, `jiwer.wer` and a Jaccard index of words, one pair after the other.
Ours are, first, the same three metrics, and then all that 04 does: reading the answer, every metric of
conversations, the table. Pairs are every answer and golden of an intent against each golden of it; "distinct"
ones end on a number of their own, so that no text comes twice.

    python benchmarks/scoring.py [PAIRS.csv]      (prompt, golden_response, second_response, intent)
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import jiwer
import pandas as pd
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from benchkit.measure import align, score
from benchkit.metrics import conversation

PAIRS = Path(__file__).parents[1] / "../shared/data/customer_support_pairs.csv"
N = 6000
SMOOTHING = SmoothingFunction().method1
Pair = tuple[str, str, str, str]  # case, prompt, golden, response


def pairs(path: Path) -> Iterator[Pair]:
    for _, rows in pd.read_csv(path).groupby("intent", sort=False):
        answers = [*rows["second_response"], *rows["golden_response"]]
        for row in rows.to_dict("records"):
            for answer in answers:
                if answer != row["golden_response"]:
                    yield str(row["id"]), row["prompt"], row["golden_response"], answer


def floor(pair: Pair) -> None:
    _, prompt, golden, answer = pair
    expected, said, asked = (text.lower().split() for text in (golden, answer, prompt))
    sentence_bleu([expected], said, smoothing_function=SMOOTHING)
    jiwer.wer(golden, answer)
    len({*asked} & {*said}) / len({*asked} | {*said})


def same_three(pair: Pair) -> None:
    _, prompt, golden, answer = pair
    conversation.bleu_score(answer, golden)
    conversation.wer_score(answer, golden)
    conversation.response_relevance(answer, prompt)


def tables(some: list[Pair]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(aligned responses, cases): every pair a response of a model of its own number."""
    goldens = {id: (prompt, golden) for id, prompt, golden, _ in some}
    about = {"test_case": "conversation", "category": "", "response_schema": ""}
    cases = pd.DataFrame(
        [{"id": i, "prompt": p, "golden_response": g} | about for i, (p, g) in goldens.items()]
    )
    seen: dict[str, int] = {}
    rows = []
    for id, _, _, answer in some:
        seen[id] = seen.get(id, 0) + 1
        rows.append(
            {"id": id, "model": f"model {seen[id] % 2}", "round": seen[id] // 2, "model_response": answer}
        )
    responses = pd.DataFrame(rows)
    responses["status"] = responses["error"] = ""
    return align(responses, cases, warn=False), cases


def timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def report(name: str, some: list[Pair]) -> None:
    responses, cases = tables(some)
    base = timed(lambda: [floor(pair) for pair in some])
    print(f"{name}, {len(some):,} pairs; seconds of one core")
    print(f"  {'the plain loop':24}{len(some) / base:8,.0f} a second")
    for what, work in {
        "the same three metrics": lambda: [same_three(pair) for pair in some],
        "all of score()": lambda: score(responses, cases),
    }.items():
        took = timed(work)
        print(f"  {what:24}{len(some) / took:8,.0f} a second, {base / took:.1f} times the loop")


def memory(some: list[Pair]) -> None:
    """The most that scoring holds beyond its table, for a third of the pairs and for all."""
    for n in (len(some) // 3, len(some)):
        for pair in some[:100]:
            same_three(pair)
        tracemalloc.start()
        for pair in some[:n]:
            same_three(pair)
        print(f"  {n:,} pairs hold {tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB at most")
        tracemalloc.stop()


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    if not path.is_file():
        raise SystemExit(
            f"{path} is not there. Give a CSV with prompt, golden_response, second_response, intent."
        )
    some = list(pairs(path))[:N]
    distinct = [(*pair[:3], f"{pair[3]} {i}") for i, pair in enumerate(some)]
    report("distinct", distinct)
    report("as they are", some)
    memory(distinct)


if __name__ == "__main__":
    main()
