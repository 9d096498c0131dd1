"""Make the pictures of the documentation: the demo runs, a headless browser shows its report.

Run by ``make pictures``. The pictures are of the product as it is, never drawn by hand.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGES = Path(__file__).resolve().parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTH, HEIGHT = 1100, 1250  # CSS pixels: the head of the report with its first chart
DEMO_HEIGHT = 1390  # the head of the demo's page with all months


def main() -> int:
    """Write ``report.png`` and ``demo.png`` beside this file; exit code 0 when they stand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, help="a report.html made before; else the demo runs")
    arguments = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return fail("No Chromium was found; install it and run make pictures again.")
    with tempfile.TemporaryDirectory() as folder:
        report: Path | None = arguments.report or run_demo(Path(folder))
        if report is None or not report.is_file():
            return fail("There is no report to take a picture of.")
        shoot(browser, report, IMAGES / "report.png")
        sys.stdout.write("docs/images/report.png is written.\n")
        demo = report.parent.parent / "index.html"
        if demo.is_file():
            shoot(browser, demo, IMAGES / "demo.png", DEMO_HEIGHT)
            sys.stdout.write("docs/images/demo.png is written.\n")
    return 0


def fail(text: str) -> int:
    """One line about what went wrong, and the exit code for it."""
    sys.stderr.write(text + "\n")
    return 1


def run_demo(folder: Path) -> Path | None:
    """Run the demo into ``folder``; the path of its English report, or None."""
    sekisho = Path(sys.executable).parent / "sekisho"
    subprocess.run([str(sekisho), "demo", "--out", str(folder / "demo")], check=True)
    report = folder / "demo" / "trace" / "report.html"
    return report if report.is_file() else None


def shoot(browser: str, report: Path, picture: Path, height: int = HEIGHT) -> None:
    """Photograph the head of ``report`` at twice the pixel density; no network is needed."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only when a picture is made

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(
            viewport={"width": WIDTH, "height": height}, device_scale_factor=2, locale="en"
        )
        page.goto(report.resolve().as_uri())
        page.screenshot(path=picture)
        chromium.close()


if __name__ == "__main__":
    sys.exit(main())
