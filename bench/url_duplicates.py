"""URL duplicates: how fast URLs are brought into one form, and what the whole job costs as shards are added.

    python -m bench.url_duplicates [--urls FILE] [--documents 2000000] [--peers w3lib,courlan] [--json FILE]

canonical      URLs per CPU-second; FILE has a URL a line, and is repeated up to 400,000; without it they are generated
whole job      generated documents in shards of 200,000 (three in ten have a URL that another one has too, written in
               another way): keys of all shards, the table of those that stay, and what goes of every shard. The keys
               lie in Parquet files, sorted, as in the store. `exact` says whether what stays is what was planted.
The peers do less: w3lib keeps ports, `www.` and trackers; courlan's strict mode drops most parameters.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.harness import Case, Stopwatch, main, timed

PEERS = ["w3lib==2.5.0", "courlan==1.4.0"]
CANONICAL_URLS = 400_000
SLOW_URLS = 40_000  # of them for what takes a URL at a time
SHARD_DOCUMENTS = 200_000
REPEATED = 0.3
WORDS = ("mill", "grain", "flour", "river", "archive", "news", "page", "wheel", "index-of", "2021")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--urls", type=Path, help="a URL a line; default: generated ones")
    parser.add_argument("--documents", type=int, default=0, help="of the whole job; default: without it")


def cases(options: argparse.Namespace) -> list[Case]:
    urls = {"urls": str(options.urls.resolve()) if options.urls else None}
    found = [
        Case("canonical", "bench.url_duplicates:canonical", urls),
        *(
            Case(f"canonical, {name}", f"bench.url_duplicates:{name}", urls, peer=name)
            for name in ("w3lib", "courlan")
        ),
    ]
    if options.documents:
        found.append(Case("whole job", "bench.url_duplicates:whole_job", {"documents": options.documents}))
    return found


def canonical(urls: str | None, count: int = CANONICAL_URLS) -> dict[str, float]:
    """Ours, columns of 16,384 URLs at a time."""
    import polars as pl

    from gristmill.dedup import canonical_urls

    given = pl.Series(read_urls(urls, count))
    canonical_urls(given[:1])  # compiles
    with Stopwatch() as watch:
        written = sum(
            canonical_urls(part.to_series()).count() for part in given.to_frame().iter_slices(16_384)
        )
    return {**watch.times, "urls_per_cpu_second": len(given) / watch.times["cpu_seconds"], "written": written}


def w3lib(urls: str | None) -> dict[str, float]:
    """w3lib.url.canonicalize_url."""
    from w3lib.url import canonicalize_url

    return _one_by_one(canonicalize_url, urls)


def courlan(urls: str | None) -> dict[str, float]:
    """courlan.normalize_url in strict mode."""
    from courlan import normalize_url

    return _one_by_one(lambda url: normalize_url(url, strict=True, trailing_slash=False), urls)


def _one_by_one(write: Callable[[str], Any], urls: str | None) -> dict[str, float]:
    given = read_urls(urls, SLOW_URLS)
    with Stopwatch() as watch:
        for url in given:
            write(url)
    return {**watch.times, "urls_per_cpu_second": len(given) / watch.times["cpu_seconds"]}


def read_urls(path: str | None, count: int) -> list[str]:
    """So many URLs: those of the file, again and again, or generated ones."""
    if path is None:
        return [url_of(number) for number in range(count)]
    given = Path(path).read_text(encoding="utf-8").split("\n")
    return [given[number % len(given)] for number in range(count)]


def url_of(number: int, way: int = 0) -> str:
    """The URL of a page, written in one of many ways."""
    choose, write = random.Random(number), random.Random(f"{number}/{way}")
    path = "/".join(choose.choices(WORDS, k=choose.randint(1, 4)))
    pairs = [f"id={number}", *(["lang=%c3%a9"] if number % 3 else [])]
    if write.random() < 0.3:
        pairs.append(write.choice(["utm_source=mail", "sid=1f", "fbclid=x"]))
    write.shuffle(pairs)
    www, slash = write.choice(["", "www.", "WWW."]), write.choice(["", "/"])
    fragment = write.choice(["", "", "#top"])
    scheme = write.choice(["http", "https", "HTTP"])
    return f"{scheme}://{www}site{number % 999}.example.org/{path}{slash}?{'&'.join(pairs)}{fragment}"


def whole_job(documents: int, shard_documents: int = SHARD_DOCUMENTS) -> dict[str, float]:
    """Keys, winners and losers of generated documents; all of one date, so the last document of each page stays."""
    import polars as pl

    from gristmill.dedup import UrlOptions, find_url_duplicates, key_urls, pick_winners

    options = UrlOptions()
    warm = key_urls(_documents(range(2), 0), options=options)
    list(pick_winners([warm.lazy()], options=options))
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        shards: list[tuple[str, Path]] = []
        pages = int(documents * (1 - REPEATED))
        for first in range(0, documents, shard_documents):
            numbers = range(first, min(documents, first + shard_documents))
            given = _documents((n if n < pages else (n - pages) * 7 % pages for n in numbers), first)
            with timed(seconds, "keys"):
                keys = key_urls(given, options=options).sort("hash_hi", "hash_lo", "row")
                path = Path(folder) / f"{len(shards)}.parquet"
                keys.write_parquet(path, row_group_size=16_384)
            shards.append((f"s{len(shards)}", path))
        table = Path(folder) / "winners.parquet"
        with timed(seconds, "winners"):
            tables = [pl.scan_parquet(path) for _, path in shards]
            pl.concat(pick_winners(tables, options=options)).write_parquet(table)
        names, dropped = [name for name, _ in shards], 0
        with timed(seconds, "losers"):
            for name, path in shards:
                keys = pl.read_parquet(path)
                winners = pl.scan_parquet(table).join(keys.lazy(), on=["hash_hi", "hash_lo"], how="semi")
                found = find_url_duplicates(
                    keys, winners.collect(engine="streaming"), shards=names, shard=name, options=options
                )
                dropped += found.height
    total = sum(seconds.values())
    return {
        "cpu_seconds": total,
        **{f"{name}_cpu_seconds": value for name, value in seconds.items()},
        "documents_per_cpu_second": documents / total,
        "exact": float(dropped == documents - pages),
    }


def _documents(pages: Any, first: int) -> Any:
    import polars as pl

    numbers = list(pages)
    rows = pl.int_range(first, first + len(numbers), eager=True)
    return pl.DataFrame(
        {
            "id": rows.cast(pl.String).str.zfill(32),
            "url": [url_of(number, way) for way, number in enumerate(numbers, first)],
            "date": ["2021-03-04T05:06:07Z"] * len(numbers),
            "text": ["text"] * len(numbers),
        },
        schema_overrides={"id": pl.String, "url": pl.String},
    )


if __name__ == "__main__":
    main(__doc__, cases, add_options=add_options)
