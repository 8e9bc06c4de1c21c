"""Figures of a fact check: how often rephrasings state what their passages do not, with an interval, and the cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.rephrase.fact_check.judging import CONTRADICTED, LOST_FACT, SUPPORTED, TEXT, UNKNOWN
from gristmill.rephrase.fact_check.records import BUDGET, CheckedPair

_Z = 1.959963984540054  # of the normal distribution, for 95 %

Stratum = tuple[str, str]  # source and style


def wilson_interval(found: int, of: int) -> tuple[float, float] | None:
    """95 % interval of a share found / of; None where `of` is 0.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927). Unlike the
    normal approximation it stays within 0 and 1, and says something where nothing was found.
    """
    if of == 0:
        return None
    share, spread = found / of, _Z * _Z / of
    centre = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def fact_check_figures(
    pairs: Sequence[CheckedPair], drawn: Mapping[Stratum, Sequence[int]]
) -> dict[str, Any]:
    """The report. drawn: accepted pairs, and pairs drawn of them, by source and style.

    Keys: `fact_check`, a row per source and style: source, style, accepted, checked (drawn and within the budget),
    unknown (no verdict), hallucinating (with a statement that the passage does not support, or an answer that differs),
    hallucination_rate (of those with a verdict) with low and high, losing (too few facts kept), facts (of the
    rephrasings, judged), unsupported_facts, corrected (a second text is supported), requests, prompt_tokens,
    output_tokens. `fact_check_verdicts`: first verdicts by name, and
    `fact_check_notes` why pairs are unknown. The rates are those of the first text, which is what a rephraser writes
    unasked.
    """
    rows = [
        _row(stratum, [each for each in pairs if _stratum(each) == stratum], drawn.get(stratum, (0, 0))[0])
        for stratum in sorted({*drawn, *map(_stratum, pairs)})
    ]
    verdicts: dict[str, int] = {}
    notes: dict[str, int] = {}
    for each in pairs:
        first = each.checks[0]
        verdicts[first.verdict] = verdicts.get(first.verdict, 0) + 1
        if first.verdict == UNKNOWN:
            note = first.note or "ambiguous, or no verdict in a reply"
            notes[note] = notes.get(note, 0) + 1
    return {
        "fact_check": rows,
        "fact_check_verdicts": dict(sorted(verdicts.items())),
        "fact_check_notes": dict(sorted(notes.items())),
    }


def _stratum(pair: CheckedPair) -> Stratum:
    return (pair.pair.corpus, pair.pair.row["style"])


def _row(stratum: Stratum, pairs: Sequence[CheckedPair], accepted: int) -> dict[str, Any]:
    checked = [each for each in pairs if each.checks[0].note != BUDGET]
    firsts = [each.checks[0] for each in checked]
    judged = [check for check in firsts if check.verdict != UNKNOWN]
    hallucinating = sum(check.result.hallucinates for check in judged if check.result is not None)
    interval = wilson_interval(hallucinating, len(judged))
    facts = [fact.verdict for check in firsts for fact in check.checked_facts if fact.of == TEXT]
    corrected = [each for each in checked if len(each.checks) > 1 and each.checks[1].verdict == SUPPORTED]
    answers = [answer for each in checked for check in each.checks for answer in check.replies.values()]
    answers += [each.correction for each in checked if each.correction is not None]
    return {
        "source": stratum[0],
        "style": stratum[1],
        "accepted": accepted,
        "checked": len(checked),
        "unknown": len(firsts) - len(judged),
        "hallucinating": hallucinating,
        "hallucination_rate": hallucinating / len(judged) if judged else None,
        "low": interval[0] if interval else None,
        "high": interval[1] if interval else None,
        "losing": sum(check.verdict == LOST_FACT for check in judged),
        "facts": sum(verdict in (SUPPORTED, CONTRADICTED) for verdict in facts),
        "unsupported_facts": facts.count(CONTRADICTED),
        "corrected": len(corrected),
        "requests": len(answers),
        "prompt_tokens": sum(answer.prompt_tokens for answer in answers),
        "output_tokens": sum(answer.output_tokens for answer in answers),
    }
