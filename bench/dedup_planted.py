"""Documents made of others in known ways, so that it is known which of them deduplication should find.

Kinds: `exact`; `noise` (case, punctuation and white space only); `edit` (a share of the words replaced, dropped or
added); `shuffle` (paragraphs in another order); `prefix` (the text cut short); `wrap` (the text between another header
and footer); `chain` (a copy, an edit of it, and an edit of that); `quote` (a part of one document in the middle of
another). All choices come from digests of stable names, so they depend on nothing but the pages and the seed.
"""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import dataclass

from bench.dedup_truth import list_words

PER_KIND = 150
MAX_VOCABULARY = 60_000
KINDS: tuple[tuple[str, float], ...] = (
    ("exact", 0), ("noise", 0), ("edit", 0.01), ("edit", 0.02), ("edit", 0.05), ("edit", 0.10), ("edit", 0.20),
    ("shuffle", 0), ("prefix", 0.9), ("prefix", 0.75), ("prefix", 0.5), ("wrap", 0), ("chain", 0.02), ("quote", 0.3),
)  # fmt: skip

Document = dict[str, str]  # id, text, url, source, kind


@dataclass(frozen=True)
class Planted:
    """A planted document, and what it was made of."""

    document: Document
    source_ids: list[str]
    param: float


def plant(pages: list[Document], *, per_kind: int, seed: str) -> list[Planted]:
    """So many documents of each kind, made of the longer pages in turn; none if no page is long enough."""
    vocabulary = sorted(
        {word for page in pages[::37] for word in list_words(page["text"]) if 3 < len(word) < 12}
    )
    suited = [
        page for page in pages if page["text"].count("\n\n") >= 5 and len(list_words(page["text"])) >= 150
    ]
    suited.sort(key=lambda page: stable_digest("plant", seed, page["id"]))
    if not suited:
        return []
    planted: list[Planted] = []
    for turn, (kind, param, number) in enumerate(
        (kind, param, number) for kind, param in KINDS for number in range(per_kind)
    ):
        page = suited[turn % len(suited)]
        other = suited[(turn + 1) * 7919 % len(suited)]
        draw = random.Random(stable_digest("rng", seed, kind, param, page["id"], number))
        name = "p-" + stable_digest("p", seed, kind, param, number, page["id"])
        text = _change(page["text"], kind, param, number, draw, vocabulary[:MAX_VOCABULARY], other["text"])
        sources = [page["id"], other["id"]] if kind == "quote" else [page["id"]]
        copy = {**page, "id": name, "text": text, "url": f"{page['url']}?copy={kind}-{number}", "kind": kind}
        planted.append(Planted(copy, sources, param))
        for step in range(2 if kind == "chain" else 0):
            text = edit_words(text, param, draw, vocabulary[:MAX_VOCABULARY])
            link = "p-" + stable_digest("c", seed, number, step, page["id"])
            url = f"{page['url']}?chain={number}-{step}"
            copy = {**copy, "id": link, "text": text, "url": url}
            planted.append(Planted(copy, [page["id"], name], param * (step + 2)))
    return planted


def _change(
    text: str, kind: str, param: float, number: int, draw: random.Random, vocabulary: list[str], other: str
) -> str:
    """The text as a planted document of this kind has it."""
    if kind == "noise":
        if number % 3 == 0:
            return text.upper()
        return re.sub(r"([,;:])", r" \1 ", text) if number % 3 == 1 else re.sub(r"\n+", "\n", text) + " !!"
    if kind == "edit":
        return edit_words(text, param, draw, vocabulary)
    if kind == "shuffle":
        paragraphs = text.split("\n\n")
        draw.shuffle(paragraphs)
        return "\n\n".join(paragraphs)
    if kind == "prefix":
        return text[: int(len(text) * param)].rsplit(" ", 1)[0]
    if kind == "wrap":
        header = f"Home | Docs | Mirror {draw.randrange(9)}"
        footer = "This page was copied from elsewhere. Terms of use. Contact us. "
        return "\n\n".join([header, text, footer + " ".join(draw.choices(vocabulary, k=12))])
    if kind == "quote":
        middle = len(other) // 2
        return "\n\n".join([other[:middle], text[: int(len(text) * param)], other[middle:]])
    return text  # exact, and the first link of a chain


def edit_words(text: str, share: float, draw: random.Random, vocabulary: list[str]) -> str:
    """Of this share of the words 80 % replaced, 10 % dropped, 10 % followed by another; at least one is."""
    words = [match.span() for match in re.finditer(r"\w+", text)]
    parts: list[str] = []
    last = 0
    for i in sorted(draw.sample(range(len(words)), max(1, round(share * len(words))))):
        start, end = words[i]
        parts.append(text[last:start])
        chance = draw.random()
        if chance < 0.8:
            parts.append(draw.choice(vocabulary))
        elif chance >= 0.9:
            parts.append(f"{text[start:end]} {draw.choice(vocabulary)}")
        last = end
    return "".join([*parts, text[last:]])


def stable_digest(*parts: object) -> str:
    """A short name made of others, always the same."""
    return hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).hexdigest()
