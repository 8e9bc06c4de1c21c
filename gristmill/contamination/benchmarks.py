"""Items of evaluation sets, read from the files in which they are published.

What a file is, is told by its name's ending and by the keys of its rows, so that a path and a name are enough:
  rows of objects   .jsonl, .json (a list, or an object with `examples` or `data`), each also with .gz, and .parquet
  tables            .csv with a header (TruthfulQA), or without one and with six columns (MMLU: question, A-D, letter)
A folder is all its files; where there are several, each is a set of its own: `mmlu/anatomy`.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.errors import InputError, shorten

_ENDINGS = re.compile(r"\.(jsonl|json|csv|parquet)(\.gz)?$", re.IGNORECASE)
_SPLIT = re.compile(r"[-_](test|dev|val|validation|train)$", re.IGNORECASE)
_MAX_BYTES = 1 << 30  # unpacked; what is larger is no benchmark
# Keys by which published sets name the same thing; the first that a row has counts.
_QUESTION = ("question", "problem", "prompt", "ctx", "Question", "input", "text", "query", "sentence")
_CHOICES = ("choices", "options", "endings")
_ANSWER = ("solution", "canonical_solution", "code", "answer", "answerKey", "target", "label", "Best Answer")
_PASSAGE = ("passage", "context", "support", "article")
_IDENTITY = ("id", "task_id", "ind", "question_id")
_MMLU_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Item:
    """One question of a benchmark, its texts stripped."""

    benchmark: str
    id: str  # the benchmark's name, `/`, and the set's own name of the item, else its row number from 0
    question: str
    answer: str = ""
    choices: tuple[str, ...] = ()
    passage: str = ""


def read_benchmark(name: str, paths: Sequence[Path], fields: Mapping[Any, str] | None = None) -> list[Item]:
    """All items of a benchmark, in the order of files and rows.

    fields: for a set of unknown shape, which key holds its `question`, `answer`, `choices`, `passage` and `id`.
    Raises InputError where a file cannot be read, or a row has no question.
    """
    files = [file for path in paths for file in _benchmark_files(name, path)]
    items: list[Item] = []
    for file in files:
        part = _SPLIT.sub("", _ENDINGS.sub("", file.name))
        where = f"benchmark {name!r}, {str(file)!r}"
        rows = _read_rows(file, where)
        named = f"{name}/{part}" if len(files) > 1 else name
        items += [_item(named, number, row, fields or {}, where) for number, row in enumerate(rows)]
    if not items:
        raise InputError(f"benchmark {name!r}: {', '.join(repr(str(path)) for path in paths)} holds no items")
    return items


def _benchmark_files(name: str, path: Path) -> list[Path]:
    """The files of a benchmark that a path names: itself, or those of known formats below it, sorted."""
    if path.is_file():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.is_file() and _ENDINGS.search(file.name))
    if not found:
        what = "holds no .jsonl, .json, .csv or .parquet file" if path.is_dir() else "does not exist"
        raise InputError(f"benchmark {name!r}: {str(path)!r} {what}")
    return found


# -- rows -------------------------------------------------------------------------------------------------------


def _read_rows(file: Path, where: str) -> list[Any]:
    ending = _ENDINGS.search(file.name)
    if ending is None:
        raise InputError(f"{where}: allowed are .jsonl, .json, .csv (each also .gz) and .parquet")
    try:
        if ending[1].lower() == "parquet":
            import polars as pl

            return pl.read_parquet(file).to_dicts()
        text = _read_text(file, packed=ending[2] is not None, where=where)
        return {"jsonl": _json_lines, "json": _json_rows, "csv": _csv_rows}[ending[1].lower()](text)
    except (ValueError, OSError, EOFError, RecursionError) as error:
        raise InputError(f"{where} cannot be read: {type(error).__name__}: {error}") from error


def _read_text(file: Path, *, packed: bool, where: str) -> str:
    with gzip.open(file) if packed else file.open("rb") as handle:
        data = handle.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise InputError(f"{where}: more than {_MAX_BYTES:,} bytes; a benchmark is smaller")
    return data.decode("utf-8-sig")


def _json_lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _json_rows(text: str) -> list[Any]:
    """A list of rows, or an object that holds one: {"examples": [...]}."""
    read = json.loads(text)
    if isinstance(read, dict):
        read = next((value for value in read.values() if isinstance(value, list)), None)
    if not isinstance(read, list):
        raise ValueError("the file must hold a list of objects, or an object with one")
    return read


def _csv_rows(text: str) -> list[dict[str, Any]]:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if not rows:
        return []
    if any(column in _QUESTION for column in rows[0]):
        return [dict(zip(rows[0], row, strict=False)) for row in rows[1:]]
    for number, row in enumerate(rows):
        if len(row) != _MMLU_COLUMNS:
            raise ValueError(
                f"row {number}: {len(row)} columns; without a header that names `question`, there must be six: "
                "question, four choices, letter"
            )
    return [{"question": row[0], "choices": row[1:5], "answer": row[5]} for row in rows]


# -- items ------------------------------------------------------------------------------------------------------


def _item(benchmark: str, number: int, row: Any, fields: Mapping[Any, str], where: str) -> Item:
    if not isinstance(row, dict):
        raise InputError(f"{where}, row {number}: got {shorten(row)}, must be an object")
    inner = row.get("question")
    if isinstance(inner, dict):  # ARC, OpenBookQA
        row = {**row, "question": inner.get("stem"), "choices": inner.get("choices")}
    question = _text(_first(row, fields.get("question"), _QUESTION))
    if not question:
        allowed = ", ".join(_QUESTION)
        raise InputError(
            f"{where}, row {number}: no question in the keys {sorted(map(str, row))[:12]}; known are {allowed}, "
            "or name it: fields: {question: KEY}"
        )
    choices, letters = _choices(_first(row, fields.get("choices"), _CHOICES))
    answer = _first(row, fields.get("answer"), _ANSWER)
    identity = _text(_first(row, fields.get("id"), _IDENTITY)) or str(number)
    benchmark = _text(row.get("benchmark")) or benchmark  # a file of several sets
    if isinstance(answer, bool) and not question.endswith("?"):  # BoolQ writes its questions without
        question += "?"
    return Item(
        benchmark,
        f"{benchmark}/{identity.rpartition('/')[2]}",
        question,
        _answer(answer, choices, letters),
        choices,
        _text(_first(row, fields.get("passage"), _PASSAGE)),
    )


def _first(row: dict[str, Any], declared: str | None, known: tuple[str, ...]) -> Any:
    return next((row[key] for key in ((declared,) if declared else known) if row.get(key) is not None), None)


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = "\n".join(map(_text, value))
    return "" if value is None else str(value).replace("\r\n", "\n").strip()


def _choices(value: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(texts, labels) of the choices: a list of texts, of objects, or lists of both (as hubs store them)."""
    if isinstance(value, dict):
        columns = zip(value.get("text", ()), value.get("label", ()), strict=False)
        return _choices([{"text": text, "label": label} for text, label in columns])
    if not isinstance(value, list):
        return (), ()
    pairs = [
        (_text(one.get("text")), _text(one.get("label"))) if isinstance(one, dict) else (_text(one), "")
        for one in value
    ]
    texts, labels = tuple(text for text, _ in pairs), tuple(label for _, label in pairs)
    return texts, tuple(label or "ABCDEFGHIJ"[i : i + 1] for i, label in enumerate(labels))


def _answer(value: Any, choices: tuple[str, ...], labels: tuple[str, ...]) -> str:
    """The answer's text, also where the row only says which choice it is; yes or no for a truth value."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int) and 0 <= value < len(choices):
        return choices[value]
    text = _text(value)
    return choices[labels.index(text)] if text in labels else text
