"""Options of a language model behind one or more servers that speak OpenAI's API.

Only what says which model it is counts for answers: `identity`, and with `name` the served name and version. Places,
limits and the name of the variable with the key change no fingerprint. A key itself is never an option.
"""

from __future__ import annotations

import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from gristmill.options import Options

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ServerOptions(Options):
    """Servers of one model, all with the same weights, and how they are asked."""

    endpoints: tuple[str, ...] = Field(
        strict=False,
        min_length=1,
        max_length=256,
        description="Addresses of the servers, as `http://host:8000`, http or https, with or without `/v1`; no user, "
        "password or query. Each is a replica: a request goes to the one with the most room.",
    )
    served_model: str | None = Field(
        default=None,
        min_length=1,
        description="Name of the model at the servers; a LoRA adapter's needs `identity: name`. Null: the only model "
        "that they serve.",
    )
    identity: Literal["files", "name"] = Field(
        default="files",
        description="What names the model in the keys of answers. files: the digest of all files of `source`, weights "
        "included, which must be here; answers are then shared with `engine: inline`. name: `served_model` and "
        "`served_version`, for weights that are only behind the servers; `source` then only has to hold tokenizer "
        "and chat template.",
    )
    served_version: str | None = Field(
        default=None,
        min_length=1,
        description="Version of the weights, as a commit or a date; required with `identity: name`, which without it "
        "would mix answers of different weights under one name. Change it when the servers get other weights.",
    )
    protocol: Literal["vllm", "openai"] = Field(
        default="vllm",
        description="vllm: prompts go as token ids, made here as with `engine: inline`; all constraints. openai: "
        "messages and texts go as they are, for servers that know nothing of vLLM's fields; of the constraints only "
        "JSON schemas; needs `identity: name`, since the chat template is the server's.",
    )
    api_key_variable: str | None = Field(
        default=None,
        description="Name of the environment variable that holds the key, sent as a bearer token. Null: no key.",
    )
    concurrency: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Requests at the same time per endpoint; a little more than the server's --max-num-seqs keeps "
        "it full.",
    )
    request_seconds: float = Field(
        default=600.0, gt=0, le=86_400, description="Time limit of one request; then it is asked again."
    )
    retries: int = Field(
        default=8,
        ge=0,
        le=100,
        description="How often a request is asked again after a failure (429, 5xx, cut connection, unreadable answer, "
        "time limit). What fails more often is left out, all else is done, and then the run ends with an error.",
    )
    outage_seconds: float = Field(
        default=300.0,
        gt=0,
        le=86_400,
        description="How long all endpoints may be out before the run ends with an error; also the time that servers "
        "have to start.",
    )
    stall_seconds: float = Field(
        default=900.0,
        gt=0,
        le=86_400,
        description="How long requests may be in flight without any answer before the run ends with an error; more "
        "than `request_seconds`.",
    )
    send_seed: bool = Field(
        default=False,
        description="Send a seed with each request, made from its key. Not to vLLM on a CPU, where a seeded request "
        "can end the engine. Part of the keys either way.",
    )

    @field_validator("endpoints", mode="after")
    @classmethod
    def _addresses(cls, endpoints: tuple[str, ...]) -> tuple[str, ...]:
        bases = tuple(_base_address(endpoint) for endpoint in endpoints)
        repeated = sorted({base for base in bases if bases.count(base) > 1})
        if repeated:
            raise ValueError(f"{repeated} stand more than once; name each server once")
        return bases

    @field_validator("api_key_variable", mode="after")
    @classmethod
    def _name_of_a_variable(cls, name: str | None) -> str | None:
        if name is not None and not _VARIABLE.fullmatch(name):
            raise _secret(
                "must be the name of an environment variable (letters, digits, _), not the key itself"
            )
        return name

    @model_validator(mode="after")
    def _a_name_has_a_version(self) -> Self:
        if self.identity == "name" and (self.served_model is None or self.served_version is None):
            raise ValueError("identity `name` needs both served_model and served_version")
        if self.identity == "files" and self.served_version is not None:
            raise ValueError("served_version is for identity `name` only; files have their digest")
        if self.identity == "files" and self.protocol == "openai":
            raise ValueError(
                "protocol `openai` needs identity `name`: the server's template may not be the files'"
            )
        return self

    @model_validator(mode="after")
    def _a_request_ends_before_a_stall(self) -> Self:
        if self.stall_seconds < self.request_seconds:
            raise ValueError(
                f"stall_seconds {self.stall_seconds} must not be less than request_seconds {self.request_seconds}"
            )
        return self


def _base_address(endpoint: str) -> str:
    """The address without `/v1` and slashes at its end."""
    form = "must be http://HOST[:PORT][/PATH] or the same with https"
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{form}: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise _secret(f"{form}, without user and password; name a variable with the key in api_key_variable")
    if parts.query or parts.fragment:
        raise _secret(f"{form}, without query and fragment; name a variable with the key in api_key_variable")
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c.isspace() for c in endpoint):
        raise ValueError(f"{form}; got {endpoint!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{path}"


def _secret(message: str) -> PydanticCustomError:
    """A fault whose value is not repeated in messages (gristmill.recipe): it may be a password or a key."""
    return PydanticCustomError("secret", "{message}", {"message": message})
