"""Train the extractor's classifier from pages with gold text, and say how well it does on pages it has not seen.

    python -m bench.train_extractor --pages DIR --truth FILE [--folds 2] [--write FILE]

Pages without gold text are never trained on; with --folds they are measured by the model of the first fold. Folds keep
the pages of one site together. Without --write nothing is written; the shipped table is
gristmill/ingest/html/extractor.npz. Equal input gives equal bytes. Layout of DIR and FILE: see bench/extraction.py.
"""

from __future__ import annotations

import argparse
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from bench.extraction import LabelledPage, read_pages, summarize, tokenize
from bench.extractor_labels import label_blocks
from bench.extractor_trees import Boosting, fit_trees
from gristmill.hashing import uniform
from gristmill.ingest.html._features import FEATURES, N_CONTEXT, N_FEATURES
from gristmill.ingest.html._scan import FIRST_SEGMENT, LAST_SEGMENT, TEXT, VERBATIM
from gristmill.ingest.html._trees import describe_context, predict
from gristmill.ingest.html.facts import read_facts
from gristmill.ingest.html.main_content import Scan, describe_page, render_page, scan_blocks
from gristmill.ingest.html.model import Stage, write_model

FIRST = Boosting(trees=400, depth=5, rate=0.03)
SECOND = Boosting(trees=300, depth=5, rate=0.03, seed=1)
INNER_FOLDS = 4  # the second stage learns from what the first says of pages that it has not seen
WORDS_EXPONENT = 0.75  # of a block's words in its weight: short blocks are most, long ones matter most
MAX_PAGE_WEIGHT = 3.0  # of a page whose boilerplate is many times its gold text, in pages
# Features that are equal for all blocks of a page.
COARSE = frozenset(
    f for f, name in enumerate(FEATURES) if name.partition(".")[0] in ("page", "type", "url", "og")
)


@dataclass(frozen=True)
class Example:
    """A page, its blocks described, and its labels where there are any."""

    page: LabelledPage
    array: Any
    scan: Scan
    facts: Any
    features: Any
    labels: Any = None
    weights: Any = None


def read_example(page: LabelledPage) -> Example:
    """Scan, describe and label a page."""
    from resiliparse.parse.html import HTMLTree

    data = HTMLTree.parse(page.html).document.html.encode("utf-8", "replace")
    array = np.frombuffer(data, np.uint8)
    scan = scan_blocks(array, data.count(b"<"))
    facts = read_facts(data, scan.facts, page.url)
    features = describe_page(array, scan, facts, page.url)
    example = Example(page, array, scan, facts, features)
    if not page.gold or not len(scan.blocks):
        return example
    gold = tokenize(page.gold)
    labels, words = label_blocks([tokenize(_block_text(data, scan, block)) for block in scan.blocks], gold)
    weights = (words + 1.0) ** WORDS_EXPONENT
    surplus = words.sum() / (min(words.sum(), len(gold)) + 100)
    weights *= min(MAX_PAGE_WEIGHT, surplus) / weights.sum()
    return replace(example, labels=labels, weights=weights)


def _block_text(data: bytes, scan: Scan, block: Any) -> str:
    parts = [
        html.unescape(data[start:end].decode("utf-8", "replace")) if kind in (TEXT, VERBATIM) else "\n"
        for start, end, kind in scan.segments[block[FIRST_SEGMENT] : block[LAST_SEGMENT]].tolist()
    ]
    return "".join(parts)


def train(examples: Sequence[Example], seed: int = 0) -> tuple[Stage, Stage]:
    """Both stages from labelled pages."""
    first = _fit(examples, N_FEATURES, replace(FIRST, seed=FIRST.seed + seed))
    folds = assign_folds(examples, INNER_FOLDS, seed + 100)
    for fold in range(INNER_FOLDS):
        held = [e for e, f in zip(examples, folds, strict=True) if f == fold]
        rest = [e for e, f in zip(examples, folds, strict=True) if f != fold]
        stage = _fit(rest, N_FEATURES, replace(FIRST, seed=FIRST.seed + seed)) if held else first
        for e in held:
            describe_context(
                e.scan.elements, e.scan.paths, e.scan.blocks, e.features, predict(e.features, *stage)
            )
    second = _fit(examples, N_FEATURES + N_CONTEXT, replace(SECOND, seed=SECOND.seed + seed))
    return first, second


def _fit(examples: Sequence[Example], n_features: int, settings: Boosting) -> Stage:
    features = np.concatenate([e.features[:n_features] for e in examples], axis=1)
    weights = np.concatenate([e.weights for e in examples])
    labels = np.concatenate([e.labels for e in examples])
    pages = np.repeat(np.arange(len(examples)), [e.labels.size for e in examples])
    return fit_trees(features, labels, weights / weights.mean(), pages, COARSE, settings)


def assign_folds(examples: Sequence[Example], folds: int, seed: int) -> list[int]:
    """A fold for each page; pages of one site share it, and folds are of equal size."""
    sites = [_site(e.page.url) for e in examples]
    order = sorted(set(sites), key=lambda site: (uniform(seed, "extractor", site), site))
    fold_of = {site: place % folds for place, site in enumerate(order)}
    return [fold_of[site] for site in sites]


def _site(url: str) -> str:
    return ".".join((urlsplit(url).hostname or url).split(".")[-2:])


def extract(example: Example, model: tuple[Stage, Stage]) -> str:
    """The text of a page by a model."""
    return render_page(example.array, example.scan, example.facts, example.page.url, model).text


def cross_validate(
    examples: Sequence[Example], others: Sequence[Example], folds: int, seed: int
) -> dict[str, float]:
    """Figures on pages that the model was not trained on; `others` are judged by the model of the first fold."""
    of_fold = assign_folds(examples, folds, seed)
    texts: dict[str, str] = {}
    for fold in range(folds):
        model = train([e for e, f in zip(examples, of_fold, strict=True) if f != fold], seed)
        tested = [e for e, f in zip(examples, of_fold, strict=True) if f == fold]
        for e in (*tested, *(others if fold == 0 else ())):
            texts[e.page.id] = extract(e, model)
    measured = [e.page for e in (*examples, *others)]
    return summarize(measured, [texts[page.id] for page in measured])


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pages", type=Path, required=True, help="folder with ID.html or ID.html.gz")
    parser.add_argument("--truth", type=Path, required=True, help="truth.jsonl(.gz), or its folder")
    parser.add_argument("--folds", type=int, default=0, help="measure by cross-validation with so many folds")
    parser.add_argument("--seed", type=int, default=0, help="of folds and of trees")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="train on all pages with gold text, write FILE"
    )
    options = parser.parse_args(argv)
    examples = [read_example(page) for page in read_pages(options.pages, options.truth)]
    labelled = [e for e in examples if e.labels is not None]
    others = [e for e in examples if e.labels is None]
    if options.folds > 1:
        print(json.dumps(cross_validate(labelled, others, options.folds, options.seed), indent=1))
    if options.write:
        write_model(options.write, train(labelled, options.seed))


if __name__ == "__main__":
    main()
