"""Loads a model into vLLM: on a CPU into this process, on a GPU into a process of its own.

On a CPU there is nothing to win by a second process. On a GPU the one that tells it what to compute has no time to
wait for the texts of answers: with ProX's size of model (0.35 B) on an H200, one process gave 0.94 of the tokens per
second of `LLM.generate`, two gave 1.01 (docs/performance.md).

Measured choices for a model of 135 M parameters on two cores without AVX-512: float32 is several times faster than
bfloat16; compiling costs more than it gives (`enforce_eager`); prefill is half of the time, so shared prefixes are
cached.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.guard import Guard
from gristmill.llm.options import ModelOptions

_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # of adapters, in vLLM 0.32
_GIB = 1 << 30


@dataclass
class LoadedModel:
    """An engine of vLLM with a model in it."""

    engine: Any
    lora: Any  # names the adapter in requests; None: no adapter
    build: str  # versions and device
    guard: Guard | None  # of the engine's process, where it has one

    def shut_down(self) -> None:
        """End the engine and its process."""
        with contextlib.suppress(Exception):  # a dead engine cannot shut down in order
            self.engine.engine_core.shutdown()
        if self.guard is not None:
            self.guard.close()


def load_model(path: Path, options: ModelOptions, adapter: Path | None) -> LoadedModel:
    """Load the model in the folder `path`, with a LoRA adapter or without. Raises what vLLM raises."""
    prepare_environment()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of vLLM's own use of torch
        return _load_quietly(path, options, adapter)


def prepare_environment() -> None:
    """Set what vLLM reads from the environment when it is imported, unless the user has set it."""
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    settings = {
        "VLLM_CPU_OMP_THREADS_BIND": cores,  # by default one core is left idle
        "VLLM_WORKER_MULTIPROCESSING_METHOD": "spawn",  # other threads are running, which no fork survives
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",  # the files are all here
        "TORCH_CPP_LOG_LEVEL": "ERROR",  # else torch tells the terminal about memory nodes
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # where the engine runs is told when it is made


def _load_quietly(path: Path, options: ModelOptions, adapter: Path | None) -> LoadedModel:
    logging.getLogger("torch._library.triton").setLevel(logging.ERROR)  # it warns that a CPU has no Triton
    import torch
    import vllm
    from vllm.config import StructuredOutputsConfig
    from vllm.engine.arg_utils import EngineArgs
    from vllm.lora.request import LoRARequest
    from vllm.platforms import current_platform
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine.llm_engine import LLMEngine

    _hide_dunders_of_llvmlite()
    on_cpu = current_platform.is_cpu()
    arguments = EngineArgs(
        model=str(path),
        dtype=options.dtype,
        max_model_len=options.max_model_len,
        max_num_seqs=options.max_num_seqs,
        kv_cache_memory_bytes=options.kv_cache_gib * _GIB if on_cpu else None,
        gpu_memory_utilization=options.gpu_memory,
        enforce_eager=on_cpu,
        enable_prefix_caching=True,
        enable_chunked_prefill=True,
        distributed_executor_backend="uni",
        trust_remote_code=False,
        load_format="safetensors",
        # Else a small model fills its tokens with line breaks between the parts of a JSON object.
        structured_outputs_config=StructuredOutputsConfig(backend="xgrammar", disable_any_whitespace=True),
        use_tqdm_on_load=False,
        disable_log_stats=True,
        enable_lora=adapter is not None,
        max_lora_rank=16 if adapter is None else _rank(adapter),
        seed=0,
    )
    lora = None if adapter is None else LoRARequest(adapter.name, 1, str(adapter))
    device = "cpu" if on_cpu else current_platform.get_device_name()
    build = f"vllm {vllm.__version__}, torch {torch.__version__}, {device}"
    # As for offline use: the default of any other use lets a step take half as many tokens, or fewer.
    engine = LLMEngine.from_engine_args(
        arguments, usage_context=UsageContext.LLM_CLASS, enable_multiprocessing=not on_cpu
    )
    guard = None if on_cpu else Guard(_processes_of(engine))
    return LoadedModel(engine, lora, build, guard)


def _processes_of(engine: Any) -> list[int]:
    """The numbers of the processes that the engine has started."""
    return [process.pid for process in engine.engine_core.resources.engine_manager.processes]


def _rank(adapter: Path) -> int:
    """The smallest rank that vLLM has room for and the adapter fits into."""
    rank = int(json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))["r"])
    return next((allowed for allowed in _RANKS if allowed >= rank), rank)


def _hide_dunders_of_llvmlite() -> None:
    """Let vLLM look through all loaded modules although Numba is among them.

    vLLM 0.32 asks every object in every module for its `__dict__`; llvmlite's library answers any name with a
    wrapped C function, and vLLM fails on it. No C function of LLVM begins with two underscores.
    """
    ffi = sys.modules.get("llvmlite.binding.ffi")
    if ffi is None or hasattr(ffi._lib_wrapper, "hides_dunders"):
        return
    look_up = ffi._lib_wrapper.__getattr__

    def without_dunders(library: Any, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return look_up(library, name)

    ffi._lib_wrapper.__getattr__ = without_dunders
    ffi._lib_wrapper.hides_dunders = True
