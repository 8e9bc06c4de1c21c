"""What the command line prints of plans, states and mixtures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from assets.plan import Planned
from gristmill.dedup import Layout
from gristmill.recipe import Recipe
from gristmill.store import Store

MIXTURE_COLUMNS = (
    "source",
    "kind",
    "share_asked",
    "share_got",
    "tokens_available",
    "tokens_asked",
    "tokens_got",
    "documents_available",
    "documents_written",
    "epochs",
)
SHOWN_AT = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)  # similarities in a table of layouts
FACT_CHECK = ", fact check"  # behind the name of the asset
_STYLES = {"current": "green", "cached": "cyan", "run": "yellow", "waits": "dim"}
_WORDS = {"current": "current", "cached": "in the store", "run": "to be made", "waits": "after others"}


def plan_table(planned: Sequence[Planned]) -> Table:
    """A row per asset and state, with the reasons."""
    table = Table(title="Plan", title_justify="left", header_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("asset")
    table.add_column("state")
    table.add_column("shards", justify="right")
    table.add_column("expected", justify="right")
    table.add_column("why", overflow="fold")
    for name in _names(planned):
        for state in _STYLES:
            these = [p for p in planned if p.step.name == name and p.state == state]
            if these:
                known = [p.seconds for p in these if p.seconds is not None]
                expected = f"{sum(known):,.0f} s" if known and state in ("run", "waits") else ""
                table.add_row(
                    name, f"[{_STYLES[state]}]{_WORDS[state]}[/]", str(len(these)), expected, _reasons(these)
                )
    return table


def plan_totals(recipe: Recipe, planned: Sequence[Planned], unregistered: int) -> str:
    """The sums below a plan: partitions by state, and what the language models may cost at most."""
    states = Counter(p.state for p in planned)
    lines = [f"{count:,} {_WORDS[state]}" for state, count in sorted(states.items())]
    text = f"{len(planned):,} partitions: {', '.join(lines)}."
    if unregistered:
        text += f"\n{unregistered:,} input files are new or changed and will be registered."
    for work, model, budget in _asking(recipe):
        stage = work.removesuffix(FACT_CHECK)
        pending = sum(p.step.name == stage and p.after is None for p in planned)
        if pending:
            most = _budget(budget, pending)
            text += f"\n{work}: at most {most} of model {model!r}; cached answers cost nothing."
    return text


def _asking(recipe: Recipe) -> Iterator[tuple[str, str, Any]]:
    """Stages that ask a language model shard by shard: (asset, model, budget); FACT_CHECK marks a part of one."""
    refine, rephrase = recipe.refine, recipe.rephrase
    if refine is not None and refine.document is not None:
        yield "document_kept", refine.document.model or refine.model, refine.document.budget
    if refine is not None:
        yield "refined", refine.model, refine.budget
    if rephrase is not None:
        yield "rephrased", rephrase.model, rephrase.budget
        if (fact_check := rephrase.fact_check) is not None:
            yield f"rephrased{FACT_CHECK}", fact_check.model or rephrase.model, fact_check.budget
    for name, rater in recipe.raters.items():
        yield f"scores/{name}", rater.model, rater.budget


def status_table(planned: Sequence[Planned]) -> Table:
    """A row per asset: how many partitions are current, stale, missing; rows, bytes, and when the last was made."""
    table = Table(title="Status", title_justify="left", header_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("asset")
    for column in ("current", "stale", "missing", "rows", "MB"):
        table.add_column(column, justify="right")
    table.add_column("last made")
    for name in _names(planned):
        these = [p for p in planned if p.step.name == name]
        made = [p.before for p in these if p.before is not None]
        current = sum(p.state == "current" for p in these)
        stale = sum(p.state != "current" and p.before is not None for p in these)
        main = [("documents" if "documents" in m.schemas else next(iter(m.schemas), ""), m) for m in made]
        table.add_row(
            name,
            f"[green]{current}[/]" if current else "",
            f"[yellow]{stale}[/]" if stale else "",
            f"[red]{len(these) - current - stale}[/]" if len(these) - current - stale else "",
            f"{sum(m.rows(t) for t, m in main):,}",
            f"{sum(m.bytes for m in made) / 1e6:,.2f}",
            max((m.run["at"] for m in made), default="")[:16].replace("T", " "),
        )
    return table


def mixture_table(store: Store, recipe: Recipe) -> Table:
    """Tokens of each group of the mixture, asked for and got, and the files."""
    manifest = store.current(recipe.name, "mixed", None)
    rows: list[dict[str, Any]] = manifest.figures["mixture"]
    table = Table(title="Mixture", title_justify="left", header_style="bold", box=box.SIMPLE_HEAD)
    for column in MIXTURE_COLUMNS:
        table.add_column(
            column.replace("_", " "), justify="left" if column in ("source", "kind") else "right"
        )
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in MIXTURE_COLUMNS))
    return table


def shards_table(store: Store, recipe: Recipe) -> Table:
    """The files of the corpus with their digests: two builds that agree here are the same, byte for byte."""
    manifest = store.current(recipe.name, "mixed", None)
    table = Table(title="Token shards", title_justify="left", header_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("file")
    table.add_column("bytes", justify="right")
    table.add_column("digest")
    for entry in manifest.files:
        if entry.rows is None:
            table.add_row(entry.table, f"{entry.bytes:,}", entry.digest)
    return table


def next_commands(path: Path, recipe: Recipe) -> str:
    """What a newcomer may try after a build."""
    lines = [
        ("look at the graph in the Dagster UI", f"gristmill ui {path}"),
        ("why pages were dropped", f"gristmill sample {path} filtered"),
        ("what the model changed", f"gristmill sample {path} refined") if recipe.refine else None,
        ("change a threshold in a copy of the recipe, then", "gristmill plan my.yaml"),
        ("token shards for a trainer", f"gristmill export {path} out") if recipe.mix else None,
    ]
    shown = [line for line in lines if line]
    width = max(len(command) for _, command in shown)
    return "[bold]Next[/]\n" + "\n".join(f"  {command:<{width}}  [dim]# {what}[/]" for what, command in shown)


def _names(planned: Sequence[Planned]) -> list[str]:
    return list(dict.fromkeys(p.step.name for p in planned))


def _reasons(planned: Sequence[Planned]) -> str:
    counted = Counter(p.reason for p in planned if p.reason)
    if len(counted) == 1:
        return next(iter(counted))
    shown = [f"{reason} ({count})" for reason, count in counted.most_common(3)]
    return "; ".join(shown) + ("; ..." if len(counted) > 3 else "")


def _budget(budget: Any, shards: int) -> str:
    parts = []
    for name in ("prompt_tokens", "output_tokens"):
        limit = getattr(budget, name) if budget is not None else None
        parts.append(
            f"{limit * shards:,} {name.replace('_', ' ')}"
            if limit is not None
            else f"any number of {name.replace('_', ' ')}"
        )
    return " and ".join(parts)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def layouts_table(layouts: Sequence[Layout], chosen: Layout) -> Table:
    """Layouts of MinHash bands: the chance that pairs of a similarity are compared, the chosen one marked."""
    table = Table(
        title="Chance that two texts of this Jaccard similarity are compared",
        title_justify="left",
        header_style="bold",
        box=box.SIMPLE_HEAD,
    )
    for column in ("bands x rows", "hashes", *(f"{s:g}" for s in SHOWN_AT), "in vain", "missed"):
        table.add_column(column, justify="right")
    for one in layouts:
        chances = (*map(one.chance, SHOWN_AT), one.compared_in_vain, one.missed)
        mark = "* " if one == chosen else ""
        table.add_row(
            f"{mark}{one.bands} x {one.rows}",
            str(one.hashes),
            *(f"{chance:.4f}" for chance in chances),
            style="bold" if mark else "",
        )
    return table
