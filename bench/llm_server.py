"""The client of server mode: what it costs beside a server that takes no time, and beside vLLM's own benchmark client.

Without options: CPU time of this process per request, against a server in another process that answers at once with a
fixed text. With `--server URL --model FOLDER` (or `--serve`, which starts vLLM on this machine for the time of the
bench): the same prompts through the engine and through `vllm bench serve`, in turn (ours, theirs, theirs, ours), with
the same number of requests at a time; tokens per second of answers, and the ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.harness import Case, Measured, Stopwatch, main
from bench.llm import WORDS, cpu_ms, in_turn, smollm_folder, stories, tokenizer_folder

NULL, BESIDE = "engine, null server", "engine beside vllm bench serve"
NULL_REQUESTS = 4_000
TOKENIZED = 500  # prompts that are tokenized by themselves, to tell that part
CONCURRENCY = 64
OUTPUT_TOKENS = 64
START_SECONDS = 600.0


def null_server(requests: int, prompt_words: int, concurrency: int) -> dict[str, float]:
    """Our CPU time per request, its tokens and its HTTP included."""
    from gristmill.llm.chat import PromptEncoder
    from gristmill.llm.options import ModelOptions
    from gristmill.llm.server.engine import ServerEngine
    from gristmill.tokenizer import Tokenizer

    tokenizer = Tokenizer(tokenizer_folder())
    encoder = PromptEncoder(tokenizer)
    with _null_server() as address:
        server = {"endpoints": [address], "concurrency": concurrency, "served_model": "null"}
        options = ModelOptions.model_validate({"engine": "server", "server": server})
        engine = ServerEngine(options, name="null", tokenizer=tokenizer)
        list(
            engine.generate(_requests(stories(100, prompt_words), 8))
        )  # connections, first use of everything
        prompts = stories(requests, prompt_words)
        alone = prompts[:TOKENIZED]
        tokens = cpu_ms(lambda: [encoder.encode(prompt) for prompt in alone], len(alone))
        asked = list(_requests(prompts, 256))
        with Stopwatch() as watch:
            answers = list(engine.generate(iter(asked)))
        engine.close()
    assert len(answers) == requests
    return {
        **watch.times,
        "cpu_ms_per_request": 1000 * watch.times["cpu_seconds"] / requests,
        "of_it_tokenizing": tokens,
        "requests_per_s": requests / watch.times["wall_seconds"],
        "prompt_tokens": len(encoder.encode(prompts[0])),
    }


def beside_vllm(
    server: str, model: str, served_model: str, requests: int, prompt_words: int, concurrency: int
) -> dict[str, float]:
    """Tokens per second of both clients on the same prompts, in turn."""
    from gristmill.llm.options import ModelOptions
    from gristmill.llm.server.engine import ServerEngine
    from gristmill.tokenizer import Tokenizer

    prompts = stories(requests, prompt_words)
    values = {"endpoints": [server], "concurrency": concurrency, "served_model": served_model}
    options = ModelOptions.model_validate({"engine": "server", "server": values})
    engine = ServerEngine(options, name="bench", tokenizer=Tokenizer(Path(model)))

    def ours() -> dict[str, float]:
        started = time.perf_counter()
        answers = [answer for _, answer in engine.generate(_requests(prompts, OUTPUT_TOKENS))]
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "tokens": sum(answer.output_tokens for answer in answers)}

    def theirs() -> dict[str, float]:
        return _vllm_bench_serve(server, model, served_model, prompts, concurrency)

    ours()  # fills the server's cache of prefixes, for both
    figures = in_turn(ours, theirs)
    engine.close()
    return figures


def _requests(prompts: list[str], max_tokens: int) -> Iterator[tuple[str, Any]]:
    from gristmill.llm.requests import Request

    for number, prompt in enumerate(prompts):
        yield f"k{number}", Request(prompt, max_tokens)


# -- vLLM's client ----------------------------------------------------------------------------------------------


def _vllm_bench_serve(
    server: str, model: str, served_model: str, prompts: list[str], concurrency: int
) -> dict[str, float]:
    """Seconds and output tokens as `vllm bench serve` counts them; its own start is not in them."""
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as name:
        folder = Path(name)
        rows = [json.dumps({"prompt": prompt, "output_tokens": OUTPUT_TOKENS}) for prompt in prompts]
        (folder / "prompts.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
        code = (
            "import argparse, vllm.benchmarks.serve as serve\n"
            "from vllm.utils.argparse_utils import FlexibleArgumentParser\n"
            "parser = FlexibleArgumentParser(); serve.add_cli_args(parser); serve.main(parser.parse_args())"
        )
        arguments = [
            "--backend", "openai", "--base-url", server, "--endpoint", "/v1/completions",
            "--model", model, "--served-model-name", served_model,
            "--dataset-name", "custom", "--dataset-path", str(folder / "prompts.jsonl"),
            "--num-prompts", str(len(prompts)), "--custom-output-len", str(OUTPUT_TOKENS),
            "--skip-chat-template", "--disable-shuffle", "--no-oversample",
            "--max-concurrency", str(concurrency), "--temperature", "0", "--disable-tqdm",
            "--save-result", "--result-dir", name, "--result-filename", "result.json",
        ]  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, *arguments], capture_output=True, text=True
        )
        if done.returncode != 0:
            raise RuntimeError(f"vllm bench serve ended with {done.returncode}: {done.stderr[-2000:]}")
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    if result["completed"] != len(prompts):
        raise RuntimeError(f"vllm bench serve completed {result['completed']} of {len(prompts)} requests")
    return {"seconds": float(result["duration"]), "tokens": int(result["total_output_tokens"])}


# -- servers ----------------------------------------------------------------------------------------------------


@contextmanager
def vllm_server(model: Path, max_num_seqs: int) -> Iterator[str]:
    """vLLM's server on this machine, with all its processes ended afterwards."""
    port = _free_port()
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    environment = {
        "VLLM_CPU_OMP_THREADS_BIND": cores, "VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "ERROR", "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", **os.environ,
    }  # fmt: skip
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model),
        "--served-model-name", "bench", "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32",
        "--max-model-len", "2048", "--max-num-seqs", str(max_num_seqs), "--enforce-eager",
        "--disable-uvicorn-access-log",
    ]  # fmt: skip
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_healthy(address, process, output)
            yield address
        finally:
            with contextlib.suppress(ProcessLookupError):  # its session is its own: the workers too
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_healthy(address: str, process: subprocess.Popen[bytes], output: Any) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except OSError:
            time.sleep(1)
    output.seek(0)
    raise RuntimeError(
        f"vLLM's server did not start; it said:\n{output.read().decode(errors='replace')[-3000:]}"
    )


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def _null_server() -> Iterator[str]:
    """A server in a process of its own that answers every request at once."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from bench.llm_server import serve_null; serve_null()"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


def serve_null() -> None:
    """Print the port, then answer until the process is killed."""
    answer = {
        "choices": [{"index": 0, "text": " ".join(WORDS), "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 40},
    }
    replies = {
        "/v1/models": json.dumps({"data": [{"id": "null"}]}),
        "/version": json.dumps({"version": "0"}),
    }

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport, self.buffer = transport, b""

        def data_received(self, data: bytes) -> None:
            self.buffer += data
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            length = int(lengths[0].partition(b":")[2]) if lengths else 0
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            body = replies.get(head.split(b" ", 2)[1].decode(), json.dumps(answer)).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Protocol, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(serve())


# -- command line -----------------------------------------------------------------------------------------------


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--server", metavar="URL", help="a vLLM server that runs")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="the folder of its model")
    parser.add_argument("--served-model", default="bench", help="its name there (default: bench)")
    parser.add_argument(
        "--serve", action="store_true", help="start vLLM here with SmolLM2 (or --model) for the bench"
    )
    parser.add_argument("--requests", type=int, default=64, help="requests of one run (default: 64)")
    parser.add_argument("--null-requests", type=int, default=NULL_REQUESTS, help="for the null server")
    parser.add_argument("--prompt-words", type=int, default=250, help="words of a prompt (default: 250)")
    parser.add_argument("--concurrency", type=int, default=CONCURRENCY, help="requests at a time")


def cases(options: argparse.Namespace) -> Sequence[Case]:
    shared = {"prompt_words": options.prompt_words, "concurrency": options.concurrency}
    found = [Case(NULL, "bench.llm_server:null_server", {"requests": options.null_requests, **shared})]
    if options.server is not None and options.model is not None:
        arguments = {
            "server": options.server, "model": str(options.model), "served_model": options.served_model,
            "requests": options.requests, **shared,
        }  # fmt: skip
        found.append(Case(BESIDE, "bench.llm_server:beside_vllm", arguments))
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
            ratios = sorted(run.figures["ratio"] for run in m.runs)
            lines.append(
                f"Server mode has {statistics.median(ratios):.3f} of the tokens per second of vLLM's own client "
                f"({ratios[0]:.3f} to {ratios[-1]:.3f} in {len(ratios)} runs; at least 0.90 is wanted)."
            )
    return "\n".join(lines)


def _main() -> None:
    arguments = sys.argv[1:]
    if "--serve" not in arguments:
        print(_conclusion(main(__doc__, cases, arguments, add_options=add_options)))
        return
    parser = argparse.ArgumentParser(add_help=False)
    add_options(parser)
    options, _ = parser.parse_known_args(arguments)
    model = options.model or smollm_folder()
    with vllm_server(model, options.concurrency) as address:
        extra = ["--server", address, "--model", str(model)]
        print(_conclusion(main(__doc__, cases, [*arguments, *extra], add_options=add_options)))


if __name__ == "__main__":
    _main()
