"""Which URLs a document may come from: lists of hosts, paths and URLs, words in the URL, IP addresses, shorteners.

Rules in the order in which they are tried; a document's decision names the first one that it breaks:

1. `urls.missing`: no URL, where `drop_missing` is set.
2. `urls.allow_only`: the host is on no allowlist, where `allow_only` is set. A URL on an allowlist breaks no rule.
3. `urls.domain`, `urls.subdomain`: the registered domain, or a host below it, is on a blocklist; `urls.path`: so is
   the beginning of its path.
4. `urls.url`: the very URL is on a blocklist.
5. `urls.hard_words`, `urls.soft_words`, `urls.subwords`: words of the URL.
6. `urls.ip_hosts`, `urls.shorteners`.

Two modes. `compat` repeats huggingface/datatrove 0.10 (pipeline/filters/url_filter.py), with public suffixes as
tldextract has them; it knows no allowlist, path, IP or shortener rule. `strict`, the default, mends what misses there:

- Hosts are compared in lower case, in their ASCII form (`münchen.de` is `xn--mnchen-3ya.de`) and without a dot at
  the end; a listed host covers all hosts below it.
- Words are found in any case, percent-encoded, and in other forms of the same letters (full-width ones, say); letters
  of every script make words.

A listed name that is itself a public suffix (`co.uk`) blocks nothing in either mode.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.errors import RecipeError
from gristmill.file_options import resolve
from gristmill.filter.batch import VERDICTS, Batch
from gristmill.filter.options.urls import EntryListOptions, UrlOptions
from gristmill.text_buffers import text_buffers, text_series
from gristmill.urls import ascii_host

# Services that only redirect, with the name under which they are known; the ten with the most links on the public
# web are among them. Their pages hold no text of their own.
SHORTENERS = (
    "adf.ly", "bit.ly", "bitly.com", "bl.ink", "buff.ly", "cutt.ly", "dlvr.it", "fb.me", "goo.gl", "ht.ly", "ift.tt",
    "is.gd", "j.mp", "lnkd.in", "ow.ly", "qr.ae", "rb.gy", "rebrand.ly", "s.id", "shorturl.at", "snip.ly", "t.co",
    "t.ly", "tiny.cc", "tinyurl.com", "tr.im", "trib.al", "v.gd", "wp.me", "youtu.be",
)  # fmt: skip

_MAX_LIST_BYTES = 4 << 30  # unpacked; the largest public list has 124 MB
# Address in brackets, in dotted form, or as one number, as browsers accept it.
_IP_HOST = re.compile(r"\[.*\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9]{8,10}|0x[0-9a-f]{1,8}")
_ASCII_WORD, _ANY_WORD = r"[a-zA-Z0-9]+", r"[\p{L}\p{M}\p{N}]+"
_NO_ASCII_WORD, _NO_WORD = r"[^a-zA-Z0-9]+", r"[^\p{L}\p{M}\p{N}]+"
_NO_LETTER = r"[^\x00-\x7f\p{L}\p{M}\p{N}]"


def judge_batch(batch: Batch, options: UrlOptions, *, mode: str, folder: Path) -> None:
    """Drop the documents of a batch whose URLs break a rule; lists are read once per process and content."""
    paths = [resolve(path, folder, "filter.urls") for path in _files(options)]
    stamps = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths)
    batch.drop(judge_urls(batch.documents["url"], _load_rules(options, mode, folder, stamps)))


@lru_cache(maxsize=4)
def _load_rules(options: UrlOptions, mode: str, folder: Path, stamps: tuple[Any, ...]) -> UrlRules:
    return UrlRules(options, mode=mode, folder=folder)


def _files(options: UrlOptions) -> list[str]:
    lists = (getattr(options, name) for name in UrlOptions.model_fields)
    return [path for entries in lists if isinstance(entries, EntryListOptions) for path in entries.files]


def judge_urls(urls: pl.Series, rules: UrlRules) -> pl.DataFrame:
    """VERDICTS: per URL, in order, the first rule that it breaks, or nulls.

    `value` is the number of soft words and `bound` the most that pass; `detail` names the listed host, path or
    words. Linear in bytes; a row depends on its URL alone. Judges about 400,000 URLs a second on one core.
    """
    options, strict = rules.options, rules.mode == "strict"
    verdicts = _Verdicts(len(urls))
    present = urls.is_not_null() & (urls.str.len_bytes() > 0)
    hosts = _find_hosts(urls.fill_null(""))
    if options.drop_missing:
        verdicts.add(~present, "urls.missing")
    verdicts.exempt(~present)
    if strict and rules.allowed is not None:
        allowed = rules.allowed.covers(hosts, urls)
        if options.allow_only:
            verdicts.add(pl.Series(~allowed), "urls.allow_only")
        verdicts.exempt(pl.Series(allowed))
    if rules.blocked is not None:
        _judge_hosts(verdicts, urls, hosts, rules.blocked, strict)
    if rules.urls is not None:
        verdicts.add(pl.Series(rules.urls.find(urls.fill_null("")) >= 0), "urls.url")
    _judge_words(verdicts, _normalise(urls) if strict else urls, rules, strict)
    if strict and options.drop_ip_hosts:
        verdicts.add(pl.Series(hosts.are_addresses()), "urls.ip_hosts", hosts.take)
    if strict and rules.shorteners is not None:
        table, (found, _) = rules.shorteners.table, rules.shorteners.match(hosts, urls)
        verdicts.add(pl.Series(found >= 0), "urls.shorteners", lambda rows: table.take(found[rows]))
    return verdicts.frame()


class UrlRules:
    """The options with their lists read: made once, used for all batches.

    Memory: the bytes of the entries and 16 to 24 more each; a million domains take 30 MB. Raises RecipeError where a
    list cannot be read.
    """

    def __init__(self, options: UrlOptions, *, mode: str = "strict", folder: Path = Path()) -> None:
        """folder: what the files of lists are relative to."""
        self.options, self.mode = options, mode
        strict = mode == "strict"

        def read(name: str) -> pl.Series:
            return read_entries(getattr(options, name), folder, f"filter.urls.{name}")

        self.blocked = HostList.make(read("block_hosts"), strict)
        self.allowed = HostList.make(read("allow_hosts"), strict)
        exact = read("block_urls")
        self.urls = StringTable(exact) if len(exact) else None
        clean = _clean_words if strict else _clean_ascii_words
        self.words = WordLists.make(clean(read("hard_words")), clean(read("soft_words")))
        self.sub = clean(read("subwords"))
        self.shorteners = None
        if options.drop_shorteners:
            own = pl.Series(SHORTENERS) if options.shorteners is None else read("shorteners")
            self.shorteners = HostList.make(own, strict)


def read_entries(options: EntryListOptions | None, folder: Path, key: str) -> pl.Series:
    """The entries of a list, those of its files included: stripped, without blank lines and `#` comments."""
    if options is None:
        return pl.Series(dtype=pl.String)
    files = [_read_list(resolve(path, folder, f"{key}.files"), key) for path in options.files]
    both = pl.concat([pl.Series(options.entries, dtype=pl.String), *files]).str.strip_chars()
    return both.filter((both != "") & ~both.str.starts_with("#")).unique(maintain_order=True)


def _read_list(path: Path, key: str) -> pl.Series:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as handle:
            data = handle.read(_MAX_LIST_BYTES + 1)
        text = data.decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"{key}.files: {path.name!r} cannot be read: {error}; it must be UTF-8 text or gzip of it, one entry "
            "per line"
        ) from error
    if len(data) > _MAX_LIST_BYTES:
        raise RecipeError(f"{key}.files: {path.name!r} has more than {_MAX_LIST_BYTES} bytes; split it")
    return pl.Series([text], dtype=pl.String).str.split("\n").explode()


# -- lists of strings and hosts -------------------------------------------------------------------------------------


class StringTable:
    """Strings that are looked up by their bytes, millions of them."""

    def __init__(self, strings: pl.Series) -> None:
        from gristmill.filter import _url_kernels

        self.data, self.offsets = text_buffers(strings)
        self.slots = np.full(1 << max(4, (2 * len(strings)).bit_length()), -1, np.int32)
        _url_kernels.fill_table(self.data, self.offsets, self.slots)

    @property
    def n_bytes(self) -> int:
        """Memory that the table takes."""
        return self.data.nbytes + self.offsets.nbytes + self.slots.nbytes

    def find(self, strings: pl.Series) -> npt.NDArray[np.int32]:
        """Position of each string in the table, or -1."""
        from gristmill.filter import _url_kernels

        found = np.empty(len(strings), np.int32)
        _url_kernels.find_entries(*text_buffers(strings), self.data, self.offsets, self.slots, found)
        return found

    def find_parents(self, hosts: Hosts, *, lower: bool) -> npt.NDArray[np.int32]:
        """Position of each host's longest listed parent (or itself), or -1."""
        from gristmill.filter import _url_kernels

        found = np.empty(len(hosts.starts), np.int32)
        _url_kernels.find_parents(
            hosts.data, hosts.starts, hosts.ends, lower, self.data, self.offsets, self.slots, found
        )
        return found

    def take(self, found: npt.NDArray[np.int32]) -> pl.Series:
        """The strings at these positions; null for -1."""
        starts, data = self.offsets, self.data
        return pl.Series(
            [None if i < 0 else data[starts[i] : starts[i + 1]].tobytes().decode() for i in found],
            dtype=pl.String,
        )


@dataclass(frozen=True)
class Hosts:
    """Where the hosts of a batch lie in its bytes; `odd` ones need more than their bytes to be compared."""

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    odd: npt.NDArray[np.bool_]

    def at(self, row: int) -> str:
        """The host of a row as it stands in the URL."""
        return self.data[self.starts[row] : self.ends[row]].tobytes().decode("utf-8", "replace")

    def take(self, rows: pl.Series) -> pl.Series:
        """The hosts of some rows."""
        return pl.Series([self.at(row) for row in rows], dtype=pl.String)

    def are_addresses(self) -> npt.NDArray[np.bool_]:
        """Whether each host is an IP address."""
        # Most are not, and that the first or last byte shows.
        found = self.ends > self.starts
        rows = np.flatnonzero(found)
        first, last = self.data[self.starts[rows]], self.data[self.ends[rows] - 1]
        found[rows] = (first == ord("[")) | (first == ord("0")) | ((last >= ord("0")) & (last <= ord("9")))
        for row in np.flatnonzero(found | self.odd).tolist():
            found[row] = _IP_HOST.fullmatch(ascii_host(self.at(row))) is not None
        return found


class HostList:
    """Hosts, and beginnings of paths below hosts."""

    def __init__(self, entries: pl.Series, strict: bool) -> None:
        self._strict = strict
        hosts = _list_hosts(entries) if strict else entries
        has_path = hosts.str.contains("/", literal=True)
        self._paths: dict[str, tuple[str, ...]] = {}
        for entry in hosts.filter(has_path):
            host, _, path = entry.partition("/")
            self._paths[host] = (*self._paths.get(host, ()), f"/{path}")
        whole = hosts.filter(~has_path)
        self.table = StringTable(whole.filter(~_are_public_suffixes(whole)))
        self._path_table = (
            StringTable(pl.Series(sorted(self._paths), dtype=pl.String)) if self._paths else None
        )

    @classmethod
    def make(cls, entries: pl.Series, strict: bool) -> HostList | None:
        """A list, or None of no entries: an empty list has nothing to say."""
        return cls(entries, strict) if len(entries) else None

    def match(self, hosts: Hosts, urls: pl.Series) -> tuple[npt.NDArray[np.int32], dict[int, str]]:
        """Per URL the position of the listed host that covers it, or -1; and by row the listed path that does."""
        paths: dict[int, str] = {}
        if self._path_table is not None:
            for row in np.flatnonzero(self._match(self._path_table, hosts) >= 0).tolist():
                covering = self._covering_path(hosts.at(row), urls[row])
                if covering is not None:
                    paths[row] = covering
        return self._match(self.table, hosts), paths

    def covers(self, hosts: Hosts, urls: pl.Series) -> npt.NDArray[np.bool_]:
        """Whether each URL is on the list."""
        found, paths = self.match(hosts, urls)
        covered = found >= 0
        covered[list(paths)] = True
        return covered

    def _match(self, table: StringTable, hosts: Hosts) -> npt.NDArray[np.int32]:
        found = table.find_parents(hosts, lower=self._strict)
        rows = np.flatnonzero(hosts.odd)
        if self._strict and len(rows):
            plain = pl.Series([ascii_host(hosts.at(row)) for row in rows], dtype=pl.String)
            data, offsets = text_buffers(plain)
            odd = Hosts(data, offsets[:-1], offsets[1:], np.zeros(len(rows), np.bool_))
            found[rows] = table.find_parents(odd, lower=True)
        return found

    def _covering_path(self, host: str, url: str) -> str | None:
        name = ascii_host(host)
        _, _, rest = url.partition(host)
        path = unquote(re.sub(r"^(?:[.:][^/?#]*)?", "", rest)) or "/"
        while name:
            for prefix in self._paths.get(name, ()):
                if path.startswith(prefix) and (
                    prefix.endswith("/") or path[len(prefix) :][:1] in ("", *"/?#")
                ):
                    return name + prefix
            name = name.partition(".")[2]
        return None


def _list_hosts(entries: pl.Series) -> pl.Series:
    """Entries `[scheme://]host[/path]` with the host in lower case and ASCII, without a dot at its end."""
    plain = entries.str.replace(r"^[A-Za-z][A-Za-z0-9+.-]*://", "")
    hosts = plain.str.extract(r"^([^/]*)").str.to_lowercase().str.strip_chars_end(".")
    odd = hosts.str.contains(r"[^\x00-\x7f]")
    if odd.any():
        rows = odd.arg_true()
        hosts = hosts.scatter(rows, [ascii_host(hosts[row]) for row in rows])
    return hosts + plain.str.extract(r"^[^/]*(/.*)$").fill_null("")


@lru_cache(maxsize=1)
def _extractor() -> Any:
    """Public suffixes from the snapshot inside tldextract: no network, no cache on disk."""
    import tldextract

    return tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())


@lru_cache(maxsize=1 << 16)
def _registered_domain(host: str) -> tuple[str, str]:
    """(registered domain, fully qualified name) of a host or URL; empty where it is below no public suffix."""
    parts = _extractor().extract_str(host)
    return parts.top_domain_under_public_suffix, parts.fqdn


def _are_public_suffixes(hosts: pl.Series) -> pl.Series:
    suffixes = pl.Series(_extractor().tlds, dtype=pl.String)
    parents = "*." + hosts.str.extract(r"^[^.]*\.(.*)$")
    listed = hosts.is_in(suffixes) | parents.is_in(suffixes).fill_null(False)
    return listed & ~("!" + hosts).is_in(suffixes)


# -- rules ----------------------------------------------------------------------------------------------------------


class _Verdicts:
    """The first rule that each URL breaks."""

    def __init__(self, rows: int) -> None:
        self._open = np.ones(rows, np.bool_)
        self._rules = np.zeros(rows, np.int16)
        self._names: list[str | None] = [None]
        self._details: list[tuple[npt.NDArray[np.int64], pl.Series]] = []
        self._values: list[tuple[npt.NDArray[np.int64], pl.Series, float]] = []

    def exempt(self, rows: pl.Series) -> None:
        """Rows that no later rule is tried on."""
        self._open &= ~rows.to_numpy()

    def add(
        self,
        broken: pl.Series,
        rule: str,
        details: Callable[[pl.Series], pl.Series] | None = None,
        *,
        values: pl.Series | None = None,
        bound: float = 0.0,
    ) -> None:
        """Rows that break a rule; `details` gives the texts of given rows, `values` has a number for every row."""
        rows = np.flatnonzero(broken.fill_null(False).to_numpy() & self._open)
        if not len(rows):
            return
        self._names.append(rule)
        self._rules[rows] = len(self._names) - 1
        self._open[rows] = False
        if details is not None:
            self._details.append((rows, details(pl.Series(rows))))
        if values is not None:
            self._values.append((rows, values.gather(rows), bound))

    def frame(self) -> pl.DataFrame:
        """VERDICTS of all rows."""
        empty = pl.DataFrame(schema=VERDICTS).clear(len(self._rules))
        details, values, bounds = empty["detail"], empty["value"], empty["bound"]
        for rows, texts in self._details:
            details = details.scatter(rows, texts)
        for rows, numbers, bound in self._values:
            values = values.scatter(rows, numbers.cast(pl.Float64))
            bounds = bounds.scatter(rows, pl.Series([bound] * len(rows)))
        names = pl.Series("rule", self._names, pl.String).gather(self._rules)
        return pl.DataFrame([names, values, bounds, details])


def _judge_hosts(verdicts: _Verdicts, urls: pl.Series, hosts: Hosts, blocked: HostList, strict: bool) -> None:
    found, paths = blocked.match(hosts, urls)
    hit = (found >= 0) if strict else (found >= 0) | hosts.odd
    hit[list(paths)] = True
    rows = np.flatnonzero(hit)
    by_kind: dict[str, dict[int, str]] = {"domain": {}, "subdomain": {}, "path": paths}
    if strict:
        for row, name in zip(rows.tolist(), blocked.table.take(found[rows]), strict=True):
            if row not in paths:
                domain, _ = _registered_domain(ascii_host(hosts.at(row)))
                by_kind["domain" if domain == name else "subdomain"][row] = name
    else:
        names = [_registered_domain(urls[row] if hosts.odd[row] else hosts.at(row)) for row in rows.tolist()]
        for place, kind in enumerate(("domain", "subdomain")):
            given = pl.Series([name[place] for name in names], dtype=pl.String)
            listed = zip(rows.tolist(), blocked.table.find(given).tolist(), given, strict=True)
            by_kind[kind] = {row: name for row, at, name in listed if at >= 0 and name}
    for kind, details in by_kind.items():
        broken = np.zeros(len(urls), np.bool_)
        broken[list(details)] = True
        verdicts.add(pl.Series(broken), f"urls.{kind}", _lookup(details))


def _lookup(texts: dict[int, str]) -> Callable[[pl.Series], pl.Series]:
    return lambda rows: pl.Series([texts[row] for row in rows], dtype=pl.String)


def _judge_words(verdicts: _Verdicts, urls: pl.Series, rules: UrlRules, strict: bool) -> None:
    if rules.words is not None:
        words, most = rules.words, rules.options.soft_threshold - 1
        hard, soft = words.count(urls, strict)
        verdicts.add(
            hard > 0, "urls.hard_words", lambda rows: words.name(urls.gather(rows), words.hard, strict)
        )
        verdicts.add(
            soft > most,
            "urls.soft_words",
            lambda rows: words.name(urls.gather(rows), words.soft, strict),
            values=soft,
            bound=float(most),
        )
    if rules.sub:
        squeezed = _squeeze(urls, strict)
        verdicts.add(
            squeezed.str.contains_any(rules.sub),
            "urls.subwords",
            lambda rows: squeezed.gather(rows).str.extract_many(rules.sub, overlapping=True).list.first(),
        )


class WordLists:
    """Words that are looked for in URLs; a word on both lists is a hard one."""

    def __init__(self, hard: list[str], soft: list[str]) -> None:
        self.hard, self.soft = hard, soft
        self._table = StringTable(pl.Series([*hard, *soft], dtype=pl.String))

    @classmethod
    def make(cls, hard: list[str], soft: list[str]) -> WordLists | None:
        """Both lists, or None of no words."""
        return cls(hard, soft) if hard or soft else None

    def count(self, urls: pl.Series, strict: bool) -> tuple[pl.Series, pl.Series]:
        """How many different hard and soft words each URL has; with `strict` letters of every script make words."""
        from gristmill.filter import _url_kernels

        table, hard, soft = self._table, np.empty(len(urls), np.int32), np.empty(len(urls), np.int32)
        seen = np.full(len(table.offsets) - 1, -1, np.int64)
        _url_kernels.count_words(
            *text_buffers(urls),
            strict,
            table.data,
            table.offsets,
            table.slots,
            len(self.hard),
            seen,
            hard,
            soft,
        )
        return pl.Series(hard), pl.Series(soft)

    def name(self, urls: pl.Series, words: list[str], strict: bool) -> pl.Series:
        """Those of the words that each URL has, sorted."""
        found = urls.str.extract_all(_ANY_WORD if strict else _ASCII_WORD)
        listed = set(words)
        return pl.Series([", ".join(sorted(listed & set(of_url))) for of_url in found], dtype=pl.String)


def _squeeze(urls: pl.Series, strict: bool) -> pl.Series:
    """Letters and digits of each URL, in lower case."""
    from gristmill.filter import _url_kernels

    data, offsets = text_buffers(urls)
    out, out_offsets = np.empty(len(data), np.uint8), np.empty_like(offsets)
    _url_kernels.squeeze(data, offsets, strict, out, out_offsets)
    return text_series(out, out_offsets)


def _normalise(urls: pl.Series) -> pl.Series:
    """URLs in lower case, percent-encoding resolved, letters in one form, other marks beyond ASCII as blanks."""
    from gristmill.filter import _url_kernels

    data, offsets = text_buffers(urls)
    out, out_offsets = np.empty(len(data), np.uint8), np.empty_like(offsets)
    odd = np.empty(len(urls), np.uint8)
    _url_kernels.normalise(data, offsets, out, out_offsets, odd)
    rows = np.flatnonzero(odd)
    pieces = [out[out_offsets[row] : out_offsets[row + 1]].tobytes() for row in rows.tolist()]
    if not pieces:
        return text_series(out, out_offsets)
    out[out >= 128] = ord("#")  # a string must be valid UTF-8, also one that is replaced
    decoded = pl.Series([piece.decode("utf-8", "replace") for piece in pieces], dtype=pl.String)
    letters = decoded.str.normalize("NFKC").str.to_lowercase().str.replace_all(_NO_LETTER, " ")
    return text_series(out, out_offsets).scatter(rows, letters)


def _clean_words(words: pl.Series) -> list[str]:
    return _sorted(words.str.normalize("NFKC").str.to_lowercase().str.replace_all(_NO_WORD, ""))


def _clean_ascii_words(words: pl.Series) -> list[str]:
    return _sorted(words.str.replace_all(_NO_ASCII_WORD, "").str.to_lowercase())


def _sorted(words: Iterable[str]) -> list[str]:
    return sorted({word for word in words if word})


def _find_hosts(urls: pl.Series) -> Hosts:
    from gristmill.filter import _url_kernels

    data, offsets = text_buffers(urls)
    starts, ends = np.empty(len(urls), np.int64), np.empty(len(urls), np.int64)
    kinds = np.empty(len(urls), np.uint8)
    _url_kernels.find_hosts(data, offsets, starts, ends, kinds)
    return Hosts(data, starts, ends, kinds == _url_kernels.ODD)
