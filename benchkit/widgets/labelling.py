"""Which of two answers is better? Asked without names, in the order and on the sides that the seed draws."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from ..decide.people import TIE
from ..errors import InputError
from ..measure.labels import contending, draw_pairs, of_two, sheet
from ..run import Run
from ..run.tables import read_table
from ..wording import count, now
from .paging import Action, Pager

DRAWN, OTHER = "drawn at random", "other: not used"
NAME = "Your name"
SAME = ("id", "round", "model_a", "model_b")


def label_answers(run: Run, responses: pd.DataFrame, sample: int) -> Pager:
    """Label the pairs of answers that `benchkit labels` gives; every label is in labels.csv at once.

    `sample` cases are drawn, and only their labels are used; the others can be chosen with a filter. It goes
    on behind the last label of whoever labelled last. `responses` as from `align`.
    """
    return _Labels(run, responses, sample).pager


class _Labels:
    """The pairs, who labels them, and the file."""

    def __init__(self, run: Run, responses: pd.DataFrame, sample: int) -> None:
        self.run, self.path = run, run.path / "labels.csv"
        two = contending(run, sorted(responses["model"].unique()))
        pairs = of_two(draw_pairs(responses, run.seed or 0), two)
        self.pairs = {row["pair"]: row for row in pairs.to_dict("records")}
        self.texts = {row["pair"]: row for row in sheet(pairs, responses).to_dict("records")}
        self.names = {_same(self._about(pair)): pair for pair in self.pairs}
        self._read()
        self.name = self.labels[-1]["labeller"] if self.labels else ""
        where = [DRAWN if i < sample else OTHER for i in range(len(pairs))]
        self.pager = Pager(
            pd.DataFrame({"Cases": where}, index=list(self.pairs)),
            self._show,
            name="Which answer is better?",
            actions=[
                Action("Left is better", lambda pager: self._prefer("model_1"), "ArrowLeft"),
                Action("Both alike", lambda pager: self._prefer(TIE), "ArrowUp"),
                Action("Right is better", lambda pager: self._prefer("model_2"), "ArrowRight"),
                Action("Undo", self._undo, "u"),
                Action("Withdraw", self._withdraw, "w"),
                Action("Go on", self._go_on, "g"),
            ],
            form=lambda _: {NAME: self.name},
            turn=("p", "n"),
        )
        self.pager.choose("Cases", DRAWN)
        self._go_on(self.pager)
        self.pager.refresh()

    def _read(self) -> None:
        """What is on disk now: another labeller may have written since."""
        found = read_table(self.path, or_empty=True)
        self.labels, self.columns = found.to_dict("records"), list(found)

    def _write(self, labels: list[dict[str, Any]]) -> None:
        self.labels = labels
        self.run.save("labels.csv", pd.DataFrame(labels, columns=self.columns))

    def _labeller(self) -> str:
        """The name in the field. Raises InputError where there is none."""
        self.name = self.pager.values.get(NAME, self.name).strip().casefold()
        if not self.name:
            raise InputError(f"Write a name into “{NAME}” first; with Escape the keys work again.")
        return self.name

    def _about(self, pair: str) -> dict[str, Any]:
        row = self.pairs[pair]
        a, b = sorted((row["model_1"], row["model_2"]))
        return {"id": row["id"], "round": row["round"], "model_a": a, "model_b": b}

    def _mine(self) -> dict[str, list[int]]:
        """Where this labeller's labels of each pair stand, the one that counts last."""
        found: dict[str, list[int]] = {}
        for at, row in enumerate(self.labels):
            pair = self.names.get(_same(row))
            if pair and row["labeller"].casefold() == self.name:
                found.setdefault(pair, []).append(at)
        return found

    def _prefer(self, side: str) -> str:
        said = {"preferred": self.pairs[self.pager.key].get(side, TIE), "labeller": self._labeller()}
        with self.run.claim():
            self._read()  # an earlier label of the pair stays, for undo: the last one counts
            self._write([*self.labels, self._about(self.pager.key) | said | {"time": now()}])
        self._next()
        return f"Kept. {self._done()}"

    def _undo(self, _: Pager) -> str:
        """Take back this labeller's last label of these pairs, and show it."""
        self._labeller()
        with self.run.claim():
            self._read()
            mine = self._mine()
            if not mine:
                return "There is no label to take back."
            pair = max(mine, key=lambda pair: mine[pair][-1])
            self._write([row for at, row in enumerate(self.labels) if at != mine[pair][-1]])
        self.pager.go(pair)
        return f"Taken back. {self._done()}"

    def _withdraw(self, _: Pager) -> str:
        """Take back what this labeller said of the pair that is shown, however long ago."""
        self._labeller()
        with self.run.claim():
            self._read()
            mine = self._mine().get(self.pager.key, [])
            self._write([row for at, row in enumerate(self.labels) if at not in mine])
        return f"{'Withdrawn' if mine else 'You have not labelled this pair'}. {self._done()}"

    def _go_on(self, _: Pager) -> str:
        """To the first pair that this labeller has not labelled."""
        self._read()
        self.name = self.pager.values.get(NAME, self.name).strip().casefold()
        self.pager.move(-len(self.pairs))
        if self.pager.key in self._mine():
            self._next()
        return self._done()

    def _next(self) -> None:
        """The next pair that this labeller has not labelled; the next at all where there is none."""
        keys, at, mine = self.pager.order, self.pager.order.index(self.pager.key), self._mine()
        left = [key for key in keys[at + 1 :] + keys[:at] if key not in mine]
        if left:
            self.pager.go(left[0])
        else:
            self.pager.move(1)

    def _done(self) -> str:
        done = len(self._mine().keys() & set(self.pager.order))
        who = f" by {self.name}" if self.name else ""
        rest = "" if done < len(self.pager.order) else " All done: run the cells below."
        return f"{done:,} of {count(len(self.pager.order), 'pair')} labelled{who}.{rest}"

    def _verdict(self, pair: str) -> str:
        mine = self._mine()
        if pair not in mine:
            return ""
        sides = {self.pairs[pair]["model_1"]: "left", self.pairs[pair]["model_2"]: "right"}
        return sides.get(self.labels[mine[pair][-1]]["preferred"], "both alike")

    def _show(self, pair: str) -> str:
        text = self.texts[pair]
        verdict = self._verdict(pair)
        said = f"<p>Your label: <b>{verdict}</b></p>" if verdict else "<p>Not labelled yet.</p>"
        sides = "".join(
            f"<div><b>{side}</b><div class='bk-text'>{escape(text[name])}</div></div>"
            for side, name in (("Left", "answer_1"), ("Right", "answer_2"))
        )
        asked = f"<b>The customer</b><div class='bk-text'>{escape(text['prompt'])}</div>"
        return f"{asked}<div class='bk-columns'>{sides}</div>{said}"


def _same(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What a label and a pair have in common."""
    return tuple(str(row[name]) for name in SAME)
