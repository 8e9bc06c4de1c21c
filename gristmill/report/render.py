"""The reports on a terminal, readable at 100 columns.

Functions return rich renderables; who prints decides on width and colour. Text of documents goes through
`gristmill.changes.visible` and into `rich.text.Text`, never through markup, so it can neither style the
report nor drive the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gristmill.changes import Part, changes, cut, one_line, visible
from gristmill.report.funnel import Funnel, StageFunnel
from gristmill.report.trace import TraceStep

MAX_RULES = 4  # drops by rule shown per stage
SIDE_CHARS = 700  # of a text shown beside another one
LINE_CHARS = 300  # of a text shown alone
SAME_CHARS = 120  # of a long unchanged stretch, shown at either end
MAX_FACTS = 10  # values shown of a row
HUNKS = 4  # changed stretches shown per document

_ACTIONS = {
    "keep": "green",
    "edit": "yellow",
    "drop": "red",
    "accepted": "green",
    "rejected": "red",
    "taken": "green",
}
_MARKS = {"removed": "red strike", "added": "green", "same": ""}


# -- funnel -----------------------------------------------------------------------------------------------------


def render_funnel(funnel: Funnel) -> RenderableType:
    """The funnel: rows and tokens per stage, drops by rule, what models cost, documents by source."""
    if not funnel.stages:
        return Text(f"Recipe {funnel.recipe!r} has nothing in the store yet; run: gristmill build")
    title = f"Funnel of {funnel.recipe}: {funnel.shards:,} {'shard' if funnel.shards == 1 else 'shards'}"
    parts: list[RenderableType] = [_stages(funnel, title)]
    if funnel.asking:
        parts.append(_usage(funnel))
    if len({source for stage in funnel.stages for source in stage.sources}) > 1:
        parts.append(_sources(funnel))
    incomplete = [s for s in funnel.stages if s.partitions < s.expected]
    if incomplete:
        named = ", ".join(f"{s.stage} {s.partitions:,} of {s.expected:,} shards" for s in incomplete)
        parts.append(Text(f"Not all is built: {named}.", style="yellow"))
    return Group(*_spaced(parts))


def _stages(funnel: Funnel, title: str) -> Table:
    table = _table(title, "stage", "in", "out", "dropped", "new", "tokens", "", "dropped by rule")
    first = funnel.stages[0]
    for stage in funnel.stages:
        table.add_row(
            stage.stage,
            f"{stage.rows_in:,}",
            Text(f"{stage.rows_out:,}", style="bold"),
            f"{stage.dropped:,}" if stage.dropped else "",
            f"+{stage.new:,}" if stage.new else "",
            f"{stage.tokens:,}" if stage.tokens is not None else "",
            _bar(stage, first),
            _rules(stage.dropped_by_rule),
        )
        for reason, count in stage.not_attempted.items():
            what = one_line(reason).removeprefix("not attempted: ")
            table.add_row(
                "", "", "", "", "", "", "", Text(f"{count:,} not attempted: {what}", style="yellow")
            )
    return table


def _bar(stage: StageFunnel, first: StageFunnel, width: int = 10) -> Text:
    """Tokens left of those at the start, or documents where tokens were not counted."""
    counted = stage.tokens is not None and first.tokens
    part, whole = (stage.tokens or 0, first.tokens or 0) if counted else (stage.rows_out, first.rows_out)
    filled = min(width, round(width * part / whole)) if whole else 0
    return Text("█" * filled, style="cyan") + Text("·" * (width - filled), style="dim")


def _rules(rules: dict[str, int]) -> Text:
    shown = list(rules.items())[:MAX_RULES]
    # `gopher_quality.min_words` without the group: the whole name is in the table of drops and in samples.
    text = ", ".join(f"{one_line(rule).rpartition('.')[2]} {count:,}" for rule, count in shown)
    rest = sum(rules.values()) - sum(count for _, count in shown)
    return Text(f"{text}, others {rest:,}" if rest else text)


def _usage(funnel: Funnel) -> Table:
    table = _table("Language models", "stage", "requests", "prompt tokens", "output tokens", "seconds")
    for stage in funnel.asking:
        if (usage := stage.usage) is not None:
            table.add_row(
                stage.stage,
                f"{usage.requests:,}",
                f"{usage.prompt_tokens:,}",
                f"{usage.output_tokens:,}",
                f"{usage.seconds:,.1f}",
            )
    return table


def _sources(funnel: Funnel) -> Table:
    """Documents per source and stage, and the tokens that are left at the end."""
    split = [stage for stage in funnel.stages if stage.sources]
    table = _table("By source", "source", *(stage.stage for stage in split), "tokens at the end")
    last = split[-1]
    for source in dict.fromkeys(source for stage in split for source in stage.sources):
        counts = [stage.sources.get(source) for stage in split]
        tokens = last.sources[source].tokens if source in last.sources else 0
        table.add_row(
            source,
            *(f"{count.documents:,}" if count else "0" for count in counts),
            f"{tokens:,}" if tokens is not None else "",
        )
    return table


def render_repeats(rows: Sequence[dict[str, Any]]) -> RenderableType:
    """What `repeats` returned: how much of each shard an earlier one has already."""
    table = _table("Repeats", "shard", "documents", "repeats", "exact", "near", "share")
    for row in rows:
        table.add_row(
            row["shard"],
            f"{row['documents']:,}",
            row["of"],
            f"{row['exact']:,}",
            f"{row['near']:,}",
            f"{100 * row['share']:.1f} %",
        )
    return table


def render_yields(rows: Sequence[dict[str, Any]]) -> RenderableType:
    """What `yields` returned: how much of what was rephrased is taken, by style."""
    table = _table(
        "Rephrasings", "style", "answered", "accepted", "share", "output tokens", "rejected most often as"
    )
    for row in rows:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in row["rejected"].items())
        table.add_row(
            row["style"],
            f"{row['answered']:,}",
            f"{row['accepted']:,}",
            f"{100 * row['share']:.1f} %",
            f"{row['output_tokens']:,}",
            reasons,
        )
    return table


# -- sample -----------------------------------------------------------------------------------------------------


def render_sample(asset: str, rows: Sequence[dict[str, Any]]) -> RenderableType:
    """Rows that `sample` returned; texts are cut, and the cut says what is missing."""
    if not rows:
        return Text(f"{asset}: nothing to show")
    shows = {"drop": _show_drop, "pair": _show_pair, "edit": _show_edit, "rephrase": _show_rephrasing}
    parts: list[RenderableType] = [shows.get(row["kind"], _show_row)(row) for row in rows]
    return Group(Text(f"{asset}: {len(rows)} of its rows", style="bold"), Text(), *_spaced(parts))


def _show_drop(row: dict[str, Any]) -> RenderableType:
    return Group(_head(row, "drop", _judgement(row)), _plain(row["text"]))


def _show_pair(row: dict[str, Any]) -> RenderableType:
    similarity = f", similarity {_number(row['similarity'])}" if row["similarity"] is not None else ""
    kept = {"id": row["kept_id"], "shard": row["kept_shard"], "url": row["kept_url"]}
    title = Text(one_line(f"{row['rule']}{similarity}"), style="bold")
    heads = _head(row, "drop", ""), _head(kept, "keep", "")
    if row["text"] is None or row["kept_text"] is None:
        pair = _pair_table(*heads)
        pair.add_row(_plain(row["text"], SIDE_CHARS), _plain(row["kept_text"], SIDE_CHARS))
        return Group(title, pair)
    return Group(title, _beside(row["text"], row["kept_text"], heads))


def _show_edit(row: dict[str, Any]) -> RenderableType:
    parts: list[RenderableType] = [_head(row, row["action"], _judgement(row))]
    parts += [_program(program) for program in row["programs"]]
    if row["after"] is None or row["before"] is None:
        return Group(*parts, _plain(row["before"]))
    heads = Text("before", style="bold"), Text("after", style="bold")
    return Group(*parts, _beside(row["before"], row["after"], heads))


def _program(program: dict[str, Any]) -> Text:
    """`chunk 0, applied: remove_lines(...)`, one call a line."""
    facts = [f"chunk {program['chunk']}"] if "chunk" in program else []
    facts += [str(program[name]) for name in ("outcome", "reason") if program.get(name) is not None]
    text = Text(one_line(", ".join(facts)) + (": " if facts else ""), style="dim")
    written = visible(cut(str(program.get("program") or "").strip(), SIDE_CHARS))
    return text.append(written.replace("\n", "\n    "), style="magenta")


def _beside(before: str, after: str, heads: tuple[Text, Text]) -> RenderableType:
    """Two texts with what differs marked, a row per changed stretch."""
    hunks, rest = changes(before, after)
    table = _pair_table(*heads)
    if not hunks:
        table.add_row(_plain(before), Text("(the same text)", style="dim"))
        return table
    for hunk in hunks[:HUNKS]:
        _skip(table, hunk.skipped)
        table.add_row(_marked(hunk.before), _marked(hunk.after))
    hidden = len(hunks) - HUNKS
    if hidden > 0:
        table.add_row(Text(f"… {hidden:,} more changes", style="dim"), "")
    else:
        _skip(table, rest)
    return table


def _marked(parts: Sequence[Part]) -> Text:
    """Parts in their colours. Long unchanged ones are cut in the middle, so that the change stays in sight."""
    text = Text()
    room = SIDE_CHARS
    for part in parts:
        shown = _middle_cut(part.text) if part.kind == "same" else part.text
        text.append(visible(shown[: max(0, room)]), style=_MARKS[part.kind])
        room -= len(shown)
    if room < 0:
        text.append(f" … ({-room:,} more characters)", style="dim")
    text.rstrip()
    return text


def _middle_cut(text: str) -> str:
    left_out = len(text) - 2 * SAME_CHARS
    return (
        text if left_out <= 0 else f"{text[:SAME_CHARS]} … ({left_out:,} characters) … {text[-SAME_CHARS:]}"
    )


def _skip(table: Table, lines: int) -> None:
    if lines > 0:
        table.add_row(Text(f"… {lines:,} unchanged {'line' if lines == 1 else 'lines'}", style="dim"), "")


def _show_rephrasing(row: dict[str, Any]) -> RenderableType:
    judged = f"{row['style']}, passage {row['passage']}" + (f": {row['reason']}" if row["reason"] else "")
    table = _pair_table(Text("source", style="bold"), Text("rephrased", style="bold"))
    before = _plain(row["before"], SIDE_CHARS)
    if row.get("spans"):
        before = _quoted(row["before"], row["spans"], SIDE_CHARS)
    table.add_row(before, _plain(row["after"], SIDE_CHARS))
    return Group(_head(row, row["outcome"], judged), table)


def _quoted(text: str, spans: Sequence[Sequence[int]], limit: int) -> Text:
    """The beginning of a text, with the places that are quoted marked."""
    shown, at = Text(), 0
    for start, end in sorted((start, end) for start, end in spans):
        start, end = max(start, at), min(end, limit)
        if start < end:
            shown.append(visible(text[at:start]))
            shown.append(visible(text[start:end]), style="bold underline")
            at = end
    shown.append(visible(cut(text[at:], limit - at)))
    return shown


def _show_row(row: dict[str, Any]) -> RenderableType:
    facts = {name: value for name, value in row.items() if name not in ("kind", "id", "text", "shard", "url")}
    parts: list[RenderableType] = [_head(row, None, ""), _facts(facts)]
    if row.get("text") is not None:
        parts.append(_plain(row["text"]))
    return Group(*parts)


# -- trace ------------------------------------------------------------------------------------------------------


def render_trace(steps: Sequence[TraceStep]) -> RenderableType:
    """The steps of a document, one below the other; those of documents made from it are set in."""
    parts: list[RenderableType] = []
    for (child, key), group in groupby(steps, key=lambda step: (step.child, step.id)):
        title = f"  made from it: {key}" if child else key
        parts.append(Group(Text(title, style="bold"), *(_step(step) for step in group)))
    return Group(*_spaced(parts))


def _step(step: TraceStep) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=18)
    grid.add_column(ratio=1, overflow="fold")
    indent = "    " if step.child else "  "
    body: list[RenderableType] = [Text(one_line(_said(step)), style=_ACTIONS.get(step.outcome, ""))]
    if step.facts:
        body.append(_facts(step.facts))
    body += [_record(row) for row in step.rows]
    if step.text is not None:
        body.append(_plain(step.text))
    grid.add_row(Text(indent + step.stage), Group(*body))
    return grid


def _said(step: TraceStep) -> str:
    judged = _judgement({"rule": step.rule, "value": step.value, "bound": step.bound})
    said = f"{step.outcome}: {judged}" if judged else step.outcome
    return f"{said}; {cut(step.detail, LINE_CHARS)}" if step.detail else said


def _record(row: dict[str, Any]) -> Text:
    return Text("- ", style="dim").append_text(_facts(row))


# -- pieces -----------------------------------------------------------------------------------------------------


def _table(title: str, first: str, *others: str) -> Table:
    """A plain table: the first column is text, the others numbers, unless they are named for something else."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in others:
        if name == "dropped by rule":
            table.add_column(name, overflow="fold")
        else:
            table.add_column(name, justify="right" if name else "left", no_wrap=bool(name == ""))
    return table


def _pair_table(left: Text, right: Text) -> Table:
    table = Table(box=box.SIMPLE, expand=True, pad_edge=False, show_edge=False, show_header=False)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(ratio=1, overflow="fold")
    table.add_row(left, right, end_section=True)
    return table


def _head(row: dict[str, Any], action: str | None, judgement: str) -> Text:
    """`drop gopher_min_words: 12 (allowed 50)  web-0001  https://...`."""
    text = Text()
    if action:
        text.append(one_line(action), style=_ACTIONS.get(action, "")).append(" ")
    if judgement:
        text.append(one_line(judgement) + "  ", style="bold")
    text.append(row.get("id") or "", style="dim")
    for name in ("shard", "url"):
        if row.get(name):
            text.append(f"  {cut(one_line(row[name]), 100)}", style="blue" if name == "url" else "dim")
    return text


def _judgement(row: dict[str, Any]) -> str:
    """`rule: 12 (allowed 50)`; empty for an untouched document."""
    if row.get("rule") is None:
        return ""
    value = f": {_number(row['value'])}" if row.get("value") is not None else ""
    bound = f" (allowed {_number(row['bound'])})" if row.get("bound") is not None else ""
    return f"{row['rule']}{value}{bound}"


def _facts(facts: dict[str, Any]) -> Text:
    """`name value  name value`, the first few of them; nulls and empty lists are left out."""
    present = [(name, value) for name, value in facts.items() if value is not None and value != []]
    text = Text()
    for name, value in present[:MAX_FACTS]:
        text.append(f"{one_line(name)} ", style="dim")
        text.append(cut(one_line(_number(value)), LINE_CHARS) + "  ")
    if len(present) > MAX_FACTS:
        text.append(f"and {len(present) - MAX_FACTS} more", style="dim")
    text.rstrip()
    return text


def _plain(text: str | None, limit: int = LINE_CHARS) -> Text:
    """The beginning of a text, blank lines left out."""
    if text is None:
        return Text("(the text is not in the store)", style="dim")
    shown = cut(text, limit)
    lines: Iterable[str] = (line.rstrip() for line in visible(shown).split("\n"))
    return Text("\n".join(line for line in lines if line))


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _spaced(parts: Sequence[RenderableType]) -> list[RenderableType]:
    """The parts with an empty line between them."""
    return [piece for part in parts for piece in (part, Text())][:-1]
