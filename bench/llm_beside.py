"""Two engines that stay loaded, each in a process of its own, for bench.llm to ask in turn: the stage's and vLLM's own.

Loading takes longer than a run, on a GPU much longer. Each run gets prompts that no run before it had, the same ones
for both engines, so neither the cache of answers nor the cache of prefixes has them. While one engine is asked, the
processes of the other are stopped: vLLM's wait for work by turning in circles.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any

from bench.llm import language_model, planned, smollm_folder, tokenizer_folder

SMOLLM, DUMMY, LARGE_DUMMY = "smollm2", "dummy", "dummy-8b"
WARM_UP = 4  # requests before the first run
# The dimensions that ProX's released refiner has, and those of Llama 3 8B, but for the tokenizer, which is SmolLM2's.
DUMMIES: dict[str, dict[str, int]] = {
    DUMMY: {
        "hidden_size": 1280, "intermediate_size": 1456, "num_hidden_layers": 24, "num_attention_heads": 16,
        "num_key_value_heads": 16,
    },
    LARGE_DUMMY: {
        "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8,
    },
}  # fmt: skip
VOCABULARY = 49_152

Answering = Callable[[int, int], dict[str, float]]  # (number of the first prompt, how many): seconds, tokens


@contextmanager
def loaded_engines(model: str, options: Mapping[str, Any], max_tokens: int) -> Iterator[dict[str, Any]]:
    """Both engines, each to be given to `ask`; they end with the block."""
    with ExitStack() as stack:
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-llm-")))
        folder = stack.enter_context(_model_folder(model))
        arguments = json.dumps({"folder": str(folder), "options": options, "max_tokens": max_tokens})
        # One after the other: each looks how much memory is free.
        yield {
            name: stack.enter_context(_process(name, sockets / name, arguments))
            for name in ("ours", "theirs")
        }


def ask(engine: dict[str, Any], requests: int) -> dict[str, float]:
    """Let an engine answer so many new prompts; seconds, CPU seconds and tokens."""
    os.killpg(engine["group"], signal.SIGCONT)
    with Client(engine["address"], "AF_UNIX") as connection:
        connection.send(requests)
        told: dict[str, float] = connection.recv()
    os.killpg(engine["group"], signal.SIGSTOP)
    return told


# -- in the process of an engine --------------------------------------------------------------------------------


def serve(name: str, address: str, arguments: str) -> None:
    """Load an engine and answer what is asked, without end."""
    engine = {"ours": _ours, "theirs": _theirs}[name]
    with engine(**json.loads(arguments)) as answer:
        answer(0, WARM_UP)
        first = WARM_UP
        with Listener(address, "AF_UNIX") as listener:
            while True:
                with listener.accept() as connection:
                    requests = connection.recv()
                    connection.send(answer(first, requests))
                    first += requests


@contextmanager
def _ours(folder: str, options: dict[str, Any], max_tokens: int) -> Iterator[Answering]:
    """As the stage asks; from the first request to the last answer in the cache."""
    from gristmill.llm.options import ModelOptions
    from gristmill.llm.vllm_inline import InlineEngine
    from gristmill.tokenizer import Tokenizer

    tokenizer = Tokenizer(Path(folder))
    engine = InlineEngine(
        Path(folder), ModelOptions.model_validate(options), name="bench", tokenizer=tokenizer
    )
    with language_model(tokenizer, engine) as model:

        def answer(first: int, requests: int) -> dict[str, float]:
            made = planned(requests, tokenizer, max_tokens=max_tokens, first=first)
            with _Clock() as clock:
                answers = dict(model.answer(made))
            return clock.told(sum(a.prompt_tokens + a.output_tokens for a in answers.values()))

        yield answer


@contextmanager
def _theirs(folder: str, options: dict[str, Any], max_tokens: int) -> Iterator[Answering]:
    """LLM.generate, given the texts of all prompts at once."""
    from gristmill.llm.chat import PromptEncoder
    from gristmill.llm.options import ModelOptions
    from gristmill.llm.vllm_loading import prepare_environment
    from gristmill.tokenizer import Tokenizer

    prepare_environment()
    del os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"]  # as it is by default
    from vllm import LLM, SamplingParams
    from vllm.platforms import current_platform

    on_cpu = current_platform.is_cpu()
    model = ModelOptions.model_validate(options)
    llm = LLM(
        model=folder,
        dtype=model.dtype,
        max_model_len=model.max_model_len,
        max_num_seqs=model.max_num_seqs,
        gpu_memory_utilization=model.gpu_memory,
        enforce_eager=on_cpu,
        kv_cache_memory_bytes=model.kv_cache_gib << 30 if on_cpu else None,
        seed=0,
    )
    encoder = PromptEncoder(Tokenizer(Path(folder)))
    sampling = SamplingParams(temperature=0.0, max_tokens=max_tokens)

    def answer(first: int, requests: int) -> dict[str, float]:
        made = planned(requests, encoder.tokenizer, max_tokens=max_tokens, first=first)
        prompts = [encoder.render(request.prompt) for _, request in made]  # type: ignore[arg-type]
        with _Clock() as clock:
            outputs = llm.generate(prompts, sampling, use_tqdm=False)
        return clock.told(
            sum(len(output.prompt_token_ids or ()) + len(output.outputs[0].token_ids) for output in outputs)
        )

    yield answer


class _Clock:
    """Wall seconds of a block, and CPU seconds of this process and its children in it."""

    def __enter__(self) -> _Clock:
        self._cpu, self._started = _tree_cpu_seconds(), time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.perf_counter() - self._started
        self.cpu_seconds = _tree_cpu_seconds() - self._cpu

    def told(self, tokens: int) -> dict[str, float]:
        return {"seconds": self.seconds, "cpu_seconds": self.cpu_seconds, "tokens": tokens}


def _tree_cpu_seconds() -> float:
    import psutil

    process = psutil.Process()
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(time.user + time.system for time in times)


# -- processes --------------------------------------------------------------------------------------------------


@contextmanager
def _process(name: str, address: Path, arguments: str) -> Iterator[dict[str, Any]]:
    """A process, stopped, with a loaded engine, for the time of the block."""
    code = (
        "import sys, bench.llm_beside\n"
        "if __name__ == '__main__':\n"  # vLLM starts processes that import this
        "    bench.llm_beside.serve(*sys.argv[1:])\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, name, str(address), arguments]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
        try:
            while not address.exists():
                if process.poll() is not None:
                    said.seek(0)
                    raise RuntimeError(f"{name} ended with {process.returncode}: {said.read()[-6000:]}")
                time.sleep(0.1)
            os.killpg(process.pid, signal.SIGSTOP)
            yield {"address": str(address), "group": process.pid}
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


# -- models -----------------------------------------------------------------------------------------------------


@contextmanager
def _model_folder(model: str) -> Iterator[Path]:
    """The folder of the model that the option names; of a dummy for the time of the block."""
    if model == SMOLLM:
        yield smollm_folder()
    elif model in DUMMIES:
        with tempfile.TemporaryDirectory(prefix="bench-dummy-") as name:
            _write_dummy(Path(name), DUMMIES[model])
            yield Path(name)
    else:
        yield Path(model)


def _write_dummy(folder: Path, dimensions: dict[str, int]) -> None:
    """Random weights, with SmolLM2's tokenizer."""
    import shutil

    import torch
    from safetensors.torch import save_file

    for file in tokenizer_folder().iterdir():
        shutil.copyfile(file, folder / file.name)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "rms_norm_eps": 1e-5,
        "max_position_embeddings": 8192, "rope_theta": 10000.0, "tie_word_embeddings": True,
        "vocab_size": VOCABULARY, "bos_token_id": 1, "eos_token_id": 2, **dimensions,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = torch.Generator(device).manual_seed(0)
    hidden, inner = dimensions["hidden_size"], dimensions["intermediate_size"]
    keys = hidden // dimensions["num_attention_heads"] * dimensions["num_key_value_heads"]

    def weights(*shape: int) -> Any:
        made = torch.empty(shape, dtype=torch.bfloat16, device=device).normal_(0, 0.02, generator=generator)
        return made.cpu()

    tensors = {"model.embed_tokens.weight": weights(VOCABULARY, hidden)}
    tensors["model.norm.weight"] = torch.ones(hidden, dtype=torch.bfloat16)
    for layer in range(dimensions["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        for name, shape in (
            ("self_attn.q_proj", (hidden, hidden)),
            ("self_attn.k_proj", (keys, hidden)),
            ("self_attn.v_proj", (keys, hidden)),
            ("self_attn.o_proj", (hidden, hidden)),
            ("mlp.gate_proj", (inner, hidden)),
            ("mlp.up_proj", (inner, hidden)),
            ("mlp.down_proj", (hidden, inner)),
        ):
            tensors[f"{at}.{name}.weight"] = weights(*shape)
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{at}.{name}.weight"] = torch.ones(hidden, dtype=torch.bfloat16)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
