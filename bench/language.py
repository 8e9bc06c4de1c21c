"""Language identification: how often it is right, by language and by writing, and what the preparation costs.

    python -m bench.language --texts langid.jsonl.gz [--model lid.176.bin] [--table docs/stages/language.md]

Texts are rows of JSON with `text` and `label_lid176`, the right label (rows without one are passed over). "bare" is the
model's own loop over the lines as they are, "ours" is gristmill.filter.describe_languages with default options. Both
see the texts as they are, in capitals, in small letters, and cut to 40 characters. Rates are measured on all the
texts, repeated, and on texts of 2,000 characters made of them.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.harness import Case, Measured, Stopwatch, main

WRITINGS = ("as_is", "upper", "lower", "first_40")
SHORT = 40
LONG = 2000
REPEATED = 20
BEGIN, END = "<!-- bench/language.py writes from here -->", "<!-- to here -->"


def identify(texts: str, model: str | None, ours: bool) -> dict[str, float]:
    """Accuracy over all texts and over languages, for every writing, and rates."""
    rows = read_texts(Path(texts))
    label = _ours(model) if ours else _bare(model)
    figures: dict[str, float] = {}
    for writing in WRITINGS:
        rights = by_language(rows, label, writing)
        flat = [right for of_language in rights.values() for right in of_language]
        figures[f"{writing}"] = sum(flat) / len(flat)
        figures[f"{writing}_by_language"] = sum(sum(r) / len(r) for r in rights.values()) / len(rights)
    given = [text for text, _ in rows] * REPEATED
    with Stopwatch() as watch:
        label(given)
    long = [" ".join(given[i : i + 60])[:LONG] for i in range(0, len(given), 60)] * 10
    with Stopwatch() as long_watch:
        label(long)
    seconds, long_seconds = watch.times["cpu_seconds"], long_watch.times["cpu_seconds"]
    return {
        **watch.times,
        **figures,
        "docs_per_s": len(given) / seconds,
        "mb_per_s": sum(len(text.encode()) for text in given) / seconds / 1e6,
        "long_docs_per_s": len(long) / long_seconds,
        "long_mb_per_s": sum(len(text.encode()) for text in long) / long_seconds / 1e6,
    }


def read_texts(path: Path) -> list[tuple[str, str]]:
    """(text, right label) of every row with a label."""
    with (
        gzip.open(path, "rt", encoding="utf-8")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8") as handle
    ):
        rows = [json.loads(line) for line in handle if line.strip()]
    return [(row["text"], row["label_lid176"]) for row in rows if row.get("label_lid176")]


def by_language(rows: Sequence[tuple[str, str]], label: Any, writing: str) -> dict[str, list[bool]]:
    """Whether each text was given the right label, by that label."""
    write = {"as_is": str, "upper": str.upper, "lower": str.lower, "first_40": lambda text: text[:SHORT]}[
        writing
    ]
    found = label([write(text) for text, _ in rows])
    rights = defaultdict(list)
    for (_, right), got in zip(rows, found, strict=True):
        rights[right].append(got == right)
    return dict(rights)


def _bare(model: str | None) -> Any:
    from gristmill.classifiers import LABEL, load_classifier

    loaded = load_classifier(_model_path(model))

    def label(texts: list[str]) -> list[str]:
        return [
            loaded.f.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")[0][1].removeprefix(LABEL)
            for text in texts
        ]

    return label


def _ours(model: str | None) -> Any:
    import polars as pl

    from gristmill.filter import describe_languages
    from gristmill.filter.options import LanguageOptions

    path, options = _model_path(model), LanguageOptions()

    def label(texts: list[str]) -> list[str | None]:
        return describe_languages(pl.Series(texts, dtype=pl.String), path, options)["lang"].to_list()

    label([""])  # compiles, and reads the model
    return label


def _model_path(model: str | None) -> Path:
    if model is not None:
        return Path(model)
    from resources.home import models_folder
    from resources.models import language_identifier

    return language_identifier(models_folder()).path


def list_languages(texts: Path, model: str | None) -> list[dict[str, Any]]:
    """Accuracy of every language, bare and ours, in every writing."""
    rows = read_texts(texts)
    found: dict[str, dict[str, Any]] = {}
    for name, label in (("bare", _bare(model)), ("ours", _ours(model))):
        for writing in WRITINGS:
            for language, rights in by_language(rows, label, writing).items():
                row = found.setdefault(language, {"language": language, "texts": len(rights)})
                row[f"{name}_{writing}"] = sum(rights) / len(rights)
    return [found[language] for language in sorted(found)]


def format_table(languages: Sequence[dict[str, Any]]) -> str:
    """Markdown of the writings that differ most."""
    columns = [f"{name}_{writing}" for writing in ("as_is", "upper", "first_40") for name in ("bare", "ours")]
    heads = [column.replace("_", " ").replace(" ", ", ", 1) for column in columns]
    texts = sum(row["texts"] for row in languages)
    means = [sum(row[column] * row["texts"] for row in languages) / texts for column in columns]
    lines = ["| language | texts | " + " | ".join(heads) + " |", "|---|---:|" + "---:|" * len(heads)]
    lines.append(f"| **all** | {texts} | " + " | ".join(f"**{mean:.3f}**" for mean in means) + " |")
    for row in languages:
        shares = " | ".join(f"{row[column]:.2f}" for column in columns)
        lines.append(f"| {row['language']} | {row['texts']} | {shares} |")
    return "\n".join(lines)


def _cases(options: argparse.Namespace) -> list[Case]:
    if options.texts is None:
        return []
    given = {"texts": str(options.texts.resolve()), "model": options.model}
    return [
        Case("bare fastText", "bench.language:identify", {**given, "ours": False}),
        Case("ours", "bench.language:identify", {**given, "ours": True}),
    ]


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--texts", type=Path, metavar="FILE", help="texts with their label, .jsonl or .jsonl.gz"
    )
    parser.add_argument(
        "--model", metavar="FILE", help="fastText model (default: lid.176.ftz of its package)"
    )
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="write accuracy by language into this Markdown page"
    )


def _report_languages(argv: Sequence[str] | None = None) -> None:
    """Add accuracy by language to the file of --json, and write it into the page of --table."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--json", type=Path)
    _add_options(parser)
    options, _ = parser.parse_known_args(argv)
    if options.texts is None or (options.table is None and options.json is None):
        return
    languages = list_languages(options.texts, options.model)
    if options.json is not None:
        told = json.loads(options.json.read_text(encoding="utf-8"))
        written = json.dumps({**told, "by_language": languages}, indent=1) + "\n"
        options.json.write_text(written, encoding="utf-8")
    if options.table is not None:
        before, _, rest = options.table.read_text(encoding="utf-8").partition(BEGIN)
        page = f"{before}{BEGIN}\n\n{format_table(languages)}\n\n{END}{rest.partition(END)[2]}"
        options.table.write_text(page, encoding="utf-8")


def _compare(measured: Sequence[Measured]) -> str:
    if len(measured) != 2:
        return ""
    bare, ours = measured
    ratio = ours.median("cpu_seconds") / bare.median("cpu_seconds")
    return f"The preparation and ranking take {ratio:.2f} times the bare loop's CPU time."


if __name__ == "__main__":
    print(_compare(main(__doc__, _cases, add_options=_add_options)))
    _report_languages()
