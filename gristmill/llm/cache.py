"""Cached answers of language models: content-addressed, append-only, safe with many processes.

    ROOT/journals/TIME-PID-RANDOM.journal   answers as they arrive, one file per writer (gristmill.llm.journal)
    ROOT/segments/DIGEST.parquet            finished ones, sorted by key, named by their bytes, never changed
    ROOT/.lock                              held while segments are written or merged

A writer's journal becomes a segment when the writer closes; that of a dead writer when the cache is next opened.
A segment is published before the journals or segments that it replaces go, so a reader at any moment finds every
answer. Where one key was answered twice, the older answer counts. Many small segments are merged.

In SQL: `SELECT model, finish_reason, count(*) FROM 'ROOT/segments/*.parquet' GROUP BY ALL`.

ROOT is a local folder. On an object store, journals stay on the worker's disk and only segments are put, with a
create-only put under their digest; a merge must then wait out readers before it deletes what it merged.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.errors import StoreError
from gristmill.hashing import digest_file
from gristmill.llm.journal import SUFFIX, Entry, JournalReader, JournalWriter, without_writer
from gristmill.llm.requests import Answer, ModelIdentity
from gristmill.store.files import sync

FORMAT = 2  # version of the segments; a newer one is refused, 1 had no log-probabilities

_log = logging.getLogger(__name__)

_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("model", pa.string()),
        ("model_digest", pa.string()),
        ("text", pa.string()),
        ("finish_reason", pa.string()),
        ("prompt_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("engine", pa.string()),
        ("created", pa.timestamp("us", tz="UTC")),
        ("logprobs", pa.string()),
    ],
    metadata={"gristmill.answers": str(FORMAT)},
)
_ANSWER_COLUMNS = ["key", "text", "finish_reason", "prompt_tokens", "output_tokens", "logprobs", "created"]
_GROUP_ROWS = 2_048  # a look-up reads whole row groups
_JOURNAL_BYTES = 32 << 20  # a longer journal is made a segment, and its writer begins a new one
_MERGED_BYTES = (
    32 << 20
)  # segments are merged up to this size together; merging takes 25 times that in memory
_SMALL_BYTES = _MERGED_BYTES // 2  # segments from this size on stay as they are
_MAX_SMALL = 32  # small segments that may lie there before they are merged
_ATTEMPTS = 5  # look-ups may meet segments that another process is merging


class AnswerCache:
    """Answers by the key of their request. Each process opens its own; one object is for one thread.

    In memory: 8 bytes per answer in segments, about 200 per answer in open journals. Opening a cache that cannot be
    written is fine as long as only reading is asked of it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._segments: dict[str, _Segment] = {}
        self._journals: dict[str, JournalReader] = {}
        try:
            with _locked(root, wait=False) as free:
                if free:
                    self._seal_abandoned()
        except (OSError, StoreError) as error:  # a full or read-only disk; reading goes on
            _log.warning("answers %s: journals of earlier runs stay as they are: %s", root, error)

    def lookup(self, keys: Sequence[str]) -> dict[str, Answer]:
        """The answers known for these keys, also those that other processes wrote meanwhile.

        100,000 keys among a million answers take 1.3 CPU seconds, one key 10 ms. Raises StoreError where a
        segment is damaged.
        """
        for _ in range(_ATTEMPTS):
            self._refresh()
            try:
                found = self._find(keys)
            except FileNotFoundError:  # merged by another process since the folder was listed
                continue
            return {key: _answer(entry) for key, entry in found.items()}
        raise StoreError(
            f"answers {self.root}: segments vanish while they are read; is the folder being deleted?"
        )

    def count(self) -> int:
        """Number of different keys that have an answer."""
        self._refresh()
        known = [segment.prefixes for segment in self._segments.values()]
        known += [_prefixes(reader.keys) for reader in self._journals.values()]
        return len(np.unique(np.concatenate(known))) if known else 0

    @contextlib.contextmanager
    def writer(self, model: ModelIdentity, engine: str) -> Iterator[AnswerWriter]:
        """Write answers of one model; `engine` is the engine's build, recorded beside them."""
        writer = AnswerWriter(self, model, engine)
        try:
            yield writer
        finally:
            writer.close()

    def compact(self) -> None:
        """Make segments of journals without a writer, then merge small segments; waits for other processes."""
        with _locked(self.root, wait=True):
            self._seal_abandoned()
            self._merge_small()

    def verify(self) -> list[str]:
        """Names of segments whose bytes are not those that they were written with."""
        return [path.name for path in self._segment_paths() if digest_file(path) != path.stem]

    # -- reading ------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """See what is there now. Journals first: what leaves them meanwhile is in a segment by then."""
        journals = {path.name: path for path in sorted((self.root / "journals").glob(f"*{SUFFIX}"))}
        for name in self._journals.keys() - journals.keys():
            self._journals.pop(name).close()
        for name, path in journals.items():
            if name not in self._journals:
                with contextlib.suppress(FileNotFoundError):
                    self._journals[name] = JournalReader(path)
        for reader in self._journals.values():
            reader.advance()
        segments = {path.name: path for path in self._segment_paths()}
        for name in self._segments.keys() - segments.keys():
            del self._segments[name]
        for name, path in segments.items():
            if name not in self._segments:
                with contextlib.suppress(FileNotFoundError):
                    self._segments[name] = _Segment(path)

    def _find(self, keys: Sequence[str]) -> dict[str, Entry]:
        found: dict[str, Entry] = {}

        def take(entry: Entry) -> None:
            known = found.get(entry.key)
            if known is None or _age(entry) < _age(known):
                found[entry.key] = entry

        wanted = list(dict.fromkeys(keys))
        for reader in self._journals.values():
            for key in wanted:
                if (entry := reader.get(key)) is not None:
                    take(entry)
        prefixes = _prefixes(wanted)
        for segment in self._segments.values():
            for entry in segment.entries(wanted, prefixes):
                take(entry)
        return found

    def _segment_paths(self) -> list[Path]:
        return sorted((self.root / "segments").glob("[0-9a-f]*.parquet"))

    # -- segments; the lock is held -------------------------------------------------------------------------------

    def _seal_abandoned(self) -> None:
        for path in sorted((self.root / "journals").glob(f"*{SUFFIX}")):
            with without_writer(path) as abandoned:
                if abandoned:
                    self._seal(path)

    def _seal(self, path: Path) -> None:
        """Make a journal a segment. An unreadable end is left out, and said."""
        reader = JournalReader(path)
        try:
            reader.advance()
            if reader.torn_bytes:
                _log.warning(
                    "answers %s: the last %d bytes of %s are half an answer, left by a crash; it will be asked again",
                    self.root, reader.torn_bytes, path.name,
                )  # fmt: skip
            if reader.keys:
                _write_segment(self.root / "segments", _table(reader.entries()))
        finally:
            reader.close()
        path.unlink()

    def _merge_small(self) -> None:
        groups: list[list[Path]] = [[]]
        size = 0
        for path in self._segment_paths():
            bytes_ = path.stat().st_size
            if bytes_ >= _SMALL_BYTES:
                continue
            if size + bytes_ > _MERGED_BYTES:
                groups.append([])
                size = 0
            groups[-1].append(path)
            size += bytes_
        for group in groups:
            if len(group) > 1:
                merged = _write_segment(
                    self.root / "segments", pa.concat_tables(_read(path) for path in group)
                )
                for path in group:
                    if path != merged:
                        path.unlink(missing_ok=True)

    def _seal_closed(self, path: Path) -> None:
        """What a writer that closes asks for."""
        with _locked(self.root, wait=True):
            with without_writer(path) as abandoned:
                if abandoned:  # else another process was quicker
                    self._seal(path)
            if sum(path.stat().st_size < _SMALL_BYTES for path in self._segment_paths()) > _MAX_SMALL:
                self._merge_small()


class AnswerWriter:
    """Writes answers, each durable when `write` returns. The file appears with the first answer."""

    def __init__(self, cache: AnswerCache, model: ModelIdentity, engine: str) -> None:
        self._cache, self._model, self._engine = cache, model, engine
        self._journal: JournalWriter | None = None

    def write(self, key: str, answer: Answer) -> None:
        """Keep one answer. Raises StoreError where it cannot be written."""
        if self._journal is None:
            self._journal = JournalWriter(self._cache.root / "journals")
        self._journal.append(
            Entry(
                key=key,
                model=self._model.name,
                model_digest=self._model.digest,
                text=answer.text,
                finish_reason=answer.finish_reason,
                prompt_tokens=answer.prompt_tokens,
                output_tokens=answer.output_tokens,
                engine=self._engine,
                created=time.time_ns() // 1_000,
                logprobs=None
                if answer.logprobs is None
                else json.dumps(answer.logprobs, separators=(",", ":")),
            )
        )
        if self._journal.bytes >= _JOURNAL_BYTES:
            self.close()

    def close(self) -> None:
        """Make the journal a segment; a later `write` begins a new one."""
        if self._journal is not None:
            journal, self._journal = self._journal, None
            journal.close()
            self._cache._seal_closed(journal.path)


class _Segment:
    """One Parquet file: the first 64 bits of all keys in memory, in the order of the rows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _reading(path), pq.ParquetFile(path, page_checksum_verification=True) as parquet:
            found = int((parquet.schema_arrow.metadata or {}).get(b"gristmill.answers", b"0"))
            if found > FORMAT:
                raise StoreError(
                    f"answers {path.parent.parent}: {path.name} has format {found}, this version reads up to "
                    f"{FORMAT}; install a newer Gristmill"
                )
            self.prefixes = _prefixes(pl.from_arrow(parquet.read(columns=["key"])["key"]))

    def entries(self, keys: list[str], prefixes: np.ndarray) -> Iterator[Entry]:
        """The entries of these keys, whose prefixes are given too. Memory: one row group.

        Two keys with equal prefixes would hide one of the two, which is then asked again; never a wrong answer.
        """
        places = np.searchsorted(self.prefixes, prefixes)
        hits = np.flatnonzero(self.prefixes[np.minimum(places, len(self.prefixes) - 1)] == prefixes)
        if not len(hits):
            return
        hits = hits[np.argsort(places[hits])]
        groups = places[hits] // _GROUP_ROWS
        with _reading(self.path), pq.ParquetFile(self.path, page_checksum_verification=True) as parquet:
            for group in np.unique(groups):
                here = hits[groups == group]
                table = parquet.read_row_group(int(group), columns=_ANSWER_COLUMNS)
                rows = _with_logprobs(table.take(pa.array(places[here] - group * _GROUP_ROWS)))
                created = rows["created"].cast(pa.int64()).to_pylist()
                columns = [rows[name].to_pylist() for name in _ANSWER_COLUMNS[:-1]]
                for index, key, *answer, logprobs, at in zip(here, *columns, created, strict=True):
                    if key == keys[index]:
                        text, reason, prompt, output = answer
                        yield Entry(key, "", "", text, reason, prompt, output, "", at, logprobs)


def _prefixes(keys: Sequence[str] | pl.Series | pl.DataFrame) -> np.ndarray:
    """The first 16 hexadecimal digits of each key as numbers, which sort as the keys do."""
    series = keys if isinstance(keys, pl.Series) else pl.Series(keys, dtype=pl.String)
    decoded = series.str.head(16).str.decode("hex").bin.reinterpret(dtype=pl.UInt64, endianness="big")
    return decoded.to_numpy()


def _age(entry: Entry) -> tuple[int, str]:
    return entry.created, entry.text


def _answer(entry: Entry) -> Answer:
    logprobs = (
        None
        if entry.logprobs is None
        else tuple(
            tuple((str(text), float(value)) for text, value in token) for token in json.loads(entry.logprobs)
        )
    )
    return Answer(entry.text, entry.finish_reason, entry.prompt_tokens, entry.output_tokens, logprobs)


def _table(entries: Iterable[Entry]) -> pa.Table:
    columns = list(zip(*entries, strict=True))
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(columns, _SCHEMA, strict=True)], _SCHEMA
    )


def _read(path: Path) -> pa.Table:
    with _reading(path):
        return _with_logprobs(pq.read_table(path, page_checksum_verification=True)).cast(_SCHEMA)


def _with_logprobs(table: pa.Table) -> pa.Table:
    """A table of segments of format 1 has no such column."""
    if "logprobs" in table.column_names:
        return table
    return table.append_column("logprobs", pa.nulls(table.num_rows, pa.string()))


def _write_segment(folder: Path, table: pa.Table) -> Path:
    """Sort, keep the oldest entry of each key, and publish under the digest of the bytes."""
    table = table.sort_by([("key", "ascending"), ("created", "ascending"), ("text", "ascending")])
    keys = table["key"].to_numpy(zero_copy_only=False)
    table = table.filter(pa.array(np.append(True, keys[1:] != keys[:-1])))
    unfinished = folder / ".unfinished"  # one name is enough: the lock is held
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as handle:
            pq.write_table(
                table, handle, row_group_size=_GROUP_ROWS, compression="zstd", write_page_checksum=True
            )
            handle.flush()
            os.fsync(handle.fileno())
        target = folder / f"{digest_file(unfinished)}.parquet"
        unfinished.replace(target)
        sync(folder)
    except OSError as error:
        raise StoreError(
            f"answers {folder.parent}: cannot write a segment: {error.strerror or error}; the answers stay in "
            "their journal, make room and run again"
        ) from error
    return target


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Name a damaged segment and what to do about it."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            f"answers {path.parent.parent}: segment {path.name} is damaged ({error}); restore it from a backup, or "
            "delete it and its answers will be asked again"
        ) from error


@contextlib.contextmanager
def _locked(root: Path, *, wait: bool) -> Iterator[bool]:
    """Whether this process alone may change segments; with `wait` it does in the end. No folder: nothing to do."""
    if not root.is_dir():
        yield False
        return
    with (root / ".lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
