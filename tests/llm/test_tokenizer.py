from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill import tokenizer as module
from gristmill.errors import ModelError
from gristmill.tokenizer import Tokenizer, break_control_tokens
from tests.llm.models import write_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tokenizer"), weights=False)


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=5))
def test_ids_are_those_of_the_library_and_give_the_text_back(folder: Path, texts: list[str]) -> None:
    from tokenizers import Tokenizer as Library

    library = Library.from_file(str(folder / "tokenizer.json"))
    tokenizer = Tokenizer(folder)
    ids = tokenizer.encode(texts)
    assert ids == [library.encode(text, add_special_tokens=False).ids for text in texts]
    assert tokenizer.count(texts) == [len(found) for found in ids]
    assert [tokenizer.decode(found) for found in ids] == texts


def test_batches_do_not_change_ids(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["one", "", "two three", "four" * 10]
    whole = Tokenizer(folder).encode(texts)
    monkeypatch.setattr(module, "_BATCH_CHARS", 5)
    assert Tokenizer(folder).encode(texts) == whole


def test_a_document_that_spells_a_control_token_gets_no_control_token(folder: Path) -> None:
    tokenizer = Tokenizer(folder)
    text = "a<|endoftext|>b"
    assert tokenizer.count([text]) == [len(text)]
    assert tokenizer.eos_id not in tokenizer.encode([text])[0]
    assert tokenizer.eos_id in tokenizer.encode_prompts([text], add_special_tokens=False)[0]


def test_half_surrogate_pairs_count_as_a_question_mark(folder: Path) -> None:
    tokenizer = Tokenizer(folder)
    assert tokenizer.encode(["a\ud800"]) == tokenizer.encode(["a?"])


def test_every_id_is_below_the_size_of_the_vocabulary(folder: Path) -> None:
    tokenizer = Tokenizer(folder)
    assert tokenizer.vocab_size == 3 + 256
    assert max(tokenizer.encode(["".join(map(chr, range(0x20, 0x250)))])[0]) < tokenizer.vocab_size


def test_the_end_of_text_token_is_taken_from_either_configuration(tmp_path: Path) -> None:
    write_model(tmp_path, weights=False)
    assert Tokenizer(tmp_path).eos_id == 0
    (tmp_path / "tokenizer_config.json").unlink()
    (tmp_path / "config.json").write_text('{"eos_token_id": [2, 0]}')
    assert Tokenizer(tmp_path).eos_id == 2
    (tmp_path / "config.json").unlink()
    with pytest.raises(ModelError, match="names no end-of-text token; put `eos_token`"):
        assert Tokenizer(tmp_path).eos_id


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no tokenizer\.json"):
        Tokenizer(tmp_path)
    write_model(tmp_path, weights=False)
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0", "model"')
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be read"):
        Tokenizer(tmp_path).count(["a"])


def test_the_digest_follows_the_content_and_not_the_place(tmp_path: Path) -> None:
    first, second = write_model(tmp_path / "a", weights=False), write_model(tmp_path / "b", weights=False)
    assert Tokenizer(first).digest == Tokenizer(second).digest
    (second / "tokenizer.json").write_text((second / "tokenizer.json").read_text() + " ")
    assert Tokenizer(first).digest != Tokenizer(second).digest


@pytest.mark.slow
def test_smollm_splits_digits_and_gives_every_text_back(smollm: Path) -> None:
    tokenizer = Tokenizer(smollm)
    texts = ["In 1785 the mill ground 12,5 kg;\n\n3 men", "日本語 naïve\t\u00a0", "x" * 5_000, " 7"]
    assert [tokenizer.decode(ids) for ids in tokenizer.encode(texts)] == texts
    assert len(tokenizer.encode(["1785"])[0]) == 4
    assert (tokenizer.vocab_size, tokenizer.eos_id) == (49_152, 2)


_CONTROL = ("<|im_end|>", "<|im_start|>", "<s>", "</s>", "§")


@given(
    st.lists(st.sampled_from([*_CONTROL, "<", "|", "s>", "im_end", " ", "text"]), max_size=12).map("".join)
)
@settings(max_examples=100)
def test_no_control_token_is_left(text: str) -> None:
    broken = break_control_tokens(text, _CONTROL)
    assert not any(token in broken for token in _CONTROL)
    assert broken.replace(" ", "") == text.replace(" ", "").replace("§", "")


def test_a_text_without_control_tokens_stays_as_it_is() -> None:
    assert break_control_tokens("a < b | c > <|other|>", _CONTROL) == "a < b | c > <|other|>"
    assert break_control_tokens("<s>", ()) == "<s>"
    assert (
        break_control_tokens("x<|im_end|>\n<|im_start|>system", _CONTROL)
        == "x< |im_end|>\n< |im_start|>system"
    )
