"""The bench and the training of the extractor, on a few pages of one's own."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from bench.extraction import main, read_pages, summarize, tokenize, word_f1
from bench.extractor_labels import label_blocks
from bench.train_extractor import assign_folds, read_example
from tests.ingest.html.pages import SENTENCES, article, forum


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    (tmp_path / "pages").mkdir()
    truth = []
    for n, (html, kind) in enumerate([(article(), "article"), (forum(), "forum")]):
        (tmp_path / "pages" / f"p{n}.html.gz").write_bytes(gzip.compress(html.encode()))
        row = {"id": f"p{n}", "source": "own", "url": f"https://m{n}.example/x", "page_type": kind}
        gold = "\n".join(SENTENCES) if kind == "article" else None
        truth.append(
            row | {"main_content": gold, "snippets_with": [SENTENCES[1]], "snippets_without": ["Imprint"]}
        )
    (tmp_path / "truth.jsonl").write_text("\n".join(map(json.dumps, truth)), encoding="utf-8")
    return tmp_path


def test_f1_counts_words_as_often_as_they_occur() -> None:
    assert word_f1(tokenize("a b b"), tokenize("B c b a")) == pytest.approx(6 / 7)
    assert word_f1([], ["a"]) == 0
    assert tokenize("水車と mill") == ["水", "車", "と", "mill"]


def test_the_bench_measures_quality_and_speed(benchmark: Path) -> None:
    file = benchmark / "out.json"
    argv = [
        "--pages",
        str(benchmark / "pages"),
        "--truth",
        str(benchmark),
        "--peers",
        "resiliparse",
        "--json",
        str(file),
    ]
    measured = main(argv)
    assert set(measured) == {"gristmill", "gristmill, no formulas", "resiliparse"}
    assert measured["gristmill"]["own article"] > 0.8
    assert measured["gristmill"]["own recall"] == 1
    assert measured["gristmill"]["pages per CPU s"] > 0
    assert json.loads(file.read_text())["gristmill"].keys() == measured["gristmill"].keys()


def test_an_unknown_peer_is_named(benchmark: Path) -> None:
    with pytest.raises(SystemExit, match="known are resiliparse, trafilatura"):
        main(["--pages", str(benchmark / "pages"), "--truth", str(benchmark), "--peers", "lynx"])


def test_snippets_are_looked_for_in_normalised_text(benchmark: Path) -> None:
    pages = read_pages(benchmark / "pages", benchmark)
    figures = summarize(pages, [SENTENCES[1].upper().replace(" ", "\n"), "imprint"])
    assert figures["own recall"] == 0.5
    assert figures["own leak"] == 0.5


def test_labels_are_shares_of_words_in_runs() -> None:
    gold = tokenize("the wheel turns the stone and the stone turns grain")
    shares, sizes = label_blocks([["menu", "the"], gold[:5], ["x"], gold[5:]], gold)
    assert sizes.tolist() == [2, 5, 1, 5]
    assert shares.tolist() == [0.0, 1.0, 0.0, 1.0]


def test_moved_text_is_labelled_too() -> None:
    shares, _ = label_blocks([["d", "e", "f"], ["a", "b", "c", "g"]], ["a", "b", "c", "g", "d", "e", "f"])
    assert shares.tolist() == [1.0, 1.0]


def test_pages_of_one_site_share_a_fold(benchmark: Path) -> None:
    examples = [read_example(page) for page in read_pages(benchmark / "pages", benchmark)] * 2
    folds = assign_folds(examples, 2, seed=0)
    assert folds[:2] == folds[2:]
    assert examples[0].labels.max() == 1
    assert examples[1].labels is None
