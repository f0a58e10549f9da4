"""GraphiQL in a real browser: what a new visitor sees, runs and reads, under the page's own strict policy.

What the examples answer is tested without a browser elsewhere; here it matters that a person gets there. The browser is
the machine's Chromium. Every step of a visit ends after STEP_SECONDS: a whole visit takes 1 to 4 s on two cores.
"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright, expect

pytestmark = pytest.mark.embedded

STEP_SECONDS = 20
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox",  # containers forbid it, and the only page visited is our own
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# Monaco draws only the lines in sight: on a page this high every line of an answer is.
HIGH_PAGE = {"width": 2400, "height": 14_000}
# What was typed or opened reaches GraphiQL's state, and the browser's storage, a moment after it reaches the screen; a
# robot that presses "run" before that sends the new query under the old name.
STORED = """([key, text]) => new Promise(done => {
  const holds = () => localStorage.getItem(`syndb:graphiql:${key}`)?.includes(text);
  const look = () => holds() ? done() : requestAnimationFrame(look);
  look();
})"""
ANSWER = ".graphiql-response .view-lines"


@dataclass
class Visit:
    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def hear(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        self.page.context.on("request", self._on_request)
        self.page.context.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _on_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"another host: {request.url}")

    async def open(self) -> None:
        await self.page.goto(f"{self.url}/")
        await expect(self.page.locator(".graphiql-query-editor .view-line").first).to_be_visible()

    async def run(self, tab: str) -> None:
        await self.page.get_by_role("tab", name=tab).click()
        await self.stored("query", f"query {tab} {{")
        await self.page.get_by_role("button", name="Execute query").click()

    async def stored(self, key: str, text: str) -> None:
        async with asyncio.timeout(STEP_SECONDS):
            await self.page.evaluate(STORED, [key, text])

    async def read_answer(self, holds: str) -> dict[str, Any]:
        """The answer as it stands on the page, once it `holds` a text."""
        await expect(self.page.locator(ANSWER)).to_contain_text(holds)
        lines = await self.page.locator(f"{ANSWER} .view-line").evaluate_all(
            "lines => lines.map(line => [parseInt(line.style.top), line.textContent])"
        )
        return json.loads("".join(text for _, text in sorted(lines)).replace("\u00a0", " "))

    async def tabs(self) -> list[str]:
        return await self.page.get_by_role("tab").all_inner_texts()


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        _cannot("Chromium (chromium, chromium-browser or google-chrome) is not on PATH")
    if not files("syndb_graphql").joinpath("web", "index.html").is_file():
        _cannot("the page is not built: run `npm ci && npm run build` in web/")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def visit(chromium: Browser, demo_server: Any) -> AsyncIterator[Visit]:
    """A browser that was never here, before the page is opened."""
    expect.set_options(timeout=STEP_SECONDS * 1000)
    page = await chromium.new_page(viewport=HIGH_PAGE)
    page.set_default_timeout(STEP_SECONDS * 1000)
    await page.add_init_script(
        "addEventListener('securitypolicyviolation', e => console.error(e.violatedDirective, e.blockedURI))"
    )
    visit = Visit(page, demo_server.url)
    visit.hear()
    yield visit
    await page.context.close()


def _cannot(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"The page was NOT tested in a browser: {reason}")
    pytest.skip(f"The page was NOT tested in a browser: {reason}")


async def test_a_visitor_walks_from_data_sets_down_to_synapses(visit: Visit) -> None:
    await visit.open()
    assert visit.page.url == f"{visit.url}/graphql"
    assert await visit.page.title() == "SynDB GraphQL"

    await visit.run("DatasetsToSynapses")
    answer = await visit.read_answer(holds='"1734350788"')

    datasets = {dataset["label"]: dataset for dataset in answer["data"]["datasets"]["nodes"]}
    neurons = datasets["Hemibrain DA1 projection neurons"]["neurons"]["nodes"]
    neuron = next(neuron for neuron in neurons if neuron["sourceId"] == "1734350788")
    assert neuron["cableLength"] == pytest.approx(2131.815, abs=0.01)
    assert neuron["outgoingSynapses"]["totalCount"] == 621
    assert len(neuron["outgoingSynapses"]["nodes"]) == 3
    assert neuron["incomingSynapses"]["totalCount"] == 2084
    assert "errors" not in answer
    assert visit.complaints == []


async def test_the_page_remembers_the_visitors_own_tabs(visit: Visit) -> None:
    await visit.open()
    await expect(visit.page.locator(".syndb-welcome")).to_be_visible()
    examples = await visit.tabs()
    assert examples == [
        "FirstLook",
        "DatasetsToSynapses",
        "ColumnMeanings",
        "OneNeuron",
        "WormConnections",
        "FindDatasets",
        "SearchAndCount",
    ]

    await visit.page.locator(".graphiql-query-editor .view-lines").click()
    await visit.page.keyboard.press("Control+a")
    await visit.page.keyboard.type("query Mine { tables { name } }")
    await expect(visit.page.get_by_role("tab", name="Mine")).to_be_visible()
    await visit.stored("tabState", "Mine")
    await visit.open()

    assert await visit.tabs() == ["Mine", *examples[1:]]
    await visit.page.locator(".syndb-welcome").get_by_role("button", name="First look").click()
    await expect(visit.page.get_by_role("tab", name="FirstLook")).to_be_visible()
    assert await visit.tabs() == ["Mine", *examples[1:], "FirstLook"]
    assert visit.complaints == []


async def test_documentation_history_and_explorer_open(visit: Visit) -> None:
    await visit.open()
    await visit.page.get_by_role("button", name="documentation of the schema").click()
    await expect(visit.page.get_by_role("link", name="Query").first).to_be_visible()
    await visit.page.get_by_role("button", name="Show History").click()
    await expect(visit.page.get_by_role("region", name="History")).to_be_visible()
    await visit.page.get_by_role("button", name="Show GraphiQL Explorer").click()
    await expect(visit.page.get_by_text("neuronRelations").first).to_be_attached()
    assert visit.complaints == []


async def test_the_policy_allows_no_inline_and_no_foreign_script(visit: Visit) -> None:
    response = await visit.page.goto(f"{visit.url}/graphql")
    assert response is not None
    rules = [rule.split() for rule in response.headers["content-security-policy"].split(";") if rule.strip()]
    policy = {name: sources for name, *sources in rules}
    assert policy.get("script-src", policy["default-src"]) == ["'self'"]
    assert policy.get("connect-src", policy["default-src"]) == ["'self'"]
