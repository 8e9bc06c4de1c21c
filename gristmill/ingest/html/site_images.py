"""Images that are on many pages of a host: they are part of the site's design, not of a page's content.

Source: InfiMM-WebMath-40B (arXiv 2409.12568) drops what many pages share; the threshold is not published.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl

Batches = Iterator[tuple[pl.DataFrame, pl.DataFrame]]  # documents, decisions


def without_site_images(batches: Batches, max_pages_per_host: int) -> Batches:
    """The batches of a shard, without images that are on more than so many pages of one host in it.

    Documents: url (String), meta (String, JSON with text_list and image_list where a document has images); all else
    passes through. What is dropped is counted in meta, under images_dropped.site_wide. The batches wait on disk until
    all were seen; memory: about 200 bytes for each image of a page.
    """
    pages: dict[tuple[str, str], int] = defaultdict(int)
    with tempfile.TemporaryDirectory(prefix="gristmill-images-") as folder:
        waiting = []
        for number, (documents, decisions) in enumerate(batches):
            for _, host, meta in _with_images(documents):
                for address in _addresses(meta):
                    pages[host, address] += 1
            paths = Path(folder, f"{number}-documents.arrow"), Path(folder, f"{number}-decisions.arrow")
            documents.write_ipc(paths[0])
            decisions.write_ipc(paths[1])
            waiting.append(paths)
        for documents_path, decisions_path in waiting:
            documents = pl.read_ipc(documents_path)
            yield _drop(documents, pages, max_pages_per_host), pl.read_ipc(decisions_path)
            documents_path.unlink()


def _drop(
    documents: pl.DataFrame, pages: dict[tuple[str, str], int], max_pages_per_host: int
) -> pl.DataFrame:
    metas = documents["meta"].to_list()
    for row, host, meta in _with_images(documents):
        wide = {address for address in _addresses(meta) if pages[host, address] > max_pages_per_host}
        if wide:
            metas[row] = json.dumps(_without(meta, wide), ensure_ascii=False, sort_keys=True)
    return documents.with_columns(pl.Series("meta", metas, dtype=pl.String))


def _with_images(documents: pl.DataFrame) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """(row, host, meta) of the documents that have images."""
    for row, (url, meta) in enumerate(documents.select("url", "meta").iter_rows()):
        if meta and '"image_list"' in meta:
            yield row, _host(url), json.loads(meta)


def _host(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""


def _addresses(meta: dict[str, Any]) -> set[str]:
    return {image["url"] for image in meta["image_list"] if image}


def _without(meta: dict[str, Any], urls: set[str]) -> dict[str, Any]:
    """The meta without these images; the pieces of text around one become one piece."""
    texts: list[str | None] = []
    images: list[dict[str, Any] | None] = []
    dropped = 0
    for text, image in zip(meta["text_list"], meta["image_list"], strict=True):
        if image is not None and image["url"] in urls:
            dropped += 1
        elif text is not None and texts and texts[-1] is not None:
            texts[-1] += "\n\n" + text
        else:
            texts.append(text)
            images.append(image)
    counts = {**meta.get("images_dropped", {}), "site_wide": dropped}
    kept = {key: value for key, value in meta.items() if key not in ("text_list", "image_list")}
    if any(image is not None for image in images):
        kept |= {"text_list": texts, "image_list": images}
    return kept | {"images_dropped": dict(sorted(counts.items()))}
