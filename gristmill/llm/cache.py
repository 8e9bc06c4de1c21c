"""Cached answers of language models: content-addressed, append-only, safe with many processes and on object storage.

    ROOT/segments/DIGEST.parquet            finished ones, sorted by key, named by their bytes (gristmill.llm.segments)
    SPOOL/journals/TIME-PID-RANDOM.journal  answers as they arrive, one file per writer (gristmill.llm.journal)
    SPOOL/.lock                             held on this machine while segments are written or merged
    SPOOL/kept/DIGEST.parquet               of a ROOT that is a URI: segments that were read or written here

ROOT is a local folder, which then is SPOOL too, or a URI, with SPOOL on the worker's disk. A writer's journal becomes
a segment when the writer closes, when it is long, and on object storage when it is old; that of a dead writer when a
cache with the same SPOOL is next opened. A journal goes after its segment was put; killed between the two, the next run
puts the same bytes under the same name. Where one key was answered twice, the older answer counts.

Many small segments are merged: the merged one is put first, then those in it are deleted. A reader that misses one
lists again, and finds its answers in the merged one. Any number of machines may merge at the same time without a lock:
each deletes only what is in a segment that it put, and as that one carries the names of those, no segment is ever among
its own ancestors; so of every answer a segment stays. What two merge at once is there twice until the next time.

In SQL: `SELECT model, finish_reason, count(*) FROM 'ROOT/segments/*.parquet' GROUP BY ALL`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa

from gristmill.errors import StoreError
from gristmill.llm.journal import SUFFIX, Entry, JournalReader, JournalWriter, without_writer
from gristmill.llm.places import open_place
from gristmill.llm.requests import Answer, ModelIdentity
from gristmill.llm.segments import Segment, entries_table, key_prefixes, read_segment, write_segment

_log = logging.getLogger(__name__)

_JOURNAL_BYTES = 32 << 20  # a longer journal is made a segment, and its writer begins a new one
_JOURNAL_SECONDS = 300.0  # also an older one, where the worker's disk may be lost with the worker
_MERGED_BYTES = 32 << 20  # merged together up to this size; merging takes 25 times that in memory
_SMALL_BYTES = _MERGED_BYTES // 2  # segments from this size on stay as they are
_MAX_SMALL = 32  # small segments that may lie there before they are merged
_ATTEMPTS = 5  # look-ups may meet segments that another process is merging

Item = TypeVar("Item")
Result = TypeVar("Result")


class AnswerCache:
    """Answers by the key of their request. Each process opens its own; one object is for one thread.

    `root` is a folder (a Path) or a URI that fsspec writes. A URI needs a `spool`: a local folder for what is on its
    way, one for each URI, shared by the processes of a machine. In memory: 8 bytes per answer in segments, about 200
    per answer in open journals. Opening a cache that cannot be written is fine as long as only reading is asked of it.
    """

    def __init__(self, root: Path | str, *, spool: Path | None = None) -> None:
        """Raises StoreError for a URI that cannot be one of a cache."""
        if isinstance(root, Path):
            spool = root
        elif spool is None:
            raise ValueError(f"spool: got None, but {root!r} is a URI and needs a local folder")
        self._spool = spool
        self._place = open_place(root, spool / "kept")
        self._is_remote = not isinstance(root, Path)
        self._segments: dict[str, Segment] = {}
        self._journals: dict[str, JournalReader] = {}
        try:
            with _locked(self._spool, wait=False) as free:
                if free:
                    self._seal_abandoned()
        except (OSError, StoreError) as error:  # a full or read-only disk, no network; reading may go on
            _log.warning("answers %s: journals of earlier runs stay as they are: %s", self._place.name, error)

    def lookup(self, keys: Sequence[str]) -> dict[str, Answer]:
        """The answers known for these keys, also those that other processes wrote meanwhile.

        On a disk, 100,000 keys among a million answers take 1.3 CPU seconds, one key 10 ms. On an object store, two
        lists, one request per segment that is new here, and one for each that holds one of the keys for the first time.
        Raises StoreError where a segment is damaged or the store does not answer.
        """
        found = self._up_to_date(lambda: self._find(keys))
        return {key: _answer(entry) for key, entry in found.items()}

    def count(self) -> int:
        """Number of different keys that have an answer."""
        known = self._up_to_date(lambda: [segment.prefixes for segment in self._segments.values()])
        known += [key_prefixes(reader.keys) for reader in self._journals.values()]
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
        """Make segments of journals without a writer, then merge small segments; waits for others on this machine."""
        if self._is_remote:
            self._spool.mkdir(parents=True, exist_ok=True)
        with _locked(self._spool, wait=True):
            self._seal_abandoned()
            self._merge_small()

    def verify(self) -> list[str]:
        """Names of segments whose bytes are not those that they were written with."""
        return [name for name in self._place.list() if f"{self._place.digest(name)}.parquet" != name]

    # -- reading ------------------------------------------------------------------------------------------------

    def _up_to_date(self, act: Callable[[], Result]) -> Result:
        """Do something with all that is there now."""
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError):  # merged by another process since they were listed
                self._refresh()
                return act()
        raise StoreError(
            f"answers {self._place.name}: segments vanish while they are read; are they being deleted?"
        )

    def _refresh(self) -> None:
        """See what is there now. Journals first: what leaves them meanwhile is in a segment by then."""
        journals = {path.name: path for path in sorted((self._spool / "journals").glob(f"*{SUFFIX}"))}
        for name in self._journals.keys() - journals.keys():
            self._journals.pop(name).close()
        for name, path in journals.items():
            if name not in self._journals:
                with contextlib.suppress(FileNotFoundError):
                    self._journals[name] = JournalReader(path)
        for reader in self._journals.values():
            reader.advance()
        segments = self._list()
        for name in self._segments.keys() - segments.keys():
            del self._segments[name]
        new = [item for item in segments.items() if item[0] not in self._segments]
        for segment in self._at_once(lambda listed: Segment(self._place, *listed), new):
            self._segments[segment.name] = segment

    def _list(self) -> dict[str, int]:
        """Names and bytes of all segments.

        A list made during a merge may have neither the merged segment, put behind its back, nor those in it, so it
        counts only when the next one lacks nothing of it.
        """
        seen = self._place.list()
        while seen.keys() - (now := self._place.list()).keys():
            seen = now
        return now

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
        prefixes = key_prefixes(wanted)
        hits = {segment: segment.holds(prefixes) for segment in self._segments.values()}
        holders = [segment for segment, here in hits.items() if len(here)]
        self._at_once(Segment.fetch, holders)
        for segment in holders:
            for entry in segment.entries(wanted, hits[segment]):
                take(entry)
        return found

    def _at_once(self, act: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """The results in order; where each is a request over a network, many are under way together."""
        threads = min(self._place.at_once, len(items))
        if threads <= 1:
            return [act(item) for item in items]
        with ThreadPoolExecutor(threads, thread_name_prefix="answers") as pool:
            return list(pool.map(act, items))

    # -- segments; the lock is held -------------------------------------------------------------------------------

    def _seal_abandoned(self) -> None:
        for path in sorted((self._spool / "journals").glob(f"*{SUFFIX}")):
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
                    self._place.name, reader.torn_bytes, path.name,
                )  # fmt: skip
            if reader.keys:
                try:
                    self._put(entries_table(reader.entries()))
                except StoreError as error:
                    raise StoreError(f"{error}; the answers stay in {str(path)!r}, run again") from error
        finally:
            reader.close()
        path.unlink()

    def _merge_small(self) -> None:
        """Merge small segments. Where another machine is merging the same ones, it is left to it."""
        groups: list[list[str]] = [[]]
        size = 0
        for name, bytes_ in self._place.list().items():
            if bytes_ >= _SMALL_BYTES:
                continue
            if size + bytes_ > _MERGED_BYTES:
                groups.append([])
                size = 0
            groups[-1].append(name)
            size += bytes_
        for group in groups:
            if len(group) > 1:
                try:
                    table = pa.concat_tables(
                        self._at_once(lambda name: read_segment(self._place, name), group)
                    )
                except FileNotFoundError:
                    return
                self._put(table, merged=group)
                for name in group:
                    self._place.delete(name)

    def _put(self, table: pa.Table, merged: Iterable[str] = ()) -> None:
        unfinished = self._spool / ".unfinished"  # one name is enough: the lock is held
        try:
            write_segment(unfinished, table, merged=list(merged))
            self._place.put(unfinished)
        except OSError as error:
            raise StoreError(
                f"answers {self._place.name}: cannot write a segment: {error.strerror or error}; make room"
            ) from error

    def _seal_closed(self) -> None:
        """What a writer that closes asks for; journals that could not be put before go with it."""
        with _locked(self._spool, wait=True):
            self._seal_abandoned()
            try:
                if sum(size < _SMALL_BYTES for size in self._place.list().values()) > _MAX_SMALL:
                    self._merge_small()
            except StoreError as error:  # every answer has its segment, so nothing is lost
                _log.warning("%s; small segments are not merged", error)


class AnswerWriter:
    """Writes answers, each durable when `write` returns. The file appears with the first answer."""

    def __init__(self, cache: AnswerCache, model: ModelIdentity, engine: str) -> None:
        self._cache, self._model, self._engine = cache, model, engine
        self._journal: JournalWriter | None = None

    def write(self, key: str, answer: Answer) -> None:
        """Keep one answer. Raises StoreError where it cannot be written to the disk."""
        if self._journal is None:
            self._journal = JournalWriter(self._cache._spool / "journals")
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
        is_old = self._cache._is_remote and self._journal.seconds >= _JOURNAL_SECONDS
        if is_old or self._journal.bytes >= _JOURNAL_BYTES:
            self._begin_anew()

    def close(self) -> None:
        """Make the journal a segment; a later `write` begins a new one.

        Raises StoreError where that fails: then the answers are still in their journal, and the next run tries again.
        """
        if self._journal is not None:
            journal, self._journal = self._journal, None
            journal.close()
            self._cache._seal_closed()

    def _begin_anew(self) -> None:
        """Close while answers still come: they are safe in their journal, so a store that fails is not the end."""
        try:
            self.close()
        except StoreError as error:
            _log.warning("%s; it will be tried again", error)


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


@contextlib.contextmanager
def _locked(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Whether this process alone may change segments; with `wait` it does in the end. No folder: nothing to do."""
    if not folder.is_dir():
        yield False
        return
    with (folder / ".lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
