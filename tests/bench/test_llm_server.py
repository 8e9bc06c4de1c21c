from __future__ import annotations

import argparse

from bench.llm_server import BESIDE, NULL, add_options, cases, null_server


def test_our_time_per_request_is_measured_against_a_server_that_takes_none() -> None:
    figures = null_server(requests=40, prompt_words=20, concurrency=8)
    assert 0 < figures["cpu_ms_per_request"] < 50
    assert figures["of_it_tokenizing"] > 0
    assert figures["prompt_tokens"] > 20


def test_the_comparison_needs_a_server_and_its_model() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    assert [case.name for case in cases(parser.parse_args([]))] == [NULL]
    given = parser.parse_args(["--server", "http://127.0.0.1:8000", "--model", "folder"])
    assert [case.name for case in cases(given)] == [NULL, BESIDE]
