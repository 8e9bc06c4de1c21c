"""A Stack Exchange dump to documents and decisions: posts per CPU-second, and memory that does not grow with the dump.

Without --dump a dump is written first: posts of about 1 kB with code, lists and entities, two comments for each three
posts, in a seeded mixture. `--mb 1000` is the size that the limit of 500 MB of memory is promised for.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from bench.harness import Case, Measured, Stopwatch, main

MEGABYTES = (60, 240)
SITE = "bench.stackexchange.com"
_WORDS = [
    "the",
    "mill",
    "grinds",
    "grain",
    "into",
    "flour",
    "while",
    "water",
    "turns",
    "its",
    "wheel",
    "and",
    "a",
    "function",
    "returns",
    "some",
    "value",
]
_CODE = "<pre><code>for i in range({n}):\n    if a[i] &lt; b[i] &amp;&amp; c:\n        print(i, a[i])\n</code></pre>"


def read_dump(paths: list[str], mode: str) -> dict[str, float]:
    """Read the files of a dump as stage `raw` does."""
    from gristmill.ingest import read_shard
    from gristmill.ingest.options import StackExchangeSource
    from gristmill.store.registry import Shard, describe_file

    options = StackExchangeSource(kind="stackexchange", inputs=("x",), mode=mode)
    files = tuple(describe_file(Path(path), "/".join(Path(path).parts[-2:])) for path in sorted(paths))
    shard = Shard(1, "bench-0001", "bench", files)
    _warm(options)
    rows = documents = 0
    with Stopwatch() as watch:
        for kept, decisions in read_shard(shard, options):
            rows += decisions.height
            documents += kept.height
    cpu = watch.times["cpu_seconds"]
    megabytes = sum(file.bytes for file in files) / 1e6
    return {
        **watch.times,
        "posts": rows,
        "documents": documents,
        "posts_per_cpu_s": rows / cpu,
        "mb_per_cpu_s": megabytes / cpu,
    }


def read_synthetic(megabytes: int, mode: str) -> dict[str, float]:
    """Write a dump of that size, then read it."""
    with tempfile.TemporaryDirectory(prefix="bench-stackexchange-") as name:
        return read_dump([str(path) for path in write_dump(Path(name), megabytes)], mode)


def write_dump(folder: Path, megabytes: float, seed: int = 1) -> list[Path]:
    """Write Posts.xml and Comments.xml of about that size together; the same seed gives the same bytes."""
    site = folder / SITE
    site.mkdir()
    posts, comments = site / "Posts.xml", site / "Comments.xml"
    count = int(megabytes * 1e6 / 1180)
    posts.write_text("", encoding="utf-8")
    for path, table, rows in (
        (posts, "posts", _posts(count, random.Random(seed))),
        (comments, "comments", _comments(count, random.Random(seed + 1))),
    ):
        with path.open("w", encoding="utf-8") as target:
            target.write(f'\ufeff<?xml version="1.0" encoding="utf-8"?>\n<{table}>\n')
            target.writelines(rows)
            target.write(f"</{table}>\n")
    return [posts, comments]


def _posts(count: int, chance: random.Random) -> Iterator[str]:
    questions: list[int] = [1]
    for number in range(1, count + 1):
        date = f"20{10 + number * 14 // count}-03-01T10:11:12.{number % 1000:03d}"
        common = f'Id="{number}" CreationDate="{date}" Score="{chance.randrange(-2, 40)}" OwnerUserId="{number % 9973}"'
        body = quoteattr(_body(chance))
        if number == 1 or chance.random() < 0.4:
            questions.append(number)
            if len(questions) > 5000:
                del questions[:1000]
            title = quoteattr(_sentence(chance, 8))
            yield f'  <row {common} PostTypeId="1" Title={title} Tags="&lt;mill&gt;&lt;flour&gt;" Body={body} />\n'
        else:
            yield f'  <row {common} PostTypeId="2" ParentId="{chance.choice(questions)}" Body={body} />\n'


def _comments(count: int, chance: random.Random) -> Iterator[str]:
    for number in range(1, 2 * count // 3):
        post = max(1, min(count, number * 3 // 2 - chance.randrange(0, 2000)))
        text = quoteattr(f"@ann {_sentence(chance, 14)}")
        yield f'  <row Id="{number}" PostId="{post}" Score="0" Text={text} UserId="{number % 997}" />\n'


def _body(chance: random.Random) -> str:
    parts = [f"<p>{_sentence(chance, chance.randrange(12, 40))} &amp; <em>more</em></p>" for _ in range(3)]
    parts.insert(1, _CODE.format(n=chance.randrange(1000)))
    parts.append(f"<ul>\n<li>{_sentence(chance, 6)}</li>\n<li><code>x &lt; y</code></li>\n</ul>")
    return "\n\n".join(parts) + "\n"


def _sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words)).capitalize() + "."


def _warm(options: object) -> None:
    """Load what is compiled, which takes no part in the rate."""
    import polars as pl

    from gristmill.ingest.stackexchange import clean_html

    clean_html(pl.Series(["<p>a</p>"]))


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dump", type=Path, nargs="+", help="files of a dump, each in a folder named by the site"
    )
    parser.add_argument("--mb", type=int, nargs="+", default=MEGABYTES, help="MB of dumps to be written")
    parser.add_argument("--mode", choices=("answer", "thread"), nargs="+", default=("answer", "thread"))


def cases(options: argparse.Namespace) -> list[Case]:
    if options.dump:
        paths = [str(path) for path in options.dump]
        return [
            Case(f"{mode}, dump", "bench.stackexchange:read_dump", {"paths": paths, "mode": mode})
            for mode in options.mode
        ]
    return [
        Case(f"{mode}, {size} MB", "bench.stackexchange:read_synthetic", {"megabytes": size, "mode": mode})
        for mode in options.mode
        for size in options.mb
    ]


def _compare(measured: Sequence[Measured]) -> str:
    """How memory grows from the smallest to the largest dump that was written."""
    lines = []
    for mode in ("answer", "thread"):
        found = [m for m in measured if m.case.arguments["mode"] == mode and "megabytes" in m.case.arguments]
        if len(found) > 1:
            first, last = (m.median("peak_bytes") / 1e6 for m in (found[0], found[-1]))
            lines.append(
                f"{mode}: peak {first:.0f} MB for {found[0].case.arguments['megabytes']} MB, "
                f"{last:.0f} MB for {found[-1].case.arguments['megabytes']} MB"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    print(_compare(main(__doc__, cases, add_options=add_options)))
