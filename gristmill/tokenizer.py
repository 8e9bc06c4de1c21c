"""The tokenizer of a model: text to token ids and back, by the library `tokenizers` on all cores.

Documents are data: a page that spells out `<|endoftext|>` gets the tokens of those letters, never the control
token, so nothing in a corpus can end a document or open a chat. `encode_prompts` is for prompts, where control tokens
are meant. The number of threads is RAYON_NUM_THREADS, and TOKENIZERS_PARALLELISM=false switches them off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from gristmill.errors import ModelError
from gristmill.hashing import digest_file

_BATCH_CHARS = 1 << 20  # the library keeps about 150 bytes per token of a batch

_BLIND = ("ByteLevel", "Digits", "Split")  # pre-tokenizers that see nothing beyond the text they are given


class Tokenizer:
    """The tokenizer in a model's folder (tokenizer.json, tokenizer_config.json, config.json); read on first use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self._file = folder / "tokenizer.json"
        if not self._file.is_file():
            raise ModelError(f"model folder {folder.name!r} has no tokenizer.json; only that format is read")

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without control tokens before or after. A text is encoded whole, however long."""
        return [
            encoding.ids
            for batch in _batches(texts)
            for encoding in self._for_text.encode_batch_fast(batch, add_special_tokens=False)
        ]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text, as `encode` gives them."""
        return [
            len(encoding)
            for batch in _batches(texts)
            for encoding in self._for_text.encode_batch_fast(batch, add_special_tokens=False)
        ]

    def cut(self, text: str, max_tokens: int) -> str:
        """The longest beginning of a text, in whole characters of it, that has at most `max_tokens` (1 or more)."""
        allowed = max_tokens
        while True:
            safe = next(_batches([text]))[0]
            offsets = self._for_text.encode(safe, add_special_tokens=False).offsets
            if len(offsets) <= max_tokens:
                return text
            # A token may be part of a character: then the character begins where the next token does, too.
            end = min(offsets[allowed - 1][1], offsets[allowed][0] if allowed else 0)
            text = text[:end]
            allowed -= 1  # text that is cut may be made of more tokens than before, if rarely

    def encode_prompts(self, prompts: Sequence[str], *, add_special_tokens: bool) -> list[list[int]]:
        """Token ids of prompts, in which the spelling of a control token is that token.

        `add_special_tokens` puts around them what the tokenizer puts around a text, as a beginning-of-text token.
        """
        return [
            encoding.ids
            for batch in _batches(prompts)
            for encoding in self._for_prompts.encode_batch_fast(batch, add_special_tokens=add_special_tokens)
        ]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, control tokens left out."""
        return str(self._for_text.decode(list(ids), skip_special_tokens=True))

    @cached_property
    def digest(self) -> str:
        """Digest of the vocabulary and rules."""
        return digest_file(self._file)

    @cached_property
    def vocab_size(self) -> int:
        """One more than the largest token id, control tokens included."""
        return 1 + max(self._for_text.get_vocab(with_added_tokens=True).values())

    @cached_property
    def eos_id(self) -> int:
        """Id of the token that ends a text. Raises ModelError where the folder names none."""
        found = self._for_text.token_to_id(self.special_tokens.get("eos_token", ""))
        if found is None:
            found = self._read("config.json").get("eos_token_id")
            found = found[0] if isinstance(found, list) and found else found
        if not isinstance(found, int):
            raise ModelError(
                f"model folder {self.name!r} names no end-of-text token; put `eos_token` into tokenizer_config.json"
            )
        return found

    @cached_property
    def control_tokens(self) -> tuple[str, ...]:
        """Spellings of all control tokens, sorted: what `encode_prompts` does not read as text."""
        added = self._for_text.get_added_tokens_decoder().values()
        return tuple(sorted(token.content for token in added if token.special))

    @cached_property
    def splits_at_control_tokens(self) -> bool:
        """Whether the text between two control tokens of a prompt has the same tokens wherever it stands.

        So it is where nothing but bytes is looked at: no rules that change a text, no blank put before the first word,
        no control token that takes blanks around it.
        """
        rules = self._read("tokenizer.json")
        before = rules.get("pre_tokenizer") or {}
        parts = before.get("pretokenizers", [before])
        return (
            rules.get("normalizer") is None
            and all(part.get("type") in _BLIND for part in parts)
            and not any(part.get("add_prefix_space") for part in parts)
            and not any(
                token.get(rule)
                for token in rules.get("added_tokens", ())
                for rule in ("lstrip", "rstrip", "single_word", "normalized")
            )
        )

    @cached_property
    def special_tokens(self) -> dict[str, str]:
        """The named control tokens, as `eos_token`, by name."""
        config = self._read("special_tokens_map.json") | self._read("tokenizer_config.json")
        named = {name: value for name, value in config.items() if name.endswith("_token")}
        texts = {name: v.get("content") if isinstance(v, dict) else v for name, v in named.items()}
        return {name: text for name, text in texts.items() if isinstance(text, str)}

    @cached_property
    def _for_text(self) -> Any:
        tokenizer = self._load()
        tokenizer.encode_special_tokens = True
        return tokenizer

    @cached_property
    def _for_prompts(self) -> Any:
        return self._load()

    def _load(self) -> Any:
        from tokenizers import Tokenizer as Library

        try:
            tokenizer = Library.from_file(str(self._file))
        except Exception as error:  # the library raises bare Exception
            raise ModelError(
                f"model folder {self.name!r}: tokenizer.json cannot be read: {error}; copy or download it again"
            ) from error
        tokenizer.no_truncation()  # a file may carry the limits that its training used
        tokenizer.no_padding()
        return tokenizer

    def _read(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            value = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        except (OSError, ValueError) as error:
            raise ModelError(f"model folder {self.name!r}: {name} cannot be read: {error}") from error
        return value if isinstance(value, dict) else {}


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in runs of about `_BATCH_CHARS`; half surrogate pairs, which have no UTF-8, become `?`."""
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8"))
        size += len(text)
        if size >= _BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def break_control_tokens(text: str, control_tokens: Sequence[str]) -> str:
    """The text with a blank after the first character of every spelling of a control token.

    A prompt is read together with the marks of its chat, and there such a spelling would end the message. A control
    token of one character becomes a blank.
    """
    if not control_tokens:
        return text
    short = {token for token in control_tokens if len(token) == 1}
    broken = _starts(tuple(control_tokens)).sub(lambda match: f"{match[0]} ", text)
    return broken.translate({ord(token): " " for token in short}) if short else broken


@lru_cache(maxsize=16)
def _starts(control_tokens: tuple[str, ...]) -> re.Pattern[str]:
    """Matches the character at which a control token begins, also where two of them overlap."""
    alternatives = "|".join(
        re.escape(token) for token in sorted(control_tokens, key=len, reverse=True) if token
    )
    return re.compile(f"(?=(?:{alternatives})).", re.DOTALL)
