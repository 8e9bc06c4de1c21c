"""Inline engine: what our own work costs per request, and tokens per second beside vLLM's own offline `LLM.generate`.

Without options: CPU time per request of all that is ours (making requests, keys, look-ups, template, tokens, keeping
answers) with an engine that answers at once. With `--model smollm2`, `--model dummy` (random weights in the size of
ProX's refiner, 0.35 B) or `--model FOLDER`: passages rephrased as the stage does it, through the cache, and the same
prompts through `LLM.generate`, each in a process of its own with the same settings, in turn (ours, theirs, theirs,
ours); loading is not counted. It runs unchanged on a GPU (take `--dtype bfloat16`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.harness import Case, Measured, Stopwatch, main

if TYPE_CHECKING:
    from gristmill.llm import Request
    from gristmill.tokenizer import Tokenizer

NULL, BESIDE = "stage, null engine", "stage beside LLM.generate"
SMOLLM, DUMMY = "smollm2", "dummy"
PASSAGE_WORDS = 180
MAX_MODEL_LEN = 2048
WARM_UP = 4  # requests before the clock starts
MEASURED_ALONE = 500  # requests whose keys and tokens are made by themselves, to tell those parts
WORDS = (  # noqa: SIM905 - a list of so many is longer
    "the mill grinds wheat when tide falls and water runs out of pond through wheel under floor where stones turn "
    "slowly meal comes down into sack carried by boy who sings old songs about river sea"
).split()
# The dimensions that the released refiner has, but for the tokenizer and what makes up for it.
DUMMY_CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 1280, "intermediate_size": 1456,
    "num_hidden_layers": 24, "num_attention_heads": 16, "num_key_value_heads": 16, "hidden_act": "silu",
    "max_position_embeddings": MAX_MODEL_LEN, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
    "tie_word_embeddings": True, "vocab_size": 49152, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip


def null_engine(requests: int) -> dict[str, float]:
    """CPU time per request of the stage's asking, with an engine that makes tokens and answers at once."""
    from gristmill.llm.requests import request_key
    from gristmill.tokenizer import Tokenizer

    tokenizer = Tokenizer(tokenizer_folder())
    with _language_model(tokenizer, _NullEngine(tokenizer)) as model:
        made, again = (_requests(requests, tokenizer, max_tokens=64) for _ in range(2))
        dict(model.answer(_requests(100, tokenizer, max_tokens=1)))  # first use of everything
        with Stopwatch() as watch:
            answers = dict(model.answer(made))
        found: dict[Any, Any] = {}  # by a later run, all of it in the cache
        cached = cpu_ms(lambda: found.update(model.answer(again)), requests)
        assert found == answers
        alone = [request for _, request in _requests(MEASURED_ALONE, tokenizer, max_tokens=64)]
        keys = cpu_ms(lambda: [request_key(request, model.identity) for request in alone], len(alone))
        tokens = cpu_ms(
            lambda: _NullEngine(tokenizer).encoder.encode_many([r.prompt for r in alone]), len(alone)
        )
    assert len(answers) == requests
    return {
        **watch.times,
        "cpu_ms_per_request": 1000 * watch.times["cpu_seconds"] / requests,
        "of_it_tokenizing": tokens,
        "of_it_keys": keys,
        "cpu_ms_per_cached_request": cached,
        "prompt_tokens": statistics.mean(answer.prompt_tokens for answer in answers.values()),
        "requests_per_s": requests / watch.times["wall_seconds"],
    }


def beside_generate(
    model: str, requests: int, max_tokens: int, max_num_seqs: int, dtype: str
) -> dict[str, float]:
    """Tokens per second of the stage and of LLM.generate, each twice, and the ratios."""
    with _model_folder(model) as folder:
        arguments = {
            "folder": str(folder), "requests": requests, "max_tokens": max_tokens, "max_num_seqs": max_num_seqs,
            "dtype": dtype,
        }  # fmt: skip
        return in_turn(lambda: _in_a_process("ours", arguments), lambda: _in_a_process("theirs", arguments))


def ours(folder: str, requests: int, max_tokens: int, max_num_seqs: int, dtype: str) -> dict[str, float]:
    """Seconds from the first request to the last answer in the cache, and tokens of prompts and answers."""
    from gristmill.llm.options import ModelOptions
    from gristmill.llm.vllm_inline import InlineEngine
    from gristmill.tokenizer import Tokenizer

    tokenizer = Tokenizer(Path(folder))
    options = ModelOptions.model_validate(
        {"max_model_len": MAX_MODEL_LEN, "max_num_seqs": max_num_seqs, "dtype": dtype}
    )
    engine = InlineEngine(Path(folder), options, name="bench", tokenizer=tokenizer)
    with _language_model(tokenizer, engine) as model:
        dict(model.answer(_requests(WARM_UP, tokenizer, max_tokens=max_tokens, first=requests)))
        made = _requests(requests, tokenizer, max_tokens=max_tokens)
        with _Clock() as clock:
            answers = dict(model.answer(made))
        return clock.told(sum(a.prompt_tokens + a.output_tokens for a in answers.values()))


def theirs(folder: str, requests: int, max_tokens: int, max_num_seqs: int, dtype: str) -> dict[str, float]:
    """The same of LLM.generate, given the texts of all prompts at once."""
    from gristmill.llm import vllm_inline
    from gristmill.llm.chat import PromptEncoder
    from gristmill.tokenizer import Tokenizer

    vllm_inline._prepare_environment()
    del os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"]  # as it is by default
    from vllm import LLM, SamplingParams
    from vllm.platforms import current_platform

    on_cpu = current_platform.is_cpu()
    llm = LLM(
        model=folder,
        dtype=dtype,
        max_model_len=MAX_MODEL_LEN,
        max_num_seqs=max_num_seqs,
        enforce_eager=on_cpu,
        kv_cache_memory_bytes=2 << 30 if on_cpu else None,
        seed=0,
    )
    encoder = PromptEncoder(Tokenizer(Path(folder)))
    sampling = SamplingParams(temperature=0.0, max_tokens=max_tokens)

    def texts(count: int, first: int = 0) -> list[str]:
        made = _requests(count, encoder.tokenizer, max_tokens=max_tokens, first=first)
        return [encoder.render(request.prompt) for _, request in made]  # type: ignore[arg-type]

    llm.generate(texts(WARM_UP, first=requests), sampling, use_tqdm=False)
    prompts = texts(requests)
    with _Clock() as clock:
        outputs = llm.generate(prompts, sampling, use_tqdm=False)
    return clock.told(
        sum(len(output.prompt_token_ids or ()) + len(output.outputs[0].token_ids) for output in outputs)
    )


# -- shared with bench.llm_server -------------------------------------------------------------------------------


def in_turn(ours: Callable[[], dict[str, float]], theirs: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Tokens per second of both, each run twice, and the ratio.

    A run tells its tokens and seconds; where it tells cpu_seconds, the same per CPU second.
    """
    runs = [ours(), theirs(), theirs(), ours()]
    told = {"our": (runs[0], runs[3]), "their": (runs[1], runs[2])}
    tokens = {who: sum(run["tokens"] for run in both) for who, both in told.items()}
    figures = {f"{who}_tokens": count for who, count in tokens.items()}
    for unit, of in (("seconds", ""), ("cpu_seconds", "_cpu")):
        if unit in runs[0]:
            rates = {who: tokens[who] / sum(run[unit] for run in both) for who, both in told.items()}
            figures |= {f"{who}_tokens_per{of}_s": rate for who, rate in rates.items()}
            figures[f"ratio{of}"] = rates["our"] / rates["their"]
    return figures


def stories(count: int, words: int, first: int = 0) -> list[str]:
    """Texts of so many words, each with its own beginning."""
    return [
        f"Story {n}: " + " ".join(WORDS[(n * 7 + i * (1 + n % 5)) % len(WORDS)] for i in range(words))
        for n in range(first, first + count)
    ]


def cpu_ms(function: Callable[[], object], count: int) -> float:
    """CPU time of a call, for each of so many."""
    cpu = time.process_time()
    function()
    return 1000 * (time.process_time() - cpu) / count


def smollm_folder() -> Path:
    """SmolLM2, from its package."""
    from gristmill.llm.options import ModelOptions
    from resources.home import models_folder
    from resources.models import resolve_model

    return resolve_model(ModelOptions(), models_folder()).path


def tokenizer_folder() -> Path:
    """The same without weights."""
    from gristmill.llm.options import ModelOptions
    from resources.home import models_folder
    from resources.models import resolve_tokenizer

    return resolve_tokenizer(ModelOptions(), models_folder()).path


# -- requests ---------------------------------------------------------------------------------------------------


def _requests(
    count: int, tokenizer: Tokenizer, *, max_tokens: int, first: int = 0
) -> Iterator[tuple[Any, Request]]:
    """Requests of the stage `rephrased` in four styles, greedy, made as they are taken; planned at once."""
    import polars as pl

    from gristmill.llm.chat import PromptEncoder
    from gristmill.rephrase import RephraseOptions, plan_passages, planned_requests

    texts = stories(count, PASSAGE_WORDS, first)
    documents = pl.DataFrame({"id": [f"d{first + n}" for n in range(count)], "text": texts}).with_columns(
        source=pl.lit("bench"), lang=pl.lit("en")
    )
    options = RephraseOptions.model_validate({"model": "bench"})
    plan = plan_passages(
        documents,
        options,
        count_tokens=tokenizer.count,
        count_prompt_tokens=PromptEncoder(tokenizer).count_chats,
    )
    return (
        (one.key, replace(one.request, temperature=0.0, top_p=1.0, max_tokens=max_tokens))
        for batch in documents.iter_slices(256)
        for one in planned_requests(plan, batch)
    )


@contextmanager
def _language_model(tokenizer: Tokenizer, engine: Any) -> Iterator[Any]:
    """A model with an empty cache."""
    from gristmill.llm import AnswerCache, LanguageModel, ModelIdentity

    with tempfile.TemporaryDirectory(prefix="bench-llm-") as folder:
        identity = ModelIdentity("bench", "0" * 32, "float32", MAX_MODEL_LEN)
        model = LanguageModel(identity, tokenizer, AnswerCache(Path(folder)), lambda: engine)
        try:
            yield model
        finally:
            model.close()


class _NullEngine:
    """Makes the tokens of prompts, and answers with a fixed text."""

    build = "null"

    def __init__(self, tokenizer: Tokenizer) -> None:
        from gristmill.llm.chat import PromptEncoder

        self.encoder = PromptEncoder(tokenizer)

    def generate(self, requests: Iterator[tuple[str, Request]]) -> Iterator[tuple[str, Any]]:
        from itertools import islice

        from gristmill.llm import Answer

        text = " ".join(WORDS * 4)
        while group := list(islice(requests, 32)):
            for (key, _), ids in zip(
                group, self.encoder.encode_many([r.prompt for _, r in group]), strict=True
            ):
                yield key, Answer(text, "stop", len(ids), 150)

    def close(self) -> None:
        pass


# -- models and processes ---------------------------------------------------------------------------------------


@contextmanager
def _model_folder(model: str) -> Iterator[Path]:
    """The folder of the model that the option names; of the dummy for the time of the block."""
    if model == SMOLLM:
        yield smollm_folder()
    elif model == DUMMY:
        with tempfile.TemporaryDirectory(prefix="bench-dummy-") as name:
            _write_dummy(Path(name))
            yield Path(name)
    else:
        yield Path(model)


def _write_dummy(folder: Path) -> None:
    """Random weights, with SmolLM2's tokenizer."""
    import shutil

    import torch
    from safetensors.torch import save_file

    for file in tokenizer_folder().iterdir():
        shutil.copyfile(file, folder / file.name)
    (folder / "config.json").write_text(json.dumps(DUMMY_CONFIG), encoding="utf-8")
    generator = torch.Generator().manual_seed(0)
    hidden, inner = int(str(DUMMY_CONFIG["hidden_size"])), int(str(DUMMY_CONFIG["intermediate_size"]))

    def weights(*shape: int) -> Any:
        return torch.empty(shape).normal_(0, 0.02, generator=generator).to(torch.bfloat16)

    tensors = {"model.embed_tokens.weight": weights(int(str(DUMMY_CONFIG["vocab_size"])), hidden)}
    tensors["model.norm.weight"] = torch.ones(hidden, dtype=torch.bfloat16)
    for layer in range(int(str(DUMMY_CONFIG["num_hidden_layers"]))):
        at = f"model.layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            tensors[f"{at}.self_attn.{name}.weight"] = weights(hidden, hidden)
        for name, shape in (
            ("gate_proj", (inner, hidden)),
            ("up_proj", (inner, hidden)),
            ("down_proj", (hidden, inner)),
        ):
            tensors[f"{at}.mlp.{name}.weight"] = weights(*shape)
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{at}.{name}.weight"] = torch.ones(hidden, dtype=torch.bfloat16)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _in_a_process(function: str, arguments: dict[str, Any]) -> dict[str, float]:
    """What a function of this file returns in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-llm-") as folder:
        told = Path(folder) / "told.json"
        code = (
            "import json, sys; from pathlib import Path; import bench.llm\n"
            "if __name__ == '__main__':\n"  # vLLM starts processes that import this
            "    told = getattr(bench.llm, sys.argv[1])(**json.loads(sys.argv[2]))\n"
            "    Path(sys.argv[3]).write_text(json.dumps(told))\n"
        )
        command = [sys.executable, "-W", "ignore", "-c", code, function, json.dumps(arguments), str(told)]
        done = subprocess.run(command, capture_output=True, text=True)
        if not told.exists():
            raise RuntimeError(f"{function} ended with {done.returncode}: {done.stderr[-3000:]}")
        found: dict[str, float] = json.loads(told.read_text(encoding="utf-8"))
    return found


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


# -- command line -----------------------------------------------------------------------------------------------


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="MODEL", help=f"{SMOLLM}, {DUMMY}, or the folder of a model")
    parser.add_argument("--requests", type=int, default=256, help="requests of one run (default: 256)")
    parser.add_argument("--null-requests", type=int, default=4_000, help="for the null engine")
    parser.add_argument("--max-tokens", type=int, default=128, help="of an answer (default: 128)")
    parser.add_argument("--max-num-seqs", type=int, default=64, help="requests at a time (default: 64)")
    parser.add_argument("--dtype", default="float32", help="number format (default: float32)")


def cases(options: argparse.Namespace) -> Sequence[Case]:
    found = [Case(NULL, "bench.llm:null_engine", {"requests": options.null_requests})]
    if options.model is not None:
        arguments = {
            "model": options.model, "requests": options.requests, "max_tokens": options.max_tokens,
            "max_num_seqs": options.max_num_seqs, "dtype": options.dtype,
        }  # fmt: skip
        found.append(Case(BESIDE, "bench.llm:beside_generate", arguments))
    return found


def _conclusion(measured: Sequence[Measured]) -> str:
    """The figures that the bench is for."""
    lines = []
    for m in measured:
        if m.case.name == NULL and m.runs:
            lines.append(
                f"Our CPU time per request: {m.median('cpu_ms_per_request'):.2f} ms (at most 1 is wanted)."
            )
        if m.case.name == BESIDE and m.runs:
            for figure, what in (("ratio", "second"), ("ratio_cpu", "CPU second")):
                ratios = sorted(run.figures[figure] for run in m.runs)
                lines.append(
                    f"Tokens per {what}, as a share of LLM.generate's: {statistics.median(ratios):.3f} "
                    f"({ratios[0]:.3f} to {ratios[-1]:.3f} in {len(ratios)} runs; at least 0.95 is wanted)."
                )
    return "\n".join(lines)


if __name__ == "__main__":
    print(_conclusion(main(__doc__, cases, add_options=add_options)))
