"""What a checker is worth on this corpus: faults are planted into rephrasings that it found supported.

A rate of hallucination says little without the share of faults that the checker sees. So a share of the supported
pairs gets one fault that adds no new number or name (corruptions.py), and is checked once more. What is corrupted is
thrown away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from gristmill.hashing import random_u64, uniform
from gristmill.rephrase.corruptions import corrupt
from gristmill.rephrase.fact_check.judging import FAULTS, SUPPORTED, UNKNOWN
from gristmill.rephrase.fact_check.records import CheckedPair, Pair
from gristmill.rephrase.options import RephraseOptions
from gristmill.rephrase.styles import template_of

KINDS = ("name_moved", "number_moved", "negation", "dropped_sentence")

_STAGE = "rephrase.fact_check.planted"


class Planted(NamedTuple):
    """A pair whose text has a fault of this kind."""

    kind: str
    pair: Pair


def plant_faults(
    checked: Sequence[CheckedPair], rows: Iterable[tuple[Mapping[str, Any], str]], options: RephraseOptions
) -> list[Planted]:
    """The drawn share of the supported pairs among these rows of the plan (with their passages), each with one fault.

    The kind is drawn among those that the text gives occasion for. Depends on seed and key of the pair alone.
    """
    assert options.fact_check is not None
    supported = {each.pair.key: each.pair for each in checked if each.checks[0].verdict == SUPPORTED}
    templates = {style.name: template_of(style) for style in options.styles}
    planted = []
    for row, source in rows:
        pair = supported.get((row["parent_id"], row["passage"], row["sample"], row["style"]))
        name = "" if pair is None else ":".join(map(str, pair.key))
        if pair is None or uniform(options.seed, _STAGE, name) >= options.fact_check.audit_share:
            continue
        made = corrupt(pair.text, source, templates[row["style"]], seed=options.seed, key=name)
        kinds = [kind for kind in KINDS if kind in made]
        if kinds:
            kind = kinds[random_u64(options.seed, f"{_STAGE}.kind", name) % len(kinds)]
            planted.append(Planted(kind, replace(pair, text=made[kind])))
    return planted


def planted_figures(planted: Sequence[Planted], checked: Sequence[CheckedPair]) -> list[dict[str, Any]]:
    """A row per kind: kind, made, found (any fault), unknown (no verdict), recall (found / made)."""
    verdicts = {each.pair.key: each.checks[0].verdict for each in checked}
    rows = []
    for kind in KINDS:
        of_kind = [verdicts[one.pair.key] for one in planted if one.kind == kind]
        found = sum(verdict in FAULTS for verdict in of_kind)
        if of_kind:
            rows.append(
                {
                    "kind": kind,
                    "made": len(of_kind),
                    "found": found,
                    "unknown": of_kind.count(UNKNOWN),
                    "recall": found / len(of_kind),
                }
            )
    return rows
