"""Units of measure behind and before numbers, in English, German and French, one name for each unit.

Only units that differ by a factor, or in what they measure, get names of their own; what may stand for several things
("second", "pound" of weight or money, "degree") is one name for all.
"""

from __future__ import annotations

import re

# Name of the unit: how it is written. Full words are looked up in lower case, symbols as they are.
_WORDS = {
    "mm": "millimetre millimetres millimeter millimeters millimetern millimètre millimètres",
    "cm": "centimetre centimetres centimeter centimeters zentimeter zentimetern centimètre centimètres",
    "m": "metre metres meter meters metern mètre mètres",
    "km": "kilometre kilometres kilometer kilometers kilometern kilomètre kilomètres",
    "mile": "mile miles meile meilen",
    "foot": "foot feet fuß pied pieds",
    "inch": "inch inches zoll pouce pouces",
    "mg": "milligram milligrams milligramm milligramme milligrammes",
    "g": "gram grams gramm gramme grammes",
    "kg": "kilogram kilograms kilo kilos kilogramm kilogramme kilogrammes",
    "tonne": "tonne tonnes ton tons tonnen",
    "ml": "millilitre millilitres milliliter milliliters millilitern",
    "cl": "centilitre centilitres centiliter centiliters zentiliter",
    "l": "litre litres liter liters litern",
    "ms": "millisecond milliseconds millisekunde millisekunden milliseconde millisecondes",
    "s": "seconds sekunde sekunden secondes",
    "min": "minute minutes minuten",
    "h": "hour hours stunde stunden heure heures",
    "day": "day days tag tage tagen jour jours",
    "week": "week weeks woche wochen semaine semaines",
    "month": "month months monat monate monaten mois",
    "year": "year years jahr jahre jahren ans années",
    "percent": "percent prozent",
    "dollar": "dollar dollars",
    "euro": "euro euros",
    "pound": "pound pounds pfund",
    "watt": "watt watts",
    "kilowatt": "kilowatt kilowatts",
    "megawatt": "megawatt megawatts",
    "hertz": "hertz",
    "kilohertz": "kilohertz",
    "megahertz": "megahertz",
    "volt": "volt volts",
    "degree": "degree degrees grad degré degrés",
}
_SYMBOLS = {
    "mm": "mm", "cm": "cm", "m": "m", "km": "km", "mg": "mg", "g": "g", "kg": "kg", "ml": "ml", "mL": "ml",
    "cl": "cl", "l": "l", "L": "l", "ms": "ms", "s": "s", "sec": "s", "min": "min", "h": "h", "%": "percent",
    "$": "dollar", "€": "euro", "£": "pound", "lb": "pound", "lbs": "pound", "W": "watt", "kW": "kilowatt",
    "MW": "megawatt", "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "V": "volt", "°C": "degree",
    "°F": "degree", "°": "degree", "ft": "foot", "yr": "year", "hrs": "h", "USD": "dollar",
    "EUR": "euro", "GBP": "pound",
}  # fmt: skip
_BY_WORD = {word: unit for unit, words in _WORDS.items() for word in words.split()}

_AFTER = re.compile(
    r"[ \u00a0\u202f-]?(?:(?:hundred|thousand|million|billion|trillion|tausend|millionen|milliarden?|millions?"
    r"|milliards?|mille)[ \u00a0])?"
    r"(?:(?:square|cubic|nautical|additional|more|whole|full|further|long|de|d['’])[ \u00a0]?)?"
    r"(°[CF]?|[%€$£]|per ?cent|pour cent|[^\W\d_]+(?!['’\w]))",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"\s?(?:[-–—]|and|or|to|und|oder|bis|et|ou|à|by|x|×|,)\s?(?=\d|[$€£])|\s(?:of|von|sur|out of)\s(?=\d)",
    re.IGNORECASE,
)
_MAX_AFTER_CHARS = 40


def is_unit(word: str) -> bool:
    """Whether the word names a unit."""
    return word.lower() in _BY_WORD


def unit_at(text: str, start: int, end: int) -> str | None:
    """The unit of the number text[start:end], by one name for all spellings; None where none stands beside it."""
    before = text[max(0, start - 2) : start].rstrip()
    if before and before[-1] in "$€£":
        return _SYMBOLS[before[-1]]
    after = _AFTER.match(text, end, end + _MAX_AFTER_CHARS)
    if after is None:
        return None
    written = after.group(1)
    if written.lower().replace(" ", "") in ("percent", "pourcent"):
        return "percent"
    if written == "s" and after.start(1) == end:  # the 1990s
        return None
    return _SYMBOLS.get(written) or _BY_WORD.get(written.lower())


def joins_next(text: str, end: int) -> int | None:
    """Where the next number of a range or list begins ("5 to 10 metres"), given the end of this one; or None."""
    joined = _JOINED.match(text, end, end + _MAX_AFTER_CHARS)
    return joined.end() if joined else None
