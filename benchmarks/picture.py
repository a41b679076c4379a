"""What the README shows: a demo run's report as a page of its own, and a picture of its top.

`make sample` makes both anew: it runs the demo on the offline provider, so that everything says SIMULATED.
"""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import sync_playwright

from benchkit.report.export import export_report

CHROMIUM = "/usr/bin/chromium"
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
WIDTH, HEIGHT = 1000, 932  # ends below the note
COLOURS = 128  # of a figure in the sample: enough for lines and letters, and a third of the size


def main(run: Path) -> None:
    subprocess.run([sys.executable, "-m", "benchkit.runner.cli", "run", run, "--offline"], check=True)
    sample = NOTEBOOKS / "sample_report.html"
    for figure in (run / "figures").glob("*.png"):
        figure.write_bytes(_small(Image.open(figure)))
    export_report(run / "analysis_report.md", sample, simulated=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(sample.as_uri())
        (NOTEBOOKS / "report.png").write_bytes(_small(Image.open(BytesIO(page.screenshot()))))
        browser.close()


def _small(picture: Image.Image) -> bytes:
    picture.convert("RGB").quantize(COLOURS).save(buffer := BytesIO(), "png", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        main(Path(folder) / "demo")
