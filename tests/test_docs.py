"""The documents are true: every command runs, every recipe key and command is described, every link leads somewhere.

`make demo` is run once, for real: with the language model, from the sample input, into a new home. The other commands
run against what it made, in the order in which they stand on their page.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from gristmill.reference import recipe_markdown, recipe_schema
from pipelines.cli import app

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])

SENT = re.compile(r"\d cached, [1-9][\d,]* sent;")  # what a build says of requests that went to a model

# Commands that other tests run, or that a test cannot: what proves them instead.
ELSEWHERE = {
    "git clone": "the clone that these tests stand in",
    "cd gristmill": "the same",
    "make demo": "the fixture `demo`",
    "make test": "the tests themselves",
    "make check": ".ci/run",
    "make ui": "tests/ui",
    "gristmill ui": "tests/ui",
    "make bench": "tests/bench",
    "scripts/bench": "tests/bench",
}


def commands(page: Path) -> list[str]:
    """The commands of the console blocks of a page: from `$ ` to the next one, comments cut off."""
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    found = [command for block in blocks for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [re.sub(r"\s+# .*$", "", command).strip() for command in found]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a home in which `make demo` was run."""
    home = tmp_path_factory.mktemp("demo")
    environment = {
        **os.environ,
        "GRISTMILL_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "GRISTMILL_MODELS": os.environ.get("GRISTMILL_MODELS") or str(ROOT / "var" / "models"),
        "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "COLUMNS": "120",
    }
    done = run("make demo", environment)
    assert SENT.search(done), "no request was sent to the model"
    return environment


def run(command: str, environment: dict[str, str]) -> str:
    """Run a command line in the project's folder; it must succeed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.llm
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_runs(page: Path, demo: dict[str, str]) -> None:
    for command in commands(page):
        if not any(command.startswith(start) for start in ELSEWHERE):
            run(command, demo)


@pytest.mark.slow
@pytest.mark.llm
def test_a_second_demo_asks_nothing_and_gives_the_same_bytes(demo: dict[str, str]) -> None:
    manifest = Path(demo["GRISTMILL_HOME"]) / "store" / "refs" / "demo" / "mixed" / "global.json"
    before = manifest.read_text()
    shown = run("make demo", demo)
    assert "mixed: cached" in shown
    assert not SENT.search(shown)
    assert manifest.read_text() == before


def test_every_command_is_described() -> None:
    described = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    missing = [name for name in get_command(app).commands if f"gristmill {name}" not in described]  # type: ignore[attr-defined]
    assert not missing


def test_the_recipe_reference_is_what_the_code_says() -> None:
    assert (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8") == recipe_markdown()
    assert json.loads((ROOT / "docs" / "recipe.schema.json").read_text(encoding="utf-8")) == recipe_schema()


def test_links_lead_to_files() -> None:
    links = [
        (page, link)
        for page in PAGES
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    ]
    broken = [
        f"{page.name}: {link}"
        for page, link in links
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert not broken
