"""The command line `gristmill`. It does what the UI does, through the same definitions, and reads the same store."""

from __future__ import annotations

import base64
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from gristmill.errors import GristmillError, RecipeError
from gristmill.recipe import Recipe, load_recipe
from gristmill.store import Registry, Store, collect_garbage
from gristmill.store.garbage import GRACE_SECONDS
from resources.home import models_folder, store_folder

app = typer.Typer(
    help="Turn raw text into a pretraining corpus, as a graph of Dagster assets.\n\n"
    "A RECIPE is a YAML file such as recipes/demo.yaml. What is made lies below `var/` in the current folder, or in "
    "the folder that GRISTMILL_HOME names.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

RecipeFile = Annotated[
    Path, typer.Argument(metavar="RECIPE", help="The recipe, a YAML file.", show_default=False)
]
PLAIN_WIDTH = 120  # of tables that go to a file or a pipe
NEAR_ROWS = 4  # layouts are shown that have so many rows more or less than the chosen one

Shard = Annotated[str | None, typer.Option("--shard", metavar="KEY", help="One shard; default: all.")]

_out = Console()
if not _out.is_terminal and "COLUMNS" not in os.environ:
    _out = Console(width=PLAIN_WIDTH)


@app.command()
def build(
    recipe: RecipeFile,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select", metavar="ASSET", help="Build this asset and what it needs; may be repeated."
        ),
    ] = None,
    shard: Shard = None,
) -> None:
    """Build the corpus: whatever is not in the store yet, and nothing twice."""
    from pipelines.progress import showing_progress
    from pipelines.run import build_corpus, selected_steps

    loaded = load_recipe(recipe)
    selected_steps(loaded, select or (), shard)  # a wrong name is told before anything runs
    with showing_progress(_out):
        build_corpus(loaded, select=select or (), shard=shard)


@app.command()
def plan(recipe: RecipeFile) -> None:
    """Say what a build would do, why, and what it would cost; nothing is run or written."""
    from assets.plan import plan as make_plan
    from gristmill.register import expected_shards
    from pipelines.tables import plan_table, plan_totals

    loaded, store = load_recipe(recipe), _store()
    shards, unregistered = expected_shards(loaded, store)
    with _tools(loaded, store) as tools:
        planned = make_plan(loaded, store, shards, tools)
    _out.print(plan_table(planned))
    _out.print(plan_totals(loaded, planned, unregistered))


@app.command()
def status(recipe: RecipeFile) -> None:
    """Show which partitions of which assets are current, stale or missing."""
    from assets.plan import plan as make_plan
    from pipelines.tables import status_table

    loaded, store = load_recipe(recipe), _store()
    shards = Registry(store, loaded.name).shards()
    with _tools(loaded, store) as tools:
        _out.print(status_table(make_plan(loaded, store, shards, tools)))


@app.command()
def show(recipe: RecipeFile) -> None:
    """Show the corpus: the funnel, samples of what models wrote, the mixture, and what to try next."""
    from assets.graph import steps
    from gristmill.report import (
        funnel,
        render_funnel,
        render_repeats,
        render_sample,
        render_yields,
        repeats,
        sample,
        yields,
    )
    from pipelines.tables import mixture_table, next_commands, shards_table

    loaded, store = load_recipe(recipe), _store()
    names = [step.name for step in steps(loaded)]
    _out.print(render_funnel(funnel(store, loaded.name, names)))
    if "deduped" in names:
        _out.print(render_repeats(repeats(store, loaded.name)))
    if "rephrased" in names:
        _out.print(render_yields(yields(store, loaded.name)))
    for name in names:
        if name in ("refined", "rephrased"):
            _out.print(render_sample(name, sample(store, loaded.name, name, count=2)))
    if "mixed" in names:
        _out.print(mixture_table(store, loaded))
        _out.print(shards_table(store, loaded))
    _out.print(next_commands(recipe, loaded))


@app.command()
def sample(
    recipe: RecipeFile,
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="Name of the asset, such as filtered.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="Number of rows.")] = 5,
    shard: Shard = None,
    seed: Annotated[int, typer.Option(help="Another seed, other rows.")] = 0,
) -> None:
    """Print rows of an asset as text; where text was changed, before and after side by side."""
    from gristmill.report import render_sample
    from gristmill.report import sample as take

    loaded = load_recipe(recipe)
    _known_asset(loaded, asset)
    _out.print(render_sample(asset, take(_store(), loaded.name, asset, count=count, shard=shard, seed=seed)))


@app.command()
def trace(
    recipe: RecipeFile,
    name: Annotated[str, typer.Argument(metavar="ID_OR_URL", help="Id of a document, or its address.")],
) -> None:
    """Follow one document through the graph: what each stage decided and where its tokens are."""
    from assets.graph import steps
    from gristmill.report import render_trace
    from gristmill.report import trace as follow

    loaded = load_recipe(recipe)
    names = [step.name for step in steps(loaded)]
    _out.print(render_trace(follow(_store(), loaded.name, name, names)))


@app.command()
def export(
    recipe: RecipeFile,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the token shards go; new or empty.")
    ],
) -> None:
    """Put the token shards, their index and the manifest into a folder for a trainer."""
    from gristmill.mix import export_shards

    loaded, store = load_recipe(recipe), _store()
    exported = export_shards(store, store.current(loaded.name, "mixed", None), folder)
    what = "already has" if exported.unchanged else "has"
    _out.print(
        f"{folder} {what} {exported.tokens:,} tokens of {exported.documents:,} documents:", highlight=False
    )
    for name in exported.files:
        _out.print(f"{(folder / name).stat().st_size:>14,} bytes  {name}", highlight=False)


@app.command()
def bands(
    threshold: Annotated[
        float, typer.Option(help="Jaccard similarity from which texts are duplicates, as in the recipe.")
    ] = 0.8,
    hashes: Annotated[int, typer.Option(min=1, help="Hashes per document, bands times rows, at most.")] = 128,
    recall: Annotated[
        float, typer.Option(help="Wanted chance that a pair at the threshold is compared.")
    ] = 0.99,
    balanced: Annotated[
        bool,
        typer.Option("--balanced", help="Weigh missed pairs and needless comparisons alike instead."),
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the curve of the chosen layout as PNG.")
    ] = None,
) -> None:
    """Choose bands and rows of MinHash for a threshold, and print the lines of a recipe for them."""
    from gristmill.dedup import choose_bands, draw_s_curve, list_layouts
    from pipelines.tables import layouts_table

    wanted = None if balanced else recall
    chosen = choose_bands(threshold, hashes=hashes, recall=wanted)
    layouts = list_layouts(threshold, hashes=hashes, recall=wanted)
    near = [one for one in layouts if abs(one.rows - chosen.rows) <= NEAR_ROWS]
    _out.print(layouts_table(near, chosen))
    _out.print(
        "in vain: mean chance below the threshold; missed: mean chance above it not to be compared. "
        "Lines for the recipe:\n",
        highlight=False,
    )
    _out.print(chosen.recipe_lines(), markup=False, highlight=False)
    if plot is not None:
        image = draw_s_curve(bands=chosen.bands, rows=chosen.rows, threshold=threshold)
        plot.write_bytes(base64.b64decode(image))


@app.command()
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, remove nothing.")] = False,
    grace_hours: Annotated[
        float, typer.Option(min=0, help="Keep what is younger, since a build may be about to use it.")
    ] = GRACE_SECONDS / 3600,
) -> None:
    """Remove from the store what no recipe uses any more. Answers of language models always stay."""
    found = collect_garbage(_store(), grace_seconds=grace_hours * 3600, dry_run=dry_run)
    verb = "would be removed" if dry_run else "removed"
    _out.print(
        f"{found.objects:,} objects ({found.bytes / 1e6:,.1f} MB) {verb}, {found.kept:,} kept",
        highlight=False,
    )


@app.command()
def ui(
    recipes: Annotated[
        list[Path] | None, typer.Argument(metavar="[RECIPE]...", help="Recipes; default: recipes/demo.yaml.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000,
) -> None:
    """Start the Dagster UI with its daemon (schedule, sensor) on 127.0.0.1; Ctrl-C ends it."""
    from pipelines.ui import HOST, running_ui
    from resources.home import recipe_files

    files = recipes or recipe_files()
    for path in files:
        load_recipe(path)
    _out.print("Starting the UI ...")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the block below ends it
    with running_ui(port, files) as process:
        _out.print(f"The UI is at http://{HOST}:{port} (Ctrl-C ends it)", highlight=False)
        try:
            # Polars lets SIGINT restart system calls, so a wait without an end would never see Ctrl-C.
            while process.poll() is None:
                time.sleep(0.2)
        except KeyboardInterrupt:
            _out.print("Stopping ...")


def main() -> None:
    """Run the command line; an error that Gristmill raises on purpose is one message and exit status 1 (recipe: 2)."""
    warnings.filterwarnings("ignore")
    try:
        app()
    except RecipeError as error:
        _fail(error, 2)
    except GristmillError as error:
        _fail(error, 1)
    except BrokenPipeError:  # `gristmill sample ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(error: GristmillError, status: int) -> None:
    Console(stderr=True).print(f"{type(error).__name__}: {error}", style="red", markup=False, highlight=False)
    sys.exit(status)


def _store() -> Store:
    return Store.open(store_folder())


@contextmanager
def _tools(recipe: Recipe, store: Store) -> Iterator[Any]:
    from resources.tools import Tools

    tools = Tools.open(recipe, store, models_folder())
    try:
        yield tools
    finally:
        tools.close()


def _known_asset(recipe: Recipe, asset: str) -> None:
    from pipelines.run import selected_steps

    selected_steps(recipe, [asset], None)
