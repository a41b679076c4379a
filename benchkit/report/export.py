"""A notebook as one HTML page that stands alone: no request leaves it and nothing a model wrote runs."""

from __future__ import annotations

import base64
import re
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RunError, unwritable
from ..run.json_io import without_grammars
from ..run.tables import write_atomically
from .layout import laid_out, sorting_digest

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from nbconvert import HTMLExporter
    from nbformat import NotebookNode

without_grammars()  # before anything imports nbformat
TEMPLATES = Path(__file__).parent / "templates"
# Best first; whatever else an output carries (scripts, widgets) is left out.
SHOWN = ("text/html", "text/markdown", "image/png", "image/jpeg", "image/svg+xml", "text/plain")
WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}
BLOCKS = """blockquote br caption col colgroup dd details div dl dt figcaption figure h1 h2 h3 h4 h5 h6 hr img
    li ol p pre summary table tbody td tfoot th thead tr ul"""
INLINES = "a abbr b code del em i kbd mark s small span strong sub sup u"
TAGS = {*BLOCKS.split(), *INLINES.split()}
# None of these can name an address or lift a box out of the text.
STYLES = """background-color color font-family font-size font-style font-weight max-width min-width text-align
    text-decoration vertical-align white-space width"""
ATTRIBUTES = {"alt", "colspan", "height", "open", "rowspan", "scope", "start", "style", "title", "width"}
# pandas' tables and Pygments' tokens; a model may not dress its text as one of our banners
CLASSES = re.compile(r"dataframe|highlight|[a-z][a-z0-9]{0,2}")
ANCHOR = "papermill-error-cell"  # papermill links its banner to it
INLINE_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
NUMBER = re.compile(r"[-+−±<>≈$]?[\d.,]+(e[-+]?\d+)?\s?(%|s|ms)?|NaN|NA|None|<NA>|[-–—]?", re.IGNORECASE)
LINK = re.compile(r"(https?:|mailto:|#|[^:]*$)", re.IGNORECASE)


def export_html(
    notebook_path: Path | str,
    html_path: Path | str,
    *,
    hide_code: bool = False,
    simulated: bool = False,
    home: bool = False,
) -> Path:
    """Write the notebook as HTML and return its path. Cells tagged `remove-cell` are left out.

    `hide_code` folds code away; `simulated` puts a banner on top, `home` a link to the run's first page.
    Raises RunError when the notebook cannot be read or the page cannot be written.
    """
    source = Path(notebook_path)
    report = {"hide_code": hide_code, "simulated": simulated, "home": home}
    return _write(_read(source), source.stem, source.parent.parent, Path(html_path), report)


def export_report(
    markdown_path: Path | str, html_path: Path | str, *, simulated: bool = False, home: bool = False
) -> Path:
    """Write a Markdown report, its pictures inside, as the same kind of page; raises as `export_html`."""
    source = Path(markdown_path)
    return export_markdown(_text(source), source.parent, html_path, simulated=simulated, home=home)


def export_markdown(
    text: str, run: Path, html_path: Path | str, *, simulated: bool = False, home: bool = False
) -> Path:
    """Write Markdown as such a page, with the pictures of folder `run` inside; raises as `export_html`."""
    from nbformat import v4

    target, node = Path(html_path), v4.new_notebook(cells=[v4.new_markdown_cell(text)])
    return _write(node, target.stem, run, target, {"simulated": simulated, "home": home})


def page_text(page: Path) -> str:
    """What a reader sees of a page: its words, a line for each piece of markup."""
    from bs4 import BeautifulSoup

    return BeautifulSoup(_text(page), "html.parser").get_text("\n", strip=True)


def _write(node: NotebookNode, name: str, run: Path, target: Path, report: dict[str, Any]) -> Path:
    node.cells = [_cleaned(cell) for cell in node.cells if _is_shown(cell)]
    node.metadata.pop("widgets", None)
    report = report | {"title": name, "script": sorting_digest(), "run": run}
    page = laid_out(_exporter().from_notebook_node(node, resources={"report": report})[0])
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(target, error) from error
    write_atomically(target, page)
    return target


def clean_html(html: str, run: Path | None = None) -> str:
    """`html` with nothing in it that runs, loads or covers the page; other markup becomes visible text.

    Pictures that lie in the run folder `run` are put inside; the rest lose their address.
    """
    import nh3
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    for sheet in soup("style"):  # pandas puts one before each table; as text it would be noise
        sheet.decompose()
    for tag in soup.find_all(lambda one: one.name not in TAGS):  # an auditor sees what a model wrote
        tag.replace_with(str(tag))
    for link in soup("a", href=re.compile(r"^[^:]+\.ipynb$")):  # notebooks link each other's pages
        link["href"] = str(link["href"]).removesuffix(".ipynb") + ".html"
    _align_words(soup)
    if run is not None:
        _settle_pictures(soup, run.resolve())
    return nh3.clean(
        str(soup),
        tags=TAGS,
        attributes={"*": ATTRIBUTES | {"class", "id"}, "a": {"href"}, "img": {"src"}},
        attribute_filter=_harmless,
        url_schemes={"http", "https", "mailto", "data"},
        filter_style_properties=set(STYLES.split()),
        link_rel=None,
    )


@cache  # to read the templates takes a tenth of a page
def _exporter() -> HTMLExporter:
    from nbconvert import HTMLExporter

    return HTMLExporter(
        template_name="report",
        extra_template_basedirs=[str(TEMPLATES)],
        filters={"safe_html": clean_html, "picture": _picture},
        exclude_anchor_links=True,
        sanitize_html=True,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error}). Make it again.") from error


def _read(path: Path) -> NotebookNode:
    import nbformat

    try:
        return nbformat.reads(_text(path), as_version=4)
    except ValueError as error:
        raise RunError(f"{path} cannot be read as a notebook ({error}). Run it again.") from error


def _is_shown(cell: NotebookNode) -> bool:
    tags = cell.metadata.get("tags", [])
    if any(output.output_type == "error" for output in cell.get("outputs", [])):
        return True  # A failure is never hidden, not even in plumbing.
    return not {"remove-cell", "skip-execution"} & set(tags)  # the interactive extras need a kernel


def _cleaned(cell: NotebookNode) -> NotebookNode:
    if cell.cell_type == "code":
        cell.outputs = [output for output in cell.outputs if _keep_best(output)]
    return cell


def _keep_best(output: NotebookNode) -> bool:
    """Reduce the output to the one form that is shown; False when there is none."""
    if "data" not in output:
        return True
    best = next((kind for kind in SHOWN if kind in output.data), None)
    if best is None or (best == "text/plain" and WIDGET in output.data):  # such as "HBox(children=…)"
        return False
    output.data = {best: output.data[best]}
    return True


def _picture(output: NotebookNode, kind: str) -> str:
    """An image output as an inline `<img>`; scripts in an SVG do not run inside one."""
    data, about = output.data[kind], output.metadata.get(kind, {})
    encoded = base64.b64encode(data.encode()).decode() if kind == "image/svg+xml" else "".join(data.split())
    alt = about.get("alt") or output.metadata.get("alt") or "Figure without a description"
    sizes = {name: about[name] for name in ("width", "height") if isinstance(about.get(name), int | float)}
    size = "".join(f' {name}="{value:.0f}"' for name, value in sizes.items())
    return f'<img src="data:{kind};base64,{escape(encoded)}" alt="{escape(str(alt))}"{size}>'


def _align_words(soup: BeautifulSoup) -> None:
    """pandas sets every column flush right, which suits numbers only."""
    for table in soup("table", class_="dataframe"):
        body = [row("td")[::-1] for part in table("tbody") for row in part("tr")]
        rows = [row for part in table("thead") for row in part("tr")]
        head = [row("th")[::-1] for row in rows if not row("th", colspan=True)]
        for column in range(max(map(len, body), default=0)):
            cells = [row[column] for row in body if len(row) > column]
            if not all(NUMBER.fullmatch(cell.get_text(strip=True)) for cell in cells):
                for cell in cells + [row[column] for row in head if len(row) > column]:
                    cell["style"] = "text-align: left"


def _settle_pictures(soup: BeautifulSoup, run: Path) -> None:
    for image in soup("img", src=True):
        if str(image["src"]).startswith("data:"):
            continue
        found = _own_picture(str(image["src"]), run)
        if found is not None:
            encoded = base64.b64encode(found.read_bytes()).decode()
            image["src"] = f"data:{PICTURES[found.suffix.lower()]};base64,{encoded}"


def _own_picture(address: str, run: Path) -> Path | None:
    """The picture that a relative address means, if it lies in the run; a model may name any path."""
    for start in (run / "notebooks", run):
        try:
            path = (start / address).resolve()
            if path.is_relative_to(run) and path.suffix.lower() in PICTURES and path.is_file():
                return path
        except (OSError, ValueError):  # a name too long or with a NUL in it
            continue
    return None


def _harmless(tag: str, name: str, value: str) -> str | None:
    """An attribute's value where it can do no harm, else None."""
    fine = {
        "src": lambda: tag == "img" and INLINE_IMAGE.fullmatch(value),
        "href": lambda: tag == "a" and LINK.match(value.strip()),
        "class": lambda: all(CLASSES.fullmatch(one) for one in value.split()),
        "id": lambda: value == ANCHOR,
    }
    return value if name in ATTRIBUTES or (name in fine and fine[name]()) else None
