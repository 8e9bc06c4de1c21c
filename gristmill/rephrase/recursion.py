"""How much selected text of a model a corpus may hold before models trained on it in turn have no guarantee.

Model: from p_t draw K candidates and keep one by a choice that prefers higher reward; train on a mix with the share s
of kept text and 1 - s of real text; repeat. The density of the kept one is p_t H with 0 <= H <= K, so with
lambda = s / (1 - s) the ratio p_t / p_ref stays below 1 / (1 - lambda (K - 1)) for ever if lambda (K - 1) < 1, which is
s < 1/K, and KL(p_t || p_ref) below the logarithm of that bound. Without selection (K = 1) any s < 1 is safe.
Source: "Self-Consuming Generative Models with Curated Data Provably Optimize Human Preferences" (arXiv 2407.09499);
the formulas are derived anew from its model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

ASSUMPTIONS = (
    "the generator was trained on this corpus's earlier rounds and reproduces their mix exactly; the real text is the "
    "same in each round; one fixed score selects"
)


@dataclass(frozen=True)
class Guarantee:
    """`limit`: the share must stay below it; `kl_bound`: how far text can drift from real text, None without end."""

    share: float
    limit: float
    kl_bound: float | None

    @property
    def holds(self) -> bool:
        """Whether the share is below the limit."""
        return self.share < self.limit


def recursion_guarantee(share: float, *, candidates: int = 1) -> Guarantee:
    """What holds for the share of tokens (0..1) that a model made, each the best of so many candidates."""
    limit = 1 / candidates
    if not 0 <= share < 1:
        return Guarantee(share, limit, None)
    drift = share / (1 - share) * (candidates - 1)
    return Guarantee(share, limit, -math.log1p(-drift) if drift < 1 else None)


def recursion_figures(sizes_by_depth: Mapping[int, int], *, candidates: int) -> dict[str, Any]:
    """The share of made text, the guarantee, and whether made text is fed back.

    sizes_by_depth: characters or tokens by generation depth, 0 = natural; a depth above 1 means that a model read
    made text. Keys: size_by_depth, synthetic_share, limit and kl_bound as in Guarantee, warning. `warning` is null
    unless that is so and the guarantee does not hold; else a sentence with the assumptions.
    """
    total = sum(sizes_by_depth.values())
    share = sum(n for depth, n in sizes_by_depth.items() if depth > 0) / total if total else 0.0
    found = recursion_guarantee(share, candidates=candidates)
    fed_back = any(depth > 1 and n for depth, n in sizes_by_depth.items())
    warning = None
    if fed_back and not found.holds:
        warning = (
            f"text made by models is fed back to a model, and is {share:.0%} of the corpus; with the best of "
            f"{candidates} taken it must stay below {found.limit:.0%}, or drift from natural text has no bound. Add "
            f"natural text or take fewer samples. Assumed: {ASSUMPTIONS}."
        )
    return {
        "size_by_depth": {str(depth): n for depth, n in sorted(sizes_by_depth.items())},
        "synthetic_share": share,
        "limit": found.limit,
        "kl_bound": found.kl_bound,
        "warning": warning,
    }


def simulate_recursion(
    reference: Sequence[float],
    reward: Sequence[float],
    *,
    candidates: int,
    weight: float | None,
    steps: int,
) -> list[list[float]]:
    """The distribution after each round, over outcomes with these rewards, by exact enumeration.

    reference: probabilities of real text; weight: lambda, made text per unit of real text, None for made text only.
    Cost: combinations of candidates - 1 outcomes, so for examples and tests only.
    """
    rounds = [list(reference)]
    for _ in range(steps):
        before = rounds[-1]
        kept = _kept_by_choice(before, [math.exp(r) for r in reward], candidates)
        if weight is None:
            rounds.append(kept)
        else:
            rounds.append([(p + weight * q) / (1 + weight) for p, q in zip(reference, kept, strict=True)])
    return rounds[1:]


def _kept_by_choice(before: Sequence[float], worth: Sequence[float], candidates: int) -> list[float]:
    """p H: the chance of each outcome to be the one kept among `candidates` drawn from p."""
    kept = [0.0] * len(before)
    for others in combinations_with_replacement(range(len(before)), candidates - 1):
        ways = math.factorial(candidates - 1)
        for outcome in set(others):
            ways //= math.factorial(others.count(outcome))
        chance = ways * math.prod(before[i] for i in others)
        rivals = sum(worth[i] for i in others)
        for outcome, own in enumerate(worth):
            kept[outcome] += before[outcome] * chance * candidates * own / (own + rivals)
    return kept
