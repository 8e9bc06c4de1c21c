from __future__ import annotations

import argparse

from bench.llm import BESIDE, NULL, add_options, cases, null_engine


def test_our_time_per_request_is_measured_with_an_engine_that_takes_none() -> None:
    figures = null_engine(requests=20)
    assert 0 < figures["cpu_ms_per_request"] < 100
    assert 0 < figures["of_it_keys"] < figures["of_it_tokenizing"]


def test_the_comparison_needs_a_model() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    assert [case.name for case in cases(parser.parse_args([]))] == [NULL]
    assert [case.name for case in cases(parser.parse_args(["--model", "dummy"]))] == [NULL, BESIDE]
