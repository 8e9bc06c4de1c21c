"""The ratios of a mixture, solved exactly: which share of the tokens each group gets, and how many tokens that is.

A *group* is the natural or the synthetic documents of one source. The weights fix the sum over each source, the
synthetic share fixes the sum over each kind; a source with one kind only has no choice. So with

    W_n, W_s, W_b   weight of the sources that have natural documents only, synthetic ones only, both

every source with both gives the same part q = (share - W_s) / W_b of its tokens to synthetic documents. Both
proportions then hold; where q is outside 0..1 they cannot both hold, and the error says what is possible.
All arithmetic is on fractions, with weights read as the decimals that the recipe shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from gristmill.documents import NATURAL
from gristmill.errors import StageError, suggest
from gristmill.mix.options import MixOptions

SYNTHETIC = "synthetic"

Group = tuple[str, str]  # source, NATURAL or SYNTHETIC


def solve_shares(available: Mapping[Group, int], options: MixOptions) -> dict[Group, Fraction]:
    """Share of each group; they add up to 1, and a group that is left out has 0.

    available: tokens of each group, above 0. Raises StageError where a source with a weight has no documents, or where
    the weights and the synthetic share exclude each other.
    """
    if not available:
        raise StageError(
            "mixed: no document is selected, so there is nothing to mix; see the figures of `selected`"
        )
    share = None if options.synthetic_share is None else Fraction(str(options.synthetic_share))
    if options.weights is None:
        shares = _by_size(available, share)
    else:
        shares = _by_weight(available, _normalised(options.weights, available), share)
    return {group: shares.get(group, Fraction(0)) for group in sorted(available)}


def solve_quotas(
    available: Mapping[Group, int], shares: Mapping[Group, Fraction], options: MixOptions
) -> tuple[dict[Group, int], Group]:
    """Tokens of each group, and the group that is used up first.

    The quotas add up to the total exactly (largest remainder) and none exceeds `max_repeats` times what is available.
    Raises StageError where `options.tokens` asks for more than that.
    """
    repeats = Fraction(str(options.max_repeats))
    limits = {group: int(repeats * tokens) for group, tokens in available.items()}
    totals = {group: Fraction(limits[group]) / share for group, share in shares.items() if share > 0}
    scarce = min(sorted(totals), key=lambda group: totals[group])
    largest = int(totals[scarce])
    if options.tokens is not None and options.tokens > largest:
        raise StageError(
            f"mixed: mix.tokens is {options.tokens:,}, but {largest:,} is the largest total in these proportions with "
            f"max_repeats {options.max_repeats:g}: {scarce[1]} documents of {scarce[0]!r} have {available[scarce]:,} "
            f"tokens and get {float(shares[scarce]):.4f} of all; ask for fewer tokens, other proportions or repeats"
        )
    return _largest_remainder(shares, options.tokens or largest), scarce


def _by_size(available: Mapping[Group, int], share: Fraction | None) -> dict[Group, Fraction]:
    """Each group in proportion to its tokens, within its kind where the share of the kinds is given."""
    if share is None:
        total = sum(available.values())
        return {group: Fraction(tokens, total) for group, tokens in available.items()}
    of_kind = {kind: sum(n for (_, k), n in available.items() if k == kind) for kind in (NATURAL, SYNTHETIC)}
    part = {NATURAL: 1 - share, SYNTHETIC: share}
    for kind in (NATURAL, SYNTHETIC):
        if part[kind] > 0 and not of_kind[kind]:
            raise StageError(
                f"mixed: mix.synthetic_share is {float(share):g}, but no {kind} document is selected; "
                "set it to null, or see the figures of `selected`"
            )
    return {
        group: part[group[1]] * tokens / of_kind[group[1]]
        for group, tokens in available.items()
        if part[group[1]]
    }


def _by_weight(
    available: Mapping[Group, int], weights: Mapping[str, Fraction], share: Fraction | None
) -> dict[Group, Fraction]:
    kinds = {source: {kind for name, kind in available if name == source} for source in weights}
    both = {source for source in weights if len(kinds[source]) == 2}
    part = None if share is None else _part_of_synthetic(weights, kinds, both, share)
    shares = {}
    for source, weight in weights.items():
        total = sum(available[source, kind] for kind in kinds[source])
        for kind in kinds[source]:
            natural = Fraction(available[source, kind], total)
            solved = (
                natural if part is None or source not in both else part if kind == SYNTHETIC else 1 - part
            )
            shares[source, kind] = weight * solved
    return shares


def _part_of_synthetic(
    weights: Mapping[str, Fraction], kinds: Mapping[str, set[str]], both: set[str], share: Fraction
) -> Fraction:
    """q of the module's docstring; 0 where no source has both kinds."""
    fixed = sum((weights[source] for source in weights if kinds[source] == {SYNTHETIC}), Fraction(0))
    free = sum((weights[source] for source in both), Fraction(0))
    if not fixed <= share <= fixed + free:
        raise StageError(
            f"mixed: mix.synthetic_share is {float(share):g}, but with these weights it can be "
            f"{float(fixed):.4f} to {float(fixed + free):.4f}: only {sorted(both) or 'no source'} has natural and "
            "synthetic documents; change the share or the weights, or set the share to null"
        )
    return (share - fixed) / free if free else Fraction(0)


def _normalised(weights: Mapping[str, float], available: Mapping[Group, int]) -> dict[str, Fraction]:
    present = sorted({source for source, _ in available})
    exact = {source: Fraction(str(weight)) for source, weight in weights.items() if weight > 0}
    for source in exact:
        if source not in present:
            raise StageError(
                f"mixed: source {source!r} has weight {weights[source]:g}, but none of its documents is selected; "
                f"sources with documents: {', '.join(present)}.{suggest(source, present)} Remove the weight, or see "
                "the figures of `selected`"
            )
    total = sum(exact.values(), Fraction(0))
    return {source: weight / total for source, weight in exact.items()}


def _largest_remainder(shares: Mapping[Group, Fraction], total: int) -> dict[Group, int]:
    """Whole tokens in these shares (Hamilton): round down, then one more each by descending remainder."""
    exact = {group: total * share for group, share in shares.items()}
    quotas = {group: int(value) for group, value in exact.items()}
    by_remainder = sorted(exact, key=lambda group: (quotas[group] - exact[group], group))
    for group in by_remainder[: total - sum(quotas.values())]:
        quotas[group] += 1
    return quotas
