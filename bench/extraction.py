"""Main-content extraction against trafilatura and Resiliparse: word F1, snippets, pages per CPU-second.

    python -m bench.extraction --pages DIR --truth FILE_OR_DIR [--peers trafilatura,resiliparse] [--json FILE]

DIR holds ID.html or ID.html.gz; the truth is JSON Lines (truth.jsonl, .gz) with id, source, url, page_type,
main_content (null where only snippets are known), snippets_with, snippets_without. All systems run in this process,
one after the other, on one core, on the same decoded text; only the call is timed, as CPU time, after one call that
loads the system. F1 is WCXB's: multisets of \\w+ of the lower-cased text, its mean over pages; Chinese and Japanese are
counted by character. Snippets are looked for in lower case with white space normalised.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

PEERS = ["trafilatura>=2.3"]
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff"
_TOKENS = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


@dataclass(frozen=True)
class LabelledPage:
    """A page with what is known of its main content."""

    id: str
    source: str
    url: str
    page_type: str
    html: str
    gold: str | None
    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]


def read_pages(pages: Path, truth: Path) -> list[LabelledPage]:
    """The pages of a benchmark, in the order of its truth."""
    from gristmill.ingest.charset import decode_text

    if truth.is_dir():
        truth = next(path for path in sorted(truth.iterdir()) if path.name.startswith("truth.jsonl"))
    found = []
    for line in _read(truth).decode("utf-8").splitlines():
        row = json.loads(line)
        path = next(p for s in (".html.gz", ".html") if (p := pages / f"{row['id']}{s}").exists())
        html, _ = decode_text(_read(path), None, html=True)
        found.append(
            LabelledPage(
                row["id"],
                row["source"],
                row["url"],
                row.get("page_type") or "article",
                html,
                row.get("main_content"),
                tuple(row.get("snippets_with") or ()),
                tuple(row.get("snippets_without") or ()),
            )
        )
    return found


def tokenize(text: str) -> list[str]:
    """Words of the lower-cased text; characters of Chinese and Japanese."""
    return _TOKENS.findall(text.lower())


# Has what loads the code for formulas too, so that no page is charged for the start of the process.
_WARM_UP = "<html><head><script src=/mathjax/tex-chtml.js></script></head><body><p>It is \\(x^2\\).</p></body></html>"


def word_f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    """F1 of two multisets of words."""
    overlap = sum((Counter(predicted) & Counter(gold)).values())
    return 2 * overlap / (len(predicted) + len(gold)) if overlap else 0.0


def summarize(pages: Iterable[LabelledPage], texts: Iterable[str]) -> dict[str, float]:
    """Mean F1 by source and page type, share of snippets found that are wanted (recall) and unwanted (leak)."""
    scores: dict[str, list[float]] = defaultdict(list)
    hits: dict[str, list[bool]] = defaultdict(list)
    for page, text in zip(pages, texts, strict=True):
        if page.gold:
            value = word_f1(tokenize(text), tokenize(page.gold))
            scores[f"{page.source} F1"].append(value)
            scores[f"{page.source} {page.page_type}"].append(value)
        plain = _plain(text)
        hits[f"{page.source} recall"] += [_plain(snippet) in plain for snippet in page.wanted]
        hits[f"{page.source} leak"] += [_plain(snippet) in plain for snippet in page.unwanted]
    return {name: statistics.fmean(values) for name, values in (*scores.items(), *hits.items()) if values}


def systems(names: Sequence[str]) -> dict[str, Callable[[LabelledPage], str]]:
    """What is measured, by name; a peer that is not installed is skipped, and that is said."""
    from gristmill.ingest.html import extract_page
    from gristmill.ingest.options import HtmlOptions

    options = HtmlOptions()
    plain = HtmlOptions(formulas=False)
    found: dict[str, Callable[[LabelledPage], str]] = {
        "gristmill": lambda page: extract_page(page.html, options, url=page.url).text,
        "gristmill, no formulas": lambda page: extract_page(page.html, plain, url=page.url).text,
    }
    for name in names:
        if name not in _PEERS:
            raise SystemExit(f"--peers: got {name!r}, known are {', '.join(sorted(_PEERS))}")
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed, it is skipped")
            continue
        found[name] = _PEERS[name]()
    return found


def _trafilatura() -> Callable[[LabelledPage], str]:
    from trafilatura import extract

    return lambda page: extract(page.html, url=page.url) or ""


def _resiliparse() -> Callable[[LabelledPage], str]:
    from resiliparse.extract.html2text import extract_plain_text

    return lambda page: extract_plain_text(page.html, main_content=True, preserve_formatting=True)


_PEERS = {"trafilatura": _trafilatura, "resiliparse": _resiliparse}


def measure(pages: Sequence[LabelledPage], extract: Callable[[LabelledPage], str]) -> dict[str, Any]:
    """Run a system over all pages: quality, CPU seconds, the slowest page."""
    for page in (pages[0], replace(pages[0], html=_WARM_UP)):
        extract(page)
    texts, seconds = [], []
    for page in pages:
        started = time.process_time()
        texts.append(extract(page))
        seconds.append(time.process_time() - started)
    total = max(sum(seconds), 1e-9)
    size = sum(len(page.html.encode("utf-8", "replace")) for page in pages)
    return summarize(pages, texts) | {
        "pages per CPU s": len(pages) / total,
        "MB per CPU s": size / 1e6 / total,
        "slowest page s": max(seconds),
    }


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _read(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def _print(measured: dict[str, dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Main-content extraction", title_justify="left")
    table.add_column("")
    for name in measured:
        table.add_column(name, justify="right")
    for figure in dict.fromkeys(figure for figures in measured.values() for figure in figures):
        table.add_row(figure, *(f"{figures.get(figure, float('nan')):,.3f}" for figures in measured.values()))
    Console().print(table)


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pages", type=Path, required=True, help="folder with ID.html or ID.html.gz")
    parser.add_argument("--truth", type=Path, required=True, help="truth.jsonl(.gz), or its folder")
    parser.add_argument("--peers", default="", help="comma-separated: trafilatura, resiliparse")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    options = parser.parse_args(argv)
    pages = read_pages(options.pages, options.truth)
    names = [name for name in options.peers.split(",") if name]
    measured = {name: measure(pages, extract) for name, extract in systems(names).items()}
    _print(measured)
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    return measured


if __name__ == "__main__":
    main()
