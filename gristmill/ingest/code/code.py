"""Files of source code as documents: from folders, archives and git repositories, each file one record.

A file's key is its path inside the shard; that of a file in an archive or a repository begins with their name. What is
known of a file stands in `meta`: language, charset, repository, path, licence and its class, n_lines, and where it is
so generated, minified, vendored; of a file from git also commit and remote.

The repository of a file is the archive or git repository that it is in, or the first folders of its name. A shard is
gone through twice: first its licence texts and package files are read, which hold for the folders below them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from gristmill.hashing import digest_bytes
from gristmill.ingest.charset import decode_text, is_binary
from gristmill.ingest.code.generated import is_generated, is_minified, is_vendored
from gristmill.ingest.code.git import (
    BrokenRepositoryError,
    Commit,
    Store,
    is_bundle,
    open_bundle,
    open_repository,
    read_blobs,
)
from gristmill.ingest.code.languages import extension_of, identify_language, may_be_code
from gristmill.ingest.code.licences import (
    MAX_LICENCE_BYTES,
    LicenceMap,
    classify,
    is_licence_file,
    licence_of_source,
)
from gristmill.ingest.code.notebooks import NotebookError, notebook_script, notebook_text
from gristmill.ingest.options.code import CodeSource
from gristmill.ingest.packed.archives import Entry, Limits, is_archive, lost_entry, read_entries
from gristmill.ingest.records import Record
from gristmill.inputs import InputFile

_ARCHIVE_NAME = re.compile(
    r"\.(?:zip|whl|egg|jar|crate|tar|tgz|tbz2?|txz|tar\.(?:gz|bz2|xz|zst))$", re.IGNORECASE
)
_NOTEBOOK = "Jupyter Notebook"


def read_code(files: Sequence[InputFile], options: CodeSource) -> Iterator[tuple[InputFile, Record]]:
    """Every file of source code of a shard.

    Rules: extension (no known language), language (not one of `languages`), too_large, not_text, bad_notebook,
    empty_text; unreadable_repository, not_a_file and what gristmill.ingest.packed.archives says of entries.
    """
    repositories = _repositories(files)
    licences = LicenceMap()
    for file in files:
        if is_licence_file(file.name) and not _inside(file.name, repositories):
            licences.add(file.name, _head(file))
    for file in files:
        folder = _inside(file.name, repositories)
        try:
            if folder is not None:
                if repositories[folder] and file.name == f"{folder}HEAD":
                    yield from ((file, record) for record in _read_folder(file, options))
            elif file.name.lower().endswith(".bundle") and is_bundle(file):
                yield from ((file, record) for record in _read_bundle(file, options))
            elif _ARCHIVE_NAME.search(file.name) and is_archive(file):
                yield from ((file, record) for record in _read_archive(file, options))
            else:
                yield file, _read_file(file, options, licences)
        except OSError as error:
            error.filename = error.filename or file.path
            raise


def _head(file: InputFile) -> str:
    with file.open() as handle:
        return decode_text(handle.read(MAX_LICENCE_BYTES))[0]


# -- one file -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file stands, and what holds for it from outside."""

    key: str
    path: str  # inside its repository
    offset: int
    length: int | None
    repository: str | None
    licence: str | None
    more: dict[str, Any] = field(default_factory=dict)  # of `meta`

    def drop(self, rule: str, **details: Any) -> Record:
        return Record(self.offset, self.length, self.key, rule=rule, **details)


def _read_file(file: InputFile, options: CodeSource, licences: LicenceMap) -> Record:
    size = file.size()
    folders, parts = options.repository_depth, PurePosixPath(file.name).parts
    repository = "/".join(parts[:folders]) if 0 < folders < len(parts) else None
    path = "/".join(parts[folders:]) if repository else file.name
    place = _Place(file.name, path, 0, size, repository, licences.find(file.name))
    if not may_be_code(path, options.extensions):
        return _unknown(place)
    if size > options.max_record_bytes:
        return place.drop("too_large", value=float(size), bound=float(options.max_record_bytes))
    with file.open() as handle:
        return _read_source(place, handle.read(), options)


def _unknown(place: _Place) -> Record:
    extension = extension_of(place.path)
    return place.drop("extension", detail=f".{extension}" if extension else "none")


def _read_source(place: _Place, data: bytes, options: CodeSource) -> Record:
    if not may_be_code(place.path, options.extensions):
        return _unknown(place)
    digest = digest_bytes(data)
    if is_binary(data):
        return place.drop("not_text", digest=digest, detail="the bytes are binary")
    source, charset = decode_text(data)
    language = identify_language(place.path, source, options.extensions)
    if language is None:
        return _unknown(place)
    if options.languages is not None and language not in options.languages:
        return place.drop("language", digest=digest, detail=language)
    text = source
    if language == _NOTEBOOK and options.notebooks != "raw":
        convert = notebook_text if options.notebooks == "cells" else notebook_script
        try:
            text = convert(source)
        except NotebookError as error:
            return place.drop("bad_notebook", digest=digest, detail=str(error))
    if not text.strip():
        return place.drop("empty_text", digest=digest)
    licence = licence_of_source(text) or place.licence
    flags = {
        "generated": is_generated(place.path, text, language),
        "minified": is_minified(place.path, text, language),
        "vendored": is_vendored(place.path),
    }
    meta = {
        "language": language,
        "charset": charset,
        "repository": place.repository,
        "path": place.path,
        "licence": licence,
        "licence_class": classify(licence),
        "n_lines": text.count("\n") + (not text.endswith("\n")),
        **{name: True for name, holds in flags.items() if holds},
        **place.more,
    }
    return Record(place.offset, place.length, place.key, digest, text, meta=meta)


# -- archives -------------------------------------------------------------------------------------------------------


def _read_archive(file: InputFile, options: CodeSource) -> Iterator[Record]:
    """The files of an archive, which is one repository; a folder at its top with the same name is left out."""
    limits = Limits(max_entry_bytes=options.max_record_bytes, max_expansion=options.max_expansion)
    repository = _ARCHIVE_NAME.sub("", PurePosixPath(file.name).name)
    licences = LicenceMap()
    for entry in read_entries(file, limits):
        if entry.data is not None and is_licence_file(entry.name):
            licences.add(_without_top(entry, repository), decode_text(entry.data[:MAX_LICENCE_BYTES])[0])
    for entry in read_entries(file, limits):
        if entry.data is None:
            yield lost_entry(file, entry)
            continue
        path = _without_top(entry, repository)
        more = {"entry": entry.name, **({"unpacked": True} if entry.packed else {})}
        key = f"{file.name}/{entry.name}"
        place = _Place(key, path, entry.offset, entry.length, repository, licences.find(path), more)
        yield _read_source(place, entry.data, options)


def _without_top(entry: Entry, repository: str) -> str:
    top, _, below = entry.name.removeprefix("./").partition("/")
    return below if below and top.lower() == repository.lower() else entry.name.removeprefix("./")


# -- git ------------------------------------------------------------------------------------------------------------


def _repositories(files: Sequence[InputFile]) -> dict[str, bool]:
    """Folders (with a slash, or empty) of git repositories among a shard's files, and whether to read them.

    A `.git` folder beside files of its working tree is passed over: the working tree is read as it is.
    """
    names = {file.name for file in files}
    folders = [name.removesuffix("HEAD") for name in names if name == "HEAD" or name.endswith("/HEAD")]
    found = {}
    for folder in folders:
        if any(name.startswith((f"{folder}objects/", f"{folder}refs/")) for name in names):
            around = folder.removesuffix(".git/") if folder.endswith(".git/") else folder
            beside = any(name.startswith(around) and not name.startswith(folder) for name in names)
            found[folder] = around == folder or not beside
    return found


def _inside(name: str, repositories: dict[str, bool]) -> str | None:
    return next((folder for folder in repositories if name.startswith(folder)), None)


def _read_folder(head: InputFile, options: CodeSource) -> Iterator[Record]:
    folder = Path(head.path).parent
    if head.is_remote:
        yield Record(
            0, None, head.name, rule="unreadable_repository", detail="a folder is read from a disk only"
        )
        return
    try:
        with open_repository(folder, options.revision) as (commit, store):
            yield from _read_commit(commit, store, options)
    except BrokenRepositoryError as error:
        yield Record(0, None, head.name, rule="unreadable_repository", detail=str(error))


def _read_bundle(file: InputFile, options: CodeSource) -> Iterator[Record]:
    try:
        with open_bundle(file, options.revision) as (commit, store):
            yield from _read_commit(commit, store, options)
    except BrokenRepositoryError as error:
        yield Record(0, file.size(), file.name, rule="unreadable_repository", detail=str(error))


def _read_commit(commit: Commit, store: Store, options: CodeSource) -> Iterator[Record]:
    licences = LicenceMap()
    for blob in read_blobs(store, commit, options.max_record_bytes, wanted=is_licence_file):
        if blob.data is not None:
            licences.add(blob.path, decode_text(blob.data[:MAX_LICENCE_BYTES])[0])
    for blob in read_blobs(store, commit, options.max_record_bytes):
        key = f"{commit.name}/{blob.path}"
        if blob.data is None:
            yield Record(0, None, key, rule=blob.rule, detail=blob.detail)
            continue
        more = {"commit": commit.sha, "remote": commit.remote, "blob": blob.sha}
        place = _Place(key, blob.path, 0, None, commit.name, licences.find(blob.path), more)
        yield _read_source(place, blob.data, options)
