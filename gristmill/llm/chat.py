"""Prompts as a model wants them: chat messages through its own template, then token ids.

The template is the model's (Jinja, rendered in a sandbox with the settings that transformers uses, so that the text is
the same), without importing transformers, which takes seconds. A template that asks for today's date is told a fixed
one: the same request is the same prompt on every day.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any

from gristmill.errors import ModelError, shorten
from gristmill.llm.requests import Messages, Prompt
from gristmill.tokenizer import Tokenizer, break_control_tokens

_TODAY = datetime(2025, 1, 1)
_MAX_PIECES = 256  # messages whose tokens are kept: about 20 MB at 2,000 tokens each


class PromptEncoder:
    """Token ids of prompts for the model whose tokenizer this is."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._pieces: OrderedDict[str, list[int]] = OrderedDict()  # the last used ones

    def encode(self, prompt: Prompt) -> list[int]:
        """Token ids of one prompt. Raises ModelError where messages do not fit the template, or there is none.

        Text gets what the tokenizer puts around a text; in messages the template has put that; ids stay.
        """
        if isinstance(prompt, str):
            return self.tokenizer.encode_prompts([prompt], add_special_tokens=True)[0]
        if isinstance(prompt[0], int):
            return [int(token) for token in prompt]
        return self._encode_rendered([self.render(prompt)])[0]

    def encode_many(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """Token ids of each prompt, as `encode` gives them; faster for several."""
        rendered = [
            (place, self.render(prompt))
            for place, prompt in enumerate(prompts)
            if not isinstance(prompt, str) and not isinstance(prompt[0], int)
        ]
        chats = self._encode_rendered([text for _, text in rendered])
        found = {place: ids for (place, _), ids in zip(rendered, chats, strict=True)}
        return [
            found[place] if place in found else self.encode(prompt) for place, prompt in enumerate(prompts)
        ]

    def count_chats(self, chats: Sequence[Messages]) -> list[int]:
        """Number of prompt tokens of each chat, the template's included."""
        rendered = [self.render(messages) for messages in chats]
        return [len(ids) for ids in self.tokenizer.encode_prompts(rendered, add_special_tokens=False)]

    def render(self, messages: Messages) -> str:
        """The text of a chat, up to where the model's answer begins.

        Only the template writes control tokens: in a message, such a spelling is broken up, so that no document can end
        its message and begin another one.
        """
        import jinja2

        try:
            return str(
                self._template.render(
                    messages=[
                        {
                            "role": role,
                            "content": break_control_tokens(content, self.tokenizer.control_tokens),
                        }
                        for role, content in messages
                    ],
                    tools=None,
                    documents=None,
                    add_generation_prompt=True,
                    **self.tokenizer.special_tokens,
                )
            )
        except (jinja2.TemplateError, TypeError) as error:
            roles = [role for role, _ in messages]
            raise ModelError(
                f"model {self.tokenizer.name!r}: its chat template refuses messages with the roles {roles}: {error}"
            ) from error

    def _encode_rendered(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of rendered chats. Messages that many of them have, as examples, are tokenized once."""
        if not self.tokenizer.splits_at_control_tokens or not self.tokenizer.control_tokens:
            return self.tokenizer.encode_prompts(texts, add_special_tokens=False)
        cut = [self._control_tokens.split(text) for text in texts]
        new = [piece for piece in dict.fromkeys(chain.from_iterable(cut)) if piece not in self._pieces]
        self._pieces.update(
            zip(new, self.tokenizer.encode_prompts(new, add_special_tokens=False), strict=True)
        )
        ids = []
        for pieces in cut:
            for piece in pieces:
                self._pieces.move_to_end(piece)
            ids.append([token for piece in pieces for token in self._pieces[piece]])
        while len(self._pieces) > _MAX_PIECES:
            self._pieces.popitem(last=False)
        return ids

    @cached_property
    def _control_tokens(self) -> re.Pattern[str]:
        """Matches a control token, the longest where several begin at one place, as the library does."""
        tokens = sorted(filter(None, self.tokenizer.control_tokens), key=len, reverse=True)
        return re.compile(f"({'|'.join(map(re.escape, tokens))})")

    @cached_property
    def _template(self) -> Any:
        import jinja2
        import jinja2.ext
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols]
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = _TODAY.strftime
        source = _read_template(self.tokenizer)
        try:
            return environment.from_string(source)
        except jinja2.TemplateError as error:
            raise ModelError(
                f"model {self.tokenizer.name!r}: its chat template is wrong: {error}; it begins {shorten(source)}"
            ) from error


def _read_template(tokenizer: Tokenizer) -> str:
    """The template from chat_template.jinja or tokenizer_config.json; of several, the one named `default`."""
    file = tokenizer.folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    config = tokenizer.folder / "tokenizer_config.json"
    found = json.loads(config.read_text(encoding="utf-8")).get("chat_template") if config.is_file() else None
    if isinstance(found, list):
        found = {entry["name"]: entry["template"] for entry in found}.get("default")
    if not isinstance(found, str):
        raise ModelError(
            f"model {tokenizer.name!r} has no chat template, so it is no chat model; take one that has "
            "(often named -Instruct)"
        )
    return found


def _refuse(message: str) -> None:
    import jinja2

    raise jinja2.TemplateError(message)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Jinja's own filter escapes for HTML."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )
