from __future__ import annotations

import argparse

from bench.llm import BESIDE, NULL, add_options, cases, null_engine


def test_our_time_per_request_is_measured_with_an_engine_that_takes_none() -> None:
    figures = null_engine(requests=20)
    assert 0 < figures["cpu_ms_per_request"] < 100
    assert 0 < figures["of_it_keys"] < figures["of_it_tokenizing"]


def test_the_comparison_needs_engines_and_is_named_after_their_settings() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    options = parser.parse_args(["--model", "dummy", "--dtype", "bfloat16"])
    assert [case.name for case in cases(options)] == [NULL]
    engines = {name: {"address": name, "group": 1} for name in ("ours", "theirs")}
    found = cases(options, engines)
    assert [case.name for case in found] == [
        NULL,
        f"{BESIDE}: dummy, bfloat16, 128 tokens, 64 at a time",
    ]
