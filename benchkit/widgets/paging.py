"""One item at a time, with filters, buttons, keys and text fields: shared by all who look at cases."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anywidget
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
        buttons = [{"label": one.label, "key": one.key} for one in self._actions.values()]
        self.controls = {"name": name, "buttons": buttons}
        self.on_msg(self._hear)
        self.take(items)
        self._draw()

    @property
    def key(self) -> Any:
        """The current item's key; None where there is no item."""
        return self.order[self._at] if self.order else None

    def do(self, label: str, **values: str) -> None:
        """What a press of the button does, with what the text fields hold."""
        self.values = values
        if not self.order and label not in ("Previous", "Next"):
            return
        try:
            said, failed = self._actions[label].act(self) or "", False
        except (BenchkitError, OSError) as error:
            said, failed = str(error), True
        self._draw(said, failed)

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
        self._items = items.map(str, na_action="ignore")
        self._options = {str(name): sorted(column.dropna().unique()) for name, column in self._items.items()}
        self._keep()

    def refresh(self) -> None:
        """Show again: the same item where it still is there."""
        self._keep()
        self._draw()

    def _keep(self) -> None:
        """The keys that the filters leave, and the same one of them where it still is there."""
        before, kept = self.key, self._items
        for name, value in self.chosen.items():
            if value != EVERY:
                kept = kept[kept[name] == value]
        self.order = list(kept.index.unique())
        self._at = self.order.index(before) if before in self.order else self._at
        self.move(0)

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
        filters = [
            {"name": name, "value": self.chosen.get(name, EVERY), "options": [EVERY, *values]}
            for name, values in self._options.items()
        ]
        self.view = {
            "step": self._step,
            "position": f"{min(self._at + 1, len(self.order)):,} of {len(self.order):,}",
            "said": said,
            "failed": failed,
            "filters": filters,
            "html": self._show(self.key) if self.order else NOTHING,
            "fields": dict(self._form(self.key)) if self.order else {},
        }
