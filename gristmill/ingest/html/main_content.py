"""The main content of a parsed page, by our own engine.

lexbor's tree is serialised, which normalises it; one pass over its bytes finds the blocks of text (`_scan`), which are
described by numbers (`_features`) and judged by two stages of trees (`_trees`): the second sees what the first said of
the blocks around. Those blocks are kept that maximise the F1 to be expected, and written as text (`_render`).
Everything is linear in the page but for its depth, which is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from gristmill.ingest.html._features import compare_texts, describe_blocks
from gristmill.ingest.html._render import render_blocks
from gristmill.ingest.html._rules import LEAST_CHANCE, SURE_QUALITY, agree_on_paths, apply_rules
from gristmill.ingest.html._scan import (
    CONTAINER,
    DEEPEST,
    FORMULAS,
    IMAGES,
    IN_PRE,
    STATE,
    WORDS,
    scan_page,
)
from gristmill.ingest.html._trees import choose_blocks, choose_rows, describe_context, predict
from gristmill.ingest.html.facts import PRODUCT_TYPES, Facts, declare_kind, read_facts
from gristmill.ingest.html.model import Stage, shipped_model
from gristmill.ingest.html.vocabulary import vocabulary

_MIN_HIDDEN_BYTES = 500  # less text than this never replaces what is shown
_MAX_SHOWN_BYTES = 600  # a page that shows more than this has its content in what it shows
_HIDDEN_RATIO = 4
_MIN_DATA_WORDS = 30
_DATA_RATIO = 3  # words in JSON-LD for one that is shown: the page is filled in by its scripts
_MIN_DESCRIPTION_PAIRS = 8
_SAID_SHARE = 0.5  # of the pairs of words of a description that is taken to be shown
_MAX_SECOND_BLOCKS = 50_000  # a page with more is judged by the first stage alone, to be done in a second
_IMAGE_WEIGHT = 0.01  # words that a block without any counts for


class Scan(NamedTuple):
    """Arrays of `_scan.scan_page`."""

    elements: Any
    marks: Any
    paths: Any
    names: Any
    blocks: Any
    segments: Any
    facts: Any
    sizes: Any


@dataclass(frozen=True, slots=True)
class MainContent:
    """What was found. `quality`: the F1 that the classifier expects, 0..1; None where it was not asked."""

    text: str
    facts: Facts
    quality: float | None
    code_blocks: int
    from_data: bool  # the text is of the page's JSON-LD or description, not of its body


def extract_main_content(
    serialised: str, *, url: str | None, max_depth: int, main_content: bool = True, markdown: bool = False
) -> MainContent | None:
    """The text of a page from its serialised tree; with `main_content=False` all that is shown.

    None where an element has more than `max_depth` - 1 others around it.
    """
    data = serialised.encode("utf-8", "replace")
    array = np.frombuffer(data, np.uint8)
    scan = scan_blocks(array, data.count(b"<"))
    if scan.sizes[DEEPEST] > max_depth:
        return None
    facts = read_facts(data, scan.facts, url)
    return render_page(array, scan, facts, url, shipped_model() if main_content else None, markdown=markdown)


def render_page(
    array: Any,
    scan: Scan,
    facts: Facts,
    url: str | None,
    model: tuple[Stage, Stage] | None,
    *,
    markdown: bool = False,
) -> MainContent:
    """The text of the blocks that a model chooses; without a model, of all."""
    keep, quality = np.ones(scan.blocks.shape[0], np.bool_), None
    if model is not None and scan.blocks.shape[0]:
        keep, quality = keep_blocks(scan, judge_blocks(scan, describe_page(array, scan, facts, url), model))
    data_text = None if model is None else _text_of_data(facts, int(scan.blocks[keep, WORDS].sum()))
    if data_text is not None:
        return MainContent(data_text, facts, 0.0, 0, True)
    text = render_blocks(array, scan.elements, scan.blocks, scan.segments, keep, markdown).tobytes()
    containers = scan.blocks[keep, CONTAINER]
    code = np.unique(containers[(scan.elements[containers, STATE] & IN_PRE) != 0]).size
    rendered = text.decode("utf-8", "replace")
    if model is not None and facts.types & PRODUCT_TYPES and facts.texts:
        rendered = _with_description(rendered, facts.texts[0])
    return MainContent(rendered, facts, quality, code, False)


def scan_blocks(array: Any, tags: int) -> Scan:
    """The blocks of a serialised page; of its <noscript>, or what it hides, where it shows next to nothing else."""
    tables = vocabulary()
    scan = Scan(*scan_page(array, tags, *tables, False, False))
    shown, in_noscript, hidden, _ = scan.sizes.tolist()
    use_noscript = in_noscript > max(shown, _MIN_HIDDEN_BYTES)
    use_hidden = (
        not use_noscript
        and shown < _MAX_SHOWN_BYTES
        and hidden > max(_HIDDEN_RATIO * shown, _MIN_HIDDEN_BYTES)
    )
    if use_noscript or use_hidden:
        scan = Scan(*scan_page(array, tags, *tables, use_noscript, use_hidden))
    return scan


def describe_page(array: Any, scan: Scan, facts: Facts, url: str | None) -> Any:
    """The features of its blocks; see `_features.describe_blocks`."""
    body = np.frombuffer("\n".join(facts.texts).encode("utf-8", "replace"), np.uint8)
    summary = np.frombuffer((facts.description or "").encode("utf-8", "replace"), np.uint8)
    told = compare_texts(array, scan.blocks, scan.segments, body, summary)
    declared = np.array(declare_kind(facts, url), np.float32)
    return describe_blocks(scan.elements, scan.marks, scan.paths, scan.blocks, told, declared)


def judge_blocks(scan: Scan, features: Any, model: tuple[Stage, Stage]) -> Any:
    """Probability of each block that it is main content."""
    first, second = model
    chance = predict(features, *first)
    if chance.size <= _MAX_SECOND_BLOCKS:
        describe_context(scan.elements, scan.paths, scan.blocks, features, chance)
        # The second stage follows the page's structure more closely, the first the block: together they err less.
        chance = (chance + predict(features, *second)) / 2
    apply_rules(features, chance)
    agree_on_paths(features, scan.paths, scan.blocks, chance)
    return chance


def keep_blocks(scan: Scan, chance: Any) -> tuple[Any, float]:
    """The blocks to keep, and the F1 to be expected of them. Rows of tables stay whole; images go with their text."""
    blocks = scan.blocks
    keep, quality = choose_blocks(chance, blocks[:, WORDS] + _IMAGE_WEIGHT)
    if quality > SURE_QUALITY:
        keep &= chance >= LEAST_CHANCE
    choose_rows(scan.elements, blocks, keep)
    _keep_beside(blocks, keep)
    return keep, float(quality)


def _keep_beside(blocks: Any, keep: Any) -> None:
    """Keep images alone where the blocks before and after are kept, formulas where one of them is."""
    alone = np.flatnonzero((blocks[:, IMAGES] > 0) & (blocks[:, WORDS] == 0))
    formulas = np.flatnonzero((blocks[:, FORMULAS] > 0) & ~keep)
    places = np.flatnonzero((blocks[:, WORDS] > 0) & (blocks[:, FORMULAS] == 0))
    for wanted, asked in ((formulas, np.logical_or), (alone, np.logical_and)):
        if wanted.size:
            at = np.searchsorted(places, wanted)
            before, after = np.zeros(wanted.size, np.bool_), np.zeros(wanted.size, np.bool_)
            before[at > 0] = keep[places[at[at > 0] - 1]]
            after[at < places.size] = keep[places[at[at < places.size]]]
            keep[wanted] = asked(before, after)


def _with_description(text: str, description: str) -> str:
    """A product's text, and its description in JSON-LD where the page shows it only when it is asked to."""
    words, shown = description.lower().split(), text.lower().split()
    pairs = list(pairwise(words))
    if len(pairs) < _MIN_DESCRIPTION_PAIRS:
        return text
    known = set(pairwise(shown))
    said = sum(pair in known for pair in pairs)
    return f"{text.rstrip()}\n\n{description}" if said < _SAID_SHARE * len(pairs) else text


def _text_of_data(facts: Facts, shown_words: int) -> str | None:
    """The text that the page only has in its data, where it shows hardly any."""
    texts = facts.texts or ([facts.description] if facts.description else [])
    words = sum(len(text.split()) for text in texts)
    if facts.texts and words >= _MIN_DATA_WORDS and words > _DATA_RATIO * shown_words:
        return "\n\n".join(texts)
    return "\n\n".join(texts) if texts and shown_words == 0 else None
