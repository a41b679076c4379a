"""What a page has around its text: a contents list, and tables that scroll in a box of their own."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

FEWEST = 3  # sections that are worth a list


@cache
def sorting() -> str:
    """The script that sorts tables, the only one of a page."""
    return (Path(__file__).parent / "templates" / "report" / "sort.js").read_text(encoding="utf-8")


def sorting_digest() -> str:
    """What the content policy lets run, and no other script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(sorting().encode()).digest()).decode()}"


def laid_out(page: str) -> str:
    """The page with its first heading as its title, a list of its sections, its tables in named boxes, and
    the script that sorts them.

    The rows of a table stay as they are: without scripts, and on paper, nothing is missing.
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(page, "html.parser")
    if soup.title and soup.main and soup.main.h1:
        soup.title.string = soup.main.h1.get_text().strip()
    _list_contents(soup)
    if _box_tables(soup) and soup.body:
        script = soup.new_tag("script")
        script.string = sorting()
        soup.body.append(script)
    return str(soup)


def _list_contents(soup: BeautifulSoup) -> None:
    headings = soup.main("h2") if soup.main else []
    for at, heading in enumerate(headings, 1):
        heading["id"] = f"section-{at}"
    if len(headings) >= FEWEST and soup.main:
        nav = soup.new_tag("nav", attrs={"class": "contents", "aria-label": "Contents"})
        nav.append(entries := soup.new_tag("ul"))
        for heading in headings:
            entries.append(entry := soup.new_tag("li"))
            entry.append(soup.new_tag("a", attrs={"href": f"#{heading['id']}"}, string=heading.get_text(" ")))
        soup.main.insert_before(nav)


def _box_tables(soup: BeautifulSoup) -> int:
    """Put each table into a box that the keyboard can scroll, named after its section; returns how many."""
    tables = [one for one in (soup.main("table") if soup.main else []) if one.find_parent("table") is None]
    for at, table in enumerate(tables, 1):
        heading = table.find_previous(["h1", "h2", "h3"])
        name = f"Table {at}: {heading.get_text(' ')}" if heading else f"Table {at}"
        box = {"class": "box", "role": "region", "tabindex": "0", "aria-label": name}
        table.wrap(soup.new_tag("div", attrs=box))
        for empty in (one for one in table("th") if not one.get_text(strip=True)):
            empty.name = "td"  # pandas' corner heads nothing
    return len(tables)
