"""Make the corpus that deduplication is measured on: Debian's documentation, planted copies, and the exact truth.

  python -m bench.make_dedup_corpus --debs DIR --out DIR [--download]

debs: a folder of documentation packages (*.deb of PACKAGES); --download fetches them first with `apt-get download`.
They are read with `dpkg-deb`, nothing is installed. Written:

  corpus.jsonl, corpus.parquet  id, text, url, source, kind: pages and planted documents, shuffled
  shards/000.jsonl ...          the same in eight files
  planted.jsonl                 id, source_ids, kind, param, jaccard with each source
  truth_pairs.jsonl             a, b, jaccard, intersection, union, kind of every pair from Jaccard 0.6 on
  manifest.json                 packages with their digests, counts, digest of corpus.jsonl; also printed

The same packages and arguments give the same bytes: all choices come from digests of stable names. Packages move, so a
figure is to be told with the manifest.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import html.parser
import json
import re
import subprocess
import sys
import tarfile
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.dedup_files import pair
from bench.dedup_planted import PER_KIND, Document, plant, stable_digest
from bench.dedup_truth import count_common, find_pairs, hash_set, list_words

PACKAGES = (
    "debian-handbook", "debian-policy", "debian-reference-en", "developers-reference", "git-doc",
    "libboost1.74-doc", "linux-doc-6.1", "openjdk-17-doc", "postgresql-doc-15", "python3.11-doc",
    "r-base-html", "r-doc-html", "sqlite3-doc",
)  # fmt: skip
SEED = "gristmill-bench-1"
MAX_DOCUMENTS = 17_600  # pages that are kept
MAX_CHARS, MIN_CHARS = 12_000, 400  # of a document; longer pages are cut at blank lines
MAX_PACKAGE_CHARS = 8_000_000
MAX_FILE_BYTES = 3_000_000
TRUTH_PERCENT = 60
SHARDS = 8

_PAGE = re.compile(r"\.(html?|txt|rst|md)(\.gz)?$")
_INDEX_PAGE = re.compile(
    "genindex|search|_index|allclasses|index-all|/src/|constant-values|class-use"  # lists of names
)
_HIDDEN_TAGS = frozenset(["script", "style", "nav", "head", "noscript", "svg", "form", "button"])
_HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
_LISTS = ["ul", "ol", "dl"]
_PARAGRAPH_TAGS = frozenset(
    ["p", "div", "section", "article", "table", "pre", "blockquote", *_HEADINGS, *_LISTS]
)
_LINE_TAGS = frozenset(["li", "dt", "dd", "tr", "header", "footer", "br", "hr", "main", "aside", "figure"])


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Make the corpus, print and return its manifest."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--debs", type=Path, required=True, metavar="DIR", help="folder of packages (*.deb)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the corpus goes")
    parser.add_argument("--download", action="store_true", help="fetch the packages into --debs first")
    parser.add_argument("--documents", type=int, default=MAX_DOCUMENTS, help="pages that are kept at most")
    parser.add_argument("--per-kind", type=int, default=PER_KIND, help="planted documents of each kind")
    parser.add_argument("--seed", default=SEED, help="of all choices")
    given = parser.parse_args(argv)
    if given.download:
        given.debs.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", *PACKAGES], cwd=given.debs, check=True)
    packages = sorted(path for path in given.debs.glob("*.deb") if _package(path) in PACKAGES)
    if not packages:
        raise SystemExit(
            f"--debs {given.debs}: none of {', '.join(PACKAGES)} is there; --download fetches them"
        )
    manifest = {
        "seed": given.seed,
        "packages": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in packages},
        **make_corpus(
            read_pages(packages),
            given.out,
            documents=given.documents,
            per_kind=given.per_kind,
            seed=given.seed,
        ),
    }
    text = json.dumps(manifest, indent=1)
    (given.out / "manifest.json").write_text(text + "\n", encoding="utf-8")
    print(text)
    return manifest


def make_corpus(
    pages: Iterable[Document], out: Path, *, documents: int, per_kind: int, seed: str
) -> dict[str, Any]:
    """Write the corpus of these pages and its truth; returns what the manifest says of it."""
    pages = sorted(pages, key=lambda page: stable_digest("keep", seed, page["id"]))[:documents]
    planted = plant(pages, per_kind=per_kind, seed=seed)
    corpus = pages + [one.document for one in planted]
    corpus.sort(key=lambda document: stable_digest("shuffle", seed, document["id"]))
    digest = _write_corpus(corpus, out)

    sets = [hash_set(document["text"]) for document in corpus]
    place = {document["id"]: i for i, document in enumerate(corpus)}
    kinds: dict[tuple[str, str], str] = {}
    with (out / "planted.jsonl").open("w", encoding="utf-8") as file:
        for one in planted:
            name = one.document["id"]
            shared = [count_common(sets[place[name]], sets[place[source]]) for source in one.source_ids]
            row = {
                "id": name,
                "source_ids": one.source_ids,
                "kind": one.document["kind"],
                "param": one.param,
                "jaccard": [round(common / union, 5) for common, union in shared],
            }
            file.write(json.dumps(row) + "\n")
            kinds |= {pair(name, source): one.document["kind"] for source in one.source_ids}
    pairs = sorted(
        (*pair(corpus[i]["id"], corpus[j]["id"]), common, union)
        for i, j, common, union in find_pairs(sets, percent=TRUTH_PERCENT)
    )
    with (out / "truth_pairs.jsonl").open("w", encoding="utf-8") as file:
        for a, b, common, union in pairs:
            row = {
                "a": a,
                "b": b,
                "jaccard": round(common / union, 5),
                "intersection": common,
                "union": union,
            }
            file.write(json.dumps(row | {"kind": kinds.get((a, b), "natural")}) + "\n")
    return {
        "documents": len(corpus),
        "pages": len(pages),
        "planted": len(planted),
        "text_bytes": sum(len(document["text"].encode()) for document in corpus),
        "words": sum(len(list_words(document["text"])) for document in corpus),
        "true_pairs_from_0.60": len(pairs),
        "true_pairs_from_0.80": sum(5 * common >= 4 * union for _, _, common, union in pairs),
        "corpus_sha256": digest,
    }


# -- pages of packages ------------------------------------------------------------------------------------------


def read_pages(packages: list[Path]) -> Iterator[Document]:
    """Pages of Debian packages, of each in an order of chance up to MAX_PACKAGE_CHARS; no text twice."""
    seen: set[bytes] = set()
    for path in packages:
        package = _package(path)
        files = sorted(_read_files(path), key=lambda file: stable_digest("order", package, file[0]))
        chars = 0
        for name, data in files:
            if chars >= MAX_PACKAGE_CHARS:
                break
            for number, text in enumerate(cut(to_text(name, data), MAX_CHARS)):
                key = hashlib.sha256(text.encode()).digest()
                if len(text) < MIN_CHARS or key in seen:
                    continue
                seen.add(key)
                chars += len(text)
                yield {
                    "id": "b-" + stable_digest("doc", package, name, number),
                    "text": text,
                    "url": f"https://docs.example.org/{package}/{name.lstrip('./')}#{number}",
                    "source": package,
                    "kind": "base",
                }
        print(f"{path.name}: {len(files):,} files, {chars / 1e6:.1f} M characters kept", file=sys.stderr)


def _package(path: Path) -> str:
    return path.name.partition("_")[0]


def _read_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every page in a package."""
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as archive,
    ):
        for member in archive:
            if not (member.isfile() and _PAGE.search(member.name) and member.size < MAX_FILE_BYTES):
                continue
            stream = archive.extractfile(member)
            if _INDEX_PAGE.search(member.name) or stream is None:
                continue
            data = stream.read()
            try:
                name = member.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                yield name, gzip.decompress(data) if name.endswith(".gz") else data
            except (OSError, EOFError, zlib.error):
                continue  # a damaged file is no page
    if process.returncode:
        raise SystemExit(f"{path}: dpkg-deb ended with status {process.returncode}; is it a whole package?")


def to_text(name: str, data: bytes) -> str:
    """Text of a page: tags taken out, white space put in order, composed (NFC)."""
    text = data.decode("utf-8", "replace")
    if re.search(r"\.html?(\.gz)?$", name):
        reader = _TagStripper()
        try:
            reader.feed(text)
            reader.close()
        except AssertionError:  # of html.parser, at a declaration it does not know
            return ""
        text = "".join(reader.parts)
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    lines = (re.sub(r"[ \t\xa0]+", " ", line).strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _TagStripper(html.parser.HTMLParser):
    """Text of HTML, with a blank line at paragraphs and a line break at other blocks; as simple as can be."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = self._verbatim = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in _HIDDEN_TAGS
        self._verbatim += tag == "pre"
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in _HIDDEN_TAGS))
        self._verbatim = max(0, self._verbatim - (tag == "pre"))
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data if self._verbatim else re.sub(r"\s+", " ", data))

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPH_TAGS:
            self.parts.append("\n\n")
        elif tag in _LINE_TAGS:
            self.parts.append("\n")


def cut(text: str, max_chars: int) -> list[str]:
    """A text in pieces of at most about so many characters, cut at blank lines; paragraphs are cut short."""
    if len(text) <= max_chars:
        return [text]
    pieces: list[str] = []
    paragraphs: list[str] = []
    size = 0
    for paragraph in text.split("\n\n"):
        if paragraphs and size + len(paragraph) > max_chars:
            pieces.append("\n\n".join(paragraphs))
            paragraphs, size = [], 0
        paragraphs.append(paragraph[:max_chars])
        size += len(paragraph) + 2
    return [*pieces, "\n\n".join(paragraphs)]


# -- files ------------------------------------------------------------------------------------------------------


def _write_corpus(corpus: list[Document], out: Path) -> str:
    """corpus.jsonl, its shards and corpus.parquet; returns the digest of the first."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (out / "shards").mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(document, ensure_ascii=False).encode() + b"\n" for document in corpus]
    (out / "corpus.jsonl").write_bytes(b"".join(lines))
    size = -(-len(lines) // SHARDS)
    for number in range(SHARDS):
        part = lines[number * size : (number + 1) * size]
        (out / "shards" / f"{number:03d}.jsonl").write_bytes(b"".join(part))
    schema = pa.schema([(name, pa.string()) for name in ("id", "text", "url", "source", "kind")])
    table = pa.Table.from_pylist(corpus, schema=schema)
    pq.write_table(table, out / "corpus.parquet", compression="zstd", row_group_size=1000)
    return hashlib.sha256(b"".join(lines)).hexdigest()


if __name__ == "__main__":
    main()
