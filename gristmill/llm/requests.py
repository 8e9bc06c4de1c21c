"""What is asked of a language model, what it answers, and the key that ties the two together.

A request is a plain value. `request_key` hashes it with the identity of the model; under that key the answer is
kept (gristmill.llm.cache). In the key: everything that may change the answer, the seed included. Not in the key:
engine build, hardware, batch sizes, memory; they are recorded beside the answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from gristmill.hashing import digest_bytes

ConstraintKind = Literal["choice", "regex", "grammar", "json_schema"]
Messages = tuple[tuple[str, str], ...]  # (role, content) pairs, for the model's own chat template
Prompt = str | tuple[int, ...] | Messages
# Of each token of an answer the likeliest texts in its place with their log-probabilities, the written one first.
Logprobs = tuple[tuple[tuple[str, float], ...], ...]

STOP = "stop"  # the model ended its answer, or a stop text came
LENGTH = "length"  # cut at max_tokens, or at the end of the context
ERROR_CONTEXT = "error:context"  # the prompt leaves no room in the context; nothing was generated

MAX_LOGPROBS = 20  # of vLLM and of OpenAI's API

_KEY_VERSION = 1


@dataclass(frozen=True)
class Constraint:
    """What the answer must look like: one of the texts (choice), a regular expression, an EBNF grammar, a JSON schema.

    `value` is a tuple of texts for `choice`; else one text (for json_schema the schema as JSON).
    """

    kind: ConstraintKind
    value: str | tuple[str, ...]

    def __post_init__(self) -> None:
        if (self.kind == "choice") != isinstance(self.value, tuple) or not self.value:
            raise ValueError(
                f"constraint {self.kind!r}: got {self.value!r}; choice takes a tuple of texts, all others one text, "
                "and neither may be empty"
            )


@dataclass(frozen=True)
class Request:
    """One question to a language model.

    `prompt` is text, token ids, or chat messages. A temperature of 0 takes the likeliest token. `stop` texts end the
    answer and are not part of it. `sample` tells repeated draws of one prompt apart. `logprobs` asks for the
    log-probabilities of so many likeliest tokens at each place, at most 20.
    """

    prompt: Prompt
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    constraint: Constraint | None = None
    stop: tuple[str, ...] = ()
    sample: int = 0
    logprobs: int = 0

    def __post_init__(self) -> None:
        if not self.prompt:
            raise ValueError("prompt: got nothing; give text, token ids or messages")
        if self.max_tokens < 1 or self.temperature < 0 or not 0 < self.top_p <= 1:
            raise ValueError(
                f"got max_tokens {self.max_tokens}, temperature {self.temperature}, top_p {self.top_p}; allowed are "
                "max_tokens >= 1, temperature >= 0 and 0 < top_p <= 1"
            )
        if not 0 <= self.logprobs <= MAX_LOGPROBS:
            raise ValueError(f"logprobs: got {self.logprobs}, must be between 0 and {MAX_LOGPROBS}")


@dataclass(frozen=True)
class Answer:
    """What came back. `finish_reason` is stop, length, or begins with `error:`; then the text is empty.

    `logprobs` are there where the request asked and the engine can tell. Under a constraint they are those of the
    tokens that it allowed.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    output_tokens: int
    logprobs: Logprobs | None = None


@dataclass(frozen=True)
class ModelIdentity:
    """All of a model that may change its answers.

    `digest` covers weights, configuration, tokenizer and chat template, `max_model_len` the length of prompt and
    answer together, in tokens. `name` is for people and not hashed.
    """

    name: str
    digest: str
    dtype: str
    max_model_len: int


def request_key(request: Request, model: ModelIdentity) -> str:
    """128-bit hash, in hex, of everything that may change the answer. Equal requests to equal models share it."""
    constraint = request.constraint
    parts = {
        "version": _KEY_VERSION,
        "model": [model.digest, model.dtype, model.max_model_len],
        "prompt": request.prompt,
        "max_tokens": request.max_tokens,
        "temperature": float(request.temperature),
        "top_p": float(request.top_p),
        "seed": request.seed,
        "constraint": None if constraint is None else [constraint.kind, constraint.value],
        "stop": request.stop,
        "sample": request.sample,
        # Left out where none are asked for, so that older keys stay what they are.
        **({"logprobs": request.logprobs} if request.logprobs else {}),
    }
    # ASCII, so that half a surrogate pair in a prompt has a key too.
    return digest_bytes(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode("ascii"))
