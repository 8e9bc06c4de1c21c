"""Long runs of digits that are one number for a telephone, an account or a catalogue, however they are grouped."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gristmill.rephrase.numbers.reading import Number

_RUN = re.compile(r"(?<![\w.,])[+(]?\d[\d ()./\u00a0\u202f-]{5,40}\d(?!\w)")
_MIN_DIGITS = 7


def places_in_digit_runs(text: str, numbers: Sequence[Number], source: str) -> set[int]:
    """The places of numbers that stand in a run of 7 digits or more which the passage has, in any groups. Linear."""
    runs = [(match.span(), _digits(match.group())) for match in _RUN.finditer(text)]
    if not any(len(digits) >= _MIN_DIGITS for _, digits in runs):
        return set()
    known = {_digits(match.group()) for match in _RUN.finditer(source)}
    spans = [span for span, digits in runs if len(digits) >= _MIN_DIGITS and digits in known]
    return {
        place
        for place, number in enumerate(numbers)
        if any(start <= number.start and number.end <= end for start, end in spans)
    }


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdecimal())
