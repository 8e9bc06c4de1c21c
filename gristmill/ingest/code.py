"""Files of source code as documents: one file, one record, named by its path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from gristmill.hashing import digest_bytes
from gristmill.ingest.charset import decode_text, is_binary
from gristmill.ingest.notebooks import NotebookError, notebook_text
from gristmill.ingest.options import CodeSource
from gristmill.ingest.records import Record
from gristmill.inputs import InputFile


def read_code(file: InputFile, options: CodeSource) -> Iterator[Record]:
    """The one record of a file of source code; its key is its name, the path inside the shard.

    `meta`: language, charset. Rules: extension, too_large, not_text, bad_notebook, empty_text.
    """
    size, name = file.size(), file.name
    extension = PurePosixPath(name).suffix.lower().removeprefix(".")
    language = options.languages.get(extension)
    if language is None:
        yield Record(0, size, name, rule="extension", detail=f".{extension}" if extension else "none")
        return
    if size > options.max_record_bytes:
        bound = float(options.max_record_bytes)
        yield Record(0, size, name, rule="too_large", value=float(size), bound=bound)
        return
    with file.open() as handle:
        data = handle.read()
    digest = digest_bytes(data)
    if is_binary(data):
        yield Record(0, size, name, digest, rule="not_text", detail="the bytes are binary")
        return
    text, charset = decode_text(data)
    if extension == "ipynb" and options.notebooks == "cells":
        try:
            text = notebook_text(text)
        except NotebookError as error:
            yield Record(0, size, name, digest, rule="bad_notebook", detail=str(error))
            return
    if not text.strip():
        yield Record(0, size, name, digest, rule="empty_text")
        return
    yield Record(0, size, name, digest, text, meta={"language": language, "charset": charset})
