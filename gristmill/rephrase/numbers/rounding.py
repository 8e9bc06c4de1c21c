"""Whether a number stands for a value that it rounds: about 1,850 for 1,847, nearly 70 for 69, 2.6 for 2.58.

Without a word the number must have all the digits that it shows, and two at least. With "about" and its like it may
be rounder, up to a tenth off; "nearly" and "over" also say to which side the value lies.
"""

from __future__ import annotations

import re
from fractions import Fraction

from gristmill.rephrase.numbers.reading import Number
from gristmill.rephrase.numbers.units import Value

_MIN_DIGITS = 2  # significant ones of a number that is rounded without a word; fewer hit by chance
_MAX_OFF = Fraction(1, 8)  # of the value; nearly a fifth are 18 %
_MAX_CUE_CHARS = 32
_AMOUNT = (
    r"[ \u00a0](?:(?:an?|the|another|une?|eine[mnr]?|den|die|das|der|les?)[ \u00a0])?(?:[$€£¥][ \u00a0]?)?\Z"
)
_BELOW = re.compile(
    r"\b(?:nearly|almost|just under|just below|not quite|close to|under|less than|fewer than|below|shy of|fast|knapp"
    r"|beinahe|nahezu|annähernd|unter|weniger als|presque|un peu moins de|moins de|pas tout à fait)"
    + _AMOUNT,
    re.IGNORECASE,
)
_ABOVE = re.compile(
    r"\b(?:over|more than|above|upwards of|at least|in excess of|gut|mehr als|über|mindestens|plus de|plus d['’]"
    r"|au moins|au-delà de)" + _AMOUNT,
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?:\b(?:about|around|roughly|some|approximately|circa|c\.|ca\.?|approaching|or so|approximates|environ"
    r"|à peu près|près de|autour de|quelque|vers|rund|etwa|ungefähr|zirka|gegen|um die|an die|in the region of"
    r"|in the order of)|[~≈])" + _AMOUNT,
    re.IGNORECASE,
)
_TRAILING = re.compile(r"[^\d.,].*\Z", re.DOTALL)


def rounds_to(text: str, value: Value, number: Number, *, called: bool) -> bool:
    """Whether a value, rounded to as many digits as the number shows, is the number.

    `called`: the text says that the number is a result, so that one digit is enough.
    """
    step, digits = _precision(number)
    said = max(number.values)  # of 1,950 not 1.95
    if is_roughly(text, number.start, said, value):
        return True
    if _ABOVE.search(text, max(0, number.start - _MAX_CUE_CHARS), number.start):
        return 0 < value - said < step
    if digits < (1 if called or _is_about(text, number.start) else _MIN_DIGITS):
        return False
    return -step <= 2 * (value - said) <= step


def is_roughly(text: str, start: int, said: Value, value: Value) -> bool:
    """Whether the word before a number calls it about a value, and it is rounder than that value."""
    before = max(0, start - _MAX_CUE_CHARS), start
    off = Fraction(value) - said
    if not value or abs(off) > _MAX_OFF * value or _place(said) <= _place(value):
        return False
    if _BELOW.search(text, *before):
        return -_place(said) < off < 0
    if _ABOVE.search(text, *before):
        return 0 < off < _place(said)
    return _ABOUT.search(text, *before) is not None and 2 * abs(off) <= _place(said)


def _is_about(text: str, start: int) -> bool:
    before = max(0, start - _MAX_CUE_CHARS), start
    return _ABOUT.search(text, *before) is not None or _BELOW.search(text, *before) is not None


def _place(value: Value) -> Fraction:
    """What the last digit of a value stands for: 10 for 1,850, 1/2 for 2 1/2."""
    value = Fraction(value)
    if value.denominator > 1 or not value:
        return Fraction(1, value.denominator)
    digits = str(abs(value.numerator))
    return Fraction(10 ** (len(digits) - len(digits.rstrip("0"))))


def _precision(number: Number) -> tuple[Fraction, int]:
    """The place of the last digit shown, and how many significant digits are."""
    value = max(number.values)
    shown = _TRAILING.sub("", number.shown).rstrip(".,")
    if isinstance(value, int):
        return Fraction(1), len(str(value))
    if not shown or not shown[-1].isdecimal():  # three and a half
        return Fraction(1, value.denominator), _MIN_DIGITS
    decimals = len(re.split("[.,]", shown)[-1])
    return Fraction(1, 10**decimals), len(re.sub(r"\D", "", shown).lstrip("0"))
