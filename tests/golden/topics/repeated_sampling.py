"""Golden cases of repeated sampling: pass@k, coverage and its curve, recursion with selected text, reference spans."""

from __future__ import annotations

import math
from typing import Any

from gristmill.rephrase.recursion import recursion_guarantee, simulate_recursion
from gristmill.rephrase.sampling import coverage, fit_coverage, pass_at_k
from gristmill.rephrase.spans import best_precision, score_spans
from tests.golden.harness import Case, Golden


def _pass_at_k(case: Case) -> dict[str, Any]:
    given = case["input"]
    try:
        return {"expected": {"pass_at_k": pass_at_k(given["n"], given["c"], given["k"]), "error": None}}
    except ValueError:
        return {"expected": {"pass_at_k": None, "error": "ValueError"}}


def _coverage(case: Case) -> dict[str, Any]:
    problems = [(n, c) for n, c in case["input"]["problems"]]
    return {"expected": {"coverage": [coverage(problems, k) for k in case["input"]["ks"]]}}


def _fit(case: Case) -> dict[str, Any]:
    ks, measured = case["input"]["k"], case["input"]["coverage"]
    fits = {space: fit_coverage(ks, measured, space=space) for space in ("coverage", "log")}
    of_coverage, of_log = fits["coverage"], fits["log"]
    assert of_coverage is not None
    assert of_log is not None
    return {
        "expected": {
            "fit_coverage_space": [of_coverage.a, of_coverage.b],
            "fit_log_space": [of_log.a, of_log.b],
            "predict_at_2kmax_coverage_space": of_coverage.predict(2 * max(ks)),
        }
    }


def _recursion(case: Case) -> dict[str, Any]:
    given = case["input"]
    weight, reference, reward = given["lambda"], given["p_ref"], given["reward"]
    share = 1.0 if weight is None else weight / (1 + weight)
    guarantee = recursion_guarantee(share, candidates=given["K"])
    rounds = simulate_recursion(reference, reward, candidates=given["K"], weight=weight, steps=given["steps"])
    return {
        "expected": {
            "synthetic_share": share,
            "p_final": rounds[-1],
            "mean_reward_per_step": [sum(p * r for p, r in zip(ps, reward, strict=True)) for ps in rounds],
            "kl_to_ref_per_step": [
                sum(p * math.log(p / q) for p, q in zip(ps, reference, strict=True) if p > 0) for ps in rounds
            ],
            "max_ratio_per_step": [max(p / q for p, q in zip(ps, reference, strict=True)) for ps in rounds],
            "kl_bound": guarantee.kl_bound,
            "warn": not guarantee.holds,
        }
    }


def _ranges(case: Case) -> dict[str, Any]:
    given = case["input"]
    references, chunks = _spans(given["references"]), _spans(given["all_chunks"])
    retrieved = _spans(given["retrieved_in_order"])[: given["k"]]
    scores = score_spans(references, retrieved, strict=False)
    omega, met = best_precision(references, chunks, strict=False)
    strict_omega, strictly_met = best_precision(references, chunks)
    return {
        "expected": {**scores._asdict(), "precision_omega": omega, "n_highlighted_chunks": met},
        "expected_strict": {
            "precision_omega": strict_omega,
            "n_highlighted_chunks": strictly_met,
            "iou_true_union": score_spans(references, retrieved).iou,
        },
    }


def _spans(pairs: list[list[int]]) -> list[tuple[int, int]]:
    return [(start, end) for start, end in pairs]


def _fields(key: str, *names: str) -> frozenset[str]:
    return frozenset(f"{key}.{name}" for name in names)


FILES = {
    "pass_at_k": Golden(
        compute=_pass_at_k, fields=_fields("expected", "pass_at_k", "error"), tolerance=1e-9
    ),
    "coverage": Golden(compute=_coverage, fields=_fields("expected", "coverage"), tolerance=1e-9),
    "power_law_fit": Golden(
        compute=_fit,
        fields=_fields(
            "expected", "fit_coverage_space", "fit_log_space", "predict_at_2kmax_coverage_space"
        ),
        tolerance=1e-4,
    ),
    "curated_recursion": Golden(
        compute=_recursion,
        fields=_fields(
            "expected", "synthetic_share", "p_final", "mean_reward_per_step", "kl_to_ref_per_step",
            "max_ratio_per_step", "kl_bound", "warn",
        ),
        tolerance=1e-9,
    ),
    "token_ranges": Golden(
        compute=_ranges,
        fields=_fields("expected", "iou", "recall", "precision", "precision_omega", "n_highlighted_chunks")
        | _fields("expected_strict", "precision_omega", "n_highlighted_chunks", "iou_true_union"),
        tolerance=1e-9,
    ),
}  # fmt: skip
