"""The Dagster UI as a person sees it: in a real browser, on a small corpus, with the daemon running.

Screenshots go to the folder that GRISTMILL_SCREENSHOTS names. Without Chromium the tests skip.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from gristmill.recipe import load_recipe
from gristmill.store import Registry, Store
from pipelines.run import build_corpus
from pipelines.ui import running_ui
from tests.corpora import CPU_ONLY, prose, write_corpus, write_jsonl, write_recipe

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.ui,
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)"
    ),
]

BUILD_SECONDS = 240.0


class Ui:
    """A running UI, its corpus and a browser page."""

    def __init__(self, port: int, recipe: Path, home: Path, page: Any) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.recipe, self.home, self.page = load_recipe(recipe), home, page
        self.store = Store.open(home / "store")
        self.folder = recipe.parent

    def open(self, path: str, text: str) -> None:
        """Go to a page and wait until a text is on it."""
        self.page.goto(f"{self.address}{path}", wait_until="domcontentloaded")
        self.page.get_by_text(text, exact=False).first.wait_for(timeout=90_000)

    def picture(self, name: str) -> None:
        """Save what is seen now, when it has settled."""
        folder = os.environ.get("GRISTMILL_SCREENSHOTS")
        if folder:
            self.page.wait_for_timeout(3_000)
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))

    def query(self, text: str, **variables: Any) -> Any:
        """Ask Dagster's GraphQL."""
        data = json.dumps({"query": text, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.address}/graphql", data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def runs(self) -> list[dict[str, Any]]:
        """All runs, the newest first."""
        return self.query("{runsOrError{... on Runs{results{runId status tags{key value}}}}}")["runsOrError"][
            "results"
        ]

    def wait(self, found: Callable[[], Any], what: str, seconds: float = BUILD_SECONDS) -> Any:
        """Wait until `found` gives something true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := found():
                return value
            time.sleep(1.0)
        pytest.fail(f"{what}: not seen in {seconds:.0f} s; runs: {self.runs()}")


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    from playwright.sync_api import sync_playwright

    home = tmp_path_factory.mktemp("home")
    schedule = {"sensor_seconds": 5, "settle_seconds": 1.0}
    recipe = write_corpus(tmp_path_factory.mktemp("corpus"), schedule=schedule)
    # The schedule has a recipe of its own: it would register the file that the sensor is to find.
    sources = {"web": None, "prose": {"landing": None}}
    timed = write_recipe(
        recipe.with_name("timed.yaml"),
        name="timed",
        sources=sources,
        schedule={"cron": "* * * * *"},
        **CPU_ONLY,
    )
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("GRISTMILL_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        patch.setenv(
            "GRISTMILL_MODELS", os.environ.get("GRISTMILL_MODELS", str(Path("var/models").absolute()))
        )
        build_corpus(load_recipe(recipe))
        port = _free_port()
        process = stack.enter_context(running_ui(port, [recipe, timed]))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        stack.callback(browser.close)
        page = browser.new_page(viewport={"width": 1600, "height": 1100})
        yield Ui(port, recipe, home, page)
    deadline = time.monotonic() + 20.0
    while _alive_in_group(process.pid) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not _alive_in_group(process.pid)


def test_the_asset_graph_shows_every_stage(ui: Ui) -> None:
    nodes = ui.query("{assetNodes{groupName assetKey{path}}}")["assetNodes"]
    names = {"/".join(node["assetKey"]["path"]) for node in nodes}
    stages = (
        "raw",
        "filtered",
        "deduped",
        "refined",
        "rephrased",
        "scored",
        "selected",
        "mixed",
        "catalogue",
    )
    assert {f"small/{stage}" for stage in stages} <= names
    expanded = ",".join(f"global@global:{group}" for group in sorted({node["groupName"] for node in nodes}))
    ui.open(f"/asset-groups?expanded={expanded}", "rephrased")
    for name in ("raw", "filtered", "refined", "mixed"):
        assert ui.page.get_by_text(name, exact=True).count() >= 1
    ui.picture("graph")


def test_an_asset_shows_its_figures_samples_and_plot(ui: Ui) -> None:
    ui.open("/assets/small/refined?view=partitions&partition=prose-0001", "rows_in")
    assert ui.page.get_by_text("fingerprint").count() >= 1
    assert ui.page.get_by_text("before").count() >= 1  # the table of samples, before and after
    ui.picture("refined")
    ui.open("/assets/small/filtered?view=partitions&partition=web-0001", "dropped_by_rule")
    ui.page.get_by_text("Show Markdown").first.click()
    plot = ui.page.get_by_role("dialog").locator("img")
    plot.first.wait_for(timeout=20_000)
    assert plot.first.evaluate("image => image.naturalWidth") > 100
    ui.picture("plot")


def test_checks_of_every_partition_are_shown(ui: Ui) -> None:
    ui.open("/assets/small/filtered?view=checks", "conservation")
    ui.page.get_by_text("conservation").first.click()
    ui.picture("checks")
    assert ui.page.get_by_text("unique_ids").count() >= 1


def test_a_click_materializes_one_partition(ui: Ui) -> None:
    before = {run["runId"] for run in ui.runs()}
    ui.open("/assets/small/filtered?view=partitions&partition=prose-0002", "rows_in")
    ui.page.get_by_role("button", name="Materialize").first.click()
    launch = ui.page.get_by_role("dialog").get_by_role("button", name="Launch 1 run")  # the page's partition
    launch.wait_for(timeout=30_000)
    ui.picture("launch")
    launch.click()

    def finished() -> list[dict[str, Any]]:
        clicked = [
            run for run in ui.runs() if run["runId"] not in before and _partitions(run) == {"prose-0002"}
        ]
        return [run for run in clicked if run["status"] == "SUCCESS"]

    assert ui.wait(finished, "the run that was clicked")


def test_a_file_that_lands_is_registered_and_built_by_itself(ui: Ui) -> None:
    write_jsonl(ui.folder / "landing" / "new.jsonl.gz", prose()[60:80])

    def built() -> Any:
        keys = [shard.key for shard in Registry(ui.store, "small").shards()]
        return "prose-0003" in keys and ui.store.ref("small", "rephrased", "prose-0003")

    assert ui.wait(built, "the shard that landed")
    ui.wait(
        lambda: any(_sensor(run) == "landing_small" and run["status"] == "SUCCESS" for run in ui.runs()),
        "its run",
    )
    documents = ui.store.scan(ui.store.current("small", "raw", "prose-0003"), "documents").collect()
    assert documents.height == 20
    ui.open("/runs", "landing_small")
    ui.picture("runs")


def test_the_schedule_fires(ui: Ui) -> None:
    fired = ui.wait(
        lambda: [
            run
            for run in ui.runs()
            if run["status"] == "SUCCESS" and _tag(run, "dagster/schedule_name") == "nightly_timed"
        ],
        "the schedule",
    )
    assert fired
    assert ui.store.ref("timed", "deduped", "prose-0001")
    ui.open("/automation", "nightly_timed")
    ui.picture("automation")


def _alive_in_group(group: int) -> list[str]:
    """Names of the processes of a group that still run; what has ended and waits for its parent does not."""
    alive = []
    for process in psutil.process_iter(["name", "status"]):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process.pid) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                alive.append(process.info["name"])
    return alive


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tag(run: dict[str, Any], key: str) -> str | None:
    return next((tag["value"] for tag in run["tags"] if tag["key"] == key), None)


def _sensor(run: dict[str, Any]) -> str | None:
    return _tag(run, "dagster/sensor_name")


def _partitions(run: dict[str, Any]) -> set[str]:
    keys = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    return {value for key in keys if (value := _tag(run, key))}
