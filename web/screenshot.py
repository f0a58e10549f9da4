"""Takes the README's picture: opens GraphiQL, runs the second example, scrolls its answer to a neuron, writes a PNG.

    python web/screenshot.py http://127.0.0.1:8000/graphql docs/graphiql.png

Needs a running server with the demo data, the PyPI package playwright and Chromium on PATH. A README is looked at on
slow lines too, so a picture over MAX_BYTES is an error.
"""

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

MAX_BYTES = 300_000
TAB = "DatasetsToSynapses"
SIZE = ViewportSize(width=1680, height=860)
WHEEL_STEPS, WHEEL_PIXELS = 200, 120  # an answer of 1,200 lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="address of GraphiQL")
    parser.add_argument("picture", type=Path, help="the PNG to write")
    parser.add_argument("--show", default='"1734350788"', help="text of the answer that shall stand near the top")
    parser.add_argument("--dark", action="store_true", help="the dark theme")
    arguments = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("Chromium (chromium, chromium-browser or google-chrome) is not on PATH.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="dark" if arguments.dark else "light")
        page.goto(arguments.url)
        run_example(page)
        scroll_answer_to(page, arguments.show)
        page.screenshot(path=arguments.picture)
        browser.close()
    size = arguments.picture.stat().st_size
    if size > MAX_BYTES:
        sys.exit(f"{arguments.picture} has {size:,} bytes, more than {MAX_BYTES:,}: take a smaller window.")
    print(f"{arguments.picture}: {size:,} bytes")


def run_example(page: Page) -> None:
    editor = page.locator(".graphiql-query-editor .view-lines")
    expect(editor).to_contain_text("query")  # a tab that is clicked before the editor stands loads nothing into it
    page.get_by_role("tab", name=TAB).click()
    expect(editor).to_contain_text(TAB)
    page.wait_for_timeout(500)  # GraphiQL takes over the tab's operation name 100 ms after its text
    page.get_by_role("button", name="Execute query").click()
    expect(page.locator(".graphiql-response .view-lines")).to_contain_text('"data"', timeout=20_000)


def scroll_answer_to(page: Page, text: str) -> None:
    """Turn the wheel until the line with the text has come up to the upper third of the window."""
    answer = page.locator(".graphiql-response .view-lines")
    line = answer.locator(".view-line", has_text=text).first
    answer.hover()
    for _ in range(WHEEL_STEPS):
        box = line.bounding_box() if line.count() else None
        if box and box["y"] < SIZE["height"] / 3:
            return
        page.mouse.wheel(0, WHEEL_PIXELS)
        page.wait_for_timeout(20)
    sys.exit(f"The answer does not show {text}.")


if __name__ == "__main__":
    main()
