"""The plan of a rephrasing: passages of a shard, their styles, what the budget admits, and the requests.

The plan holds numbers per passage only (about 100 bytes), because a budget is spent over the whole shard:
passages are taken in an order that depends on the seed and their names alone, so a cut of the shard into
batches changes nothing. The texts are read a second time, batch by batch, for the requests. Who gets which style is
decided in routing.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from gristmill import documents as model
from gristmill.hashing import random_u64
from gristmill.llm.budget import admit
from gristmill.llm.requests import Request
from gristmill.rephrase.code.seeds import split_seeds
from gristmill.rephrase.nemotron_cc import COMPAT_MARGIN_TOKENS, split_segments_compat
from gristmill.rephrase.options import RephraseOptions
from gristmill.rephrase.passages import CountTokens, Passage, split_passages
from gristmill.rephrase.prose import sentence_share
from gristmill.rephrase.routing import (
    PROGRAMMING_LANGUAGE,
    Layout,
    draw_layout,
    layouts_of,
    reassembles,
    wanting_styles,
)
from gristmill.rephrase.style_options import StyleOptions
from gristmill.rephrase.styles import Messages, Template, assign_style, template_of

ACCEPTED, REJECTED, PASSED_THROUGH, NOT_ATTEMPTED = "accepted", "rejected", "passed_through", "not_attempted"
FRAGMENTS = "fragments"  # why a passage is passed through: headings, key words, lines of output
SHORT = "short"  # why another one is: below min_segment_tokens

CountPromptTokens = Callable[[list[Messages]], list[int]]
Key = tuple[str, int, int, str]  # parent id, passage, sample, style

PLANNED: model.Schema = {
    "parent_id": pl.String,
    "passage": pl.Int32,  # number in the document, from 0; each style numbers its own where all are assigned
    "n_passages": pl.Int32,
    "sample": pl.Int32,
    "start": pl.Int64,  # the passage is text[start:end], in characters
    "end": pl.Int64,
    "spans": pl.List(pl.Int64),  # of its lines (compat), or of its imports and code; else null
    "tokens": pl.Int32,  # of the passage
    "hard_split": pl.Boolean,  # a sentence, or a block of code, above the limit was cut
    "programming_language": pl.String,  # of a seed of code, else null
    "style": pl.String,  # null for what is passed through, where one style is assigned to a passage
    "prompt_tokens": pl.Int32,  # expected, with the template
    "max_output_tokens": pl.Int32,
    "outcome": pl.String,  # null: to be sent to the model
    "reason": pl.String,
}

_BATCH_DOCUMENTS = 64  # documents whose sentences are counted in one call
_CHARS_PER_TOKEN = 32  # no text of so many characters has fewer tokens, white space in masses aside
_TOKENS_PER_MESSAGE = 8  # marks of a chat template around a message, where the caller counts no prompts
_SEED_BITS = 31  # servers take seeds as signed integers


@dataclass(frozen=True)
class Plan:
    """What is to be done with a shard: a table PLANNED, in the order of the documents, and counts."""

    options: RephraseOptions
    passages: pl.DataFrame
    documents: int  # seen
    not_eligible: dict[str, int]  # documents left alone, by "source", "language", "style" or "short"

    def figures(self) -> dict[str, Any]:
        """Documents seen, documents left alone, passages by what is planned, tokens at most."""
        to_send = self.passages.filter(pl.col("outcome").is_null())
        return {
            "documents": self.documents,
            "not_eligible": dict(self.not_eligible),
            "passages": self.passages.height,
            "requests": to_send.height,
            "prompt_tokens": int(to_send["prompt_tokens"].cast(pl.Int64).sum()),
            "max_output_tokens": int(to_send["max_output_tokens"].cast(pl.Int64).sum()),
        }


@dataclass(frozen=True)
class Planned:
    """One passage to be sent to the model."""

    parent_id: str
    passage: int
    sample: int
    style: str
    source_text: str
    request: Request
    programming_language: str | None = None  # of a seed of code

    @property
    def key(self) -> Key:
        """The name under which `accept_passages` looks for the answer."""
        return (self.parent_id, self.passage, self.sample, self.style)


def plan_passages(
    documents: pl.DataFrame | Iterable[pl.DataFrame],
    options: RephraseOptions,
    *,
    count_tokens: CountTokens,
    count_prompt_tokens: CountPromptTokens | None = None,
) -> Plan:
    """The plan for a shard: passages, their styles, and which of them the budget admits.

    Columns in: id, text, source, lang, what the styles' `where` reads, and `meta` where one takes code. `count_tokens`
    counts texts without special tokens, `count_prompt_tokens` whole chats with the model's template (without it, 8
    tokens are added per message); the latter is asked once per style, so expected prompt tokens may be off by the few
    that a tokenizer joins, or that name a language. A text without a passage (empty, white space) has no row.
    Deterministic; any cut into batches gives the same.
    """
    batches = [documents] if isinstance(documents, pl.DataFrame) else documents
    overheads = _overheads(options, count_tokens, count_prompt_tokens)
    planner = _Planner(options, overheads, layouts_of(options, overheads), count_tokens)
    frames = [planner.plan(part) for batch in batches for part in batch.iter_slices(_BATCH_DOCUMENTS)]
    passages = pl.concat(frames, rechunk=True) if frames else model.empty(PLANNED)
    return Plan(options, _spend_budget(passages, options), planner.seen, planner.not_eligible)


def planned_requests(plan: Plan, documents: pl.DataFrame) -> list[Planned]:
    """The requests for these documents, in the order of the plan. Columns in: id, text."""
    texts = dict(zip(documents["id"], documents["text"], strict=True))
    styles = {style.name: style for style in plan.options.styles}
    templates = {name: template_of(style) for name, style in styles.items()}
    planned = []
    for row in rows_of(plan, documents):
        if row["outcome"] is None:
            source_text = text_of(row, texts[row["parent_id"]])
            request = _request(row, source_text, styles[row["style"]], templates[row["style"]], plan.options)
            planned.append(
                Planned(
                    row["parent_id"],
                    row["passage"],
                    row["sample"],
                    row["style"],
                    source_text,
                    request,
                    row["programming_language"],
                )
            )
    return planned


def text_of(row: Mapping[str, Any], text: str) -> str:
    """The passage of a planned row, out of the text of its document."""
    spans = row["spans"]
    if spans is None:
        return text[row["start"] : row["end"]]
    return "\n".join(text[start:end] for start, end in zip(spans[::2], spans[1::2], strict=True))


def rows_of(plan: Plan, documents: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of the plan for these documents, in the order of the plan."""
    return plan.passages.filter(pl.col("parent_id").is_in(documents["id"].implode())).to_dicts()


def _overheads(
    options: RephraseOptions, count_tokens: CountTokens, count_prompt_tokens: CountPromptTokens | None
) -> dict[str, int]:
    """Tokens of each style's prompt without a passage."""
    chats = [template_of(style).messages("") for style in options.styles]
    if count_prompt_tokens is not None:
        counts = count_prompt_tokens(chats)
    else:
        counts = [
            sum(count_tokens([content for _, content in chat])) + _TOKENS_PER_MESSAGE * len(chat)
            for chat in chats
        ]
    return {style.name: count for style, count in zip(options.styles, counts, strict=True)}


class _Planner:
    """Plans documents batch by batch, and counts those that are left alone."""

    def __init__(
        self,
        options: RephraseOptions,
        overheads: Mapping[str, int],
        layouts: Mapping[str, Layout],
        count_tokens: CountTokens,
    ) -> None:
        self._options, self._overheads, self._layouts = options, overheads, layouts
        self._count_tokens = count_tokens
        self.seen = 0
        self.not_eligible = {"source": 0, "language": 0, "style": 0, SHORT: 0}

    def plan(self, documents: pl.DataFrame) -> pl.DataFrame:
        """Rows of the plan for these documents."""
        self.seen += documents.height
        documents = self._of_chosen_columns(documents)
        ids, texts = documents["id"].to_list(), documents["text"].fill_null("").to_list()
        chosen = [self._choose(*given) for given in zip(ids, texts, self._wanting(documents), strict=True)]
        languages = self._programming_languages(documents)
        found = self._split(texts, languages, chosen)
        rows: list[dict[str, Any]] = []
        for index, (parent_id, text, groups) in enumerate(zip(ids, texts, chosen, strict=True)):
            for layout, styles in groups.items():
                passages = found[layout][index]
                of_document = {
                    "parent_id": parent_id,
                    "n_passages": len(passages),
                    "programming_language": languages[index] if layout.cut == "code" else None,
                }
                for number, passage in passages:
                    rows += self._rows(of_document, text, number, passage, layout, styles)
        return model.frame(rows, PLANNED)

    def _of_chosen_columns(self, documents: pl.DataFrame) -> pl.DataFrame:
        """The documents of the chosen sources and languages."""
        for reason, column, allowed in (
            ("source", "source", self._options.sources),
            ("language", "lang", self._options.languages),
        ):
            if allowed is not None:
                kept = documents.filter(pl.col(column).is_in(list(allowed)))
                self.not_eligible[reason] += documents.height - kept.height
                documents = kept
        return documents

    def _wanting(self, documents: pl.DataFrame) -> list[list[StyleOptions]]:
        """Per document the styles that want it and that it is long enough for."""
        wanting = wanting_styles(documents, self._options)
        self.not_eligible["style"] += wanting.count([])
        least = max(style.limit("min_document_tokens") for style in self._options.styles)
        if not least:
            return wanting
        heads = [text[: _CHARS_PER_TOKEN * least] for text in documents["text"].fill_null("")]
        long_enough = []
        for styles, tokens in zip(wanting, self._count_tokens(heads) if heads else [], strict=True):
            fitting = [style for style in styles if tokens >= style.limit("min_document_tokens")]
            self.not_eligible[SHORT] += bool(styles) and not fitting
            long_enough.append(fitting)
        return long_enough

    def _choose(
        self, parent_id: str, text: str, wanting: list[StyleOptions]
    ) -> dict[Layout, list[StyleOptions]]:
        """The styles that a document gets, by layout; those of one layout where one is assigned."""
        options = self._options
        if wanting and text and options.assign == "one":
            wanting = draw_layout(
                wanting, self._layouts, parent_id, seed=options.seed, balance=options.balance
            )
        groups: dict[Layout, list[StyleOptions]] = {}
        for style in wanting:
            groups.setdefault(self._layouts[style.name], []).append(style)
        return groups

    def _split(
        self,
        texts: Sequence[str],
        languages: Sequence[str | None],
        chosen: Sequence[dict[Layout, list[StyleOptions]]],
    ) -> dict[Layout, dict[int, list[tuple[int, Passage]]]]:
        """Passages with their numbers, by layout and by the document's place in the batch."""
        members: dict[Layout, list[int]] = {}
        for index, groups in enumerate(chosen):
            for layout in groups:
                members.setdefault(layout, []).append(index)
        found = {}
        for layout, indices in members.items():
            of_layout = [texts[index] for index in indices]
            if layout.style is not None:
                passages = [self._segments(text, layout) for text in of_layout]
            elif layout.cut == "code":
                seeds = split_seeds(
                    of_layout,
                    [languages[index] for index in indices],
                    self._count_tokens,
                    max_tokens=layout.max_tokens,
                    min_tokens=layout.min_tokens,
                )
                passages = [list(enumerate(of_text)) for of_text in seeds]
            else:
                split = split_passages(
                    of_layout,
                    self._count_tokens,
                    max_tokens=layout.max_tokens,
                    min_tokens=layout.min_tokens,
                    skip_blocks=layout.skip_blocks,
                    cut=layout.cut,
                )
                passages = [list(enumerate(of_text)) for of_text in split]
            found[layout] = dict(zip(indices, passages, strict=True))
        return found

    def _programming_languages(self, documents: pl.DataFrame) -> list[str | None]:
        """Per document; null where no style asks for it."""
        if not any(style.writes_code for style in self._options.styles):
            return [None] * documents.height
        return documents.select(PROGRAMMING_LANGUAGE).to_series().to_list()

    def _segments(self, text: str, layout: Layout) -> list[tuple[int, Passage]]:
        (style,) = (style for style in self._options.styles if style.name == layout.style)
        segments = split_segments_compat(
            text,
            self._count_tokens,
            min_document_tokens=style.limit("min_document_tokens"),
            min_segment_tokens=style.limit("min_segment_tokens"),
            max_segment_tokens=layout.max_tokens - COMPAT_MARGIN_TOKENS,
        )
        return [
            (s.number, Passage(s.spans[0][0], s.spans[-1][1], s.tokens, "prose", False, s.spans))
            for s in segments
        ]

    def _rows(
        self,
        of_document: dict[str, Any],
        text: str,
        number: int,
        passage: Passage,
        layout: Layout,
        styles: list[StyleOptions],
    ) -> list[dict[str, Any]]:
        """One row for each style and sample; one for what is passed through."""
        options = self._options
        parent_id = of_document["parent_id"]
        facts = {
            **of_document,
            "passage": number,
            "start": passage.start,
            "end": passage.end,
            "spans": [place for span in passage.spans for place in span] or None,
            "tokens": passage.tokens,
            "hard_split": passage.hard_split,
        }
        assigns_all = options.assign == "all"
        if not assigns_all and (reason := _why_passed_through(text, passage, layout, options)) is not None:
            return [{**facts, "sample": 0, "outcome": PASSED_THROUGH, "reason": reason}]
        if not assigns_all:
            key = parent_id if layout.reassemble else f"{parent_id}:{number}"
            styles = [assign_style(styles, key, seed=options.seed, balance=options.balance)]
        rows: list[dict[str, Any]] = []
        for style in styles:
            reason = _why_passed_through(text, passage, layout, options)
            if reason is None and passage.tokens < style.limit("min_segment_tokens"):
                reason = SHORT
            if reason is not None:
                named = style.name if assigns_all else None
                rows.append(
                    {**facts, "style": named, "sample": 0, "outcome": PASSED_THROUGH, "reason": reason}
                )
                continue
            facts_of_style = {
                "style": style.name,
                "prompt_tokens": self._overheads[style.name] + passage.tokens,
                "max_output_tokens": _max_output_tokens(passage, style, options),
            }
            rows += [{**facts, **facts_of_style, "sample": sample} for sample in range(options.samples)]
        return rows


def _why_passed_through(text: str, passage: Passage, layout: Layout, options: RephraseOptions) -> str | None:
    """The kind of a block that is not rephrased, "fragments" for too few sentences; None for what is rephrased."""
    if passage.kind != "prose":
        return passage.kind
    least = options.min_sentence_share
    if (
        least is not None
        and layout.style is None
        and layout.cut != "code"
        and sentence_share(text[passage.start : passage.end]) < least
    ):
        return FRAGMENTS
    return None


def _max_output_tokens(passage: Passage, style: StyleOptions, options: RephraseOptions) -> int:
    allowed = style.max_output_tokens or style.defaults.max_output_tokens
    if allowed is None:
        allowed = max(
            options.output_min, math.ceil(options.output_factor * passage.tokens) + options.output_extra
        )
    return allowed if options.output_max is None else min(allowed, options.output_max)


def _spend_budget(passages: pl.DataFrame, options: RephraseOptions) -> pl.DataFrame:
    """Outcome not_attempted for what the budget does not admit.

    What is admitted together: all samples of a passage in a style; with `reassemble`, all of a document in it.
    """
    if options.budget is None:
        return passages
    joined = {style.name for style in options.styles if reassembles(style, options)}
    groups: dict[str, list[int]] = {}
    columns = passages.select(
        "parent_id", "passage", "style", "outcome", "prompt_tokens", "max_output_tokens"
    )
    # A second request, if the first was cut off, has the same prompt and is allowed twice as much.
    asked, allowed = (2, 3) if options.retry_cut_off else (1, 1)
    costs: list[tuple[int, int]] = []
    for index, (parent_id, passage, style, outcome, prompt, output) in enumerate(columns.iter_rows()):
        costs.append(((prompt or 0) * asked, (output or 0) * allowed))
        if outcome is None:
            name = parent_id if style in joined else f"{parent_id}:{passage}"
            groups.setdefault(f"{name}:{style}" if options.assign == "all" else name, []).append(index)
    order = sorted(groups, key=lambda name: (random_u64(options.seed, "rephrase", name), name))
    admitted = admit([[costs[index] for index in groups[name]] for name in order], options.budget)
    left_out = {
        index for name, taken in zip(order, admitted, strict=True) if not taken for index in groups[name]
    }
    is_left_out = pl.Series([index in left_out for index in range(passages.height)], dtype=pl.Boolean)
    return passages.with_columns(
        pl.when(is_left_out).then(pl.lit(NOT_ATTEMPTED)).otherwise(pl.col("outcome")).alias("outcome"),
        pl.when(is_left_out).then(pl.lit("budget")).otherwise(pl.col("reason")).alias("reason"),
    )


def _request(
    row: dict[str, Any], source_text: str, style: StyleOptions, template: Template, options: RephraseOptions
) -> Request:
    temperature, top_p = style.sampling
    name = f"{row['parent_id']}:{row['passage']}:{row['style']}:{row['sample']}"
    return Request(
        prompt=template.messages(source_text, row["programming_language"]),
        max_tokens=row["max_output_tokens"],
        temperature=temperature,
        top_p=top_p,
        seed=random_u64(options.seed, "rephrase.sampling", name) >> (64 - _SEED_BITS),
        constraint=None,
        sample=row["sample"],
    )
