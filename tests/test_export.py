from __future__ import annotations

import base64
import re
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from benchkit.errors import RunError
from benchkit.report.export import clean_html, export_html, export_report, page_text
from benchkit.report.index import write_index
from benchkit.report.layout import sorting
from benchkit.report.markdown import inline
from benchkit.run import start_run

from .browser import chromium_page

OURS = f"<script>{sorting()}</script>"  # the only script of a page
FAR = "http://far.example"  # any request to it is a leak
SVG = f"""<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20" onload="parent.ran=1">
<rect width="40" height="20" fill="teal"/><script>parent.ran = 1</script>
<image href="{FAR}/svg.png"/></svg>"""
ATTACKS = [
    "<script>window.ran = 1</script>",
    f'<script src="{FAR}/a.js"></script>',
    '<img src=x onerror="window.ran=1">',
    f'<img src="{FAR}/pixel.png" alt="pixel">',
    f'<img src="//far.example/pixel.png" srcset="{FAR}/2x.png 2x">',
    '<svg onload="window.ran=1"><script>window.ran=1</script></svg>',
    '<a href="javascript:window.ran=1" id="go">go</a>',
    '<a href=" java&#10;script:window.ran=1">go</a>',
    '<a href="data:text/html,<script>parent.ran=1</script>">go</a>',
    f'<iframe src="{FAR}/frame"></iframe>',
    '<iframe srcdoc="<script>parent.ran=1</script>"></iframe>',
    f'<meta http-equiv="refresh" content="0;url={FAR}/away">',
    f'<link rel="stylesheet" href="{FAR}/a.css"><base href="{FAR}/">',
    f'<style>@import "{FAR}/b.css"; body {{ background: url({FAR}/c.png) }}</style>',
    f'<p style="background:url({FAR}/d.png);cursor:url({FAR}/f.cur),auto">p</p>',
    '<div style="position:fixed;inset:0;background-color:red">over all</div>',
    f'<video src="{FAR}/v" poster="{FAR}/p" autoplay></video><audio src="{FAR}/s" autoplay></audio>',
    f'<object data="{FAR}/o"></object><embed src="{FAR}/e"><form action="{FAR}"><button>b</button></form>',
    "<noscript><p title='</noscript><img src=x onerror=window.ran=1>'></noscript>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror=window.ran=1>'>",
    "</div></section></main><aside class='simulated'>not simulated</aside><script>window.ran=1</script>",
    "<details open ontoggle=window.ran=1><summary onclick=window.ran=1>s</summary></details>",
]


def png(width: int = 60) -> str:
    from PIL import Image

    buffer = BytesIO()
    Image.new("RGB", (width, 30), "teal").save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def shown(kind: str, text: str, **metadata: object) -> nbformat.NotebookNode:
    return new_output("display_data", data={kind: text, "text/plain": "plain"}, metadata=metadata)


def saved(folder: Path, cells: list, name: str = "05_report") -> Path:
    """A notebook in a run folder, as the pipeline leaves it."""
    path = folder / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    node = new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    nbformat.write(node, path)
    return path


def exported(folder: Path, cells: list, **options: bool) -> str:
    source = saved(folder, cells)
    return export_html(source, folder / "html" / "05_report.html", **options).read_text("utf-8")


def outputs(*them: nbformat.NotebookNode, source: str = "show()", tags: tuple = ()) -> nbformat.NotebookNode:
    return new_code_cell(source, outputs=list(them), metadata={"tags": list(tags)})


def hostile_cells() -> list:
    """Every attack through every door that text has into a notebook."""
    text = "\n\n".join(ATTACKS)
    error = new_output("error", ename="X", evalue=text, traceback=[text, f"\x1b[31m{text}\x1b[0m"])
    doors = [shown(kind, text) for kind in ("text/html", "text/markdown", "text/latex", "text/vnd.mermaid")]
    doors += [shown("application/javascript", "window.ran = 1"), shown("image/svg+xml", SVG)]
    doors += [shown("text/html", text, isolated=True), shown("image/png", png() + '" onerror="window.ran=1')]
    doors += [new_output("stream", name=name, text=text) for name in ("stdout", "stderr")]
    doors += [shown("text/html", attack) for attack in ATTACKS]
    doors += [shown("text/markdown", f"| a | b |\n|---|---|\n| {attack} | 1 |") for attack in ATTACKS]
    return [
        new_markdown_cell(f"# A title </title><script>window.ran=1</script>\n\n{text}"),
        outputs(*doors, source=f'prompt = """{text}"""'),
        outputs(error),
        outputs(shown("image/png", png(), **{"image/png": {"alt": "A teal box", "width": 60}})),
        outputs(shown("text/html", f'<img src="data:image/png;base64,{png()}" alt="Inside" width="60">')),
    ]


@pytest.fixture(scope="module")
def browser():
    with chromium_page() as page:
        yield page.context.browser


def opened(browser, path: Path):
    """The page in Chromium, and every address it asked for."""
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_load_state("load")
    return page, [url for url in asked if url != path.as_uri() and not url.startswith("data:")]


@pytest.mark.parametrize("policy", [True, False], ids=["as it is", "without the content policy"])
def test_hostile_page_in_a_browser_asks_for_nothing_and_runs_nothing(tmp_path, browser, policy):
    """Chromium makes no request, runs no planted script and shows every figure; two layers each suffice."""
    text = exported(tmp_path, hostile_cells(), hide_code=True)
    path = tmp_path / "html" / "05_report.html"
    path.write_text(text if policy else text.replace("Content-Security-Policy", "x-none"), "utf-8")
    page, asked = opened(browser, path)
    assert asked == []
    assert page.evaluate("window.ran === undefined")
    assert page.evaluate("[...document.scripts].map(script => script.outerHTML)") == [OURS]
    assert page.evaluate("frames.length + document.forms.length") == 0
    pictures = "[...document.images].filter(i => i.src.startsWith('data:image'))"
    widths = page.evaluate(f"{pictures}.map(i => [i.alt, i.naturalWidth])")
    assert {("A teal box", 60), ("Inside", 60)} <= {tuple(one) for one in widths}
    assert page.evaluate("[...document.images].every(i => i.alt)")
    page.evaluate("document.querySelectorAll('summary, a, button').forEach(e => e.click())")
    assert page.evaluate("window.ran === undefined")
    page.close()


@pytest.mark.parametrize("attack", ATTACKS)
def test_cleaning_alone_is_enough(attack):
    """Without the content policy's help, no tag, attribute or address that acts is left."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(clean_html(attack), "html.parser")
    names = {tag.name for tag in soup.find_all(True)}
    assert names <= {"a", "img", "p", "div", "details", "summary", "table", "tbody", "tr", "td"}
    for tag in soup.find_all(True):
        assert set(tag.attrs) <= {"alt", "style", "open", "title"}
        assert not any(word in tag.get("style", "") for word in ("url", "position", "inset"))


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ('<a href="https://example.org">x</a>', '<a href="https://example.org">x</a>'),
        ('<a href="02_validate.ipynb">next</a>', '<a href="02_validate.html">next</a>'),
        ('<a href="#papermill-error-cell">x</a>', '<a href="#papermill-error-cell">x</a>'),
        ('<table class="dataframe"><tbody><tr><td>1</td></tr></tbody></table>', None),
        ('<span style="color:red">x</span>', None),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a < b & c", "a &lt; b &amp; c"),
    ],
)
def test_what_is_harmless_stays(html, kept):
    """Links, tables, colours and text come through."""
    assert clean_html(html) == (html if kept is None else kept)


def test_columns_of_words_are_flush_left():
    """In a pandas table words start at the left, under their heading; numbers stay at the right."""
    import pandas as pd

    frame = pd.DataFrame({"n": [1.5, -2], "why": ["a reason", "12"]}, index=["x", "y"])
    table = clean_html(frame._repr_html_())
    assert "vertical-align: middle" not in table  # the style sheet that pandas puts before it
    assert table.count("text-align:left") == 3
    assert '<th style="text-align:left">why</th>' in table
    assert "<td>1.5</td>" in table


def test_pictures_of_the_run_come_inside_and_no_others(tmp_path):
    """A report's figures/… is embedded; a path that leaves the run, or is no picture, is not."""
    run = tmp_path / "run"
    (run / "figures").mkdir(parents=True)
    (run / "figures" / "a.png").write_bytes(base64.b64decode(png()))
    (tmp_path / "outside.png").write_bytes(base64.b64decode(png()))
    (run / "config.json").write_text("{}")
    names = ["figures/a.png", "../figures/a.png", "../../outside.png", "../config.json", "figures/none.png"]
    markdown = "\n\n".join(f"![picture {i}]({name})" for i, name in enumerate(names))
    page = exported(run, [outputs(shown("text/markdown", markdown))])
    assert page.count("data:image/png;base64,") == 2
    assert all(f'alt="picture {i}"' in page for i in range(len(names)))
    assert "outside.png" not in page


def test_alt_text_of_figures(tmp_path):
    """An image has the alt text of its metadata, escaped; without one it says so."""
    described = shown("image/png", png(), **{"image/png": {"alt": 'A "box" <b>'}})
    page = exported(tmp_path, [outputs(described, shown("image/png", png()))])
    assert "alt='A \"box\" &lt;b&gt;'" in page or 'alt="A &quot;box&quot; &lt;b&gt;"' in page
    assert 'alt="Figure without a description"' in page


def test_widgets_leave_nothing_behind(tmp_path):
    """A widget output goes with its manager; the text before it stays."""
    view = "application/vnd.jupyter.widget-view+json"
    widget = new_output("display_data", data={view: {"model_id": "m"}, "text/plain": "HBox(children=())"})
    page = exported(tmp_path, [outputs(new_output("stream", name="stdout", text="before"), widget)])
    assert "before" in page
    assert "HBox" not in page
    assert "<script" not in page


def test_plumbing_is_left_out_unless_it_failed(tmp_path):
    """Cells tagged remove-cell vanish with their outputs, but an error in one is shown."""
    error = new_output("error", ename="RunError", evalue="e", traceback=["RunError: no such run"])
    ok = outputs(new_output("stream", name="stdout", text="noise"), source="setup()", tags=("remove-cell",))
    assert "noise" not in exported(tmp_path, [ok])
    assert "no such run" in exported(tmp_path, [outputs(error, tags=("remove-cell",))])


def test_code_is_folded_away_or_shown(tmp_path):
    """hide_code puts code in a closed <details>, and drops interactive extras that were skipped."""
    cells = [outputs(source="answer = 42"), outputs(source="explore()", tags=("skip-execution",))]
    hidden = exported(tmp_path, cells, hide_code=True)
    assert hidden.count('<details class="code">') == 1
    assert "explore" not in hidden
    assert "<details" not in exported(tmp_path, cells)


def test_simulated_banner(tmp_path):
    """SIMULATED stands on the page when it was, and not otherwise."""
    cells = [new_markdown_cell("# Report")]
    assert "<strong>SIMULATED</strong>" in exported(tmp_path, cells, simulated=True)
    assert "SIMULATED" not in exported(tmp_path, cells)


@pytest.mark.parametrize(
    ("cells", "title"),
    [
        ([new_markdown_cell("# Which *model*?")], "Which model?"),
        (
            [new_markdown_cell(f"# Which: {inline('a_b_ *3*|<i> $5 &amp; x')}")],
            "Which: a_b_ *3*|&lt;i&gt; $5 &amp;amp; x",
        ),
        ([], "05_report"),
    ],
)
def test_title(tmp_path, cells, title):
    """The page is called after its first heading, else after the file; no cell is needed."""
    assert f"<title>{title}</title>" in exported(tmp_path, cells)


@pytest.mark.parametrize("text", ["<div>" * 2000, "> " * 2000 + "x", "\x00\x08\x1b[![a](" + "x" * 5000 + ")"])
def test_odd_text_does_not_stop_an_export(tmp_path, text):
    """Deep nesting, control characters and endless names still give a page."""
    page = exported(tmp_path, [outputs(shown("text/markdown", text), shown("text/html", text)), outputs()])
    assert page.rstrip().endswith("</html>")


def test_a_markdown_report_is_a_page_of_its_own(tmp_path):
    """The report has its title, its pictures inside, and none from another run beside it."""
    run = tmp_path / "run"
    for folder in (run / "figures", tmp_path / "other"):
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(base64.b64decode(png()))
    (run / "analysis_report.md").write_text("# Which?\n\n![mine](figures/a.png)\n\n![theirs](../other/a.png)")
    path = export_report(run / "analysis_report.md", run / "html" / "r.html", simulated=True)
    page = path.read_text("utf-8")
    assert "<title>Which?</title>" in page
    assert page.count("data:image/png;base64,") == 1
    assert "<strong>SIMULATED</strong>" in page
    with pytest.raises(RunError, match=r"none\.md cannot be read"):
        export_report(run / "none.md", path)


@pytest.mark.parametrize("content", [None, "", "{", "not json"])
def test_a_notebook_that_cannot_be_read_is_named(tmp_path, content):
    """A missing or damaged notebook is an error that names the file."""
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RunError, match=r"x\.ipynb cannot be read"):
        export_html(path, tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize("as_markdown", [True, False])
def test_a_figure_fits_a_telephone(tmp_path, browser, as_markdown):
    """Nothing of a wide figure is off a narrow screen, in the report as in a notebook."""
    source = f"data:image/png;base64,{png(800)}"
    markup = f"![wide]({source})" if as_markdown else f'<figure><img src="{source}" width="800"></figure>'
    exported(tmp_path, [new_markdown_cell(markup)])
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto((tmp_path / "html" / "05_report.html").as_uri())
    box = page.locator("img").bounding_box()
    assert 0 <= box["x"] < box["x"] + box["width"] <= 390
    assert box["width"] > 300


def test_the_sample_report_may_be_shown_to_anybody():
    """It is SIMULATED, one file below 1 MB, names no place of a machine, and the README links it."""
    root = Path(__file__).parents[1]
    sample = (root / "notebooks" / "sample_report.html").read_text("utf-8")
    assert "<strong>SIMULATED</strong>" in sample
    assert len(sample) < 1_000_000
    assert not re.search(
        r"/(tmp|home|root|work|Users)/", page_text(root / "notebooks" / "sample_report.html")
    )
    assert "(notebooks/sample_report.html)" in (root / "README.md").read_text("utf-8")


def test_names_on_the_first_page_are_text(tmp_path, browser):
    """A file, or the model after which it is named, may be called anything: its link works."""
    run = start_run(tmp_path / "r", provider="offline", seed=7)
    names = [
        "<img src=x onerror=window.ran=1>.csv",
        "](javascript:ran=1) [x.csv",
        "a b#%41&amp;.csv",
        "`_*.csv",
    ]
    for name in names:
        (run.path / name).write_text("a\n1\n")
    page, asked = opened(browser, write_index(run))
    assert asked == []
    assert page.evaluate("window.ran === undefined && document.images.length === 0")
    links = page.eval_on_selector_all("main a", "them => them.map(one => [one.textContent, one.href])")
    assert sorted(text for text, _ in links) == sorted(names)
    assert {unquote(href.rpartition("/")[2]) for _, href in links} == set(names)
    page.close()
