from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gristmill.mix.reader as reader_module
from gristmill.mix import MixOptions, TokenShards, plan_mixture
from tests.mix.builders import select, text_of, texts_of, write


def _corpus(folder: Path, count: int = 12, shard_tokens: int = 25) -> TokenShards:
    """Documents of 4 to 9 tokens, in files of at most `shard_tokens`."""
    selection = select(*((f"d{n:02}", "web", 3 + n % 6) for n in range(count)))
    options = MixOptions(shard_tokens=shard_tokens)
    index, _ = write(plan_mixture(selection, options), texts_of(selection), options, folder)
    index.write_parquet(folder / "index.parquet", row_group_size=5)
    names = sorted(path.name for path in folder.glob("corpus-*"))
    (folder / "manifest.json").write_text(json.dumps({"files": [{"name": name} for name in names]}))
    return TokenShards(folder)


def test_documents_come_back_with_their_tokens_across_files(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path)
    assert len(list(tmp_path.glob("*.bin"))) > 2
    assert len(corpus) == 12
    for number in range(len(corpus)):
        row = corpus.trace(sum(len(corpus.document(n)) for n in range(number)))
        text = text_of(row["id"], row["n_tokens"] - 1)
        assert corpus.document(number).tolist() == [*map(ord, text), 0]


def test_every_token_leads_back_to_its_document(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path)
    traced = [corpus.trace(position)["id"] for position in range(corpus.tokens)]
    lengths = [len(corpus.document(n)) for n in range(len(corpus))]
    order = [corpus.trace(sum(lengths[:n]))["id"] for n in range(len(corpus))]
    assert traced == [name for name, length in zip(order, lengths, strict=True) for _ in range(length)]
    for outside in (-1, corpus.tokens):
        with pytest.raises(IndexError, match="is not in the corpus"):
            corpus.trace(outside)


def test_windows_overlap_by_one_token_and_cover_the_stream(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path)
    stream = np.concatenate([corpus.document(n) for n in range(len(corpus))])
    batches = list(corpus.batches(seq_len=4, batch_size=3))
    assert len(batches) == (corpus.tokens - 1) // 12
    assert {batch.shape for batch in batches} == {(3, 5)}
    assert batches[0].dtype == np.int64
    inputs = np.concatenate([batch[:, :-1].ravel() for batch in batches])
    targets = np.concatenate([batch[:, 1:].ravel() for batch in batches])
    assert inputs.tolist() == stream[: inputs.size].tolist()
    assert targets.tolist() == stream[1 : targets.size + 1].tolist()


def test_a_run_resumes_by_the_number_of_the_batch(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path)
    whole = list(corpus.batches(seq_len=4, batch_size=2))
    resumed = list(corpus.batches(seq_len=4, batch_size=2, first=3))
    assert len(resumed) == len(whole) - 3
    assert all(np.array_equal(a, b) for a, b in zip(whole[3:], resumed, strict=True))


def test_a_cut_file_is_found_when_it_is_opened(tmp_path: Path) -> None:
    _corpus(tmp_path)
    data = tmp_path / "corpus-00001.bin"
    whole = data.read_bytes()
    data.write_bytes(whole[:-2])
    with pytest.raises(ValueError, match=r"corpus-00001\.bin: \d+ tokens, the index has"):
        TokenShards(tmp_path)
    data.write_bytes(whole)
    index = tmp_path / "corpus-00001.idx"
    index.write_bytes(index.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"corpus-00001\.idx is cut or damaged"):
        TokenShards(tmp_path)
    index.write_bytes(b"something else")
    with pytest.raises(ValueError, match="not a Megatron index"):
        TokenShards(tmp_path)


def test_an_unfinished_export_is_not_opened(tmp_path: Path) -> None:
    _corpus(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"manifest\.json"):
        TokenShards(tmp_path)


def test_the_reader_works_as_a_copied_file(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path / "corpus")
    (tmp_path / "reader.py").write_text(Path(str(reader_module.__file__)).read_text())
    code = "import sys, reader; assert 'gristmill' not in sys.modules; print(reader.TokenShards('corpus').tokens)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": ""},
    )
    assert int(done.stdout) == corpus.tokens
