"""Inline engine: what our own work costs per request, and tokens per second beside vLLM's own offline `LLM.generate`.

Without options: CPU time per request of all that is ours (making requests, keys, look-ups, template, tokens, keeping
answers) with an engine that answers at once. With `--model smollm2`, `--model dummy` (random weights in the size of
ProX's refiner, 0.35 B), `--model dummy-8b` or `--model FOLDER`: passages rephrased as the stage does it, through the
cache, and the same prompts through `LLM.generate`, with the same settings, in turn (ours, theirs, theirs, ours in each
run); loading is not counted. It runs unchanged on a GPU (take `--dtype bfloat16 --gpu-memory 0.45`, since both engines
are in its memory at the same time).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.harness import Case, Measured, Stopwatch, main

if TYPE_CHECKING:
    from gristmill.llm import Request
    from gristmill.tokenizer import Tokenizer

NULL, BESIDE = "stage, null engine", "stage beside LLM.generate"
PASSAGE_WORDS = 180
MAX_MODEL_LEN = 2048
MEASURED_ALONE = 500  # requests whose keys and tokens are made by themselves, to tell those parts
WORDS = (  # noqa: SIM905 - a list of so many is longer
    "the mill grinds wheat when tide falls and water runs out of pond through wheel under floor where stones turn "
    "slowly meal comes down into sack carried by boy who sings old songs about river sea"
).split()


def null_engine(requests: int) -> dict[str, float]:
    """CPU time per request of the stage's asking, with an engine that makes tokens and answers at once."""
    from gristmill.llm.requests import request_key
    from gristmill.tokenizer import Tokenizer

    tokenizer = Tokenizer(tokenizer_folder())
    with language_model(tokenizer, _NullEngine(tokenizer)) as model:
        made, again = (planned(requests, tokenizer, max_tokens=64) for _ in range(2))
        dict(model.answer(planned(100, tokenizer, max_tokens=1)))  # first use of everything
        with Stopwatch() as watch:
            answers = dict(model.answer(made))
        found: dict[Any, Any] = {}  # by a later run, all of it in the cache
        cached = cpu_ms(lambda: found.update(model.answer(again)), requests)
        assert found == answers
        alone = [request for _, request in planned(MEASURED_ALONE, tokenizer, max_tokens=64)]
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


def beside_generate(engines: dict[str, Any], requests: int) -> dict[str, float]:
    """Tokens per second of the stage and of LLM.generate, each twice, and the ratios; see `loaded_engines`."""
    from bench.llm_beside import ask

    return in_turn(partial(ask, engines["ours"], requests), partial(ask, engines["theirs"], requests))


# -- shared with bench.llm_server and bench.llm_beside -----------------------------------------------------------


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


def planned(
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
def language_model(tokenizer: Tokenizer, engine: Any) -> Iterator[Any]:
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


# -- command line -----------------------------------------------------------------------------------------------


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="MODEL", help="smollm2, dummy, dummy-8b, or the folder of a model")
    parser.add_argument("--requests", type=int, default=256, help="requests of one run (default: 256)")
    parser.add_argument("--null-requests", type=int, default=4_000, help="for the null engine")
    parser.add_argument("--max-tokens", type=int, default=128, help="of an answer (default: 128)")
    parser.add_argument("--max-num-seqs", type=int, default=64, help="requests at a time (default: 64)")
    parser.add_argument("--dtype", default="float32", help="number format (default: float32)")
    parser.add_argument(
        "--gpu-memory", type=float, default=0.45, help="share of a GPU's for each engine (default: 0.45)"
    )


def cases(options: argparse.Namespace, engines: dict[str, Any] | None = None) -> Sequence[Case]:
    found = [Case(NULL, "bench.llm:null_engine", {"requests": options.null_requests})]
    if engines is not None:
        settings = (
            f"{options.model}, {options.dtype}, {options.max_tokens} tokens, {options.max_num_seqs} at a time"
        )
        arguments = {"engines": engines, "requests": options.requests}
        found.append(Case(f"{BESIDE}: {settings}", "bench.llm:beside_generate", arguments))
    return found


def _conclusion(measured: Sequence[Measured]) -> str:
    """The figures that the bench is for."""
    lines = []
    for m in measured:
        if m.case.name == NULL and m.runs:
            lines.append(
                f"Our CPU time per request: {m.median('cpu_ms_per_request'):.2f} ms (at most 1 is wanted)."
            )
        if m.case.name.startswith(BESIDE) and m.runs:
            for figure, what in (("ratio", "second"), ("ratio_cpu", "CPU second")):
                ratios = sorted(run.figures[figure] for run in m.runs)
                lines.append(
                    f"Tokens per {what}, as a share of LLM.generate's: {statistics.median(ratios):.3f} "
                    f"({ratios[0]:.3f} to {ratios[-1]:.3f} in {len(ratios)} runs; at least 0.95 is wanted)."
                )
    return "\n".join(lines)


def _main() -> None:
    from bench.llm_beside import loaded_engines

    parser = argparse.ArgumentParser(add_help=False)
    add_options(parser)
    options, _ = parser.parse_known_args()
    with ExitStack() as stack:
        engines = None
        if options.model is not None and not {"-h", "--help"} & set(sys.argv):
            model_options = {
                "max_model_len": MAX_MODEL_LEN, "max_num_seqs": options.max_num_seqs, "dtype": options.dtype,
                "gpu_memory": options.gpu_memory,
            }  # fmt: skip
            loaded = loaded_engines(options.model, model_options, options.max_tokens)
            engines = stack.enter_context(loaded)
        made = partial(cases, engines=engines)
        print(_conclusion(main(__doc__, made, add_options=add_options)))


if __name__ == "__main__":
    _main()
