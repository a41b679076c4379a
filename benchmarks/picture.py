"""The README's picture: the top of a run's report, as chromium shows it.

python benchmarks/picture.py RUN_DIR notebooks/report.png
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
WIDTH, HEIGHT = 1000, 1162  # ends between two paragraphs


def main(run_dir: str, target: str) -> None:
    page_address = (Path(run_dir).resolve() / "html" / "analysis_report.html").as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(page_address)
        page.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
