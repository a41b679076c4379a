"""One item at a time, with filters, buttons, keys and text fields: shared by all who look at cases."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from ..errors import BenchkitError

EVERY = "(all)"
HERE = Path(__file__).parent
NOTHING = "<p>There is nothing to show.</p>"


@dataclass(frozen=True)
class Action:
    """A button. `act` gets the pager and returns what is said of it, if anything; `key` as in the browser's
    KeyboardEvent.key ("ArrowLeft", "a"). A BenchkitError or an OSError that it raises is shown."""

    label: str
    act: Callable[[Pager], str | None]
    key: str = ""


class Pager(anywidget.AnyWidget):
    """Pages through items.

    `items` is indexed by the items' keys, in the order to show them; each of its columns is a filter. An item
    may have several rows: it is there if one row has all that was chosen. `show` makes an item's HTML, all
    text in it escaped; only the current item's goes to the browser. `form` gives an item's text fields, by
    name. `turn` are the keys of previous and next.
    """

    _esm = HERE / "paging.js"
    _css = HERE / "paging.css"
    controls = traitlets.Dict().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        items: pd.DataFrame,
        show: Callable[[Any], str],
        *,
        name: str,
        actions: Sequence[Action] = (),
        form: Callable[[Any], Mapping[str, str]] = lambda key: {},
        turn: tuple[str, str] = ("ArrowLeft", "ArrowRight"),
    ) -> None:
        super().__init__()
        self._show, self._form = show, form
        back = Action("Previous", lambda pager: pager.move(-1), turn[0])
        forth = Action("Next", lambda pager: pager.move(1), turn[1])
        self._actions = {one.label: one for one in (back, forth, *actions)}
        self.values: dict[str, str] = {}  # what the text fields held at the last action
        self.chosen: dict[str, str] = {}
        self.order: list[Hashable] = []
        self._at = self._step = 0
        self._index(items)
        buttons = [{"label": one.label, "key": one.key} for one in self._actions.values()]
        self.controls = {"name": name, "buttons": buttons}
        self.on_msg(self._hear)
        self.refresh()

    @property
    def key(self) -> Any:
        """The current item's key; None where there is no item."""
        return self.order[self._at] if self.order else None

    def do(self, label: str, **values: str) -> None:
        """What a press of the button does, with what the text fields hold."""
        self.values = values
        if self.order or label in ("Previous", "Next"):
            self._draw(*_said(self._actions[label], self))

    def choose(self, name: str, value: str) -> None:
        """Only items whose column `name` holds `value`; EVERY for all."""
        self.chosen[name] = value
        self.refresh()

    def move(self, steps: int) -> None:
        """To an item before or after, as far as there are any."""
        self._at = max(0, min(len(self.order) - 1, self._at + steps))

    def go(self, key: Hashable) -> None:
        """To an item, with all filters off if they hide it."""
        if key not in self.order:
            self.chosen = {}
            self._keep()
        self._at = self.order.index(key)

    def take(self, items: pd.DataFrame) -> None:
        """Other items, and the same one of them where it still is there; drawn when the action is over."""
        self._index(items)
        self._stay()

    def refresh(self) -> None:
        """Show again: the same item where it still is there."""
        self._stay()
        self._draw()

    def _stay(self) -> None:
        before = self.key
        self._keep()
        self._at = self.order.index(before) if before in self.order else min(self._at, len(self.order) - 1)
        self.move(0)

    def _index(self, items: pd.DataFrame) -> None:
        """Keys, and filters by name, as codes: texts are compared once, not at every step."""
        self._keys, self._names = pd.factorize(items.index)
        texts = {str(name): column.map(str, na_action="ignore") for name, column in items.items()}
        self._filters = {name: pd.factorize(column, sort=True) for name, column in texts.items()}

    def _keep(self) -> None:
        """The keys that the filters leave."""
        kept = np.ones(len(self._keys), dtype=bool)
        for name, value in self.chosen.items():
            if value != EVERY:
                codes, values = self._filters[name]
                kept &= np.isin(codes, np.flatnonzero(values == value))
        self.order = list(self._names[pd.unique(self._keys[kept])])

    def _hear(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        """A message from the browser; one about an item that is no longer shown only draws again."""
        if content["step"] != self._step:
            self._draw()
        elif "filter" in content:
            self.choose(content["filter"], content["value"])
        else:
            self.do(content["do"], **content["values"])

    def _draw(self, said: str = "", failed: bool = False) -> None:
        self._step += 1
        there = self.key is not None
        position = f"{self._at + 1:,} of {len(self.order):,}" if there else "0 of 0"
        filters = [
            {"name": name, "value": self.chosen.get(name, EVERY), "options": [EVERY, *values]}
            for name, (_, values) in self._filters.items()
        ]
        self.view = {
            "step": self._step,
            "position": position,
            "said": said,
            "failed": failed,
            "filters": filters,
            "html": self._show(self.key) if there else NOTHING,
            "fields": dict(self._form(self.key)) if there else {},
        }


def _said(action: Action, pager: Pager) -> tuple[str, bool]:
    """What an action says, and whether it failed."""
    try:
        return action.act(pager) or "", False
    except (BenchkitError, OSError) as error:
        return str(error), True
